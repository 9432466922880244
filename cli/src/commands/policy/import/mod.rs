//! `bulla policy import`: policies of Kyverno and policy-controller, and cosign's public keys, as a
//! policy of Bulla's.
//!
//! Every field is taken or told. What cannot be said leaves less in than there, or a requirement that
//! nobody can meet until somebody decides; the few cases that let in more are told as such.
//!
//! | what | file |
//! |---|---|
//! | which document is what | [`documents`] |
//! | Kyverno's `verifyImages` / conditions in it | [`kyverno`] / [`conditions`] |
//! | Kyverno's `ImageValidatingPolicy` / its expressions | [`validating`] / [`expressions`] |
//! | policy-controller's `ClusterImagePolicy` | [`controller`] |
//! | signers, types of statements, patterns | [`attestors`], [`claims`], [`patterns`] |
//! | fields with their places / those that were not taken | [`node`] / [`gaps`] |
//! | what all of them ask / as a policy / as its files | [`rules`] / [`plan`] / [`yaml`] |
//! | those of whom several have to sign / names | [`persons`] / [`names`] |

mod attestors;
mod claims;
mod conditions;
mod controller;
mod documents;
mod expressions;
mod gaps;
mod kyverno;
mod names;
mod node;
mod patterns;
mod persons;
mod plan;
mod report;
mod rules;
#[cfg(test)]
mod tests;
mod validating;
mod yaml;

use std::path::Path;

use bulla_model::{Environment, Limits};
use bulla_verify::{Policy, PolicyError, PolicyFile, PolicyFiles};

use self::gaps::{Gap, Gaps};
use self::plan::Plan;
use self::report::ImportReport;
use self::rules::{Asked, together};
use self::yaml::Chosen;
use crate::args::policy::Import;
use crate::commands::Context;
use crate::commands::init::{NewFile, new_files};
use crate::failure::FailureKind;
use crate::join::file;
use crate::join::rules::{entries, is_yaml};
use crate::{Exit, Failure};

/// Files of one import. Stops a pattern of a whole disk.
const FILES: usize = 256;
/// Characters of all image patterns, which are compared each with each. Stops a day of comparing.
const IMAGE_CHARACTERS: usize = 32 << 10;

/// Translates, writes all files or none, and tells what could not be said.
pub(super) fn run(arguments: &Import, context: &Context) -> Result<Exit, Failure> {
    let environments = environments(arguments)?;
    let (asked, mut gaps) = read(arguments, &context.limits)?;
    let asked = together(asked);
    if asked.len() > 1 {
        gaps.extend(asked.iter().flat_map(|one| one.named.clone()));
    }
    let plan = Plan::of(asked);
    gaps.extend(plan.gaps.iter().cloned());
    report::tell(&gaps, &context.printer);
    if plan.services.is_empty() {
        let failure = Failure::new(FailureKind::Input, "no policy there says who signs images");
        return Err(failure.with_hint(
            "give it policies of Kyverno or policy-controller that verify images, or public keys",
        ));
    }
    let sources = sources(arguments, &plan)?;
    let chosen = Chosen {
        name: &arguments.name,
        environments: &environments,
        sources: &sources,
    };
    let files = yaml::files(&plan, &chosen);
    check(&files, &context.limits)?;
    is_free(&arguments.out)?;
    new_files(&arguments.out, &files)?;
    let shown = |path: &str| arguments.out.join(path).display().to_string();
    let last = environments.last().map_or("", |(name, _)| name);
    let report = ImportReport::new(
        files.iter().map(|file| shown(&file.path)).collect(),
        &plan,
        gaps,
        &sources,
        (&arguments.out.display().to_string(), last),
    );
    context.printer.report(&report)?;
    Ok(Exit::Success)
}

/// Short names and URIs.
fn environments(arguments: &Import) -> Result<Vec<(String, String)>, Failure> {
    let mut found: Vec<(String, String)> = Vec::new();
    for name in &arguments.env {
        let uri = format!("env://{}/{}/{name}", arguments.org, arguments.scope);
        let parsed: Result<Environment, _> = uri.parse();
        parsed.map_err(|error| {
            Failure::usage(format_args!("{error}"))
                .with_hint("name them with --org, --scope and --env, in small letters")
        })?;
        if found.iter().any(|(other, _)| other == name) {
            return Err(Failure::usage(format_args!("`{name}` is named twice")));
        }
        found.push((name.clone(), uri));
    }
    if found.is_empty() {
        return Err(Failure::usage("no environment is named").with_hint("for example --env prod"));
    }
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if arguments.name.is_empty() || arguments.name == "people" || !arguments.name.chars().all(plain)
    {
        return Err(Failure::usage(format_args!(
            "`{}` is no name for a policy: expected small letters, digits and dashes",
            arguments.name
        )));
    }
    Ok(found)
}

/// What all files ask, and what could not be said.
fn read(arguments: &Import, limits: &Limits) -> Result<(Vec<Asked>, Vec<Gap>), Failure> {
    if arguments.files.len() > FILES {
        return Err(Failure::usage(format_args!("more than {FILES} files")));
    }
    let (mut asked, mut found) = (Vec::new(), Vec::new());
    for path in &arguments.files {
        let shown = path.display().to_string();
        let bytes = file::read(path, limits.configuration_bytes)?;
        let mut gaps = Gaps::of(&shown);
        asked.extend(documents::file(&shown, &bytes, &mut gaps)?);
        found.extend(gaps.into_found());
    }
    let scopes = asked.iter().flat_map(|one| &one.scopes);
    let characters: usize = scopes.map(|scope| scope.to_string().len()).sum();
    if characters > IMAGE_CHARACTERS {
        let message = format_args!("image patterns of more than {IMAGE_CHARACTERS} characters");
        return Err(Failure::new(FailureKind::Input, message).with_hint("import them in parts"));
    }
    Ok((asked, found))
}

/// The sources of a service: `SERVICE=URL`, or a URL alone where there is one service.
fn sources<'a>(
    arguments: &'a Import,
    plan: &Plan,
) -> Result<impl Fn(&str) -> Vec<String> + use<'a>, Failure> {
    let mut named: Vec<(Option<&'a str>, &'a str)> = Vec::new();
    for text in &arguments.sources {
        let split = text.split_once('=');
        let split = split.filter(|(service, _)| !service.contains(['/', ':']));
        match split {
            Some((service, url)) => {
                if !plan.services.iter().any(|known| known.name == service) {
                    let known: Vec<_> = plan.services.iter().map(|one| one.name.as_str()).collect();
                    return Err(
                        Failure::usage(format_args!("no service `{service}` was read"))
                            .with_hint(format_args!("expected one of {}", known.join(", "))),
                    );
                }
                named.push((Some(service), url));
            }
            None if plan.services.len() == 1 => named.push((None, text)),
            None => {
                let known: Vec<_> = plan.services.iter().map(|one| one.name.as_str()).collect();
                return Err(
                    Failure::usage("the source could be that of several services").with_hint(
                        format_args!("write --source SERVICE=URL; there are {}", known.join(", ")),
                    ),
                );
            }
        }
    }
    Ok(move |service: &str| {
        let own = named
            .iter()
            .filter(|(name, _)| name.is_none_or(|name| name == service));
        own.map(|(_, url)| (*url).to_owned()).collect()
    })
}

/// Whoever reads a folder takes every policy file in it: those that are there would be part of this
/// policy, or make it none.
fn is_free(folder: &Path) -> Result<(), Failure> {
    for folder in [folder.to_owned(), folder.join("services")] {
        if !folder.is_dir() {
            continue;
        }
        if let Some(there) = entries(&folder)?.iter().find(|path| is_yaml(path)) {
            let message = "files of a policy are there already, and nothing is overwritten";
            return Err(Failure::new(FailureKind::File, message)
                .with_detail(there.display())
                .with_hint("move them away, or choose another folder with --out"));
        }
    }
    Ok(())
}

/// What is written has to be what the other commands read.
fn check(files: &[NewFile], limits: &Limits) -> Result<(), Failure> {
    let mut read = files.iter().map(|file| PolicyFile {
        path: file.path.clone(),
        bytes: file.text.clone().into_bytes(),
    });
    let base = read.next().unwrap_or_default();
    let (services, others): (Vec<_>, Vec<_>) =
        read.partition(|file| Path::new(&file.path).starts_with("services"));
    let policy = PolicyFiles {
        base,
        services,
        people: others.into_iter().next(),
        ..PolicyFiles::default()
    };
    Policy::parse(&policy, limits).map(drop).map_err(|error| {
        let too_large = matches!(error, PolicyError::Size { .. });
        if too_large {
            let message = format_args!("too much for one policy: {error}");
            return Failure::new(FailureKind::Input, message).with_hint("import it in parts");
        }
        Failure::new(FailureKind::Internal, error)
    })
}
