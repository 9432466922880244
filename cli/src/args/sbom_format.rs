//! Formats of bills of materials, as they are asked for.

use bulla_sbom::format::cyclonedx::Version;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// A format to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SbomFormat {
    /// CycloneDX as JSON.
    CyclonedxJson(Version),
    /// CycloneDX as XML.
    CyclonedxXml(Version),
    /// SPDX 2.3 as JSON.
    SpdxJson,
    /// SPDX 2.3 as tag-value.
    SpdxTagValue,
    /// SPDX 3.0.1 as JSON-LD.
    Spdx3Json,
}

impl Default for SbomFormat {
    fn default() -> Self {
        Self::CyclonedxJson(Version::default())
    }
}

impl SbomFormat {
    /// All of them, each by its name and what it is; the usual version of a name may be asked for without
    /// its version.
    const ALL: [(&str, &str, Self); 14] = [
        (
            "cyclonedx-json",
            "CycloneDX 1.6 as JSON",
            Self::CyclonedxJson(Version::V1_6),
        ),
        (
            "cyclonedx-json@1.4",
            "CycloneDX 1.4 as JSON",
            Self::CyclonedxJson(Version::V1_4),
        ),
        (
            "cyclonedx-json@1.5",
            "CycloneDX 1.5 as JSON",
            Self::CyclonedxJson(Version::V1_5),
        ),
        (
            "cyclonedx-json@1.6",
            "CycloneDX 1.6 as JSON",
            Self::CyclonedxJson(Version::V1_6),
        ),
        (
            "cyclonedx-json@1.7",
            "CycloneDX 1.7 as JSON",
            Self::CyclonedxJson(Version::V1_7),
        ),
        (
            "cyclonedx-xml",
            "CycloneDX 1.6 as XML",
            Self::CyclonedxXml(Version::V1_6),
        ),
        (
            "cyclonedx-xml@1.4",
            "CycloneDX 1.4 as XML",
            Self::CyclonedxXml(Version::V1_4),
        ),
        (
            "cyclonedx-xml@1.5",
            "CycloneDX 1.5 as XML",
            Self::CyclonedxXml(Version::V1_5),
        ),
        (
            "cyclonedx-xml@1.6",
            "CycloneDX 1.6 as XML",
            Self::CyclonedxXml(Version::V1_6),
        ),
        (
            "cyclonedx-xml@1.7",
            "CycloneDX 1.7 as XML",
            Self::CyclonedxXml(Version::V1_7),
        ),
        ("spdx-json", "SPDX 2.3 as JSON", Self::SpdxJson),
        ("spdx-json@2.3", "SPDX 2.3 as JSON", Self::SpdxJson),
        ("spdx-json@3.0.1", "SPDX 3.0.1 as JSON-LD", Self::Spdx3Json),
        (
            "spdx-tag-value",
            "SPDX 2.3 as tag-value",
            Self::SpdxTagValue,
        ),
    ];

    /// Reads the name of one, and knows them all.
    pub fn parser() -> impl TypedValueParser<Value = Self> {
        let values = Self::ALL.map(|(name, help, _)| PossibleValue::new(name).help(help));
        PossibleValuesParser::new(values).map(|asked| {
            let mut all = Self::ALL.iter();
            let found = all.find(|(name, ..)| *name == asked);
            found.map_or_else(Self::default, |(_, _, format)| *format)
        })
    }

    /// The standard it follows.
    pub fn standard(self) -> String {
        match self {
            Self::CyclonedxJson(version) => format!("CycloneDX {version}"),
            Self::CyclonedxXml(version) => format!("CycloneDX {version} XML"),
            Self::SpdxJson => "SPDX 2.3".to_owned(),
            Self::SpdxTagValue => "SPDX 2.3 tag-value".to_owned(),
            Self::Spdx3Json => "SPDX 3.0.1".to_owned(),
        }
    }

    /// How names of its files end.
    pub fn ending(self) -> &'static str {
        match self {
            Self::CyclonedxJson(_) => "cdx.json",
            Self::CyclonedxXml(_) => "cdx.xml",
            Self::SpdxJson => "spdx.json",
            Self::SpdxTagValue => "spdx",
            Self::Spdx3Json => "spdx3.json",
        }
    }
}
