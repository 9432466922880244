//! Classic in-toto: a layout, the links of its steps, and whether the one was followed by the other.
//!
//! Implements "verifying the final product" of the in-toto specification v1.0, section 5.2,
//! <https://github.com/in-toto/specification/blob/v1.0/in-toto-spec.md>, as the reference
//! implementation 3.1.0 reads it: every given key has signed the layout, links are found by step
//! and key id, a step's artifacts are consumed by its rules in order. Deviations, each of which
//! refuses more: a link has to name its step; a key counts once, whatever ids it has; patterns
//! that no path in its one spelling can match are refused (F26); no command is run, so an
//! inspection is judged by what whoever verifies saw before and after it ran the command, or not at
//! all. OpenPGP keys, subkeys and certificates of functionaries count for nothing.

mod check;
mod glob;
mod key;
mod parameters;
mod rules;
mod verdict;
mod walk;

pub use check::LayoutCheck;
pub use key::LayoutKey;
pub use verdict::{Inspected, LayoutQuestion, LayoutVerdict, StepReport, verify_layout};
