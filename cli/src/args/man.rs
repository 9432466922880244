//! `bulla man`.

use std::path::PathBuf;

use clap::Args;

/// Write the manual pages into a folder
#[derive(Debug, Args)]
#[command(before_help = "Example: bulla man ~/.local/share/man/man1")]
pub struct Arguments {
    /// The folder, made if absent
    pub folder: PathBuf,
}
