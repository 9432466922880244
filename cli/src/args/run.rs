//! `bulla run`.

use std::path::PathBuf;

use clap::Args;

use super::signing::{RootArguments, SigningArguments};

/// Run a build command and record what it used and made, as SLSA provenance
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla run --products 'target/release/api' -o provenance.json -- cargo build --release"
)]
pub struct Arguments {
    /// Files the command reads, as a pattern; hashed before it runs
    #[arg(long, value_name = "PATTERN")]
    pub materials: Vec<String>,
    /// Files the command makes, as a pattern; hashed afterwards if made or changed
    #[arg(long, value_name = "PATTERN")]
    pub products: Vec<String>,
    /// Variable whose value may be recorded; no other is
    #[arg(long = "env", value_name = "NAME")]
    pub variables: Vec<String>,
    /// URI that names this machine as the builder
    #[arg(
        long,
        value_name = "URI",
        default_value = "https://bulla.dev/builders/local"
    )]
    pub builder: String,
    /// File for the provenance: a statement about the products, or without products the predicate
    #[arg(long, short, value_name = "FILE", required_unless_present_any = ["attach", "link"])]
    pub out: Option<PathBuf>,
    /// File for an in-toto link about the step
    #[arg(long, value_name = "FILE", requires_all = ["step", "products"])]
    pub link: Option<PathBuf>,
    /// Name of the step in the link
    #[arg(long, value_name = "NAME")]
    pub step: Option<String>,
    /// Image to sign the provenance for and attach it to
    #[arg(long, value_name = "TARGET")]
    pub attach: Option<String>,
    /// The key for --attach.
    #[command(flatten)]
    pub signing: SigningArguments,
    /// What the new signature is checked with.
    #[command(flatten)]
    pub roots: RootArguments,
    /// The command and its arguments, after `--`
    #[arg(required = true, last = true, value_name = "COMMAND")]
    pub command: Vec<std::ffi::OsString>,
}
