//! `bulla completions`.

use clap::Args;
use clap_complete::Shell;

/// Write the completion script of a shell
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla completions bash > ~/.local/share/bash-completion/completions/bulla"
)]
pub struct Arguments {
    /// The shell
    pub shell: Shell,
}
