//! `bulla help`.

use clap::Args;

/// Show the help of a command, or of all
#[derive(Debug, Args)]
#[command(before_help = "Example: bulla help all")]
pub struct Arguments {
    /// The command and its subcommand, or `all`
    pub topic: Vec<String>,
}
