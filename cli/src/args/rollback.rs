//! `bulla rollback`.

use bulla_model::Digest;
use clap::Args;

use super::decide::DecideArguments;
use super::signing::SigningArguments;

/// Let an environment go back to what it ran before, and seal that it did
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla rollback registry.example.com/pay/api:1.8.2 --env prod --key promoter.key"
)]
pub struct Arguments {
    /// An image of the service, or a service whose policy file names one repository under `images`;
    /// of a release set that is in several repositories one image of each
    #[arg(value_name = "IMAGE|SERVICE", required = true)]
    pub targets: Vec<String>,
    /// Environment that goes back
    #[arg(long, value_name = "NAME")]
    pub env: String,
    /// Release to go back to, and what was promoted together with it; by default the one before
    #[arg(long, value_name = "DIGEST")]
    pub to: Option<Digest>,
    /// The release's version, for people
    #[arg(long, value_name = "TEXT")]
    pub release: Option<String>,
    /// Change ticket or incident; may be given several times
    #[arg(long = "ticket", visible_alias = "incident", value_name = "ID")]
    pub tickets: Vec<String>,
    /// Why
    #[arg(long, short, visible_alias = "reason", value_name = "TEXT")]
    pub message: Option<String>,
    /// Judge only; sign and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Who signs.
    #[command(flatten)]
    pub signing: SigningArguments,
    /// What the decision rests on.
    #[command(flatten)]
    pub decide: DecideArguments,
}
