//! Maven projects in source trees: what each `pom.xml` asks for, with what its parents there say.
//!
//! POM reference of Maven 3.9, <https://maven.apache.org/pom.html>: inheritance, properties, managed
//! versions and imported lists of versions, as far as the files are in the same source. What only a
//! repository knows stays open: such a dependency is listed without a version, and that is said.
//! Profiles are left out: which of them are on is not in the file.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use bulla_model::{Purl, PurlError};

use super::pom::{Dependency, Pom};
use crate::catalog::{
    Capability, Cataloger, Context, Edges, Found, ListFile, Technique, file_name, is_inside_package,
};
use crate::{License, Package, Presence, Scope};

#[derive(Debug)]
pub(in crate::catalog) struct MavenProject;

impl Cataloger for MavenProject {
    fn name(&self) -> &'static str {
        "maven"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "Java",
            reads: "`pom.xml` of projects, with parents and lists of versions beside it",
            presence: Presence::Declared,
            technique: Technique::Manifest,
            edges: Edges::Some,
            licenses: true,
            hashes: false,
            files: false,
        }
    }

    fn wants(&self, path: &str) -> bool {
        file_name(path) == "pom.xml" && !path.contains("META-INF/") && !is_inside_package(path)
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        let mut tree = Tree {
            left: Cell::new(TAKEN),
            by_path: BTreeMap::new(),
            by_artifact: BTreeMap::new(),
        };
        let mut lists = Vec::new();
        for list in context.files(|path| self.wants(path)) {
            match Pom::unfilled(list.bytes) {
                Ok(mut pom) => {
                    pom.length = list.bytes.len();
                    tree.add(list.path, pom);
                    lists.push(list);
                }
                Err(reason) => found.unknown(list.path, &reason),
            }
        }
        for list in lists {
            add(list, &tree, &mut found);
        }
        found
    }
}

/// All modules of a source.
struct Tree<'a> {
    /// What may still be taken over from others: lists can name each other very often.
    left: Cell<usize>,
    by_path: BTreeMap<&'a str, Pom>,
    /// By artifact, which is what a list of versions is asked for by; the group may be inherited.
    by_artifact: BTreeMap<String, Vec<&'a str>>,
}

/// A module with what it takes over.
struct Effective {
    pom: Pom,
    /// Versions by group and artifact.
    managed: BTreeMap<(String, String), Dependency>,
}

impl<'a> Tree<'a> {
    fn add(&mut self, path: &'a str, pom: Pom) {
        if let Some(artifact) = &pom.artifact {
            let of_name = self.by_artifact.entry(artifact.clone()).or_default();
            of_name.push(path);
        }
        self.by_path.insert(path, pom);
    }

    /// A module and its parents, the outermost first.
    fn line(&self, path: &'a str) -> Vec<&Pom> {
        let mut line = Vec::new();
        let mut seen = BTreeSet::new();
        let mut next = Some(path.to_owned());
        while let Some(path) = next.take() {
            let Some(pom) = self.by_path.get(path.as_str()) else {
                break;
            };
            if !seen.insert(path.clone()) || line.len() >= PARENTS {
                break;
            }
            line.push(pom);
            next = pom.parent.as_ref().and_then(|parent| {
                let place = self.place(&path, parent.path.as_deref())?;
                let is_it =
                    self.by_path.get(place.as_str())?.artifact.as_ref() == Some(&parent.artifact);
                is_it.then_some(place)
            });
        }
        line.reverse();
        line
    }

    /// The file that a parent's path leads to.
    fn place(&self, from: &str, relative: Option<&str>) -> Option<String> {
        let relative = relative.unwrap_or("../pom.xml");
        if relative.is_empty() {
            return None;
        }
        let folder = from.strip_suffix("pom.xml").unwrap_or(from);
        let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
        for part in relative.split(['/', '\\']) {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop()?;
                }
                part => parts.push(part),
            }
        }
        let file = parts.join("/");
        if self.by_path.contains_key(file.as_str()) {
            return Some(file);
        }
        parts.push("pom.xml");
        Some(parts.join("/"))
    }

    fn effective(&self, path: &'a str, depth: usize) -> Option<Effective> {
        let line = self.line(path);
        let sum = line
            .iter()
            .map(|pom| pom.length)
            .fold(0, usize::saturating_add);
        self.left.set(self.left.get().checked_sub(sum)?);
        let mut pom = (*line.last()?).clone();
        let mut known = BTreeMap::new();
        for one in &line {
            known = one.known(&known);
        }
        let mut managed = BTreeMap::new();
        let mut inherited = Vec::new();
        for one in &line {
            let mut one = (*one).clone();
            one.fill(&known);
            for dependency in &one.managed {
                if dependency.scope == "import" {
                    let imported = self.imported(dependency, depth);
                    managed.extend(imported.into_iter().flatten());
                } else if !dependency.version.is_empty() {
                    managed.insert(dependency.key(), dependency.clone());
                }
            }
            inherited.extend(one.dependencies);
        }
        pom.fill(&known);
        // What a module says of a dependency stands over what its parents say.
        let by_key: BTreeMap<_, _> = inherited.into_iter().map(|one| (one.key(), one)).collect();
        pom.dependencies = by_key.into_values().collect();
        Some(Effective { pom, managed })
    }

    /// The versions of a list that is in the same source.
    fn imported(
        &self,
        list: &Dependency,
        depth: usize,
    ) -> Option<BTreeMap<(String, String), Dependency>> {
        let depth = depth.checked_sub(1)?;
        let paths = self.by_artifact.get(&list.artifact)?.iter().take(SAME_NAME);
        let mut all = paths.filter_map(|path| self.effective(path, depth));
        let found = all.find(|one| one.pom.group.as_ref() == Some(&list.group))?;
        Some(found.managed)
    }
}

impl Dependency {
    fn key(&self) -> (String, String) {
        (self.group.clone(), self.artifact.clone())
    }

    fn scope_of(&self) -> Scope {
        match self.scope.as_str() {
            "test" | "provided" | "system" => Scope::Excluded,
            _ if self.optional => Scope::Optional,
            _ => Scope::Required,
        }
    }
}

fn add(list: ListFile<'_>, tree: &Tree<'_>, found: &mut Found) {
    let Some(effective) = tree.effective(list.path, IMPORTS) else {
        found.unknown(list.path, "it takes over more from others than is followed");
        return;
    };
    let project = project(&effective.pom);
    let project = project.and_then(|project| found.add(list, project));
    let (mut open, mut nameless) = (0usize, 0usize);
    for dependency in &effective.pom.dependencies {
        if dependency.group.is_empty() || dependency.artifact.is_empty() {
            nameless = nameless.saturating_add(1);
            continue;
        }
        let mut dependency = dependency.clone();
        if let Some(managed) = effective.managed.get(&dependency.key()) {
            if dependency.version.is_empty() {
                dependency.version.clone_from(&managed.version);
            }
            if dependency.scope.is_empty() {
                dependency.scope.clone_from(&managed.scope);
            }
        }
        if !is_exact(&dependency.version) {
            open = open.saturating_add(1);
            dependency.version.clear();
        }
        let index = found.add(list, needed(&dependency));
        found.edges.extend(project.zip(index));
    }
    if open.saturating_add(nameless) > 0 {
        let reason = format!(
            "{open} dependencies have no version here, {nameless} no name: a parent or a list of \
             versions says it that is not in this source"
        );
        found.unknown(list.path, &reason);
    }
}

fn purl(group: &str, artifact: &str, version: &str) -> Result<Purl, PurlError> {
    let purl = Purl::builder("maven", artifact).with_namespace(group);
    if version.is_empty() {
        return purl.build();
    }
    purl.with_version(version).build()
}

fn project(pom: &Pom) -> Option<Result<Package, PurlError>> {
    let (group, artifact) = (pom.group.as_ref()?, pom.artifact.as_ref()?);
    let version = pom.version.as_deref().unwrap_or_default();
    Some(purl(group, artifact, version).map(|purl| {
        let mut package = Package::new(artifact, version, purl).declared();
        let licenses = pom.licenses.iter();
        package
            .licenses
            .extend(licenses.filter_map(|name| License::parse(name)));
        package.description.clone_from(&pom.description);
        package.homepage.clone_from(&pom.homepage);
        package.repository.clone_from(&pom.repository);
        package.supplier.clone_from(&pom.organization);
        package
    }))
}

fn needed(dependency: &Dependency) -> Result<Package, PurlError> {
    let Dependency {
        group,
        artifact,
        version,
        ..
    } = dependency;
    let purl = purl(group, artifact, version)?;
    let mut package = Package::new(artifact, version, purl).declared();
    package.scope = dependency.scope_of();
    Ok(package)
}

/// Whether a version is one: ranges, and words for the newest, are none.
fn is_exact(version: &str) -> bool {
    let is_range = version.starts_with(['[', '(']);
    !version.is_empty() && !is_range && !["LATEST", "RELEASE"].contains(&version)
}

/// Bytes of files that are taken over in one source, each time they are: of three thousand modules a
/// third of it.
const TAKEN: usize = 2 << 30;

/// Parents of parents, as many as anybody has.
const PARENTS: usize = 16;

/// Lists of versions that take over others.
const IMPORTS: usize = 4;

/// Modules of one name that are looked at.
const SAME_NAME: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_that_name_each_other_very_often_end() {
        let managed = |name: &str| Dependency {
            group: "g".to_owned(),
            artifact: name.to_owned(),
            version: "1".to_owned(),
            scope: "import".to_owned(),
            optional: false,
        };
        let paths: Vec<String> = (0..60).map(|at| format!("{at}/pom.xml")).collect();
        let mut tree = Tree {
            left: Cell::new(TAKEN),
            by_path: BTreeMap::new(),
            by_artifact: BTreeMap::new(),
        };
        for (at, path) in paths.iter().enumerate() {
            let pom = Pom {
                group: Some("g".to_owned()),
                artifact: Some(format!("a{at}")),
                managed: (0..60).map(|at| managed(&format!("a{at}"))).collect(),
                length: 1 << 20,
                ..Pom::default()
            };
            tree.add(path, pom);
        }
        for path in &paths {
            tree.effective(path, IMPORTS);
        }
        assert!(tree.left.get() < 1 << 20, "{}", tree.left.get());
    }
}
