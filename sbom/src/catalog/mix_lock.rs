//! Elixir packages that Mix's lock file declares.
//!
//! mix.lock as Mix 1.18 and Hex 2.2 and before write it, <https://hexdocs.pm/mix/1.18.4/Mix.Tasks.Deps.html> and
//! <https://github.com/hexpm/hex/blob/v2.2.2/lib/hex/utils.ex>. What is only for developing is said in
//! `mix.exs`, which is a program. Fields behind those known are ignored, as Hex does. Of a repository
//! other than Hex's there is only the name that it has on one machine; it is the qualifier `source`.

use std::collections::BTreeMap;

use bulla_model::{Algorithm, Digest, Purl, PurlError};

use super::erlang_term::{Language, Term};
use super::git_location::GitLocation;
use super::{Capability, Cataloger, Context, Edges, Found, ListFile, Technique};
use super::{file_name, is_inside_package};
use crate::{Package, Presence};

#[derive(Debug)]
pub(super) struct MixLock;

impl Cataloger for MixLock {
    fn name(&self) -> &'static str {
        "mix-lock"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "Elixir",
            reads: "`mix.lock`",
            presence: Presence::Declared,
            technique: Technique::Manifest,
            edges: Edges::Some,
            licenses: false,
            hashes: true,
            files: false,
        }
    }

    fn wants(&self, path: &str) -> bool {
        file_name(path) == "mix.lock" && !is_fetched(path) && !is_inside_package(path)
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        for list in context.files(|path| self.wants(path)) {
            match Term::read(&list.text(), Language::Elixir).as_deref() {
                Ok([Term::Map(entries)]) => read(list, entries, &mut found),
                Ok(_) => found.unknown(list.path, "not a lock file"),
                Err(reason) => found.unknown(list.path, &format!("not a lock file: {reason}")),
            }
        }
        found
    }
}

/// Whether Mix or Rebar fetched or built what lies there.
pub(super) fn is_fetched(path: &str) -> bool {
    path.split('/')
        .any(|part| ["deps", "_build"].contains(&part))
}

fn read(list: ListFile<'_>, entries: &[(Term, Term)], found: &mut Found) {
    let mut positions = BTreeMap::new();
    let mut needing = Vec::new();
    let mut others = 0usize;
    for (key, entry) in entries {
        let application = key.as_atom().or(key.as_text());
        let locked = application.and_then(|name| Some((name, Locked::read(name, entry)?)));
        let Some((application, locked)) = locked else {
            others = others.saturating_add(1);
            continue;
        };
        if let Some(index) = found.add(list, locked.package()) {
            positions.insert(application, index);
            needing.push((index, locked.needs()));
        }
    }
    for (from, needs) in needing {
        // Each begins with the name of an application, which is the key of its own entry.
        let names = needs
            .iter()
            .filter_map(|need| need.as_tuple()?.first()?.as_atom());
        let met = names.filter_map(|name| positions.get(name));
        found.edges.extend(met.map(|to| (from, *to)));
    }
    if others > 0 {
        found.unknown(list.path, &format!("{others} entries are of another kind"));
    }
}

enum Locked<'a> {
    Hex {
        name: &'a str,
        version: &'a str,
        needs: &'a [Term],
        repository: &'a str,
        /// SHA-256 of the archive; absent until Hex 0.20.
        checksum: Option<&'a str>,
    },
    Git {
        name: &'a str,
        location: GitLocation<'a>,
    },
}

impl<'a> Locked<'a> {
    fn read(application: &'a str, entry: &'a Term) -> Option<Self> {
        let fields = entry.as_tuple()?;
        let text = |position: usize| fields.get(position)?.as_text();
        match fields.first()?.as_atom()? {
            "hex" => {
                let name = fields.get(1)?;
                let needs = fields.get(5).and_then(Term::as_list);
                Some(Self::Hex {
                    name: name.as_atom().or(name.as_text())?,
                    version: text(2)?,
                    needs: needs.unwrap_or_default(),
                    repository: text(6).unwrap_or(HEX),
                    checksum: text(7),
                })
            }
            "git" => {
                let options = fields.get(3);
                let option = |name: &str| options?.property(name)?.as_text();
                let folder = option("subdir").or_else(|| option("sparse"));
                let location = GitLocation {
                    repository: text(1)?,
                    commit: text(2)?,
                    folder: folder.unwrap_or_default(),
                };
                let name = application;
                Some(Self::Git { name, location })
            }
            _ => None,
        }
    }

    fn needs(&self) -> &'a [Term] {
        match self {
            Self::Hex { needs, .. } => needs,
            Self::Git { .. } => &[],
        }
    }

    fn package(&self) -> Result<Package, PurlError> {
        match self {
            Self::Hex {
                name,
                version,
                repository,
                checksum,
                ..
            } => {
                let purl = hex_purl(name, version, repository)?;
                let mut package = Package::new(name, version, purl).declared();
                package.hashes.extend(checksum.and_then(digest));
                Ok(package)
            }
            Self::Git { name, location } => git_package(name, location),
        }
    }
}

/// The name of Hex's own repository.
const HEX: &str = "hexpm";

fn hex_purl(name: &str, version: &str, repository: &str) -> Result<Purl, PurlError> {
    let purl = Purl::builder("hex", name).with_version(version);
    let purl = match repository.split_once(':') {
        // Private packages of an organisation.
        Some((HEX, organization)) => purl.with_namespace(organization),
        None if repository == HEX => purl,
        _ => purl.with_qualifier("source", repository),
    };
    purl.build()
}

/// An application from a git repository; its version stands in its sources, so that the commit is
/// all there is.
pub(super) fn git_package(name: &str, location: &GitLocation<'_>) -> Result<Package, PurlError> {
    let purl = Purl::builder("otp", name)
        .with_qualifier("vcs_url", &location.url())
        .build()?;
    let mut package = Package::new(name, location.commit, purl).declared();
    location.describe(&mut package);
    Ok(package)
}

/// Hex writes digits in lower case, Rebar in upper case.
pub(super) fn digest(checksum: &str) -> Option<Digest> {
    Digest::new(Algorithm::Sha256, &checksum.to_ascii_lowercase()).ok()
}
