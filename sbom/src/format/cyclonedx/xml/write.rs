//! The tree of JSON to elements.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::super::loss::{Loss, Losses, Lost};
use super::super::number;
use super::super::tree::Document;
use super::table::{self, Alternative, Field, Kind, Place};
use super::{NAMESPACE, element, one_alone};

/// A document as XML, and what of it XML has no place for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// The document, indented, with a line feed at its end.
    pub bytes: Vec<u8>,
    /// What is not in it, and what it says otherwise.
    pub losses: Vec<Loss>,
}

/// Writes a document in its version. The same document gives the same bytes.
pub fn write(document: &Document) -> Written {
    let mut writer = Writer {
        out: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned(),
        losses: Losses::default(),
        depth: 0,
        one_alone: one_alone(document.spec_version()),
    };
    let namespace = format!(" xmlns=\"{NAMESPACE}{}\"", document.spec_version());
    let mut bom = document.members().clone();
    for member in ["$schema", "bomFormat", "specVersion"] {
        bom.remove(member);
    }
    writer.losses.enter("bom", 0);
    writer.object("bom", &namespace, &bom, "bom");
    Written {
        bytes: writer.out.into_bytes(),
        losses: writer.losses.into_vec(),
    }
}

struct Writer {
    out: String,
    losses: Losses,
    depth: usize,
    /// Whether one alone of `name~` is no list.
    one_alone: bool,
}

impl Writer {
    /// An object as an element with attributes and elements, or with a text.
    fn object(&mut self, name: &str, more: &str, object: &Map<String, Value>, kind: &'static str) {
        let fields = table::fields(kind);
        self.unknown_members(object, fields);
        self.indent();
        self.out.extend(["<", name, more]);
        for field in fields {
            if let (Place::Attribute(name), Some(value)) = (field.place, object.get(field.member)) {
                self.losses.enter(field.member, 0);
                self.attribute(name, value, field.kind);
                self.losses.leave();
            }
        }
        if let Some(field) = table::text(fields) {
            self.losses.enter(field.member, 0);
            let text = self.own_text(object.get(field.member), field);
            self.losses.leave();
            match text.as_str() {
                "" => self.out.push_str("/>\n"),
                text => self.out.extend([">", text, "</", name, ">\n"]),
            }
            return;
        }
        self.out.push_str(">\n");
        let start = self.out.len();
        self.depth = self.depth.saturating_add(1);
        for field in fields {
            self.losses.enter(field.member, 0);
            if let Place::Inlined(name) = field.place {
                self.inlined(name, object, field.kind);
            } else if let Some(value) = object.get(field.member) {
                self.member(value, field);
            }
            self.losses.leave();
        }
        self.depth = self.depth.saturating_sub(1);
        self.close(name, start);
    }

    /// The text that an element has instead of others.
    fn own_text(&mut self, value: Option<&Value>, field: &Field) -> String {
        let text = value.and_then(|value| self.scalar(value, field.kind));
        let is_empty = text.as_deref().is_none_or(str::is_empty);
        // What is not there and what is empty look the same, and are read as one of them.
        if is_empty && text.is_none() == (field.place == Place::Text) {
            self.losses.add("", Lost::Empty);
        }
        self.escaped(text.as_deref().unwrap_or_default(), false)
    }

    /// Ends an element; one without content in its first tag.
    fn close(&mut self, name: &str, start: usize) {
        if self.out.len() == start {
            self.out.truncate(start.saturating_sub(2));
            self.out.push_str("/>\n");
        } else {
            self.indent();
            self.out.extend(["</", name, ">\n"]);
        }
    }

    fn member(&mut self, value: &Value, field: &Field) {
        match (field.place, value) {
            (Place::Attribute(_) | Place::Text | Place::TextIfAny | Place::Inlined(_), _) => {}
            (Place::Each(_) | Place::EachOrOne(_), Value::Array(list)) if list.is_empty() => {
                self.losses.add("", Lost::Empty);
            }
            (Place::Each(name) | Place::EachOrOne(name), Value::Array(list)) => {
                let is_each = matches!(field.place, Place::Each(_));
                if self.one_alone && !is_each && list.len() == 1 {
                    self.losses.add("", Lost::Kind);
                }
                self.each(name, list, field.kind);
            }
            (Place::Element(name), _) => self.value(name, value, field.kind),
            (Place::EachOrOne(name), one) => {
                if !self.one_alone {
                    self.losses.add("", Lost::Kind);
                }
                self.value(name, one, field.kind);
            }
            (Place::List { wrapper, item, .. }, Value::Array(list)) => {
                self.indent();
                self.out.extend(["<", wrapper, ">\n"]);
                let start = self.out.len();
                self.depth = self.depth.saturating_add(1);
                self.each(item, list, field.kind);
                self.depth = self.depth.saturating_sub(1);
                self.close(wrapper, start);
            }
            (
                Place::List {
                    wrapper,
                    other: Some(other),
                    ..
                },
                Value::Object(object),
            ) if !object.is_empty() => self.object(wrapper, "", object, other),
            (Place::Each(_) | Place::List { .. }, _) => self.losses.add("", Lost::Kind),
        }
    }

    fn each(&mut self, name: &'static str, list: &[Value], kind: Kind) {
        for (index, value) in list.iter().enumerate() {
            self.losses.enter("", index.saturating_add(1));
            match kind {
                Kind::Choice(choice) if name.starts_with('|') => self.chosen(value, choice),
                _ => self.value(name, value, kind),
            }
            self.losses.leave();
        }
    }

    fn value(&mut self, name: &'static str, value: &Value, kind: Kind) {
        match (kind, value) {
            (Kind::Object(kind), Value::Object(object)) => self.object(name, "", object, kind),
            (Kind::Mixed(kind), Value::Object(object)) if !object.is_empty() => {
                self.object(name, "", object, kind);
            }
            (Kind::Choice(choice), _) => {
                self.indent();
                self.out.extend(["<", name, ">\n"]);
                let start = self.out.len();
                self.depth = self.depth.saturating_add(1);
                self.chosen(value, choice);
                self.depth = self.depth.saturating_sub(1);
                self.close(name, start);
            }
            (Kind::Reference, Value::String(_)) => {
                self.indent();
                self.out.extend(["<", name]);
                self.attribute("ref", value, Kind::String);
                self.out.push_str("/>\n");
            }
            (Kind::Object(_) | Kind::Reference, _) => self.losses.add("", Lost::Kind),
            _ => {
                let Some(text) = self.scalar(value, kind) else {
                    return;
                };
                let text = self.escaped(&text, false);
                self.indent();
                self.out.extend(["<", name, ">", &text, "</", name, ">\n"]);
            }
        }
    }

    fn chosen(&mut self, value: &Value, choice: &'static str) {
        for one in table::choice(choice) {
            let Some(inner) = taken(one, value) else {
                continue;
            };
            if let (Some(member), Value::Object(object)) = (one.wrapped, value) {
                for other in object.keys().filter(|name| *name != member) {
                    self.losses.add(other, Lost::Member);
                }
            }
            self.value(one.element, inner, one.kind);
            return;
        }
        self.losses.add("", Lost::Kind);
    }

    /// Members that XML has in an element of its own.
    fn inlined(&mut self, name: &'static str, object: &Map<String, Value>, kind: Kind) {
        let Kind::Object(kind) = kind else { return };
        let fields = table::fields(kind).iter();
        let members = fields.filter_map(|field| {
            let value = object.get(field.member)?;
            Some((field.member.to_owned(), value.clone()))
        });
        let members: Map<String, Value> = members.collect();
        if !members.is_empty() {
            self.object(name, "", &members, kind);
        }
    }

    fn attribute(&mut self, name: &str, value: &Value, kind: Kind) {
        if let Some(text) = self.scalar(value, kind) {
            let text = self.escaped(&text, true);
            self.out.extend([" ", name, "=\"", &text, "\""]);
        }
    }

    /// The text of a value; what would be read as another value is reported.
    fn scalar<'v>(&mut self, value: &'v Value, kind: Kind) -> Option<Cow<'v, str>> {
        let (text, same): (Cow<'v, str>, bool) = match value {
            Value::String(text) => {
                let trimmed = text.trim_ascii();
                let other = match kind {
                    Kind::Number | Kind::Integer => number::parse(trimmed).is_some(),
                    Kind::Bool => matches!(trimmed, "true" | "false" | "0" | "1"),
                    _ => false,
                };
                if kind == Kind::Token && trimmed.len() != text.len() {
                    self.losses.add("", Lost::Space);
                    (trimmed.into(), true)
                } else {
                    (text.into(), !other)
                }
            }
            Value::Number(number) => {
                let decimal = number::decimal(number);
                let text = match (kind, decimal.strip_suffix(".0")) {
                    (Kind::Integer, Some("-0")) => "0".to_owned(),
                    (Kind::Integer, Some(whole)) => whole.to_owned(),
                    _ => decimal,
                };
                let is_number = matches!(kind, Kind::Number | Kind::Integer);
                let same = number::parse(&text).is_some_and(|(again, _)| again == *number);
                (text.into(), is_number && same)
            }
            Value::Bool(yes) => {
                let text = if *yes { "true" } else { "false" };
                (text.into(), kind == Kind::Bool)
            }
            Value::Null | Value::Array(_) | Value::Object(_) => {
                self.losses.add("", Lost::Kind);
                return None;
            }
        };
        if !same {
            self.losses.add("", Lost::Kind);
        }
        Some(text)
    }

    fn escaped(&mut self, text: &str, in_attribute: bool) -> String {
        let mut escaped = String::with_capacity(text.len());
        let mut lost = false;
        for character in text.chars() {
            match character {
                '&' => escaped.push_str("&amp;"),
                '<' => escaped.push_str("&lt;"),
                '>' => escaped.push_str("&gt;"),
                '\r' => escaped.push_str("&#13;"),
                '"' if in_attribute => escaped.push_str("&quot;"),
                '\t' if in_attribute => escaped.push_str("&#9;"),
                '\n' if in_attribute => escaped.push_str("&#10;"),
                other if element::is_character(other) => escaped.push(other),
                _ => {
                    escaped.push(char::REPLACEMENT_CHARACTER);
                    lost = true;
                }
            }
        }
        if lost {
            self.losses.add("", Lost::Character);
        }
        escaped
    }

    fn unknown_members(&mut self, object: &Map<String, Value>, fields: &[Field]) {
        let knows = |fields: &[Field], name: &str| {
            let mut fields = fields.iter();
            fields.any(|field| field.member == name && !matches!(field.place, Place::Inlined(_)))
        };
        let inlined = fields.iter().filter_map(|field| match field {
            Field {
                place: Place::Inlined(_),
                kind: Kind::Object(kind),
                ..
            } => Some(table::fields(kind)),
            _ => None,
        });
        let inlined: Vec<&[Field]> = inlined.collect();
        for name in object.keys() {
            if !knows(fields, name) && !inlined.iter().any(|fields| knows(fields, name)) {
                self.losses.add(name, Lost::Member);
            }
        }
    }

    fn indent(&mut self) {
        self.out.extend(std::iter::repeat_n("  ", self.depth));
    }
}

/// What stands in the element, if this is the one that a value stands in.
fn taken<'v>(one: &Alternative, value: &'v Value) -> Option<&'v Value> {
    match (one.wrapped, value) {
        (Some(member), _) => value.get(member),
        (None, Value::String(_)) => one.kind.is_scalar().then_some(value),
        (None, Value::Object(object)) => {
            let asked = one.members.iter();
            let is_it =
                one.members.is_empty() || asked.into_iter().any(|m| object.contains_key(*m));
            (is_it && !one.kind.is_scalar()).then_some(value)
        }
        _ => None,
    }
}
