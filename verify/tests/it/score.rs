//! What a bill of materials is worth: documents that meet everything, and one mutation of them for each
//! check. The expected values are computed by hand from `docs/sbom-score.md`.

use proptest::prelude::*;
use serde_json::{Value, json};

use bulla_model::Limits;
use bulla_verify::score::{Category, Check, Quality, QualityError, Score};

pub(crate) const CYCLONEDX: &str = include_str!("../../../testdata/score/full.cdx.json");
const SPDX: &str = include_str!("../../../testdata/score/full.spdx.json");

/// The document with another value at a JSON pointer; null is nothing.
pub(crate) fn with(document: &str, pointer: &str, value: Value) -> Value {
    let mut document: Value = serde_json::from_str(document).unwrap();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap() {
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
        members => members[name] = value,
    }
    document
}

#[track_caller]
fn quality(document: &Value) -> Quality {
    Quality::of_document(document.to_string().as_bytes(), &Limits::default()).unwrap()
}

/// The score, and what it loses by each check in hundredths.
fn told(quality: &Quality) -> (String, String) {
    let fixes = quality.fixes.iter();
    let fixes: Vec<_> = fixes
        .map(|fix| format!("{} {}", fix.check, fix.lost))
        .collect();
    (quality.score.to_string(), fixes.join(", "))
}

fn count(document: &str, cases: &str) {
    for case in cases.trim().lines() {
        let [pointer, value, score, fixes] = *case.split(" |").collect::<Vec<_>>() else {
            panic!("{case}");
        };
        let document = with(document, pointer, serde_json::from_str(value).unwrap());
        let expected = (score.trim().to_owned(), fixes.trim().to_owned());
        assert_eq!(told(&quality(&document)), expected, "{case}");
    }
}

#[test]
fn documents_that_meet_everything_have_what_their_format_has_a_place_for() {
    let quality = |text| Quality::of_document(str::as_bytes(text), &Limits::default()).unwrap();
    let full = quality(CYCLONEDX);
    assert_eq!(told(&full), ("10.0".to_owned(), String::new()));
    assert_eq!((full.components, full.score), (2, Score::FULL));
    // SPDX 2 has no place for a supplier of the document, a lifecycle and a word about completeness.
    let spdx = quality(SPDX);
    assert_eq!(told(&spdx), ("9.3".to_owned(), String::new()));
    assert_eq!(spdx.score, Score::MOST_OF_SPDX);
    let categories = spdx.categories.iter();
    let categories: Vec<_> = categories
        .map(|one| (one.category, one.score.to_string()))
        .filter(|(_, score)| score != "10.0")
        .collect();
    let expected = [
        (Category::Provenance, "7.5".to_owned()),
        (Category::Completeness, "8.0".to_owned()),
    ];
    assert_eq!(categories, expected);
}

/// A place, the value there, the score, and what it loses by which check in hundredths.
const OF_CYCLONEDX: &str = r#"
/components/0/name | " " | 9.5 | component-name 24, required-members 19
/components/0/version | "" | 9.7 | component-version 21
/components/0/bom-ref | null | 9.4 | dependencies-complete 36, component-id 15
/metadata/timestamp | "23 November 2026" | 9.5 | timestamp 29, required-members 19
/metadata/timestamp | null | 9.7 | timestamp 29
/metadata/authors | [{}] | 9.7 | authors 29
/metadata/tools/components/0/version | null | 9.8 | tool 14
/metadata/tools | [{"vendor": "x", "version": "1"}] | 9.7 | tool 29
/metadata/tools | [{"name": "x", "version": "1"}] | 10.0 |
/metadata/supplier | {"name": ""} | 9.7 | supplier 21
/serialNumber | "6f1d3c1e" | 9.7 | namespace 21
/metadata/lifecycles/0/phase | "dinner" | 9.6 | required-members 19, lifecycle 14
/components/0/hashes | [] | 9.5 | strong-hash 45
/components/0/hashes | [{"alg": "SHA-1", "content": "0123456789012345678901234567890123456789"}] | 9.1 | strong-hash 45, no-weak-hash 36
/signature | null | 9.8 | signature 18
/signature/publicKey | null | 9.9 | signature 9
/dependencies | [] | 9.6 | dependencies-complete 36
/compositions/1/aggregate | "incomplete" | 9.6 | dependencies-complete 36
/compositions/0/aggregate | "unknown" | 9.7 | declared-complete 21
/metadata/component | null | 9.3 | dependencies-complete 36, primary-component 29
/components/0/externalReferences | [] | 9.8 | source-code 10
/components/0/supplier/name | null | 9.8 | component-supplier 10
/components/0/type | "spoon" | 9.7 | required-members 19, purpose 7
/components/0/licenses/1/license/acknowledgement | null | 9.5 | concluded-license 45
/components/0/licenses/1 | {"license": {"name": "as is", "acknowledgement": "concluded"}} | 9.6 | valid-license 15, listed-license 15
/components/0/licenses/1/license/id | "LicenseRef-own" | 9.6 | required-members 19, listed-license 15
/components/0/licenses/1/license/id | "GPL-2.0" | 9.7 | permissive-license 15, current-license 11
/components/0/licenses/1/license/id | "EPL-2.0" | 9.8 | permissive-license 15
/components/0/licenses/0/license/acknowledgement | null | 9.8 | declared-license 11
/components/0/licenses | [{"expression": "MIT OR (Zlib AND ISC)", "acknowledgement": "concluded"}] | 9.8 | declared-license 11
/metadata/licenses | null | 9.8 | data-license 15
/components/0/purl | "zlib" | 10.0 |
/specVersion | "1.9" | 9.5 | specification-version 29, required-members 19
"#;

#[test]
fn every_check_of_cyclonedx_counts() {
    count(CYCLONEDX, OF_CYCLONEDX);
    let mut unnamed = with(CYCLONEDX, "/components/0/purl", json!(null));
    unnamed["components"][0]["cpe"] = json!("cpe:2.3:a:zlib");
    let expected = ("9.3".to_owned(), "package-identifier 60".to_owned());
    assert_eq!(told(&quality(&unnamed)), expected);
}

/// As above.
const OF_SPDX: &str = r#"
/packages/1/name | null | 8.9 | component-name 24, required-members 19
/packages/1/versionInfo | "" | 9.1 | component-version 21
/creationInfo/created | "2026-11-23" | 9.0 | timestamp 29
/creationInfo/creators | ["Tool: lister-1.0"] | 9.0 | authors 29
/creationInfo/creators/1 | "Tool: lister" | 9.1 | tool 14
/documentNamespace | null | 9.1 | namespace 21
/packages/1/checksums/1 | {"algorithm": "MD5", "checksumValue": "01234567890123456789012345678901"} | 8.4 | strong-hash 50, no-weak-hash 40
/relationships | [] | 8.9 | primary-component 39
/packages/1/sourceInfo | null | 9.1 | source-code 14
/packages/1/supplier | "NOASSERTION" | 9.1 | component-supplier 14
/packages/1/primaryPackagePurpose | "SPOON" | 9.2 | purpose 9
/packages/1/licenseConcluded | "NOASSERTION" | 8.8 | concluded-license 45
/packages/1/licenseConcluded | "see COPYING" | 9.0 | valid-license 15, listed-license 15
/packages/1/licenseDeclared | "NONE" | 9.2 | declared-license 11
/dataLicense | "NOASSERTION" | 9.1 | data-license 15
/packages/1/externalRefs | [] | 8.7 | package-identifier 60
/packages/1/downloadLocation | null | 9.1 | required-members 19
/spdxVersion | "SPDX-2.0" | 8.8 | specification-version 29, required-members 19
"#;

#[test]
fn every_check_of_spdx_counts() {
    count(SPDX, OF_SPDX);
    let mut described = with(SPDX, "/relationships", json!([]));
    described["documentDescribes"] = json!(["SPDXRef-api"]);
    assert_eq!(quality(&described).score.to_string(), "9.3");
}

#[test]
fn what_raises_it_most_is_told_first_and_of_whom() {
    let mut document = with(CYCLONEDX, "/components/0/hashes", json!(null));
    document["metadata"]["component"]["hashes"] = json!(null);
    document["signature"] = json!(null);
    let fixes = quality(&document).fixes;
    let lines: Vec<String> = fixes.iter().map(ToString::to_string).collect();
    // Nothing is weak where there is nothing: a digest is what is missing.
    assert_eq!(
        lines,
        [
            "tell a digest of every component, SHA-256 or better (2 components: pkg:oci/api@sha256%3A0123456789012345678901234567890123456789012345678901234567890123, pkg:generic/zlib@1.3.1)",
            "sign the document within itself",
        ]
    );
    assert_eq!(fixes[0].lost, 164);
}

#[test]
fn before_1_6_licences_are_concluded_and_then_declared() {
    for (version, lacking) in [
        ("1.5", Check::DeclaredLicense),
        ("1.6", Check::ConcludedLicense),
    ] {
        let mut document = with(CYCLONEDX, "/specVersion", json!(version));
        for component in ["/components/0", "/metadata/component"] {
            let of = document.pointer_mut(component).unwrap();
            of["licenses"] = json!([{"license": {"id": "MIT"}}]);
        }
        let quality = quality(&document);
        let fix = quality.fixes.first().map(|fix| (fix.check, fix.missing));
        assert_eq!(fix, Some((lacking, Some(2))), "{version}");
    }
}

#[test]
fn components_that_share_a_reference_are_one() {
    let mut document: Value = serde_json::from_str(CYCLONEDX).unwrap();
    let own = document["metadata"]["component"].clone();
    document["components"].as_array_mut().unwrap().push(own);
    assert_eq!(quality(&document).components, 2);
    document["components"][0]["components"] = json!([{"type": "library", "name": "inner"}]);
    assert_eq!(quality(&document).components, 3);
}

#[test]
fn expressions_stand_beside_each_other_since_1_7() {
    let one = |word| json!({"expression": "MIT OR ISC", "acknowledgement": word});
    let licenses = json!([one("declared"), one("concluded")]);
    for (version, score) in [("1.6", "9.8"), ("1.7", "10.0")] {
        let mut document = with(CYCLONEDX, "/components/0/licenses", licenses.clone());
        document["specVersion"] = version.into();
        assert_eq!(quality(&document).score.to_string(), score, "{version}");
    }
}

#[test]
fn without_components_only_the_document_counts() {
    let document = json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": []});
    let quality = quality(&document);
    // Structure 8 of 82; nothing of the others is there, or asked.
    assert_eq!(
        (quality.score.to_string().as_str(), quality.components),
        ("0.9", 0)
    );
}

#[test]
fn what_is_no_bill_of_materials_has_no_score() {
    let of = |text: &str| Quality::of_document(text.as_bytes(), &Limits::default()).unwrap_err();
    assert!(matches!(of("{"), QualityError::Json(_)));
    assert!(matches!(of(r#"{"a":1,"a":2}"#), QualityError::Json(_)));
    assert_eq!(of("{}"), QualityError::Format);
    let graph = r#"{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[]}"#;
    assert_eq!(of(graph), QualityError::Format);
    for (document, pointer, value) in [
        (CYCLONEDX, "/components", json!({})),
        (CYCLONEDX, "/components/0", json!("zlib")),
        (CYCLONEDX, "/components/0/name", json!(7)),
        (CYCLONEDX, "/metadata/supplier", json!("Acme")),
        (SPDX, "/packages/0/checksums", json!("none")),
    ] {
        let error = of(&with(document, pointer, value).to_string());
        assert!(
            matches!(error, QualityError::Form { .. }),
            "{pointer}: {error}"
        );
    }
    let mut small = Limits::default();
    small.document_bytes = 100;
    let error = Quality::of_document(CYCLONEDX.as_bytes(), &small).unwrap_err();
    assert!(matches!(error, QualityError::Json(_)));
}

/// Every place in a document.
fn places(value: &Value, path: &str, all: &mut Vec<String>) {
    let mut add = |name: &str, inner: &Value| {
        let path = format!("{path}/{name}");
        places(inner, &path, all);
        all.push(path);
    };
    match value {
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                add(&index.to_string(), inner);
            }
        }
        Value::Object(members) => {
            for (name, inner) in members {
                add(name, inner);
            }
        }
        _ => {}
    }
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[ -~]{0,8}".prop_map(Value::from),
        prop::sample::select(vec![
            "GPL-2.0+",
            "cpe:2.3:a:\\:",
            "cpe:/",
            "pkg:",
            "((((",
            "2026-11-23T"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,6}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn whatever_stands_in_a_document_it_is_scored_or_refused(
        is_spdx: bool,
        changes in prop::collection::vec((any::<prop::sample::Index>(), anything()), 1..4),
    ) {
        let text = if is_spdx { SPDX } else { CYCLONEDX };
        let mut document: Value = serde_json::from_str(text).unwrap();
        for (place, value) in changes {
            let mut all = Vec::new();
            places(&document, "", &mut all);
            if let Some(at) = all.get(place.index(all.len().max(1))) {
                *document.pointer_mut(at).unwrap() = value;
            }
        }
        let bytes = document.to_string();
        let score = || Quality::of_document(bytes.as_bytes(), &Limits::default());
        if let Ok(quality) = score() {
            prop_assert!(quality.score <= Score::FULL);
            let lost: u64 = quality.fixes.iter().map(|fix| fix.lost).sum();
            let most = if is_spdx { 935 } else { 1000 };
            prop_assert!(u64::from(quality.score.tenths()) * 10 + lost <= most, "{quality:?}");
            prop_assert_eq!(told(&quality), told(&score().unwrap()));
        }
    }
}
