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

    /// The worst that is said of a result; `None` if nothing is said that can be read, or a vector
    /// stands there alone, whose score nobody computes here.
    pub(super) fn of(result: &ScanResult) -> Option<Self> {
        let is_vector = |one: &&ScanSeverity| {
            let text = text(one);
            text.get(..5)
                .is_some_and(|start| start.eq_ignore_ascii_case("CVSS:"))
        };
        let is_scored = |one: &ScanSeverity| is_cvss(one) && Self::of_score(&text(one)).is_some();
        let mut vectors = result.severity.iter().filter(is_vector);
        if vectors.next().is_some() && !result.severity.iter().any(is_scored) {
            return None;
        }
        let others = result.severity.iter().filter(|one| !is_vector(one));
        others.filter_map(Self::said).max()
    }

    fn said(severity: &ScanSeverity) -> Option<Self> {
        let text = text(severity);
        if let Some(word) = Self::of_word(&text) {
            return Some(word);
        }
        if is_cvss(severity) {
            return Some(Self::of_score(&text).unwrap_or(Self::Critical));
        }
        // Who names no method writes a CVSS score, but for those that count something else.
        let method = severity.method.to_ascii_lowercase();
        let mut words = method.split(|character: char| !character.is_ascii_alphanumeric());
        let counts_else = words.any(|word| {
            OTHER_METHODS.contains(&word)
                || OTHER_STARTS.iter().any(|start| word.starts_with(start))
        });
        if counts_else {
            None
        } else {
            Self::of_score(&text)
        }
    }

    fn of_word(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        match text.as_str() {
            "important" => Some(Self::High),
            "moderate" => Some(Self::Medium),
            _ => Self::ALL.iter().copied().find(|one| one.as_str() == text),
        }
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

/// Words of methods whose numbers say how likely it is used, or who should act.
const OTHER_METHODS: &[&str] = &["kev", "lev"];
/// Beginnings of such words.
const OTHER_STARTS: &[&str] = &["epss", "ssvc", "percent", "probab"];

fn is_cvss(severity: &ScanSeverity) -> bool {
    let start = severity.method.get(..4);
    start.is_some_and(|start| start.eq_ignore_ascii_case("cvss"))
}

fn text(severity: &ScanSeverity) -> String {
    match &severity.score {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
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
            (json!([["EPSSv4_score", "9"], ["x", "low"]]), Some(Low)),
            (json!([["nist-LEV", "9"], ["cisa.kev", 9]]), None),
            (
                json!([["severity_level", "9.8"], ["x", "low"]]),
                Some(Critical),
            ),
            (json!([["relevance", "9.8"], ["x", "low"]]), Some(Critical)),
            (json!([["vendor", "UNKNOWN"]]), None),
            (json!([["EPSS", "0.9"], ["x", "low"]]), Some(Low)),
            (json!([["CVSS", "CVSS:3.1/AV:N"], ["x", "low"]]), None),
            (json!([["nvd", "cvss:3.1/AV:N"], ["x", "low"]]), None),
            (
                json!([["CVSSv3", "CVSS:3.1/AV:N"], ["CVSSv3", "5.3"], ["x", "low"]]),
                Some(Medium),
            ),
            (
                json!([["CVSS", "AV:N/AC:L/Au:N"], ["x", "low"]]),
                Some(Critical),
            ),
            (json!([["redhat", "Important"], ["x", "low"]]), Some(High)),
            (json!([["ghsa", "MODERATE"], ["x", "low"]]), Some(Medium)),
            (json!([["nvd", "9.8"], ["x", "low"]]), Some(Critical)),
            (json!([["", 7.5], ["x", "low"]]), Some(High)),
            (json!([["risk", 93.1], ["x", "low"]]), Some(Low)),
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
