//! `bulla anchor rotate`: the local anchor is replaced, by the word of its owners and the new one's.

use std::path::PathBuf;

use bulla_model::Digest;
use bulla_verify::policy::Change;
use serde::Serialize;

use super::steps::{Refusal, refused};
use super::{Read, put_changes};
use crate::args::anchor::Rotate;
use crate::commands::Context;
use crate::join::{consent, memory};
use crate::lock::Lock;
use crate::output::write_atomic;
use crate::render::{Cell, Page, Report};
use crate::{Exit, Failure};

/// Checks every step, asks, replaces the file, and remembers it.
pub(super) fn run(arguments: &Rotate, context: &Context) -> Result<Exit, Failure> {
    let named = Read::local(arguments.anchor.as_deref(), context)?;
    // Of a link the file it leads to is the one in place.
    let target = match named.path.symlink_metadata() {
        Ok(link) if link.is_symlink() => std::fs::canonicalize(&named.path)
            .map_err(|error| Failure::file("follow", &named.path, &error))?,
        _ => named.path.clone(),
    };
    // Nobody else replaces it between the look at it and the end.
    let _lock = Lock::of(&target)?;
    let old = Read::from(&target, context)?;
    let steps = arguments.new.iter().map(|path| Read::from(path, context));
    let steps = steps.collect::<Result<Vec<_>, _>>()?;
    let last = steps
        .last()
        .ok_or_else(|| Failure::usage("no new anchor given"))?;
    let state = arguments.state.as_deref();
    let seen = state.map(|path| memory::read_state(path, &context.limits));
    let seen = seen.transpose()?.unwrap_or_default();
    if let Some(refusal) = refused(&old, &steps, &seen, context)? {
        return refusal.report(&old, last, context);
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
        && let Some(refusal) = refused(&old, &steps, held.state(), context)?
    {
        return refusal.report(&old, last, context);
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
        hint: None,
    };
    context.printer.report(&report)?;
    if state.is_none() {
        context.printer.warn(
            "nothing remembers this: an older anchor can be put back unnoticed; name a --state",
        );
    }
    Ok(Exit::Success)
}

impl Refusal {
    fn report(self, old: &Read, last: &Read, context: &Context) -> Result<Exit, Failure> {
        let report = RotateReport {
            rotated: false,
            was_there: false,
            file: old.path.clone(),
            from: old.anchor.version(),
            version: last.anchor.version(),
            digest: last.anchor.digest().clone(),
            changes: Vec::new(),
            reason: Some(self.why),
            hint: self.hint,
        };
        context.printer.report(&report)?;
        Ok(Exit::of_cause(self.cause))
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
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Report for RotateReport {
    fn human(&self, page: &mut Page) {
        let file = self.file.display();
        if let Some(reason) = &self.reason {
            page.labelled(&Cell::bad("refused"), reason);
            page.indented(1, format!("{file} stays as it is"));
            if let Some(hint) = &self.hint {
                page.labelled(&Cell::strong("hint:"), hint);
            }
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
