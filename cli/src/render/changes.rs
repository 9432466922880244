//! What a step would change, in rows under its first line.

use std::collections::{BTreeMap, BTreeSet};

use bulla_verify::Rating;

use super::{Cell, Page, count, shorten};
use crate::join::changes::{Changes, Commits, Packages, Release, Vulnerabilities};

/// Packages and vulnerabilities that are named one by one.
const NAMED: usize = 8;

/// `1.8.1 -> 1.8.2`, or digests where there are no versions.
pub fn releases(changes: &Changes) -> String {
    let to = name(&changes.to);
    match &changes.from {
        Some(from) if from.digest == changes.to.digest => to,
        Some(from) => format!("{} -> {to}", name(from)),
        None if changes.unknown => to,
        None => format!("{to}, the first"),
    }
}

/// A row for each kind of change that is known, this far in.
pub fn rows(page: &mut Page, indent: usize, changes: &Changes) {
    let mut row = |label, text: &str| page.row(indent, [Cell::faint("~"), label, text.into()]);
    for commits in &changes.commits {
        row("commits".into(), &of_commits(commits));
    }
    if let Some(packages) = &changes.packages {
        row("packages".into(), &counts(packages));
        for line in named(packages) {
            row("".into(), &line);
        }
    }
    if let Some(found) = &changes.vulnerabilities {
        row("vulnerabilities".into(), &of_vulnerabilities(found));
    }
    if !changes.tickets.is_empty() {
        row("tickets".into(), &changes.tickets.join(", "));
    }
}

fn name(release: &Release) -> String {
    let version = release.version.clone();
    version.unwrap_or_else(|| shorten(&release.digest))
}

fn of_commits(commits: &Commits) -> String {
    let short = |commit: &str| commit.chars().take(8).collect::<String>();
    let to = short(&commits.to);
    let repository = &commits.repository;
    match (&commits.from, commits.count) {
        (Some(from), _) if *from == commits.to => format!("none of {repository}, still {to}"),
        (Some(from), Some(number)) => {
            let number = count(usize::try_from(number).unwrap_or(usize::MAX), "commit");
            format!("{number} of {repository}, {}..{to}", short(from))
        }
        (Some(from), None) => format!("{repository}, {}..{to}", short(from)),
        (None, _) => format!("{repository}, {to}"),
    }
}

fn counts(packages: &Packages) -> String {
    let counts = [
        (packages.changed.len(), "changed"),
        (packages.added.len(), "added"),
        (packages.removed.len(), "removed"),
    ];
    let counts = counts.iter().filter(|(number, _)| *number > 0);
    let counts: Vec<_> = counts
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
    if counts.is_empty() {
        return "none changed".to_owned();
    }
    counts.join(", ")
}

/// The first of them, and how many more there are.
fn named(packages: &Packages) -> Vec<String> {
    let changed = packages
        .changed
        .iter()
        .map(|(name, (old, new))| format!("{name} {} -> {}", list(old), list(new)));
    let added = packages.added.iter();
    let added = added.map(|(name, versions)| format!("+ {name} {}", list(versions)));
    let removed = packages.removed.iter();
    let removed = removed.map(|(name, versions)| format!("- {name} {}", list(versions)));
    let mut lines: Vec<_> = changed.chain(added).chain(removed).take(NAMED).collect();
    let total = packages.changed.len() + packages.added.len() + packages.removed.len();
    if total > NAMED {
        lines.push(format!("and {} more", total - NAMED));
    }
    lines
}

fn list(versions: &BTreeSet<String>) -> String {
    let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
    versions.join(", ")
}

fn of_vulnerabilities(found: &Vulnerabilities) -> String {
    let side = |sign: char, found: &BTreeMap<String, Option<Rating>>| {
        let ratings = Rating::ALL.iter().rev().map(|rating| Some(*rating));
        // What nobody can tell is as bad as can be.
        let parts = [None].into_iter().chain(ratings).filter_map(|rating| {
            let number = found.values().filter(|own| **own == rating).count();
            let word = rating.map_or("of unknown severity", Rating::as_str);
            (number > 0).then(|| format!("{sign}{number} {word}"))
        });
        parts.collect::<Vec<_>>()
    };
    let mut parts = side('+', &found.added);
    parts.extend(side('-', &found.removed));
    if parts.is_empty() {
        return "none more, none less".to_owned();
    }
    let ids: Vec<_> = found.added.keys().take(NAMED).map(String::as_str).collect();
    format!("{}   {}", parts.join(", "), ids.join(", "))
        .trim_end()
        .to_owned()
}
