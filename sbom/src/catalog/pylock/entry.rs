//! One package of the file, and the part of one that tells it from others.

use std::collections::BTreeMap;

use bulla_model::{Digest, Purl, PurlError};
use serde::Deserialize;

use crate::catalog::{lock, python, python_lock};
use crate::{Package, Scope, address};

#[derive(Deserialize)]
pub(super) struct Entry {
    pub(super) name: String,
    /// Absent of what is built from a folder or repository.
    pub(super) version: Option<String>,
    pub(super) marker: Option<String>,
    pub(super) index: Option<String>,
    pub(super) vcs: Option<Place>,
    pub(super) directory: Option<Place>,
    pub(super) archive: Option<Place>,
    pub(super) sdist: Option<Place>,
    #[serde(default)]
    pub(super) wheels: Vec<Place>,
    #[serde(default)]
    pub(super) dependencies: Vec<Needed>,
    #[serde(default)]
    pub(super) tool: Tool,
}

/// As much of an entry as tells it from others.
#[derive(Deserialize)]
pub(super) struct Needed {
    pub(super) name: String,
    pub(super) version: Option<String>,
    pub(super) marker: Option<String>,
    pub(super) index: Option<String>,
    pub(super) vcs: Option<Place>,
    pub(super) directory: Option<Place>,
    pub(super) archive: Option<Place>,
}

/// A repository, folder or file.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Place {
    pub(super) r#type: Option<String>,
    pub(super) url: Option<String>,
    pub(super) path: Option<String>,
    pub(super) commit_id: Option<String>,
    pub(super) subdirectory: Option<String>,
    #[serde(default)]
    pub(super) hashes: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
pub(super) struct Tool {
    #[serde(default)]
    pub(super) pdm: Pdm,
}

#[derive(Default, Deserialize)]
pub(super) struct Pdm {
    /// Dependency specifiers.
    #[serde(default)]
    pub(super) dependencies: Vec<String>,
}

impl Place {
    pub(super) fn digests(&self) -> impl Iterator<Item = Digest> + '_ {
        self.hashes.iter().filter_map(|(algorithm, value)| {
            let algorithm = algorithm.to_ascii_lowercase().parse().ok()?;
            Digest::new(algorithm, value).ok()
        })
    }

    /// Whether it has everything that another says of it.
    fn covers(&self, other: &Self) -> bool {
        let same = |mine: &Option<String>, its: &Option<String>| its.is_none() || mine == its;
        same(&self.r#type, &other.r#type)
            && same(&self.url, &other.url)
            && same(&self.path, &other.path)
            && same(&self.commit_id, &other.commit_id)
            && same(&self.subdirectory, &other.subdirectory)
    }
}

impl Entry {
    pub(super) fn version(&self) -> &str {
        self.version.as_deref().unwrap_or_default()
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &Place> {
        let files = self.archive.iter().chain(&self.sdist);
        files.chain(&self.wheels)
    }

    pub(super) fn package(&self, scope: Scope) -> Result<Package, PurlError> {
        let (key, value) = self.origin();
        let purl = Purl::builder("pypi", &python::normalise(&self.name))
            .with_version(self.version())
            .with_qualifier(key, &value)
            .build()?;
        let mut package = Package::new(&self.name, self.version(), purl).declared();
        package.scope = scope;
        Ok(package)
    }

    /// The qualifier that says where a package is from, if not from the default index.
    fn origin(&self) -> (&'static str, String) {
        if let Some(vcs) = &self.vcs {
            let (tool, url) = (vcs.r#type.as_deref(), vcs.url.as_deref());
            let located = tool.zip(url).map(|(tool, url)| {
                let (commit, folder) = (vcs.commit_id.as_deref(), vcs.subdirectory.as_deref());
                ("vcs_url", lock::vcs_url(tool, url, commit, folder))
            });
            return located.unwrap_or_default();
        }
        if let Some(url) = self.archive.as_ref().and_then(|file| file.url.as_deref()) {
            return ("download_url", address::without_secret(url));
        }
        match self
            .index
            .as_deref()
            .map(|index| index.trim_end_matches('/'))
        {
            Some(index) if !python_lock::is_default_index(index) => {
                ("repository_url", address::without_secret(index))
            }
            _ => Default::default(),
        }
    }

    pub(super) fn meets(&self, needed: &Needed) -> bool {
        let covers = |mine: &Option<Place>, its: &Option<Place>| match (mine, its) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(mine), Some(its)) => mine.covers(its),
        };
        let same = |mine: &Option<String>, its: &Option<String>| its.is_none() || mine == its;
        same(&self.version, &needed.version)
            && same(&self.marker, &needed.marker)
            && same(&self.index, &needed.index)
            && covers(&self.vcs, &needed.vcs)
            && covers(&self.directory, &needed.directory)
            && covers(&self.archive, &needed.archive)
    }
}
