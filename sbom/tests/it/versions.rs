//! A document can be written in every version from 1.4 to 1.7.

use std::path::PathBuf;

use bulla_model::Digest;
use bulla_sbom::format::cyclonedx::{self, Lifecycle, Metadata, Subject, Version};
use bulla_sbom::{Inventory, License, Options, catalog};
use serde_json::{Value, json};

use crate::catalogers::list;
use crate::cyclonedx::{debian, metadata, subject};
use crate::schemas;

/// The list of every cataloger's folder, one of everything, and none.
pub(crate) fn inventories() -> Vec<(String, Inventory)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../testdata/sbom");
    let entries = folder.read_dir().unwrap().map(|entry| entry.unwrap());
    let mut names: Vec<String> = entries
        .filter(|entry| entry.path().join("input").is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(names.len() >= 15, "only {names:?}");
    let mut inventories: Vec<_> = names
        .into_iter()
        .map(|name| (name.clone(), list(&name)))
        .collect();
    let all = catalog(&debian(), &Options::default()).unwrap();
    inventories.push(("debian".to_owned(), all));
    inventories.push(("empty".to_owned(), Inventory::default()));
    inventories
}

fn metadata_of(version: Version) -> Metadata {
    let mut metadata = metadata();
    metadata.cyclonedx = version;
    metadata
}

fn written(inventory: &Inventory, version: Version) -> Value {
    let document = cyclonedx::write(inventory, &subject(), &metadata_of(version));
    serde_json::from_slice(&document).unwrap()
}

#[test]
fn documents_of_every_version_are_valid_against_its_official_schema() {
    let inventories = inventories();
    let subjects = [
        subject().with_image(&debian()),
        Subject::directory("src"),
        Subject::file("a.tar", &Digest::sha256(b"a")),
    ];
    for version in Version::ALL {
        let validator = schemas::validator(version);
        for (name, inventory) in &inventories {
            for subject in &subjects {
                let document = cyclonedx::write(inventory, subject, &metadata_of(version));
                let errors = schemas::errors(&validator, &document);
                assert_eq!(errors, Vec::<String>::new(), "{name} {version}");
            }
        }
    }
}

#[test]
fn no_version_is_valid_as_an_older_one() {
    let inventory = catalog(&debian(), &Options::default()).unwrap();
    for [older, newer] in [
        [Version::V1_4, Version::V1_5],
        [Version::V1_5, Version::V1_6],
    ] {
        let mut document = written(&inventory, newer);
        document["$schema"] = written(&inventory, older)["$schema"].clone();
        let errors = schemas::errors(&schemas::validator(older), document.to_string().as_bytes());
        assert_ne!(errors, Vec::<String>::new(), "{newer} as {older}");
    }
}

#[test]
fn without_a_choice_it_is_1_6() {
    let metadata = Metadata::new("0.1.0", Lifecycle::Build);
    let document = cyclonedx::write(&Inventory::default(), &subject(), &metadata);
    let document: Value = serde_json::from_slice(&document).unwrap();
    assert_eq!(document["specVersion"], "1.6");
}

#[test]
fn what_an_older_version_does_not_know_is_told_in_its_words_or_left_out() {
    let mut inventory = list("python");
    inventory.packages[0].author = Some("Ada Example".to_owned());
    let [v1_4, v1_5, v1_6, v1_7] = Version::ALL.map(|version| written(&inventory, version));
    let tool = json!({ "name": "bulla", "version": "0.1.0" });
    assert_eq!(v1_4["metadata"]["tools"], json!([tool]));
    assert_eq!(v1_5["metadata"]["tools"]["components"][0]["name"], "bulla");
    assert_eq!(v1_4["metadata"].get("lifecycles"), None);
    assert_eq!(v1_5["metadata"]["lifecycles"][0]["phase"], "post-build");
    let component = |document: &Value, has: &str| {
        let all = document["components"].as_array().unwrap();
        all.iter().find(|one| one.get(has).is_some()).cloned()
    };
    let author = component(&v1_4, "author").unwrap()["author"].clone();
    assert_eq!(component(&v1_5, "author").unwrap()["author"], author);
    assert_eq!(
        component(&v1_6, "authors").unwrap()["authors"][0]["name"],
        author
    );
    assert_eq!(component(&v1_6, "author"), None);
    assert_eq!(component(&v1_5, "authors"), None);
    assert_eq!(component(&v1_4, "evidence"), None);
    let identity =
        |document| component(document, "evidence").unwrap()["evidence"]["identity"].clone();
    assert_eq!(identity(&v1_6)[0], identity(&v1_5));
    assert_eq!(identity(&v1_6)[1]["field"], "cpe");
    let said = [&v1_4, &v1_5, &v1_6, &v1_7].map(|one| one.to_string().contains("acknowledgement"));
    assert_eq!(said, [false, false, true, true]);
    let components = |document: &Value| document["components"].as_array().unwrap().len();
    assert_eq!(components(&v1_4), inventory.packages.len());
    assert_eq!(v1_4["dependencies"], v1_7["dependencies"]);
    assert_eq!(v1_4["compositions"], v1_7["compositions"]);
    assert_ne!(v1_4["serialNumber"], v1_6["serialNumber"]);
}

/// The licences of the only package, declared as these texts, in every version from 1.4 to 1.7.
fn licenses(texts: &[&str]) -> [Value; 4] {
    let mut inventory = list("python");
    inventory.packages.truncate(1);
    let package = &mut inventory.packages[0];
    package.dependencies.clear();
    package.licenses = texts.iter().filter_map(|it| License::parse(it)).collect();
    Version::ALL.map(|version| {
        let document = written(&inventory, version);
        let bytes = document.to_string().into_bytes();
        let errors = schemas::errors(&schemas::validator(version), &bytes);
        assert_eq!(errors, Vec::<String>::new(), "{texts:?} {version}");
        document["components"][0]["licenses"].clone()
    })
}

#[test]
fn clear_licences_are_concluded_as_each_version_can_say_it() {
    let [v1_4, v1_5, v1_6, v1_7] = licenses(&["MIT", "ISC"]);
    let one = |id, word| json!({ "license": { "id": id, "acknowledgement": word } });
    let both = json!([
        one("ISC", "declared"),
        one("MIT", "declared"),
        one("ISC", "concluded"),
        one("MIT", "concluded")
    ]);
    assert_eq!([&v1_6, &v1_7], [&both; 2]);
    let bare = json!([{ "license": { "id": "ISC" } }, { "license": { "id": "MIT" } }]);
    assert_eq!([&v1_4, &v1_5], [&bare; 2]);

    let [v1_4, v1_5, v1_6, v1_7] = licenses(&["MIT OR Apache-2.0"]);
    let one = |word| json!({ "expression": "MIT OR Apache-2.0", "acknowledgement": word });
    assert_eq!(v1_7, json!([one("declared"), one("concluded")]));
    assert_eq!(v1_6, json!([one("concluded")]));
    let bare = json!([{ "expression": "MIT OR Apache-2.0" }]);
    assert_eq!([&v1_4, &v1_5], [&bare; 2]);
}

#[test]
fn nothing_is_concluded_from_texts_that_need_a_reader() {
    for texts in [&["MIT", "Odd & own"][..], &["LicenseRef-own"], &["BSD"]] {
        let [_, _, v1_6, v1_7] = licenses(texts);
        for told in [v1_6, v1_7] {
            assert!(told.to_string().contains("declared"), "{told}");
            assert!(!told.to_string().contains("concluded"), "{told}");
        }
    }
}
