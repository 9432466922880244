//! `bulla copy`.

use clap::Args;

/// Copy an image with everything attached to it, by digest
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla copy registry.example.com/pay/api:1.8.2 oci-archive:api.tar"
)]
pub struct Arguments {
    /// Image: HOST/REPO:TAG, oci:DIR:TAG, oci-archive:FILE; or file:PATH, which becomes an artifact
    pub from: String,
    /// Where to: HOST/REPO:TAG, oci:DIR:TAG, oci-archive:FILE
    pub to: String,
    /// Leave attestations, signatures and SBOMs behind
    #[arg(long)]
    pub without_referrers: bool,
}
