//! `bulla revoke`.

use bulla_model::{Digest, EdgeKind, Purl, Scope, Service};
use clap::Args;
use jiff::Timestamp;

use super::decide::DecideArguments;
use super::memory::MemoryArguments;
use super::signing::SigningArguments;

/// Take back an artifact, a statement, a signer, a builder, a component or a step; or lift that
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla revoke registry.example.com/pay/api@sha256:3f1c… --reason \"leaks tokens\" --key security.key"
)]
pub struct Arguments {
    /// The image; with --edge, the image that may not take the step
    #[arg(value_name = "IMAGE")]
    pub target: Option<String>,
    /// Why
    #[arg(long, short, value_name = "TEXT")]
    pub reason: String,
    /// Where more is said; may be given several times
    #[arg(long = "reference", value_name = "URL")]
    pub references: Vec<String>,
    /// What is taken back besides the image.
    #[command(flatten)]
    pub targets: TargetArguments,
    /// Earlier revocation that is over, by its payload digest; may be given several times
    #[arg(long, value_name = "DIGEST", conflicts_with_all = ["target", "attestation", "signer", "edge", "builder", "component"])]
    pub lift: Vec<Digest>,
    /// The ledger it belongs to, where the policy has environments of several
    #[arg(long, value_name = "SCOPE")]
    pub scope: Option<Scope>,
    /// How long the checkpoint may be used that is written with it, for example 48h
    #[arg(long, value_name = "TIME", default_value = "48h")]
    pub valid_for: String,
    /// Write no checkpoint, also if the signer is the ledger's owner
    #[arg(long, conflicts_with_all = ["after", "first"])]
    pub no_checkpoint: bool,
    /// What its checkpoint follows.
    #[command(flatten)]
    pub memory: MemoryArguments,
    /// Who signs.
    #[command(flatten)]
    pub signing: SigningArguments,
    /// What the decision rests on.
    #[command(flatten)]
    pub decide: DecideArguments,
}

/// What is taken back.
#[derive(Debug, Args)]
#[command(next_help_heading = "What")]
pub struct TargetArguments {
    /// Statement, by the digest of its payload; may be given several times
    #[arg(long, value_name = "DIGEST")]
    pub attestation: Vec<Digest>,
    /// Signer: a public key, by file or digest (sha256:…), or with --signer-issuer the subject of certificates
    #[arg(long, value_name = "ID")]
    pub signer: Option<String>,
    /// Issuer of that subject's identity
    #[arg(long, value_name = "URL", requires = "signer")]
    pub signer_issuer: Option<String>,
    /// Builder, by its id in provenance
    #[arg(long, value_name = "URL")]
    pub builder: Option<String>,
    /// Version that a part of the builder must have had: NAME=VERSION; may be given several times
    #[arg(long, value_name = "PART", requires = "builder")]
    pub builder_version: Vec<String>,
    /// Component, as a package URL, with or without its version; may be given several times
    #[arg(long, value_name = "PURL")]
    pub component: Vec<Purl>,
    /// Step that may not be taken: staging..prod, or ..dev for the first
    #[arg(long, value_name = "FROM..TO")]
    pub edge: Option<String>,
    /// Kind of that step
    #[arg(long, value_name = "KIND", default_value = "promote", requires = "edge", value_parser = kind)]
    pub kind: EdgeKind,
    /// Only this service may not take it
    #[arg(long, value_name = "NAME", requires = "edge")]
    pub service: Option<Service>,
    /// From when on signer or builder are taken back
    #[arg(long, value_name = "TIME")]
    pub from: Option<Timestamp>,
    /// Until when
    #[arg(long, value_name = "TIME")]
    pub until: Option<Timestamp>,
}

fn kind(text: &str) -> Result<EdgeKind, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}
