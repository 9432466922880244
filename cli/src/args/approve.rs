//! `bulla approve`.

use clap::Args;

use super::decide::DecideArguments;
use super::kind::Kind;
use super::set::SetArguments;
use super::signing::SigningArguments;

/// Approve an image's next step, with your own key
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla approve registry.example.com/pay/api@sha256:3f1c… --to prod --key alice.key"
)]
pub struct Arguments {
    /// What takes the step.
    #[command(flatten)]
    pub targets: SetArguments,
    /// Environment it is to enter
    #[arg(long, value_name = "NAME")]
    pub to: String,
    /// Environment it comes from, where several steps lead into `--to`
    #[arg(long, value_name = "NAME")]
    pub from: Option<String>,
    /// Kind of step: promote, hotfix, break-glass, import, retire or rollback
    #[arg(
        long,
        value_name = "KIND",
        default_value = "promote",
        hide_possible_values = true
    )]
    pub kind: Kind,
    /// Say no instead: advice to others, and recorded
    #[arg(long)]
    pub reject: bool,
    /// Pass on the reviews of this pull or merge request instead, as a relay the anchor names
    #[arg(long, value_name = "URL", conflicts_with = "reject")]
    pub review: Option<String>,
    /// Why
    #[arg(long, short, value_name = "TEXT")]
    pub message: Option<String>,
    /// How long the approval may be used, for example 12h
    #[arg(long, value_name = "TIME", default_value = "72h")]
    pub valid_for: String,
    /// Who signs.
    #[command(flatten)]
    pub signing: SigningArguments,
    /// What the decision rests on.
    #[command(flatten)]
    pub decide: DecideArguments,
}
