//! `bulla help`: of everything, or of one command.

use crate::args::help::Arguments;
use crate::commands::Context;
use crate::{Exit, Failure, verbs};

/// Writes the help to standard output.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let mut topic = arguments.topic.iter().map(String::as_str);
    let help = match topic.next() {
        None => verbs::everyday_command().render_help(),
        Some("all") => verbs::command().render_help(),
        Some(name) => {
            let mut command = verbs::command();
            command.build();
            let mut found = find(&command, name)?;
            for name in topic {
                found = find(found, name)?;
            }
            found.clone().render_long_help()
        }
    };
    context.printer.data(help.to_string().as_bytes())?;
    Ok(Exit::Success)
}

fn find<'a>(command: &'a clap::Command, name: &str) -> Result<&'a clap::Command, Failure> {
    command.find_subcommand(name).ok_or_else(|| {
        Failure::usage(format_args!("there is no command `{name}`"))
            .with_hint("bulla help all lists every command")
    })
}
