//! Flags that cosign's users bring along and that mean the same here, hidden from the help.
//!
//! What would be a restriction, or a meaning we do not have, is refused by its value and not ignored.

use std::num::NonZeroUsize;

use clap::Args;

/// cosign's flags when it verifies.
#[derive(Clone, Debug, Default, Args)]
pub struct CosignVerifyArguments {
    /// No log is demanded: so it is without --log-threshold
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true",
        value_parser = only_true("demand a log entry with --log-threshold 1"),
        conflicts_with_all = ["env", "log_threshold"])]
    pub insecure_ignore_tlog: Option<bool>,
    /// A timestamp authority must have seen each signature: --timestamp-threshold 1
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true",
        conflicts_with = "env")]
    pub use_signed_timestamps: Option<bool>,
    /// Verification never asks a log or a service
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true",
        value_parser = only_true("verification is always offline: `bulla trust update` fetches trusted roots"))]
    pub offline: Option<bool>,
    /// Both forms are found
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true",
        value_parser = only_true("leave it away: cosign's older forms are found beside bundles"))]
    pub new_bundle_format: Option<bool>,
    /// What was signed is always compared with the artifact
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true",
        value_parser = only_true("what was signed is always compared with the artifact"))]
    pub check_claims: Option<bool>,
    /// How many items are verified at the same time
    #[arg(long, hide = true, value_name = "N")]
    pub max_workers: Option<NonZeroUsize>,
}

/// cosign's flags when it signs.
#[derive(Clone, Debug, Default, Args)]
pub struct CosignSignArguments {
    /// Bundles are what is written
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true",
        value_parser = only_true("--legacy adds the older form"))]
    pub new_bundle_format: Option<bool>,
    /// Whether the instance says which services are used
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub use_signing_config: Option<bool>,
}

/// Reads the one value that holds here; another one is told what to do instead.
fn only_true(
    instead: &'static str,
) -> impl Fn(&str) -> Result<bool, String> + Clone + Send + Sync + 'static {
    move |text| match text {
        "true" => Ok(true),
        _ => Err(format!("only `true` holds here; {instead}")),
    }
}
