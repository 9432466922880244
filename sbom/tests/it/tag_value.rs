//! SPDX as tag-value says what it says as JSON, and is read without being believed.

use std::path::{Path, PathBuf};

use bulla_model::{Digest, Limits, Purl};
use bulla_sbom::bill::{self, Bill, BillError, TagValueError};
use bulla_sbom::format::spdx::{self, tag_value};
use bulla_sbom::format::{Lifecycle, Metadata, Subject};
use bulla_sbom::{Inventory, Package, Unknown};
use proptest::prelude::*;

use crate::catalogers::list;

fn read(bytes: &[u8]) -> Result<Bill, BillError> {
    bill::read(bytes, &Limits::default())
}

fn refused(text: &str) -> TagValueError {
    match read(text.as_bytes()) {
        Err(BillError::TagValue(error)) => error,
        other => panic!("expected a refusal, found {other:?}"),
    }
}

/// What both ways of writing are read as.
fn both(inventory: &Inventory) -> [Bill; 2] {
    let mut metadata = Metadata::new("0.1.0", Lifecycle::PostBuild);
    metadata.timestamp = Some("2026-01-02T03:04:05.678Z".parse().unwrap());
    metadata.authors.push("Example Release Team".into());
    let digest = Digest::sha256(b"image");
    let subject = Subject::image("registry.example.test/acme/pay", &digest).unwrap();
    let written = tag_value::write(inventory, &subject, &metadata);
    assert_eq!(written, tag_value::write(inventory, &subject, &metadata));
    let json = spdx::write(inventory, &subject, &metadata);
    [read(&json).unwrap(), read(&written).unwrap()]
}

fn data(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata/sbom")
        .join(folder)
}

#[test]
fn every_catalogers_packages_are_the_same_in_json_and_tag_value() {
    let folders = std::fs::read_dir(data("")).unwrap();
    let names = folders.map(|one| one.unwrap().file_name().into_string().unwrap());
    let mut seen = Bill::default();
    for name in names.filter(|name| data(name).join("input").is_dir()) {
        let inventory = list(&name);
        let [json, tag_value] = both(&inventory);
        assert_eq!(json, tag_value, "{name}");
        let system = usize::from(inventory.operating_system.is_some());
        assert_eq!(
            tag_value.items.len(),
            system + inventory.packages.len(),
            "{name}"
        );
        assert_eq!(tag_value.unknowns.len(), inventory.unknowns.len(), "{name}");
        seen.items.extend(tag_value.items);
        seen.needs.extend(tag_value.needs);
        seen.subject = tag_value.subject;
    }
    // Not because nothing was read.
    let count = |is: fn(&bill::Item) -> bool| seen.items.iter().filter(|one| is(one)).count();
    assert!(count(|one| one.purl.is_some()) > 200);
    assert!(count(|one| !one.hashes.is_empty()) > 50);
    assert!(count(|one| !one.licenses.is_empty()) > 30);
    assert!(count(|one| !one.cpes.is_empty()) > 30);
    assert!(count(|one| one.supplier.is_some()) > 10);
    assert!(count(|one| one.notes.contains_key("presence")) > 50);
    assert!(seen.needs.len() > 100);
    assert!(seen.subject.is_some_and(|one| one.kind == "container"));
}

#[test]
fn a_document_as_another_tool_writes_it_is_read() {
    let library = std::fs::read(data("spdx-examples").join("example6-lib.spdx")).unwrap();
    let bill = read(&library).unwrap();
    assert_eq!(bill.format, "SPDX-2.2");
    assert_eq!(bill.timestamp.as_deref(), Some("2021-08-26T01:55:00Z"));
    let subject = bill.subject.unwrap();
    assert_eq!(subject.name, "go-1.15");
    assert_eq!(subject.supplier.as_deref(), Some("Canonical Ltd."));
    // The reference to a text is told as the text's name.
    assert!(subject.licenses.contains("Golang BSD-plus-PATENTS"));
    assert_eq!(subject.hashes["SHA-256"].len(), 64);
    let names: Vec<_> = bill.items.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["go", "go.fmt", "go.reflect", "go.strconv"]);
    // The same with the line ends of another system.
    let other = String::from_utf8(library).unwrap().replace('\n', "\r\n");
    assert_eq!(read(other.as_bytes()).unwrap().items, bill.items);
    // Identifiers and digests of files are not those of the package before them.
    let program = std::fs::read(data("spdx-examples").join("example4-bin.spdx")).unwrap();
    let bill = read(&program).unwrap();
    assert_eq!(bill.subject.unwrap().reference, "SPDXRef-Package-main-bin");
    let names: Vec<_> = bill.items.iter().map(|one| &*one.reference).collect();
    assert_eq!(names, ["SPDXRef-libc", "SPDXRef-libdl"]);
}

#[test]
fn public_examples_are_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = root.join("../../shared/corpora/spdx-examples/software");
    if !corpus.is_dir() {
        #[expect(clippy::print_stdout, reason = "what is skipped is said")]
        {
            println!("SKIPPED corpus SPDX examples");
        }
        return;
    }
    let mut seen = 0;
    let mut left = vec![corpus];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(
                std::fs::read_dir(path)
                    .unwrap()
                    .map(|one| one.unwrap().path()),
            );
        } else if path.extension().is_some_and(|ending| ending == "spdx") {
            let bytes = std::fs::read(&path).unwrap();
            let bill = read(&bytes).unwrap();
            let text = String::from_utf8(bytes).unwrap();
            let packages = text.lines().filter(|line| line.starts_with("PackageName:"));
            let listed = bill.items.len() + usize::from(bill.subject.is_some());
            assert_eq!(listed, packages.count(), "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 10, "{seen}");
}

const HEAD: &str = "# by hand\n\nSPDXVersion: SPDX-2.3\nSPDXID: SPDXRef-DOCUMENT\n";

#[test]
fn tags_that_nobody_knows_are_passed_over_with_their_texts() {
    let text = format!(
        "\u{feff}{HEAD}Later: <text>\nPackageName: no\n# no\n</text>  \nPackageName :  pay \n\
         SPDXID:SPDXRef-P\nLater: x\nPackageComment: <text>declared, not installed</text>\n\
         FileName: a\nSPDXID: SPDXRef-F\nRelationship: SPDXRef-P DEPENDS_ON SPDXRef-Q"
    );
    let bill = read(text.as_bytes()).unwrap();
    let [item] = bill.items.as_slice() else {
        panic!("{bill:?}");
    };
    assert_eq!((&*item.name, &*item.reference), ("pay", "SPDXRef-P"));
    assert_eq!(item.notes["presence"], "declared");
    assert_eq!(bill.needs, [("SPDXRef-P".into(), "SPDXRef-Q".into())]);
}

#[test]
fn what_two_readers_could_read_differently_is_refused() {
    let unterminated = TagValueError::Unterminated { line: 5 };
    let line = |line| TagValueError::Line { line };
    let repeated = |line, tag| TagValueError::Repeated { line, tag };
    let misplaced = |tag| TagValueError::Misplaced { line: 5, tag };
    let value = |tag| TagValueError::Value { line: 6, tag };
    for (text, error) in [
        ("PackageName: <text>pay\nSPDXID: x", unterminated.clone()),
        ("Later: <text>", unterminated),
        ("Later: <text>a\nb</text> c", line(6)),
        ("\nPackageName", line(6)),
        ("Package Name: pay", line(5)),
        (": pay", line(5)),
        ("SPDXVersion: SPDX-2.2", repeated(5, "SPDXVersion")),
        ("SPDXID: SPDXRef-X", repeated(5, "SPDXID")),
        (
            "PackageName: a\nPackageVersion: 1\nPackageVersion: 2",
            repeated(7, "PackageVersion"),
        ),
        (
            "LicenseID: LicenseRef-a\nLicenseName: <text>a\nb</text>\nLicenseName: b",
            repeated(8, "LicenseName"),
        ),
        ("PackageVersion: 1", misplaced("PackageVersion")),
        ("PackageChecksum: SHA256: 1", misplaced("PackageChecksum")),
        ("ExternalRef: OTHER purl pkg:a/b", misplaced("ExternalRef")),
        ("LicenseName: a", misplaced("LicenseName")),
        (
            "PackageName: a\nPackageChecksum: 1",
            value("PackageChecksum"),
        ),
        (
            "PackageName: a\nExternalRef: OTHER purl",
            value("ExternalRef"),
        ),
        (
            "PackageName: a\nRelationship: a DEPENDS_ON",
            value("Relationship"),
        ),
    ] {
        assert_eq!(refused(&format!("{HEAD}{text}\n")), error, "{text}");
    }
    let mut long = Limits::default();
    long.catalog_file_bytes = 10;
    let error = bill::read(HEAD.as_bytes(), &long).unwrap_err();
    assert_eq!(error.to_string(), "58 bytes of tag-value, the limit is 10");
    let error = read(b"SPDXVersion: SPDX-2.3\nPackageName: \xff").unwrap_err();
    assert_eq!(error.to_string(), "it is not UTF-8");
    for other in ["SPDXVersion: SPDX-3.0", "PackageName: a", "Name: a"] {
        let error = read(other.as_bytes()).unwrap_err();
        assert!(matches!(error, BillError::Format), "{other}");
    }
}

/// Pieces that a value could be broken with.
fn hostile() -> impl Strategy<Value = String> {
    const PIECES: [&str; 16] = [
        "a",
        "<text>",
        "</text>",
        "</TEXT>",
        "\n",
        "\r\n",
        "\u{85}",
        "\u{2028}",
        "\0",
        "<",
        "#",
        ":",
        " ",
        "PackageName: x",
        "SPDXID: x",
        "Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-x",
    ];
    prop::collection::vec(prop::sample::select(&PIECES), 0..8).prop_map(|some| some.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn hostile_values_add_nothing_to_a_document(
        name in hostile(), version in hostile(), supplier in hostile(), about in hostile(), path in hostile()
    ) {
        let purl: Purl = "pkg:generic/pay@1".parse().unwrap();
        let mut package = Package::new(&format!("n{name}"), &version, purl).declared();
        package.supplier = Some(supplier);
        package.description = Some(about);
        let mut inventory = Inventory::default();
        inventory.packages.push(package);
        inventory.unknowns.push(Unknown { path, reason: "not JSON".to_owned() });
        let [json, tag_value] = both(&inventory);
        prop_assert_eq!(tag_value.items.len(), 1);
        prop_assert_eq!(&tag_value.subject, &json.subject);
        prop_assert_eq!(&tag_value.id, &json.id);
        prop_assert_eq!(&tag_value.needs, &json.needs);
        let (read, expected) = (&tag_value.items[0], &json.items[0]);
        prop_assert_eq!(&read.reference, &expected.reference);
        prop_assert_eq!(&read.purl, &expected.purl);
        prop_assert_eq!(&read.notes, &expected.notes);
        prop_assert_eq!(tag_value.unknowns.len(), json.unknowns.len());
    }

    #[test]
    fn random_tag_value_never_panics(
        text in "((SPDXVersion|SPDXID|PackageName|FileName|LicenseID|ExternalRef|Relationship|Later)(:|: <text>| )[ -~ß]{0,12}(</text>)?\n){0,12}"
    ) {
        drop(read(text.as_bytes()));
        drop(read(format!("{HEAD}{text}").as_bytes()));
    }

    #[test]
    fn random_bytes_are_no_bill(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut all = HEAD.as_bytes().to_vec();
        all.extend(bytes);
        drop(read(&all));
    }
}
