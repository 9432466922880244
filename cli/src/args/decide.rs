//! What decisions rest on; shared by every command that judges.

use std::path::PathBuf;

use clap::Args;

/// What decisions rest on.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Trust")]
pub struct DecideArguments {
    /// Policy: a folder with a base file, services/*.yaml and people.yaml, or the base file
    #[arg(long, value_name = "PATH")]
    pub policy: Option<String>,
    /// Trust anchor: a local file, never part of what is verified
    #[arg(long, value_name = "FILE")]
    pub anchor: Option<String>,
    /// Sigstore trusted root, or a client trust configuration; may be given several times
    #[arg(long, value_name = "FILE")]
    pub trusted_root: Vec<String>,
    /// Where revocations and checkpoints are kept: a repository, or oci:DIR
    #[arg(long, value_name = "PLACE")]
    pub ledger: Option<String>,
    /// File that remembers the highest policy version and checkpoint seen
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
}

/// What answers to "what if" rest on: nothing is remembered, so they come out the same each time.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Trust")]
pub struct TrialArguments {
    /// Policy: a folder with a base file, services/*.yaml and people.yaml, or the base file
    #[arg(long, value_name = "PATH")]
    pub policy: Option<String>,
    /// Trust anchor: a local file; without it a pack's own
    #[arg(long, value_name = "FILE")]
    pub anchor: Option<String>,
    /// Sigstore trusted root; without it a pack's own; may be given several times
    #[arg(long, value_name = "FILE")]
    pub trusted_root: Vec<String>,
    /// Where revocations and checkpoints are kept: a repository, or oci:DIR
    #[arg(long, value_name = "PLACE")]
    pub ledger: Option<String>,
}

impl From<TrialArguments> for DecideArguments {
    fn from(trial: TrialArguments) -> Self {
        Self {
            policy: trial.policy,
            anchor: trial.anchor,
            trusted_root: trial.trusted_root,
            ledger: trial.ledger,
            state: None,
        }
    }
}
