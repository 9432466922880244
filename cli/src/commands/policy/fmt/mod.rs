//! `bulla policy fmt`: the files of a policy in one layout, with their comments.

mod comments;
mod layout;
mod order;
mod read;
mod report;
mod same;
#[cfg(test)]
mod tests;
mod text;
mod tree;

use std::path::{Path, PathBuf};

use bulla_model::predicate::SignedPolicy;
use bulla_model::{Bundle, Digest, Limits, Statement};
use bulla_verify::{Policy, PolicyFile, PolicyFiles};

use crate::args::policy::Fmt;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::file;
use crate::join::rules::read_policy;
use crate::output::write_atomic;
use crate::printer::Format;
use crate::settings::row;
use crate::{Exit, Failure};
use report::{FmtReport, Formatted};
use text::{Unfit, formatted};

/// Formats a policy, or what comes on standard input.
pub(super) fn run(arguments: &Fmt, context: &Context) -> Result<Exit, Failure> {
    if arguments.input.as_deref() == Some("-") {
        return stream(arguments, context);
    }
    let named = arguments.input.as_deref().or(arguments.policy.as_deref());
    let setting = context.settings.text(&row::POLICY, named)?;
    let setting = setting.ok_or_else(|| {
        Failure::usage("no policy given").with_hint("pass its folder, or set BULLA_POLICY")
    })?;
    let path = Path::new(&setting.value);
    let before = read_policy(path, &context.limits)?;
    let after = laid_out(&before, &context.limits)?;
    let changed: Vec<_> = changed(&before, &after).collect();
    let folder = folder(path);
    let signed = signed(&before, &changed, &context.limits);
    let digests = (
        parse(&before, &context.limits)?.digest(),
        parse(&after, &context.limits)?.digest(),
    );
    let mut report = FmtReport {
        policy: setting.value.clone(),
        files: Vec::new(),
        written: !arguments.check && !changed.is_empty(),
        digest: (digests.0 != digests.1).then_some(digests.0),
        signed,
        text: None,
    };
    for (old, new) in &changed {
        report
            .files
            .push(Formatted::of(&folder.join(&old.path), old, new));
    }
    if arguments.check {
        context.printer.report(&report)?;
        let differs = !report.files.is_empty();
        return Ok(if differs { Exit::Denied } else { Exit::Success });
    }
    if report.signed && !arguments.yes {
        return Err(Failure::usage(
            "the policy is signed, and no signature is about its files in another layout",
        )
        .with_hint("nothing was written; to write them all the same: --yes"));
    }
    put(&folder, &changed, context)?;
    context.printer.report(&report)?;
    Ok(Exit::Success)
}

/// Standard input to standard output.
fn stream(arguments: &Fmt, context: &Context) -> Result<Exit, Failure> {
    let limit = context.limits.configuration_bytes;
    let bytes = file::read(Path::new("-"), limit)?;
    let old = PolicyFile {
        path: "standard input".to_owned(),
        bytes,
    };
    let new = PolicyFile {
        path: old.path.clone(),
        bytes: of_file(&old)?,
    };
    // Without the other files it cannot be read as a policy, and is as YAML.
    let text = String::from_utf8_lossy(&old.bytes);
    if let Err(error) = bulla_verify::policy::from_yaml::<serde_json::Value>(&text) {
        let error = error.without_snippet();
        let line = error.location().map_or(0, |location| location.line());
        let told = error.to_string();
        let told = told.lines().next().unwrap_or_default();
        let wrong = format!("{}:{line}: {told}", old.path);
        return Err(Failure::new(FailureKind::Configuration, wrong));
    }
    let differs = old.bytes != new.bytes;
    let as_json = context.printer.format() == Format::Json;
    if arguments.check || as_json {
        let text = String::from_utf8_lossy(&new.bytes).into_owned();
        let report = FmtReport {
            policy: "-".to_owned(),
            files: differs
                .then(|| Formatted::of(Path::new("-"), &old, &new))
                .into_iter()
                .collect(),
            written: false,
            digest: None,
            signed: false,
            text: (!arguments.check).then_some(text),
        };
        context.printer.report(&report)?;
    } else {
        context.printer.data(&new.bytes)?;
    }
    let refused = arguments.check && differs;
    Ok(if refused { Exit::Denied } else { Exit::Success })
}

/// Every file of the current version; those of earlier ones are what their digests are over.
fn laid_out(before: &PolicyFiles, limits: &Limits) -> Result<PolicyFiles, Failure> {
    let old = parse(before, limits)?;
    let mut after = before.clone();
    let files = std::iter::once(&mut after.base)
        .chain(&mut after.services)
        .chain(&mut after.people);
    for file in files {
        file.bytes = of_file(file)?;
    }
    let new = parse(&after, limits)?;
    // That it is another text of the same version is all that may have changed.
    let mut changes = old.changes_to(&new).into_iter();
    let is_own = |rule: &str, subject: &str| rule == "history" && subject == "policy";
    if let Some(change) = changes.find(|change| !is_own(&change.rule, &change.subject)) {
        let (subject, text) = (change.subject, change.text);
        let wrong = format!("the layout would change the policy: {subject}: {text}");
        return Err(Failure::new(FailureKind::Internal, wrong));
    }
    Ok(after)
}

fn parse(files: &PolicyFiles, limits: &Limits) -> Result<Policy, Failure> {
    Policy::parse(files, limits).map_err(|error| Failure::new(FailureKind::Configuration, error))
}

fn of_file(file: &PolicyFile) -> Result<Vec<u8>, Failure> {
    let unfit = |error: &Unfit| {
        Failure::new(FailureKind::Configuration, error.in_file(&file.path))
            .with_hint("nothing was written")
    };
    let text = std::str::from_utf8(&file.bytes).map_err(|_| unfit(&Unfit::nowhere("not UTF-8")))?;
    let text = formatted(text).map_err(|error| unfit(&error))?;
    Ok(text.into_bytes())
}

fn changed<'a>(
    before: &'a PolicyFiles,
    after: &'a PolicyFiles,
) -> impl Iterator<Item = (&'a PolicyFile, &'a PolicyFile)> {
    let all = |files: &'a PolicyFiles| {
        std::iter::once(&files.base)
            .chain(&files.services)
            .chain(&files.people)
    };
    all(before)
        .zip(all(after))
        .filter(|(old, new)| old.bytes != new.bytes)
}

/// Whether some signature beside the policy is about a file as it is now.
fn signed(files: &PolicyFiles, changed: &[(&PolicyFile, &PolicyFile)], limits: &Limits) -> bool {
    let current: Vec<_> = changed
        .iter()
        .map(|(old, _)| Digest::sha256(&old.bytes))
        .collect();
    let said = |file: &PolicyFile| -> Option<SignedPolicy> {
        let bundle = Bundle::parse(file.bytes.clone(), limits).ok()?;
        Statement::parse(bundle.envelope()?.payload(), limits)
            .ok()?
            .predicate()
            .ok()
    };
    let mut said = files.signatures.iter().filter_map(said);
    said.any(|said| said.files.iter().any(|file| current.contains(&file.sha256)))
}

/// Writes what changed, each file whole.
fn put(
    folder: &Path,
    changed: &[(&PolicyFile, &PolicyFile)],
    context: &Context,
) -> Result<(), Failure> {
    let limit = context.limits.configuration_bytes;
    let mut places = Vec::new();
    for (old, new) in changed {
        let place = folder.join(&old.path);
        let failed = |error: &_| Failure::file("read", &place, error);
        // A link stays one.
        let real = place.canonicalize().map_err(|error| failed(&error))?;
        if file::read(&real, limit)? != old.bytes {
            let wrong = format!("{} was changed by somebody else meanwhile", place.display());
            return Err(Failure::new(FailureKind::Input, wrong).with_hint("nothing was written"));
        }
        places.push((real, &new.bytes));
    }
    places
        .iter()
        .try_for_each(|(place, bytes)| write_atomic(place, bytes))
}

/// The folder of a policy.
fn folder(path: &Path) -> PathBuf {
    if path.is_dir() {
        return path.to_owned();
    }
    path.parent().unwrap_or(Path::new("")).to_owned()
}
