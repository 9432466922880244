//! From a report to text: for people, and for programs.

pub mod changes;
mod decoded;
mod explain;
mod human;
mod json;
mod markup;
mod outcome;
mod pipeline;
mod verdict;

pub use decoded::decoded;
pub use explain::explain;
pub use human::{Cell, Page, bytes, shorten};
pub use json::to_json;
pub use markup::{code_span, xml_text};
pub use outcome::outcome;
pub use pipeline::Pipeline;
pub use verdict::{count, others, sources, verdict, way};

use crate::printer::Form;

/// What a command found out: serialised for programs, laid out for people.
pub trait Report: serde::Serialize {
    /// Writes it for people.
    fn human(&self, page: &mut Page);

    /// What the next step of a pipeline may need: names in lower case, values on one line.
    fn outputs(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// The document for other programs, where the command has one.
    fn document(&self, _form: Form) -> Option<String> {
        None
    }
}
