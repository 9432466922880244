//! Elements to the tree of JSON.

use serde_json::{Map, Value};

use super::super::loss::{Losses, Lost};
use super::super::number;
use super::element::Element;
use super::one_alone;
use super::table::{self, Alternative, Field, Kind, Place};

/// The tree of a root.
pub(super) fn tree(root: &Element, version: &str, losses: &mut Losses) -> Map<String, Value> {
    losses.enter("bom", 0);
    let mut reader = Reader {
        losses,
        one_alone: one_alone(version),
    };
    let mut bom = reader.object(root, "bom");
    losses.leave();
    bom.insert("bomFormat".to_owned(), "CycloneDX".into());
    bom.insert("specVersion".to_owned(), version.into());
    bom
}

struct Reader<'a> {
    losses: &'a mut Losses,
    /// Whether one alone of `name~` is no list.
    one_alone: bool,
}

impl Reader<'_> {
    fn object(&mut self, element: &Element, kind: &'static str) -> Map<String, Value> {
        let mut object = Map::new();
        let fields = table::fields(kind);
        for (name, value) in &element.attributes {
            let field = fields.iter().find(
                |field| matches!(field.place, Place::Attribute(attribute) if attribute == &**name),
            );
            match field {
                Some(field) => {
                    let value = self.scalar(value, field.kind);
                    object.insert(field.member.to_owned(), value);
                }
                None => self.losses.add(name, Lost::Attribute),
            }
        }
        match table::text(fields) {
            Some(field) if field.place == Place::TextIfAny && element.text.is_empty() => {}
            Some(field) => {
                let value = self.scalar(&element.text, field.kind);
                object.insert(field.member.to_owned(), value);
            }
            None => self.no_text(element),
        }
        let mut number = 0_usize;
        for child in &element.children {
            let field = fields
                .iter()
                .find(|field| field.place.element() == Some(&*child.name));
            let Some(field) = field else {
                self.losses.add(&child.name, Lost::Unknown);
                continue;
            };
            number = match field.place {
                Place::Each(_) | Place::EachOrOne(_) => number.saturating_add(1),
                _ => 0,
            };
            self.losses
                .enter(field.place.element().unwrap_or_default(), number);
            self.member(child, field, &mut object);
            self.losses.leave();
        }
        self.single(fields, &mut object);
        object
    }

    /// Adds what one element says.
    fn member(&mut self, child: &Element, field: &Field, object: &mut Map<String, Value>) {
        match field.place {
            Place::Attribute(_) | Place::Text | Place::TextIfAny => {}
            Place::Element(_) if object.contains_key(field.member) => {
                self.losses.add("", Lost::Repeated);
            }
            Place::Element(_) => {
                if let Some(value) = self.value(child, field.kind) {
                    object.insert(field.member.to_owned(), value);
                }
            }
            Place::Inlined(_) => {
                if let Some(Value::Object(members)) = self.value(child, field.kind) {
                    object.extend(members);
                }
            }
            Place::Each(_) | Place::EachOrOne(_) => {
                let value = self.value(child, field.kind);
                append(object, field.member, value);
            }
            Place::List { item, other, .. } => {
                let has_item = child.children.iter().any(|one| &*one.name == item);
                let before = object.get(field.member);
                match other {
                    _ if before.is_some_and(|value| !value.is_array()) => {
                        self.losses.add("", Lost::Repeated);
                    }
                    Some(_) if before.is_some() && !has_item => {
                        self.losses.add("", Lost::Repeated);
                    }
                    Some(other) if !has_item && !child.children.is_empty() => {
                        let value = self.object(child, other);
                        object.insert(field.member.to_owned(), Value::Object(value));
                    }
                    _ => {
                        let list = self.list(child, item, field.kind);
                        append(object, field.member, list);
                    }
                }
            }
        }
    }

    /// The elements in a wrapper.
    fn list(&mut self, wrapper: &Element, item: &'static str, kind: Kind) -> Vec<Value> {
        self.no_text(wrapper);
        self.no_attributes(wrapper);
        let mut list = Vec::new();
        for child in &wrapper.children {
            let number = list.len().saturating_add(1);
            if let Kind::Choice(choice) = kind {
                list.extend(self.chosen(child, choice, number));
            } else if &*child.name == item {
                self.losses.enter(item, number);
                list.extend(self.value(child, kind));
                self.losses.leave();
            } else {
                self.losses.add(&child.name, Lost::Unknown);
            }
        }
        list
    }

    /// One element of a choice.
    fn chosen(&mut self, child: &Element, choice: &'static str, number: usize) -> Option<Value> {
        let mut all = table::choice(choice).iter();
        let Some(one) = all.find(|one: &&Alternative| one.element == &*child.name) else {
            self.losses.add(&child.name, Lost::Unknown);
            return None;
        };
        self.losses.enter(one.element, number);
        let value = self.value(child, one.kind);
        self.losses.leave();
        Some(match one.wrapped {
            Some(member) => Value::Object(Map::from_iter([(member.to_owned(), value?)])),
            None => value?,
        })
    }

    fn value(&mut self, element: &Element, kind: Kind) -> Option<Value> {
        match kind {
            Kind::Object(name) => Some(Value::Object(self.object(element, name))),
            Kind::Mixed(name) if !element.children.is_empty() => {
                Some(Value::Object(self.object(element, name)))
            }
            Kind::Choice(name) => {
                self.no_text(element);
                self.no_attributes(element);
                let mut value = None;
                for child in &element.children {
                    let chosen = self.chosen(child, name, 0);
                    if value.is_some() {
                        self.losses.add(&child.name, Lost::Repeated);
                    }
                    value = value.or(chosen);
                }
                value
            }
            Kind::Reference => {
                let mut reference = None;
                for (name, value) in &element.attributes {
                    match &**name {
                        "ref" => reference = Some(value.as_str().into()),
                        other => self.losses.add(other, Lost::Attribute),
                    }
                }
                self.no_text(element);
                self.no_children(element);
                reference
            }
            _ => {
                self.no_attributes(element);
                self.no_children(element);
                Some(self.scalar(&element.text, kind))
            }
        }
    }

    /// What is not of its kind stays the text that it is.
    fn scalar(&mut self, text: &str, kind: Kind) -> Value {
        let trimmed = text.trim_ascii();
        match (kind, trimmed) {
            (Kind::Token, _) => trimmed.into(),
            (Kind::Bool, "true" | "1") => true.into(),
            (Kind::Bool, "false" | "0") => false.into(),
            (Kind::Number | Kind::Integer, _) => match number::parse(trimmed) {
                Some((number, exact)) => {
                    if !exact {
                        self.losses.add("", Lost::Digits);
                    }
                    Value::Number(number)
                }
                None => text.into(),
            },
            _ => text.into(),
        }
    }

    /// Takes one alone out of its list where older versions have none.
    fn single(&mut self, fields: &[Field], object: &mut Map<String, Value>) {
        if !self.one_alone {
            return;
        }
        for field in fields {
            if !matches!(field.place, Place::EachOrOne(_)) {
                continue;
            }
            if let Some(Value::Array(list)) = object.get_mut(field.member)
                && list.len() == 1
                && let Some(one) = list.pop()
            {
                object.insert(field.member.to_owned(), one);
            }
        }
    }

    fn no_text(&mut self, element: &Element) {
        if !element.text.trim_ascii().is_empty() {
            self.losses.add("", Lost::Text);
        }
    }

    fn no_attributes(&mut self, element: &Element) {
        for (name, _) in &element.attributes {
            self.losses.add(name, Lost::Attribute);
        }
    }

    fn no_children(&mut self, element: &Element) {
        for child in &element.children {
            self.losses.add(&child.name, Lost::Unknown);
        }
    }
}

/// Adds to a list that may not be there yet.
fn append(object: &mut Map<String, Value>, member: &str, values: impl IntoIterator<Item = Value>) {
    let list = object
        .entry(member)
        .or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(list) = list {
        list.extend(values);
    }
}
