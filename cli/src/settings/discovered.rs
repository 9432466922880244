//! What a discovered `bulla.yaml` may not decide.
//!
//! The file comes with the checkout. In CI that may be the change under test, so it decides
//! neither what is believed, nor who is spoken to, nor which key signs. On a person's machine it may
//! be a repository somebody was asked to look at: reading its settings runs no program, loads no
//! module and sends no credential anywhere, so a key is a file, and the services of a log-in are
//! the person's to name.

use bulla_attest::KeyLocation;

use super::{FILE_NAME, Nature, Place, Row};
use crate::Failure;
use crate::failure::FailureKind;

/// Refuses what a discovered file may not set.
pub(super) fn permit(row: &Row, value: &str, place: &Place, in_ci: bool) -> Result<(), Failure> {
    let refused = |what: std::fmt::Arguments<'_>, why: &str| {
        Failure::new(FailureKind::Configuration, what)
            .with_detail(format_args!("{place} sets it, and {why}"))
            .with_hint(format_args!(
                "pass --{}, set {}, or name a trusted file with --config",
                row.name,
                row.variable()
            ))
    };
    let name = row.name;
    match row.nature {
        Nature::Login | Nature::Services => Err(refused(
            format_args!("`{name}` may not come from a discovered {FILE_NAME}"),
            "whoever wrote that would choose who is shown your identity",
        )),
        Nature::Key | Nature::Reach | Nature::Trust if in_ci => Err(refused(
            format_args!("in CI `{name}` may not come from a discovered {FILE_NAME}"),
            "may be part of the change under test",
        )),
        Nature::Key if !is_file(value) => Err(refused(
            format_args!("a discovered {FILE_NAME} may name no `{name}` but a file"),
            "a key in a token, program or service would run code or use credentials",
        )),
        Nature::Key | Nature::Reach | Nature::Trust | Nature::Word => Ok(()),
    }
}

fn is_file(key: &str) -> bool {
    matches!(key.parse(), Ok(KeyLocation::File(_)))
}
