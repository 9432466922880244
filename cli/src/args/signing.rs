//! How statements are signed; shared by every command that signs.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};

use super::key::KeyArguments;

/// How statements are signed.
#[derive(Debug, Args)]
pub struct SigningArguments {
    /// The key.
    #[command(flatten)]
    pub key: KeyArguments,
    /// Whose certificate.
    #[command(flatten)]
    pub identity: IdentityArguments,
    /// What is recorded.
    #[command(flatten)]
    pub recording: RecordingArguments,
    /// Do not ask, neither before signing nor before something becomes public
    #[arg(long, short)]
    pub yes: bool,
}

/// Signing with a certificate for an identity, instead of a key of one's own.
#[derive(Debug, Args)]
#[command(next_help_heading = "Without a key")]
pub struct IdentityArguments {
    /// Identity token, or the file that holds it (@FILE)
    #[arg(long, value_name = "TOKEN")]
    pub identity_token: Option<String>,
    /// Ask for a certificate for the key in --key too
    #[arg(long)]
    pub issue_certificate: bool,
    /// How a person logs in: browser or device
    #[arg(
        long,
        value_name = "WAY",
        hide_possible_values = true,
        alias = "fulcio-auth-flow"
    )]
    pub login: Option<Login>,
    /// Do not use the identity of the CI system or machine
    #[arg(long, alias = "oidc-disable-ambient-providers")]
    pub no_ambient: bool,
    /// Identity provider to log in with
    #[arg(long, value_name = "URL")]
    pub oidc_issuer: Option<String>,
    /// Client id there; also the audience tokens must have
    #[arg(long, value_name = "ID")]
    pub oidc_client_id: Option<String>,
    /// Certificate authority (Fulcio)
    #[arg(long, value_name = "URL")]
    pub fulcio_url: Option<String>,
}

/// Where signatures are recorded.
#[derive(Debug, Args)]
#[command(next_help_heading = "Recording")]
pub struct RecordingArguments {
    /// Client trust configuration of an instance: its services and its trusted root
    #[arg(long, value_name = "FILE", conflicts_with = "signing_config")]
    pub trust_config: Option<PathBuf>,
    /// Signing configuration of an instance: its services
    #[arg(long, value_name = "FILE")]
    pub signing_config: Option<PathBuf>,
    /// Sigstore instance: public-good, staging, or a URL given to bulla trust init
    #[arg(long, value_name = "NAME", conflicts_with_all = ["trust_config", "signing_config"])]
    pub instance: Option<String>,
    /// Transparency log (Rekor), `URL` or `URL,api-version=2`; may be given several times
    #[arg(long, value_name = "URL")]
    pub rekor_url: Vec<String>,
    /// RFC 3161 timestamp authority, with the whole path; may be given several times
    #[arg(long, value_name = "URL")]
    pub timestamp_server_url: Vec<String>,
    /// Certificates of authorities that the services' TLS certificates may come from, PEM
    #[arg(long, value_name = "FILE")]
    pub ca_file: Vec<PathBuf>,
    /// Record in no transparency log, for private work
    #[arg(long, overrides_with_all = ["log", "tlog_upload"])]
    pub no_log: bool,
    /// Record in the transparency log, also what is not by default: approvals
    #[arg(long, overrides_with_all = ["no_log", "tlog_upload"])]
    pub log: bool,
    /// cosign's word for --log and --no-log
    #[arg(
        long,
        hide = true,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        action = ArgAction::Set
    )]
    pub tlog_upload: Option<bool>,
}

impl RecordingArguments {
    /// What was said about logs, if anything was.
    pub fn wants_log(&self) -> Option<bool> {
        match (self.log, self.no_log) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => self.tlog_upload,
        }
    }
}

/// How a person logs in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Login {
    /// In a browser on this machine.
    #[default]
    #[value(alias = "normal")]
    Browser,
    /// On another device, with a code.
    Device,
}

/// Trusted roots that new signatures are checked with, for commands that judge nothing.
#[derive(Debug, Default, Args)]
pub struct RootArguments {
    /// Sigstore trusted root that the new signature is checked with; may be given several times
    #[arg(long, value_name = "FILE", help_heading = "Recording")]
    pub trusted_root: Vec<String>,
}
