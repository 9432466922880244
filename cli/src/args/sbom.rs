//! `bulla sbom`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// List what an image or a folder contains
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla sbom registry.example.com/pay/api@sha256:3f1c… -o sbom.cdx.json"
)]
pub struct Arguments {
    /// What to list: HOST/REPO:TAG, oci:DIR:TAG, dir:PATH
    pub target: String,
    /// File to write instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Format of the document
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: SbomFormat,
    /// Platform to list of an image for several, for example linux/arm64
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Option<String>,
}

/// A format to write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SbomFormat {
    /// CycloneDX 1.6 as JSON
    #[default]
    CyclonedxJson,
}
