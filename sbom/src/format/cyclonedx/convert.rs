//! A document in another version of CycloneDX.
//!
//! Newer versions mostly add: what an older one has no place for is found by its official schema, taken
//! out, and told. Four things are only spelled otherwise, and are spelled so.

mod licenses;

use std::cmp::Reverse;
use std::collections::BTreeSet;

use jsonschema::error::{ValidationError, ValidationErrorKind as Kind};
use serde_json::{Map, Value, json};

use super::Document;
use super::loss::Losses;
use crate::format::schema::{self, Fault, SchemaError};

/// A document that was converted, and what of it was left out.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Converted {
    /// The document, valid by the schema of its version.
    pub document: Document,
    /// Where something was left out, as JSON pointers into the document as it was at that moment.
    pub left_out: Vec<String>,
}

/// Why a document cannot be converted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// There is no such version, or its schema cannot be used.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// It is not valid as it is, or nothing of it would be left.
    #[error("it is not valid, first {}: {}", first.pointer, first.message)]
    Invalid {
        /// The first fault.
        first: Fault,
    },
}

/// Writes a document as one of another version, `1.2` to `1.7`.
pub fn to_version(document: &Document, version: &str) -> Result<Converted, ConvertError> {
    let mut members = document.members().clone();
    let mut left_out = Vec::new();
    if document.spec_version() != version {
        respell(&mut members, version, &mut left_out);
    }
    members.insert("specVersion".to_owned(), version.into());
    if members.contains_key("$schema") {
        let schema = format!("http://cyclonedx.org/schema/bom-{version}.schema.json");
        members.insert("$schema".to_owned(), schema.into());
    }
    let mut value = Value::Object(members);
    let validator = schema::cyclonedx(version)?;
    for _ in 0..ROUNDS {
        let errors: Vec<_> = validator.iter_errors(&value).take(AT_ONCE).collect();
        let Some(first) = errors.first().map(schema::fault) else {
            let Value::Object(members) = value else {
                break;
            };
            let document = Document::new(members, Losses::default());
            return Ok(Converted { document, left_out });
        };
        let outs: BTreeSet<Reverse<Place>> = errors.iter().flat_map(outs).map(Reverse).collect();
        drop(errors);
        if outs.is_empty() {
            return Err(ConvertError::Invalid { first });
        }
        // Later positions first, so that the earlier ones stay where they are.
        for Reverse(place) in outs {
            if place.take_out(&mut value) {
                left_out.push(place.pointer());
            }
        }
    }
    let first = validator.iter_errors(&value).next();
    let first = first.as_ref().map(schema::fault).unwrap_or_default();
    Err(ConvertError::Invalid { first })
}

/// What is only spelled otherwise before a version. What the other spelling has no place for is told.
fn respell(members: &mut Map<String, Value>, version: &str, left_out: &mut Vec<String>) {
    if version < "1.5"
        && let Some(tools) = members
            .get_mut("metadata")
            .and_then(|one| one.get_mut("tools"))
        && let Some(components) = tools.get("components").and_then(Value::as_array)
    {
        let place = "/metadata/tools";
        let others = tools.as_object().into_iter().flat_map(Map::keys);
        let others = others.filter(|key| *key != "components");
        left_out.extend(others.map(|key| format!("{place}/{}", escaped(key))));
        for (number, component) in components.iter().enumerate() {
            let fields = component.as_object().into_iter().flat_map(Map::keys);
            let lost = fields.filter(|key| !["type", "name", "version"].contains(&key.as_str()));
            let place = format!("{place}/components/{number}");
            left_out.extend(lost.map(|key| format!("{place}/{}", escaped(key))));
        }
        let old = components.iter().map(|component| {
            let fields = ["name", "version"].into_iter();
            let fields =
                fields.filter_map(|key| Some((key.to_owned(), component.get(key)?.clone())));
            Value::Object(fields.collect())
        });
        *tools = old.collect();
    }
    if version >= "1.7" {
        return;
    }
    let below = members.iter_mut();
    let below = below.map(|(key, value)| (format!("/{}", escaped(key)), value));
    let mut pending: Vec<(String, &mut Value)> = below.collect();
    while let Some((place, value)) = pending.pop() {
        match value {
            Value::Object(object) => {
                licenses::to_older(object, version, &place, left_out);
                if version < "1.6" {
                    to_one_author(object, &place, left_out);
                    to_one_identity(object, &place, left_out);
                }
                let below = object.iter_mut();
                pending
                    .extend(below.map(|(key, value)| (format!("{place}/{}", escaped(key)), value)));
            }
            Value::Array(list) => {
                let below = list.iter_mut().enumerate();
                pending.extend(below.map(|(number, value)| (format!("{place}/{number}"), value)));
            }
            _ => {}
        }
    }
}

/// Of several authors there was one text with their names.
fn to_one_author(object: &mut Map<String, Value>, place: &str, left_out: &mut Vec<String>) {
    let Some(names) = object.get("authors").and_then(one_author) else {
        return;
    };
    if !object.contains_key("name") {
        return;
    }
    let authors = object.remove("authors");
    let authors = authors.as_ref().and_then(Value::as_array);
    for (number, author) in authors.into_iter().flatten().enumerate() {
        let fields = author.as_object().into_iter().flat_map(Map::keys);
        let lost = fields.filter(|key| *key != "name");
        left_out.extend(lost.map(|key| format!("{place}/authors/{number}/{}", escaped(key))));
    }
    if object.contains_key("author") {
        left_out.push(format!("{place}/authors"));
    } else {
        object.insert("author".to_owned(), names);
    }
}

/// Of several ways in which it was known what something is, one was told.
fn to_one_identity(object: &mut Map<String, Value>, place: &str, left_out: &mut Vec<String>) {
    if let Some(Value::Array(identities)) = object.get_mut("identity")
        && !identities.is_empty()
    {
        let others = 1..identities.len();
        left_out.extend(others.map(|number| format!("{place}/identity/{number}")));
        let first = identities.swap_remove(0);
        object.insert("identity".to_owned(), first);
    }
}

/// The names of authors in one text.
fn one_author(authors: &Value) -> Option<Value> {
    let names = authors.as_array()?.iter();
    let names: Vec<&str> = names.filter_map(|one| one.get("name")?.as_str()).collect();
    (!names.is_empty()).then(|| json!(names.join(", ")))
}

/// A member's name in a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A place in a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place(Vec<Step>);

/// Positions are compared as numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Position(usize),
    Member(String),
}

impl Place {
    fn of(pointer: &str) -> Self {
        let steps = pointer.split('/').skip(1).map(|step| {
            let text = step.replace("~1", "/").replace("~0", "~");
            step.parse().map_or(Step::Member(text), Step::Position)
        });
        Self(steps.collect())
    }

    fn below(&self, member: &str) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Member(member.to_owned()));
        Self(steps)
    }

    fn pointer(&self) -> String {
        let steps = self.0.iter().map(|step| match step {
            Step::Position(position) => format!("/{position}"),
            Step::Member(name) => format!("/{}", escaped(name)),
        });
        steps.collect()
    }

    /// Takes it out; whether it was there.
    fn take_out(&self, value: &mut Value) -> bool {
        let Some((last, above)) = self.0.split_last() else {
            return false;
        };
        let mut place = value;
        for step in above {
            let next = match (step, place) {
                (Step::Position(position), Value::Array(items)) => items.get_mut(*position),
                (Step::Position(position), Value::Object(object)) => {
                    object.get_mut(&position.to_string())
                }
                (Step::Member(name), Value::Object(object)) => object.get_mut(name),
                _ => None,
            };
            let Some(next) = next else { return false };
            place = next;
        }
        match (last, place) {
            (Step::Position(position), Value::Array(items)) if *position < items.len() => {
                items.remove(*position);
                true
            }
            (Step::Position(position), Value::Object(object)) => {
                object.remove(&position.to_string()).is_some()
            }
            (Step::Member(name), Value::Object(object)) => object.remove(name).is_some(),
            _ => false,
        }
    }
}

/// What has to go so that this is valid: members that have no place, else what is not valid itself.
fn outs(error: &ValidationError<'_>) -> Vec<Place> {
    additional(error, 0).unwrap_or_else(|| {
        let place = Place::of(error.instance_path().as_str());
        if place.0.is_empty() {
            Vec::new()
        } else {
            vec![place]
        }
    })
}

/// The members that have no place, if that is all that is wrong.
fn additional(error: &ValidationError<'_>, depth: usize) -> Option<Vec<Place>> {
    let place = Place::of(error.instance_path().as_str());
    match error.kind() {
        Kind::AdditionalProperties { unexpected } => {
            Some(unexpected.iter().map(|name| place.below(name)).collect())
        }
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } if depth < CHOICES => {
            let mut branches = context.iter().map(|errors| {
                let all = errors
                    .iter()
                    .map(|error| additional(error, depth.saturating_add(1)));
                let all: Option<Vec<Vec<Place>>> = all.collect();
                all.map(|all| all.concat())
            });
            branches.find_map(|branch| branch.filter(|places| !places.is_empty()))
        }
        _ => None,
    }
}

/// Times that a document is looked at: what was wrong hides other faults.
const ROUNDS: usize = 64;

/// Faults that are looked at together.
const AT_ONCE: usize = 10_000;

/// Choices inside choices.
const CHOICES: usize = 8;
