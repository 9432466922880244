//! `bulla tree`.

use clap::Args;

/// Show what is attached to an image, without verifying it
#[derive(Debug, Args)]
#[command(before_help = "Example: bulla tree registry.example.com/pay/api:1.8.2")]
pub struct Arguments {
    /// Image: HOST/REPO:TAG, oci:DIR:TAG
    pub target: String,
}
