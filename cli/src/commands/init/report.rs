//! What was written, what has to be confirmed, and what to do next.

use std::path::Path;

use serde::Serialize;

use super::facts::Facts;
use super::files::NewFile;
use super::observe::{Guess, Observation};
use crate::args::init::{Arguments, CiSystem};
use crate::render::{Cell, Page, Report};

/// The report of `bulla init`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InitReport {
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    files: Vec<String>,
    /// Nothing of this is believed anywhere until somebody confirms it.
    unconfirmed: Vec<Guess>,
    next: Vec<String>,
    #[serde(skip)]
    alone: bool,
}

impl InitReport {
    /// Says what was done.
    pub(super) fn new(
        arguments: &Arguments,
        facts: &Facts,
        seen: Observation,
        files: &[NewFile],
    ) -> Self {
        let guesses = seen.guesses();
        let mut unconfirmed: Vec<_> = facts.source_guess.iter().cloned().collect();
        // A source that was seen but not used is still worth a look.
        unconfirmed.extend(
            guesses
                .into_iter()
                .filter(|guess| Some(guess) != facts.source_guess.as_ref()),
        );
        let shown = |path: &str| below(&arguments.directory, path);
        Self {
            image: seen.image,
            files: files.iter().map(|file| shown(&file.path)).collect(),
            unconfirmed,
            next: next(arguments, facts, files),
            alone: facts.is_alone(),
        }
    }
}

/// A path as somebody would type it.
fn below(directory: &Path, path: &str) -> String {
    if directory == Path::new(".") {
        path.to_owned()
    } else {
        directory.join(path).display().to_string()
    }
}

fn next(arguments: &Arguments, facts: &Facts, files: &[NewFile]) -> Vec<String> {
    let directory = arguments.directory.as_path();
    if files.iter().all(|file| file.path.starts_with("policy/")) {
        let policy = below(directory, "policy");
        return vec![
            format!("bulla policy explain --policy {policy}"),
            format!("bulla policy check --policy {policy}"),
        ];
    }
    let (policy, anchor) = (below(directory, "policy"), below(directory, "anchor.yaml"));
    let first = facts
        .environments
        .first()
        .map_or("", |(name, _)| name.as_str());
    let last = facts
        .environments
        .last()
        .map_or("", |(name, _)| name.as_str());
    let mut steps = vec![
        format!("bulla policy explain --policy {policy} --anchor {anchor}"),
        "bulla sbom IMAGE --out sbom.cdx.json".to_owned(),
        "bulla attest IMAGE --sbom sbom.cdx.json --provenance --key KEY".to_owned(),
        format!("bulla promote IMAGE --to {first} --key KEY"),
    ];
    if facts.environments.len() > 1 {
        steps.push(format!("bulla approve IMAGE --to {last} --key KEY"));
    }
    steps.push(format!("bulla verify IMAGE --env {last}"));
    if arguments.ci == CiSystem::Gitlab {
        steps
            .push("include it in .gitlab-ci.yml: include: [{local: .gitlab/bulla.yml}]".to_owned());
    }
    steps
}

impl Report for InitReport {
    fn human(&self, page: &mut Page) {
        for file in &self.files {
            page.row(1, [Cell::good("wrote"), Cell::from(file)]);
        }
        if !self.unconfirmed.is_empty() {
            page.gap();
            page.line(
                "read, not verified and not believed; each is marked `unconfirmed` in the files:",
            );
            for guess in &self.unconfirmed {
                page.row(
                    1,
                    [
                        Cell::attention(guess.what),
                        Cell::from(&guess.value),
                        Cell::faint(&guess.from),
                    ],
                );
            }
        }
        if self.alone {
            page.gap();
            page.line(
                "one key owns the policy, builds and approves: pass --ci-key to tell them apart",
            );
        }
        page.gap();
        page.line(Cell::strong("next"));
        for step in &self.next {
            page.indented(1, step.as_str());
        }
    }
}
