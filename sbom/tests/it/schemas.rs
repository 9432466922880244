//! The official JSON schemas of CycloneDX, and whether documents are valid against them.

use bulla_sbom::format::cyclonedx::Version;
use jsonschema::{Registry, Validator};
use serde_json::Value;

macro_rules! schema {
    ($name:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!(
            "../../schemas/cyclonedx/",
            $name,
            ".schema.json"
        )))
        .unwrap()
    };
}

/// The validator of one version; the schemas that it refers to are given, nothing is fetched.
pub(crate) fn validator(version: Version) -> Validator {
    let sides = [
        ("spdx", schema!("spdx")),
        ("jsf-0.82", schema!("jsf-0.82")),
        ("cryptography-defs", schema!("cryptography-defs")),
    ];
    let mut registry = Registry::new();
    for (name, schema) in sides {
        let name = format!("http://cyclonedx.org/schema/{name}.schema.json");
        registry = registry.add(name, schema).unwrap();
    }
    let registry = registry.prepare().unwrap();
    let schema = match version {
        Version::V1_4 => schema!("bom-1.4"),
        Version::V1_5 => schema!("bom-1.5"),
        Version::V1_6 => schema!("bom-1.6"),
        Version::V1_7 => schema!("bom-1.7"),
        _ => panic!("no schema of {version} is here"),
    };
    jsonschema::options()
        .with_registry(&registry)
        .should_validate_formats(true)
        .build(&schema)
        .unwrap()
}

/// What is not valid.
pub(crate) fn errors(validator: &Validator, document: &[u8]) -> Vec<String> {
    let document: Value = serde_json::from_slice(document).unwrap();
    validator
        .iter_errors(&document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}
