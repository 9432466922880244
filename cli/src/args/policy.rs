//! `bulla policy`.

use clap::{Args, Subcommand};

use super::decide::DecideArguments;

/// Check a policy, or explain what it means
#[derive(Debug, Args)]
#[command(before_help = "Example: bulla policy check --policy policy/")]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with a policy.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "a text here would replace the help on the arguments"
)]
pub enum Action {
    Check(Check),
    Explain(Explain),
}

/// Read the files of a policy and say what is wrong, with line and column
#[derive(Debug, Args)]
#[command(before_help = "Example: bulla policy check --policy policy/")]
pub struct Check {
    /// The policy and what goes with it.
    #[command(flatten)]
    pub decide: DecideArguments,
}

/// Say every rule in plain words, defaults included
#[derive(Debug, Args)]
#[command(before_help = "Example: bulla policy explain --policy policy/")]
pub struct Explain {
    /// The policy and what goes with it.
    #[command(flatten)]
    pub decide: DecideArguments,
}
