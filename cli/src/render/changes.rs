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
    let short = |commit: &str| commit.chars().take(16).collect::<String>();
    let to = short(&commits.to);
    let repository = &commits.repository;
    let number = |number: u64| count(usize::try_from(number).unwrap_or(usize::MAX), "commit");
    let Some(from) = &commits.from else {
        return format!("{repository}, {to}");
    };
    if *from == commits.to {
        return format!("none of {repository}, still {to}");
    }
    let span = format!("{}..{to}", short(from));
    match (commits.count, commits.lost) {
        (Some(gained), Some(0)) => format!("{} of {repository}, {span}", number(gained)),
        (Some(gained), Some(lost)) => {
            let gained = number(gained);
            format!("{gained} more and {lost} fewer of {repository}, {span}")
        }
        _ => format!("{repository}, {span}"),
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

/// The first of each kind, and how many more there are: what comes, what changes, what goes.
fn named(packages: &Packages) -> Vec<String> {
    let mut lines = Vec::new();
    let mut add = |all: Vec<String>, what: &str| {
        let more = all.len().saturating_sub(NAMED);
        lines.extend(all.into_iter().take(NAMED));
        if more > 0 {
            lines.push(format!("and {more} more {what}"));
        }
    };
    let added = packages.added.iter();
    let added = added.map(|(name, versions)| format!("+ {name} {}", list(versions)));
    add(added.collect(), "added");
    let changed = packages.changed.iter();
    let changed =
        changed.map(|(name, (old, new))| format!("{name} {} -> {}", list(old), list(new)));
    add(changed.collect(), "changed");
    let removed = packages.removed.iter();
    let removed = removed.map(|(name, versions)| format!("- {name} {}", list(versions)));
    add(removed.collect(), "removed");
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
    if !found.changed.is_empty() {
        parts.push(format!("{} rated otherwise", found.changed.len()));
    }
    if parts.is_empty() {
        return "none more, none less".to_owned();
    }
    let mut ids: Vec<_> = found.added.keys().take(NAMED).cloned().collect();
    if found.added.len() > NAMED {
        ids.push(format!("and {} more", found.added.len() - NAMED));
    }
    let mut worse = found.changed.iter().take(NAMED).map(|(id, (old, new))| {
        let word = |rating: &Option<Rating>| rating.map_or("unknown", Rating::as_str);
        format!("{id} {} -> {}", word(old), word(new))
    });
    ids.extend(&mut worse);
    if found.changed.len() > NAMED {
        ids.push(format!("and {} more", found.changed.len() - NAMED));
    }
    format!("{}   {}", parts.join(", "), ids.join(", "))
        .trim_end()
        .to_owned()
}
