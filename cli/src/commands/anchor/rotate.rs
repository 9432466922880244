//! `bulla anchor rotate`: the local anchor is replaced, by the word of its owners and the new one's.

use std::path::PathBuf;

use bulla_model::{Digest, Limits};
use bulla_verify::anchor::RotationError;
use bulla_verify::policy::Change;
use bulla_verify::{Cause, Memory, State};
use serde::Serialize;

use super::{Read, put_changes};
use crate::args::anchor::Rotate;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::{consent, memory};
use crate::lock::Lock;
use crate::output::write_atomic;
use crate::render::{Cell, Page, Report};
use crate::{Exit, Failure};

/// Checks every step, asks, replaces the file, and remembers it.
pub(super) fn run(arguments: &Rotate, context: &Context) -> Result<Exit, Failure> {
    let named = Read::local(arguments.anchor.as_deref(), context)?;
    // Nobody else replaces it between the look at it and the end.
    let _lock = Lock::of(&named.path)?;
    let old = Read::from(&named.path, context)?;
    let steps = arguments.new.iter().map(|path| Read::from(path, context));
    let steps = steps.collect::<Result<Vec<_>, _>>()?;
    let last = steps
        .last()
        .ok_or_else(|| Failure::usage("no new anchor given"))?;
    let state = arguments.state.as_deref();
    let seen = state.map(|path| memory::read_state(path, &context.limits));
    let seen = seen.transpose()?.unwrap_or_default();
    if let Some((cause, why)) = refused(&old, &steps, &seen, context)? {
        let report = RotateReport::refused(&old, last, why);
        context.printer.report(&report)?;
        return Ok(Exit::of_cause(cause));
    }
    let is_there = old.anchor.digest() == last.anchor.digest();
    let changes = old.anchor.changes_to(&last.anchor);
    if !is_there {
        confirm(arguments, context, (&old, last), &changes)?;
    }
    // Another run may have put another one in place while somebody was asked.
    let held = state.map(|path| memory::Held::open(path, &context.limits));
    let held = held.transpose()?;
    if let Some(held) = &held
        && let Some((cause, why)) = refused(&old, &steps, held.state(), context)?
    {
        let report = RotateReport::refused(&old, last, why);
        context.printer.report(&report)?;
        return Ok(Exit::of_cause(cause));
    }
    if !is_there {
        write_atomic(&old.path, &last.bytes)?;
    }
    // Last: a state that is ahead of the file would refuse everything until somebody runs this again.
    if let Some(held) = held {
        held.remember(&last.anchor)?;
    }
    let report = RotateReport {
        rotated: true,
        was_there: is_there,
        file: old.path.clone(),
        from: old.anchor.version(),
        version: last.anchor.version(),
        digest: last.anchor.digest().clone(),
        changes,
        reason: None,
    };
    context.printer.report(&report)?;
    Ok(Exit::Success)
}

/// Why the last of these may not take the old one's place. A run that was interrupted is gone on
/// with from the step that is in place already.
fn refused(
    old: &Read,
    steps: &[Read],
    seen: &State,
    context: &Context,
) -> Result<Option<(Cause, String)>, Failure> {
    let limits = &context.limits;
    let place = steps
        .iter()
        .rposition(|step| step.anchor.digest() == old.anchor.digest());
    let rest = steps
        .get(place.map_or(0, |place| place + 1)..)
        .unwrap_or_default();
    let mut before = old;
    for step in rest {
        if let Err(error) = follows(before, step, context, limits)? {
            return explained(&error, step).map(Some);
        }
        before = step;
    }
    if rest.is_empty() {
        let signatures = last_signatures(steps, context)?;
        if let Err(error) = before.anchor.is_agreed(&before.bytes, &signatures, limits) {
            return explained(&error, before).map(Some);
        }
    }
    let fork = std::iter::once(old).chain(steps).find_map(|step| {
        match seen.compare_anchor(&step.anchor) {
            Memory::Different { seen } => Some((step.anchor.version(), seen)),
            _ => None,
        }
    });
    if let Some((version, seen)) = fork {
        let why = format!("another anchor of version {version} was put in place before: {seen}");
        return Ok(Some((Cause::Denied, why)));
    }
    if let Memory::Older { seen } = seen.compare_anchor(&before.anchor) {
        let found = before.anchor.version();
        let why = format!("version {seen} was put in place before, and this is version {found}");
        return Ok(Some((Cause::Expired, why)));
    }
    Ok(None)
}

fn follows(
    before: &Read,
    step: &Read,
    context: &Context,
    limits: &Limits,
) -> Result<Result<(), RotationError>, Failure> {
    // What it says of itself is told first: that nobody signed a wrong file is no news.
    if let Err(error) = before.anchor.precedes(&step.anchor) {
        return Ok(Err(error));
    }
    let Some(signatures) = step.signatures(context)? else {
        return Err(unsigned(step));
    };
    let rotated = before
        .anchor
        .rotate(&step.anchor, &step.bytes, &signatures, limits);
    Ok(rotated.map(drop))
}

fn last_signatures(steps: &[Read], context: &Context) -> Result<Vec<u8>, Failure> {
    let Some(last) = steps.last() else {
        return Ok(Vec::new());
    };
    last.signatures(context)?.ok_or_else(|| unsigned(last))
}

fn unsigned(step: &Read) -> Failure {
    let path = step.signatures_path();
    Failure::new(
        FailureKind::NotFound,
        format_args!("nobody signed it: there is no {}", path.display()),
    )
    .with_hint(format_args!("bulla anchor sign {}", step.path.display()))
}

/// A refusal, or a failure where the signatures cannot be read.
fn explained(error: &RotationError, step: &Read) -> Result<(Cause, String), Failure> {
    let path = step.path.display();
    match error.cause() {
        Some(cause) => Ok((cause, format!("{path}: {error}"))),
        None => Err(Failure::new(
            FailureKind::Input,
            format_args!("{}: {error}", step.signatures_path().display()),
        )),
    }
}

fn confirm(
    arguments: &Rotate,
    context: &Context,
    (old, new): (&Read, &Read),
    changes: &[Change],
) -> Result<(), Failure> {
    let mut page = Page::default();
    put_changes(&mut page, (&old.anchor, &new.anchor), changes);
    if arguments.yes {
        context.printer.note(page);
        return Ok(());
    }
    context.printer.announce(page);
    if !context.environment().terminals().input {
        return Err(
            Failure::usage("nobody is there to ask, so the anchor stays as it is")
                .with_hint("say yes in advance: --yes"),
        );
    }
    consent::ask("put it in the old one's place? [y/N] ")
        .map_err(|failure| Failure::new(failure.kind(), "the anchor stays as it is"))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RotateReport {
    rotated: bool,
    /// Whether an earlier run had put it in place.
    was_there: bool,
    file: PathBuf,
    from: u64,
    version: u64,
    digest: Digest,
    changes: Vec<Change>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl RotateReport {
    fn refused(old: &Read, new: &Read, reason: String) -> Self {
        Self {
            rotated: false,
            was_there: false,
            file: old.path.clone(),
            from: old.anchor.version(),
            version: new.anchor.version(),
            digest: new.anchor.digest().clone(),
            changes: Vec::new(),
            reason: Some(reason),
        }
    }
}

impl Report for RotateReport {
    fn human(&self, page: &mut Page) {
        let file = self.file.display();
        if let Some(reason) = &self.reason {
            page.labelled(&Cell::bad("refused"), reason);
            page.indented(1, format!("{file} stays as it is"));
            return;
        }
        let label = if self.was_there {
            "in place"
        } else {
            "rotated"
        };
        let (from, version, digest) = (self.from, self.version, &self.digest);
        page.labelled(
            &Cell::good(label),
            &format!("{file}: version {from} -> {version}, {digest}"),
        );
    }
}
