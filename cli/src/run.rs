//! From the command line to an exit code.

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};

use clap::FromArgMatches as _;
use clap::error::ErrorKind;

use crate::args::Arguments;
use crate::commands::Context;
use crate::commands::verify::not_judged;
use crate::escape::escape;
use crate::failure::FailureKind;
use crate::printer::{Format, Printer, unfit};
use crate::settings::Environment;
use crate::{Exit, Failure, cosign_words, verbs};

/// Runs one command. A panic is an internal error, never a success.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    std::panic::set_hook(Box::new(tell_panic));
    guarded(|| {
        let arguments: Vec<OsString> = arguments.into_iter().collect();
        parse_and_run(&arguments)
    })
}

fn guarded(work: impl FnOnce() -> Exit) -> Exit {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Exit::Internal)
}

fn parse_and_run(arguments: &[OsString]) -> Exit {
    let command = verbs::everyday_command();
    let words = cosign_words::replaced(arguments, &command);
    let parsed = command
        .try_get_matches_from(words)
        .and_then(|matches| Arguments::from_arg_matches(&matches));
    let parsed = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return tell_refusal(arguments, &error),
    };
    let early = parsed.global.output.unwrap_or_default();
    let context =
        Environment::of_process().and_then(|environment| Context::new(parsed.global, environment));
    let context = match context {
        Ok(context) => context,
        Err(failure) if matches!(parsed.verb, Some(verbs::Verb::Verify(_))) => {
            return tell_of_answers(&Printer::early(early), &failure);
        }
        Err(failure) => return tell(&Printer::early(early), &failure),
    };
    let verb = parsed.verb.unwrap_or_else(verbs::overview);
    // Before anything is done that could not be told.
    let format = context.printer.format();
    if format.form().is_some() && !matches!(verb, verbs::Verb::Verify(_)) {
        return tell(&context.printer, &unfit(format));
    }
    match perform(verb, &context) {
        Ok(exit) => exit,
        // Only answers have a form, as said above.
        Err(failure) => tell_of_answers(&context.printer, &failure),
    }
}

/// Runs the command until it ends or is interrupted. Dropping it removes its temporary files.
fn perform(verb: verbs::Verb, context: &Context) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(FailureKind::Internal, error))?;
    let outcome = runtime.block_on(async {
        // A command that was started gets the signal itself and is waited for; a server first
        // answers what it was asked.
        if let verbs::Verb::Run(_) | verbs::Verb::Serve(_) = verb {
            return Box::pin(verb.run(context)).await;
        }
        tokio::select! {
            outcome = verb.run(context) => outcome,
            Ok(()) = tokio::signal::ctrl_c() => {
                Err(Failure::new(FailureKind::Interrupted, "interrupted"))
            }
        }
    });
    // A blocked reader must not keep the process from ending.
    runtime.shutdown_background();
    outcome
}

fn tell(printer: &Printer, failure: &Failure) -> Exit {
    printer.failure(failure);
    failure.kind().exit()
}

/// Also as a document where one was asked for: one that is not there reads like one without findings.
fn tell_of_answers(printer: &Printer, failure: &Failure) -> Exit {
    let form = printer.format().form();
    if failure.kind() != FailureKind::BrokenPipe
        && let Some(text) = form.and_then(|form| not_judged(form, failure))
    {
        // The exit code says it too, so a closed standard output loses nothing.
        drop(printer.data(text.as_bytes()));
    }
    tell(printer, failure)
}

/// Help and version are answers; everything else clap says is a usage error.
fn tell_refusal(arguments: &[OsString], error: &clap::Error) -> Exit {
    // Nobody is left to be told that the stream is closed.
    let print = || drop(error.print());
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            print();
            Exit::Success
        }
        _ => {
            let hint = cosign_words::hint(error);
            let format = wanted(arguments);
            if hint.is_none() && format == Format::Human {
                print();
                return Exit::Usage;
            }
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            let mut failure = Failure::usage(line.strip_prefix("error: ").unwrap_or(line));
            if let Some(hint) = hint {
                failure = failure.with_hint(hint);
            }
            tell_of_answers(&Printer::early(format), &failure)
        }
    }
}

/// The format for what is told of a command line that was not understood: JSON, or a document if it
/// is about answers.
fn wanted(arguments: &[OsString]) -> Format {
    let mut last = None;
    for (at, argument) in arguments.iter().enumerate() {
        let argument = argument.to_str().unwrap_or_default();
        let next = || arguments.get(at + 1).and_then(|next| next.to_str());
        let value = match argument {
            "--output" => next(),
            _ => argument.strip_prefix("--output="),
        };
        last = value.or(last);
    }
    let is_verify = arguments.iter().any(|argument| argument == "verify");
    let format: Option<Format> = last.and_then(|text| text.parse().ok());
    let told = |format: &Format| *format == Format::Json || (is_verify && format.form().is_some());
    format.filter(told).unwrap_or_default()
}

fn tell_panic(panic: &PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("no message");
    let at = panic.location().map_or_else(String::new, |location| {
        format!(" ({}:{})", location.file(), location.line())
    });
    let text: String = message.chars().take(300).collect();
    Printer::early(Format::Human).failure(&Failure::new(
        FailureKind::Internal,
        format_args!(
            "internal error: {}{at}: please report it with the output of bulla --version",
            escape(&text)
        ),
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f12_a_panic_is_an_internal_error_and_never_a_success() {
        assert_eq!(guarded(|| Exit::Success), Exit::Success);
        let exit = guarded(|| panic!("an empty list of certificates"));
        assert_eq!(exit, Exit::Internal);
        assert_ne!(exit.code(), 0);
    }
}
