//! From text to tree.

use std::fmt::Write as _;
use std::iter::Peekable;
use std::vec::IntoIter;

use granit_parser::{Event, Marker, Parser, ScalarStyle, Span, StructureStyle, options};

use super::Unfit;
use super::tree::{Collection, Content, Item, Key, Node};

type Events<'a> = Peekable<IntoIter<(Event<'a>, Span)>>;

/// A comment, and where it is.
#[derive(Debug)]
pub(super) struct Comment {
    pub(super) at: usize,
    pub(super) line: usize,
    pub(super) column: usize,
    /// With its `#`.
    pub(super) text: String,
}

/// Everything that is in a text.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) root: Node,
    pub(super) comments: Vec<Comment>,
    /// Whether anything in it refers to something above it.
    pub(super) has_references: bool,
}

/// Reads a text that holds one document.
pub(super) fn read(text: &str) -> Result<Document, Unfit> {
    let options = options! {
        emit_anchor_events: true,
        disallow_directives: true,
        // The text is bounded, and so are they.
        max_buffered_comment_events: usize::MAX,
        flow_nesting_limit: 64,
        block_nesting_limit: 64,
    };
    let (mut events, mut comments, mut has_references) = (Vec::new(), Vec::new(), false);
    let mut documents = 0_usize;
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, span) = next.map_err(|error| Unfit::at(error.marker(), error.info()))?;
        match event {
            Event::Comment(said, _) => comments.push(Comment {
                at: offset(&span.start)?,
                line: span.start.line(),
                column: span.start.col(),
                text: format!("#{said}").trim_end().to_owned(),
            }),
            Event::DocumentStart(..) if documents > 0 => {
                return Err(Unfit::at(&span.start, "a second document begins here"));
            }
            Event::DocumentStart(..) => documents = documents.saturating_add(1),
            Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            event => {
                has_references |= matches!(event, Event::Anchor(..) | Event::Alias(..));
                events.push((event, span));
            }
        }
    }
    let reader = Reader { text };
    let root = reader.node(&mut events.into_iter().peekable())?;
    Ok(Document {
        root,
        comments,
        has_references,
    })
}

struct Reader<'a> {
    text: &'a str,
}

impl Reader<'_> {
    fn node(&self, events: &mut Events<'_>) -> Result<Node, Unfit> {
        let Some((event, span)) = events.next() else {
            return Err(Unfit::nowhere("nothing is in it"));
        };
        let mut start = offset(&span.start)?;
        let mut properties = String::new();
        if let Some((Event::Anchor(_, name), at)) =
            events.next_if(|(event, _)| matches!(event, Event::Anchor(..)))
        {
            properties = format!("&{name} ");
            start = start.min(offset(&at.start)?);
        }
        if let Some(tag) = span.tag_span() {
            let written = tag.slice(self.text).unwrap_or_default();
            properties = format!("{properties}{written} ");
            start = start.min(offset(&tag.start)?);
        }
        let content = match event {
            Event::Scalar(said, style, ..) => self.scalar(&said, style, &span),
            Event::Alias(_) => Content::Line(self.slice(&span).to_owned()),
            Event::MappingStart(style, ..) => {
                Content::Collection(self.mapping(style, &span, events)?)
            }
            Event::SequenceStart(style, ..) => {
                Content::Collection(self.sequence(style, &span, events)?)
            }
            _ => return Err(Unfit::at(&span.start, "a value was expected here")),
        };
        Ok(Node {
            start,
            properties,
            content,
        })
    }

    fn mapping(
        &self,
        style: StructureStyle,
        span: &Span,
        events: &mut Events<'_>,
    ) -> Result<Collection, Unfit> {
        let mut found = empty(true, style, span);
        while let Some(is_end) = next_is(events, |event| matches!(event, Event::MappingEnd)) {
            if is_end {
                return closed(found, events);
            }
            let at = events.peek().map(|(_, span)| span.start);
            let name = match events.peek() {
                Some((Event::Scalar(said, ..), _)) => said.to_string(),
                Some((_, span)) => return Err(Unfit::at(&span.start, "a name was expected here")),
                None => String::new(),
            };
            let key = self.node(events)?;
            let text = match key.content {
                Content::Line(text) => format!("{}{text}", key.properties),
                _ => format!("{}{}", key.properties, quoted(&name)),
            };
            let value = self.node(events)?;
            found.items.push(Item {
                start: key.start,
                line: at.map_or(0, |at| at.line()),
                key: Some(Key { name, text }),
                value,
                above: Vec::new(),
                right: None,
            });
        }
        Err(Unfit::at(&span.start, "this has no end"))
    }

    fn sequence(
        &self,
        style: StructureStyle,
        span: &Span,
        events: &mut Events<'_>,
    ) -> Result<Collection, Unfit> {
        let mut found = empty(false, style, span);
        while let Some(is_end) = next_is(events, |event| matches!(event, Event::SequenceEnd)) {
            if is_end {
                return closed(found, events);
            }
            let at = events.peek().map(|(_, span)| span.start);
            let value = self.node(events)?;
            if let Some(column) = self.dash(value.start).filter(|_| found.items.is_empty()) {
                found.column = column;
            }
            found.items.push(Item {
                start: value.start,
                line: at.map_or(0, |at| at.line()),
                key: None,
                value,
                above: Vec::new(),
                right: None,
            });
        }
        Err(Unfit::at(&span.start, "this has no end"))
    }

    /// The column of the dash before an item, if it is on the item's line.
    fn dash(&self, item: usize) -> Option<usize> {
        let before = self.text.get(..item)?;
        let line = before.rsplit('\n').next()?;
        Some(line.trim_end().strip_suffix('-')?.chars().count())
    }

    fn scalar(&self, said: &str, style: ScalarStyle, span: &Span) -> Content {
        let written = self.slice(span);
        let is_one_line = !written.contains('\n');
        let line = match style {
            ScalarStyle::Plain if !is_one_line && !said.contains('\n') => said.to_owned(),
            ScalarStyle::SingleQuoted if quotes_plainly(said) => quoted(said),
            ScalarStyle::Plain | ScalarStyle::DoubleQuoted | ScalarStyle::SingleQuoted
                if is_one_line =>
            {
                written.to_owned()
            }
            ScalarStyle::Literal | ScalarStyle::Folded => {
                return self
                    .block(said, style, span)
                    .unwrap_or_else(|| Content::Line(quoted(said)));
            }
            _ => quoted(said),
        };
        Content::Line(line)
    }

    /// A text over several lines, unless that needs more than its lines to be read again.
    fn block(&self, said: &str, style: ScalarStyle, span: &Span) -> Option<Content> {
        let text = said.trim_end_matches('\n');
        let chomping = match said.len().saturating_sub(text.len()) {
            0 => "-",
            1 => "",
            _ => return None,
        };
        let is_odd =
            |c: char| c != '\n' && (c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'));
        if text.is_empty() || text.starts_with([' ', '\n']) || text.contains(is_odd) {
            return None;
        }
        let lines = if style == ScalarStyle::Literal {
            text.split('\n').map(str::to_owned).collect()
        } else {
            self.folded(span)?
        };
        let indicator = if style == ScalarStyle::Literal {
            '|'
        } else {
            '>'
        };
        Some(Content::Block(format!("{indicator}{chomping}"), lines))
    }

    /// The lines of a folded text as they are written.
    fn folded(&self, span: &Span) -> Option<Vec<String>> {
        let mut lines = self.slice(span).trim_end().split('\n');
        let mut out = vec![lines.next()?.to_owned()];
        for line in lines {
            let inner = line.get(span.start.col()..).unwrap_or_default();
            out.push(if line.trim().is_empty() { "" } else { inner }.to_owned());
        }
        Some(out)
    }

    fn slice(&self, span: &Span) -> &str {
        span.slice(self.text)
            .unwrap_or_default()
            .trim_end_matches('\n')
    }
}

fn empty(is_mapping: bool, style: StructureStyle, span: &Span) -> Collection {
    Collection {
        is_mapping,
        is_flow: style == StructureStyle::Flow,
        end: 0,
        column: span.start.col(),
        items: Vec::new(),
        tail: Vec::new(),
    }
}

/// Whether the next event is the end; `None` if there is none.
fn next_is(events: &mut Events<'_>, is_end: fn(&Event<'_>) -> bool) -> Option<bool> {
    events.peek().map(|(event, _)| is_end(event))
}

fn closed(mut found: Collection, events: &mut Events<'_>) -> Result<Collection, Unfit> {
    if let Some((_, span)) = events.next() {
        found.end = offset(&span.end)?;
    }
    // An empty one has nothing else than its brackets.
    found.is_flow |= found.items.is_empty();
    Ok(found)
}

fn offset(marker: &Marker) -> Result<usize, Unfit> {
    let missing = || Unfit::at(marker, "its place is not known");
    marker.byte_offset().ok_or_else(missing)
}

/// Whether a text stands between double quotes as it is.
fn quotes_plainly(said: &str) -> bool {
    !said.contains(['"', '\\']) && !said.contains(char::is_control) && said.is_ascii()
}

/// A text in double quotes.
fn quoted(said: &str) -> String {
    let mut out = String::from("\"");
    for character in said.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(character),
            other if other.is_alphanumeric() => out.push(other),
            other => {
                let _ = write!(out, "\\U{:08X}", u32::from(other));
            }
        }
    }
    out.push('"');
    out
}
