//! `bulla slsa`: provenance against a table of builders, and verification summaries.

mod artifacts;
mod document;
mod provenance;
mod report;
mod vsa;

use jiff::Timestamp;

use crate::args::slsa::{Action, Arguments, TrustArguments};
use crate::commands::Context;
use crate::trust::{Freshness, Wanted};
use crate::{Exit, Failure};

/// Checks provenance or a verification summary.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    match arguments.action {
        Action::Verify(arguments) => {
            let is_package = arguments.names_package();
            provenance::run(*arguments, is_package, context).await
        }
        Action::VerifyNpmPackage(arguments) => provenance::run(*arguments, true, context).await,
        Action::VerifyVsa(arguments) => vsa::run(*arguments, context).await,
    }
}

/// Whose certificates count: those of files that were named, else of an instance.
fn wanted(trust: &TrustArguments, now: Timestamp) -> Wanted<'_> {
    Wanted {
        trusted_root: &trust.trusted_root,
        signing_config: None,
        name: trust.instance.as_deref(),
        freshness: Freshness::Offline,
        now,
    }
}
