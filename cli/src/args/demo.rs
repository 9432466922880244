//! `bulla demo`.

use std::path::PathBuf;

use clap::Args;

/// See it all once: an image is signed, approved and promoted, and forgeries are refused
#[derive(Debug, Args)]
#[command(before_help = "Example: bulla demo")]
pub struct Arguments {
    /// Folder to work in; made anew, and refused if something else is in it
    #[arg(long, value_name = "DIR", default_value = "bulla-demo")]
    pub dir: PathBuf,
    /// Image of your own instead of this program
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
}
