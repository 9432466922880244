//! Where results are, as references relative to the folder that Bulla runs in.
//!
//! Code scanning refuses a whole document if one result's reference has another scheme than the
//! checkout's: none here begins with a scheme or a slash, or leads out of the folder.

use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

use bulla_model::Digest;

use super::super::report::{Judged, VerifyReport};
use crate::target::Target;

/// The folder, and what of it the answers rest on.
pub(super) struct Checkout<'a> {
    folder: PathBuf,
    policy: Option<&'a Path>,
    anchor: Option<&'a str>,
}

impl<'a> Checkout<'a> {
    pub(super) fn of(report: &'a VerifyReport) -> Self {
        let source = |what| {
            let own = report.sources.iter().find(|source| source.what == what);
            own.map(|source| source.path.as_str())
        };
        let folder_of = |path: &'a Path| {
            if path.is_dir() {
                path
            } else {
                path.parent().unwrap_or(Path::new(""))
            }
        };
        Self {
            folder: plain(&report.directory),
            policy: source("policy").map(Path::new).map(folder_of),
            anchor: source("anchor"),
        }
    }

    /// The file of a rule, if it lies in the folder. A policy's files are named from its own folder,
    /// an anchor as it was typed.
    pub(super) fn rule(&self, file: &str) -> Option<String> {
        let path = match self.anchor {
            Some(anchor) if anchor == file => PathBuf::from(file),
            _ => self.policy?.join(file),
        };
        self.inside(&path).map(|path| reference(&path))
    }

    /// What was asked about: a path, or a repository with its host; neither tag nor digest.
    pub(super) fn artifact(&self, judged: &Judged) -> String {
        let name = judged.image.as_deref().unwrap_or(&judged.target);
        let path = match Target::named(name) {
            Ok(Target::Registry(image)) => {
                return reference(Path::new(&image.repository().to_string()));
            }
            Ok(Target::Layout { directory, .. }) => directory,
            Ok(
                Target::Directory(path)
                | Target::DockerArchive(path)
                | Target::File(path)
                | Target::OciArchive(path),
            ) => without_digest(&path),
            Err(_) => PathBuf::from(name),
        };
        let elsewhere = || plain(&self.folder.join(&path));
        let path = self.inside(&path).unwrap_or_else(elsewhere);
        Some(reference(&path))
            .filter(|text| !text.is_empty())
            .unwrap_or_else(|| "artifact".to_owned())
    }

    fn inside(&self, path: &Path) -> Option<PathBuf> {
        let path = plain(&self.folder.join(path));
        path.strip_prefix(&self.folder).ok().map(Path::to_owned)
    }
}

fn without_digest(path: &Path) -> PathBuf {
    let text = path.to_str().and_then(|text| text.rsplit_once('@'));
    match text {
        Some((path, digest)) if digest.parse::<Digest>().is_ok() => PathBuf::from(path),
        _ => path.to_owned(),
    }
}

/// The same path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}

/// A path as a reference of RFC 3986: what could be taken for a scheme, a query or a fragment is
/// written by its bytes.
fn reference(path: &Path) -> String {
    let mut out = String::new();
    for part in path.components() {
        let Component::Normal(part) = part else {
            continue;
        };
        if !out.is_empty() {
            out.push('/');
        }
        for byte in part.to_string_lossy().bytes() {
            if byte.is_ascii_alphanumeric() || b"._-~+=@".contains(&byte) {
                out.push(char::from(byte));
            } else {
                write!(out, "%{byte:02X}").expect("because writing to a string cannot fail");
            }
        }
    }
    out
}
