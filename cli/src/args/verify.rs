//! `bulla verify`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;

use super::annotation::{Annotation, annotation};
use super::cosign::CosignVerifyArguments;
use super::decide::DecideArguments;

// What an argument requires is not asked for beside whatever conflicts with that, so both are said.

/// What no key goes with, nor what requires one.
const NO_KEY: [&str; 3] = ["env", "identity", "issuer"];
/// What no signature in a file of its own goes with, nor what belongs to one.
const NO_SIGNATURE: [&str; 2] = ["env", "manifests"];

/// Check the seals of images and files: for an environment, or by one signer
#[derive(Clone, Debug, Args)]
#[command(
    before_help = "Example: bulla verify --env prod registry.example.com/pay/api:1.8.2",
    after_help = "One of --env, --key, or --certificate-identity with --certificate-oidc-issuer is needed."
)]
pub struct Arguments {
    /// Images: HOST/REPO:TAG, HOST/REPO@DIGEST or oci:DIR:TAG; files, folders of files, quoted patterns
    #[arg(required_unless_present = "manifests", value_name = "FILE|IMAGE")]
    pub targets: Vec<String>,
    /// Kubernetes manifests, every image of which is verified; - for standard input; again for more
    #[arg(long, value_name = "FILE", conflicts_with_all = ["signature", "index"])]
    pub manifests: Vec<PathBuf>,
    /// Kind of others' in --manifests that runs nothing: KIND or KIND.GROUP; again for more
    #[arg(long, value_name = "KIND", requires = "manifests", conflicts_with_all = ["signature", "index"])]
    pub skip_kind: Vec<String>,
    /// OCI layout in which the images of --manifests are looked up by digest, instead of their registries
    #[arg(long, value_name = "oci:DIR", requires = "manifests", conflicts_with_all = ["signature", "index"])]
    pub layout: Option<String>,
    /// Artifact that holds the files: they are allowed if it is, and names them by their digests
    #[arg(long = "in", value_name = "IMAGE", conflicts_with_all = ["manifests", "signature", "signed_as"])]
    pub artifact: Option<String>,
    /// Environment the image is to run in, as the policy names it
    #[arg(long, value_name = "NAME", conflicts_with_all = ["verification_key", "identity", "issuer", "kind"])]
    pub env: Option<String>,
    /// Public key that must have signed; several with --threshold
    #[arg(
        id = "verification_key",
        long = "key",
        short = 'k',
        value_name = "FILE",
        conflicts_with_all = ["identity", "issuer", "policy", "anchor", "state"]
    )]
    pub key: Vec<String>,
    /// How many of the keys must have signed; one of them if left out
    #[arg(long, value_name = "N", requires = "verification_key", conflicts_with_all = NO_KEY)]
    pub threshold: Option<NonZeroUsize>,
    /// Accept signatures of keys under schemes of older tools too: SHA-256 with P-384 and P-521, RSA-PSS, raw r||s
    #[arg(long, requires = "verification_key", conflicts_with_all = NO_KEY)]
    pub allow_legacy_schemes: bool,
    /// Identity in the certificate that must have signed
    #[arg(long, value_name = "SUBJECT", group = "identity", conflicts_with_all = ["policy", "anchor", "state"])]
    pub certificate_identity: Option<String>,
    /// Regular expression for that identity; must match the whole of it
    #[arg(long, value_name = "REGEXP", group = "identity", conflicts_with_all = ["certificate_identity", "policy", "anchor", "state"])]
    pub certificate_identity_regexp: Option<String>,
    /// Issuer in that certificate
    #[arg(long, value_name = "URL", group = "issuer")]
    pub certificate_oidc_issuer: Option<String>,
    /// Regular expression for that issuer; must match the whole of it
    #[arg(
        long,
        value_name = "REGEXP",
        conflicts_with = "certificate_oidc_issuer",
        group = "issuer"
    )]
    pub certificate_oidc_issuer_regexp: Option<String>,
    /// What else the certificate must claim.
    #[command(flatten)]
    pub workflow: Box<WorkflowArguments>,
    /// How many different transparency logs must have recorded each signature
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "env")]
    pub log_threshold: usize,
    /// How many different timestamp authorities must have seen each signature
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "env")]
    pub timestamp_threshold: usize,
    /// Name an image must have been signed under; only cosign's older signatures say one
    #[arg(long, value_name = "HOST/REPO", conflicts_with_all = ["env", "kind"])]
    pub signed_as: Option<String>,
    /// Annotation the signature must carry; again for more
    #[arg(long = "annotations", short = 'a', value_name = "KEY=VALUE", value_parser = annotation, conflicts_with_all = ["env", "kind"])]
    pub annotations: Vec<Annotation>,
    /// Predicate type of the attestation that must be there; without it a signature must
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// Attestations from a file instead of those attached: a bundle, an envelope, one in each line; again for more
    #[arg(long, value_name = "FILE")]
    pub bundle: Vec<PathBuf>,
    /// SBOM that an attestation refers to instead of holding it; looked for beside the image otherwise
    #[arg(long, value_name = "FILE")]
    pub document: Vec<PathBuf>,
    /// Signature over the one file verified, in a file of its own: base64, or its bytes
    #[arg(long, value_name = "FILE", conflicts_with = "env")]
    pub signature: Option<PathBuf>,
    /// Certificate that belongs to --signature, PEM
    #[arg(long, value_name = "FILE", requires = "signature", conflicts_with_all = NO_SIGNATURE)]
    pub certificate: Option<PathBuf>,
    /// Certificates above --certificate, PEM
    #[arg(long, value_name = "FILE", requires = "certificate", conflicts_with_all = NO_SIGNATURE)]
    pub certificate_chain: Option<PathBuf>,
    /// RFC 3161 timestamp that belongs to --signature
    #[arg(long, value_name = "FILE", requires = "signature", conflicts_with_all = NO_SIGNATURE)]
    pub rfc3161_timestamp: Option<PathBuf>,
    /// Digest of an index in the same place that lists the image
    #[arg(long, value_name = "DIGEST")]
    pub index: Option<bulla_model::Digest>,
    /// Judge as of this time, RFC 3339, instead of now
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
    /// Walk every check of every signature, with what was expected and what was found
    #[arg(long)]
    pub explain: bool,
    /// Say the same but end with 0: for dry runs
    #[arg(long)]
    pub audit: bool,
    /// Sigstore instance whose certificates count where no trusted root is given: public-good, staging, github, or a URL given to bulla trust init
    #[arg(long, value_name = "NAME", conflicts_with_all = ["env", "verification_key", "trusted_root"])]
    pub instance: Option<String>,
    /// Client trust configuration whose trusted root counts; services are not asked
    #[arg(long, value_name = "FILE", conflicts_with_all = ["trusted_root", "instance"])]
    pub trust_config: Option<String>,
    /// Certificates and keys as files, where there is no trusted root.
    #[command(flatten)]
    pub plain: Box<PlainArguments>,
    /// What the decision rests on.
    #[command(flatten)]
    pub decide: DecideArguments,
    /// Flags of cosign's with the same meaning.
    #[command(flatten)]
    pub cosign: CosignVerifyArguments,
}

/// Whom to believe, as plain files instead of a trusted root.
#[derive(Clone, Debug, Default, Args)]
#[group(id = "plain", multiple = true, conflicts_with_all = ["env", "trusted_root", "trust_config", "instance"])]
pub struct PlainArguments {
    /// Certificates of authorities that issue to signers, PEM, instead of a trusted root
    #[arg(long, visible_alias = "ca-file", value_name = "FILE")]
    pub ca_roots: Vec<PathBuf>,
    /// Certificates between those and signers, PEM; each is believed as much as they are
    #[arg(long, value_name = "FILE", requires = "ca_roots")]
    pub ca_intermediates: Vec<PathBuf>,
    /// Certificates of a timestamp authority, PEM, the signing one first
    #[arg(long, value_name = "FILE")]
    pub timestamp_certificate_chain: Vec<PathBuf>,
    /// Public key of a transparency log, PEM
    #[arg(long, value_name = "FILE")]
    pub log_key: Vec<PathBuf>,
    /// Public key of a log of certificates, PEM
    #[arg(long, value_name = "FILE")]
    pub certificate_log_key: Vec<PathBuf>,
}

/// What a certificate for a workflow of GitHub's must claim, by cosign's names.
///
/// They say more about the certificate of an identity, and nothing about a key or an environment.
#[derive(Clone, Debug, Default, Args)]
#[group(id = "workflow", multiple = true, conflicts_with_all = ["env", "verification_key"])]
pub struct WorkflowArguments {
    /// Event that started the workflow, for example push
    #[arg(long, value_name = "EVENT", requires = "identity")]
    pub certificate_github_workflow_trigger: Option<String>,
    /// Commit the workflow ran for
    #[arg(long, value_name = "COMMIT", requires = "identity")]
    pub certificate_github_workflow_sha: Option<String>,
    /// Name of the workflow
    #[arg(long, value_name = "NAME", requires = "identity")]
    pub certificate_github_workflow_name: Option<String>,
    /// Repository the workflow ran for: OWNER/REPO, or its URI
    #[arg(long, value_name = "OWNER/REPO", requires = "identity")]
    pub certificate_github_workflow_repository: Option<String>,
    /// Branch or tag the workflow ran for, for example refs/heads/main
    #[arg(long, value_name = "REF", requires = "identity")]
    pub certificate_github_workflow_ref: Option<String>,
}
