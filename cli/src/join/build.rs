//! A build on this machine: its files, its Git work tree, its command.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bulla_attest::ci::GitSource;
use bulla_model::{Digest, ResourceDescriptor};

use super::file;
use crate::Failure;
use crate::failure::FailureKind;
use crate::settings::Environment;

/// Files by their path with `/`, with their digests.
pub type Files = BTreeMap<String, Digest>;

/// Hashes the regular files that match any of the patterns.
pub fn hash_matches(patterns: &[String]) -> Result<Files, Failure> {
    let mut files = Files::new();
    for pattern in patterns {
        let paths = glob::glob(pattern)
            .map_err(|error| Failure::usage(format_args!("`{pattern}` is no pattern: {error}")))?;
        for path in paths {
            let path = path.map_err(|error| Failure::file("read", error.path(), error.error()))?;
            if path.is_file() {
                files.insert(name_of(&path)?, file::digest(&path)?);
            }
        }
    }
    Ok(files)
}

/// Files as resource descriptors, sorted by name.
pub fn descriptors(files: &Files) -> Vec<ResourceDescriptor> {
    files
        .iter()
        .map(|(name, digest)| ResourceDescriptor::named(name, digest.clone()))
        .collect()
}

/// The path as statements write it: relative parts joined by `/`.
fn name_of(path: &Path) -> Result<String, Failure> {
    let text = path.to_str().ok_or_else(|| {
        Failure::new(
            FailureKind::Input,
            format_args!("{} is not UTF-8", path.display()),
        )
    })?;
    let text = text.strip_prefix("./").unwrap_or(text);
    Ok(if cfg!(windows) {
        text.replace('\\', "/")
    } else {
        text.to_owned()
    })
}

/// The Git work tree around a directory, if there is one and Git can be asked.
pub fn git_source(environment: &Environment, directory: &Path) -> Option<GitSource> {
    let git = |arguments: &[&str]| git(environment, directory, arguments);
    let commit = git(&["rev-parse", "--verify", "HEAD"])?;
    let dirty = git(&["status", "--porcelain"]).is_none_or(|text| !text.is_empty());
    let url = git(&["remote", "get-url", "origin"]).filter(|url| !url.is_empty());
    let people = git(&["log", "-1", "--format=%ae%n%ce"]).unwrap_or_default();
    let authors = people
        .lines()
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect();
    Some(GitSource {
        url,
        commit,
        dirty,
        authors,
    })
}

/// How many commits the second has that the first has not, and the other way round, if the work tree
/// around a directory knows both with all that lies before them.
pub fn commits_between(
    environment: &Environment,
    directory: &Path,
    (from, to): (&str, &str),
) -> Option<(u64, u64)> {
    let is_commit = |text: &str| {
        matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    if !is_commit(from) || !is_commit(to) {
        return None;
    }
    let shallow = git(
        environment,
        directory,
        &["rev-parse", "--is-shallow-repository"],
    )?;
    if shallow.trim() != "false" {
        return None;
    }
    let range = format!("{from}...{to}");
    let sides = ["rev-list", "--left-right", "--count", &range];
    let counts = git(environment, directory, &sides)?;
    let (lost, gained) = counts.trim().split_once('\t')?;
    Some((gained.parse().ok()?, lost.parse().ok()?))
}

fn git(environment: &Environment, directory: &Path, arguments: &[&str]) -> Option<String> {
    // Never a program of the directory itself.
    let mut command = Command::new(environment.program("git")?);
    // A work tree may name programs that Git runs.
    for name in environment.secrets() {
        command.env_remove(name);
    }
    let output = command
        .arg("-C")
        .arg(directory)
        // A work tree may name a program that watches it.
        .args(["-c", "core.fsmonitor=false"])
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// Runs a command with this process's streams and waits for it, through any interruption: the
/// command gets the signal too and decides. It does not get the `withheld` variables.
pub async fn run(
    command: &[OsString],
    directory: &Path,
    withheld: &[String],
) -> Result<i32, Failure> {
    let [program, arguments @ ..] = command else {
        return Err(Failure::usage("no command to run"));
    };
    let mut child = tokio::process::Command::new(program);
    for name in withheld {
        child.env_remove(name);
    }
    let mut child = child
        .args(arguments)
        .current_dir(directory)
        .spawn()
        .map_err(|error| not_started(program, &error))?;
    loop {
        tokio::select! {
            status = child.wait() => {
                let status = status.map_err(|error| not_started(program, &error))?;
                return Ok(code_of(status));
            }
            Ok(()) = tokio::signal::ctrl_c() => {}
        }
    }
}

fn not_started(program: &OsStr, error: &std::io::Error) -> Failure {
    Failure::file("run", &PathBuf::from(program), error)
}

/// The exit code; 128 and the number of the signal that ended it, as shells count.
fn code_of(status: std::process::ExitStatus) -> i32 {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt as _;
        if let Some(signal) = status.signal() {
            return 128_i32.saturating_add(signal);
        }
    }
    status.code().unwrap_or(1)
}
