//! Packages of rpm, from its database; in images without one, from the list that takes its place.

mod bdb;
mod database;
mod header;
mod manifest;
mod ndb;
mod sqlite;

use std::collections::BTreeMap;

use bulla_model::{Purl, PurlError};

use self::database::Database;
use self::header::{Header, Tag};
use super::{Capability, Cataloger, Context, Edges, Found, ListFile, Technique};
use crate::source::Content;
use crate::{License, OperatingSystem, Package, Presence};

#[derive(Debug)]
pub(super) struct Rpm;

impl Cataloger for Rpm {
    fn name(&self) -> &'static str {
        "rpm"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "RPM",
            reads: "`rpmdb.sqlite`, `Packages.db`, `Packages`, `container-manifest-2`",
            presence: Presence::Installed,
            technique: Technique::Manifest,
            edges: Edges::All,
            licenses: true,
            hashes: false,
            files: true,
        }
    }

    fn wants(&self, path: &str) -> bool {
        let log = path.strip_suffix(LOG);
        is_database(path) || log.is_some_and(is_database) || path == manifest::PATH
    }

    fn accumulates(&self, path: &str) -> bool {
        let log = path.strip_suffix(LOG);
        is_database(path) || log.is_some_and(is_database)
    }

    fn well_known(&self) -> &'static [&'static str] {
        &DATABASES
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        let mut installed = Vec::new();
        for list in context.files(is_database) {
            read(list, context, &mut found, &mut installed);
        }
        for list in context.files(|path| path == manifest::PATH) {
            manifest::read(list, context, &mut found);
        }
        found.edges = edges(&installed);
        found.owned = installed
            .into_iter()
            .flat_map(|(index, entry)| {
                let kept = entry.files.into_iter();
                let kept = kept.filter_map(|path| context.view.place(&path));
                kept.map(move |path| (index, path))
            })
            .collect();
        found
    }
}

/// Reads one database; what is no package in it is counted.
fn read(
    list: ListFile<'_>,
    context: &Context<'_>,
    found: &mut Found,
    installed: &mut Vec<(usize, Entry)>,
) {
    let log = format!("{}{LOG}", list.path);
    let log = context.view.file(&log).and_then(|log| match &log.content {
        Content::Whole(bytes) => Some(&**bytes),
        Content::Program(_) | Content::Jar(_) => None,
    });
    let database = Database {
        bytes: list.bytes,
        log,
    };
    let mut malformed = 0usize;
    let outcome = database.headers(&mut |bytes| match Entry::read(bytes) {
        // Keys that packages are checked with are kept among them.
        Some(entry) if entry.name == "gpg-pubkey" => {}
        Some(entry) => {
            if let Some(index) = found.add(list, entry.package(context.operating_system)) {
                installed.push((index, entry));
            }
        }
        None => malformed = malformed.saturating_add(1),
    });
    if let Err(fault) = outcome {
        found.unknown(list.path, &fault.to_string());
    }
    if malformed > 0 {
        let reason = format!("{malformed} entries are no package");
        found.unknown(list.path, &reason);
    }
}

/// What is known of an installed package.
#[derive(Debug, Default)]
struct Entry {
    name: String,
    version: String,
    release: String,
    epoch: Option<usize>,
    architecture: Option<String>,
    source: Option<String>,
    module: Option<String>,
    license: Option<String>,
    supplier: Option<String>,
    summary: Option<String>,
    homepage: Option<String>,
    provides: Vec<String>,
    requires: Vec<String>,
    files: Vec<String>,
}

impl Entry {
    fn read(bytes: &[u8]) -> Option<Self> {
        let header = Header::parse(bytes)?;
        let text = |tag| header.text(tag);
        Some(Self {
            name: text(Tag::Name)?,
            version: text(Tag::Version)?,
            release: text(Tag::Release)?,
            epoch: header.numbers(Tag::Epoch).first().copied(),
            architecture: text(Tag::Architecture),
            source: text(Tag::SourceRpm),
            module: text(Tag::ModularityLabel),
            license: text(Tag::License),
            supplier: text(Tag::Vendor).or_else(|| text(Tag::Packager)),
            summary: text(Tag::Summary),
            homepage: text(Tag::Url),
            provides: header.texts(Tag::ProvideName),
            requires: header.texts(Tag::RequireName),
            files: header.files(),
        })
    }

    fn package(&self, system: Option<&OperatingSystem>) -> Result<Package, PurlError> {
        let version = format!("{}-{}", self.version, self.release);
        let whole = match self.epoch {
            Some(epoch) => format!("{epoch}:{version}"),
            None => version.clone(),
        };
        let mut package = Package::new(&self.name, &whole, self.purl(&version, system)?);
        package
            .licenses
            .extend(self.license.as_deref().and_then(License::parse));
        package.supplier.clone_from(&self.supplier);
        package.description.clone_from(&self.summary);
        package.homepage.clone_from(&self.homepage);
        Ok(package)
    }

    fn purl(&self, version: &str, system: Option<&OperatingSystem>) -> Result<Purl, PurlError> {
        let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
        let epoch = self.epoch.map(|epoch| epoch.to_string());
        let mut purl = Purl::builder("rpm", &self.name)
            .with_version(version)
            .with_qualifier("arch", &or_empty(&self.architecture))
            .with_qualifier("epoch", &epoch.unwrap_or_default())
            .with_qualifier("rpmmod", &or_empty(&self.module))
            .with_qualifier("upstream", &or_empty(&self.source));
        if let Some(system) = system {
            purl = purl
                .with_namespace(vendor(system))
                .with_qualifier("distro", &system.distro());
        }
        purl.build()
    }
}

/// The namespace that databases of vulnerabilities know a distribution by.
fn vendor(system: &OperatingSystem) -> &str {
    match system.id.as_str() {
        "rhel" => "redhat",
        id if id.starts_with("opensuse") => "opensuse",
        id => id,
    }
}

/// What is required, where something installed provides it: a name, or a file.
fn edges(installed: &[(usize, Entry)]) -> Vec<(usize, usize)> {
    let mut provided = BTreeMap::<&str, usize>::new();
    let mut files = BTreeMap::<&str, usize>::new();
    for (index, entry) in installed {
        provided.entry(&entry.name).or_insert(*index);
        for name in &entry.provides {
            provided.entry(name).or_insert(*index);
        }
        for file in &entry.files {
            files.entry(file).or_insert(*index);
        }
    }
    let mut edges = Vec::new();
    for (from, entry) in installed {
        let met = entry.requires.iter().filter_map(|name| {
            let file = name.strip_prefix('/').and_then(|path| files.get(path));
            provided.get(name.as_str()).or(file).copied()
        });
        edges.extend(met.map(|to| (*from, to)));
    }
    edges
}

fn is_database(path: &str) -> bool {
    DATABASES.contains(&path)
}

/// Where distributions put it, in the three formats.
const DATABASES: [&str; 9] = [
    "usr/lib/sysimage/rpm/Packages",
    "usr/lib/sysimage/rpm/Packages.db",
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "usr/share/rpm/Packages",
    "usr/share/rpm/Packages.db",
    "usr/share/rpm/rpmdb.sqlite",
    "var/lib/rpm/Packages",
    "var/lib/rpm/Packages.db",
    "var/lib/rpm/rpmdb.sqlite",
];

/// What SQLite calls its write-ahead log.
const LOG: &str = "-wal";
