//! `bulla serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::decide::DecideArguments;

/// Answer a cluster's admission requests: nothing runs that has not walked the chain
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla serve --env prod --policy /etc/bulla/policy --tls-cert tls.crt --tls-key tls.key --listen 0.0.0.0:8443",
    after_help = "Settings come from these flags and BULLA_ variables only; no bulla.yaml is looked for."
)]
pub struct Arguments {
    /// Environment the cluster is, as the policy names it
    #[arg(long, value_name = "NAME")]
    pub env: Option<String>,
    /// Address to listen on (default 127.0.0.1:8443)
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Certificate chain, PEM; read again when it changes
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// Private key of that certificate, PEM
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Speak plain HTTP; on a loopback address only
    #[arg(long, conflicts_with_all = ["tls_cert", "tls_key"])]
    pub insecure_http: bool,
    /// Layout that images are looked up in by digest, instead of their registries: oci:DIR
    #[arg(long, value_name = "oci:DIR")]
    pub layout: Option<String>,
    /// Whether an image must be named by digest: true (default) or false
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub require_digest: Option<bool>,
    /// How long an "allowed" is remembered (default 60s, at most 5m; 0s for never)
    #[arg(long, value_name = "TIME")]
    pub cache_ttl: Option<String>,
    /// Requests answered at the same time; more are refused (default 256)
    #[arg(long, value_name = "COUNT")]
    pub max_requests: Option<usize>,
    /// What decisions rest on.
    #[command(flatten)]
    pub decide: DecideArguments,
}
