//! SPDX documents are valid, whole, and the same every time.

use std::collections::BTreeSet;

use bulla_model::Digest;
use bulla_sbom::format::{Lifecycle, Metadata, Subject, spdx};
use bulla_sbom::{Inventory, Options, catalog};
use serde_json::Value;

use crate::archive::{Layer, image};
use crate::catalogers::list;

fn written(inventory: &Inventory) -> Value {
    let mut metadata = Metadata::new("0.1.0", Lifecycle::PostBuild);
    metadata.timestamp = Some("2026-01-02T03:04:05.678Z".parse().unwrap());
    metadata.authors.push("Example Release Team".into());
    let digest = Digest::sha256(b"image");
    let subject = Subject::image("registry.example.test/acme/pay", &digest).unwrap();
    let document = spdx::write(inventory, &subject, &metadata);
    assert_eq!(document, spdx::write(inventory, &subject, &metadata));
    let document: Value = serde_json::from_slice(&document).unwrap();
    assert_eq!(schema_errors(&document), Vec::<String>::new());
    document
}

fn schema_errors(document: &Value) -> Vec<String> {
    let schema = include_str!("../../schemas/spdx/spdx-2.3.schema.json");
    let schema: Value = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors = validator.iter_errors(document);
    errors.map(|error| error.to_string()).collect()
}

fn texts<'a>(list: &'a Value, key: &str) -> Vec<&'a str> {
    let all = list.as_array().unwrap().iter();
    all.map(|one| one[key].as_str().unwrap()).collect()
}

#[test]
fn every_catalogers_packages_are_in_a_valid_document() {
    for name in [
        "dpkg",
        "apk",
        "rpm",
        "java",
        "npm",
        "npm-lock",
        "python",
        "cargo-lock",
        "conda",
    ] {
        let inventory = list(name);
        let document = written(&inventory);
        let ids = texts(&document["packages"], "SPDXID");
        let unique: BTreeSet<_> = ids.iter().copied().collect();
        assert_eq!(unique.len(), ids.len(), "{name}");
        let system = usize::from(inventory.operating_system.is_some());
        assert_eq!(ids.len(), 1 + system + inventory.packages.len(), "{name}");
        // Every relationship leads to what is there, and everything hangs on the subject.
        let relationships = &document["relationships"];
        for key in ["spdxElementId", "relatedSpdxElement"] {
            for id in texts(relationships, key) {
                assert!(
                    id == "SPDXRef-DOCUMENT" || unique.contains(id),
                    "{name}: {id}"
                );
            }
        }
        let subject = "SPDXRef-Subject";
        let hanging = relationships.as_array().unwrap().iter().filter(|one| {
            one["relationshipType"] != "DEPENDS_ON"
                && [&one["spdxElementId"], &one["relatedSpdxElement"]]
                    .iter()
                    .any(|id| **id == subject)
        });
        assert_eq!(hanging.count(), ids.len(), "{name}");
        let edges = texts(relationships, "relationshipType");
        let edges = edges.iter().filter(|kind| **kind == "DEPENDS_ON").count();
        let known = inventory.packages.iter();
        assert_eq!(
            edges,
            known.map(|one| one.dependencies.len()).sum::<usize>(),
            "{name}"
        );
        // Every reference to a licence has its text.
        let texts_there = document["hasExtractedLicensingInfos"].as_array();
        let texts_there: Vec<&str> = texts_there
            .into_iter()
            .flatten()
            .map(|one| one["licenseId"].as_str().unwrap())
            .collect();
        for declared in texts(&document["packages"], "licenseDeclared") {
            let words = declared.split([' ', '(', ')']);
            for word in words.filter(|word| word.starts_with("LicenseRef-")) {
                assert!(texts_there.contains(&word), "{name}: {word}");
            }
        }
        let read = document["comment"].as_str().unwrap();
        for unknown in &inventory.unknowns {
            assert!(read.contains(&unknown.path), "{name}: {read}");
        }
    }
}

#[test]
fn a_licence_that_is_no_expression_is_referred_to() {
    let status = b"Package: pay\nStatus: install ok installed\nVersion: 1.0\nArchitecture: all\n\
                   Maintainer: Pay Team <pay@example.test>\n";
    let copyright = b"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n\
                      Files: *\nCopyright: x\nLicense: MIT\n\nFiles: y\nCopyright: x\nLicense: Odd & own\n";
    let layer = Layer::new()
        .file("var/lib/dpkg/status", status)
        .file("usr/share/doc/pay/copyright", copyright);
    let inventory = catalog(&image(vec![layer]), &Options::default()).unwrap();
    let document = written(&inventory);
    let package = &document["packages"][1];
    assert_eq!(
        package["supplier"],
        "Organization: Pay Team (pay@example.test)"
    );
    let declared = package["licenseDeclared"].as_str().unwrap();
    let reference = declared.strip_prefix("MIT AND ").unwrap();
    assert_eq!(package["licenseConcluded"], "NOASSERTION");
    let extracted = &document["hasExtractedLicensingInfos"][0];
    assert_eq!(extracted["licenseId"], reference);
    assert_eq!(extracted["extractedText"], "Odd & own");
    assert!(spdx_expression(declared), "{declared}");
    assert_eq!(document["creationInfo"]["created"], "2026-01-02T03:04:05Z");
}

fn spdx_expression(text: &str) -> bool {
    let plain = |word: &str| {
        word.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-.+".contains(&byte))
    };
    text.split_whitespace().all(plain)
}

#[test]
fn a_clear_licence_is_concluded_too() {
    let status = b"Package: pay\nStatus: install ok installed\nVersion: 1.0\nArchitecture: all\n";
    let copyright = b"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n\
                      Files: *\nCopyright: x\nLicense: MIT\n\nFiles: y\nCopyright: x\nLicense: ISC\n";
    let layer = Layer::new()
        .file("var/lib/dpkg/status", status)
        .file("usr/share/doc/pay/copyright", copyright);
    let inventory = catalog(&image(vec![layer]), &Options::default()).unwrap();
    let document = written(&inventory);
    let package = &document["packages"][1];
    assert_eq!(package["licenseDeclared"], "ISC AND MIT");
    assert_eq!(package["licenseConcluded"], "ISC AND MIT");
    let (version_3, _) = crate::spdx3::written(&inventory);
    assert!(version_3.to_string().contains("hasConcludedLicense"));
}
