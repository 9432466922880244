//! Packages, licences and systems as components.

use std::collections::BTreeSet;

use bulla_model::{Algorithm, Digest};

use serde_json::Number;

use super::document::{
    Component, Evidence, ExternalReference, Hash, Identities, Identity, License as LicenseObject,
    LicenseChoice, Method, Named, Occurrence, Property,
};
use super::{Subject, SubjectKind};
use crate::catalog::{CATALOGERS, Technique};
use crate::cpe;
use crate::{License, OperatingSystem, Package, Presence, Scope};

/// A package; its `bom-ref` is its package URL, which is unique in an inventory.
pub(super) fn package(package: &Package, subject: &Subject) -> Component {
    let scoped = package
        .name
        .split_once('/')
        .filter(|_| package.purl.kind() == "npm");
    let (group, name) = match scoped {
        Some((scope, name)) => (Some(scope.to_owned()), name),
        None => (None, package.name.as_str()),
    };
    let cpes = cpe::candidates(package);
    let declared = (package.presence == Presence::Declared).then(|| Property {
        name: "bulla:presence",
        value: package.presence.as_str().to_owned(),
    });
    Component {
        kind: "library",
        bom_ref: Some(package.purl.to_string()),
        supplier: package.supplier.clone().map(|name| Named { name }),
        group,
        name: name.to_owned(),
        version: (!package.version.is_empty()).then(|| package.version.clone()),
        description: package.description.clone(),
        scope: Some(match package.scope {
            Scope::Required => "required",
            Scope::Optional => "optional",
            Scope::Excluded => "excluded",
        }),
        hashes: package.hashes.iter().map(hash).collect(),
        licenses: licenses(&package.licenses),
        cpe: cpes.first().cloned(),
        purl: Some(package.purl.to_string()),
        external_references: references(package),
        authors: package
            .author
            .clone()
            .map(|name| Named { name })
            .into_iter()
            .collect(),
        author: None,
        evidence: Some(evidence(package, cpes)),
        properties: declared
            .into_iter()
            .chain(origin(package, subject))
            .collect(),
    }
}

/// The layer that brought it, and whether it was there before the application.
fn origin(package: &Package, subject: &Subject) -> impl Iterator<Item = Property> {
    let layer = package.layer.and_then(|layer| subject.layers.get(layer));
    let layer = layer.map(|layer| ("bulla:layer", layer.to_string()));
    let base = subject.base.as_ref().zip(package.layer);
    let base = base.map(|(base, layer)| {
        let origin = if layer < base.layers {
            "base"
        } else {
            "application"
        };
        ("bulla:origin", origin.to_owned())
    });
    let all = layer.into_iter().chain(base);
    all.map(|(name, value)| Property { name, value })
}

/// The operating system; its packages are components beside it.
pub(super) fn operating_system(system: &OperatingSystem) -> Component {
    Component {
        kind: "operating-system",
        bom_ref: Some(format!("os:{}", system.distro())),
        name: system.id.clone(),
        version: system.version.clone(),
        description: Some(system.pretty_name.clone()),
        ..Component::default()
    }
}

/// What the document is about.
pub(super) fn subject(subject: &Subject) -> Component {
    let reference = match (&subject.purl, &subject.digest) {
        (Some(purl), _) => purl.to_string(),
        (None, Some(digest)) => format!("subject:{digest}"),
        (None, None) => format!("subject:{}", subject.name),
    };
    let platform = subject
        .platform
        .iter()
        .map(|platform| ("bulla:platform", platform.clone()));
    let layers = subject
        .layers
        .iter()
        .map(|layer| ("bulla:layer", layer.to_string()));
    let base = subject.base.iter().flat_map(|base| {
        let layers = Some(("bulla:base:layers", base.layers.to_string()));
        let known = Some(("bulla:base:known-by", base.known_by.as_str().to_owned()));
        let name = base.name.clone().map(|name| ("bulla:base:name", name));
        let digest = base.digest.as_ref();
        let digest = digest.map(|digest| ("bulla:base:digest", digest.to_string()));
        [name, digest, layers, known].into_iter().flatten()
    });
    Component {
        kind: match subject.kind {
            SubjectKind::Application => "application",
            SubjectKind::Container => "container",
            SubjectKind::File => "file",
        },
        bom_ref: Some(reference),
        name: subject.name.clone(),
        version: subject.version.clone(),
        hashes: subject.digest.iter().map(hash).collect(),
        purl: subject.purl.as_ref().map(ToString::to_string),
        properties: platform
            .chain(layers)
            .chain(base)
            .map(|(name, value)| Property { name, value })
            .collect(),
        ..Component::default()
    }
}

fn evidence(package: &Package, cpes: Vec<String>) -> Evidence {
    let technique = |name: &str| {
        let mut catalogers = CATALOGERS.iter();
        let found = catalogers.find(|cataloger| cataloger.name() == name);
        found.map_or(Technique::Manifest, |cataloger| {
            cataloger.capability().technique
        })
    };
    let methods = package
        .found_by
        .iter()
        .map(|cataloger| Method {
            technique: technique(cataloger).as_str(),
            confidence: confidence(package),
            value: cataloger,
        })
        .collect();
    let paths: BTreeSet<&str> = package
        .locations
        .iter()
        .map(|location| location.path.as_str())
        .collect();
    let purl = Identity {
        field: "purl",
        confidence: confidence(package),
        concluded_value: None,
        methods,
    };
    // The first one stands in its own place.
    let others = cpes.into_iter().skip(1).map(|cpe| Identity {
        field: "cpe",
        confidence: Number::from_f64(GUESS).unwrap_or(Number::from(0)),
        concluded_value: Some(cpe),
        methods: Vec::new(),
    });
    Evidence {
        identity: Identities::Many(std::iter::once(purl).chain(others).collect()),
        occurrences: paths
            .into_iter()
            .map(|path| Occurrence {
                location: path.to_owned(),
            })
            .collect(),
    }
}

/// A number from 0 to 1 with at most two places.
fn confidence(package: &Package) -> Number {
    match package.confidence {
        0 => Number::from(0),
        percent @ 1..=99 => Number::from_f64(f64::from(percent) / 100.0).unwrap_or(Number::from(0)),
        _ => Number::from(1),
    }
}

fn hash(digest: &Digest) -> Hash {
    let algorithm = match digest.algorithm() {
        Algorithm::Sha256 => "SHA-256",
        Algorithm::Sha384 => "SHA-384",
        Algorithm::Sha512 => "SHA-512",
    };
    Hash {
        algorithm,
        content: digest.hex().to_owned(),
    }
}

/// What is declared, and the same again as what is concluded where that is clear.
fn licenses(declared: &BTreeSet<License>) -> Vec<LicenseChoice> {
    let mut all = acknowledged(declared, DECLARED);
    if License::are_clear(declared) {
        all.extend(acknowledged(declared, CONCLUDED));
    }
    all
}

/// A list of licences, or one expression: before 1.7 an expression stands only alone.
fn acknowledged(
    licenses: &BTreeSet<License>,
    acknowledgement: Option<&'static str>,
) -> Vec<LicenseChoice> {
    let all_spdx = !licenses
        .iter()
        .any(|license| matches!(license, License::Name(_)));
    let compound = licenses.iter().any(|license| match license {
        License::Expression(_) => true,
        License::Id(id) => NOT_IN_SCHEMA.contains(&id.as_str()),
        License::Name(_) => false,
    });
    if all_spdx && compound {
        let mut parts: Vec<&str> = licenses.iter().map(License::as_str).collect();
        parts.sort_unstable();
        let expression = match parts.as_slice() {
            [one] => (*one).to_owned(),
            several => several
                .iter()
                .map(|part| parenthesised(part))
                .collect::<Vec<_>>()
                .join(" AND "),
        };
        return vec![LicenseChoice::Expression {
            expression,
            acknowledgement,
        }];
    }
    let license = |license: &License| {
        let (id, name) = match license {
            License::Id(id) if !NOT_IN_SCHEMA.contains(&id.as_str()) => (Some(id.clone()), None),
            License::Id(name) | License::Expression(name) | License::Name(name) => {
                (None, Some(name.clone()))
            }
        };
        LicenseChoice::License {
            license: LicenseObject {
                id,
                name,
                acknowledgement,
            },
        }
    };
    licenses.iter().map(license).collect()
}

fn parenthesised(expression: &str) -> String {
    if expression.contains(" OR ") {
        format!("({expression})")
    } else {
        expression.to_owned()
    }
}

/// What SPDX demands of its documents, so that whoever converts one gets the same: it may be copied
/// and used for anything.
pub(super) fn data_license() -> LicenseChoice {
    LicenseChoice::License {
        license: LicenseObject {
            id: Some("CC0-1.0".to_owned()),
            name: None,
            acknowledgement: DECLARED,
        },
    }
}

/// The addresses of a package that a browser or a version control system could open.
fn references(package: &Package) -> Vec<ExternalReference> {
    let all = [
        ("distribution", &package.distribution),
        ("vcs", &package.repository),
        ("website", &package.homepage),
    ];
    let references = all.into_iter().filter_map(|(kind, url)| {
        let url = url.as_deref().filter(|url| is_address(url))?.to_owned();
        Some(ExternalReference { kind, url })
    });
    references.collect()
}

fn is_address(url: &str) -> bool {
    let is_url = ["https://", "http://", "git+https://", "ssh://", "git://"]
        .iter()
        .any(|scheme| url.starts_with(scheme));
    let is_clean = url
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !b"<>\"{}|\\^`".contains(&byte));
    is_url && is_clean
}

/// How sure it is that a list of vulnerabilities knows a package by one of several names.
const GUESS: f64 = 0.2;

/// The packages say so themselves.
const DECLARED: Option<&str> = Some("declared");

/// What comes of what they say; nobody has read their files for it.
pub(super) const CONCLUDED: Option<&str> = Some("concluded");

/// Identifiers of the `spdx` crate's list that the schema's list does not have.
const NOT_IN_SCHEMA: [&str; 20] = [
    "BSD-2-Clause-pos-unchanged",
    "BSD-3-Clause-OpenWebUI",
    "BSD-Source-Code-no-disclaimer",
    "BSD-Source-alt-GPL",
    "BSD-ask-to-endorse",
    "Brian-Gladman-3-Clause-no-conversion",
    "Bugroff",
    "CC-BY-NC-3.0-IGO",
    "FDK-MPEG-H",
    "GFDL-1.1-invariants",
    "GFDL-1.1-no-invariants",
    "GFDL-1.2-invariants",
    "GFDL-1.2-no-invariants",
    "GFDL-1.3-invariants",
    "GFDL-1.3-no-invariants",
    "Hippocratic-3.0-core",
    "Informatica",
    "MVT-1.1",
    "NOASSERTION",
    "atc-game",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_identifier_is_in_the_schema_or_known_not_to_be() {
        let schema = include_str!("../../../schemas/cyclonedx/spdx.schema.json");
        let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
        let listed = |name: &str| {
            schema["enum"]
                .as_array()
                .unwrap()
                .iter()
                .any(|id| id == name)
        };
        for license in spdx::identifiers::LICENSES {
            let known_not = NOT_IN_SCHEMA.contains(&license.name);
            assert_ne!(listed(license.name), known_not, "{}", license.name);
        }
    }
}
