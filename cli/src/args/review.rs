//! `bulla review`.

use bulla_model::Digest;
use bulla_model::predicate::review::ReviewOutcome;
use clap::{Args, ValueEnum};

use super::decide::DecideArguments;
use super::set::SetArguments;
use super::signing::SigningArguments;

/// Review a hotfix or break-glass promotion afterwards, with your own key
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla review registry.example.com/pay/api@sha256:3f1c… --env prod --outcome accepted --key bob.key"
)]
pub struct Arguments {
    /// What was promoted.
    #[command(flatten)]
    pub targets: SetArguments,
    /// Environment it was promoted into; by default any
    #[arg(long, value_name = "NAME")]
    pub env: Option<String>,
    /// Digest of the promotion, as `bulla promote` printed it; by default the newest to be reviewed
    #[arg(long, value_name = "DIGEST")]
    pub promotion: Option<Digest>,
    /// Whether it was right to go around the gates: accepted or rejected
    #[arg(long, value_name = "OUTCOME", hide_possible_values = true)]
    pub outcome: Outcome,
    /// What there is to say about it
    #[arg(long, short, value_name = "TEXT", visible_alias = "message")]
    pub notes: Option<String>,
    /// Ticket that follows from it; may be given several times
    #[arg(long = "ticket", value_name = "ID")]
    pub tickets: Vec<String>,
    /// Who signs.
    #[command(flatten)]
    pub signing: SigningArguments,
    /// What the decision rests on.
    #[command(flatten)]
    pub decide: DecideArguments,
}

/// Whether it was right to go around the gates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Outcome {
    /// It was.
    Accepted,
    /// It was not.
    Rejected,
}

impl From<Outcome> for ReviewOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Accepted => Self::Accepted,
            Outcome::Rejected => Self::Rejected,
        }
    }
}
