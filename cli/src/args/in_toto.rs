//! `bulla in-toto`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::Timestamp;

/// Check classic in-toto layouts and links
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla in-toto verify --layout root.layout --key owner.pub --links links/ --product app.tar.gz"
)]
pub struct Arguments {
    /// What to check.
    #[command(subcommand)]
    pub action: Action,
}

/// What to check.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "a text here would replace the help on the arguments"
)]
pub enum Action {
    Verify(Box<Verify>),
}

/// Check that a product was made as its layout says, by those the layout names
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla in-toto verify --layout root.layout --key owner.pub --links links/ --product app.tar.gz",
    after_help = "Bulla runs no commands. Run an inspection's command in a folder of its own, and pass the folder as it was before and as it is after: --inspected untar=before,after"
)]
pub struct Verify {
    /// The layout
    #[arg(long, short = 'l', value_name = "FILE")]
    pub layout: PathBuf,
    /// Public key that must have signed the layout; given several times, all of them
    #[arg(
        long,
        short = 'k',
        value_name = "FILE",
        required = true,
        alias = "verification-keys"
    )]
    pub key: Vec<String>,
    /// Folder with the links, STEP.KEYID.link
    #[arg(long, value_name = "DIR", default_value = ".", alias = "link-dir")]
    pub links: PathBuf,
    /// File that must be a product of the last step, under its own name or another
    #[arg(long, value_name = "[NAME=]FILE")]
    pub product: Vec<String>,
    /// Folders before and after the command of an inspection was run and succeeded
    #[arg(long, value_name = "NAME=BEFORE,AFTER")]
    pub inspected: Vec<String>,
    /// What a parameter of the layout stands for
    #[arg(long, value_name = "NAME=VALUE")]
    pub parameter: Vec<String>,
    /// Judge as of this time, RFC 3339, instead of now
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
    /// Show every check with what was expected and found
    #[arg(long)]
    pub explain: bool,
}
