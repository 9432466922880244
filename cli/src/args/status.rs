//! `bulla status`.

use clap::Args;
use jiff::Timestamp;

use super::decide::DecideArguments;

/// Show every service: what is where, and what the next step waits for
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla status pay-api --mine carol",
    after_help = "Looks at the images that tags of each service's repository name: `images` in its policy file."
)]
pub struct Arguments {
    /// Services; every one of the policy if none is named
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
    /// Only the steps that this person could help along
    #[arg(long, value_name = "PERSON")]
    pub mine: Option<String>,
    /// Judge as of this time, RFC 3339, instead of now
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
    /// What the decision rests on.
    #[command(flatten)]
    pub decide: DecideArguments,
}
