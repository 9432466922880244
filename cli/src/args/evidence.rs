//! `bulla evidence`.

use std::path::PathBuf;

use bulla_model::Digest;
use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::decide::DecideArguments;

/// Keep everything a decision rests on in one file, and replay it years later without a network
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla evidence pack registry.example.com/pay/api@sha256:3f1c… --env prod -o pay-api.tar"
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with evidence.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "a text here would replace the help on the arguments"
)]
pub enum Action {
    Pack(Pack),
    Verify(Verify),
}

/// Judge an image and write everything the verdict rests on into one archive
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla evidence pack registry.example.com/pay/api@sha256:3f1c… --env prod --policy policy -o pay-api.tar",
    after_help = "A refusal can be packed too. Ends with 0 when the pack was written, whatever the verdict."
)]
pub struct Pack {
    /// The image: HOST/REPO:TAG, HOST/REPO@DIGEST or oci:DIR:TAG
    #[arg(value_name = "IMAGE")]
    pub target: String,
    /// Environment to judge it for, as the policy names it
    #[arg(long, value_name = "NAME")]
    pub env: String,
    /// Archive to write
    #[arg(long, short, value_name = "FILE")]
    pub out: PathBuf,
    /// Digest of an index in the same place that lists the image
    #[arg(long, value_name = "DIGEST")]
    pub index: Option<Digest>,
    /// Judge as of this time, RFC 3339, instead of now
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
    /// Pack the image's layers too, so that the image can be loaded from the archive
    #[arg(long)]
    pub with_layers: bool,
    /// What the decision rests on.
    #[command(flatten)]
    pub decide: DecideArguments,
}

/// Check a pack byte for byte and judge again from what is in it, without any network
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla evidence verify pay-api.tar --policy-digest sha256:5d2e…",
    after_help = "By itself a pack proves only that it agrees with itself: it brings its own policy and trusted \
                  roots. Say what you trust with --policy-digest, or with --policy and --trusted-root."
)]
pub struct Verify {
    /// The archive
    #[arg(value_name = "FILE")]
    pub pack: PathBuf,
    /// Digest the pack's whole policy must have, as `bulla evidence pack` said it
    #[arg(long, value_name = "DIGEST")]
    pub policy_digest: Option<Digest>,
    /// Your own policy, to judge by instead of the pack's
    #[arg(long, value_name = "PATH")]
    pub policy: Option<PathBuf>,
    /// Your own trust anchor, instead of the pack's
    #[arg(long, value_name = "FILE")]
    pub anchor: Option<PathBuf>,
    /// Your own Sigstore trusted root, instead of the pack's; may be given several times
    #[arg(long, value_name = "FILE")]
    pub trusted_root: Vec<PathBuf>,
    /// Accept a large pack, one that was made with layers
    #[arg(long)]
    pub with_layers: bool,
}
