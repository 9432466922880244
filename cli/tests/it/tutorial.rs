//! The tutorial, pasted into a shell from its first line to its last.
//!
//! Blocks called `sh` are run as they stand. In those called `console` each line that begins with
//! `$ ` is a command, and what follows is what it has to print: `…` in a line stands for anything,
//! `…` alone for any lines. A command ends with 0 unless `echo $?` follows it.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// Ends what a command printed; its exit code follows. No command prints it.
const END: &str = "\u{1e}";

struct Step {
    line: usize,
    shell: String,
    /// What it has to print; `None` for what is only run.
    expected: Option<Vec<String>>,
}

#[test]
#[expect(clippy::print_stdout, reason = "a test that does not run says so")]
fn every_command_does_what_the_page_says() {
    if let Some(missing) = missing() {
        println!("SKIPPED peer {missing}");
        return;
    }
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/tutorial.md");
    let page = std::fs::read_to_string(page).unwrap();
    let steps = steps(&page);
    let commands = steps.iter().filter(|step| step.expected.is_some()).count();
    assert!(commands > 40, "{commands}");

    let folder = tempfile::tempdir().unwrap();
    let output = play(&steps, folder.path());
    let said = String::from_utf8(output.stdout).unwrap();
    let mut said = said.split(END);
    for (index, step) in steps.iter().enumerate() {
        let text = said.next().unwrap();
        let (text, code) = text.rsplit_once('\n').unwrap_or(("", text));
        let place = format!("docs/tutorial.md:{}: {}", step.line, step.shell);
        let asked = steps
            .get(index + 1)
            .is_some_and(|next| next.shell == "echo $?");
        assert!(code == "0" || asked, "{place}\nended with {code}:\n{text}");
        if let Some(expected) = &step.expected {
            let found: Vec<&str> = text.lines().map(str::trim_end).collect();
            let lines: Vec<&str> = expected.iter().map(String::as_str).collect();
            assert!(
                all_fit(&lines, &found),
                "{place}\nthe page says\n{}\nand it printed\n{text}",
                expected.join("\n")
            );
        }
    }
}

/// A program of the page's that is not on this machine. Where peers are required, it has to be.
#[expect(clippy::disallowed_methods, reason = "CI says so in a variable")]
pub(crate) fn missing() -> Option<&'static str> {
    let there = |name: &&str| Command::new(name).arg("--version").output().is_ok();
    let missing = ["git", "sh", "sha256sum"]
        .into_iter()
        .find(|name| !there(name));
    let required = std::env::var_os("BULLA_PEERS").is_some_and(|value| value == "required");
    assert!(missing.is_none() || !required, "no {missing:?} here");
    missing
}

/// Runs the steps in one shell, as somebody who pastes them does.
fn play(steps: &[Step], folder: &Path) -> std::process::Output {
    let mut script = String::from("exec 2>&1\n");
    for step in steps {
        write!(
            script,
            "{}\nbulla_code=$?\nprintf '\\n%s\\036' \"$bulla_code\"\n(exit $bulla_code)\n",
            step.shell
        )
        .unwrap();
    }
    let own = Path::new(env!("CARGO_BIN_EXE_bulla")).parent().unwrap();
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", own.display());
    Command::new("sh")
        .args(["-c", &script])
        .current_dir(folder)
        .env_clear()
        .envs([("PATH", path.as_str()), ("TZ", "UTC")])
        .env("HOME", folder)
        .output()
        .unwrap()
}

fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut block = None;
    for (index, line) in page.lines().enumerate() {
        if let Some(kind) = line.strip_prefix("```") {
            block = match (block, kind) {
                (None, kind) => Some(kind),
                (Some(_), _) => None,
            };
            if block == Some("sh") {
                steps.push(Step {
                    line: index + 2,
                    shell: String::new(),
                    expected: None,
                });
            }
            continue;
        }
        match block {
            None => {}
            Some("sh") => {
                let shell = &mut steps.last_mut().unwrap().shell;
                shell.push_str(line);
                shell.push('\n');
            }
            Some("console") => {
                if let Some(shell) = line.strip_prefix("$ ") {
                    steps.push(Step {
                        line: index + 1,
                        shell: shell.to_owned(),
                        expected: Some(Vec::new()),
                    });
                } else {
                    let expected = steps.last_mut().unwrap().expected.as_mut();
                    expected.unwrap().push(line.to_owned());
                }
            }
            Some(kind) => panic!("line {}: a block called `{kind}`", index + 1),
        }
    }
    assert!(block.is_none(), "the last block has no end");
    steps
}

/// Whether the printed lines are the expected ones; `…` alone fits any number of lines.
fn all_fit(expected: &[&str], found: &[&str]) -> bool {
    match expected.split_first() {
        None => found.iter().all(|line| line.is_empty()),
        Some((&"…", rest)) => (0..=found.len()).any(|skip| all_fit(rest, &found[skip..])),
        Some((first, rest)) => found
            .split_first()
            .is_some_and(|(line, others)| fits(first, line) && all_fit(rest, others)),
    }
}

/// Whether a line is the expected one; `…` fits any text.
fn fits(expected: &str, line: &str) -> bool {
    let mut parts = expected.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[test]
fn what_differs_from_the_page_is_noticed() {
    assert!(fits(
        "promoted into dev: sha256:…",
        "promoted into dev: sha256:12…"
    ));
    assert!(!fits(
        "promoted into dev: sha256:…",
        "promoted into prod: sha256:12"
    ));
    assert!(!fits("4", "14"));
    assert!(fits("a … c … e", "a b c d e"));
    assert!(!fits("a … c … e", "a b d e"));
    assert!(all_fit(&["…", "b"], &["a", "a", "b", ""]));
    assert!(!all_fit(&["…", "b"], &["a", "b", "c"]));
    assert!(!all_fit(&["a"], &[]));
    assert!(!all_fit(&[], &["something"]));
}
