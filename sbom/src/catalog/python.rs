//! Installed Python distributions, from their metadata.
//!
//! Core metadata 2.4, <https://packaging.python.org/en/latest/specifications/core-metadata/>, in
//! `*.dist-info/METADATA` and, from before wheels, `*.egg-info`.

use std::collections::BTreeMap;

use bulla_model::{Purl, PurlError};

use super::stanza::{self, Stanza};
use super::{Capability, Cataloger, Context, Edges, Found, Technique};
use crate::{License, Package, Presence, address};

#[derive(Debug)]
pub(super) struct Python;

impl Cataloger for Python {
    fn name(&self) -> &'static str {
        "python"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "Python",
            reads: "`*.dist-info/METADATA`, `*.egg-info`",
            presence: Presence::Installed,
            technique: Technique::Manifest,
            edges: Edges::All,
            licenses: true,
            hashes: false,
            files: false,
        }
    }

    fn wants(&self, path: &str) -> bool {
        metadata_folder(path).is_some_and(is_installed)
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        let mut installed = BTreeMap::new();
        let mut needs = Vec::new();
        for list in context.files(|path| self.wants(path)) {
            let text = list.text();
            let stanzas = stanza::parse(&text);
            let metadata = stanzas.first();
            let field = |key| metadata.and_then(|metadata| metadata.field(key));
            let (Some(metadata), Some(name), Some(version)) =
                (metadata, field("Name"), field("Version"))
            else {
                found.unknown(list.path, "no name and version");
                continue;
            };
            let Some(index) = found.add(list, package(metadata, name, version)) else {
                continue;
            };
            let folder = metadata_folder(list.path).unwrap_or_default();
            installed.insert((folder, normalise(name)), index);
            let names = metadata.all("Requires-Dist").filter_map(requirement);
            needs.extend(names.map(|name| (index, (folder, name))));
        }
        found.edges = needs
            .into_iter()
            .filter_map(|(from, need)| Some((from, *installed.get(&need)?)))
            .collect();
        found
    }
}

/// The folder that holds a distribution, if this is the metadata of one.
fn metadata_folder(path: &str) -> Option<&str> {
    let (parent, name) = path.rsplit_once('/')?;
    if name.ends_with(".egg-info") {
        return Some(parent);
    }
    let (folder, information) = parent.rsplit_once('/').unwrap_or(("", parent));
    let kind = match name {
        "METADATA" => ".dist-info",
        "PKG-INFO" => ".egg-info",
        _ => return None,
    };
    information.ends_with(kind).then_some(folder)
}

/// Whether distributions in this folder are importable: copies deep inside other packages are not.
fn is_installed(folder: &str) -> bool {
    if folder
        .split('/')
        .any(|part| part == "_vendor" || part == "node_modules")
    {
        return false;
    }
    let inside = folder
        .rsplit('/')
        .position(|part| part == "site-packages" || part == "dist-packages");
    inside.is_none_or(|depth| depth == 0)
}

/// The package URL of a distribution.
pub(super) fn purl(name: &str, version: &str) -> Result<Purl, PurlError> {
    let name = normalise(name);
    Purl::builder("pypi", &name).with_version(version).build()
}

fn package(metadata: &Stanza<'_>, name: &str, version: &str) -> Result<Package, PurlError> {
    let mut package = Package::new(name, version, purl(name, version)?);
    package.licenses.extend(license(metadata));
    package.supplier = ["Author", "Maintainer", "Author-email", "Maintainer-email"]
        .iter()
        .find_map(|key| metadata.field(key))
        .filter(|text| *text != "UNKNOWN")
        .map(|text| text.replace('\n', " "));
    package.description = metadata.field("Summary").map(str::to_owned);
    package.homepage = metadata
        .field("Home-page")
        .filter(|text| *text != "UNKNOWN")
        .or_else(|| project_url(metadata, &["homepage", "home"]))
        .map(str::to_owned);
    package.repository = project_url(metadata, &["source", "repository", "sourcecode", "github"])
        .map(address::without_secret);
    Ok(package)
}

/// The expression where there is one, else the short name, else the classifiers.
fn license(metadata: &Stanza<'_>) -> Vec<License> {
    if let Some(license) = metadata
        .field("License-Expression")
        .and_then(License::parse)
    {
        return vec![license];
    }
    let classifiers: Vec<License> = metadata
        .all("Classifier")
        .filter_map(|classifier| classifier.strip_prefix("License ::")?.rsplit(" :: ").next())
        .map(str::trim)
        .filter(|name| *name != "OSI Approved")
        .filter_map(|name| {
            let known = CLASSIFIERS
                .iter()
                .find(|(classifier, _)| *classifier == name);
            License::parse(known.map_or(name, |(_, identifier)| identifier))
        })
        .collect();
    match metadata.field("License").and_then(License::parse) {
        Some(license @ (License::Id(_) | License::Expression(_))) => vec![license],
        Some(name) if classifiers.is_empty() => vec![name],
        Some(_) | None => classifiers,
    }
}

/// The first address under one of these labels, which are compared without case, blanks and
/// punctuation, <https://packaging.python.org/en/latest/specifications/well-known-project-urls/>.
fn project_url<'a>(metadata: &'a Stanza<'_>, labels: &[&str]) -> Option<&'a str> {
    let mut urls = metadata.all("Project-URL").filter_map(|url| {
        let (label, url) = url.split_once(',')?;
        let label = label.chars().filter(char::is_ascii_alphanumeric);
        let label = label.collect::<String>().to_ascii_lowercase();
        labels.contains(&label.as_str()).then_some(url.trim())
    });
    urls.next()
}

/// The name in a requirement like `urllib3[socks]<3,>=1.21.1; python_version >= "3.8"`.
///
/// What only an extra needs is left out: whether the extra was asked for is not recorded.
pub(super) fn requirement(text: &str) -> Option<String> {
    let (requirement, marker) = text.split_once(';').unwrap_or((text, ""));
    if marker.replace(' ', "").contains("extra==") {
        return None;
    }
    let end = requirement.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c));
    let name = requirement.get(..end.unwrap_or(requirement.len()))?;
    (!name.is_empty()).then(|| normalise(name))
}

/// Name normalisation, <https://packaging.python.org/en/latest/specifications/name-normalization/>.
pub(super) fn normalise(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts
        .map(str::to_ascii_lowercase)
        .collect::<Vec<_>>()
        .join("-")
}

/// Classifiers that name exactly one SPDX licence.
const CLASSIFIERS: [(&str, &str); 16] = [
    ("Apache Software License", "Apache-2.0"),
    ("Boost Software License 1.0 (BSL-1.0)", "BSL-1.0"),
    (
        "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication",
        "CC0-1.0",
    ),
    ("GNU Affero General Public License v3", "AGPL-3.0-only"),
    ("GNU General Public License v2 (GPLv2)", "GPL-2.0-only"),
    (
        "GNU General Public License v2 or later (GPLv2+)",
        "GPL-2.0-or-later",
    ),
    ("GNU General Public License v3 (GPLv3)", "GPL-3.0-only"),
    (
        "GNU General Public License v3 or later (GPLv3+)",
        "GPL-3.0-or-later",
    ),
    (
        "GNU Lesser General Public License v3 (LGPLv3)",
        "LGPL-3.0-only",
    ),
    (
        "GNU Lesser General Public License v3 or later (LGPLv3+)",
        "LGPL-3.0-or-later",
    ),
    ("ISC License (ISCL)", "ISC"),
    ("MIT License", "MIT"),
    ("MIT No Attribution License (MIT-0)", "MIT-0"),
    ("Mozilla Public License 2.0 (MPL 2.0)", "MPL-2.0"),
    ("The Unlicense (Unlicense)", "Unlicense"),
    ("zlib/libpng License", "Zlib"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vendored_copies_are_not_installed() {
        let wants = |path| Python.wants(path);
        assert!(wants(
            "usr/lib/python3/dist-packages/a-1.dist-info/METADATA"
        ));
        assert!(wants("opt/layer/python/a-1.dist-info/METADATA"));
        assert!(wants("usr/lib/python3/dist-packages/a.egg-info"));
        assert!(!wants(
            "venv/site-packages/setuptools/_vendor/b-2.dist-info/METADATA"
        ));
        assert!(!wants(
            "venv/site-packages/tool/data/b-2.dist-info/METADATA"
        ));
        assert!(!wants("venv/site-packages/tool/METADATA"));
    }

    #[test]
    fn labels_of_addresses_are_compared_without_case_and_blanks() {
        let text = "Name: a\nVersion: 1\nProject-URL: Documentation, https://docs.example.test\n\
                    Project-URL: Home Page, https://example.test\n\
                    Project-URL: Source Code, https://me:secret@git.example.test/a\n";
        let stanza = stanza::parse(text).remove(0);
        let package = package(&stanza, "a", "1").unwrap();
        assert_eq!(package.homepage.as_deref(), Some("https://example.test"));
        assert_eq!(
            package.repository.as_deref(),
            Some("https://git.example.test/a")
        );
    }

    #[test]
    fn requirements_give_normalised_names() {
        assert_eq!(
            requirement("Zope.Interface[x]>=1").as_deref(),
            Some("zope-interface")
        );
        assert_eq!(
            requirement("a (>=1) ; python_version < '4'").as_deref(),
            Some("a")
        );
        assert_eq!(requirement("b; extra == 'test'"), None);
    }
}
