//! `bulla why`.

use clap::Args;
use jiff::Timestamp;

use super::decide::DecideArguments;

/// Explain why an image may not be in an environment, and what would change that
#[derive(Debug, Args)]
#[command(before_help = "Example: bulla why registry.example.com/pay/api@sha256:3f1c… --env prod")]
pub struct Arguments {
    /// Image: HOST/REPO@DIGEST, HOST/REPO:TAG or oci:DIR:TAG; - for those in what kubectl get -o yaml writes
    #[arg(value_name = "IMAGE|-")]
    pub target: String,
    /// Environment, as the policy names it
    #[arg(long, value_name = "NAME")]
    pub env: String,
    /// Digest of an index in the same place that lists the image
    #[arg(long, value_name = "DIGEST")]
    pub index: Option<bulla_model::Digest>,
    /// Kind of others' on standard input that runs nothing: KIND or KIND.GROUP; again for more
    #[arg(long, value_name = "KIND")]
    pub skip_kind: Vec<String>,
    /// OCI layout in which images from standard input are looked up by digest, instead of their registries
    #[arg(long, value_name = "oci:DIR")]
    pub layout: Option<String>,
    /// Judge as of this time, RFC 3339, instead of now
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
    /// What the decision rests on.
    #[command(flatten)]
    pub decide: DecideArguments,
}
