//! `bulla anchor`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::key::KeyArguments;

/// Show the trust anchor, or put a new one in its place by the word of its owners
#[derive(Debug, Args)]
#[command(before_help = "Example: bulla anchor show --anchor anchor.yaml")]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with anchors.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "a text here would replace the help on the arguments"
)]
pub enum Action {
    Show(Show),
    Sign(Box<Sign>),
    Rotate(Rotate),
}

/// Show what the anchor says, and the digest that the next one names
#[derive(Debug, Args)]
#[command(before_help = "Example: bulla anchor show --anchor anchor.yaml")]
pub struct Show {
    /// Trust anchor: a local file
    #[arg(long, value_name = "FILE")]
    pub anchor: Option<String>,
}

/// Sign a new anchor as an owner of the old or the new one, beside those who signed already
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla anchor sign new.yaml --anchor anchor.yaml --key owner.key",
    after_help = "The signatures are written beside the new anchor, as NEW.signatures.json."
)]
pub struct Sign {
    /// The new anchor, with the next `version` and the old one's digest as `previous`
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
    /// The anchor that it takes the place of
    #[arg(long, value_name = "FILE")]
    pub anchor: Option<String>,
    /// Do not ask before signing
    #[arg(long, short)]
    pub yes: bool,
    /// The key.
    #[command(flatten)]
    pub key: KeyArguments,
}

/// Replace the local anchor by one that enough owners of both signed
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla anchor rotate new.yaml --anchor anchor.yaml --state state.json",
    after_help = "Of several versions each is named, in order: every one is signed by owners of the one before it. \
                  Interrupted, the same command can be run again."
)]
pub struct Rotate {
    /// The new anchor, NEW.signatures.json beside it
    #[arg(value_name = "NEW", required = true)]
    pub new: Vec<PathBuf>,
    /// The anchor whose place it takes
    #[arg(long, value_name = "FILE")]
    pub anchor: Option<String>,
    /// File that remembers which anchor was seen, so that no older one is put back
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Do not ask before replacing it
    #[arg(long, short)]
    pub yes: bool,
}
