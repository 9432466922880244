//! The protocols by which public suites drive Bulla; the binary `bulla-conformance` and nothing else.
//!
//! | argument | suite |
//! |---|---|
//! | `sigstore` | sigstore-conformance, `docs/cli_protocol.md` |
//! | `tuf` | tuf-conformance, `CLIENT-CLI.md` |
//! | `jsonl` | small vectors, one JSON request a line |
//!
//! Every protocol calls what `bulla` itself calls, so that a suite judges the product.

mod jsonl;
mod sigstore;
mod tuf;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::args::GlobalArguments;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::printer::{Format, Printer};
use crate::settings::{Environment, Settings};
use crate::{Exit, Failure};

/// Drives Bulla for public conformance suites
#[derive(Debug, Parser)]
#[command(name = "bulla-conformance", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    suite: Suite,
}

#[derive(Debug, Subcommand)]
enum Suite {
    /// sigstore-conformance
    #[command(subcommand)]
    Sigstore(sigstore::Action),
    /// tuf-conformance
    Tuf(tuf::Arguments),
    /// One JSON request a line on standard input, one JSON answer a line on standard output
    Jsonl,
}

/// Runs one request of a suite. Anything but 0 is a refusal; a panic ends as one too, but with the
/// code of an internal error, because no suite may take a crash for a verdict.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let parsed = match Arguments::try_parse_from(arguments) {
        Ok(parsed) => parsed,
        Err(error) => {
            drop(error.print());
            return if error.use_stderr() {
                Exit::Usage.into()
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    // This suite tells success from failure only by 0 and 1.
    let refusal = matches!(parsed.suite, Suite::Tuf(_)).then_some(Exit::Denied);
    let outcome = std::panic::catch_unwind(move || perform(parsed.suite));
    match outcome {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(failure)) => {
            Printer::early(Format::Human).failure(&failure);
            refusal.unwrap_or(failure.kind().exit()).into()
        }
        Err(_) => Exit::Internal.into(),
    }
}

fn perform(suite: Suite) -> Result<(), Failure> {
    match suite {
        Suite::Sigstore(action) => {
            let context = context()?;
            blocking(sigstore::run(action, &context))
        }
        Suite::Tuf(arguments) => blocking(tuf::run(arguments, context()?)),
        Suite::Jsonl => jsonl::run(std::io::stdin().lock(), std::io::stdout().lock()),
    }
}

/// A context that no settings file of the machine has a say in.
fn context() -> Result<Context, Failure> {
    let environment = Environment::of_process()?;
    let limits = bulla_model::Limits::default();
    let settings = Settings::load(None, environment, &limits)?.without_files();
    Context::with_settings(GlobalArguments::default(), settings)
}

fn blocking(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(FailureKind::Internal, error))?
        .block_on(work)
}
