//! SPDX 3 documents of others are read without being believed.

use std::path::Path;

use bulla_model::Limits;
use bulla_sbom::bill::{self, BillError};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::spdx3::{data, read};

#[test]
fn a_document_as_another_tool_writes_it_is_read() {
    let bytes = std::fs::read(data("spdx-examples").join("example13.spdx3.json")).unwrap();
    let bill = read(&bytes).unwrap();
    assert_eq!(bill.format, "SPDX-3.0.1");
    let subject = bill.subject.unwrap();
    assert_eq!(
        (&*subject.name, subject.version.as_deref()),
        ("Acme Application", Some("1.3"))
    );
    assert_eq!(bill.items.len(), 3);
    assert_eq!(bill.needs.len(), 1);
    assert_eq!(bill.is_complete, None);
}

#[test]
fn documents_in_other_shapes_are_read() {
    let document = json!({
        "@context": ["https://spdx.org/rdf/3.0.0/spdx-context.jsonld", { "x": "https://x.test#" }],
        "@graph": [
            { "type": "software_Sbom", "spdxId": "x:sbom", "rootElement": ["x:file"],
              "creationInfo": { "type": "CreationInfo", "created": "2026-01-01T00:00:00Z",
                                "specVersion": "3.0.0" } },
            { "type": "software_File", "spdxId": "x:file", "name": "pay" },
            { "type": "software_File", "spdxId": "x:other", "name": "other" },
            { "type": "software_Package", "spdxId": "x:a", "name": "a", "suppliedBy": "x:who",
              "software_primaryPurpose": "deviceDriver",
              "externalIdentifier": [
                  { "externalIdentifierType": "packageUrl", "identifier": "pkg:generic/a@1" },
                  { "externalIdentifierType": "cpe22", "identifier": "cpe:/a:a:a" }],
              "verifiedUsing": [{ "algorithm": "sha3_256", "hashValue": "00" },
                                { "algorithm": "md5", "hashValue": "11" }] },
            { "type": "ai_AIPackage", "spdxId": "x:model", "name": "model" },
            { "type": "Person", "spdxId": "x:who", "name": "Jane Example" },
            { "type": "simplelicensing_LicenseExpression", "spdxId": "x:own",
              "simplelicensing_licenseExpression": "LicenseRef-own",
              "simplelicensing_customIdToUri": [{ "key": "LicenseRef-own", "value": "x:text" }] },
            { "type": "simplelicensing_SimpleLicensingText", "spdxId": "x:text", "name": "Our own" },
            { "type": "Relationship", "relationshipType": "hasConcludedLicense", "from": "x:a",
              "to": ["https://spdx.org/licenses/MIT"] },
            { "type": "Relationship", "relationshipType": "hasDeclaredLicense", "from": "x:a",
              "to": ["x:own", "https://spdx.org/licenses/ISC", "NoAssertionLicense"] },
            { "type": "Relationship", "relationshipType": "hasConcludedLicense", "from": "x:model",
              "to": ["https://spdx.org/licenses/MIT"] },
            { "type": "Relationship", "relationshipType": "contains", "from": "x:file",
              "to": ["x:a"], "completeness": "complete" },
            { "type": "Relationship", "relationshipType": "contains", "from": "x:file",
              "to": ["x:model"], "completeness": "incomplete" },
            { "type": "LifecycleScopedRelationship", "relationshipType": "dependsOn",
              "from": "x:file", "to": ["x:model", "spdx:Core/NoneElement"], "scope": "test" },
        ],
    });
    let bill = read(document.to_string().as_bytes()).unwrap();
    assert_eq!(bill.format, "SPDX-3.0.0");
    assert_eq!(bill.id.as_deref(), Some("x:sbom"));
    assert_eq!(bill.timestamp.as_deref(), Some("2026-01-01T00:00:00Z"));
    assert_eq!(bill.is_complete, Some(false));
    assert_eq!(bill.needs, [("x:file".into(), "x:model".into())]);
    let subject = bill.subject.unwrap();
    assert_eq!((&*subject.kind, &*subject.name), ("file", "pay"));
    let [a, model] = bill.items.as_slice() else {
        panic!("{:?}", bill.items);
    };
    assert_eq!(a.kind, "device-driver");
    assert_eq!(a.purl.as_deref(), Some("pkg:generic/a@1"));
    assert_eq!(a.cpes, ["cpe:/a:a:a"]);
    assert_eq!(a.supplier.as_deref(), Some("Jane Example"));
    assert_eq!(a.hashes.keys().collect::<Vec<_>>(), ["MD5", "SHA3-256"]);
    assert_eq!(a.licenses.iter().collect::<Vec<_>>(), ["ISC", "Our own"]);
    assert_eq!(model.kind, "machine-learning-model");
    assert_eq!(model.licenses.iter().collect::<Vec<_>>(), ["MIT"]);
    // It is contained too: that it is tested with it is not all.
    assert_eq!(model.scope, None);
}

#[test]
fn what_is_told_at_many_places_is_bounded() {
    let name = "x".repeat(1000);
    let elements = (0..100).map(|number| {
        json!({ "type": "software_Package", "spdxId": format!("x:{number}"), "suppliedBy": "x:who" })
    });
    let context = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld";
    let refused = |graph: Vec<Value>| {
        let bytes = json!({ "@context": context, "@graph": graph }).to_string();
        let mut limits = Limits::default();
        limits.catalog_file_bytes = 20_000;
        assert!(bytes.len() < 20_000);
        matches!(
            bill::read(bytes.as_bytes(), &limits),
            Err(BillError::References { limit: 20_000 })
        )
    };
    let who = json!({ "type": "Agent", "spdxId": "x:who", "name": name });
    assert!(refused(elements.clone().chain([who]).collect()));
    let ids: Vec<_> = (0..1000).map(|number| format!("x:{number}")).collect();
    let needs =
        json!({ "type": "Relationship", "relationshipType": "dependsOn", "from": name, "to": ids });
    assert!(refused(vec![needs]));
    assert!(!refused(elements.collect()));
}

#[test]
fn another_context_is_another_kind_of_document() {
    for context in [
        "https://spdx.org/rdf/4.0.0/spdx-context.jsonld",
        "https://example.test/x",
    ] {
        let document = json!({ "@context": context, "@graph": [] }).to_string();
        let error = read(document.as_bytes()).unwrap_err();
        assert!(matches!(error, BillError::Format), "{context}");
    }
}

#[test]
fn public_examples_are_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora");
    let mut left = vec![root.join("spdx-examples"), root.join("spdx-3-model")];
    if !left.iter().all(|one| one.is_dir()) {
        #[expect(clippy::print_stdout, reason = "what is skipped is said")]
        {
            println!("SKIPPED corpus SPDX examples");
        }
        return;
    }
    let mut seen = 0;
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(
                std::fs::read_dir(path)
                    .unwrap()
                    .map(|one| one.unwrap().path()),
            );
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let name = path.display().to_string();
        let is_3 = path.extension().is_some_and(|one| one == "json")
            && bytes.windows(9).any(|part| part == b"@context\"");
        if is_3 {
            let bill = read(&bytes).unwrap();
            assert!(bill.format.starts_with("SPDX-3.0"), "{name}");
            if name.contains("/spdx3.0/") {
                let subject = bill.subject.unwrap();
                assert!(!subject.name.is_empty(), "{name}");
            }
            seen += 1;
        }
    }
    assert!(seen > 30, "{seen}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn random_elements_never_panic(
        kind in "(SpdxDocument|software_Sbom|software_Package|Relationship|[a-z]{0,4})",
        key in "(rootElement|to|from|spdxId|name|relationshipType|creationInfo|verifiedUsing)",
        value in "(a|b|contains|describes|dependsOn)",
    ) {
        let context = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld";
        let mut one = json!({ "type": kind, "spdxId": "a", "relationshipType": "describes",
            "from": "a", "to": ["a", "b"], "rootElement": ["a", 1, null], "creationInfo": "a" });
        one[&key] = json!(value);
        let mut other = one.clone();
        other[&key] = json!([value, { "a": value }]);
        let document = json!({ "@context": context, "@graph": [one, other, 1, null, "a"] });
        prop_assert!(read(document.to_string().as_bytes()).is_ok());
        let bare = json!({ "@context": context, "type": kind, key: value });
        prop_assert!(read(bare.to_string().as_bytes()).is_ok());
    }
}
