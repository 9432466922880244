//! The files, filled from `cli/templates`.

use std::fmt::Write as _;

use super::facts::Facts;
use super::observe::{Guess, Observation};
use crate::args::init::CiSystem;

/// A file to write: its path in the folder, with forward slashes, and its text.
#[derive(Debug)]
pub(in crate::commands) struct NewFile {
    pub(in crate::commands) path: String,
    pub(in crate::commands) text: String,
}

/// All files, in the order in which a person would read them.
pub(super) fn all(facts: &Facts, seen: &Observation, ci: CiSystem) -> Vec<NewFile> {
    let mut files = vec![
        new(
            "bulla.yaml",
            include_str!("../../../templates/settings.yaml").to_owned(),
        ),
        new("anchor.yaml", anchor(facts)),
        new("policy/release.yaml", release(facts, seen)),
        new(
            &format!("policy/services/{}.yaml", facts.service),
            service(facts, seen),
        ),
        new("policy/people.yaml", people(facts)),
    ];
    match ci {
        CiSystem::Github => files.push(new(".github/workflows/bulla.yml", github(facts))),
        CiSystem::Gitlab => files.push(new(".gitlab/bulla.yml", gitlab(facts))),
        CiSystem::None => {}
    }
    files
}

fn new(path: &str, text: String) -> NewFile {
    NewFile {
        path: path.to_owned(),
        text,
    }
}

fn anchor(facts: &Facts) -> String {
    let keys = facts.owners.iter();
    let keys = keys.map(|(_, pem)| format!("    - |\n{}", indented(pem, 6)));
    let uris = facts.environments.iter();
    let uris = uris.map(|(_, uri)| format!("  - {}", quoted(uri.as_str())));
    fill(
        include_str!("../../../templates/anchor.yaml"),
        &[
            ("OWNER_KEYS", &joined(keys)),
            ("UNCONFIRMED_NAMES", &names_guessed(facts, 2)),
            ("ENVIRONMENT_URIS", &joined(uris)),
        ],
    )
}

fn release(facts: &Facts, seen: &Observation) -> String {
    let environments = facts.environments.iter();
    let environments = environments.map(|(name, uri)| {
        format!(
            "  {}: {{uri: {}, freshness: none}}",
            word(name),
            quoted(uri.as_str())
        )
    });
    fill(
        include_str!("../../../templates/policy/release.yaml"),
        &[
            ("UNCONFIRMED_NAMES", &names_guessed(facts, 2)),
            ("ENVIRONMENTS", &format!("{}\n", joined(environments))),
            ("BUILDER_KEY", &indented(facts.builder(), 8)),
            ("UNCONFIRMED_BUILDERS", &unconfirmed_builders(seen)),
            ("EDGES", &edges(facts, seen)),
        ],
    )
}

/// Says that the environments' names rest on something that was only read.
fn names_guessed(facts: &Facts, columns: usize) -> String {
    let mut out = String::new();
    if let Some(guess) = facts.source_guess.as_ref().filter(|_| facts.org_guessed) {
        comment(&mut out, columns, &unconfirmed(guess));
    }
    out
}

/// Signers that were seen, as comments: whoever takes the `#` away has checked them.
fn unconfirmed_builders(seen: &Observation) -> String {
    let mut out = String::new();
    for key in &seen.keys {
        comment(&mut out, 4, &unconfirmed(key));
        comment(
            &mut out,
            4,
            &format!(
                "It is signed by a key with the digest {}. Keys cannot be read from",
                key.value
            ),
        );
        comment(
            &mut out,
            4,
            "signatures: ask its owner for the public key, then put it here.",
        );
        comment(&mut out, 4, "- key: |");
        comment(&mut out, 4, "    -----BEGIN PUBLIC KEY-----");
    }
    for (identity, from) in &seen.certificates {
        comment(&mut out, 4, &format!("unconfirmed: read from {from}"));
        comment(
            &mut out,
            4,
            &format!("- issuer: {}", quoted(&identity.issuer)),
        );
        comment(
            &mut out,
            4,
            &format!("  subject: {}", quoted(&identity.subject)),
        );
        if let Some(repository) = &identity.source_repository {
            comment(
                &mut out,
                4,
                &format!("  sourceRepository: {}", quoted(repository)),
            );
        }
    }
    out
}

fn edges(facts: &Facts, seen: &Observation) -> String {
    let mut out = String::new();
    let last = facts.environments.len().saturating_sub(1);
    let mut from: Option<&str> = None;
    for (at, (name, _)) in facts.environments.iter().enumerate() {
        match from {
            None => line(&mut out, &format!("  - to: {}", word(name))),
            Some(from) => {
                line(&mut out, &format!("  - from: {}", word(from)));
                line(&mut out, &format!("    to: {}", word(name)));
            }
        }
        line(&mut out, "    by: [promoter]");
        line(&mut out, "    require:");
        if at == 0 {
            line(&mut out, "      provenance:");
            line(&mut out, "        by: [builder]");
            suggestions(&mut out, "buildTypes", &seen.build_types);
            suggestions(&mut out, "builders", &seen.builders);
        } else {
            line(&mut out, "      provenance: {by: [builder]}");
            line(&mut out, "      sbom: {by: [builder], maxAge: 30d}");
        }
        if at == last && at > 0 {
            approvals(&mut out, facts);
        }
        from = Some(name);
    }
    out.trim_end().to_owned()
}

fn approvals(out: &mut String, facts: &Facts) {
    line(out, "      approvals:");
    line(out, "        threshold: 1");
    line(out, "        roles: [release-manager]");
    if facts.is_alone() {
        comment(
            out,
            8,
            "There is one key, so who approves is who built. Give the pipeline a key of its own,",
        );
        comment(out, 8, "then write [builder, promoter] here.");
        line(out, "        exclude: []");
    } else {
        comment(
            out,
            8,
            "Add `author` once people.yaml has the e-mail addresses of everybody who commits.",
        );
        line(out, "        exclude: [builder, promoter]");
    }
}

fn suggestions(out: &mut String, name: &str, guesses: &[Guess]) {
    for guess in guesses {
        comment(out, 8, &unconfirmed(guess));
        comment(out, 8, &format!("{name}: [{}]", quoted(&guess.value)));
    }
}

fn service(facts: &Facts, seen: &Observation) -> String {
    let mut guessed = String::new();
    if let Some(guess) = &facts.source_guess {
        comment(&mut guessed, 0, &unconfirmed(guess));
    }
    let mut notes = String::new();
    for note in &seen.notes {
        comment(&mut notes, 0, &unconfirmed(note));
        comment(&mut notes, 0, &format!("{}: {}", note.what, note.value));
    }
    let text = fill(
        include_str!("../../../templates/policy/service.yaml"),
        &[
            ("SERVICE", &word(facts.service.as_str())),
            ("UNCONFIRMED_SOURCE", &guessed),
            ("SOURCE", &quoted(&facts.source)),
            ("NOTES", &notes),
        ],
    );
    format!("{}\n", text.trim_end())
}

fn people(facts: &Facts) -> String {
    let people = facts.owners.iter().map(|(person, pem)| {
        format!(
            "  {}:\n    roles: [release-manager]\n    emails: []\n    identities:\n      - key: |\n{}",
            word(person.as_str()),
            indented(pem, 10)
        )
    });
    let machines = facts.pipeline.as_ref().map_or_else(String::new, |pem| {
        format!(
            "# Machines are nobody's second account.\nmachines:\n  ci:\n    - key: |\n{}",
            indented(pem, 8)
        )
    });
    let text = fill(
        include_str!("../../../templates/policy/people.yaml"),
        &[("PEOPLE", &joined(people)), ("MACHINES", &machines)],
    );
    format!("{}\n", text.trim_end())
}

fn github(facts: &Facts) -> String {
    // With one environment, promoting again is all there is to choose.
    let skipped = usize::from(facts.environments.len() > 1);
    let later: Vec<_> = names(facts).skip(skipped).map(word).collect();
    fill(
        include_str!("../../../templates/github.yml"),
        &[
            ("FIRST", names(facts).next().unwrap_or_default()),
            ("LATER", &later.join(", ")),
        ],
    )
}

fn gitlab(facts: &Facts) -> String {
    let jobs = names(facts).skip(1).map(|name| {
        fill(
            include_str!("../../../templates/gitlab-promote.yml"),
            &[("TO", name)],
        )
    });
    let text = fill(
        include_str!("../../../templates/gitlab.yml"),
        &[
            ("FIRST", names(facts).next().unwrap_or_default()),
            ("JOBS", &jobs.collect::<String>()),
        ],
    );
    format!("{}\n", text.trim_end())
}

fn names(facts: &Facts) -> impl Iterator<Item = &str> {
    facts.environments.iter().map(|(name, _)| name.as_str())
}

fn unconfirmed(guess: &Guess) -> String {
    format!("unconfirmed: read from {}", guess.from)
}

/// Replaces `@NAME@`. Values are inserted once and not looked at again.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('@') {
        let found = values.iter().find_map(|(name, value)| {
            let after = after.strip_prefix(name)?.strip_prefix('@')?;
            Some((*value, after))
        });
        out.push_str(before);
        if let Some((value, after)) = found {
            out.push_str(value);
            rest = after;
        } else {
            out.push('@');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// A text as a YAML double-quoted scalar. Names and suggestions are printable ASCII, so JSON's
/// quoting is YAML's.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("because a text always serialises")
}

/// A name as people write it, in quotes only where YAML would read something else than a text.
pub(in crate::commands) fn word(text: &str) -> String {
    const OTHERS: [&str; 10] = [
        "true", "false", "yes", "no", "on", "off", "null", "y", "n", "nan",
    ];
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    let begins = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
    let other = OTHERS.iter().any(|other| other.eq_ignore_ascii_case(text));
    if plain && begins && !other {
        text.to_owned()
    } else {
        quoted(text)
    }
}

fn indented(pem: &str, columns: usize) -> String {
    joined(
        pem.trim_end()
            .lines()
            .map(|line| format!("{:columns$}{line}", "")),
    )
}

fn joined(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().join("\n")
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn comment(out: &mut String, columns: usize, text: &str) {
    writeln!(out, "{:columns$}# {text}", "").expect("because writing to a string cannot fail");
}
