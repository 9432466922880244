//! `bulla slsa`.

use std::path::PathBuf;

use bulla_model::Digest;
use clap::{Args, Subcommand};
use jiff::Timestamp;

/// Check SLSA provenance and verification summaries
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla slsa verify --provenance app.intoto.jsonl --source github.com/o/r app"
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
    #[command(aliases = ["verify-artifact", "verify-image", "verify-github-attestation"])]
    Verify(Box<Verify>),
    #[command(hide = true)]
    VerifyNpmPackage(Box<Verify>),
    VerifyVsa(Box<VerifyVsa>),
}

/// Check that a known builder built artifacts from a source, by their provenance
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla slsa verify --provenance app.intoto.jsonl --source github.com/o/r --tag v1.2.3 app"
)]
pub struct Verify {
    /// Files, digests (sha256:…) or images, all built together
    #[arg(required = true, value_name = "ARTIFACT")]
    pub artifacts: Vec<String>,
    /// File with the provenance: a bundle, one in each line, npm's attestations, gcloud's output; images may have it attached
    #[arg(long, value_name = "FILE", aliases = ["provenance-path", "attestation-path", "attestations-path"])]
    pub provenance: Option<PathBuf>,
    /// Source it must have been built from, for example github.com/OWNER/REPO
    #[arg(long, value_name = "URI", alias = "source-uri")]
    pub source: String,
    /// Branch it must have been built from
    #[arg(long, value_name = "NAME", alias = "source-branch")]
    pub branch: Option<String>,
    /// Tag it must have been built from
    #[arg(
        long,
        value_name = "NAME",
        alias = "source-tag",
        conflicts_with = "versioned_tag"
    )]
    pub tag: Option<String>,
    /// Version the tag must be of: v1 is any v1.x.y
    #[arg(long, value_name = "VERSION", alias = "source-versioned-tag")]
    pub versioned_tag: Option<String>,
    /// Builder that must have built it, with @VERSION if need be
    #[arg(long, value_name = "ID")]
    pub builder_id: Option<String>,
    /// Input a person must have started the build with
    #[arg(long, value_name = "KEY=VALUE")]
    pub build_workflow_input: Vec<String>,
    /// Write the verified statement's predicate to standard output
    #[arg(long, alias = "print-attestation")]
    pub print_provenance: bool,
    /// Name the npm package must have
    #[arg(long, value_name = "NAME")]
    pub package_name: Option<String>,
    /// Version the npm package must have
    #[arg(long, value_name = "VERSION")]
    pub package_version: Option<String>,
    /// Keys of the npm registry, keys.json; with them only what it publishes is believed
    #[arg(long, value_name = "FILE")]
    pub registry_keys: Option<PathBuf>,
    /// Builders besides those Bulla brings
    #[arg(long, value_name = "FILE")]
    pub builders: Vec<String>,
    /// Digest of an index in the same place that lists the image
    #[arg(long, value_name = "DIGEST")]
    pub index: Option<Digest>,
    /// What signatures are checked with.
    #[command(flatten)]
    pub trust: TrustArguments,
}

impl Verify {
    /// Whether a package of npm's registry is meant, so that its publish attestation is demanded.
    pub fn names_package(&self) -> bool {
        self.registry_keys.is_some()
            || self.package_name.is_some()
            || self.package_version.is_some()
    }
}

/// Check a verification summary (VSA): the seven steps of its specification
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla slsa verify-vsa --attestation app.vsa.json --key verifier.pub --verifier-id https://v.example.com --resource-uri pkg:oci/app --verified-level SLSA_BUILD_LEVEL_3 --subject-digest sha256:…",
    after_help = "One of --key, or --certificate-identity with --certificate-oidc-issuer is needed."
)]
pub struct VerifyVsa {
    /// File with the summary: an envelope or a Sigstore bundle
    #[arg(long, value_name = "FILE", alias = "attestation-path")]
    pub attestation: PathBuf,
    /// Digest some subject must have; may be given several times
    #[arg(long, value_name = "ALGORITHM:VALUE", required = true)]
    pub subject_digest: Vec<String>,
    /// Verifier that must have verified
    #[arg(long, value_name = "URI")]
    pub verifier_id: String,
    /// Resource that must have been verified
    #[arg(long, value_name = "URI")]
    pub resource_uri: String,
    /// Level that must be reached; may be given several times
    #[arg(long, value_name = "LEVEL", alias = "verified-levels")]
    pub verified_level: Vec<String>,
    /// Public key that must have signed
    #[arg(
        id = "vsa_key",
        long = "key",
        short = 'k',
        value_name = "FILE",
        alias = "public-key-path",
        conflicts_with = "instance"
    )]
    pub key: Option<String>,
    /// Name the key's signatures carry; empty for its fingerprint
    #[arg(long, value_name = "ID", requires = "vsa_key", conflicts_with_all = ["instance", "certificate_identity"])]
    pub public_key_id: Option<String>,
    /// Hash the key signs with; another than its own is refused
    #[arg(long, value_name = "HASH", requires = "vsa_key", conflicts_with_all = ["instance", "certificate_identity"])]
    pub public_key_signing_hash_algo: Option<String>,
    /// Identity in the certificate that must have signed
    #[arg(
        long,
        value_name = "SUBJECT",
        conflicts_with = "vsa_key",
        requires = "certificate_oidc_issuer"
    )]
    pub certificate_identity: Option<String>,
    /// Issuer in that certificate
    #[arg(long, value_name = "URL", requires = "certificate_identity")]
    pub certificate_oidc_issuer: Option<String>,
    /// Write the verified statement's predicate to standard output
    #[arg(long)]
    pub print_attestation: bool,
    /// What signatures are checked with.
    #[command(flatten)]
    pub trust: TrustArguments,
}

/// What signatures are checked with, and when.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Trust")]
pub struct TrustArguments {
    /// Sigstore trusted root, or a client trust configuration; may be given several times
    #[arg(long, value_name = "FILE", alias = "trust-config")]
    pub trusted_root: Vec<String>,
    /// Sigstore instance whose certificates count where no trusted root is given: public-good, staging, github, or a URL given to bulla trust init
    #[arg(long, value_name = "NAME", conflicts_with = "trusted_root")]
    pub instance: Option<String>,
    /// Judge as of this time, RFC 3339, instead of now
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
}
