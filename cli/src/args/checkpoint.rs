//! `bulla checkpoint`.

use bulla_model::Scope;
use clap::Args;

use super::decide::DecideArguments;
use super::memory::MemoryArguments;
use super::signing::SigningArguments;

/// Seal what is in force in a ledger, so that no registry can hide any of it
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla checkpoint ledger://acme/pay --ledger registry.example.com/pay/ledger --key ledger.key --state seen.json"
)]
pub struct Arguments {
    /// The ledger, where the policy has environments of several
    #[arg(value_name = "SCOPE")]
    pub scope: Option<Scope>,
    /// Image whose promotions are the latest of their service, or that went out of service; may be given several times
    #[arg(long, value_name = "IMAGE")]
    pub latest: Vec<String>,
    /// Record the images of --latest also where that decides a fork, or skips more than 1000 sequence numbers
    #[arg(long, requires = "latest")]
    pub decide_forks: bool,
    /// How long it may be used at most, for example 48h
    #[arg(long, value_name = "TIME", default_value = "48h")]
    pub valid_for: String,
    /// Write one only if the newest is at least this old, or something was revoked since
    #[arg(
        long,
        value_name = "AGE",
        num_args = 0..=1,
        default_missing_value = "0s"
    )]
    pub renew: Option<jiff::SignedDuration>,
    /// How many earlier ones are kept, where the registry deletes
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    pub keep: usize,
    /// What it follows.
    #[command(flatten)]
    pub memory: MemoryArguments,
    /// Who signs.
    #[command(flatten)]
    pub signing: SigningArguments,
    /// What the decision rests on.
    #[command(flatten)]
    pub decide: DecideArguments,
}
