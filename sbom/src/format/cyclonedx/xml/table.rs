//! The table `spelling.txt`, read once.
//!
//! Derived from the XSDs of CycloneDX 1.2 to 1.7, <https://cyclonedx.org/docs/latest/xml/>, and the
//! JSON schemas beside them. Later versions add elements and keep the order of older ones, so that
//! one order is valid for all.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Members of one kind of object, in the order of their elements.
pub(super) fn fields(kind: &str) -> &'static [Field] {
    TABLE.fields.get(kind).map_or(&[], Vec::as_slice)
}

/// The one whose text stands in the element itself.
pub(super) fn text(fields: &'static [Field]) -> Option<&'static Field> {
    let mut fields = fields.iter();
    fields.find(|field| matches!(field.place, Place::Text | Place::TextIfAny))
}

/// What may stand where there is a choice.
pub(super) fn choice(name: &str) -> &'static [Alternative] {
    TABLE.choices.get(name).map_or(&[], Vec::as_slice)
}

/// One member of an object.
#[derive(Debug)]
pub(super) struct Field {
    /// What JSON calls it.
    pub(super) member: &'static str,
    pub(super) place: Place,
    pub(super) kind: Kind,
}

/// Where XML has a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// `@name`.
    Attribute(&'static str),
    /// `.`
    Text,
    /// `.?`: not there if it is empty.
    TextIfAny,
    /// `name`.
    Element(&'static str),
    /// `^name`: an element whose members are its parent's.
    Inlined(&'static str),
    /// `name*`: an element for each of a list.
    Each(&'static str),
    /// `name~`: the same, but before 1.6 one alone is no list.
    EachOrOne(&'static str),
    /// `wrapper/item`; of a choice without an item.
    List {
        wrapper: &'static str,
        item: &'static str,
        /// What the wrapper is if it holds no item.
        other: Option<&'static str>,
    },
}

impl Place {
    /// The name of the element.
    pub(super) fn element(self) -> Option<&'static str> {
        match self {
            Self::Attribute(_) | Self::Text | Self::TextIfAny => None,
            Self::Element(name)
            | Self::Inlined(name)
            | Self::Each(name)
            | Self::EachOrOne(name)
            | Self::List { wrapper: name, .. } => Some(name),
        }
    }
}

/// What a member, or each of its list, is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text as it stands.
    String,
    /// Text without the space around it.
    Token,
    Number,
    /// A number without a fraction.
    Integer,
    Bool,
    /// A text in the attribute `ref`.
    Reference,
    /// An object of the table.
    Object(&'static str),
    /// An object of the table, or a text.
    Mixed(&'static str),
    /// A choice of the table.
    Choice(&'static str),
}

impl Kind {
    /// Whether it is a text, number or truth.
    pub(super) fn is_scalar(self) -> bool {
        !matches!(self, Self::Object(_) | Self::Mixed(_) | Self::Choice(_))
    }

    fn parse(name: &'static str) -> Self {
        match name {
            "string" => Self::String,
            "token" => Self::Token,
            "int" => Self::Integer,
            "number" => Self::Number,
            "bool" => Self::Bool,
            "ref" => Self::Reference,
            _ => match (name.strip_prefix('+'), name.strip_prefix('|')) {
                (Some(mixed), _) => Self::Mixed(mixed),
                (None, Some(choice)) => Self::Choice(choice),
                (None, None) => Self::Object(name),
            },
        }
    }
}

/// One element of a choice: `name>member:kind?asked,for`.
#[derive(Debug)]
pub(super) struct Alternative {
    pub(super) element: &'static str,
    /// Where JSON puts it into an object with this one member.
    pub(super) wrapped: Option<&'static str>,
    pub(super) kind: Kind,
    /// It is this one if the object has one of these members; without any it is the last resort.
    pub(super) members: Vec<&'static str>,
}

impl Field {
    fn parse(text: &'static str) -> Self {
        let (renamed, text) = match text.split_once('=') {
            Some((member, text)) => (Some(member), text),
            None => (None, text),
        };
        let (name, kind) = text.split_once(':').unwrap_or((text, "string"));
        let (kind, other) = match kind.split_once('|') {
            Some((kind, other)) if !kind.is_empty() => (kind, Some(other)),
            _ => (kind, None),
        };
        let mut kind = Kind::parse(kind);
        let (name, place) = if let Some(name) = name.strip_prefix('@') {
            (name, Place::Attribute(name))
        } else if let Some(name) = name.strip_prefix('^') {
            (name, Place::Inlined(name))
        } else if let Some(name) = name.strip_suffix('*') {
            (name, Place::Each(name))
        } else if let Some(name) = name.strip_suffix('~') {
            (name, Place::EachOrOne(name))
        } else if let Some((wrapper, item)) = name.split_once('/') {
            if let Some(choice) = item.strip_prefix('|') {
                kind = Kind::Choice(choice);
            }
            let list = Place::List {
                wrapper,
                item,
                other,
            };
            (wrapper, list)
        } else if name == "." {
            (name, Place::Text)
        } else if name == ".?" {
            (name, Place::TextIfAny)
        } else {
            (name, Place::Element(name))
        };
        Self {
            member: renamed.unwrap_or(name),
            place,
            kind,
        }
    }
}

impl Alternative {
    fn parse(text: &'static str) -> Self {
        let (text, members) = text.split_once('?').unwrap_or((text, ""));
        let (name, kind) = text.split_once(':').unwrap_or((text, "string"));
        let (element, wrapped) = match name.split_once('>') {
            Some((element, member)) => (element, Some(member)),
            None => (name, None),
        };
        let members = members.split(',').filter(|member| !member.is_empty());
        Self {
            element,
            wrapped,
            kind: Kind::parse(kind),
            members: members.collect(),
        }
    }
}

#[derive(Debug, Default)]
struct Table {
    fields: HashMap<&'static str, Vec<Field>>,
    choices: HashMap<&'static str, Vec<Alternative>>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table::default();
    let mut name = "";
    let lines = include_str!("spelling.txt").lines();
    for line in lines.filter(|line| !line.starts_with('#')) {
        let mut words = line;
        if let Some((kind, rest)) = line.split_once(": ").filter(|_| !line.starts_with(' ')) {
            (name, words) = (kind, rest);
        }
        let words = words.split_whitespace();
        if let Some(choice) = name.strip_prefix('|') {
            let list = table.choices.entry(choice).or_default();
            list.extend(words.map(Alternative::parse));
        } else {
            let list = table.fields.entry(name).or_default();
            list.extend(words.map(Field::parse));
        }
    }
    table
});

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn kinds() -> Vec<Kind> {
        let fields = TABLE.fields.values().flatten();
        let alternatives = TABLE.choices.values().flatten();
        let others = TABLE.fields.values().flatten().filter_map(|field| {
            let Place::List { other, .. } = field.place else {
                return None;
            };
            other.map(Kind::Object)
        });
        let kinds = fields.map(|field| field.kind);
        let kinds = kinds.chain(alternatives.map(|one| one.kind));
        kinds.chain(others).collect()
    }

    #[test]
    fn every_kind_that_is_named_is_there_and_every_one_there_is_named() {
        let mut named = HashSet::from(["bom", "|license"]);
        for kind in kinds() {
            match kind {
                Kind::Object(name) | Kind::Mixed(name) => {
                    assert!(!fields(name).is_empty(), "{name}");
                    named.insert(name);
                }
                Kind::Choice(name) => assert!(!choice(name).is_empty(), "{name}"),
                _ => {}
            }
        }
        for name in TABLE.fields.keys().filter(|name| !name.is_empty()) {
            assert!(named.contains(name), "{name}");
        }
    }

    #[test]
    fn no_object_has_a_member_or_an_element_twice() {
        for (name, fields) in &TABLE.fields {
            let mut members = HashSet::new();
            let mut elements = HashSet::new();
            for field in fields {
                assert!(members.insert(field.member), "{name} {}", field.member);
                let element = field.place.element();
                assert!(element.is_none_or(|one| elements.insert(one)), "{name}");
            }
        }
    }

    #[test]
    fn signs_mean_what_the_table_says() {
        let field = |name: &str, member: &str| {
            let mut fields = fields(name).iter();
            let field = fields.find(|field| field.member == member).unwrap();
            (field.place, field.kind)
        };
        assert_eq!(
            field("attachment", "contentType"),
            (Place::Attribute("content-type"), Kind::String)
        );
        assert_eq!(field("hash", "content"), (Place::Text, Kind::Token));
        assert_eq!(field("entity", "url"), (Place::Each("url"), Kind::Token));
        let list = |wrapper, item, other| Place::List {
            wrapper,
            item,
            other,
        };
        assert_eq!(
            field("metadata", "tools"),
            (list("tools", "tool", Some("toolbox")), Kind::Object("tool"))
        );
        assert_eq!(
            field("component", "licenses"),
            (list("licenses", "|license", None), Kind::Choice("license"))
        );
        assert_eq!(
            field("patent", "patentAssignee"),
            (Place::Each("patentAssignee"), Kind::Choice("assignee"))
        );
        assert_eq!(
            field("analysis", "response"),
            (list("responses", "response", None), Kind::String)
        );
    }
}
