//! `bulla policy`.

use clap::{Args, Subcommand};

use super::decide::DecideArguments;
use super::signing::SigningArguments;

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
    Sign(Box<Sign>),
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

/// Sign the policy's files as one of its owners, beside those who signed already
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla policy sign --policy policy/ --anchor anchor.yaml --key owner.key"
)]
pub struct Sign {
    /// The policy's URI, policy://ORG/APP-SCOPE/NAME, where its environments are of several: once for each
    #[arg(long, value_name = "URI")]
    pub scope: Option<bulla_model::Scope>,
    /// How long the version may be used, where nobody signed it before
    #[arg(long, value_name = "TIME", default_value = "365d")]
    pub valid_for: String,
    /// Begin with a new end, which the other owners sign after this one
    #[arg(long)]
    pub renew: bool,
    /// Who signs.
    #[command(flatten)]
    pub signing: SigningArguments,
    /// The policy and what goes with it.
    #[command(flatten)]
    pub decide: DecideArguments,
}
