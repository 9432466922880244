//! The vectors in `testdata/chains`: made from stories of the kit, and run from the files alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use bulla_verify::Code;

use crate::vectors::{entries, root, text};
use case::{Case, Expected, blob, cases, read};
use story::Story;
use write::Folder;

mod approvals;
mod calendars;
#[path = "../../examples/chain_vectors/case.rs"]
mod case;
mod conditions;
mod contents;
mod coverage;
mod evidence;
mod ledger;
mod links;
mod owners;
mod records;
mod requirements;
mod steps;
mod story;
mod times;
mod trust;
mod vulnerabilities;
mod write;

fn folder() -> PathBuf {
    root().join("testdata/chains")
}

fn stories() -> impl Iterator<Item = &'static Story> {
    let tables = [
        steps::STORIES,
        links::STORIES,
        approvals::STORIES,
        requirements::STORIES,
        times::STORIES,
        trust::STORIES,
        owners::STORIES,
        evidence::STORIES,
        conditions::STORIES,
        coverage::STORIES,
        records::STORIES,
        ledger::STORIES,
        calendars::STORIES,
        contents::STORIES,
        vulnerabilities::STORIES,
    ];
    tables.into_iter().flatten()
}

fn finds(expected: &Expected, code: Code) -> bool {
    let mut findings = expected.findings.iter();
    findings.any(|found| found.code == code.as_str())
}

/// The cases and `files/` as they have to be.
fn written() -> Folder {
    let mut folder = Folder::default();
    let mut wrong = Vec::new();
    for story in stories() {
        let case = folder.add(story);
        let found = &case.expected;
        let missing: Vec<_> = story
            .finds
            .iter()
            .filter(|code| !finds(found, **code))
            .collect();
        if found.exit != story.exit || !missing.is_empty() {
            wrong.push(format!(
                "{} ({}), without {missing:?}: {found:#?}",
                story.name, story.exit
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    folder
}

#[test]
fn every_vector_is_answered_as_it_says_from_the_files_alone() {
    let cases = cases(&folder());
    assert!(cases.len() >= 100, "{} cases", cases.len());
    for case in &cases {
        let found = case.answer(&|digest| blob(&folder(), digest));
        assert_eq!(found, case.expected, "{}: {}", case.name, case.about);
    }
}

#[test]
fn the_vectors_are_what_the_stories_make() {
    let written = written().0;
    let mut there = BTreeMap::new();
    for kind in ["cases", "files"] {
        for path in entries(&folder().join(kind)) {
            let name = path.file_name().unwrap().to_str().unwrap();
            there.insert(format!("{kind}/{name}"), read(&path));
        }
    }
    let differs = |name: &&String| there.get(*name) != written.get(*name);
    let names: BTreeSet<_> = there.keys().chain(written.keys()).collect();
    let different: Vec<_> = names.into_iter().filter(differs).collect();
    assert!(
        different.is_empty(),
        "another answer, or other files; testdata/chains/README.md says how they are made again: {different:#?}"
    );
}

/// Not a test: `cargo test -p bulla-verify --test it chains::write_the_vectors -- --ignored`.
#[test]
#[ignore = "writes testdata/chains"]
#[expect(
    clippy::disallowed_methods,
    reason = "the crate writes no files; here vectors are made"
)]
fn write_the_vectors() {
    let written = written().0;
    for kind in ["cases", "files"] {
        let kind = folder().join(kind);
        std::fs::create_dir_all(&kind).unwrap();
        for path in entries(&kind) {
            std::fs::remove_file(path).unwrap();
        }
    }
    for (name, bytes) in written {
        std::fs::write(folder().join(name), bytes).unwrap();
    }
}

/// Codes that are given without an environment only.
const ELSEWHERE: [Code; 2] = [Code::AttestationMissing, Code::RecordsMissing];

/// Codes that no story tells yet, each with the reason. One that has a story comes off the list.
const WITHOUT_A_VECTOR_YET: &[(Code, &str)] = &[];

#[test]
fn every_code_and_every_exit_code_of_a_verdict_occurs() {
    let cases = cases(&folder());
    let found = |code: &&Code| cases.iter().any(|case| finds(&case.expected, **code));
    let missing: BTreeSet<_> = Code::ALL.iter().filter(|code| !found(code)).collect();
    let open = WITHOUT_A_VECTOR_YET.iter().map(|(code, _)| code);
    let known: BTreeSet<_> = ELSEWHERE.iter().chain(open).collect();
    assert_eq!(missing, known);
    let exits: BTreeSet<_> = cases.iter().map(|case| case.expected.exit).collect();
    assert_eq!(Vec::from_iter(exits), [0, 1, 2, 3, 4, 10, 11, 12, 13, 14]);
}

#[test]
fn every_vector_names_a_section_of_the_specification() {
    let page = text(&root().join("docs/spec/promotion-chain.md"));
    let headings: BTreeSet<_> = page.lines().filter(|line| line.starts_with("##")).collect();
    let named = |case: &Case| {
        headings
            .iter()
            .any(|line| line.trim_start_matches('#').trim() == case.section)
    };
    for case in cases(&folder()) {
        assert!(named(&case), "{}: no section `{}`", case.name, case.section);
        assert!(case.about.ends_with('.'), "{}", case.about);
    }
}
