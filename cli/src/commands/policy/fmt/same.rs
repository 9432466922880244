//! Whether two texts say the same, read anew: the layout is not trusted to have kept it.

use std::iter::Peekable;
use std::vec::IntoIter;

use granit_parser::{Event, Parser, ScalarStyle, Tag, options};

use super::Unfit;

/// What a text says, whatever it looks like.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    value: Value,
    /// Sorted.
    comments: Vec<String>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Text {
        text: String,
        /// Without quotes on one line, so that it may be a number, a truth value or nothing.
        is_bare: bool,
        properties: Properties,
    },
    /// By the name of what it refers to.
    Alias(String),
    List(Vec<Value>, Properties),
    /// Sorted.
    Mapping(Vec<(Value, Value)>, Properties),
}

#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Properties {
    anchor: Option<String>,
    tag: Option<String>,
}

type Events<'a> = Peekable<IntoIter<Event<'a>>>;

/// What a text says.
pub(super) fn said(text: &str) -> Result<Said, Unfit> {
    let options = options! {
        emit_anchor_events: true,
        max_buffered_comment_events: usize::MAX,
        flow_nesting_limit: 64,
        block_nesting_limit: 64,
    };
    let (mut events, mut comments, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, span) = next.map_err(|error| Unfit::at(error.marker(), error.info()))?;
        match event {
            Event::Comment(said, _) => comments.push(said.trim_end().to_owned()),
            Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(..)
            | Event::DocumentEnd => {}
            event => {
                if matches!(event, Event::Alias(_)) {
                    names.push(span.slice(text).unwrap_or_default().to_owned());
                }
                events.push(event);
            }
        }
    }
    comments.sort();
    let mut names = names.into_iter();
    let value = value(&mut events.into_iter().peekable(), &mut names);
    let value = value.ok_or_else(|| Unfit::nowhere("nothing is in it"))?;
    Ok(Said { value, comments })
}

fn value(events: &mut Events<'_>, names: &mut IntoIter<String>) -> Option<Value> {
    let event = events.next()?;
    let anchor = match events.next_if(|event| matches!(event, Event::Anchor(..))) {
        Some(Event::Anchor(_, name)) => Some(name.into_owned()),
        _ => None,
    };
    let properties = |tag: Option<std::borrow::Cow<'_, Tag>>| Properties {
        anchor,
        tag: tag.map(|tag| tag.to_string()),
    };
    match event {
        Event::Scalar(text, style, _, tag) => Some(Value::Text {
            is_bare: style == ScalarStyle::Plain && !text.contains('\n'),
            text: text.into_owned(),
            properties: properties(tag),
        }),
        Event::Alias(_) => names.next().map(Value::Alias),
        Event::SequenceStart(_, _, tag) => {
            let properties = properties(tag);
            let mut items = Vec::new();
            while events
                .next_if(|event| matches!(event, Event::SequenceEnd))
                .is_none()
            {
                items.push(value(events, names)?);
            }
            Some(Value::List(items, properties))
        }
        Event::MappingStart(_, _, tag) => {
            let properties = properties(tag);
            let mut entries = Vec::new();
            while events
                .next_if(|event| matches!(event, Event::MappingEnd))
                .is_none()
            {
                entries.push((value(events, names)?, value(events, names)?));
            }
            entries.sort();
            Some(Value::Mapping(entries, properties))
        }
        _ => None,
    }
}
