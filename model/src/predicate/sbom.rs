//! Bills of materials: the formats, and what each is known by.

use std::fmt;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{CYCLONEDX, SPDX};
use crate::json::{self, JsonError};

/// The predicate type of SPDX 3 documents, which have another shape than SPDX 2.
const SPDX_3: &str = "https://spdx.dev/Document/v3";

/// A format of bills of materials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SbomKind {
    /// CycloneDX in JSON.
    CycloneDx,
    /// SPDX 2 in JSON.
    Spdx2,
    /// SPDX 3 in JSON-LD.
    Spdx3,
}

impl SbomKind {
    /// Recognises a document of at most `limit` bytes by its own mark, after checking that it is
    /// strict JSON; `None` if it is none of these.
    pub fn recognise(document: &[u8], limit: u64, depth: usize) -> Result<Option<Self>, JsonError> {
        json::check(document, limit, depth)?;
        let marks: Option<Marks> = json::part(document).ok();
        Ok(match marks {
            Some(Marks {
                bom_format: Some(format),
                ..
            }) if format == "CycloneDX" => Some(Self::CycloneDx),
            Some(Marks {
                spdx_version: Some(version),
                ..
            }) if version.starts_with("SPDX-2.") => Some(Self::Spdx2),
            Some(Marks {
                context: Some(context),
                graph: Some(_),
                ..
            }) if context.is_spdx_3() => Some(Self::Spdx3),
            _ => None,
        })
    }

    /// The format that a media type stands for; parameters such as a version say nothing more.
    pub fn of_media_type(media_type: &str) -> Option<Self> {
        let (name, _) = media_type.split_once(';').unwrap_or((media_type, ""));
        let named = |kind: &Self| name.trim().eq_ignore_ascii_case(kind.media_type());
        [Self::CycloneDx, Self::Spdx2, Self::Spdx3]
            .into_iter()
            .find(named)
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::CycloneDx => "application/vnd.cyclonedx+json",
            Self::Spdx2 => "application/spdx+json",
            Self::Spdx3 => "application/spdx3+json",
        }
    }

    /// The URI of the predicate type that documents of this format are attested under.
    pub fn predicate_uri(self) -> &'static str {
        match self {
            Self::CycloneDx => CYCLONEDX,
            Self::Spdx2 => SPDX,
            Self::Spdx3 => SPDX_3,
        }
    }
}

impl fmt::Display for SbomKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CycloneDx => "CycloneDX",
            Self::Spdx2 => "SPDX 2",
            Self::Spdx3 => "SPDX 3",
        })
    }
}

#[derive(Deserialize)]
struct Marks {
    #[serde(default, rename = "bomFormat")]
    bom_format: Option<String>,
    #[serde(default, rename = "spdxVersion")]
    spdx_version: Option<String>,
    #[serde(default, rename = "@context")]
    context: Option<Context>,
    #[serde(default, rename = "@graph")]
    graph: Option<Vec<IgnoredAny>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Context {
    One(String),
    Several(Vec<serde_json::Value>),
    Other(IgnoredAny),
}

impl Context {
    fn is_spdx_3(&self) -> bool {
        let names = |uri: &str| uri.starts_with("https://spdx.org/rdf/3.");
        match self {
            Self::One(uri) => names(uri),
            Self::Several(all) => all.iter().filter_map(|item| item.as_str()).any(names),
            Self::Other(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predicate::{is_cyclonedx, is_spdx};

    #[test]
    fn every_kind_is_attested_under_a_type_readers_recognise() {
        assert!(is_cyclonedx(SbomKind::CycloneDx.predicate_uri()));
        assert_eq!(SbomKind::Spdx2.predicate_uri(), "https://spdx.dev/Document");
        assert!(is_spdx(SbomKind::Spdx3.predicate_uri()));
    }

    #[test]
    fn media_types_have_parameters_and_no_case() {
        let of = SbomKind::of_media_type;
        for kind in [SbomKind::CycloneDx, SbomKind::Spdx2, SbomKind::Spdx3] {
            assert_eq!(of(kind.media_type()), Some(kind));
        }
        assert_eq!(
            of("Application/vnd.cyclonedx+JSON ; version=1.6"),
            Some(SbomKind::CycloneDx)
        );
        for other in ["application/vnd.cyclonedx+xml", "application/json", ""] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
