//! The `bulla` command: parse, run, end with the answer's exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    bulla_cli::run(std::env::args_os()).into()
}
