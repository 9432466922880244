//! `bulla inspect`.

use clap::Args;

/// Decode an attestation, bundle, envelope, statement, manifest or key, without verifying it
#[derive(Debug, Args)]
#[command(before_help = "Example: bulla inspect registry.example.com/pay/api@sha256:3f1c…#2")]
pub struct Arguments {
    /// Image or file; #N is the Nth attestation as `bulla tree` numbers them, or the Nth line
    #[arg(value_name = "TARGET[#N]")]
    pub target: String,
    /// Write the DSSE envelope alone, for programs that read no bundle
    #[arg(long)]
    pub envelope: bool,
}
