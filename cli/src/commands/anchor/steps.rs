//! The steps from the anchor in place to the one that is to be: what each of them rests on.

use bulla_verify::anchor::RotationError;
use bulla_verify::{Cause, Memory, State};

use super::Read;
use crate::Failure;
use crate::commands::Context;
use crate::failure::FailureKind;

/// Why the anchor stays as it is.
pub(super) struct Refusal {
    pub(super) cause: Cause,
    pub(super) why: String,
    pub(super) hint: Option<String>,
}

impl Refusal {
    fn new(cause: Cause, why: String) -> Self {
        Self {
            cause,
            why,
            hint: None,
        }
    }
}

/// Why the last of these may not take the old one's place. A run that was interrupted is gone on
/// with from the step that is in place already.
pub(super) fn refused(
    old: &Read,
    steps: &[Read],
    seen: &State,
    context: &Context,
) -> Result<Option<Refusal>, Failure> {
    let is_old = |step: &Read| step.anchor.digest() == old.anchor.digest();
    // Where the one in place is one of them, they are a way through it, and else the way from it.
    let first = (!steps.iter().any(is_old)).then_some(old);
    let path: Vec<&Read> = first.into_iter().chain(steps).collect();
    for pair in path.windows(2) {
        let [before, step] = pair else { continue };
        if let Some(refusal) = follows(before, step, context)? {
            return Ok(Some(refusal));
        }
    }
    if let [only] = path.as_slice()
        && let Some(refusal) = agreed(only, context)?
    {
        return Ok(Some(refusal));
    }
    Ok(remembered(old, steps, seen))
}

fn remembered(old: &Read, steps: &[Read], seen: &State) -> Option<Refusal> {
    let fork = std::iter::once(old).chain(steps).find_map(|step| {
        match seen.compare_anchor(&step.anchor) {
            Memory::Different { seen } => Some((step.anchor.version(), seen)),
            _ => None,
        }
    });
    if let Some((version, seen)) = fork {
        let why = format!("another anchor of version {version} was put in place before: {seen}");
        return Some(Refusal::new(Cause::Denied, why));
    }
    let last = &steps.last().unwrap_or(old).anchor;
    if let Memory::Older { seen } = seen.compare_anchor(last) {
        let found = last.version();
        let why = format!("version {seen} was put in place before, and this is version {found}");
        return Some(Refusal::new(Cause::Expired, why));
    }
    None
}

fn follows(before: &Read, step: &Read, context: &Context) -> Result<Option<Refusal>, Failure> {
    // What it says of itself is told first: that nobody signed a wrong file is no news.
    if let Err(error) = before.anchor.precedes(&step.anchor) {
        return explained(&error, step).map(Some);
    }
    let Some(signatures) = step.signatures(context)? else {
        return Ok(Some(unsigned(step, Some(before))));
    };
    let (anchor, limits) = (&before.anchor, &context.limits);
    match anchor.rotate(&step.anchor, &step.bytes, &signatures, limits) {
        Ok(_) => Ok(None),
        Err(error) => explained(&error, step).map(Some),
    }
}

/// An interrupted run left it in place: what it came from is gone, and its own owners speak for it.
fn agreed(there: &Read, context: &Context) -> Result<Option<Refusal>, Failure> {
    let Some(signatures) = there.signatures(context)? else {
        return Ok(Some(unsigned(there, None)));
    };
    let (anchor, limits) = (&there.anchor, &context.limits);
    match anchor.is_agreed(&there.bytes, &signatures, limits) {
        Ok(_) => Ok(None),
        Err(error) => explained(&error, there).map(Some),
    }
}

fn unsigned(step: &Read, before: Option<&Read>) -> Refusal {
    let path = step.signatures_path();
    let why = format!("nobody signed it: there is no {}", path.display());
    let hint = before.map(|before| {
        let (new, old) = (step.path.display(), before.path.display());
        format!("bulla anchor sign {new} --anchor {old} --key OWNER.key")
    });
    Refusal {
        hint,
        ..Refusal::new(Cause::Nothing, why)
    }
}

/// A refusal, or a failure where the signatures cannot be read.
fn explained(error: &RotationError, step: &Read) -> Result<Refusal, Failure> {
    let path = step.path.display();
    match error.cause() {
        Some(cause) => Ok(Refusal::new(cause, format!("{path}: {error}"))),
        None => Err(Failure::new(
            FailureKind::Input,
            format_args!("{}: {error}", step.signatures_path().display()),
        )),
    }
}
