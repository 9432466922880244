//! Alpine packages, from apk's database.
//!
//! Fields as in <https://wiki.alpinelinux.org/wiki/Apk_spec> (apk-tools 2.14).

use std::collections::BTreeMap;

use bulla_model::{Purl, PurlError};

use super::stanza::{self, Stanza};
use super::{Capability, Cataloger, Context, Edges, Found, Technique};
use crate::{License, Package, Presence};

#[derive(Debug)]
pub(super) struct Apk;

impl Cataloger for Apk {
    fn name(&self) -> &'static str {
        "apk"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "Alpine",
            reads: "`lib/apk/db/installed`",
            presence: Presence::Installed,
            technique: Technique::Manifest,
            edges: Edges::All,
            licenses: true,
            hashes: false,
            files: true,
        }
    }

    fn wants(&self, path: &str) -> bool {
        DATABASES.contains(&path)
    }

    fn accumulates(&self, path: &str) -> bool {
        DATABASES.contains(&path)
    }

    fn well_known(&self) -> &'static [&'static str] {
        &DATABASES
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        let mut needs = Vec::new();
        let mut provided = BTreeMap::<String, usize>::new();
        for list in context.files(|path| self.wants(path)) {
            let text = list.text();
            let mut malformed = 0usize;
            for stanza in stanza::parse(&text) {
                let (Some(name), Some(version)) = (stanza.field("P"), stanza.field("V")) else {
                    malformed = malformed.saturating_add(1);
                    continue;
                };
                malformed = malformed.saturating_add(stanza.malformed);
                let Some(index) = found.add(list, package(&stanza, name, version, context)) else {
                    continue;
                };
                let kept = files(&stanza).filter_map(|path| context.view.place(&path));
                found.owned.extend(kept.map(|path| (index, path)));
                provided.insert(name.to_owned(), index);
                for name in words(&stanza, "p") {
                    provided.entry(name).or_insert(index);
                }
                needs.extend(words(&stanza, "D").map(|name| (index, name)));
            }
            if malformed > 0 {
                found.unknown(
                    list.path,
                    &format!("{malformed} lines or entries are no package"),
                );
            }
        }
        found.edges = needs
            .into_iter()
            .filter_map(|(from, name)| Some((from, *provided.get(&name)?)))
            .collect();
        found
    }
}

fn package(
    stanza: &Stanza<'_>,
    name: &str,
    version: &str,
    context: &Context<'_>,
) -> Result<Package, PurlError> {
    let system = context.operating_system;
    let mut purl = Purl::builder("apk", name)
        .with_namespace(system.map_or("alpine", |system| system.id.as_str()))
        .with_version(version)
        .with_qualifier("arch", stanza.field("A").unwrap_or_default());
    if let Some(system) = system {
        purl = purl.with_qualifier("distro", &system.distro());
    }
    let origin = stanza
        .field("o")
        .filter(|origin| *origin != name)
        .unwrap_or_default();
    let mut package = Package::new(
        name,
        version,
        purl.with_qualifier("upstream", origin).build()?,
    );
    package
        .licenses
        .extend(stanza.field("L").and_then(License::parse));
    package.supplier = stanza.field("m").map(str::to_owned);
    package.description = stanza.field("T").map(str::to_owned);
    package.homepage = stanza.field("U").map(str::to_owned);
    Ok(package)
}

/// The files it put there: folders, each with its files after it.
fn files<'a>(stanza: &'a Stanza<'_>) -> impl Iterator<Item = String> + 'a {
    let mut folder = "";
    stanza.pairs().filter_map(move |(key, value)| match key {
        "F" => {
            folder = value;
            None
        }
        "R" if folder.is_empty() => Some(value.to_owned()),
        "R" => Some(format!("{folder}/{value}")),
        _ => None,
    })
}

/// Names in a list like `so:libc.musl-x86_64.so.1=1 busybox>=1.36 !conflict`.
fn words(stanza: &Stanza<'_>, key: &str) -> impl Iterator<Item = String> {
    let words = stanza.field(key).unwrap_or_default().split_whitespace();
    let names = words.filter(|word| !word.starts_with('!')).map(|word| {
        let end = word.find(['=', '<', '>', '~', '@']).unwrap_or(word.len());
        word.get(..end).unwrap_or(word).to_owned()
    });
    names.collect::<Vec<_>>().into_iter()
}

/// Both places, because newer releases have merged `/lib` into `/usr/lib`.
const DATABASES: [&str; 2] = ["lib/apk/db/installed", "usr/lib/apk/db/installed"];
