//! Expressions of the Common Expression Language, <https://github.com/cel-expr/cel-spec>, that look at
//! JSON: read, checked against the names they may use, and evaluated within a number of steps.
//!
//! What a policy needs of the language and nothing else: no bytes, no types as values, no messages, no
//! optional values, no time zones. There is no clock and no state, so that an expression says the same of
//! the same values forever. No input of any kind makes it panic, recurse without bound or run for long.

mod arithmetic;
mod ast;
mod check;
mod evaluate;
mod functions;
mod lexer;
mod number;
mod parser;
mod schema;
mod value;

use ast::{At, Expr};
pub(crate) use evaluate::EvaluationError;
pub(crate) use schema::{Schema, Shape};
pub(crate) use value::Value;

use crate::regular::Patterns;

/// Bytes of an expression. Stops parsing that takes long.
pub(crate) const LENGTH: usize = 4096;
/// How many parts may be within each other. Stops stack exhaustion.
pub(crate) const DEPTH: usize = 32;
/// Steps of one evaluation: about one for each part that is looked at, for each element, for 16 bytes
/// of text, and eight for each element that is made; a pattern takes more, the larger it is. Stops loops within loops over what a statement
/// lists, and what they would make.
pub(crate) const STEPS: u64 = 5_000_000;

/// An expression that answers yes or no.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    source: String,
    root: Expr,
    /// Patterns that look for a part of a text.
    unanchored: Vec<String>,
}

/// Why a text is no expression, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExpressionError {
    at: At,
    reason: String,
}

impl Expression {
    /// Reads an expression. It may use the names of the schema and no others, and its patterns are
    /// among those of a policy.
    pub(crate) fn read(
        source: &str,
        schema: Schema,
        patterns: &Patterns,
    ) -> Result<Self, ExpressionError> {
        if source.len() > LENGTH {
            let reason = format!("{} bytes, the limit is {LENGTH}", source.len());
            return Err(ExpressionError::new(At { line: 1, column: 1 }, reason));
        }
        let (root, unanchored) = parser::parse(source, schema, patterns)?;
        Ok(Self {
            source: on_one_line(source.trim()),
            root,
            unanchored,
        })
    }

    /// What it says of these values; every name of its schema is to have one.
    pub(crate) fn evaluate(
        &self,
        names: &[(&'static str, Value<'_>)],
    ) -> Result<bool, EvaluationError> {
        evaluate::evaluate(&self.root, names, STEPS)
    }

    /// The text on one line.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Patterns of it that match wherever a part of the text does.
    pub(crate) fn unanchored(&self) -> &[String] {
        &self.unanchored
    }
}

/// Line breaks as they are escaped: spaces in texts and the ends of comments mean something.
fn on_one_line(source: &str) -> String {
    let mut line = String::new();
    for char in source.chars() {
        if char.is_control() {
            line.extend(char.escape_debug());
        } else {
            line.push(char);
        }
    }
    line
}

impl ExpressionError {
    fn new(at: At, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { at, reason }
    }
}

impl std::fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let At { line, column } = self.at;
        write!(f, "line {line}, column {column}: {}", self.reason)
    }
}

#[cfg(test)]
mod tests;
