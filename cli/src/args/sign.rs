//! `bulla sign`.

use clap::Args;

use super::signing::{RootArguments, SigningArguments};

/// Sign images with a key, so that cosign and Bulla can verify who vouched for them
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla sign --key bulla.key registry.example.com/pay/api@sha256:3f1c…"
)]
pub struct Arguments {
    /// Images: HOST/REPO@DIGEST, oci:DIR:TAG
    #[arg(required = true, value_name = "TARGET")]
    pub targets: Vec<String>,
    /// The key.
    #[command(flatten)]
    pub signing: SigningArguments,
    /// What the new signature is checked with.
    #[command(flatten)]
    pub roots: RootArguments,
    /// Where and how.
    #[command(flatten)]
    pub publish: PublishArguments,
}

/// Where signed statements go.
#[derive(Debug, Args)]
pub struct PublishArguments {
    /// Also write the bundle to a file; several are one to a line
    #[arg(long, value_name = "FILE")]
    pub bundle: Option<std::path::PathBuf>,
}
