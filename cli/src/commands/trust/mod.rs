//! `bulla trust`: what Sigstore instances trust.

mod create;
mod init;
mod show;
mod update;

use crate::args::trust::{Action, Arguments};
use crate::commands::Context;
use crate::{Exit, Failure};

/// Introduces, refreshes, shows or makes what instances trust.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    match arguments.action {
        Action::Init(arguments) => init::run(&arguments, context).await,
        Action::Update(arguments) => update::run(&arguments, context).await,
        Action::Show(arguments) => show::run(&arguments, context).await,
        Action::Create(arguments) => create::run(&arguments, context),
    }
}
