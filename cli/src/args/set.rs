//! Images that take a step together.

use std::path::PathBuf;

use clap::Args;

/// What takes the step.
#[derive(Debug, Args)]
pub struct SetArguments {
    /// The image; several of one service take the step together, as a release set
    #[arg(value_name = "IMAGE", required_unless_present = "set")]
    pub images: Vec<String>,
    /// File that lists images of the set, one on each line; `#` begins a comment
    #[arg(long, value_name = "FILE")]
    pub set: Option<PathBuf>,
}
