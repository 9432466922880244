//! `bulla promote`: the gate. Judges a step and, if it is allowed, seals that it was taken.
//!
//! Every part can be run again: a promotion that already holds is not signed twice, attaching the
//! same bytes is one referrer, and copying skips what is there. A promotion that some images of a
//! set have is attached to the others.

mod all;
mod gate;
mod report;
mod wait;

use bulla_model::EdgeKind;
use bulla_registry::Store as _;

use super::copy;
use crate::args::promote::Arguments;
use crate::commands::Context;
use crate::join::image;
use crate::join::set::{self, ReleaseSet};
use crate::target::Target;
use crate::{Exit, Failure};

/// Judges the step, and signs and attaches the promotion if it is allowed.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    if arguments.all {
        check(&arguments, "IMAGE")?;
        return Box::pin(all::run(&arguments, context)).await;
    }
    let names = set::names(&arguments.images, arguments.set.as_deref(), &context.limits)?;
    check(&arguments, &names.join(" "))?;
    let one = match &names[..] {
        [target] => Some(target.clone()),
        _ => None,
    };
    if one.is_none() && arguments.copy_to.is_some() {
        return Err(Failure::usage("--copy-to copies one image")
            .with_hint("copy each when all are promoted: bulla copy IMAGE TARGET"));
    }
    // What cannot be a place is said before anything is signed.
    let destination = arguments.copy_to.as_deref().map(Target::parse);
    let destination = destination.transpose()?;
    destination
        .as_ref()
        .map_or(Ok(()), image::check_destination)?;
    let set = ReleaseSet::open(context, &names).await?;
    let taken = Box::pin(wait::until_decided(&arguments, context, &set)).await?;
    let exit = taken.exit;
    let Some(target) = one else {
        let report = report::SetReport::new(taken, &arguments, set.names());
        context.printer.report(&report)?;
        return Ok(exit);
    };
    let mut report = report::PromoteReport::new(taken, &arguments, target)?;
    let destination = destination.filter(|_| exit == Exit::Success && !arguments.dry_run);
    if let (Some(to), [image]) = (destination, &set.members[..]) {
        copy::transfer(context, image, &to, true).await?;
        report.copied_to = Some(to.to_string());
        let place = image.evidence.name();
        report.attestations = (place != image.store.name()).then_some(place);
    }
    context.printer.report(&report)?;
    Ok(exit)
}

/// What a step of this kind has to say for itself, before anything is looked at.
fn check(arguments: &Arguments, names: &str) -> Result<(), Failure> {
    let kind = EdgeKind::from(arguments.kind);
    let outside = matches!(kind, EdgeKind::Hotfix | EdgeKind::BreakGlass);
    if kind == EdgeKind::Rollback {
        return Err(
            Failure::usage("going back has a command of its own").with_hint(format_args!(
                "bulla rollback {names} --env {}",
                arguments.to
            )),
        );
    }
    if outside && arguments.message.is_none() {
        return Err(
            Failure::usage(format_args!("a step of kind {kind} needs its reason"))
                .with_hint("say why: --reason TEXT"),
        );
    }
    if kind == EdgeKind::BreakGlass && arguments.incident.is_none() {
        return Err(
            Failure::usage("an emergency needs its incident").with_hint("name it: --incident ID")
        );
    }
    Ok(())
}
