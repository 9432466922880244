//! `bulla trust`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Introduce, refresh, show and make what Sigstore instances trust
#[derive(Debug, Args)]
#[command(before_help = "Example: bulla trust show")]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with trusted roots.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "a text here would replace the help on the arguments"
)]
pub enum Action {
    Init(Init),
    Update(Update),
    Show(Show),
    Create(Create),
}

/// Introduce an instance of your own: its TUF mirror, and the root that trust starts from
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla trust init --mirror https://tuf.example.com --root root.json",
    after_help = "The root must have come to you by another way than from the mirror. Afterwards the mirror's URL is the instance's name: --instance URL, or `instance: URL` in your own bulla.yaml."
)]
pub struct Init {
    /// Where the TUF repository is: https, http or file URL
    #[arg(long, value_name = "URL")]
    pub mirror: String,
    /// TUF root metadata that trust starts from
    #[arg(long, value_name = "FILE")]
    pub root: PathBuf,
    /// Replace another root this instance was introduced with
    #[arg(long)]
    pub replace: bool,
}

/// Fetch what is new from an instance's TUF repository and verify it
#[derive(Debug, Args)]
#[command(before_help = "Example: bulla trust update")]
pub struct Update {
    /// Sigstore instance: public-good, staging, github, or a URL given to bulla trust init
    #[arg(long, value_name = "NAME")]
    pub instance: Option<String>,
}

/// Show certificate authorities, logs, timestamp authorities and services, with their times and keys
#[derive(Debug, Args)]
#[command(before_help = "Example: bulla trust show --trusted-root trusted_root.json")]
pub struct Show {
    /// Sigstore instance: public-good, staging, github, or a URL given to bulla trust init
    #[arg(long, value_name = "NAME", conflicts_with = "trusted_root")]
    pub instance: Option<String>,
    /// Trusted root to show instead of an instance's; may be given several times
    #[arg(long, value_name = "FILE")]
    pub trusted_root: Vec<String>,
    /// Signing configuration to show
    #[arg(long, value_name = "FILE")]
    pub signing_config: Option<String>,
}

/// Make a trusted root and a signing configuration from keys, certificates and URLs
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla trust create --fulcio url=https://fulcio.example.com,certificate-chain=ca.pem --rekor url=https://rekor.example.com,public-key=rekor.pub,start-time=2026-01-01T00:00:00Z --out trusted_root.json",
    after_help = "A SERVICE is a list such as url=URL,public-key=FILE,start-time=TIME. Everywhere: url, start-time, end-time, operator, api-version. --fulcio, --tsa: certificate-chain. --rekor, --ctfe: public-key, origin."
)]
pub struct Create {
    /// Certificate authority
    #[arg(long, value_name = "SERVICE")]
    pub fulcio: Vec<String>,
    /// Transparency log
    #[arg(long, value_name = "SERVICE")]
    pub rekor: Vec<String>,
    /// Certificate log
    #[arg(long, value_name = "SERVICE")]
    pub ctfe: Vec<String>,
    /// Timestamp authority
    #[arg(long, value_name = "SERVICE")]
    pub tsa: Vec<String>,
    /// Identity provider: for the signing configuration only
    #[arg(long, value_name = "SERVICE", requires = "signing_config_out")]
    pub oidc_provider: Vec<String>,
    /// How many logs are signed to: ANY, ALL or EXACT:N
    #[arg(long, value_name = "RULE", default_value = "ANY")]
    pub rekor_config: String,
    /// How many timestamps are taken: ANY, ALL or EXACT:N
    #[arg(long, value_name = "RULE", default_value = "ANY")]
    pub tsa_config: String,
    /// Trusted root to extend
    #[arg(long, value_name = "FILE", requires = "out")]
    pub base_trusted_root: Option<PathBuf>,
    /// Signing configuration to extend
    #[arg(long, value_name = "FILE", requires = "signing_config_out")]
    pub base_config: Option<PathBuf>,
    /// Where the trusted root is written
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "signing_config_out"
    )]
    pub out: Option<PathBuf>,
    /// Where the signing configuration is written
    #[arg(long, value_name = "FILE")]
    pub signing_config_out: Option<PathBuf>,
}
