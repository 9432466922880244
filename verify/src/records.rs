//! What logs and timestamp authorities said about a signature, once it was verified.

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
    /// Who runs it, where the trusted root says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
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
    /// Who runs it, where the trusted root says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
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

    /// How many different logs there are: those with the same key, address or operator are one, so
    /// that neither several entries nor several logs of one operator count twice (F17).
    pub fn logs(&self) -> usize {
        let witness = |entry: &LogRecord| Witness {
            key: entry.log_id.clone(),
            name: entry.log.clone(),
            operator: entry.operator.clone(),
        };
        different(self.log_entries.iter().map(witness))
    }

    /// How many different timestamp authorities there are, counted likewise.
    pub fn authorities(&self) -> usize {
        let witness = |timestamp: &TimestampRecord| Witness {
            key: timestamp.certificate.to_string(),
            name: timestamp.authority.clone(),
            operator: timestamp.operator.clone(),
        };
        different(self.timestamps.iter().map(witness))
    }

    /// Why these are too few, if they are.
    pub(crate) fn missing(&self, wanted: Thresholds) -> Option<String> {
        let (logs, timestamps) = (self.logs(), self.authorities());
        if logs < wanted.logs {
            let wanted = match wanted.logs {
                1 => "1 log is".to_owned(),
                many => format!("{many} different logs are"),
            };
            return Some(format!("{wanted} required, found {logs}"));
        }
        (timestamps < wanted.timestamps).then(|| {
            let wanted = match wanted.timestamps {
                1 => "1 timestamp authority is".to_owned(),
                many => format!("{many} different timestamp authorities are"),
            };
            format!("{wanted} required, found {timestamps}")
        })
    }
}

/// What makes two records those of one party.
struct Witness {
    key: String,
    name: String,
    operator: Option<String>,
}

impl Witness {
    fn is_same(&self, other: &Self) -> bool {
        self.key == other.key
            || self.name == other.name
            || (self.operator.is_some() && self.operator == other.operator)
    }
}

/// How many parties there are. One record may show that two others are of one.
fn different(witnesses: impl Iterator<Item = Witness>) -> usize {
    let mut parties: Vec<Vec<Witness>> = Vec::new();
    for witness in witnesses {
        let is_of = |party: &Vec<Witness>| party.iter().any(|held| held.is_same(&witness));
        let (of, others) = parties.into_iter().partition::<Vec<_>, _>(is_of);
        let mut party: Vec<Witness> = of.into_iter().flatten().collect();
        party.push(witness);
        parties = others;
        parties.push(party);
    }
    parties.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(log: &str, id: &str, index: u64) -> LogRecord {
        LogRecord {
            log: log.to_owned(),
            log_id: id.to_owned(),
            operator: None,
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
            operator: None,
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
        records.timestamps.push(timestamp("u", b"3"));
        assert_eq!(records.missing(two), None);
        records.timestamps.push(timestamp("u", b"2"));
        assert_eq!(
            records.authorities(),
            1,
            "the last one shows that they are one"
        );
        records.timestamps.push(timestamp("w", b"1"));
        records
            .timestamps
            .retain(|one| one.certificate == Digest::sha256(b"1"));
        assert_eq!(records.authorities(), 1, "two names for one certificate");
    }

    #[test]
    fn f17_two_logs_of_one_operator_are_one() {
        let by = |operator: Option<&str>, mut record: LogRecord| {
            record.operator = operator.map(Into::into);
            record
        };
        let logs = |operators: [Option<&str>; 2]| {
            let records = Records {
                log_entries: vec![
                    by(operators[0], entry("a", "1", 1)),
                    by(operators[1], entry("b", "2", 2)),
                ],
                ..Records::default()
            };
            records.logs()
        };
        assert_eq!(logs([Some("x"), Some("x")]), 1);
        assert_eq!(logs([Some("x"), Some("y")]), 2);
        assert_eq!(
            logs([Some("x"), None]),
            2,
            "where one names none, keys count"
        );
        assert_eq!(logs([None, None]), 2);
        let mut two = [timestamp("t", b"1"), timestamp("u", b"2")];
        for timestamp in &mut two {
            timestamp.operator = Some("x".to_owned());
        }
        let records = Records {
            timestamps: two.to_vec(),
            ..Records::default()
        };
        assert_eq!(records.authorities(), 1);
    }
}
