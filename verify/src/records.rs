//! What logs and timestamp authorities said about a signature, once it was verified.

use std::collections::BTreeSet;

use bulla_model::Digest;
use jiff::Timestamp;
use serde::Serialize;

/// Verified log entries and timestamps of one signature.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Records {
    /// SHA-256 of the trusted root they were verified with; absent if there was nothing to verify.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trusted_root: Option<Digest>,
    /// Entries of transparency logs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub log_entries: Vec<LogRecord>,
    /// RFC 3161 timestamps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub timestamps: Vec<TimestampRecord>,
}

/// A verified log entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogRecord {
    /// Address of the log, as the trusted root has it.
    pub log: String,
    /// The log's key id, hexadecimal.
    pub log_id: String,
    /// Index of the entry in the whole log.
    pub log_index: u64,
    /// Kind and version, for example `dsse 0.0.1`.
    pub kind: String,
    /// When the log took it in, where the log signed that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integrated_time: Option<Timestamp>,
    /// Whether the log's promise to include it was verified.
    pub promised: bool,
    /// Whether the proof that it was included was verified.
    pub included: bool,
}

/// A verified timestamp.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TimestampRecord {
    /// The authority, as the trusted root names it.
    pub authority: String,
    /// SHA-256 of the authority's certificate.
    pub certificate: Digest,
    /// The time.
    pub time: Timestamp,
}

/// How many different logs and authorities must have seen a signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Thresholds {
    /// Transparency logs.
    pub logs: usize,
    /// Timestamp authorities.
    pub timestamps: usize,
}

impl Records {
    /// Every verified time.
    pub fn times(&self) -> impl Iterator<Item = Timestamp> {
        let logged = self
            .log_entries
            .iter()
            .filter_map(|entry| entry.integrated_time);
        logged.chain(self.timestamps.iter().map(|timestamp| timestamp.time))
    }

    /// The earliest verified time.
    pub fn earliest(&self) -> Option<Timestamp> {
        self.times().min()
    }

    /// How many different logs there are: by key and by address, whichever is fewer, so that
    /// neither several entries nor several keys of one log count twice (F17).
    pub fn logs(&self) -> usize {
        let entries = &self.log_entries;
        let keys: BTreeSet<&str> = entries.iter().map(|entry| entry.log_id.as_str()).collect();
        let names: BTreeSet<&str> = entries.iter().map(|entry| entry.log.as_str()).collect();
        keys.len().min(names.len())
    }

    /// How many different timestamp authorities there are, counted likewise.
    pub fn authorities(&self) -> usize {
        let all = &self.timestamps;
        let keys: BTreeSet<&Digest> = all.iter().map(|one| &one.certificate).collect();
        let names: BTreeSet<&str> = all.iter().map(|one| one.authority.as_str()).collect();
        keys.len().min(names.len())
    }

    /// Why these are too few, if they are.
    pub(crate) fn missing(&self, wanted: Thresholds) -> Option<String> {
        let (logs, timestamps) = (self.logs(), self.authorities());
        if logs < wanted.logs {
            return Some(format!(
                "{} different logs are required, found {logs}",
                wanted.logs
            ));
        }
        (timestamps < wanted.timestamps).then(|| {
            format!(
                "{} different timestamp authorities are required, found {timestamps}",
                wanted.timestamps
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(log: &str, id: &str, index: u64) -> LogRecord {
        LogRecord {
            log: log.to_owned(),
            log_id: id.to_owned(),
            log_index: index,
            kind: "dsse 0.0.1".to_owned(),
            integrated_time: None,
            promised: false,
            included: true,
        }
    }

    fn timestamp(authority: &str, certificate: &[u8]) -> TimestampRecord {
        TimestampRecord {
            authority: authority.to_owned(),
            certificate: Digest::sha256(certificate),
            time: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn f17_thresholds_count_authorities_not_entries() {
        let two = Thresholds {
            logs: 2,
            timestamps: 2,
        };
        let mut records = Records {
            log_entries: vec![entry("a", "1", 1), entry("a", "1", 2), entry("a", "2", 3)],
            timestamps: vec![
                timestamp("t", b"1"),
                timestamp("t", b"1"),
                timestamp("t", b"2"),
            ],
            ..Records::default()
        };
        assert_eq!((records.logs(), records.authorities()), (1, 1));
        assert!(records.missing(two).unwrap().contains("2 different logs"));
        records.log_entries.push(entry("b", "3", 4));
        let missing = records.missing(two).unwrap();
        assert!(
            missing.contains("2 different timestamp authorities"),
            "{missing}"
        );
        records.timestamps.push(timestamp("u", b"1"));
        assert_eq!(records.missing(two), None);
        records
            .timestamps
            .retain(|one| one.certificate == Digest::sha256(b"1"));
        assert_eq!(records.authorities(), 1, "two names for one certificate");
    }
}
