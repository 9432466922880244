//! Debian packages, from dpkg's status file and, in distroless images, from `status.d`.
//!
//! deb-control(5) and dpkg-query(1) of dpkg 1.21, <https://manpages.debian.org/bookworm/dpkg-dev/deb-control.5.en.html>.

use std::collections::BTreeMap;
use std::path::Path;

use bulla_model::{Purl, PurlError};

use super::stanza::{self, Stanza};
use super::{Capability, Cataloger, Context, Edges, Found, Technique, copyright};
use crate::{Package, Presence};

#[derive(Debug)]
pub(super) struct Dpkg;

impl Cataloger for Dpkg {
    fn name(&self) -> &'static str {
        "dpkg"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "Debian",
            reads: "`status`, `status.d` of distroless images, `info/*.list`, `copyright`",
            presence: Presence::Installed,
            technique: Technique::Manifest,
            edges: Edges::All,
            licenses: true,
            hashes: false,
            files: true,
        }
    }

    fn wants(&self, path: &str) -> bool {
        is_status(path) || file_list(path).is_some() || copyright::is_copyright(path)
    }

    fn accumulates(&self, path: &str) -> bool {
        path == STATUS
    }

    fn well_known(&self) -> &'static [&'static str] {
        &[STATUS]
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        let mut installed = Vec::new();
        for list in context.files(is_status) {
            let text = list.text();
            let mut malformed = 0usize;
            for stanza in stanza::parse(&text) {
                malformed = malformed.saturating_add(stanza.malformed);
                let Some(entry) = Entry::read(&stanza) else {
                    if stanza.field("Package").is_none() {
                        malformed = malformed.saturating_add(1);
                    }
                    continue;
                };
                let package = entry.package(context);
                if let Some(index) = found.add(list, package) {
                    installed.push((index, entry));
                }
            }
            if malformed > 0 {
                found.unknown(
                    list.path,
                    &format!("{malformed} lines or entries are no package"),
                );
            }
        }
        found.edges = edges(&installed);
        found.owned = owned(context, &installed);
        found
    }
}

/// What one stanza says about an installed package.
struct Entry {
    name: String,
    version: String,
    architecture: String,
    /// Source package with its version, where they differ from the binary's.
    source: Option<String>,
    maintainer: Option<String>,
    description: Option<String>,
    homepage: Option<String>,
    depends: Vec<Vec<String>>,
    provides: Vec<String>,
}

impl Entry {
    fn read(stanza: &Stanza<'_>) -> Option<Self> {
        let text = |key| stanza.field(key).map(str::to_owned);
        // Distroless files have no status; a removed package leaves its configuration behind.
        let state = stanza
            .field("Status")
            .and_then(|status| status.split_whitespace().nth(2));
        if state.is_some_and(|state| !PRESENT.contains(&state)) {
            return None;
        }
        let relations = ["Pre-Depends", "Depends"]
            .iter()
            .filter_map(|key| stanza.field(key));
        Some(Self {
            name: text("Package")?,
            version: text("Version")?,
            architecture: text("Architecture").unwrap_or_default(),
            source: text("Source"),
            maintainer: text("Maintainer"),
            description: stanza
                .field("Description")
                .and_then(|text| text.lines().next())
                .map(str::to_owned),
            homepage: text("Homepage"),
            depends: relations.flat_map(alternatives).collect(),
            provides: stanza
                .field("Provides")
                .into_iter()
                .flat_map(alternatives)
                .flatten()
                .collect(),
        })
    }

    fn package(&self, context: &Context<'_>) -> Result<Package, PurlError> {
        let mut package = Package::new(&self.name, &self.version, self.purl(context)?);
        package.supplier.clone_from(&self.maintainer);
        package.description.clone_from(&self.description);
        package.homepage.clone_from(&self.homepage);
        package.licenses = copyright::licenses(context.view, &self.name);
        Ok(package)
    }

    fn purl(&self, context: &Context<'_>) -> Result<Purl, PurlError> {
        let system = context.operating_system;
        let vendor = system.map_or("debian", |system| system.id.as_str());
        let mut purl = Purl::builder("deb", &self.name)
            .with_namespace(vendor)
            .with_version(&self.version)
            .with_qualifier("arch", &self.architecture);
        if let Some(system) = system {
            purl = purl.with_qualifier("distro", &system.distro());
        }
        // `upstream` is what vulnerability matchers read: advisories name source packages.
        let upstream = self
            .source
            .as_deref()
            .map(|source| match source.split_once(" (") {
                Some((name, version)) => format!("{name}@{}", version.trim_end_matches(')')),
                None => source.to_owned(),
            });
        purl.with_qualifier("upstream", &upstream.unwrap_or_default())
            .build()
    }
}

/// Dependencies that are met by something installed: the first alternative that is there.
fn edges(installed: &[(usize, Entry)]) -> Vec<(usize, usize)> {
    let mut by_name = BTreeMap::<&str, Vec<(usize, &str)>>::new();
    let mut provided = BTreeMap::<&str, Vec<usize>>::new();
    for (index, entry) in installed {
        by_name
            .entry(&entry.name)
            .or_default()
            .push((*index, &entry.architecture));
        for name in &entry.provides {
            provided.entry(name).or_default().push(*index);
        }
    }
    let mut edges = Vec::new();
    for (from, entry) in installed {
        let meets = |name: &String| -> Option<usize> {
            let candidates = by_name.get(name.as_str());
            let same = |(_, architecture): &&(usize, &str)| *architecture == entry.architecture;
            candidates
                .and_then(|found| found.iter().find(same).or_else(|| found.first()))
                .map(|(index, _)| *index)
                .or_else(|| provided.get(name.as_str())?.first().copied())
        };
        let met = entry
            .depends
            .iter()
            .filter_map(|choice| choice.iter().find_map(meets));
        edges.extend(met.map(|to| (*from, to)));
    }
    edges
}

/// Which of the kept files the installed packages have put there, from `info/NAME[:ARCH].list`.
fn owned(context: &Context<'_>, installed: &[(usize, Entry)]) -> Vec<(usize, String)> {
    let mut owned = Vec::new();
    for list in context.files(|path| file_list(path).is_some()) {
        let (name, architecture) = file_list(list.path).unwrap_or_default();
        let fits = |entry: &Entry| {
            entry.name == name && (architecture.is_empty() || entry.architecture == architecture)
        };
        let Some((package, _)) = installed.iter().find(|(_, entry)| fits(entry)) else {
            continue;
        };
        let text = list.text();
        let paths = text.lines().map(|path| path.trim_start_matches('/'));
        let kept = paths.filter_map(|path| context.view.place(path));
        owned.extend(kept.map(|path| (*package, path)));
    }
    owned
}

/// Package and architecture (empty if not named) whose files this is the list of.
fn file_list(path: &str) -> Option<(&str, &str)> {
    let name = path.strip_prefix(FILE_LISTS)?.strip_suffix(".list")?;
    (!name.contains('/')).then(|| name.split_once(':').unwrap_or((name, "")))
}

/// Reads `a (>= 1) | b:any, c` as `[[a, b], [c]]`.
fn alternatives(relation: &str) -> Vec<Vec<String>> {
    let name = |text: &str| {
        let text = text.trim();
        let end = text.find([' ', '(', ':', '[', '<']).unwrap_or(text.len());
        text.get(..end).unwrap_or(text).to_owned()
    };
    relation
        .split(',')
        .map(|choice| {
            choice
                .split('|')
                .map(name)
                .filter(|name| !name.is_empty())
                .collect()
        })
        .collect()
}

fn is_status(path: &str) -> bool {
    path == STATUS
        || path.strip_prefix(STATUS_FOLDER).is_some_and(|name| {
            !name.contains('/') && Path::new(name).extension() != Some("md5sums".as_ref())
        })
}

/// States in which a package's files are there.
const PRESENT: [&str; 5] = [
    "installed",
    "unpacked",
    "half-configured",
    "triggers-awaited",
    "triggers-pending",
];

const STATUS: &str = "var/lib/dpkg/status";
const FILE_LISTS: &str = "var/lib/dpkg/info/";
const STATUS_FOLDER: &str = "var/lib/dpkg/status.d/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_are_split_into_alternatives() {
        assert_eq!(
            alternatives("libc6 (>= 2.36), a:any | b [amd64] <!nocheck>,"),
            [vec!["libc6"], vec!["a", "b"], vec![]]
        );
    }

    #[test]
    fn only_lists_are_status_files() {
        assert!(is_status("var/lib/dpkg/status.d/base"));
        assert!(!is_status("var/lib/dpkg/status.d/base.md5sums"));
        assert!(!is_status("var/lib/dpkg/status-old"));
    }
}
