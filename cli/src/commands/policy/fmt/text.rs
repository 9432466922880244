//! One file's text in the one layout.

use std::fmt;

use granit_parser::Marker;

use super::order::{Shape, arrange, shape_of, without_first_gap};
use super::same::said;
use super::{comments, layout, read};

/// Why a text is left as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unfit {
    place: Option<(usize, usize)>,
    reason: String,
}

impl Unfit {
    pub(super) fn at(marker: &Marker, reason: impl fmt::Display) -> Self {
        Self {
            place: Some((marker.line(), marker.col().saturating_add(1))),
            reason: reason.to_string(),
        }
    }

    pub(super) fn nowhere(reason: impl fmt::Display) -> Self {
        Self {
            place: None,
            reason: reason.to_string(),
        }
    }

    /// With the file's name.
    pub(super) fn in_file(&self, file: &str) -> String {
        match self.place {
            Some((line, column)) => format!("{file}:{line}:{column}: {}", self.reason),
            None => format!("{file}: {}", self.reason),
        }
    }
}

/// A text in the one layout. It says the same, has the same comments, and is not changed again.
pub(super) fn formatted(text: &str) -> Result<String, Unfit> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.starts_with('\u{feff}') {
        // Readers take one away; the next is a part of the first name.
        return Err(Unfit::nowhere("it begins with two byte order marks"));
    }
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let out = laid_out(&text)?;
    if said(&text)? != said(&out)? {
        return Err(Unfit::nowhere(
            "it would not say the same in another layout",
        ));
    }
    if laid_out(&out)? != out {
        return Err(Unfit::nowhere("it would not stay in the layout it gets"));
    }
    Ok(out)
}

fn laid_out(text: &str) -> Result<String, Unfit> {
    let mut document = read::read(text)?;
    comments::attach(&mut document, text);
    let shape = shape_of(&document.root);
    // What refers to something stays below it.
    let order = if document.has_references {
        &Shape::Any
    } else {
        shape
    };
    // What a file begins with is about the file.
    let head = document
        .root
        .collection_mut()
        .and_then(|it| it.items.first_mut());
    let head = head
        .map(|first| std::mem::take(&mut first.above))
        .unwrap_or_default();
    arrange(&mut document.root, order);
    let first = document
        .root
        .collection_mut()
        .and_then(|it| it.items.first_mut());
    if let Some(first) = first {
        first.above.splice(0..0, head);
        without_first_gap(&mut first.above);
    }
    Ok(layout::write(document.root, shape))
}
