//! The number.

use std::fmt;
use std::str::FromStr;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// From 0.0 to 10.0, in tenths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Score(u8);

impl Score {
    /// The most there is.
    pub const FULL: Self = Self(100);

    /// The most that SPDX 2 has a place for.
    pub const MOST_OF_SPDX: Self = Self(93);

    /// Nothing.
    pub const NONE: Self = Self(0);

    /// Of so many tenths, 100 at most.
    pub(super) fn of_tenths(tenths: u64) -> Self {
        u8::try_from(tenths)
            .map_or(Self::FULL, Self)
            .min(Self::FULL)
    }

    /// In tenths.
    pub fn tenths(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{}", self.0 / 10, self.0 % 10))
    }
}

/// A text that is no score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a score is a number from 0 to 10 with one decimal at most, such as 7.5")]
pub struct ScoreError;

impl FromStr for Score {
    type Err = ScoreError;

    fn from_str(text: &str) -> Result<Self, ScoreError> {
        let (whole, tenths) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |text: &str, most| {
            (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !is_number(whole, 2) || !is_number(tenths, 1) {
            return Err(ScoreError);
        }
        let number = |text: &str| text.parse::<u8>().ok();
        let sum = number(whole).and_then(|one| one.checked_mul(10)?.checked_add(number(tenths)?));
        let score = sum.map(Self).filter(|score| *score <= Self::FULL);
        score.ok_or(ScoreError)
    }
}

impl Serialize for Score {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from(self.0) / 10.0)
    }
}

impl<'de> Deserialize<'de> for Score {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

/// A number, or its text.
struct Written;

impl Visitor<'_> for Written {
    type Value = Score;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number from 0 to 10")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Score, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Score, E> {
        number.to_string().parse().map_err(E::custom)
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Score, E> {
        number.to_string().parse().map_err(E::custom)
    }

    /// Written again it is the shortest text that means it: the one that stands there.
    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Score, E> {
        number.to_string().parse().map_err(E::custom)
    }
}
