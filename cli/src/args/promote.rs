//! `bulla promote`.

use std::path::PathBuf;

use clap::Args;

use super::decide::DecideArguments;
use super::kind::Kind;
use super::signing::SigningArguments;

/// Let an image into an environment, if the policy allows it, and seal that it was let in
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla promote registry.example.com/pay/api@sha256:3f1c… --to prod --key promoter.key",
    after_help = "With --all: bulla promote --all --from staging --to prod --key promoter.key moves the release of \
                  every service that may be moved, and ends with the code of all answers together, as `verify` \
                  does for several images."
)]
pub struct Arguments {
    /// The image; several of one service take the step together, as a release set
    #[arg(value_name = "IMAGE", required_unless_present_any = ["set", "all"])]
    pub images: Vec<String>,
    /// File that lists images of the set, one on each line; `#` begins a comment
    #[arg(long, value_name = "FILE")]
    pub set: Option<PathBuf>,
    /// Every service of the policy whose release in --from may enter --to
    #[arg(long, requires = "from", conflicts_with_all = ["images", "set", "kind", "release", "replaces", "copy_to", "wait"])]
    pub all: bool,
    /// Environment it is to enter
    #[arg(long, value_name = "NAME")]
    pub to: String,
    /// Environment it comes from, where several steps lead into `--to`
    #[arg(long, value_name = "NAME")]
    pub from: Option<String>,
    /// Kind of step: promote, hotfix, break-glass, import or retire
    #[arg(
        long,
        value_name = "KIND",
        default_value = "promote",
        hide_possible_values = true
    )]
    pub kind: Kind,
    /// The release's version, for people
    #[arg(long, value_name = "TEXT")]
    pub release: Option<String>,
    /// Change ticket the release is made under; may be given several times
    #[arg(long = "ticket", value_name = "ID")]
    pub tickets: Vec<String>,
    /// Incident that makes it necessary; needed for break-glass, and one of the tickets
    #[arg(long, value_name = "ID")]
    pub incident: Option<String>,
    /// Why; needed for hotfix and break-glass
    #[arg(long, short, visible_alias = "reason", value_name = "TEXT")]
    pub message: Option<String>,
    /// Image that holds the environment's place so far, where the repository's tags do not say
    #[arg(long, value_name = "IMAGE")]
    pub replaces: Option<String>,
    /// How long the promotion holds, for example 30d; without it until something takes it back
    #[arg(long, value_name = "TIME")]
    pub valid_for: Option<String>,
    /// Copy image and attestations there once allowed: HOST/REPO:TAG or oci:DIR:TAG
    #[arg(long, value_name = "TARGET")]
    pub copy_to: Option<String>,
    /// Wait while only approvals or time are missing, for an hour or as long as said, for example 30m
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "1h", conflicts_with = "dry_run")]
    pub wait: Option<String>,
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
