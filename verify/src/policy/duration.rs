//! Lengths of time in policies: `90s`, `10m`, `72h`, `30d`.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;
use serde::Deserialize;

/// A whole number with one unit; a day is 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Age(pub(crate) SignedDuration);

impl FromStr for Age {
    type Err = AgeError;

    fn from_str(text: &str) -> Result<Self, AgeError> {
        let wrong = || AgeError {
            found: text.chars().take(40).collect(),
        };
        let unit = text.chars().last().ok_or_else(wrong)?;
        let seconds = match unit {
            's' => 1_i64,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return Err(wrong()),
        };
        let digits = &text[..text.len() - 1];
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong());
        }
        let count: i64 = digits.parse().map_err(|_| wrong())?;
        let seconds = count
            .checked_mul(seconds)
            .filter(|s| *s > 0)
            .ok_or_else(wrong)?;
        Ok(Self(SignedDuration::from_secs(seconds)))
    }
}

impl TryFrom<String> for Age {
    type Error = AgeError;

    fn try_from(text: String) -> Result<Self, AgeError> {
        text.parse()
    }
}

/// Why a text is no length of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AgeError {
    found: String,
}

impl fmt::Display for AgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no length of time: expected for example `90s`, `10m`, `72h` or `30d`",
            self.found.escape_debug()
        )
    }
}

/// Writes a length of time for people.
pub(crate) fn show(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        s if s >= 172_800 => format!("{} d", s / 86_400),
        s if s >= 7200 => format!("{} h", s / 3600),
        s if s >= 120 => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_and_nonsense_is_refused() {
        assert_eq!("72h".parse::<Age>().unwrap().0.as_secs(), 72 * 3600);
        assert_eq!("30d".parse::<Age>().unwrap().0.as_secs(), 30 * 86_400);
        for text in [
            "",
            "h",
            "1",
            "1w",
            "-1h",
            "1.5h",
            "0h",
            "99999999999999999999s",
            "9223372036854775807d",
            "1 h",
        ] {
            assert!(text.parse::<Age>().is_err(), "{text}");
        }
    }
}
