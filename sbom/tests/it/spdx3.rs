//! SPDX 3 documents hold to the model, and are the same every time.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bulla_model::{Digest, Limits, Purl};
use bulla_sbom::bill::{self, Bill, BillError, Item};
use bulla_sbom::format::{Lifecycle, Metadata, Subject, spdx, spdx3};
use bulla_sbom::{Inventory, License, Package, Scope};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::catalogers::list;
use crate::spdx3_model::{NONE, faults, named, words};

fn about() -> (Subject, Metadata) {
    let mut metadata = Metadata::new("0.1.0", Lifecycle::PostBuild);
    metadata.timestamp = Some("2026-01-02T03:04:05.678Z".parse().unwrap());
    metadata.authors.push("Example Release Team".into());
    metadata.supplier = Some("Example <pay@example.test>".into());
    let digest = Digest::sha256(b"image");
    let subject = Subject::image("registry.example.test/acme/pay", &digest).unwrap();
    (subject, metadata)
}

pub(crate) fn written(inventory: &Inventory) -> (Value, Bill) {
    let (subject, metadata) = about();
    let bytes = spdx3::write(inventory, &subject, &metadata);
    assert_eq!(bytes, spdx3::write(inventory, &subject, &metadata));
    let document: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(faults(&document), Vec::<String>::new());
    (document, read(&bytes).unwrap())
}

pub(crate) fn read(bytes: &[u8]) -> Result<Bill, BillError> {
    bill::read(bytes, &Limits::default())
}

pub(crate) fn data(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata/sbom")
        .join(folder)
}

fn of_class<'a>(document: &'a Value, class: &'a str) -> impl Iterator<Item = &'a Value> {
    let graph = document["@graph"].as_array().unwrap().iter();
    graph.filter(move |one| one["type"] == class)
}

/// Without what both versions call differently.
fn plain(mut item: Item) -> Item {
    item.reference.clear();
    item.scope = None;
    // SPDX 2 writes an address behind the name, SPDX 3 has a place for it.
    let name = |text: String| text.split(" (").next().unwrap_or_default().to_owned();
    item.supplier = item.supplier.map(name);
    item
}

#[test]
fn every_catalogers_packages_are_in_a_document_of_the_model() {
    let folders = std::fs::read_dir(data("")).unwrap();
    let names = folders.map(|one| one.unwrap().file_name().into_string().unwrap());
    let mut items = Vec::new();
    for name in names.filter(|name| data(name).join("input").is_dir()) {
        let inventory = list(&name);
        let (_, bill) = written(&inventory);
        let (subject, metadata) = about();
        let other = read(&spdx::write(&inventory, &subject, &metadata)).unwrap();
        let by_purl = |bill: &Bill| {
            let items = bill.items.iter().cloned().map(plain);
            let mut items: Vec<_> = items.collect();
            items.sort_by(|a, b| (&a.purl, &a.name).cmp(&(&b.purl, &b.name)));
            items
        };
        assert_eq!(by_purl(&bill), by_purl(&other), "{name}");
        assert_eq!(bill.unknowns, other.unknowns, "{name}");
        assert_eq!(bill.timestamp, other.timestamp, "{name}");
        assert_eq!(
            bill.is_complete,
            Some(inventory.unknowns.is_empty()),
            "{name}"
        );
        let mut scoped = 0;
        for package in &inventory.packages {
            let purl = Some(package.purl.to_string());
            let item = bill.items.iter().find(|one| one.purl == purl).unwrap();
            let needed = bill
                .needs
                .iter()
                .any(|(from, to)| **to == *item.reference && !from.ends_with("#SPDXRef-Subject"));
            let scope = match package.scope {
                Scope::Excluded if !needed => Some("excluded"),
                Scope::Optional if !needed => Some("optional"),
                _ => None,
            };
            assert_eq!(item.scope.as_deref(), scope, "{name}: {}", package.purl);
            scoped += usize::from(package.scope != Scope::Required);
        }
        assert_eq!(bill.needs.len(), other.needs.len() + scoped, "{name}");
        items.extend(bill.items);
    }
    let count = |is: fn(&Item) -> bool| items.iter().filter(|one| is(one)).count();
    assert!(count(|one| one.purl.is_some()) > 200);
    assert!(count(|one| !one.hashes.is_empty()) > 50);
    assert!(count(|one| !one.licenses.is_empty()) > 30);
    assert!(count(|one| one.scope.is_some()) > 5);
}

type Wrong = (&'static str, &'static str, fn(&mut Value));

#[test]
fn what_the_model_does_not_have_is_a_fault() {
    let (document, _) = written(&list("dpkg"));
    let wrongs: [Wrong; 8] = [
        ("Tool", "a class Robot", |one| one["type"] = json!("Robot")),
        ("Tool", "Tool without creationInfo", |one| {
            one.as_object_mut().unwrap().remove("creationInfo");
        }),
        ("Tool", "Tool with version", |one| {
            one["version"] = json!("1");
        }),
        (
            "CreationInfo",
            "CreationInfo: nothing in createdBy",
            |one| {
                one["createdBy"] = json!([]);
            },
        ),
        (
            "Relationship",
            "Relationship: a list or none in to",
            |one| {
                one["to"] = json!("x");
            },
        ),
        ("Relationship", "Relationship: x in to", |one| {
            one["to"] = json!(["x"]);
        }),
        (
            "Relationship",
            "Relationship: needs in relationshipType",
            |one| {
                one["relationshipType"] = json!("needs");
            },
        ),
        (
            "software_Package",
            "software_Package: md5 in algorithm",
            |one| {
                one["verifiedUsing"] =
                    json!([{ "type": "Hash", "algorithm": "md5", "hashValue": "00" }]);
            },
        ),
    ];
    for (class, fault, change) in wrongs {
        let mut document = document.clone();
        let graph = document["@graph"].as_array_mut().unwrap();
        change(graph.iter_mut().find(|one| one["type"] == class).unwrap());
        assert!(
            faults(&document).contains(&fault.to_owned()),
            "{fault}: {:?}",
            faults(&document)
        );
    }
}

fn package(name: &str) -> Package {
    let purl: Purl = format!("pkg:generic/{name}@1").parse().unwrap();
    Package::new(name, "1", purl)
}

#[test]
fn licences_suppliers_and_scopes_are_elements_and_relationships() {
    let mut first = package("first");
    let licenses = ["MIT", "Odd & own"].map(|text| License::parse(text).unwrap());
    first.licenses.extend(licenses);
    first.supplier = Some("Pay Team <pay@example.test>".into());
    first.author = Some("Jane Example".into());
    first.repository = Some("https://git.example.test/first".into());
    let mut second = package("second");
    second.scope = Scope::Excluded;
    second.supplier = first.supplier.clone();
    first
        .dependencies
        .insert("pkg:generic/third@1".parse().unwrap());
    let mut third = package("third");
    third.scope = Scope::Optional;
    let inventory = Inventory {
        packages: vec![first, second, third],
        ..Inventory::default()
    };
    let (document, bill) = written(&inventory);
    let expressions = of_class(&document, "simplelicensing_LicenseExpression");
    let expression = expressions
        .filter(|one| named(one, "simplelicensing_licenseExpression") != "CC0-1.0")
        .collect::<Vec<_>>();
    let [expression] = expression.as_slice() else {
        panic!("{expression:?}");
    };
    let text = of_class(&document, "simplelicensing_SimpleLicensingText")
        .next()
        .unwrap();
    assert_eq!(text["simplelicensing_licenseText"], "Odd & own");
    let entry = &expression["simplelicensing_customIdToUri"][0];
    assert_eq!(entry["value"], text["spdxId"]);
    let both = named(expression, "simplelicensing_licenseExpression");
    assert_eq!(both, format!("MIT AND {}", named(entry, "key")));
    // Two packages of one supplier: one agent, beside the author and who supplies the subject.
    let concluded = |document: &Value| document.to_string().contains("hasConcludedLicense");
    assert!(!concluded(&document));
    let agents: Vec<_> = of_class(&document, "Agent")
        .map(|one| named(one, "name"))
        .collect();
    assert_eq!(words(&agents.join(" ")), words("Example Jane Pay Team"));
    assert_eq!(agents.len(), 3);
    assert_eq!(bill.subject.unwrap().supplier.as_deref(), Some("Example"));
    let item = |name: &str| bill.items.iter().find(|one| one.name == name).unwrap();
    assert_eq!(item("first").supplier.as_deref(), Some("Pay Team"));
    assert_eq!(item("second").scope.as_deref(), Some("excluded"));
    // It may be missing of the whole, and what is there needs it.
    assert_eq!(item("third").scope, None);
    let reference = |name: &str| std::sync::Arc::from(item(name).reference.as_str());
    assert!(
        bill.needs
            .contains(&(reference("first"), reference("third")))
    );
    let kinds: BTreeSet<_> = of_class(&document, "LifecycleScopedRelationship")
        .map(|one| (named(one, "relationshipType"), named(one, "scope")))
        .collect();
    let scoped = [
        ("dependsOn", "development"),
        ("hasOptionalDependency", "runtime"),
    ];
    assert_eq!(kinds, BTreeSet::from(scoped));
}

#[test]
fn that_nothing_is_needed_is_said_only_where_all_is_known() {
    let inventory = list("npm-lock");
    assert!(!inventory.unknowns.is_empty());
    let (document, _) = written(&inventory);
    let completeness = |document: &Value| {
        let all = of_class(document, "Relationship");
        let all = all.filter(|one| one["relationshipType"] == "dependsOn");
        let told = all.map(|one| (named(one, "completeness").to_owned(), one["to"][0] == NONE));
        told.collect::<BTreeSet<_>>()
    };
    assert_eq!(
        completeness(&document),
        BTreeSet::from([("incomplete".to_owned(), false)])
    );
    let mut whole = inventory.clone();
    whole.unknowns.clear();
    let (document, bill) = written(&whole);
    let both = [false, true].map(|none| ("complete".to_owned(), none));
    assert_eq!(completeness(&document), BTreeSet::from(both));
    assert_eq!(bill.is_complete, Some(true));
    for package in &mut whole.packages {
        package.found_by.clear();
    }
    let (document, _) = written(&whole);
    assert_eq!(
        completeness(&document),
        BTreeSet::from([("noAssertion".to_owned(), false)])
    );
}

#[test]
fn what_nobody_made_at_no_time_is_said_to_be_so() {
    let metadata = Metadata::new("0.1.0", Lifecycle::PreBuild);
    let bytes = spdx3::write(&Inventory::default(), &Subject::directory("pay"), &metadata);
    let document: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(faults(&document), Vec::<String>::new());
    let creation = of_class(&document, "CreationInfo").next().unwrap();
    assert_eq!(creation["created"], "1970-01-01T00:00:00Z");
    assert!(named(creation, "comment").contains("not known"));
    let maker = of_class(&document, "SoftwareAgent").next().unwrap();
    assert_eq!(creation["createdBy"], json!([maker["spdxId"]]));
    let contained = of_class(&document, "Relationship").next().unwrap();
    assert_eq!(contained["to"], json!([NONE]));
    let bom = of_class(&document, "software_Sbom").next().unwrap();
    assert_eq!(bom["software_sbomType"], json!(["source"]));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn hostile_values_leave_a_document_of_the_model(
        name in "[ -~\n\u{85}]{0,16}", text in "(<|>|\"|#|_:|LicenseRef-|@|NOASSERTION|[ -~]){0,8}"
    ) {
        let mut one = package("one");
        one.name = name;
        one.supplier = Some(text.clone());
        one.author = Some(text.clone());
        one.homepage = Some(format!("https://{text}"));
        one.repository = Some(text.clone());
        one.licenses.extend(License::parse(&text));
        one.licenses.insert(License::Name(text));
        let packages = vec![one, package("two")];
        let inventory = Inventory { packages, ..Inventory::default() };
        let (_, bill) = written(&inventory);
        prop_assert_eq!(bill.items.len(), 2);
    }
}
