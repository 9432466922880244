//! `bulla completions`: the script that completes commands in a shell.

use crate::args::completions::Arguments;
use crate::commands::Context;
use crate::{Exit, Failure, verbs};

/// Writes the script to standard output.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut verbs::command(), "bulla", &mut script);
    context.printer.data(&script)?;
    Ok(Exit::Success)
}
