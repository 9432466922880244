//! Signing configurations: which services an instance offers, `SigningConfig` v0.1 and v0.2 and
//! `ClientTrustConfig` v0.1,
//! <https://github.com/sigstore/protobuf-specs/blob/v0.5.0/protos/sigstore_trustroot.proto>.

use std::collections::BTreeSet;

use bulla_model::{JsonError, Limits, json};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{LogService, LogVersion, Services};
use crate::http::{Service, ServiceError, service_url};

const V0_1: &str = "application/vnd.dev.sigstore.signingconfig.v0.1+json";
const V0_2: &str = "application/vnd.dev.sigstore.signingconfig.v0.2+json";
const CLIENT_V0_1: &str = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json";

/// The services of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningConfig {
    /// Certificate authorities.
    pub authorities: Vec<ServiceRow>,
    /// Identity providers.
    pub issuers: Vec<ServiceRow>,
    /// Transparency logs.
    pub logs: Vec<ServiceRow>,
    /// How many of them are used.
    pub log_selector: Selector,
    /// Timestamp authorities.
    pub timestamp_authorities: Vec<ServiceRow>,
    /// How many of them are used.
    pub timestamp_selector: Selector,
}

/// One service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceRow {
    /// Its URL.
    pub url: String,
    /// The major version of its API.
    #[serde(default)]
    pub major_api_version: u32,
    #[serde(default)]
    valid_for: Window,
    /// Who runs it; services of one operator do not count as two.
    #[serde(default)]
    pub operator: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
struct Window {
    #[serde(default)]
    start: Option<Timestamp>,
    #[serde(default)]
    end: Option<Timestamp>,
}

/// How many of the services that could be used are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selector {
    /// One of each operator.
    All,
    /// One.
    Any,
    /// Exactly so many, of different operators.
    Exact(usize),
}

/// A signing configuration with the trusted root that belongs to it, both as they were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientTrustConfig {
    /// `trusted_root.json`.
    pub trusted_root: Vec<u8>,
    /// The signing configuration.
    pub signing_config: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    media_type: String,
    // v0.1
    #[serde(default)]
    ca_url: Option<String>,
    #[serde(default)]
    oidc_url: Option<String>,
    #[serde(default)]
    tlog_urls: Vec<String>,
    // v0.2
    #[serde(default)]
    ca_urls: Vec<ServiceRow>,
    #[serde(default)]
    oidc_urls: Vec<ServiceRow>,
    #[serde(default)]
    rekor_tlog_urls: Vec<ServiceRow>,
    #[serde(default)]
    rekor_tlog_config: Option<WireSelector>,
    /// Rows in v0.2, texts in v0.1.
    #[serde(default)]
    tsa_urls: Vec<TextOrRow>,
    #[serde(default)]
    tsa_config: Option<WireSelector>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum TextOrRow {
    Text(String),
    Row(ServiceRow),
}

#[derive(Deserialize)]
struct WireSelector {
    #[serde(default)]
    selector: String,
    #[serde(default)]
    count: usize,
}

impl SigningConfig {
    /// Reads a signing configuration.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, SigningConfigError> {
        let wire: Wire = json::read(bytes, limits.configuration_bytes, limits.json_depth)?;
        let rows = |texts: Vec<String>| texts.into_iter().map(ServiceRow::always).collect();
        let tsa = wire.tsa_urls.into_iter().map(|entry| match entry {
            TextOrRow::Text(url) => ServiceRow::always(url),
            TextOrRow::Row(row) => row,
        });
        match wire.media_type.as_str() {
            V0_1 => Ok(Self {
                authorities: rows(wire.ca_url.into_iter().collect()),
                issuers: rows(wire.oidc_url.into_iter().collect()),
                logs: rows(wire.tlog_urls),
                log_selector: Selector::Any,
                timestamp_authorities: tsa.collect(),
                timestamp_selector: Selector::Any,
            }),
            V0_2 => Ok(Self {
                authorities: wire.ca_urls,
                issuers: wire.oidc_urls,
                log_selector: selector(wire.rekor_tlog_config, !wire.rekor_tlog_urls.is_empty())?,
                logs: wire.rekor_tlog_urls,
                timestamp_authorities: tsa.collect(),
                timestamp_selector: selector(wire.tsa_config, false)?,
            }),
            other => Err(SigningConfigError::MediaType {
                found: other.chars().take(100).collect(),
            }),
        }
    }

    /// The certificate authority to ask at this time.
    pub fn authority(&self, now: Timestamp) -> Option<&str> {
        first(&self.authorities, &[1, 0], now)
    }

    /// The identity provider to log in with at this time.
    pub fn issuer(&self, now: Timestamp) -> Option<&str> {
        first(&self.issuers, &[1, 0], now)
    }

    /// The logs and timestamp authorities to record with at this time.
    pub fn services(&self, now: Timestamp) -> Result<Services, SigningConfigError> {
        let logs = select(
            &self.logs,
            &[2, 1],
            self.log_selector,
            "transparency logs",
            now,
        )?;
        let stamps = select(
            &self.timestamp_authorities,
            &[1],
            self.timestamp_selector,
            "timestamp authorities",
            now,
        )?;
        Ok(Services {
            logs: logs
                .into_iter()
                .map(|row| {
                    Ok(LogService {
                        url: service_url(Service::TransparencyLog, &row.url)?,
                        version: if row.major_api_version == 2 {
                            LogVersion::V2
                        } else {
                            LogVersion::V1
                        },
                    })
                })
                .collect::<Result<_, ServiceError>>()?,
            timestamp_authorities: stamps
                .into_iter()
                .map(|row| service_url(Service::TimestampAuthority, &row.url))
                .collect::<Result<_, _>>()?,
        })
    }
}

impl ClientTrustConfig {
    /// Reads a client trust configuration; its two parts are kept as they were written.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, SigningConfigError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire<'a> {
            media_type: String,
            #[serde(borrow)]
            trusted_root: &'a RawValue,
            #[serde(borrow)]
            signing_config: &'a RawValue,
        }
        json::check(bytes, limits.configuration_bytes, limits.json_depth)?;
        let wire: Wire<'_> =
            serde_json::from_slice(bytes).map_err(|error| SigningConfigError::Shape {
                reason: error.to_string(),
            })?;
        if wire.media_type != CLIENT_V0_1 {
            return Err(SigningConfigError::MediaType {
                found: wire.media_type.chars().take(100).collect(),
            });
        }
        Ok(Self {
            trusted_root: wire.trusted_root.get().as_bytes().to_vec(),
            signing_config: wire.signing_config.get().as_bytes().to_vec(),
        })
    }
}

impl ServiceRow {
    fn always(url: String) -> Self {
        Self {
            url,
            major_api_version: 1,
            valid_for: Window::default(),
            operator: String::new(),
        }
    }

    fn is_valid(&self, now: Timestamp) -> bool {
        let window = &self.valid_for;
        window.start.is_none_or(|start| start <= now) && window.end.is_none_or(|end| now <= end)
    }
}

/// `mandatory`: a list of logs must say how many of them count.
fn selector(wire: Option<WireSelector>, mandatory: bool) -> Result<Selector, SigningConfigError> {
    let Some(wire) = wire else {
        return if mandatory {
            Err(SigningConfigError::Selector {
                found: String::new(),
            })
        } else {
            Ok(Selector::Any)
        };
    };
    match (wire.selector.as_str(), wire.count) {
        ("ALL", _) => Ok(Selector::All),
        ("ANY", _) => Ok(Selector::Any),
        ("EXACT", count) if count > 0 => Ok(Selector::Exact(count)),
        _ => Err(SigningConfigError::Selector {
            found: wire.selector.chars().take(40).collect(),
        }),
    }
}

fn first<'a>(rows: &'a [ServiceRow], versions: &[u32], now: Timestamp) -> Option<&'a str> {
    best_of_operators(rows, versions, now)
        .first()
        .map(|row| row.url.as_str())
}

/// For each operator the service with the newest API that can be used, the newest service first;
/// newest API first over all.
fn best_of_operators<'a>(
    rows: &'a [ServiceRow],
    versions: &[u32],
    now: Timestamp,
) -> Vec<&'a ServiceRow> {
    let mut usable: Vec<_> = rows
        .iter()
        .filter(|row| row.is_valid(now) && versions.contains(&row.major_api_version))
        .collect();
    usable.sort_by_key(|row| std::cmp::Reverse((row.major_api_version, row.valid_for.start)));
    let mut seen = BTreeSet::new();
    // Services without an operator are each their own.
    usable.retain(|row| {
        let name = if row.operator.is_empty() {
            &row.url
        } else {
            &row.operator
        };
        seen.insert(name.clone())
    });
    usable
}

fn select<'a>(
    rows: &'a [ServiceRow],
    versions: &[u32],
    selector: Selector,
    what: &'static str,
    now: Timestamp,
) -> Result<Vec<&'a ServiceRow>, SigningConfigError> {
    let mut usable = best_of_operators(rows, versions, now);
    if usable.is_empty() && !rows.is_empty() {
        return Err(SigningConfigError::None { what });
    }
    match selector {
        Selector::All => {}
        Selector::Any => usable.truncate(1),
        Selector::Exact(count) if usable.len() >= count => usable.truncate(count),
        Selector::Exact(count) => {
            return Err(SigningConfigError::Few {
                what,
                expected: count,
                found: usable.len(),
            });
        }
    }
    Ok(usable)
}

/// Why a signing configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SigningConfigError {
    /// It is not JSON of the right shape.
    #[error("no signing configuration: {0}")]
    Json(#[from] JsonError),
    /// A client trust configuration lacks a part.
    #[error("no client trust configuration: {}", reason.escape_debug())]
    Shape {
        /// What is wrong.
        reason: String,
    },
    /// It is of another version, or something else.
    #[error("media type `{}`, expected a signing configuration v0.1 or v0.2, or a client trust configuration v0.1", found.escape_debug())]
    MediaType {
        /// What was found, cut short.
        found: String,
    },
    /// It does not say how many services count.
    #[error("service selector `{}`, expected ALL, ANY, or EXACT with a count", found.escape_debug())]
    Selector {
        /// What was found, cut short.
        found: String,
    },
    /// None of the services can be used.
    #[error(
        "the signing configuration names {what}, but none that is valid now and has a supported API"
    )]
    None {
        /// Which services.
        what: &'static str,
    },
    /// There are too few of them.
    #[error(
        "the signing configuration wants {expected} {what} of different operators, {found} can be used"
    )]
    Few {
        /// Which services.
        what: &'static str,
        /// How many are wanted.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A service's URL cannot be used.
    #[error(transparent)]
    Service(#[from] ServiceError),
}
