//! `bulla notation`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::Timestamp;

/// Check signatures of the Notary Project
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla notation verify --notation-config ~/.config/notation registry.example.com/pay/api:1.8.2"
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

/// Check that somebody a trust policy names signed an image
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla notation verify --trust-policy trustpolicy.json --trust-store truststore registry.example.com/pay/api:1.8.2",
    after_help = "Nothing is read but what is named: --notation-config DIR, or --trust-policy with --trust-store."
)]
pub struct Verify {
    /// Image whose signatures are checked
    #[arg(value_name = "IMAGE")]
    pub image: String,
    /// Folder with trustpolicy.oci.json (or trustpolicy.json) and truststore, as notation has it
    #[arg(long, value_name = "DIR", conflicts_with_all = ["trust_policy", "trust_store"], required_unless_present = "trust_policy")]
    pub notation_config: Option<PathBuf>,
    /// Trust policy for OCI artifacts
    #[arg(long, value_name = "FILE", requires = "trust_store")]
    pub trust_policy: Option<PathBuf>,
    /// Folder with the trust stores, below x509
    #[arg(long, value_name = "DIR", requires = "trust_policy")]
    pub trust_store: Option<PathBuf>,
    /// Repository as which a layout or archive is judged
    #[arg(long, value_name = "HOST/REPO")]
    pub scope: Option<String>,
    /// What the signer must have said about the image; may be given several times
    #[arg(long, short = 'm', value_name = "KEY=VALUE")]
    pub user_metadata: Vec<String>,
    /// Certificate revocation list; may be given several times, nothing is fetched
    #[arg(long, value_name = "FILE", alias = "crl")]
    pub revocation_list: Vec<PathBuf>,
    /// Signatures looked at before giving up
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..))]
    pub max_signatures: u16,
    /// Judge as of this time, RFC 3339, instead of now
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
    /// Show the checks of every signature, with what was expected
    #[arg(long)]
    pub explain: bool,
}
