//! PHP packages that Composer locked, and those that it installed.
//!
//! `composer.lock` and `vendor/composer/installed.json` of Composer 1 and 2,
//! <https://getcomposer.org/doc/04-schema.md>. Digests there are SHA-1, which proves nothing.

use std::collections::{BTreeMap, BTreeSet};

use bulla_model::{Purl, PurlError};
use serde::Deserialize;
use serde_json::Value;

use super::{
    Capability, Cataloger, Context, Edges, Found, ListFile, Technique, file_name, is_inside_package,
};
use crate::{License, Package, Presence, Scope};

#[derive(Debug)]
pub(super) struct ComposerLock;

impl Cataloger for ComposerLock {
    fn name(&self) -> &'static str {
        "composer-lock"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "PHP",
            reads: "`composer.lock`",
            presence: Presence::Declared,
            technique: Technique::Manifest,
            edges: Edges::All,
            licenses: true,
            hashes: false,
            files: false,
        }
    }

    fn wants(&self, path: &str) -> bool {
        file_name(path) == "composer.lock" && !is_inside_package(path)
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        for list in context.files(|path| self.wants(path)) {
            match list.read_json::<LockFile>() {
                Ok(file) => {
                    let listed = file.packages.into_iter().map(|one| (one, false));
                    let dev = file.packages_dev.unwrap_or_default().into_iter();
                    let listed = listed.chain(dev.map(|one| (one, true)));
                    add(list, listed.collect(), Presence::Declared, &mut found);
                }
                Err(error) => found.unknown(list.path, &format!("not a lock file: {error}")),
            }
        }
        found
    }
}

#[derive(Debug)]
pub(super) struct ComposerInstalled;

impl Cataloger for ComposerInstalled {
    fn name(&self) -> &'static str {
        "composer"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "PHP",
            reads: "`vendor/composer/installed.json`",
            presence: Presence::Installed,
            technique: Technique::Manifest,
            edges: Edges::All,
            licenses: true,
            hashes: false,
            files: false,
        }
    }

    fn wants(&self, path: &str) -> bool {
        // The folder is `vendor` unless the project says otherwise.
        path.strip_suffix("composer/installed.json")
            .is_some_and(|folder| {
                let parent = folder.strip_suffix("vendor/").unwrap_or(folder);
                !folder.is_empty() && !is_inside_package(parent)
            })
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        for list in context.files(|path| self.wants(path)) {
            match list.read_json::<Installed>() {
                Ok(Installed::Now {
                    packages,
                    dev_package_names,
                }) => {
                    let dev: BTreeSet<String> = dev_package_names.into_iter().collect();
                    let listed = packages.into_iter().map(|one| {
                        let is_dev = dev.contains(&one.name);
                        (one, is_dev)
                    });
                    add(list, listed.collect(), Presence::Installed, &mut found);
                }
                Ok(Installed::Before(packages)) => {
                    let listed = packages.into_iter().map(|one| (one, false)).collect();
                    add(list, listed, Presence::Installed, &mut found);
                }
                Err(_) => found.unknown(list.path, "not a list of packages of Composer"),
            }
        }
        found
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct LockFile {
    packages: Vec<Listed>,
    packages_dev: Option<Vec<Listed>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Installed {
    #[serde(rename_all = "kebab-case")]
    Now {
        packages: Vec<Listed>,
        #[serde(default)]
        dev_package_names: Vec<String>,
    },
    /// Of Composer 1.
    Before(Vec<Listed>),
}

#[derive(Deserialize)]
struct Listed {
    name: String,
    version: String,
    source: Option<Place>,
    dist: Option<Place>,
    /// An empty map is written as a list.
    require: Option<Value>,
    provide: Option<Value>,
    replace: Option<Value>,
    license: Option<Value>,
    authors: Option<Value>,
    description: Option<String>,
    homepage: Option<String>,
}

#[derive(Deserialize)]
struct Place {
    url: Option<String>,
}

impl Listed {
    fn package(&self, is_dev: bool, presence: Presence) -> Result<Package, PurlError> {
        let (vendor, name) = self.name.split_once('/').unwrap_or(("", &self.name));
        let purl = Purl::builder("composer", name).with_namespace(vendor);
        let purl = purl.with_version(&self.version).build()?;
        let mut package = Package::new(&self.name, &self.version, purl);
        package.presence = presence;
        if is_dev {
            package.scope = Scope::Excluded;
        }
        package.licenses.extend(self.license());
        package.author = self.author();
        package.description = self.description.clone().filter(|text| !text.is_empty());
        package.homepage = self.homepage.clone().filter(|text| !text.is_empty());
        let url = |place: &Option<Place>| place.as_ref().and_then(|place| place.url.clone());
        package.repository = url(&self.source);
        package.distribution = url(&self.dist);
        Ok(package)
    }

    /// Of several licences one may be chosen.
    fn license(&self) -> Option<License> {
        let license = self.license.as_ref()?;
        let many = license.as_array().map(Vec::as_slice);
        let texts = many.unwrap_or(std::slice::from_ref(license));
        let texts: Vec<&str> = texts.iter().filter_map(Value::as_str).collect();
        match texts.as_slice() {
            [] => None,
            [one] => License::parse(one),
            several => License::parse(&several.join(" OR ")),
        }
    }

    fn author(&self) -> Option<String> {
        let authors = self.authors.as_ref()?.as_array()?.iter();
        let names = authors.filter_map(|author| author.get("name")?.as_str());
        let names: Vec<&str> = names.collect();
        (!names.is_empty()).then(|| names.join(", "))
    }
}

fn names(map: Option<&Value>) -> impl Iterator<Item = String> {
    let map = map.and_then(Value::as_object).into_iter().flatten();
    map.map(|(name, _)| name.to_lowercase())
}

fn add(list: ListFile<'_>, listed: Vec<(Listed, bool)>, presence: Presence, found: &mut Found) {
    let mut named = BTreeMap::<String, usize>::new();
    let mut stands_for = BTreeMap::<String, usize>::new();
    let mut needs = Vec::new();
    for (one, is_dev) in listed {
        let Some(index) = found.add(list, one.package(is_dev, presence)) else {
            continue;
        };
        named.insert(one.name.to_lowercase(), index);
        for map in [&one.provide, &one.replace] {
            let others = names(map.as_ref()).map(|name| (name, index));
            stands_for.extend(others);
        }
        needs.push((index, one.require));
    }
    for (from, require) in needs {
        let met = names(require.as_ref());
        let met = met.filter_map(|name| named.get(&name).or_else(|| stands_for.get(&name)));
        let met = met.filter(|to| **to != from);
        found.edges.extend(met.map(|to| (from, *to)));
    }
}
