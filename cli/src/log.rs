//! Tracing to standard error: `-v` explains, `-vv` shows requests.
//!
//! Only Bulla's own crates are heard: what other crates trace may hold tokens.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts tracing at a verbosity of 0, 1 or more.
pub(crate) fn start(verbosity: u8, colors: bool) {
    let level = match verbosity {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let crates = ["bulla_cli", "bulla_registry", "bulla_sbom", "bulla_attest"];
    let directives: Vec<String> = crates
        .iter()
        .map(|name| format!("{name}={level}"))
        .collect();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(directives.join(",")))
        .with_writer(std::io::stderr)
        .with_ansi(colors)
        .without_time()
        .with_target(false)
        .finish();
    // A second start in one process, as in tests, keeps the first.
    drop(subscriber.try_init());
}
