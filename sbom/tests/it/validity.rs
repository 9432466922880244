//! Documents judged by the official schemas: the public corpus, and what is made wrong of it.

use std::path::{Path, PathBuf};

use bulla_model::Limits;
use bulla_sbom::format::cyclonedx::Document;
use bulla_sbom::format::cyclonedx::convert::{Converted, to_version};
use bulla_sbom::format::schema::{SchemaError, Validity, validate};
use serde_json::{Value, json};

const VERSIONS: [&str; 6] = ["1.2", "1.3", "1.4", "1.5", "1.6", "1.7"];

fn judged(bytes: &[u8]) -> Validity {
    validate(bytes, &Limits::default()).unwrap()
}

/// Examples of a version in the public corpus, else the few that are here.
fn examples(version: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = root
        .join("../../shared/corpora/cyclonedx-spec")
        .join(version);
    let own = root.join("../testdata/sbom/cyclonedx-examples");
    let folder = if corpus.is_dir() {
        corpus
    } else {
        #[expect(clippy::print_stdout, reason = "what is skipped is said")]
        {
            println!("SKIPPED corpus CycloneDX {version}");
        }
        own
    };
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    let mut files: Vec<PathBuf> = files
        .filter(|path| {
            let name = name(path);
            let ends = [".json", ".xml"]
                .iter()
                .any(|end| name.ends_with(&format!("-{version}{end}")));
            name.starts_with("valid-") && ends
        })
        .collect();
    files.sort();
    files
}

#[test]
fn valid_documents_of_the_specification_are_valid() {
    let mut seen = 0;
    for version in VERSIONS {
        for path in examples(version) {
            let validity = judged(&std::fs::read(&path).unwrap());
            assert_eq!(validity.standard, format!("CycloneDX {version}"));
            assert_eq!(validity.faults, [], "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

/// Each of them made wrong in a few ways, none of which any version allows.
#[test]
fn what_is_made_wrong_of_them_is_not_valid() {
    type Wrong = (&'static str, fn(&mut Value));
    let wrongs: [Wrong; 6] = [
        ("a serial number that is none", |one| {
            one["serialNumber"] = json!("urn:uuid:x");
        }),
        ("a member that nobody knows", |one| {
            one["unknownMember"] = json!(1);
        }),
        ("a version that is no number", |one| {
            one["version"] = json!("1");
        }),
        ("components that are no list", |one| {
            one["components"] = json!({"a": 1});
        }),
        ("a component without a name", |one| {
            one["components"] = json!([{"type": "library"}]);
        }),
        ("a type that nobody knows", |one| {
            one["components"] = json!([{"type": "thing", "name": "a", "version": "1"}]);
        }),
    ];
    for version in VERSIONS {
        let Some(path) = examples(version).into_iter().find(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name.ends_with(&format!("-{version}.json"))
        }) else {
            continue;
        };
        let bytes = std::fs::read(path).unwrap();
        for (what, change) in wrongs {
            let mut document: Value = serde_json::from_slice(&bytes).unwrap();
            change(&mut document);
            let validity = judged(document.to_string().as_bytes());
            assert!(!validity.faults.is_empty(), "{version}: {what}");
        }
    }
}

#[test]
fn faults_say_where_they_are_and_do_not_repeat_what_is_there() {
    let document = json!({
        "bomFormat": "CycloneDX", "specVersion": "1.6",
        "components": [{"type": "library", "name": "a"}, {"type": "s3cret", "name": "b"}],
    });
    let validity = judged(document.to_string().as_bytes());
    assert_eq!(validity.faults.len(), 1, "{validity:?}");
    assert_eq!(validity.faults[0].pointer, "/components/1/type");
    assert!(
        !validity.faults[0].message.contains("s3cret"),
        "{validity:?}"
    );
    let many: Vec<Value> = (0..200).map(|_| json!({"type": "x"})).collect();
    let document = json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": many});
    let validity = judged(document.to_string().as_bytes());
    assert!(validity.is_cut && validity.faults.len() == 100);
}

#[test]
fn elements_that_nobody_knows_are_faults_of_xml() {
    let text = |inside: &str| {
        format!(
            "<bom xmlns=\"http://cyclonedx.org/schema/bom/1.6\" version=\"1\"><components>\
             <component type=\"library\"><name>a</name>{inside}</component></components></bom>"
        )
    };
    assert_eq!(judged(text("").as_bytes()).faults, []);
    let validity = judged(text("<colour>red</colour>").as_bytes());
    assert_eq!(validity.faults.len(), 1, "{validity:?}");
    assert!(
        validity.faults[0].pointer.contains("component"),
        "{validity:?}"
    );
    let foreign = text("<x:colour xmlns:x=\"urn:x\">red</x:colour>");
    assert_eq!(judged(foreign.as_bytes()).faults, []);
}

#[test]
fn what_has_no_schema_is_said() {
    for text in [
        "{}",
        "[1]",
        r#"{"bomFormat": "CycloneDX", "specVersion": "9.9"}"#,
    ] {
        let told = validate(text.as_bytes(), &Limits::default());
        assert!(
            matches!(told, Err(SchemaError::Unknown)),
            "{text}: {told:?}"
        );
    }
    let told = validate(b"{", &Limits::default());
    assert!(matches!(told, Err(SchemaError::Json { .. })), "{told:?}");
}

/// What is read of each is written again without loss, in its own spelling and in the other.
#[test]
fn documents_of_the_specification_are_read_without_loss() {
    for version in VERSIONS {
        for path in examples(version) {
            let bytes = std::fs::read(&path).unwrap();
            let document = Document::read(&bytes, &Limits::default()).unwrap();
            let again = Document::read(&document.to_json(), &Limits::default()).unwrap();
            assert_eq!(document.members(), again.members(), "{}", path.display());
        }
    }
}

#[test]
fn every_document_becomes_one_of_any_version_and_newer_ones_lose_nothing() {
    for from in VERSIONS {
        for path in examples(from) {
            let bytes = std::fs::read(&path).unwrap();
            let document = Document::read(&bytes, &Limits::default()).unwrap();
            for to in VERSIONS {
                let what = format!("{} to {to}", path.display());
                let converted =
                    to_version(&document, to).unwrap_or_else(|error| panic!("{what}: {error}"));
                let written = converted.document.to_json();
                assert_eq!(judged(&written).faults, [], "{what}");
                let is_json = path.extension().is_some_and(|ending| ending == "json");
                if to >= from && is_json {
                    assert_eq!(converted.left_out, Vec::<String>::new(), "{what}");
                }
            }
        }
    }
}

#[test]
fn what_an_older_version_has_no_place_for_is_told() {
    let document = json!({
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": {
            "lifecycles": [{"phase": "build"}],
            "tools": {
                "components": [{"type": "application", "name": "bulla", "version": "1", "group": "x"}],
                "services": [{"name": "builder"}],
            },
        },
        "components": [
            {"type": "cryptographic-asset", "name": "key", "version": "1"},
            {"type": "library", "name": "pay", "version": "1", "authors": [{"name": "Ada"}, {"name": "Bob", "email": "bob@example.test"}],
             "licenses": [{"license": {"id": "MIT", "acknowledgement": "declared"}}],
             "evidence": {"identity": [{"field": "purl"}, {"field": "cpe"}]}},
        ],
    });
    let document = Document::read(document.to_string().as_bytes(), &Limits::default()).unwrap();
    let converted = to_version(&document, "1.5").unwrap();
    let pay = &converted.document.members()["components"];
    assert_eq!(pay.as_array().unwrap().len(), 1, "{pay}");
    assert_eq!(pay[0]["author"], "Ada, Bob");
    assert_eq!(pay[0]["evidence"]["identity"], json!({"field": "purl"}));
    assert_eq!(pay[0]["licenses"], json!([{"license": {"id": "MIT"}}]));
    let is_told = |converted: &Converted, place: &str| {
        let told = &converted.left_out;
        assert!(told.iter().any(|one| one == place), "{place}: {told:?}");
    };
    is_told(&converted, "/components/0");
    is_told(&converted, "/components/1/authors/1/email");
    is_told(&converted, "/components/1/evidence/identity/1");
    let converted = to_version(&document, "1.4").unwrap();
    let metadata = &converted.document.members()["metadata"];
    assert_eq!(
        metadata["tools"],
        json!([{"name": "bulla", "version": "1"}])
    );
    is_told(&converted, "/metadata/lifecycles");
    is_told(&converted, "/metadata/tools/components/0/group");
    is_told(&converted, "/metadata/tools/services");
    assert!(to_version(&document, "1.8").is_err());
}

#[test]
fn licences_that_are_declared_and_concluded_stay_where_one_place_is_left() {
    let both = |text: &str| {
        let one = |word| json!({"expression": text, "acknowledgement": word});
        json!([one("declared"), one("concluded")])
    };
    let license = |word: Option<&str>| {
        let mut license = json!({"id": "MIT"});
        if let Some(word) = word {
            license["acknowledgement"] = word.into();
        }
        json!({ "license": license })
    };
    let document = json!({
        "bomFormat": "CycloneDX", "specVersion": "1.7", "version": 1,
        "components": [
            {"type": "library", "name": "a", "licenses": both("MIT OR ISC")},
            {"type": "library", "name": "b", "licenses": [license(Some("declared")), license(Some("concluded"))]},
            {"type": "library", "name": "c", "licenses": [{"expression": "MIT"}, license(None)]},
        ],
    });
    let document = Document::read(document.to_string().as_bytes(), &Limits::default()).unwrap();
    let licenses = |version: &str| {
        let converted = to_version(&document, version).unwrap();
        let components = converted.document.members()["components"].clone();
        let all = [0, 1, 2].map(|number| components[number]["licenses"].clone());
        (all, converted.left_out)
    };
    let ([a, b, c], left_out) = licenses("1.6");
    assert_eq!(
        a,
        json!([{"expression": "MIT OR ISC", "acknowledgement": "concluded"}])
    );
    assert_eq!(
        b,
        json!([license(Some("declared")), license(Some("concluded"))])
    );
    assert_eq!(c, Value::Null);
    assert_eq!(
        left_out,
        ["/components/0/licenses/0", "/components/2/licenses"]
    );
    let ([a, b, _], left_out) = licenses("1.5");
    assert_eq!(a, json!([{"expression": "MIT OR ISC"}]));
    assert_eq!(b, json!([license(None)]));
    let told = "/components/1/licenses/1/license/acknowledgement".to_owned();
    assert!(left_out.contains(&told), "{left_out:?}");
}
