//! `bulla policy add-service`: the file of a new service, written if the policy holds with it.

use std::path::{Path, PathBuf};

use bulla_model::{Digest, Service, Tier};
use bulla_verify::{Policy, PolicyFile};
use jiff::Timestamp;
use serde::Serialize;

use crate::args::policy::AddService;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::rules::read_policy;
use crate::output::write_new;
use crate::render::{Cell, Page, Report};
use crate::settings::row;
use crate::{Exit, Failure};

/// Checks the policy with the new file in it, writes the file, and reads the policy once more.
pub(super) fn run(arguments: AddService, context: &Context) -> Result<Exit, Failure> {
    let (limits, now) = (&context.limits, Timestamp::now());
    let setting = context
        .settings
        .text(&row::POLICY, arguments.policy.as_deref())?;
    let setting = setting.ok_or_else(|| {
        Failure::usage("no policy given").with_hint("pass --policy DIR, or set BULLA_POLICY")
    })?;
    let path = Path::new(&setting.value);
    let parse = |files| {
        Policy::parse(&files, limits)
            .map_err(|error| Failure::new(FailureKind::Configuration, error))
    };
    let files = read_policy(path, limits)?;
    let before = parse(files.clone())?;
    let known = before.services().find(|(name, _)| **name == arguments.name);
    if let Some((name, rule)) = known {
        return Err(Failure::usage(format_args!(
            "the policy has a service `{name}` already ({})",
            rule.place
        )));
    }
    let inside = format!("services/{}.yaml", arguments.name);
    let text = written(&arguments, &tier(&arguments, &before)?);
    let mut with = files;
    with.services.push(PolicyFile {
        path: inside.clone(),
        bytes: text.clone().into_bytes(),
    });
    let after = parse(with)?;
    let place = folder(path).join(&inside);
    put(&place, &text)?;
    // What is on the disk is what counts, and somebody else may be writing too.
    let read = read_policy(path, limits).and_then(parse);
    let is_there = |policy: &Policy| policy.digest() == after.digest();
    if let Some(failure) = read.as_ref().err() {
        undo(&place)?;
        return Err(failure.clone().with_hint("nothing was written"));
    }
    if !read.as_ref().is_ok_and(is_there) {
        context
            .printer
            .warn("the policy was changed by somebody else meanwhile");
    }
    let told = before.doubts(now);
    let doubts = after.doubts(now).into_iter();
    let report = AddReport {
        service: arguments.name,
        file: place.display().to_string(),
        policy: setting.value.clone(),
        version: before.version(),
        digest: before.digest(),
        warnings: doubts
            .filter(|doubt| !told.contains(doubt))
            .map(|doubt| format!("{}: {}", doubt.place, doubt.text))
            .collect(),
        next: format!("bulla policy check --policy {}", typed(&setting.value)),
    };
    context.printer.report(&report)?;
    Ok(Exit::Success)
}

/// The service's tier: as given, or the only one there is.
fn tier(arguments: &AddService, policy: &Policy) -> Result<Tier, Failure> {
    let known: Vec<_> = policy.tiers().map(|(name, _)| name).collect();
    match (&arguments.tier, known.as_slice()) {
        (Some(tier), _) => Ok(tier.clone()),
        (None, [only]) => Ok((*only).clone()),
        (None, _) => {
            let names: Vec<_> = known.iter().map(ToString::to_string).collect();
            Err(
                Failure::usage("the policy has several tiers").with_hint(format_args!(
                    "say which: --tier, one of {}",
                    names.join(", ")
                )),
            )
        }
    }
}

/// The file. Everything given is quoted, so that none of it is anything but text.
fn written(arguments: &AddService, tier: &Tier) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let mut lines = vec![
        format!("service: {}", quoted(arguments.name.as_str())),
        format!("tier: {}", quoted(tier.as_str())),
    ];
    let owners: Vec<_> = arguments.owners.iter().map(ToString::to_string).collect();
    for (field, texts) in [
        ("sources", &arguments.sources),
        ("images", &arguments.images),
        ("owners", &owners),
    ] {
        if !texts.is_empty() {
            lines.push(format!("{field}:"));
            lines.extend(texts.iter().map(|text| format!("  - {}", quoted(text))));
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

/// A path as it is typed in a shell.
fn typed(path: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+,@%".contains(c);
    if !path.is_empty() && path.chars().all(is_plain) {
        path.to_owned()
    } else {
        format!("'{}'", path.replace('\'', "'\\''"))
    }
}

/// The folder of a policy.
fn folder(path: &Path) -> PathBuf {
    if path.is_dir() {
        return path.to_owned();
    }
    path.parent().unwrap_or(Path::new("")).to_owned()
}

fn put(place: &Path, text: &str) -> Result<(), Failure> {
    let services = place.parent().unwrap_or(Path::new(""));
    std::fs::create_dir_all(services)
        .map_err(|error| Failure::file("make the folder", services, &error))?;
    write_new(place, text.as_bytes(), false)
}

fn undo(place: &Path) -> Result<(), Failure> {
    std::fs::remove_file(place).map_err(|error| Failure::file("remove", place, &error))
}

#[derive(Serialize)]
struct AddReport {
    service: Service,
    file: String,
    policy: String,
    /// The version and digest that the policy had before.
    version: u64,
    digest: Digest,
    warnings: Vec<String>,
    next: String,
}

impl Report for AddReport {
    fn human(&self, page: &mut Page) {
        page.labelled(&Cell::good("written"), &self.file);
        for warning in &self.warnings {
            page.labelled(&Cell::attention("warning:"), warning);
        }
        page.labelled(&Cell::strong("next:"), &self.next);
        page.labelled(
            &Cell::strong("hint:"),
            &format!(
                "where it is in use, raise `version` and list what was before under `history`: {{version: {}, digest: \"{}\"}}",
                self.version, self.digest
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::typed;

    #[test]
    fn a_path_works_as_typed() {
        assert_eq!(typed("../release/policy"), "../release/policy");
        assert_eq!(typed("our policy"), "'our policy'");
        assert_eq!(typed("bob's $HOME"), "'bob'\\''s $HOME'");
    }
}
