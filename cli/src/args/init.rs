//! `bulla init`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Write an anchor, a policy and a pipeline to start from; nothing is ever overwritten
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla init --org acme --source https://github.com/acme/pay --owner-key alice.pub",
    after_help = "What --from reads is never believed: it is written as comments marked `unconfirmed`, to be checked \
                  by somebody who knows. No key is made: `bulla key generate` does that."
)]
pub struct Arguments {
    /// Folder to write into, usually the root of the repository
    #[arg(value_name = "DIR", default_value = ".")]
    pub directory: PathBuf,
    /// What the files are about.
    #[command(flatten)]
    pub about: About,
    /// Pipeline to write
    #[arg(long, value_name = "SYSTEM", value_enum, default_value_t)]
    pub ci: CiSystem,
}

/// What an anchor, a policy and a pipeline are about.
#[derive(Debug, Args)]
pub struct About {
    /// Image to look at: its labels, attestations and signatures suggest what the policy could say
    #[arg(long, value_name = "IMAGE")]
    pub from: Option<String>,
    /// Environments, in the order in which an image walks through them
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        default_value = "dev,staging,prod"
    )]
    pub env: Vec<String>,
    /// Organisation in the environments' URIs; without it that of the source repository
    #[arg(long, value_name = "NAME")]
    pub org: Option<String>,
    /// Name of the service; without it that of the source repository
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// Repository the service is built from; without it where `git` pulls from
    #[arg(long, value_name = "URL")]
    pub source: Option<String>,
    /// Public key of a policy owner, who may also approve; several for several persons
    #[arg(long, value_name = "FILE")]
    pub owner_key: Vec<PathBuf>,
    /// Public key the pipeline signs with; without it the first owner's
    #[arg(long, value_name = "FILE")]
    pub ci_key: Option<PathBuf>,
}

/// A CI system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CiSystem {
    /// GitHub Actions: .github/workflows/bulla.yml
    #[default]
    Github,
    /// GitLab: .gitlab/bulla.yml
    Gitlab,
    /// No pipeline
    None,
}
