//! Whether documents are valid by the official schemas, which are built in: nothing is fetched.
//!
//! CycloneDX 1.2 to 1.7, <https://github.com/CycloneDX/specification/tree/master/schema> (1.2 and 1.3 in
//! their strict form), and SPDX 2.2 and 2.3, <https://github.com/spdx/spdx-spec/tree/v2.3/schemas>.
//! A document in XML is judged by its tree of JSON: elements that the tree has no place for are
//! told too.

use std::sync::OnceLock;

use bulla_model::{JsonError, Limits, json};
use jsonschema::{Registry, ValidationError, Validator};
use serde_json::Value;

use super::cyclonedx::{self, Lost, ReadError};

/// What was found of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Validity {
    /// By which standard it was judged: `CycloneDX 1.6`.
    pub standard: String,
    /// What is not valid, in the order of the document; of very many the first ones.
    pub faults: Vec<Fault>,
    /// Whether there are more faults than that.
    pub is_cut: bool,
}

/// Something that is not valid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// Where, as a JSON pointer; empty is the whole document. Of XML also as a path of elements.
    pub pointer: String,
    /// What is wrong there.
    pub message: String,
}

/// Judges a document in JSON, or CycloneDX in XML.
///
/// Nesting is bounded by `Limits::json_depth`, length by `Limits::catalog_file_bytes`.
pub fn validate(bytes: &[u8], limits: &Limits) -> Result<Validity, SchemaError> {
    let start = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if start.trim_ascii_start().starts_with(b"<") {
        let document = cyclonedx::Document::read(bytes, limits)?;
        let version = document.spec_version().to_owned();
        let mut validity = by_cyclonedx(&version, &document.as_value())?;
        // JSON wants the signature of a signatory; that of XML is of another namespace.
        if document
            .losses()
            .iter()
            .any(|loss| loss.lost == Lost::Foreign)
        {
            let signatory = "/declarations/affirmation/signatories/";
            let is_signatory = |fault: &Fault| {
                let number = fault.pointer.strip_prefix(signatory);
                number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
            };
            validity.faults.retain(|fault| !is_signatory(fault));
        }
        // Elements of other namespaces may stand nearly everywhere.
        let is_fault = |lost: Lost| matches!(lost, Lost::Unknown | Lost::Text | Lost::Repeated);
        let lost = document.losses().iter().filter(|loss| is_fault(loss.lost));
        let lost = lost.map(|loss| Fault {
            pointer: loss.place.clone(),
            message: loss.lost.to_string(),
        });
        validity.faults.extend(lost.take(FAULTS));
        return Ok(validity);
    }
    if crate::bill::is_tag_value(start) {
        return Err(SchemaError::Unknown);
    }
    let document: Value = json::read(start, limits.catalog_file_bytes, limits.json_depth)
        .map_err(|source| SchemaError::Json { source })?;
    let text = |key: &str| document.get(key).and_then(Value::as_str);
    match (text("bomFormat"), text("specVersion"), text("spdxVersion")) {
        (Some("CycloneDX"), Some(version), None) => by_cyclonedx(version, &document),
        (None, None, Some(version @ ("SPDX-2.2" | "SPDX-2.3"))) => {
            let validator = validator(SPDX).map_err(SchemaError::BuiltIn)?;
            Ok(judged(version.replace('-', " "), &validator, &document))
        }
        _ => Err(SchemaError::Unknown),
    }
}

fn by_cyclonedx(version: &str, document: &Value) -> Result<Validity, SchemaError> {
    let validator = cyclonedx(version)?;
    Ok(judged(format!("CycloneDX {version}"), validator, document))
}

/// The validator of one version of CycloneDX, which is made once.
pub(crate) fn cyclonedx(version: &str) -> Result<&'static Validator, SchemaError> {
    static MADE: [OnceLock<Result<Validator, String>>; 6] = [const { OnceLock::new() }; 6];
    let mut known = SCHEMAS.iter().zip(&MADE);
    let found = known.find(|((known, _), _)| *known == version);
    let ((_, schema), made) = found.ok_or(SchemaError::Unknown)?;
    let made = made.get_or_init(|| validator(schema));
    made.as_ref()
        .map_err(|reason| SchemaError::BuiltIn(reason.clone()))
}

pub(crate) fn fault(error: &ValidationError<'_>) -> Fault {
    Fault {
        pointer: error.instance_path().to_string(),
        message: error.masked_with("the value").to_string(),
    }
}

fn judged(standard: String, validator: &Validator, document: &Value) -> Validity {
    let mut errors = validator.iter_errors(document);
    let faults = errors
        .by_ref()
        .take(FAULTS)
        .map(|error| fault(&error))
        .collect();
    Validity {
        standard,
        faults,
        is_cut: errors.next().is_some(),
    }
}

/// What is judged by a schema; those that it refers to are at hand.
fn validator(schema: &str) -> Result<Validator, String> {
    let parsed = |text: &str| serde_json::from_str::<Value>(text).map_err(|one| one.to_string());
    let mut registry = Registry::new();
    for (name, text) in SIDES {
        let name = format!("http://cyclonedx.org/schema/{name}.schema.json");
        registry = registry
            .add(name, parsed(text)?)
            .map_err(|one| one.to_string())?;
    }
    let registry = registry.prepare().map_err(|one| one.to_string())?;
    jsonschema::options()
        .with_registry(&registry)
        .should_validate_formats(true)
        .build(&parsed(schema)?)
        .map_err(|one| one.to_string())
}

/// Why a document could not be judged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// It is not JSON, too long or too deep.
    #[error("it is no JSON document: {source}")]
    Json {
        /// What the JSON reader said.
        source: JsonError,
    },
    /// It is not CycloneDX in XML.
    #[error(transparent)]
    Xml(#[from] ReadError),
    /// No schema is known for it.
    #[error("it is neither CycloneDX 1.2 to 1.7 nor SPDX 2.2 or 2.3 in JSON")]
    Unknown,
    /// A schema that is built in is no schema.
    #[error("the schema cannot be used: {0}")]
    BuiltIn(String),
}

macro_rules! schema {
    ($name:literal) => {
        include_str!(concat!("../../schemas/cyclonedx/", $name, ".schema.json"))
    };
}

const SCHEMAS: [(&str, &str); 6] = [
    ("1.2", schema!("bom-1.2-strict")),
    ("1.3", schema!("bom-1.3-strict")),
    ("1.4", schema!("bom-1.4")),
    ("1.5", schema!("bom-1.5")),
    ("1.6", schema!("bom-1.6")),
    ("1.7", schema!("bom-1.7")),
];

const SPDX: &str = include_str!("../../schemas/spdx/spdx-2.3.schema.json");

const SIDES: [(&str, &str); 3] = [
    ("spdx", schema!("spdx")),
    ("jsf-0.82", schema!("jsf-0.82")),
    ("cryptography-defs", schema!("cryptography-defs")),
];

/// Faults that are told of one document.
const FAULTS: usize = 100;
