//! The commands: one row each.
//!
//! A new command is `args/<module>.rs` with `Arguments` (clap), `commands/<module>.rs` with
//! `run(Arguments, &Context) -> Result<Exit, Failure>` (an `async fn`), their `mod` lines, and a row
//! here. `everyday` commands are the ones `bulla` alone lists; `further` ones are behind
//! `bulla help all`. The order is that of the help.

use clap::{CommandFactory as _, Subcommand};

use crate::args::Arguments;
use crate::commands::Context;
use crate::{Exit, Failure, args, commands};

macro_rules! verbs {
    ($($audience:ident $variant:ident $module:ident;)*) => {
        /// What to do.
        #[derive(Debug, Subcommand)]
        #[expect(missing_docs, reason = "a text here would replace the help on the arguments")]
        pub enum Verb {
            $($variant(args::$module::Arguments),)*
        }

        impl Verb {
            /// Does it.
            pub async fn run(self, context: &Context) -> Result<Exit, Failure> {
                match self {
                    $(Self::$variant(arguments) => commands::$module::run(arguments, context).await,)*
                }
            }
        }

        const AUDIENCES: &[(&str, Audience)] =
            &[$((stringify!($module), audience!($audience))),*];
    };
}

macro_rules! audience {
    (everyday) => {
        Audience::Everyday
    };
    (further) => {
        Audience::Further
    };
}

verbs! {
    everyday Init init;
    everyday Sbom sbom;
    everyday Key key;
    everyday Sign sign;
    everyday Attest attest;
    everyday Run run;
    everyday Approve approve;
    further Reject reject;
    everyday Promote promote;
    further Waive waive;
    further Revoke revoke;
    further Freeze freeze;
    further Checkpoint checkpoint;
    everyday Verify verify;
    further Why why;
    further Simulate simulate;
    further Status status;
    further Chain chain;
    further Rollback rollback;
    further Review review;
    further Deploy deploy;
    further Slsa slsa;
    further InToto in_toto;
    further Notation notation;
    further Serve serve;
    everyday Tree tree;
    everyday Inspect inspect;
    further Policy policy;
    further Anchor anchor;
    further Trust trust;
    further Evidence evidence;
    everyday Demo demo;
    further Copy copy;
    further Settings settings;
    further Completions completions;
    further Man man;
    further Help help;
}

/// Who needs a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Audience {
    /// Everybody, every day.
    Everyday,
    /// Some, sometimes.
    Further,
}

/// The whole command line, with every command in its help.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// The command line with only the everyday commands in its help.
pub fn everyday_command() -> clap::Command {
    let further = AUDIENCES
        .iter()
        .filter(|(_, audience)| *audience == Audience::Further);
    further
        .fold(Arguments::command(), |command, (name, _)| {
            // Modules have underscores where commands have hyphens.
            command.mut_subcommand(name.replace('_', "-"), |verb| verb.hide(true))
        })
        .after_help("`bulla help all` lists every command, `bulla COMMAND --help` explains one.")
}

/// What `bulla` alone does.
pub fn overview() -> Verb {
    Verb::Help(args::help::Arguments { topic: Vec::new() })
}
