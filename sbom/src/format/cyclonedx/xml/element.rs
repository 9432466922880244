//! Bytes to elements: XML 1.0 without anything that refers to something else.
//!
//! <https://www.w3.org/TR/2008/REC-xml-20081126/>. Refused are document types, processing
//! instructions, all entities but the five that need no declaration, and other encodings than
//! UTF-8. Comments are passed over.

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

use super::super::loss::{Losses, Lost};
use super::XmlError;

/// An element of CycloneDX, and those within it.
#[derive(Debug, Default)]
pub(super) struct Element {
    pub(super) name: Box<str>,
    pub(super) attributes: Vec<(Box<str>, String)>,
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

/// Reads a document: its root and the namespace of that. What is of others is lost.
pub(super) fn parse(
    text: &str,
    depth: usize,
    losses: &mut Losses,
) -> Result<(Element, String), XmlError> {
    let mut reader = NsReader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    reader.config_mut().check_comments = true;
    let mut parser = Parser {
        depth,
        losses,
        open: Vec::new(),
        root: None,
        namespace: None,
        elements: 0,
        foreign: 0,
    };
    let mut is_first = true;
    loop {
        let (namespace, event) = match reader.read_resolved_event() {
            Ok((namespace, event)) => (namespace, event),
            Err(error) => return Err(syntax(reader.error_position(), &error.to_string())),
        };
        let end = match event {
            // Empty elements are expanded to two events.
            Event::Start(start) | Event::Empty(start) => {
                let namespace = name_of(&namespace)?;
                parser.start(&start, &namespace).map(|()| false)
            }
            Event::End(_) => {
                parser.end();
                Ok(false)
            }
            Event::Text(part) => parser.text(&part.xml10_content()).map(|()| false),
            Event::CData(part) => parser.text(&part.xml10_content()).map(|()| false),
            Event::GeneralRef(name) => parser.text(&character(&name)?).map(|()| false),
            Event::Decl(declaration) if is_first => check(&declaration).map(|()| false),
            Event::Decl(_) => Err(XmlError::refused("a declaration in its middle")),
            Event::PI(_) => Err(XmlError::refused("a processing instruction")),
            Event::DocType(_) => Err(XmlError::refused("a document type")),
            Event::Comment(_) => Ok(false),
            Event::Eof => Ok(true),
        };
        is_first = false;
        match end {
            Ok(true) => break,
            Ok(false) => {}
            Err(XmlError::Syntax { reason, .. }) => {
                return Err(syntax(reader.buffer_position(), &reason));
            }
            Err(error) => return Err(error),
        }
    }
    match (parser.open.is_empty(), parser.root, parser.namespace) {
        (true, Some(root), Some(namespace)) => Ok((root, namespace)),
        _ => Err(syntax(text.len() as u64, "it ends in the middle")),
    }
}

struct Parser<'a> {
    depth: usize,
    losses: &'a mut Losses,
    open: Vec<Element>,
    root: Option<Element>,
    namespace: Option<String>,
    elements: usize,
    /// How deep in an element of another namespace.
    foreign: usize,
}

impl Parser<'_> {
    fn start(&mut self, start: &BytesStart<'_>, namespace: &str) -> Result<(), XmlError> {
        self.elements = self.elements.saturating_add(1);
        if self.elements > MOST_ELEMENTS {
            return Err(XmlError::Elements);
        }
        if self.open.len().saturating_add(self.foreign) >= self.depth {
            return Err(XmlError::Depth { limit: self.depth });
        }
        if self.root.is_some() && self.foreign == 0 {
            return Err(syntax(0, "there is something behind its root"));
        }
        let name: Box<str> = start.local_name().as_ref().into();
        let attributes = self.attributes(start)?;
        let own = self.namespace.get_or_insert_with(|| namespace.to_owned());
        if self.foreign > 0 || own != namespace {
            if self.foreign == 0 {
                let place = self.place(&name);
                self.losses.add(&place, Lost::Foreign);
            }
            self.foreign = self.foreign.saturating_add(1);
            return Ok(());
        }
        self.open.push(Element {
            name,
            attributes,
            ..Element::default()
        });
        Ok(())
    }

    fn end(&mut self) {
        if self.foreign > 0 {
            self.foreign = self.foreign.saturating_sub(1);
            return;
        }
        let Some(element) = self.open.pop() else {
            return;
        };
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
    }

    fn text(&mut self, text: &str) -> Result<(), XmlError> {
        if !text.chars().all(is_character) {
            return Err(syntax(0, "it has a character that XML forbids"));
        }
        match self.open.last_mut() {
            _ if self.foreign > 0 => {}
            Some(element) => element.text.push_str(text),
            None if text.trim_ascii().is_empty() => {}
            None => return Err(syntax(0, "there is text outside of its root")),
        }
        Ok(())
    }

    /// Those without a namespace; others are lost, but for what says where a schema is.
    fn attributes(&mut self, start: &BytesStart<'_>) -> Result<Vec<(Box<str>, String)>, XmlError> {
        let mut all: Vec<(Box<str>, String)> = Vec::new();
        // Looking for duplicates is done here: it takes quadratic time, so there must not be many.
        for (index, attribute) in start.attributes().with_checks(false).enumerate() {
            if index >= MOST_ATTRIBUTES {
                return Err(syntax(0, "an element has very many attributes"));
            }
            let attribute = attribute.map_err(|error| syntax(0, &error.to_string()))?;
            let key = attribute.key.as_ref();
            if key == "xmlns" || key.starts_with("xmlns:") {
                continue;
            }
            let value = attribute.normalized_value(XmlVersion::Explicit1_0);
            let value = value.map_err(|error| syntax(0, &error.to_string()))?;
            if !value.chars().all(is_character) {
                return Err(syntax(0, "it has a character that XML forbids"));
            }
            if all.iter().any(|(name, _)| **name == *key) {
                return Err(syntax(0, "an element has an attribute twice"));
            }
            all.push((key.into(), value.into_owned()));
        }
        let (kept, others) = all.into_iter().partition(|(name, _)| !name.contains(':'));
        let others: Vec<(Box<str>, String)> = others;
        for (name, _) in others {
            if self.foreign == 0 && &*name != "xsi:schemaLocation" {
                let place = self.place(start.local_name().as_ref());
                self.losses.add(&format!("{place}/{name}"), Lost::Foreign);
            }
        }
        Ok(kept)
    }

    /// The way to something in the element that is open.
    fn place(&self, name: &str) -> String {
        let mut place = String::new();
        for element in &self.open {
            place.extend(element.name.chars().take(64));
            place.push('/');
        }
        place.extend(name.chars().take(64));
        place
    }
}

/// The text of `&name;`.
fn character(name: &BytesRef<'_>) -> Result<String, XmlError> {
    match name.resolve_char_ref() {
        Ok(Some(character)) => Ok(character.into()),
        Ok(None) => match resolve_predefined_entity(name) {
            Some(text) => Ok(text.to_owned()),
            None => Err(XmlError::refused("an entity")),
        },
        Err(error) => Err(syntax(0, &error.to_string())),
    }
}

/// Only XML 1.0 in UTF-8.
fn check(declaration: &BytesDecl<'_>) -> Result<(), XmlError> {
    if declaration.version().is_ok_and(|version| version != "1.0") {
        return Err(XmlError::refused("another version of XML than 1.0"));
    }
    match declaration.encoding() {
        None => Ok(()),
        Some(Ok(encoding)) if encoding.eq_ignore_ascii_case("utf-8") => Ok(()),
        Some(_) => Err(XmlError::refused("another encoding than UTF-8")),
    }
}

fn name_of(namespace: &ResolveResult<'_>) -> Result<String, XmlError> {
    match namespace {
        ResolveResult::Bound(namespace) => Ok(namespace.as_ref().to_owned()),
        ResolveResult::Unbound => Ok(String::new()),
        ResolveResult::Unknown(_) => Err(syntax(0, "a namespace has no declaration")),
    }
}

/// Whether XML 1.0 allows a character.
pub(super) fn is_character(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        other => other >= ' ',
    }
}

fn syntax(position: u64, reason: &str) -> XmlError {
    XmlError::Syntax {
        position,
        reason: reason.chars().take(200).collect(),
    }
}

/// Elements of one document. Stops one of nothing but `<a/>` from filling memory.
const MOST_ELEMENTS: usize = 4_000_000;

/// Attributes of one element; no element of CycloneDX has more than five.
const MOST_ATTRIBUTES: usize = 64;
