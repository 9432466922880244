//! From tree to text, in the one layout.

use super::order::{BASE, Shape};
use super::tree::{Aside, Collection, Content, Item, Node};

/// What in brackets does not fit a line so long is written below each other.
const WIDTH: usize = 100;
const STEP: usize = 2;

/// Writes a tree.
pub(super) fn write(mut root: Node, shape: &Shape) -> String {
    let mut out = String::new();
    settle(&mut root, 0, 0);
    lift(&mut root);
    let is_base = std::ptr::eq(shape, &raw const BASE);
    match &mut root.content {
        Content::Collection(found) if !found.items.is_empty() && !found.is_flow => {
            found.items.iter_mut().for_each(tidy);
            trim(&mut found.tail);
            if is_base {
                apart(found);
            }
            block(&mut out, found, 0);
        }
        _ => {
            out.push_str(inline(&root).trim_end());
            out.push('\n');
        }
    }
    out
}

/// Decides what is written in brackets: what is now, has no comment in it, and fits the line.
fn settle(node: &mut Node, indent: usize, used: usize) {
    let length = used.saturating_add(inline(node).chars().count());
    let stays = length <= WIDTH && indent > 0 && is_plain(node);
    let Content::Collection(found) = &mut node.content else {
        return;
    };
    if found.is_flow && (stays || found.items.is_empty()) {
        return;
    }
    found.is_flow = false;
    for item in &mut found.items {
        let inner = indent.saturating_add(STEP);
        let used = match &item.key {
            Some(key) => indent
                .saturating_add(key.text.chars().count())
                .saturating_add(STEP),
            None => inner,
        };
        settle(&mut item.value, inner, used);
    }
}

/// Whether a value can be written on one line.
fn is_plain(node: &Node) -> bool {
    match &node.content {
        Content::Line(text) => !text.is_empty(),
        Content::Block(..) => false,
        Content::Collection(found) => {
            let is_bare = |item: &Item| {
                let said = |aside: &Aside| matches!(aside, Aside::Comment(_));
                item.right.is_none() && !item.above.iter().any(said) && is_plain(&item.value)
            };
            found.tail.is_empty() && found.items.iter().all(is_bare)
        }
    }
}

/// Takes what is above the first member of a list's item above the item: it begins on the same line.
fn lift(node: &mut Node) {
    let Some(found) = node.collection_mut().filter(|found| !found.is_flow) else {
        return;
    };
    for item in &mut found.items {
        lift(&mut item.value);
        if !item.is_compact() {
            continue;
        }
        item.above.extend(item.right.take().map(Aside::Comment));
        if let Some(first) = item
            .value
            .collection_mut()
            .and_then(|it| it.items.first_mut())
        {
            item.above.append(&mut first.above);
        }
    }
}

/// No two empty lines in a row, and none below `tail`.
fn tidy(item: &mut Item) {
    item.above
        .dedup_by(|a, b| *a == Aside::Gap && *b == Aside::Gap);
    if let Some(found) = item.value.collection_mut() {
        found.items.iter_mut().for_each(tidy);
        trim(&mut found.tail);
    }
}

fn trim(tail: &mut Vec<Aside>) {
    tail.dedup_by(|a, b| *a == Aside::Gap && *b == Aside::Gap);
    while tail.last() == Some(&Aside::Gap) {
        tail.pop();
    }
}

/// An empty line between the sections of a base file.
fn apart(found: &mut Collection) {
    let is_section = |item: &Item| match &item.value.content {
        Content::Line(_) => false,
        Content::Block(..) => true,
        Content::Collection(found) => !found.is_flow,
    };
    let mut before = false;
    for (at, item) in found.items.iter_mut().enumerate() {
        let is = is_section(item);
        if at > 0 && (before || is) && item.above.first() != Some(&Aside::Gap) {
            item.above.insert(0, Aside::Gap);
        }
        before = is;
    }
}

fn block(out: &mut String, found: &Collection, indent: usize) {
    for item in &found.items {
        asides(out, &item.above, indent);
        margin(out, indent);
        one(out, item, indent);
    }
    asides(out, &found.tail, indent);
}

/// An item, whose line has begun.
fn one(out: &mut String, item: &Item, indent: usize) {
    let inner = indent.saturating_add(STEP);
    match &item.key {
        Some(key) => {
            out.push_str(&key.text);
            // An alias takes what follows it into its name.
            if key.text.starts_with('*') {
                out.push(' ');
            }
            out.push(':');
        }
        None => out.push('-'),
    }
    match &item.value.content {
        Content::Collection(found) if !found.is_flow && item.is_compact() => {
            out.push(' ');
            compact(out, found, inner);
        }
        Content::Collection(found) if !found.is_flow => {
            end(out, item.value.properties.trim_end(), item.right.as_deref());
            block(out, found, inner);
        }
        Content::Block(indicator, lines) => {
            let header = format!("{}{indicator}", item.value.properties);
            end(out, &header, item.right.as_deref());
            for line in lines {
                if !line.is_empty() {
                    margin(out, inner);
                    out.push_str(line);
                }
                out.push('\n');
            }
        }
        _ => end(out, inline(&item.value).trim_end(), item.right.as_deref()),
    }
}

/// A collection whose first item is on the line of the dash.
fn compact(out: &mut String, found: &Collection, indent: usize) {
    for (at, item) in found.items.iter().enumerate() {
        if at > 0 {
            asides(out, &item.above, indent);
            margin(out, indent);
        }
        one(out, item, indent);
    }
    asides(out, &found.tail, indent);
}

fn end(out: &mut String, text: &str, right: Option<&str>) {
    if !text.is_empty() {
        out.push(' ');
        out.push_str(text);
    }
    if let Some(comment) = right {
        out.push_str("  ");
        out.push_str(comment);
    }
    out.push('\n');
}

fn asides(out: &mut String, asides: &[Aside], indent: usize) {
    for aside in asides {
        if let Aside::Comment(text) = aside {
            margin(out, indent);
            out.push_str(text);
        }
        out.push('\n');
    }
}

fn margin(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// A value on one line.
fn inline(node: &Node) -> String {
    let text = match &node.content {
        Content::Line(text) => text.clone(),
        Content::Block(indicator, _) => indicator.clone(),
        Content::Collection(found) => {
            let items: Vec<_> = found.items.iter().map(inline_item).collect();
            let (open, close) = if found.is_mapping {
                ('{', '}')
            } else {
                ('[', ']')
            };
            format!("{open}{}{close}", items.join(", "))
        }
    };
    format!("{}{text}", node.properties)
}

fn inline_item(item: &Item) -> String {
    let value = inline(&item.value);
    match &item.key {
        Some(key) if key.text.starts_with('*') => format!("{} : {value}", key.text),
        Some(key) => format!("{}: {value}", key.text),
        None => value,
    }
}
