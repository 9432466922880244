//! Catalogers: each knows one way in which packages are recorded.
//!
//! To add one: a file here with a type that implements [`Cataloger`], and a row in [`CATALOGERS`].

mod apk;
mod binary;
mod bun;
mod cabal;
mod capability;
mod cargo_auditable;
mod cargo_lock;
mod cocoapods;
mod composer;
mod conda;
mod conda_archive;
mod conda_lock;
mod copyright;
mod dotnet_deps;
mod dpkg;
mod erlang_app;
mod erlang_term;
mod gem;
mod gemfile_lock;
mod git_location;
mod github_actions;
mod go_binary;
mod go_mod;
mod gradle;
mod inside;
mod java;
mod jsonc;
mod jvm;
mod layer;
mod lock;
mod mix_lock;
mod npm;
mod npm_lock;
mod npm_origin;
mod npm_repository;
mod nuget_lock;
mod pdm;
mod pipenv;
mod pnpm;
mod poetry;
mod pub_lock;
mod pylock;
mod python;
mod python_lock;
mod rebar_lock;
mod requirements;
mod rpm;
mod stack;
mod stanza;
mod swift;
mod uv;
mod yaml;
mod yarn;

use std::fmt;

use bulla_model::{JsonError, PurlError, json};
use serde::de::DeserializeOwned;

use crate::source::{Content, File, Source, SourceError, SourceKind, View, Wanted};

use crate::{Inventory, OperatingSystem, Options, Package, Progress, Unknown, address, relate};
use inside::is_inside_package;

pub use capability::{Capability, Edges, Technique, table};

/// Knows how one package manager or tool records packages.
pub trait Cataloger: fmt::Debug + Sync {
    /// A stable name, shown as evidence: `dpkg`.
    fn name(&self) -> &'static str;

    /// What it reads and says.
    fn capability(&self) -> Capability;

    /// Whether a file with this path lists packages of this kind, or says something about them.
    fn wants(&self, path: &str) -> bool;

    /// Places where a list is found even if symbolic links lead there.
    fn well_known(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether this file lists all packages of its kind, so that every layer which adds one writes the
    /// whole file again.
    fn accumulates(&self, _path: &str) -> bool {
        false
    }

    /// Whether what it finds is nothing of its own where another package put the file there.
    fn yields(&self) -> bool {
        false
    }

    /// Reads all of its files at once, because edges lead from one to another.
    fn catalog(&self, context: &Context<'_>) -> Found;
}

/// All catalogers, in the order in which what they know is merged.
pub const CATALOGERS: &[&dyn Cataloger] = &[
    &dpkg::Dpkg,
    &apk::Apk,
    &rpm::Rpm,
    &npm::Npm,
    &npm_lock::NpmLock,
    &yarn::Yarn,
    &pnpm::Pnpm,
    &bun::Bun,
    &python::Python,
    &requirements::Requirements,
    &pipenv::Pipenv,
    &poetry::Poetry,
    &uv::Uv,
    &pdm::Pdm,
    &pylock::Pylock,
    &conda::Conda,
    &conda_lock::CondaLock,
    &cargo_auditable::CargoAuditable,
    &cargo_lock::CargoLock,
    &go_binary::GoBinary,
    &go_mod::GoMod,
    &java::Java,
    &java::MavenProject,
    &jvm::Jvm,
    &binary::Binary,
    &dotnet_deps::DotnetDeps,
    &nuget_lock::NugetLock,
    &gradle::Gradle,
    &gem::Gem,
    &gemfile_lock::GemfileLock,
    &composer::ComposerInstalled,
    &composer::ComposerLock,
    &pub_lock::PubLock,
    &swift::Swift,
    &cocoapods::Cocoapods,
    &mix_lock::MixLock,
    &rebar_lock::RebarLock,
    &erlang_app::ErlangApp,
    &cabal::Cabal,
    &stack::Stack,
    &github_actions::GithubActions,
];

/// What a cataloger may look at.
#[derive(Debug)]
pub struct Context<'a> {
    /// The files that were kept.
    pub view: &'a View,
    /// What the files are from.
    pub kind: SourceKind,
    /// The operating system, if known.
    pub operating_system: Option<&'a OperatingSystem>,
}

impl Context<'_> {
    /// Files that were kept whole and whose path passes this test.
    fn files(&self, wants: impl Fn(&str) -> bool) -> impl Iterator<Item = ListFile<'_>> {
        self.view
            .files()
            .iter()
            .filter_map(move |(path, file)| match &file.content {
                Content::Whole(bytes) if wants(path) => Some(ListFile { path, file, bytes }),
                Content::Whole(_) | Content::Program(_) | Content::Jar(_) => None,
            })
    }
}

/// A file that lists packages.
#[derive(Clone, Copy, Debug)]
struct ListFile<'a> {
    path: &'a str,
    file: &'a File,
    bytes: &'a [u8],
}

impl ListFile<'_> {
    /// The text, without a byte order mark, invalid UTF-8 replaced.
    fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.json())
    }

    /// The bytes without a byte order mark, which JSON readers do not know.
    fn json(&self) -> &[u8] {
        self.bytes
            .strip_prefix(b"\xef\xbb\xbf")
            .unwrap_or(self.bytes)
    }

    /// What the bytes are read as; of several members with one name the last, as their tools do.
    fn read_json<T: DeserializeOwned>(&self) -> Result<T, JsonError> {
        json::read_last_wins(self.json(), self.bytes.len() as u64, LIST_DEPTH)
    }
}

/// Nesting of the JSON in lists of packages, stops stack exhaustion. Old lock files nest
/// dependencies in dependencies.
const LIST_DEPTH: usize = 127;

/// Whether its package URL would tell everybody who reads the list how to get in somewhere.
fn says_secret(package: &Package) -> bool {
    let text = package.purl.as_str();
    // What is no secret has no user, and its at sign is written in full or after the name.
    let may = text.contains("%40") || text.matches('@').count() > 1;
    may && package
        .purl
        .parts()
        .qualifiers
        .values()
        .any(|value| address::holds_secret(value))
}

/// What one cataloger found.
#[derive(Debug, Default)]
pub struct Found {
    /// Packages; the same one may be there several times.
    pub packages: Vec<Package>,
    /// Pairs of positions in `packages`: the first depends on the second.
    pub edges: Vec<(usize, usize)>,
    /// Files that a package of this cataloger put there: its position and the path.
    pub owned: Vec<(usize, String)>,
    /// Files that could not be understood.
    pub unknowns: Vec<Unknown>,
}

impl Found {
    /// Adds a package shown by a file; its position, or `None` if no package URL can name it.
    fn add(&mut self, list: ListFile<'_>, package: Result<Package, PurlError>) -> Option<usize> {
        match package {
            Ok(package) if says_secret(&package) => {
                self.unknown(list.path, "an address holds a user or password");
                None
            }
            Ok(mut package) => {
                for address in [
                    &mut package.homepage,
                    &mut package.repository,
                    &mut package.distribution,
                ] {
                    address.take_if(|address| address::holds_secret(address));
                }
                package.locations.insert(list.file.location(list.path));
                package.layer = list.file.place;
                self.packages.push(package);
                self.packages.len().checked_sub(1)
            }
            Err(error) => {
                self.unknown(list.path, &error.to_string());
                None
            }
        }
    }

    fn unknown(&mut self, path: &str, reason: &str) {
        self.unknowns.push(Unknown::new(path, reason));
    }
}

/// Lists what a source contains.
///
/// 1. Read the source once, keeping what catalogers want.
/// 2. Run every cataloger.
/// 3. Merge what they found.
pub fn catalog(source: &dyn Source, options: &Options<'_>) -> Result<Inventory, CatalogError> {
    let by_path = |path: &str| {
        OperatingSystem::wants(path) || CATALOGERS.iter().any(|cataloger| cataloger.wants(path))
    };
    let accumulates = |path: &str| CATALOGERS.iter().any(|one| one.accumulates(path));
    let well_known: Vec<&'static str> = CATALOGERS
        .iter()
        .flat_map(|cataloger| cataloger.well_known())
        .copied()
        .collect();
    let view = source.read(
        &Wanted {
            by_path: &by_path,
            accumulates: &accumulates,
            well_known: &well_known,
        },
        options,
    )?;
    options.report(Progress::Cataloging);
    let operating_system = OperatingSystem::find(&view);
    let context = Context {
        view: &view,
        kind: source.kind(),
        operating_system: operating_system.as_ref(),
    };
    let found = CATALOGERS
        .iter()
        .map(|cataloger| (*cataloger, cataloger.catalog(&context)));
    let (mut packages, mut unknowns) = relate::merge(found);
    layer::attribute(&mut packages, &context);
    unknowns.extend(view.unknowns().iter().cloned());
    unknowns.sort();
    unknowns.dedup();
    Ok(Inventory {
        packages,
        unknowns,
        files_read: view.files().len(),
        operating_system,
    })
}

/// Why nothing could be listed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// The source could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// Whether a file of this name is a list of packages that some cataloger reads, wherever it lies.
pub fn is_list(name: &str) -> bool {
    CATALOGERS.iter().any(|cataloger| cataloger.wants(name))
}

/// The file name at the end of a path.
fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
