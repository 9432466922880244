//! Erlang packages that Rebar's lock file declares.
//!
//! rebar.lock, versions 1.1.0 and 1.2.0 and those without one, as Rebar 3.25 and before writes it,
//! <https://github.com/erlang/rebar3/blob/3.25.1/apps/rebar/src/rebar_config.erl>. It holds no edges, and does
//! not say which of its repositories a package is from, so that all count as those of Hex.

use std::collections::BTreeMap;

use bulla_model::{Purl, PurlError};

use super::erlang_term::{Language, Term};
use super::git_location::GitLocation;
use super::mix_lock::{digest, git_package, is_fetched};
use super::{Capability, Cataloger, Context, Edges, Found, ListFile, Technique};
use super::{file_name, is_inside_package};
use crate::{Package, Presence, address};

#[derive(Debug)]
pub(super) struct RebarLock;

impl Cataloger for RebarLock {
    fn name(&self) -> &'static str {
        "rebar-lock"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "Erlang",
            reads: "`rebar.lock`",
            presence: Presence::Declared,
            technique: Technique::Manifest,
            edges: Edges::None,
            licenses: false,
            hashes: true,
            files: false,
        }
    }

    fn wants(&self, path: &str) -> bool {
        file_name(path) == "rebar.lock" && !is_fetched(path) && !is_inside_package(path)
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        for list in context.files(|path| self.wants(path)) {
            match Term::read(&list.text(), Language::Erlang) {
                Ok(terms) => read_terms(list, &terms, &mut found),
                Err(reason) => found.unknown(list.path, &format!("not a lock file: {reason}")),
            }
        }
        found
    }
}

/// A list of what is locked; or a version with that list, and then hashes.
fn read_terms(list: ListFile<'_>, terms: &[Term], found: &mut Found) {
    match terms {
        [] => {}
        [Term::List(locks)] => read(list, locks, &Term::List(Vec::new()), found),
        [Term::Tuple(head), rest @ ..] => {
            let [Term::Text(version), Term::List(locks)] = head.as_slice() else {
                found.unknown(list.path, "not a lock file");
                return;
            };
            if !VERSIONS.contains(&version.as_str()) {
                // Rebar reads on, too: what is locked has not changed since there are lock files.
                found.unknown(list.path, &format!("version {version} is not known"));
            }
            let none = Term::List(Vec::new());
            read(list, locks, rest.first().unwrap_or(&none), found);
        }
        _ => found.unknown(list.path, "not a lock file"),
    }
}

const VERSIONS: [&str; 2] = ["1.1.0", "1.2.0"];

fn read(list: ListFile<'_>, locks: &[Term], attributes: &Term, found: &mut Found) {
    // `pkg_hash` is of a part of the archive, and not of what is fetched.
    let hashes = attributes.property("pkg_hash_ext").and_then(Term::as_list);
    let hashes = hashes.into_iter().flatten().filter_map(Term::as_tuple);
    let hashes: BTreeMap<&str, &str> = hashes
        .filter_map(|pair| Some((pair.first()?.as_text()?, pair.get(1)?.as_text()?)))
        .collect();
    let mut others = 0usize;
    for lock in locks {
        match package(lock, &hashes) {
            Some(package) => {
                found.add(list, package);
            }
            None => others = others.saturating_add(1),
        }
    }
    if others > 0 {
        found.unknown(list.path, &format!("{others} entries are of another kind"));
    }
}

/// `{<<"application">>, {kind, ...}, level}`.
fn package(lock: &Term, hashes: &BTreeMap<&str, &str>) -> Option<Result<Package, PurlError>> {
    let [Term::Text(name), Term::Tuple(source), ..] = lock.as_tuple()? else {
        return None;
    };
    let kind = source.first()?.as_atom()?;
    let place = source.get(1)?.as_text()?;
    // `{ref, "commit"}`, or the version of a package.
    let at = source.get(2)?;
    let at = at.as_text().or_else(|| at.as_tuple()?.get(1)?.as_text());
    let folder = source.get(3).and_then(Term::as_text).unwrap_or_default();
    match kind {
        "pkg" => Some(hex_package(place, at?, hashes.get(name.as_str()).copied())),
        "git" | "git_subdir" => Some(git_package(
            name,
            &GitLocation {
                repository: place,
                commit: at?,
                folder,
            },
        )),
        "hg" => Some(mercurial_package(name, place, at?)),
        // A folder of this project, or beside it.
        "path" => Some(application(name, "", "")),
        _ => None,
    }
}

fn hex_package(name: &str, version: &str, checksum: Option<&str>) -> Result<Package, PurlError> {
    let purl = Purl::builder("hex", name).with_version(version).build()?;
    let mut package = Package::new(name, version, purl).declared();
    package.hashes.extend(checksum.and_then(digest));
    Ok(package)
}

fn mercurial_package(name: &str, place: &str, revision: &str) -> Result<Package, PurlError> {
    let url = format!("hg+{}@{revision}", address::without_secret(place));
    application(name, revision, &url)
}

fn application(name: &str, version: &str, url: &str) -> Result<Package, PurlError> {
    let purl = Purl::builder("otp", name).with_qualifier("vcs_url", url);
    Ok(Package::new(name, version, purl.build()?).declared())
}
