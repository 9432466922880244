//! `bulla settings`.

use clap::Args;

/// Show each effective setting and where it comes from
#[derive(Debug, Args)]
#[command(before_help = "Example: bulla settings --output json")]
pub struct Arguments {}
