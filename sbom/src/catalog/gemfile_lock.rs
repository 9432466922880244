//! Ruby gems that Bundler's lock file declares.
//!
//! `Gemfile.lock` and `gems.locked` of Bundler 1 to 2.7, <https://bundler.io/man/bundle-lock.1.html>. It
//! does not say which groups a gem is in, so that all of them are needed.

use std::collections::BTreeMap;

use bulla_model::{Digest, PurlError};

use super::{
    Capability, Cataloger, Context, Edges, Found, ListFile, Technique, file_name, gem,
    is_inside_package, lock,
};
use crate::{Package, Presence, address};

#[derive(Debug)]
pub(super) struct GemfileLock;

impl Cataloger for GemfileLock {
    fn name(&self) -> &'static str {
        "gemfile-lock"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "Ruby",
            reads: "`Gemfile.lock`, `gems.locked`",
            presence: Presence::Declared,
            technique: Technique::Manifest,
            edges: Edges::All,
            licenses: false,
            hashes: true,
            files: false,
        }
    }

    fn wants(&self, path: &str) -> bool {
        ["Gemfile.lock", "gems.locked"].contains(&file_name(path)) && !is_inside_package(path)
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        for list in context.files(|path| self.wants(path)) {
            let text = list.text();
            let file = LockFile::read(&text);
            if !file.is_lock {
                found.unknown(list.path, "not a lock file of Bundler");
            } else if file.malformed > 0 {
                let reason = format!("{} gems have no version", file.malformed);
                found.unknown(list.path, &reason);
            }
            add(list, &file, &mut found);
        }
        found
    }
}

#[derive(Default)]
struct LockFile<'a> {
    gems: Vec<Locked<'a>>,
    /// By name and version with the platform, as they are written.
    checksums: BTreeMap<&'a str, &'a str>,
    malformed: usize,
    is_lock: bool,
}

/// Where the gems of a section are from.
#[derive(Clone, Copy, Default)]
struct Place<'a> {
    section: &'a str,
    remote: &'a str,
    revision: Option<&'a str>,
}

struct Locked<'a> {
    /// `name (version)`.
    text: &'a str,
    name: &'a str,
    version: &'a str,
    place: Place<'a>,
    needs: Vec<&'a str>,
}

impl<'a> LockFile<'a> {
    fn read(text: &'a str) -> Self {
        let mut file = Self::default();
        let mut place = Place::default();
        for line in text.lines() {
            let content = line.trim();
            let indent = line.len().saturating_sub(line.trim_start().len());
            match (indent, place.section) {
                _ if content.is_empty() => {}
                (0, _) => {
                    file.is_lock |= SECTIONS.contains(&content);
                    place = Place {
                        section: content,
                        ..Place::default()
                    };
                }
                (2, "CHECKSUMS") => {
                    if let Some((gem, sum)) = content.rsplit_once(" sha256=") {
                        file.checksums.insert(gem, sum);
                    }
                }
                (2, _) => match content.split_once(": ") {
                    Some(("remote", remote)) => place.remote = remote,
                    Some(("revision", revision)) => place.revision = Some(revision),
                    _ => {}
                },
                (4, "GEM" | "GIT" | "PATH" | "PLUGIN SOURCE") => match named(content) {
                    Some((name, version)) => file.gems.push(Locked {
                        text: content,
                        name,
                        version,
                        place,
                        needs: Vec::new(),
                    }),
                    None => file.malformed = file.malformed.saturating_add(1),
                },
                (6, "GEM" | "GIT" | "PATH" | "PLUGIN SOURCE") => {
                    let name = content.split(' ').next().unwrap_or(content);
                    if let Some(gem) = file.gems.last_mut() {
                        gem.needs.push(name.trim_end_matches('!'));
                    }
                }
                _ => {}
            }
        }
        file
    }
}

/// `name (version)`.
fn named(text: &str) -> Option<(&str, &str)> {
    let (name, version) = text.split_once(" (")?;
    Some((name, version.strip_suffix(')')?)).filter(|(_, version)| !version.is_empty())
}

impl Locked<'_> {
    fn package(&self, checksum: Option<&&str>) -> Result<Package, PurlError> {
        // Versions of gems have no dash: behind it is the platform.
        let (version, platform) = self.version.split_once('-').unwrap_or((self.version, ""));
        let Place {
            section,
            remote,
            revision,
        } = self.place;
        let (key, value) = match section {
            "GIT" => ("vcs_url", lock::vcs_url("git", remote, revision, None)),
            "GEM" if !gem::is_default_source(remote) => {
                ("repository_url", address::without_secret(remote))
            }
            _ => Default::default(),
        };
        let purl = gem::purl(self.name, version, platform);
        let purl = purl.with_qualifier(key, &value).build()?;
        let mut package = Package::new(self.name, version, purl).declared();
        let digest = checksum.and_then(|hex| Digest::new(bulla_model::Algorithm::Sha256, hex).ok());
        package.hashes.extend(digest);
        Ok(package)
    }
}

fn add(list: ListFile<'_>, file: &LockFile<'_>, found: &mut Found) {
    let mut named = BTreeMap::<&str, Vec<usize>>::new();
    let mut listed = Vec::new();
    for gem in &file.gems {
        let package = gem.package(file.checksums.get(gem.text));
        if let Some(index) = found.add(list, package) {
            named.entry(gem.name).or_default().push(index);
            listed.push((index, gem));
        }
    }
    // Of one gem for several platforms, which is installed depends on the machine: all may be.
    for (from, gem) in listed {
        let met = gem.needs.iter().filter_map(|name| named.get(name));
        let met = met.flat_map(|all| all.iter().take(lock::VERSIONS));
        found.edges.extend(met.map(|to| (from, *to)));
    }
}

/// Sections that only such a file has.
const SECTIONS: [&str; 5] = ["GEM", "GIT", "PATH", "PLUGIN SOURCE", "BUNDLED WITH"];
