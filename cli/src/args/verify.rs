//! `bulla verify`.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;

use super::decide::DecideArguments;

/// Check an image's seals: for an environment, or by one signer
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla verify --env prod registry.example.com/pay/api:1.8.2",
    after_help = "One of --env, --key, or --certificate-identity with --certificate-oidc-issuer is needed."
)]
pub struct Arguments {
    /// Images: HOST/REPO:TAG, HOST/REPO@DIGEST or oci:DIR:TAG; files with --bundle
    #[arg(required = true, value_name = "IMAGE")]
    pub targets: Vec<String>,
    /// Environment the image is to run in, as the policy names it
    #[arg(long, value_name = "NAME", conflicts_with_all = ["verification_key", "certificate_identity", "certificate_identity_regexp"])]
    pub env: Option<String>,
    /// Public key that must have signed
    #[arg(
        id = "verification_key",
        long = "key",
        short = 'k',
        value_name = "FILE"
    )]
    pub key: Option<String>,
    /// Identity in the certificate that must have signed
    #[arg(long, value_name = "SUBJECT", conflicts_with = "verification_key")]
    pub certificate_identity: Option<String>,
    /// Regular expression for that identity; must match the whole of it
    #[arg(long, value_name = "REGEXP", conflicts_with = "certificate_identity")]
    pub certificate_identity_regexp: Option<String>,
    /// Issuer in that certificate
    #[arg(long, value_name = "URL")]
    pub certificate_oidc_issuer: Option<String>,
    /// Regular expression for that issuer; must match the whole of it
    #[arg(
        long,
        value_name = "REGEXP",
        conflicts_with = "certificate_oidc_issuer"
    )]
    pub certificate_oidc_issuer_regexp: Option<String>,
    /// Predicate type of the attestation that must be there; without it a signature must
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// Attestations from a file instead of those attached: a Sigstore bundle, a DSSE envelope, or one in each line
    #[arg(long, value_name = "FILE")]
    pub bundle: Vec<PathBuf>,
    /// Digest of an index in the same place that lists the image
    #[arg(long, value_name = "DIGEST")]
    pub index: Option<bulla_model::Digest>,
    /// Judge as of this time, RFC 3339, instead of now
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
    /// Say the same but end with 0: for dry runs
    #[arg(long)]
    pub audit: bool,
    /// What the decision rests on.
    #[command(flatten)]
    pub decide: DecideArguments,
}
