//! The documents say what is there: tests they name, pages of predicates, links.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bulla_model::predicate::KNOWN;

use crate::files::{entries, root, text};

/// What stands between backticks in a document.
fn quoted(document: &str) -> impl Iterator<Item = &str> {
    document
        .lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// Paths of tests in a document: `bulla_verify::signed::name`.
fn named_tests(document: &str) -> Vec<&str> {
    quoted(document)
        .filter(|text| text.starts_with("bulla_") && text.contains("::"))
        .collect()
}

/// Where a path's module is: a file below `src` or `tests/it`, and the modules inside that file.
fn module(path: &str) -> Option<(PathBuf, Vec<&str>, &str)> {
    let mut segments: Vec<&str> = path.split("::").collect();
    let test = segments.pop()?;
    let krate = segments.first()?.strip_prefix("bulla_")?;
    let segments = &segments[1..];
    for base in ["src", "tests/it"] {
        let base = root().join(krate).join(base);
        for taken in (1..=segments.len()).rev() {
            let (files, inline) = segments.split_at(taken);
            let folder = base.join(files.join("/"));
            let file = [folder.with_extension("rs"), folder.join("mod.rs")];
            // A folder may be named after a module that is inside a file, so the text decides.
            let fits = |path: &&PathBuf| path.is_file() && holds(&text(path), inline, test);
            if let Some(found) = file.iter().find(fits) {
                return Some((found.clone(), inline.to_vec(), test));
            }
        }
    }
    None
}

/// Whether a source text has these inline modules and, as deep as they are, this test.
fn holds(source: &str, inline: &[&str], test: &str) -> bool {
    let lines: Vec<&str> = source.lines().collect();
    let modules = inline.iter().all(|name| {
        lines.iter().any(|line| {
            let line = line.trim();
            let line = line.strip_prefix("pub(crate) ").unwrap_or(line);
            line == format!("mod {name} {{")
        })
    });
    let depth = inline.len() + usize::from(lines.contains(&"proptest! {"));
    let is_test = |at: usize| {
        let before = lines[..at].iter().rev().map(|line| line.trim());
        before
            .take_while(|line| line.starts_with("#[") || line.starts_with("//"))
            .any(|line| line.starts_with("#[") && line.contains("test"))
    };
    let begins = |line: &str| {
        let rest = line.trim_start_matches(' ');
        let indent = line.len() - rest.len();
        let rest = rest.strip_prefix("async ").unwrap_or(rest);
        let name = rest
            .strip_prefix("fn ")
            .and_then(|rest| rest.strip_prefix(test));
        (4 * inline.len()..=4 * depth).contains(&indent)
            && name.is_some_and(|rest| rest.starts_with('('))
    };
    modules && (0..lines.len()).any(|at| begins(lines[at]) && is_test(at))
}

/// The rows of a document's tables, cells trimmed.
fn rows(document: &str) -> Vec<Vec<&str>> {
    let lines = document.lines().filter(|line| line.starts_with("| "));
    lines
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

#[test]
fn a_test_is_found_by_its_path_and_nothing_else_is() {
    let own = "bulla_model::documents::a_test_is_found_by_its_path_and_nothing_else_is";
    assert!(module(own).is_some());
    assert!(module("bulla_model::bundle::tests::a_key_bundle_round_trips").is_some());
    for wrong in [
        "bulla_model::documents::no_such_test",
        "bulla_model::documents::rows",
        "bulla_model::bundle::a_key_bundle_round_trips",
        "bulla_model::no_such_module::tests::a_key_bundle_round_trips",
        "bulla_no_such_crate::documents::a_test",
    ] {
        assert!(module(wrong).is_none(), "{wrong}");
    }
}

#[test]
fn every_test_the_documents_name_exists() {
    for name in [
        "docs/faults.md",
        "docs/threat-model.md",
        "docs/spec/promotion-chain.md",
    ] {
        let document = text(&root().join(name));
        let paths = named_tests(&document);
        assert!(paths.len() >= 10, "{name} names {} tests", paths.len());
        let missing: Vec<&&str> = paths.iter().filter(|path| module(path).is_none()).collect();
        assert!(
            missing.is_empty(),
            "{name} names tests that are not there: {missing:#?}"
        );
    }
}

#[test]
fn every_fault_has_one_row_with_its_tests_or_a_reason() {
    let document = text(&root().join("docs/faults.md"));
    let mut seen = BTreeSet::new();
    for row in rows(&document) {
        let [number, tests, fault] = row.as_slice() else {
            panic!("three cells expected: {row:?}");
        };
        if *number == "fault" || number.starts_with('-') {
            continue;
        }
        let (kind, digits) = number.split_at(number.find(|c: char| c.is_ascii_digit()).unwrap());
        let width = match kind {
            "F" => digits.len() == 2,
            "O" | "TOB-" => !digits.starts_with('0'),
            _ => false,
        };
        assert!(width && digits.parse::<u8>().is_ok(), "{number}");
        assert!(seen.insert((*number).to_owned()), "{number} has two rows");
        assert!(!fault.is_empty(), "{number} says nothing");
        let reason = tests.strip_prefix("Cannot apply: ");
        assert!(
            reason.map_or(!named_tests(tests).is_empty(), |why| why.len() > 40),
            "{number}: {tests}"
        );
    }
    let numbered = |kind: &str, last: usize, width: usize| -> Vec<String> {
        let number = |number| format!("{kind}{number:0width$}");
        (1..=last).map(number).collect()
    };
    let expected = numbered("F", 59, 2).into_iter().chain(numbered("O", 8, 1));
    let missing: Vec<String> = expected.filter(|number| !seen.contains(number)).collect();
    assert_eq!(missing, Vec::<String>::new());
    assert!(seen.len() >= 75, "{seen:?}");
}

#[test]
fn every_predicate_of_ours_has_a_page_a_schema_and_vectors() {
    let listed = text(&root().join("docs/predicates/README.md"));
    let own = KNOWN
        .iter()
        .filter_map(|known| known.uri.strip_prefix("https://bulla.dev/"));
    let mut count = 0;
    for name_and_version in own {
        count += 1;
        let uri = format!("https://bulla.dev/{name_and_version}");
        let (name, version) = name_and_version.split_once('/').unwrap();
        let pages = root().join("docs/predicates");
        let page = text(&pages.join(format!("{name}.md")));
        assert!(page.contains(&uri), "{name}.md does not name {uri}");
        let schema = text(&pages.join(format!("{name}.{version}.schema.json")));
        assert!(schema.contains(&uri), "the schema does not name {uri}");
        assert!(listed.contains(&uri), "{uri} is not listed");
        let vectors = root().join("testdata/predicates").join(name).join(version);
        assert!(entries(&vectors.join("valid")).len() >= 2, "{name}");
        assert!(text(&vectors.join("invalid.json")).contains("error"));
    }
    assert_eq!(count, 10, "predicates of ours");
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut documents = Vec::new();
    collect(&root().join("docs"), &mut documents);
    let beside = entries(&root());
    documents.extend(beside.into_iter().filter(|path| is_markdown(path)));
    assert!(documents.len() >= 10, "{} documents", documents.len());
    for document in documents {
        let folder = document.parent().unwrap();
        for target in links(&text(&document)) {
            let (file, heading) = target.split_once('#').unwrap_or((&target, ""));
            let path = if file.is_empty() {
                document.clone()
            } else {
                folder.join(file)
            };
            assert!(path.exists(), "{}: {target}", document.display());
            if !heading.is_empty() {
                let known: Vec<String> = text(&path).lines().filter_map(anchor).collect();
                assert!(
                    known.iter().any(|name| name == heading),
                    "{}: no heading for {target}",
                    document.display()
                );
            }
        }
    }
}

fn collect(folder: &Path, out: &mut Vec<PathBuf>) {
    for path in entries(folder) {
        if path.is_dir() {
            collect(&path, out);
        } else if is_markdown(&path) {
            out.push(path);
        }
    }
}

fn is_markdown(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "md")
}

/// Targets of links that lead into the repository.
fn links(document: &str) -> Vec<String> {
    let after = document.split("](").skip(1);
    after
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target)
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        .map(ToOwned::to_owned)
        .collect()
}

/// The anchor that Markdown renderers give a heading.
fn anchor(line: &str) -> Option<String> {
    let heading = line.trim_start_matches('#');
    if heading.len() == line.len() || !heading.starts_with(' ') {
        return None;
    }
    let kept = heading.trim().chars().filter_map(|letter| match letter {
        ' ' => Some('-'),
        '-' | '_' => Some(letter),
        _ if letter.is_alphanumeric() => Some(letter.to_ascii_lowercase()),
        _ => None,
    });
    Some(kept.collect())
}
