//! Consent: what becomes public is said before it does.

use std::io::{BufRead as _, Write as _};

use bulla_attest::sigstore::{LogVersion, Services};
use url::Url;

use crate::Failure;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::render::Page;

/// Says what a log and a certificate authority will show of a signature, and makes sure that is
/// wanted. What stands in a log stays there.
pub fn to_publish(
    context: &Context,
    holder: &str,
    authority: Option<&Url>,
    services: &Services,
    yes: bool,
) -> Result<(), Failure> {
    let certified = authority.is_some();
    if services.logs.is_empty() && !certified {
        return Ok(());
    }
    let mut page = Page::default();
    page.indented(1, "This becomes public and cannot be taken back:");
    if let Some(authority) = authority {
        // By its name: a settings file may have chosen it, and it is shown the identity token.
        let host = authority.host_str().unwrap_or_default();
        page.indented(
            2,
            format!("the certificate authority {host} logs a certificate that names {holder}"),
        );
    }
    for log in &services.logs {
        let host = log.url.host_str().unwrap_or_default();
        let who = if certified {
            "that certificate"
        } else {
            holder
        };
        page.indented(
            2,
            format!("{host} shows {who}, the digest of what is signed, and when"),
        );
        if log.version == LogVersion::V1 {
            page.indented(
                2,
                format!("{host} is sent whole statements (attestations), and keeps their digests"),
            );
        }
    }
    if yes {
        context.printer.note(page);
        return Ok(());
    }
    context.printer.announce(page);
    somebody(context)?;
    ask("go on? [y/N] ")
}

/// Makes sure that somebody is there to ask.
pub fn somebody(context: &Context) -> Result<(), Failure> {
    let terminals = context.environment().terminals();
    if !context.environment().is_ci() && terminals.input && terminals.error {
        return Ok(());
    }
    Err(
        Failure::usage("nobody is there to ask, so nothing was signed")
            .with_hint("say yes in advance: --yes")
            .with_hint("or keep it private: --key FILE --no-log"),
    )
}

/// Makes sure that what was shown at the terminal can be answered there.
pub fn answerable(context: &Context) -> Result<(), Failure> {
    if context.environment().terminals().input {
        return Ok(());
    }
    Err(
        Failure::usage("nobody is there to ask, so nothing was signed")
            .with_hint("say yes in advance: --yes"),
    )
}

/// Asks at the terminal; anything but a yes ends the command.
pub fn ask(question: &str) -> Result<(), Failure> {
    // Talk goes to standard error; the answer comes from the person at the terminal.
    let mut stderr = std::io::stderr().lock();
    let asked = write!(stderr, "  {question}").and_then(|()| stderr.flush());
    let mut line = String::new();
    match asked.and_then(|()| std::io::stdin().lock().read_line(&mut line)) {
        Ok(_) if matches!(line.trim(), "y" | "Y" | "yes") => Ok(()),
        _ => Err(Failure::new(FailureKind::Interrupted, "nothing was signed")),
    }
}
