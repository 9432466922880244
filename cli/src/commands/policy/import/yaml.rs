//! The files of a policy, written.

use std::fmt::Write as _;

use super::gaps::Gap;
use super::patterns::Matching;
use super::plan::{NOBODY, Plan, Service};
use super::rules::Way;
use crate::commands::init::{NewFile, word};

/// Places that a comment lists.
const PLACES: usize = 8;
/// Items of one service that nobody can meet; one more stands for the rest.
const ITEMS: usize = 100;

/// What the user chose.
pub(super) struct Chosen<'a> {
    pub(super) name: &'a str,
    /// Short names and URIs, in order; at least one.
    pub(super) environments: &'a [(String, String)],
    /// Of each service.
    pub(super) sources: &'a dyn Fn(&str) -> Vec<String>,
}

/// The base, a file for each service, and persons if any have to approve.
pub(super) fn files(plan: &Plan, chosen: &Chosen<'_>) -> Vec<NewFile> {
    let file = |path: String, text| NewFile { path, text };
    let mut files = vec![file(format!("{}.yaml", chosen.name), base(plan, chosen))];
    for service in &plan.services {
        let path = format!("services/{}.yaml", service.name);
        files.push(file(path, described(service, chosen)));
    }
    if !plan.persons.is_empty() {
        files.push(file("people.yaml".to_owned(), people(plan)));
    }
    files
}

/// A text as a YAML double-quoted scalar that shows what is in it.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                out.push('\\');
                out.push(character);
            }
            ' '..='~' => out.push(character),
            other => {
                let _ = write!(out, "\\U{:08X}", u32::from(other));
            }
        }
    }
    out.push('"');
    out
}

/// Names, as a list.
pub(super) fn list(names: &[String]) -> String {
    let words: Vec<_> = names.iter().map(|name| word(name)).collect();
    format!("[{}]", words.join(", "))
}

fn base(plan: &Plan, chosen: &Chosen<'_>) -> String {
    let mut out = Text::default();
    out.line(
        0,
        "# Written by `bulla policy import`. `bulla policy explain` says it in plain words.",
    );
    out.line(0, "apiVersion: bulla.dev/policy/v0.1");
    out.line(0, &format!("name: {}", word(chosen.name)));
    out.line(0, "# Raise the version with every change.");
    out.line(0, "version: 1");
    out.line(0, "");
    out.line(0, "environments:");
    for (name, uri) in chosen.environments {
        out.line(
            2,
            &format!(
                "{}: {{uri: {}, freshness: none}}",
                quoted(name),
                quoted(uri)
            ),
        );
    }
    out.line(0, "");
    out.line(0, "tiers:");
    for service in &plan.services {
        out.places(2, &service.places);
        let how = if service.claimed_time {
            out.line(
                2,
                "# No log or timestamp was asked of these keys: their word says when they signed.",
            );
            "{claimedTime: allow}"
        } else {
            "{}"
        };
        out.line(2, &format!("{}: {how}", word(&service.name)));
    }
    out.line(0, "");
    out.line(0, "identities:");
    for known in &plan.identities {
        out.line(2, &format!("{}:", word(&known.name)));
        out.ways(4, &known.ways);
    }
    if plan.names_nobody() {
        out.line(
            2,
            "# Nobody: it stands where something could not be said, so that nothing is let in.",
        );
        out.line(2, &format!("{NOBODY}:"));
        out.line(4, &format!("- {{issuer: {NOBODY}, subject: {NOBODY}}}"));
    }
    out.line(0, "");
    out.line(0, "edges:");
    for service in &plan.services {
        let mut from: Option<&str> = None;
        for (to, _) in chosen.environments {
            match from {
                None => out.line(2, &format!("- to: {}", word(to))),
                Some(from) => {
                    out.line(2, &format!("- from: {}", word(from)));
                    out.line(4, &format!("to: {}", word(to)));
                }
            }
            from = Some(to);
            out.line(4, &format!("tiers: [{}]", word(&service.name)));
            out.line(4, &format!("by: {}", list(&service.by)));
            let nothing = service.require.is_empty();
            out.line(4, if nothing { "require: {}" } else { "require:" });
            for requirement in &service.require {
                out.line(6, requirement);
            }
        }
    }
    out.0
}

fn described(service: &Service, chosen: &Chosen<'_>) -> String {
    let mut out = Text::default();
    out.places(0, &service.places);
    out.line(0, &format!("service: {}", word(&service.name)));
    out.line(0, &format!("tier: {}", word(&service.name)));
    let sources = (chosen.sources)(&service.name);
    if sources.is_empty() {
        out.line(
            0,
            "# Write the repositories it is built from: until then nothing is this service.",
        );
        out.line(
            0,
            &format!("sources: [{}]", quoted(&no_source(&service.name))),
        );
    } else {
        let sources: Vec<_> = sources.iter().map(|text| quoted(text)).collect();
        out.line(0, &format!("sources: [{}]", sources.join(", ")));
    }
    if !service.images.is_empty() {
        out.line(0, "images:");
        for image in &service.images {
            out.line(2, &format!("- {}", quoted(image)));
        }
    }
    let first = chosen.environments.first().map_or("", |(name, _)| name);
    if !service.more.is_empty() || !service.denied.is_empty() {
        out.line(0, "tighten:");
    }
    for requirement in &service.more {
        for (to, _) in chosen.environments {
            out.line(2, &format!("- to: {}", word(to)));
            out.line(4, &format!("require: {{{requirement}}}"));
        }
    }
    let decide = "Decide what takes its place, then take this item out: nobody can meet it.";
    let shown = service.denied.iter().take(ITEMS);
    let mut items: Vec<_> = shown.map(|gap| (told(gap), decide)).collect();
    if let Some(more) = service
        .denied
        .len()
        .checked_sub(ITEMS)
        .filter(|more| *more > 0)
    {
        let text = format!("and {more} more, which `bulla policy import` lists");
        items.push((text, "Decide about all of them: nobody can meet this item."));
    }
    for (text, decide) in items {
        out.comment(2, &text);
        out.comment(2, decide);
        out.line(2, &format!("- to: {}", word(first)));
        out.line(4, &format!("require: {{tests: {{by: [{NOBODY}]}}}}"));
    }
    out.0
}

/// A source that no provenance names.
fn no_source(service: &str) -> String {
    format!("https://{NOBODY}.invalid/{service}")
}

/// A gap on one line.
pub(super) fn told(gap: &Gap) -> String {
    format!("{} {}: {}", gap.place(), gap.field, gap.why)
}

fn people(plan: &Plan) -> String {
    let mut out = Text::default();
    out.line(
        0,
        "# Written by `bulla policy import`: those of whom several have to sign.",
    );
    out.line(0, "people:");
    for person in &plan.persons {
        let roles: Vec<_> = person.roles.iter().cloned().collect();
        out.line(2, &format!("{}:", word(&person.name)));
        out.line(4, &format!("roles: {}", list(&roles)));
        out.line(4, "identities:");
        out.ways(6, &person.ways);
    }
    out.0
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, columns: usize, text: &str) {
        if !text.is_empty() {
            self.0.extend(std::iter::repeat_n(' ', columns));
            self.0.push_str(text);
        }
        self.0.push('\n');
    }

    /// Where it comes from: readers of YAML take few comments in a row.
    fn places(&mut self, columns: usize, places: &[String]) {
        for place in places.iter().take(PLACES) {
            self.comment(columns, &format!("from {place}"));
        }
        if let Some(more) = places.len().checked_sub(PLACES).filter(|more| *more > 0) {
            self.comment(columns, &format!("and {more} more"));
        }
    }

    /// A comment of one line, whatever is in it.
    fn comment(&mut self, columns: usize, text: &str) {
        let mut shown = String::new();
        for character in text.chars().take(400) {
            match character {
                ' '..='~' => shown.push(character),
                other => shown.extend(other.escape_unicode()),
            }
        }
        self.line(columns, &format!("# {shown}"));
    }

    fn ways(&mut self, columns: usize, ways: &[Way]) {
        for way in ways {
            match way {
                Way::Key { pem, .. } => {
                    self.line(columns, "- key: |");
                    for line in pem.trim_end().lines() {
                        self.line(columns + 4, line);
                    }
                }
                Way::Certificate { issuer, subject } => {
                    self.line(columns, &format!("- issuer: {}", quoted(issuer)));
                    let (name, text) = match subject {
                        Matching::Exact(text) => ("subject", text),
                        Matching::Pattern(text) => ("subjectPattern", text),
                    };
                    self.line(columns + 2, &format!("{name}: {}", quoted(text)));
                }
            }
        }
    }
}
