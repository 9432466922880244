//! Documents are valid, complete, and the same every time.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use bulla_model::{Digest, Limits};
use bulla_sbom::format::cyclonedx::{self, Lifecycle, Metadata, ReadError, Subject, Version};
use bulla_sbom::format::summary::Summary;
use bulla_sbom::{Inventory, Options, catalog};
use serde_json::{Value, json};

use crate::archive::{Layer, image};
use crate::catalogers::list;
use crate::executables::executable;
use crate::schemas;

fn schema_errors(document: &[u8]) -> Vec<String> {
    schemas::errors(&schemas::validator(Version::V1_6), document)
}

pub(crate) fn metadata() -> Metadata {
    let mut metadata = Metadata::new("0.1.0", Lifecycle::PostBuild);
    metadata.timestamp = Some("2026-01-02T03:04:05Z".parse().unwrap());
    metadata.authors.push("Example Release Team".into());
    metadata.supplier = Some("Example Inc.".into());
    metadata
}

pub(crate) fn subject() -> Subject {
    Subject::image(
        "registry.example.test/pay/api",
        &Digest::sha256(b"manifest"),
    )
    .unwrap()
}

/// A Debian-shaped image of two layers with something of every kind.
pub(crate) fn debian() -> bulla_sbom::source::Image {
    let status = include_bytes!("../../../testdata/sbom/dpkg/input/var/lib/dpkg/status");
    let release = include_bytes!("../../../testdata/sbom/dpkg/input/etc/os-release");
    let copyright =
        include_bytes!("../../../testdata/sbom/dpkg/input/usr/share/doc/bash/copyright");
    let metadata = b"Metadata-Version: 2.1\nName: Demo_Tool\nVersion: 1.0\nLicense: MIT\n";
    let audit = r#"{"packages":[{"name":"tool","version":"1.0.0","source":"local","root":true}]}"#;
    image(vec![
        Layer::new()
            .directory("usr/")
            .symbolic_link("lib", "usr/lib")
            .symbolic_link("etc/os-release", "../usr/lib/os-release")
            .file("usr/lib/os-release", release)
            .file("usr/share/doc/bash/copyright", copyright)
            .symbolic_link("usr/share/doc/curl", "bash")
            .file("var/lib/dpkg/status", status),
        Layer::new()
            .file("usr/lib/python3/dist-packages/demo-1.0.dist-info/METADATA", metadata)
            .file("srv/node_modules/@s/a/package.json", br#"{"name":"@s/a","version":"1.0.0","license":"MIT OR ISC","homepage":"https://a.example.test"}"#)
            .file("srv/node_modules/b/package.json", br#"{"name":"b","version":"1.0.0","license":"CC-BY-NC-3.0-IGO","homepage":"not a url"}"#)
            .program("usr/bin/tool", &executable(audit)),
    ])
}

fn inventories() -> Vec<(String, Inventory)> {
    let mut inventories: Vec<_> = ["dpkg", "apk", "npm", "npm-lock", "python", "cargo-lock"]
        .iter()
        .map(|name| ((*name).to_owned(), list(name)))
        .collect();
    inventories.push((
        "debian".into(),
        catalog(&debian(), &Options::default()).unwrap(),
    ));
    inventories.push(("empty".into(), Inventory::default()));
    inventories
}

#[test]
fn the_schema_test_can_fail() {
    let document = cyclonedx::write(&Inventory::default(), &subject(), &metadata());
    let mut document: Value = serde_json::from_slice(&document).unwrap();
    document["components"] = json!([{ "type": "library", "name": "a", "licenses": [{ "license": { "id": "Nonsense" } }] }]);
    assert_ne!(
        schema_errors(document.to_string().as_bytes()),
        Vec::<String>::new()
    );
}

#[test]
fn two_runs_give_the_same_bytes_whatever_the_threads() {
    let write = |threads| {
        let options = Options {
            threads: NonZeroUsize::new(threads),
            ..Options::default()
        };
        let image = debian();
        let inventory = catalog(&image, &options).unwrap();
        cyclonedx::write(&inventory, &subject().with_image(&image), &metadata())
    };
    let first = write(1);
    for threads in [1, 2, 4] {
        assert_eq!(write(threads), first);
    }
}

#[test]
fn the_serial_number_follows_the_contents() {
    let serial = |subject: &Subject, metadata: &Metadata| {
        let document = cyclonedx::write(&list("apk"), subject, metadata);
        cyclonedx::read(&document, &Limits::default())
            .unwrap()
            .serial_number
            .unwrap()
    };
    let first = serial(&subject(), &metadata());
    assert!(first.starts_with("urn:uuid:"));
    let other = Subject::image("registry.example.test/pay/api", &Digest::sha256(b"other")).unwrap();
    assert_ne!(serial(&other, &metadata()), first);
    assert_ne!(
        serial(&subject(), &Metadata::new("0.1.0", Lifecycle::PostBuild)),
        first
    );
}

#[test]
fn every_component_is_referred_to_once_and_reached_from_the_subject() {
    for (name, inventory) in inventories() {
        let document = cyclonedx::write(&inventory, &subject(), &metadata());
        let document: Value = serde_json::from_slice(&document).unwrap();
        let root = document["metadata"]["component"]["bom-ref"]
            .as_str()
            .unwrap();
        let mut references: Vec<&str> = document["components"]
            .as_array()
            .unwrap()
            .iter()
            .map(|component| component["bom-ref"].as_str().unwrap())
            .collect();
        references.push(root);
        let unique: BTreeSet<&str> = references.iter().copied().collect();
        assert_eq!(unique.len(), references.len(), "{name}: a bom-ref twice");
        let edges: BTreeMap<&str, Vec<&str>> = document["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .map(|dependency| {
                let to = dependency["dependsOn"].as_array().into_iter().flatten();
                (
                    dependency["ref"].as_str().unwrap(),
                    to.map(|to| to.as_str().unwrap()).collect(),
                )
            })
            .collect();
        assert_eq!(
            edges.keys().copied().collect::<BTreeSet<_>>(),
            unique,
            "{name}: nodes"
        );
        let mut reached = BTreeSet::new();
        let mut pending = vec![root];
        while let Some(node) = pending.pop() {
            if reached.insert(node) {
                pending.extend(&edges[node]);
            }
        }
        assert_eq!(reached, unique, "{name}: unreachable");
    }
}

#[test]
fn what_could_not_be_read_makes_the_document_incomplete() {
    let summary = |inventory: &Inventory| {
        let document = cyclonedx::write(inventory, &subject(), &metadata());
        Summary::of(&cyclonedx::read(&document, &Limits::default()).unwrap())
    };
    let broken = summary(&list("npm"));
    assert_eq!(broken.is_complete, Some(false));
    assert_eq!(broken.unknowns.len(), 1);
    assert!(broken.unknowns[0].starts_with("app/node_modules/broken/package.json: not valid JSON"));
    assert_eq!(summary(&list("apk")).is_complete, Some(true));
}

#[test]
fn a_summary_counts_what_was_written() {
    let image = debian();
    let inventory = catalog(&image, &Options::default()).unwrap();
    let document = cyclonedx::write(&inventory, &subject().with_image(&image), &metadata());
    let summary = Summary::of(&cyclonedx::read(&document, &Limits::default()).unwrap());
    assert_eq!(summary.format, "CycloneDX 1.6");
    assert_eq!(
        summary.subject.as_deref(),
        Some("registry.example.test/pay/api")
    );
    assert_eq!(
        summary.operating_system.as_deref(),
        Some("Debian GNU/Linux 12 (bookworm)")
    );
    let kinds = [("deb", 6), ("npm", 2), ("cargo", 1), ("pypi", 1)];
    assert_eq!(
        summary.by_kind,
        kinds.map(|(kind, count)| (kind.to_owned(), count))
    );
    assert_eq!(summary.by_kind, inventory.count_by_kind());
    assert_eq!(summary.components, 10);
    assert_eq!(summary.timestamp.as_deref(), Some("2026-01-02T03:04:05Z"));
}

#[test]
fn licences_of_linked_folders_are_found() {
    let inventory = catalog(&debian(), &Options::default()).unwrap();
    let curl = inventory
        .packages
        .iter()
        .find(|package| package.name == "curl")
        .unwrap();
    assert!(
        curl.licenses
            .iter()
            .any(|license| license.as_str() == "GPL-3.0-or-later")
    );
}

#[test]
fn documents_of_others_are_read() {
    let foreign = json!({
        "bomFormat": "CycloneDX", "specVersion": "1.4", "version": 1, "x": 1,
        "metadata": null,
        "components": [
            { "type": "operating-system", "name": "alpine", "version": "3.20" },
            { "type": "application", "name": "app", "components": [
                { "type": "library", "name": "a", "purl": "pkg:npm/a@1" },
                { "type": "library", "name": "b" },
            ] },
        ],
    });
    let document = cyclonedx::read(foreign.to_string().as_bytes(), &Limits::default()).unwrap();
    let summary = Summary::of(&document);
    assert_eq!(summary.components, 3);
    assert_eq!(
        summary.by_kind,
        [("other".to_owned(), 2), ("npm".to_owned(), 1)]
    );
    assert_eq!(summary.operating_system.as_deref(), Some("alpine 3.20"));
    assert_eq!(summary.is_complete, None);
}

#[test]
fn what_is_no_document_is_refused_for_its_reason() {
    let read = |text: &str| cyclonedx::read(text.as_bytes(), &Limits::default()).unwrap_err();
    assert!(matches!(
        read("<?xml version='1.0'?><bom/>"),
        ReadError::Xml
    ));
    assert!(matches!(read("{"), ReadError::Json { .. }));
    let other = json!({ "bomFormat": "Other", "specVersion": "1.6" }).to_string();
    assert!(matches!(read(&other), ReadError::Format { .. }));
    let newer = json!({ "bomFormat": "CycloneDX", "specVersion": "9.9" }).to_string();
    assert!(matches!(read(&newer), ReadError::Version { .. }));
    let twice = r#"{"bomFormat":"CycloneDX","specVersion":"1.6","x":1,"x":2}"#;
    assert!(matches!(read(twice), ReadError::Json { .. }));
    let hidden = r#"{"bomFormat":"CycloneDX","specVersion":"1.6","compositions":
        [{"$serde_json::private::RawValue":"{}"}]}"#;
    assert!(matches!(read(hidden), ReadError::Json { .. }));
    let deep = format!("{{\"components\":{}", "[{\"components\":".repeat(10_000));
    assert!(matches!(read(&deep), ReadError::Json { .. }));
    let mut limits = Limits::default();
    limits.catalog_file_bytes = 1;
    assert!(matches!(
        cyclonedx::read(b"{}", &limits),
        Err(ReadError::Size { size: 2, limit: 1 })
    ));
}

#[test]
fn what_packages_need_is_said_to_be_known_where_it_is() {
    let aggregates = |name: &str| {
        let document = cyclonedx::write(&list(name), &subject(), &metadata());
        let document: Value = serde_json::from_slice(&document).unwrap();
        let all = document["compositions"].as_array().unwrap().clone();
        let told = all.iter().map(|one| {
            let of = one["dependencies"].as_array().map_or(0, Vec::len);
            (one["aggregate"].as_str().unwrap().to_owned(), of)
        });
        told.collect::<Vec<_>>()
    };
    let told = |all: &[(&str, usize)]| -> Vec<_> {
        let all = all.iter();
        all.map(|(aggregate, of)| ((*aggregate).to_owned(), *of))
            .collect()
    };
    let rpm = [("complete", 0), ("complete", 4)];
    assert_eq!(aggregates("rpm"), told(&rpm));
    let java = list("java").packages.len();
    let java = [("incomplete", 0), ("incomplete", 1), ("unknown", java)];
    assert_eq!(aggregates("java"), told(&java));
}
