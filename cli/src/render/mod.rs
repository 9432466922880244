//! From a report to text: for people, and for programs.

mod human;
mod json;
mod verdict;

pub use human::{Cell, Page, bytes, shorten};
pub use json::to_json;
pub use verdict::{sources, verdict};

/// What a command found out: serialised for programs, laid out for people.
pub trait Report: serde::Serialize {
    /// Writes it for people.
    fn human(&self, page: &mut Page);
}
