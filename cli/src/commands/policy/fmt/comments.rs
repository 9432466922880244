//! Comments and empty lines, each put beside what it is about.
//!
//! A comment at the end of a line is about what begins there. One on a line of its own is about what
//! comes next, unless it is further in than that: then it closes the list or mapping whose column it
//! has.

use super::read::Document;
use super::tree::{Aside, Collection, Content};

/// Puts everything of a document beside its items.
pub(super) fn attach(document: &mut Document, text: &str) {
    let lines: Vec<&str> = text.split('\n').collect();
    let is_empty = |line: usize| {
        let above = line.checked_sub(2).and_then(|at| lines.get(at));
        above.is_some_and(|line| line.trim().is_empty())
    };
    let Content::Collection(root) = &mut document.root.content else {
        return;
    };
    for comment in std::mem::take(&mut document.comments) {
        let line = lines.get(comment.line.saturating_sub(1)).unwrap_or(&"");
        let before: String = line.chars().take(comment.column).collect();
        let placed = Placed {
            at: comment.at,
            column: comment.column,
            kind: Kind::of(&before),
            gap: is_empty(comment.line),
            text: comment.text,
        };
        place(root, placed);
    }
    gaps(root, &is_empty);
}

struct Placed {
    at: usize,
    column: usize,
    kind: Kind,
    gap: bool,
    text: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// On a line of its own.
    Alone,
    /// After a dash whose item is below.
    Ahead,
    /// At the end of a line.
    Right,
}

impl Kind {
    fn of(before: &str) -> Self {
        if before.trim().is_empty() {
            Self::Alone
        } else if before.trim_matches(['-', '?', ' ', '\t']).is_empty() {
            Self::Ahead
        } else {
            Self::Right
        }
    }
}

impl Placed {
    fn lay(self, place: &mut Vec<Aside>) {
        if self.gap && self.kind == Kind::Alone {
            place.push(Aside::Gap);
        }
        place.push(Aside::Comment(self.text));
    }
}

fn place(found: &mut Collection, comment: Placed) {
    let next = found.items.partition_point(|item| item.start <= comment.at);
    let own = found.column;
    let (before, after) = found.items.split_at_mut(next);
    let Some(last) = before.last_mut() else {
        match after.first_mut() {
            Some(first) => comment.lay(&mut first.above),
            None => comment.lay(&mut found.tail),
        }
        return;
    };
    let inner = last.value.collection_mut();
    let inner = inner.filter(|inner| goes_into(inner, &comment, own));
    match (inner, comment.kind) {
        (Some(inner), _) => place(inner, comment),
        (None, Kind::Right) => {
            // A line has one end: what was said there before goes above.
            if let Some(first) = last.right.replace(comment.text) {
                last.above.push(Aside::Comment(first));
            }
        }
        (None, Kind::Alone | Kind::Ahead) => match after.first_mut() {
            Some(item) => comment.lay(&mut item.above),
            None => comment.lay(&mut found.tail),
        },
    }
}

/// Whether a comment belongs to something inside the item that begins before it.
fn goes_into(inner: &Collection, comment: &Placed, own: usize) -> bool {
    let has_begun = inner
        .items
        .first()
        .is_some_and(|item| item.start <= comment.at);
    if inner.is_flow && comment.at >= inner.end {
        return false;
    }
    match comment.kind {
        Kind::Right => has_begun,
        Kind::Alone | Kind::Ahead if inner.is_flow || !has_begun => true,
        Kind::Alone => goes_on(inner) > comment.at || fits(inner, comment.column) > Some(own),
        Kind::Ahead => goes_on(inner) > comment.at,
    }
}

/// Where the last item in it begins.
fn goes_on(found: &Collection) -> usize {
    let Some(last) = found.items.last() else {
        return 0;
    };
    last.value
        .collection()
        .map_or(last.start, goes_on)
        .max(last.start)
}

/// The column of the innermost list or mapping that ends here and is no further in than that.
fn fits(found: &Collection, column: usize) -> Option<usize> {
    let own = (!found.is_flow && found.column <= column).then_some(found.column);
    let inner = found.items.last().and_then(|item| item.value.collection());
    own.max(inner.and_then(|inner| fits(inner, column)))
}

fn gaps(found: &mut Collection, is_empty: &dyn Fn(usize) -> bool) {
    for item in &mut found.items {
        if !found.is_flow && is_empty(item.line) {
            item.above.push(Aside::Gap);
        }
        if let Some(inner) = item.value.collection_mut() {
            gaps(inner, is_empty);
        }
    }
}
