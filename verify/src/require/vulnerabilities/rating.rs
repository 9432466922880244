//! How bad a vulnerability is, in the words of CVSS.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use bulla_model::predicate::vulns::{ScanResult, ScanSeverity};

/// How bad a vulnerability is, from harmless to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rating {
    /// Not at all.
    None,
    /// Not worth mending, says who maintains the package.
    Negligible,
    /// CVSS below 4.
    Low,
    /// CVSS from 4.
    Medium,
    /// CVSS from 7.
    High,
    /// CVSS from 9.
    Critical,
}

impl Rating {
    /// Every rating, from harmless to worst.
    pub const ALL: &'static [Self] = &[
        Self::None,
        Self::Negligible,
        Self::Low,
        Self::Medium,
        Self::High,
        Self::Critical,
    ];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Negligible => "negligible",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The worst that is said of a result; `None` if nothing is said that can be read.
    pub(super) fn of(result: &ScanResult) -> Option<Self> {
        result.severity.iter().filter_map(Self::said).max()
    }

    fn said(severity: &ScanSeverity) -> Option<Self> {
        let cvss = severity
            .method
            .get(..4)
            .is_some_and(|start| start.eq_ignore_ascii_case("cvss"));
        let text = match &severity.score {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        let mut known = Self::ALL.iter().copied();
        if let Some(word) = known.find(|one| one.as_str().eq_ignore_ascii_case(&text)) {
            return Some(word);
        }
        // A vector says nothing that its score beside it does not, and other methods count other
        // things: how likely it is used, who should act.
        if !cvss || text.starts_with("CVSS:") {
            return None;
        }
        Some(Self::of_score(&text).unwrap_or(Self::Critical))
    }

    fn of_score(text: &str) -> Option<Self> {
        let is_decimal = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let score: f64 = is_decimal.then(|| text.parse().ok())??;
        Some(match score {
            9.0..=10.0 => Self::Critical,
            7.0..9.0 => Self::High,
            4.0..7.0 => Self::Medium,
            _ if score == 0.0 => Self::None,
            0.0..4.0 => Self::Low,
            _ => return None,
        })
    }
}

impl fmt::Display for Rating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod unit {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_worst_of_what_is_said_counts() {
        use Rating::{Critical, High, Low, Medium, Negligible, None as Harmless};
        for (said, expected) in [
            (json!([]), None),
            (json!([["vendor", "LOW"]]), Some(Low)),
            (json!([["vendor", "Negligible"]]), Some(Negligible)),
            (json!([["vendor", "low"], ["CVSSv3", "7.0"]]), Some(High)),
            (json!([["cvss", "0.0"]]), Some(Harmless)),
            (json!([["cvss", "0.1"]]), Some(Low)),
            (json!([["cvss", "3.9"]]), Some(Low)),
            (json!([["CVSS", 4]]), Some(Medium)),
            (json!([["CVSS", 6.9]]), Some(Medium)),
            (json!([["CVSS", "8.9"]]), Some(High)),
            (json!([["CVSS", "9"]]), Some(Critical)),
            // Nobody can read it, so it is as bad as can be.
            (json!([["CVSS", "10.1"], ["x", "low"]]), Some(Critical)),
            (json!([["CVSS", "-1"]]), Some(Critical)),
            (json!([["CVSS", "NaN"]]), Some(Critical)),
            (json!([["CVSS", "1e0"]]), Some(Critical)),
            (json!([["CVSS", null]]), Some(Critical)),
            // Something else.
            (json!([["EPSS", "0.9"]]), None),
            (json!([["vendor", "UNKNOWN"]]), None),
            (json!([["CVSS", "CVSS:3.1/AV:N"], ["x", "low"]]), Some(Low)),
            (json!([["CVSS", "CVSS:3.1/AV:N"]]), None),
        ] {
            let entries = said.as_array().unwrap().iter();
            let severity: Vec<_> = entries
                .map(|one| json!({"method": one[0], "score": one[1]}))
                .collect();
            let result = json!({"id": "CVE-1", "severity": severity});
            let result: ScanResult = serde_json::from_value(result).unwrap();
            assert_eq!(Rating::of(&result), expected, "{said}");
        }
    }
}
