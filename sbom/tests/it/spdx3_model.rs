//! The part of the model of SPDX 3 that is written.
//!
//! The official schema is not part of this repository. Classes and properties are those of
//! <https://spdx.github.io/spdx-spec/v3.0.1/>.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Classes with what they must and may have, beside what every element has.
const CLASSES: [(&str, &str, &str); 11] = [
    (
        "SpdxDocument",
        "rootElement",
        "dataLicense profileConformance",
    ),
    (
        "software_Sbom",
        "rootElement element",
        "software_sbomType profileConformance",
    ),
    ("Tool", "name", ""),
    ("SoftwareAgent", "name", ""),
    ("Organization", "name", ""),
    ("Agent", "name", ""),
    (
        "software_Package",
        "name",
        "software_primaryPurpose software_packageVersion software_packageUrl suppliedBy originatedBy \
         software_downloadLocation software_homePage software_sourceInfo",
    ),
    (
        "simplelicensing_LicenseExpression",
        "simplelicensing_licenseExpression",
        "simplelicensing_customIdToUri",
    ),
    (
        "simplelicensing_SimpleLicensingText",
        "simplelicensing_licenseText",
        "",
    ),
    ("Relationship", "relationshipType from to", "completeness"),
    (
        "LifecycleScopedRelationship",
        "relationshipType from to scope",
        "completeness",
    ),
];

const ELEMENT: (&str, &str) = (
    "spdxId type creationInfo",
    "name description comment verifiedUsing externalIdentifier externalRef",
);

/// Parts of elements, of which each has exactly this.
const PARTS: [(&str, &str); 4] = [
    ("Hash", "type algorithm hashValue"),
    (
        "ExternalIdentifier",
        "type externalIdentifierType identifier",
    ),
    ("ExternalRef", "type externalRefType locator"),
    ("DictionaryEntry", "type key value"),
];

/// Properties that hold lists, whatever they hold.
const LISTS: &str = "createdBy createdUsing rootElement element profileConformance to locator originatedBy \
                     software_sbomType simplelicensing_customIdToUri verifiedUsing externalIdentifier \
                     externalRef";

/// Properties that hold identifiers of elements, and the classes of those.
const REFERENCES: [(&str, &str); 8] = [
    ("createdBy", "Organization SoftwareAgent"),
    ("createdUsing", "Tool"),
    ("rootElement", "software_Sbom software_Package"),
    ("element", ""),
    ("dataLicense", "simplelicensing_LicenseExpression"),
    ("suppliedBy", "Agent"),
    ("originatedBy", "Agent"),
    ("from", "software_Package"),
];

const WORDS: [(&str, &str); 8] = [
    (
        "relationshipType",
        "contains dependsOn hasOptionalDependency hasDeclaredLicense hasConcludedLicense",
    ),
    ("completeness", "complete incomplete noAssertion"),
    ("scope", "runtime development"),
    ("algorithm", "sha256 sha384 sha512"),
    ("software_sbomType", "source build analyzed"),
    ("profileConformance", "core software simpleLicensing"),
    (
        "software_primaryPurpose",
        "library operatingSystem container application file",
    ),
    ("externalIdentifierType", "cpe23 email"),
];

pub(crate) const NONE: &str = "https://spdx.org/rdf/3.0.1/terms/Core/NoneElement";
const UNKNOWN: &str = "https://spdx.org/rdf/3.0.1/terms/Core/NoAssertionElement";

pub(crate) fn words(text: &str) -> BTreeSet<&str> {
    text.split_whitespace().collect()
}

pub(crate) fn named<'a>(element: &'a Value, key: &str) -> &'a str {
    element[key].as_str().unwrap_or_default()
}

fn texts(value: &Value) -> Vec<&str> {
    let list = value
        .as_array()
        .map_or(std::slice::from_ref(value), |all| all);
    list.iter().filter_map(Value::as_str).collect()
}

/// What a document has that the model has not.
pub(crate) fn faults(document: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let graph = document["@graph"].as_array().unwrap();
    let elements: BTreeMap<_, _> = graph
        .iter()
        .map(|one| (named(one, "spdxId"), one))
        .collect();
    if elements.len() != graph.len() {
        faults.push("identifiers that are not unique".to_owned());
    }
    for element in graph {
        let class = named(element, "type");
        let keys: BTreeSet<_> = element
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let (needed, allowed) = if class == "CreationInfo" {
            let needed = words("@id type specVersion created createdBy");
            (needed, words("createdUsing comment"))
        } else {
            let Some((_, must, may)) = CLASSES.iter().find(|(name, _, _)| *name == class) else {
                faults.push(format!("a class {class}"));
                continue;
            };
            let needed = &words(must) | &words(ELEMENT.0);
            (needed, &words(may) | &words(ELEMENT.1))
        };
        faults.extend(
            (&needed - &keys)
                .iter()
                .map(|key| format!("{class} without {key}")),
        );
        let other = &(&keys - &needed) - &allowed;
        faults.extend(other.iter().map(|key| format!("{class} with {key}")));
        for (key, value) in element.as_object().unwrap() {
            faults.extend(property(key, value, &elements).map(|fault| format!("{class}: {fault}")));
        }
    }
    faults
}

/// What is wrong with a property.
fn property(key: &str, value: &Value, elements: &BTreeMap<&str, &Value>) -> Option<String> {
    if words(LISTS).contains(key) != value.is_array() {
        return Some(format!("a list or none in {key}"));
    }
    if value.as_array().is_some_and(Vec::is_empty) {
        return Some(format!("nothing in {key}"));
    }
    let wrong = |known: &str| {
        texts(value)
            .into_iter()
            .find(|one| !words(known).contains(one))
    };
    let word = WORDS.iter().find(|(name, _)| *name == key);
    if let Some(word) = word.and_then(|(_, known)| wrong(known)) {
        return Some(format!("{word} in {key}"));
    }
    let classes = REFERENCES.iter().find(|(name, _)| *name == key);
    for id in texts(value) {
        let class = elements.get(id).map(|element| named(element, "type"));
        let is_known = match (classes, class) {
            (Some((_, "")), class) => class.is_some(),
            (Some((_, classes)), class) => class.is_some_and(|one| words(classes).contains(one)),
            (None, class) => key != "to" || class.is_some() || [NONE, UNKNOWN].contains(&id),
        };
        if !is_known {
            return Some(format!("{id} in {key}"));
        }
    }
    let parts = value
        .as_array()
        .into_iter()
        .flatten()
        .filter(|one| one.is_object());
    parts.into_iter().find_map(|part| {
        let class = named(part, "type");
        let keys: BTreeSet<_> = part.as_object()?.keys().map(String::as_str).collect();
        let known = PARTS.iter().find(|(name, _)| *name == class);
        let is_known = known.is_some_and(|(_, all)| words(all) == keys);
        let inner = part.as_object()?.iter();
        let mut inner = inner.filter(|(key, _)| *key != "value");
        let wrong = inner.find_map(|(key, value)| property(key, value, elements));
        wrong.or_else(|| (!is_known).then(|| format!("{class} in {key}")))
    })
}
