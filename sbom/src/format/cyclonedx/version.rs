//! The versions of CycloneDX.

use std::fmt;

/// A version of CycloneDX, oldest first. [`write`](super::write) knows those from 1.4 on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Version {
    /// 1.4 of 2022: neither evidence of identity nor the phase of life.
    V1_4,
    /// 1.5 of 2023: one piece of evidence of identity, and one author.
    V1_5,
    /// 1.6 of 2024, ECMA-424.
    #[default]
    V1_6,
    /// 1.7 of 2025, ECMA-424, 2nd edition.
    V1_7,
}

impl Version {
    /// All that can be written.
    pub const ALL: [Self; 4] = [Self::V1_4, Self::V1_5, Self::V1_6, Self::V1_7];

    /// `1.6`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1_4 => "1.4",
            Self::V1_5 => "1.5",
            Self::V1_6 => "1.6",
            Self::V1_7 => "1.7",
        }
    }

    /// The name of its JSON schema.
    pub(super) fn schema(self) -> &'static str {
        match self {
            Self::V1_4 => "http://cyclonedx.org/schema/bom-1.4.schema.json",
            Self::V1_5 => "http://cyclonedx.org/schema/bom-1.5.schema.json",
            Self::V1_6 => "http://cyclonedx.org/schema/bom-1.6.schema.json",
            Self::V1_7 => "http://cyclonedx.org/schema/bom-1.7.schema.json",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
