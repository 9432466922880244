//! Tags and values of a text, line by line.

pub(super) struct Field<'a> {
    pub(super) line: usize,
    pub(super) tag: &'a str,
    pub(super) value: &'a str,
}

/// The fields of a text, one after the other.
pub(super) struct Fields<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Fields<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self {
            rest: text,
            line: 1,
        }
    }

    pub(super) fn next(&mut self) -> Result<Option<Field<'a>>, TagValueError> {
        while !self.rest.is_empty() {
            let line = self.line;
            let (text, after) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') {
                self.rest = after;
                self.line = line.saturating_add(1);
                continue;
            }
            let field = text.split_once(':');
            let (tag, value) = field
                .map(|(tag, value)| (tag.trim_end(), value.trim_start()))
                .filter(|(tag, _)| is_tag(tag.as_bytes()))
                .ok_or(TagValueError::Line { line })?;
            let value = if value.starts_with(BEGIN) {
                self.text()?
            } else {
                self.rest = after;
                self.line = line.saturating_add(1);
                value
            };
            return Ok(Some(Field { line, tag, value }));
        }
        Ok(None)
    }

    /// The text that begins in this line. After it nothing stands in its last line.
    fn text(&mut self) -> Result<&'a str, TagValueError> {
        let line = self.line;
        let begun = self.rest.split_once(BEGIN).map(|(_, after)| after);
        let (text, after) = begun
            .and_then(|after| after.split_once(END))
            .ok_or(TagValueError::Unterminated { line })?;
        let (behind, rest) = after.split_once('\n').unwrap_or((after, ""));
        let inside = memchr::memchr_iter(b'\n', text.as_bytes()).count();
        let last = line.saturating_add(inside);
        if !behind.trim().is_empty() {
            return Err(TagValueError::Line { line: last });
        }
        self.rest = rest;
        self.line = last.saturating_add(1);
        Ok(text)
    }
}

pub(super) fn is_tag(text: &[u8]) -> bool {
    let text = text.trim_ascii_end();
    !text.is_empty() && text.iter().all(u8::is_ascii_alphanumeric)
}

/// Why a text is no document in tag-value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TagValueError {
    /// It is longer than its limit.
    #[error("{found} bytes of tag-value, the limit is {limit}")]
    Size {
        /// The limit in bytes.
        limit: u64,
        /// The length in bytes.
        found: u64,
    },
    /// It is not UTF-8.
    #[error("it is not UTF-8")]
    Encoding,
    /// It says more than is kept.
    #[error("more than {limit} fields")]
    Fields {
        /// The limit of fields.
        limit: usize,
    },
    /// A line says nothing that can be understood.
    #[error("line {line}: neither a tag with a value nor a comment")]
    Line {
        /// Line, from 1.
        line: usize,
    },
    /// A text goes on to the end.
    #[error("line {line}: `<text>` without `</text>`")]
    Unterminated {
        /// Line where it begins, from 1.
        line: usize,
    },
    /// A field has no such value.
    #[error("line {line}: no value that `{tag}` has")]
    Value {
        /// Line, from 1.
        line: usize,
        /// The tag.
        tag: &'static str,
    },
    /// A field stands twice.
    #[error("line {line}: a second `{tag}`")]
    Repeated {
        /// Line, from 1.
        line: usize,
        /// The tag.
        tag: &'static str,
    },
    /// A field belongs to nothing.
    #[error("line {line}: `{tag}` outside of what it belongs to")]
    Misplaced {
        /// Line, from 1.
        line: usize,
        /// The tag.
        tag: &'static str,
    },
}

const BEGIN: &str = "<text>";
const END: &str = "</text>";
