//! Recording one signature with every log and authority that was chosen.

use serde_json::Value;
use url::Url;

use super::{Recordable, rekor_v1, rekor_v2, timestamp};
use crate::http::{Http, ServiceError};

/// Where signatures are recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Services {
    /// Transparency logs; each gets an entry.
    pub logs: Vec<LogService>,
    /// Timestamp authorities, with the whole path; each is asked for a timestamp.
    pub timestamp_authorities: Vec<Url>,
}

impl Services {
    /// Whether nothing is recorded anywhere.
    pub fn is_empty(&self) -> bool {
        self.logs.is_empty() && self.timestamp_authorities.is_empty()
    }

    /// Whether a record will prove a time, without which no short-lived certificate can be
    /// verified: a timestamp, or the promise of a log of version 1.
    pub fn prove_time(&self) -> bool {
        !self.timestamp_authorities.is_empty()
            || self.logs.iter().any(|log| log.version == LogVersion::V1)
    }
}

/// A transparency log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogService {
    /// Its URL, without the path of the API.
    pub url: Url,
    /// The API it has.
    pub version: LogVersion,
}

/// A version of Rekor's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogVersion {
    /// Entries with a promise and a time.
    V1,
    /// Entries of a tiled log, without a time.
    V2,
}

/// Records signatures.
#[derive(Clone, Debug)]
pub struct Recorder {
    http: Http,
    services: Services,
}

/// What came back.
#[derive(Debug, Default)]
pub(crate) struct Records {
    /// Log entries, as bundles carry them.
    pub(crate) entries: Vec<Value>,
    /// Timestamps, DER.
    pub(crate) timestamps: Vec<Vec<u8>>,
}

impl Recorder {
    /// Records with these services.
    pub fn new(http: Http, services: Services) -> Self {
        Self { http, services }
    }

    /// The same, with only what cosign's older form has a place for: a log that promises, and one
    /// authority. `None` if nothing is left.
    pub fn older(&self) -> Option<Self> {
        let services = Services {
            logs: self
                .services
                .logs
                .iter()
                .filter(|log| log.version == LogVersion::V1)
                .take(1)
                .cloned()
                .collect(),
            timestamp_authorities: self
                .services
                .timestamp_authorities
                .iter()
                .take(1)
                .cloned()
                .collect(),
        };
        (!services.is_empty()).then(|| Self {
            http: self.http.clone(),
            services,
        })
    }

    /// Where it records.
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// Records a signature everywhere; the first failure ends it. Timestamps come first, because
    /// what stands in a log cannot be taken back.
    pub(crate) async fn record(
        &self,
        recordable: &Recordable<'_>,
    ) -> Result<Records, ServiceError> {
        let mut records = Records::default();
        for url in &self.services.timestamp_authorities {
            let stamp = timestamp::stamp(&self.http, url, recordable.signature).await?;
            records.timestamps.push(stamp);
        }
        for log in &self.services.logs {
            let entry = match log.version {
                LogVersion::V1 => rekor_v1::record(&self.http, &log.url, recordable).await?,
                LogVersion::V2 => rekor_v2::record(&self.http, &log.url, recordable).await?,
            };
            records.entries.push(entry);
        }
        Ok(records)
    }
}
