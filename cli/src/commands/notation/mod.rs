//! `bulla notation`: signatures of the Notary Project.

mod report;
mod verify;

use crate::args::notation::{Action, Arguments};
use crate::commands::Context;
use crate::{Exit, Failure};

/// Checks signatures.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    match arguments.action {
        Action::Verify(arguments) => verify::run(*arguments, context).await,
    }
}
