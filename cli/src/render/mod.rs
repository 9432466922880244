//! From a report to text: for people, and for programs.

mod human;
mod json;

pub use human::{Cell, Page, bytes, shorten};
pub use json::to_json;

/// What a command found out: serialised for programs, laid out for people.
pub trait Report: serde::Serialize {
    /// Writes it for people.
    fn human(&self, page: &mut Page);
}
