//! `bulla-conformance`: the protocols by which public suites drive Bulla. Never shipped.

use std::process::ExitCode;

fn main() -> ExitCode {
    bulla_cli::conformance::run(std::env::args_os())
}
