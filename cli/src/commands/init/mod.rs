//! `bulla init`: an anchor, a policy and a pipeline to start from.
//!
//! What the caller says is written; what is only read somewhere ([`observe`]) becomes a comment
//! that somebody has to confirm. The files are checked as a policy before the first is written.

mod facts;
mod files;
mod observe;
mod report;
mod write;

use bulla_model::Limits;
use bulla_verify::{Anchor, Policy, PolicyFile, PolicyFiles};

use self::facts::Facts;
pub(super) use self::files::{NewFile, word};
use self::observe::Observation;
use self::report::InitReport;
pub(super) use self::write::new_files;
use crate::args::init::Arguments;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::{Exit, Failure};

/// Writes all files, or none.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    write(arguments, |_| true, context).await
}

/// Writes the policy alone.
pub async fn policy(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    write(arguments, |path| path.starts_with("policy/"), context).await
}

async fn write(
    arguments: Arguments,
    is_wanted: fn(&str) -> bool,
    context: &Context,
) -> Result<Exit, Failure> {
    let observation = match &arguments.about.from {
        Some(target) => observe::image(context, target).await?,
        None => Observation::default(),
    };
    let facts = Facts::gather(&arguments, &observation, &context.limits)?;
    let mut files = files::all(&facts, &observation, arguments.ci);
    check(&files, &context.limits)?;
    files.retain(|file| is_wanted(&file.path));
    new_files(&arguments.directory, &files)?;
    let report = InitReport::new(&arguments, &facts, observation, &files);
    context.printer.report(&report)?;
    Ok(Exit::Success)
}

/// What is written has to be what the other commands read.
fn check(files: &[NewFile], limits: &Limits) -> Result<(), Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::new(FailureKind::Internal, error);
    let file = |path: &str| {
        let inside = path.strip_prefix("policy/").unwrap_or(path);
        files
            .iter()
            .find(|file| file.path == path)
            .map(|file| PolicyFile {
                path: inside.to_owned(),
                bytes: file.text.clone().into_bytes(),
            })
    };
    let services = files
        .iter()
        .filter(|file| file.path.starts_with("policy/services/"))
        .filter_map(|service| file(&service.path));
    let policy = PolicyFiles {
        base: file("policy/release.yaml").unwrap_or_default(),
        services: services.collect(),
        people: file("policy/people.yaml"),
        ..PolicyFiles::default()
    };
    Policy::parse(&policy, limits).map_err(|error| wrong(&error))?;
    let anchor = file("anchor.yaml").unwrap_or_default();
    Anchor::parse(&anchor.path, &anchor.bytes, limits).map_err(|error| wrong(&error))?;
    Ok(())
}
