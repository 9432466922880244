//! CycloneDX in XML says what it says in JSON.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bulla_model::Limits;
use bulla_sbom::format::cyclonedx::{Document, xml};
use serde_json::{Map, Value};

/// Where the documents of one name say different things, by name, first and last version.
const DIFFERENT: [(&str, &[&str]); 5] = [
    (
        "the specification's documents differ: another name, time, text or component",
        &[
            "annotation 1.5 1.5 /annotations/0/timestamp /annotations/1/text /annotations/1/timestamp /annotations/2/timestamp /annotations/3/annotator/service/data/0/classification /annotations/3/annotator/service/provider/contact /annotations/3/timestamp",
            "bom 1.2 1.5 /components /dependencies /metadata/timestamp",
            "component-ref 1.2 1.5 /components/0/components /components/1/bom-ref",
            "compositions 1.3 1.5 /components/1/version",
            "compositions 1.5 1.5 /compositions/2/assemblies /compositions/2/vulnerabilities",
            "cryptography-full 1.6 1.6 /components/1/cryptoProperties/protocolProperties /components/2/cryptoProperties/protocolProperties/cryptoRefArray /components/2/cryptoProperties/protocolProperties/ikev2TransformTypes",
            "dependency 1.2 1.5 /components/0/name /components/1/name /components/2/name",
            "external-reference 1.3 1.5 /components/0/externalReferences/1/hashes/0/content /components/0/publisher",
            "formulation 1.5 1.5 /formulation/0/workflows/0/taskTypes/0 /formulation/0/workflows/0/tasks/0/runtimeTopology/0/dependsOn/0 /formulation/0/workflows/0/tasks/0/runtimeTopology/0/ref /formulation/0/workflows/0/timeEnd /formulation/0/workflows/0/trigger/event/data/content /formulation/0/workflows/0/trigger/uid /formulation/0/workflows/0/workspaces/0/bom-ref",
            "formulation 1.5 1.6 /formulation/0/workflows/0/trigger/event/data/contentType",
            "license-expression 1.2 1.5 /components/0/description /components/0/hashes /components/0/purl /components/0/scope /components/0/type",
            "license-expression 1.5 1.5 /components/0/licenses/0/expression",
            "license-id 1.2 1.5 /components/0/description /components/0/hashes /components/0/purl /components/0/scope /components/0/type",
            "license-name 1.2 1.5 /components/0/description /components/0/hashes /components/0/purl /components/0/scope /components/0/type",
            "machine-learning 1.5 1.5 /components/0/modelCard/considerations/technicalLimitations/0 /components/0/modelCard/modelParameters/outputs/0/format /components/0/publisher",
            "metadata-timestamp 1.2 1.6 /metadata/timestamp",
            "properties 1.3 1.5 /components/0/properties /services/0/properties",
            "release-notes 1.4 1.5 /components/0/releaseNotes/resolves/1/description /services/0/provider/contact/0/email /services/0/releaseNotes/resolves/1/description",
            "saasbom 1.5 1.5 /services/0/data/0/governance /services/0/name /services/0/services/0/data/0/governance /services/0/services/0/description /services/0/services/0/version /services/0/services/1/data/0/classification /services/0/services/1/description /services/0/services/1/version /services/0/services/2/data/0/classification /services/0/services/2/description /services/0/services/2/version /services/0/version",
            "service 1.2 1.5 /components/0/publisher",
            "service 1.4 1.5 /services/0/provider/contact/0/email",
            "service-empty-objects 1.2 1.6 /services/0/externalReferences /services/0/licenses",
            "vulnerability 1.4 1.5 /vulnerabilities/0/ratings/0/vector /vulnerabilities/0/references",
            "vulnerability 1.5 1.5 /vulnerabilities/0/tools/services/0/provider/name",
        ],
    ),
    (
        "XML has one element for what needs nothing and for what is not told to need anything",
        &[
            "dependency 1.2 1.6 /dependencies/0/dependsOn",
            "saasbom 1.5 1.6 /dependencies/3/dependsOn",
        ],
    ),
    (
        "XML has nothing for an empty list without an element of its own",
        &["service-empty-objects 1.2 1.6 /services/0/provider/contact"],
    ),
    (
        "one identity is a list of one since 1.6; JSON may still have it without",
        &["evidence 1.6 1.6 /components/0/evidence/identity"],
    ),
    (
        "signatures are JSF in JSON and XMLDSig in XML, and hold for one spelling alone",
        &[
            "attestation 1.6 1.6 /declarations/affirmation/signatories/0/signature /declarations/affirmation/signature /declarations/attestations/0/signature /declarations/claims/0/signature /declarations/evidence/0/signature /declarations/evidence/1/signature /declarations/evidence/2/signature /declarations/signature /signature",
            "standard 1.6 1.6 /definitions/standards/0/signature",
        ],
    ),
];

pub(crate) fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/sbom/cyclonedx-examples")
}

/// The shared corpora, which are not part of the repository; `BULLA_CORPORA` says where else they are.
#[expect(clippy::print_stdout, reason = "a test that does not run says so")]
fn corpus(name: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora");
    let corpora = std::env::var_os("BULLA_CORPORA").map_or_else(beside, PathBuf::from);
    let folder = corpora.join(name);
    if !folder.is_dir() {
        println!("SKIPPED corpus {name}: {} is not there", folder.display());
        return None;
    }
    Some(folder)
}

/// All files with this ending below a folder, sorted.
pub(crate) fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path
            .extension()
            .is_some_and(|extension| extension == ending)
        {
            found.push(path);
        }
    }
    found.sort();
    found
}

pub(crate) fn read(path: &Path) -> Document {
    let bytes = std::fs::read(path).unwrap();
    Document::read(&bytes, &Limits::default())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What both spellings have: XML has its schema elsewhere.
pub(crate) fn tree(document: &Document) -> Map<String, Value> {
    let mut members = document.members().clone();
    members.remove("$schema");
    members
}

/// JSON pointers of what differs.
fn differences(at: &str, one: Option<&Value>, other: Option<&Value>, found: &mut Vec<String>) {
    match (one, other) {
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for name in names {
                let at = format!("{at}/{name}");
                differences(&at, one.get(name), other.get(name), found);
            }
        }
        (Some(Value::Array(one)), Some(Value::Array(other))) if one.len() == other.len() => {
            for (index, (one, other)) in one.iter().zip(other).enumerate() {
                differences(&format!("{at}/{index}"), Some(one), Some(other), found);
            }
        }
        _ if one == other => {}
        _ => found.push(at.to_owned()),
    }
}

/// Places at which the documents of one name differ, as `NAME-VERSION POINTER`.
fn different_pairs(folder: &Path) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let mut pairs = 0;
    for file in files(folder, "xml") {
        let json = file.with_extension("json");
        if !json.is_file() {
            continue;
        }
        pairs += 1;
        let one = Value::Object(tree(&read(&file)));
        let other = Value::Object(tree(&read(&json)));
        let mut found = Vec::new();
        differences("", Some(&one), Some(&other), &mut found);
        let name = file.file_stem().unwrap().to_str().unwrap();
        let name = name.strip_prefix("valid-").unwrap_or(name);
        all.extend(found.iter().map(|pointer| format!("{name} {pointer}")));
    }
    assert!(pairs >= 20, "only {pairs} pairs in {}", folder.display());
    all
}

fn known_differences() -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for line in DIFFERENT.iter().flat_map(|(_, lines)| lines.iter()) {
        let words: Vec<&str> = line.split(' ').collect();
        let [name, first, last, pointers @ ..] = words.as_slice() else {
            panic!("{line}");
        };
        for version in ["1.2", "1.3", "1.4", "1.5", "1.6"] {
            if (*first..=*last).contains(&version) {
                let all = pointers.iter().map(|at| format!("{name}-{version} {at}"));
                known.extend(all);
            }
        }
    }
    known
}

#[test]
fn both_spellings_of_a_document_have_one_tree() {
    let found = different_pairs(&examples());
    let unknown: Vec<_> = found.difference(&known_differences()).cloned().collect();
    assert_eq!(unknown, Vec::<String>::new());
    if let Some(corpus) = corpus("cyclonedx-spec") {
        assert_eq!(different_pairs(&corpus), known_differences());
    }
}

/// Leaves a document for other programs in the folder that `BULLA_WRITE_XML` names.
pub(crate) fn leave(name: &str, bytes: &[u8]) {
    if let Some(folder) = std::env::var_os("BULLA_WRITE_XML") {
        std::fs::write(
            Path::new(&folder).join(name).with_added_extension("xml"),
            bytes,
        )
        .unwrap();
    }
}

/// What is lost when a document is written as XML and read again, which else changes nothing.
fn lost_on_the_way(path: &Path) -> BTreeSet<String> {
    let document = read(path);
    let written = xml::write(&document);
    let ending = path.extension().unwrap().to_str().unwrap();
    let name = path.file_stem().unwrap().to_str().unwrap();
    leave(&format!("{name}-of-{ending}"), &written.bytes);
    let again = xml::read(&written.bytes, &Limits::default()).unwrap();
    assert_eq!(again.losses(), [], "{}", path.display());
    let lost = written.losses.iter().map(|loss| loss.lost.to_string());
    if written.losses.is_empty() {
        assert_eq!(again.members(), &tree(&document), "{}", path.display());
    }
    let twice = xml::write(&again);
    assert_eq!(twice.losses, [], "{}", path.display());
    assert_eq!(twice.bytes, written.bytes, "{}", path.display());
    lost.collect()
}

#[test]
fn what_is_read_from_xml_is_written_without_loss() {
    for folder in [
        Some(examples()),
        corpus("cyclonedx-spec"),
        corpus("cyclonedx-bom-examples"),
    ] {
        for file in folder.iter().flat_map(|folder| files(folder, "xml")) {
            if is_older(&file) {
                continue;
            }
            assert_eq!(
                lost_on_the_way(&file),
                BTreeSet::new(),
                "{}",
                file.display()
            );
        }
    }
}

/// Schemas, and documents of versions before 1.2.
fn is_older(file: &Path) -> bool {
    let name = file.file_name().unwrap().to_str().unwrap();
    name.starts_with("xmlcatalog") || name.contains("1.1") || name.contains("1.0")
}

/// What JSON says that XML has no place for, by name of the document.
const LOST: [(&str, &str); 8] = [
    ("attestation", "has no place in XML"),
    ("dependency", "empty"),
    ("evidence", "another kind of value"),
    ("saasbom", "empty"),
    ("service-empty-objects", "empty"),
    ("signatures", "has no place in XML"),
    ("standard", "has no place in XML"),
    ("bom", "empty"),
];

#[test]
fn what_is_read_from_json_is_in_xml_or_reported() {
    for folder in [
        Some(examples()),
        corpus("cyclonedx-spec"),
        corpus("cyclonedx-bom-examples"),
    ] {
        for file in folder.iter().flat_map(|folder| files(folder, "json")) {
            let path = file.to_str().unwrap();
            if path.contains("schema") || path.contains("cryptography-defs") {
                continue;
            }
            let name = file.file_stem().unwrap().to_str().unwrap();
            let name = name.strip_prefix("valid-").unwrap_or(name);
            let name = name.rsplit_once("-1.").map_or(name, |(name, _)| name);
            for lost in lost_on_the_way(&file) {
                assert!(LOST.contains(&(name, &lost)), "{path}: {lost}");
            }
        }
    }
}
