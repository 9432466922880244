//! How statements are signed; shared by every command that signs.

use clap::Args;

use super::key::KeyArguments;

/// How statements are signed.
#[derive(Debug, Args)]
pub struct SigningArguments {
    /// The key.
    #[command(flatten)]
    pub key: KeyArguments,
}
