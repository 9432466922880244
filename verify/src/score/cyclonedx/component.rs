//! One component.

use serde::Deserialize;

use super::super::license::{Licenses, says_something};
use super::{Organization, is_told};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Component {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    #[serde(rename = "bom-ref")]
    pub(super) bom_ref: Option<String>,
    pub(super) name: Option<String>,
    pub(super) version: Option<String>,
    pub(super) purl: Option<String>,
    pub(super) cpe: Option<String>,
    pub(super) supplier: Option<Organization>,
    pub(super) hashes: Option<Vec<Hash>>,
    pub(super) licenses: Option<Vec<LicenseChoice>>,
    pub(super) external_references: Option<Vec<Reference>>,
    pub(super) components: Option<Vec<Self>>,
}

impl Component {
    /// What it is known by; of two that share it one is looked at.
    pub(super) fn key(&self) -> Option<&str> {
        let told = |text: &'_ &String| !text.is_empty();
        let key = self.bom_ref.as_ref().filter(told);
        key.or(self.purl.as_ref().filter(told)).map(String::as_str)
    }

    pub(super) fn label(&self) -> String {
        let name = self.name.as_deref().unwrap_or_default();
        match (self.purl.as_deref(), self.version.as_deref()) {
            (Some(purl), _) if !purl.is_empty() => purl.to_owned(),
            (_, Some(version)) => format!("{name}@{version}"),
            _ => name.to_owned(),
        }
    }

    pub(super) fn hashes(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.hashes.iter().flatten();
        all.filter_map(|one| Some((one.algorithm.as_deref()?, one.content.as_deref()?)))
    }

    pub(super) fn tells_source(&self) -> bool {
        let of = |one: &&Reference| {
            let kind = one.kind.as_deref();
            kind.is_some_and(|kind| ["source-distribution", "vcs"].contains(&kind))
        };
        let mut all = self.external_references.iter().flatten().filter(of);
        all.any(|one| is_told(one.url.as_ref()))
    }

    /// Concluded and declared ones. Without a word about which they are, they are declared since 1.6,
    /// which has that word, and concluded before.
    pub(super) fn licenses(&self, is_1_6: bool) -> (Licenses, Licenses) {
        let all = self.licenses.as_deref().unwrap_or_default();
        let of = |word: &str| {
            let all = all
                .iter()
                .filter(move |one| one.acknowledgement() == Some(word));
            Licenses::of(all.filter_map(LicenseChoice::text))
        };
        let (concluded, declared) = (of("concluded"), of("declared"));
        if concluded.is_told || declared.is_told {
            return (concluded, declared);
        }
        let unsaid = Licenses::of(all.iter().filter_map(LicenseChoice::text));
        if is_1_6 {
            (concluded, unsaid)
        } else {
            (unsaid, declared)
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Hash {
    #[serde(rename = "alg")]
    pub(super) algorithm: Option<String>,
    pub(super) content: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Reference {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) url: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct LicenseChoice {
    pub(super) expression: Option<String>,
    acknowledgement: Option<String>,
    pub(super) license: Option<License>,
}

impl LicenseChoice {
    pub(super) fn text(&self) -> Option<&str> {
        let license = self.license.as_ref();
        let of_license = license.and_then(|one| one.id.as_deref().or(one.name.as_deref()));
        let text = self.expression.as_deref().or(of_license);
        text.filter(|text| says_something(text))
    }

    fn acknowledgement(&self) -> Option<&str> {
        let license = self.license.as_ref();
        let of_license = license.and_then(|one| one.acknowledgement.as_deref());
        self.acknowledgement.as_deref().or(of_license)
    }
}

#[derive(Deserialize)]
pub(super) struct License {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    acknowledgement: Option<String>,
}

/// Whether it is a kind of component that some version of the specification has.
pub(super) fn is_kind(kind: Option<&str>) -> bool {
    kind.is_some_and(|kind| KINDS.contains(&kind))
}

const KINDS: &[&str] = &[
    "application",
    "container",
    "cryptographic-asset",
    "data",
    "device",
    "device-driver",
    "file",
    "firmware",
    "framework",
    "library",
    "machine-learning-model",
    "operating-system",
    "platform",
];
