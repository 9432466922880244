//! `bulla sbom`.

use std::path::PathBuf;

use bulla_verify::score::Score;
use clap::{Args, Subcommand, ValueEnum};

/// List what an image, a folder or a file contains
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla sbom registry.example.com/pay/api@sha256:3f1c… -o sbom.cdx.json",
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true
)]
pub struct Arguments {
    /// What else to do with bills of materials.
    #[command(subcommand)]
    pub action: Option<Action>,
    /// What to list: HOST/REPO:TAG, oci:DIR:TAG, docker-archive:FILE, dir:PATH, file:PATH
    #[arg(required = true)]
    pub target: Option<String>,
    /// File to write instead of standard output; of all platforms a folder
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Format of the document
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: SbomFormat,
    /// Who makes the document; may be given several times
    #[arg(long, value_name = "NAME")]
    pub author: Vec<String>,
    /// Who supplies what the document is about
    #[arg(long, value_name = "NAME")]
    pub supplier: Option<String>,
    /// End with exit code 1 if files could not be read, after the document is written
    #[arg(long)]
    pub strict: bool,
    /// Image that it was built on, to tell its packages from those of the application
    #[arg(long, value_name = "IMAGE")]
    pub base: Option<String>,
    /// Platform to list of an image for several, for example linux/arm64, or all
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Option<String>,
}

/// What to do with bills of materials that are there.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "a text here would replace the help on the arguments"
)]
pub enum Action {
    Score(ScoreArguments),
}

/// Say how much a bill of materials tells, from 0 to 10, and what would raise that
#[derive(Debug, Args)]
#[command(before_help = "Example: bulla sbom score sbom.cdx.json --fail-below 7.5")]
pub struct ScoreArguments {
    /// CycloneDX or SPDX 2 in JSON; - is standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// End with exit code 1 if the score is below this
    #[arg(long, value_name = "SCORE")]
    pub fail_below: Option<Score>,
}

/// A format to write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SbomFormat {
    /// CycloneDX 1.6 as JSON
    #[default]
    CyclonedxJson,
    /// SPDX 2.3 as JSON
    SpdxJson,
}

impl SbomFormat {
    /// The standard it follows.
    pub fn standard(self) -> &'static str {
        match self {
            Self::CyclonedxJson => "CycloneDX 1.6",
            Self::SpdxJson => "SPDX 2.3",
        }
    }

    /// How names of its files end.
    pub fn ending(self) -> &'static str {
        match self {
            Self::CyclonedxJson => "cdx.json",
            Self::SpdxJson => "spdx.json",
        }
    }
}
