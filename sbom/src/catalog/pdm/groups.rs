//! Groups of dependencies, which a project names for itself.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use toml::Table;

use super::{PROJECT, folder};
use crate::Scope;
use crate::catalog::{Context, Found, file_name, python};

/// Table of groups, normalised, as what they are for.
pub(super) struct Groups {
    /// Asked for by who installs the project.
    extras: BTreeSet<String>,
    /// Only there where the project is developed.
    development: BTreeSet<String>,
}

impl Groups {
    /// The groups of the projects in these folders, each read once however many lock files it has.
    pub(super) fn read<'a>(
        context: &'a Context<'_>,
        folders: &BTreeSet<&str>,
        found: &mut Found,
    ) -> BTreeMap<&'a str, Self> {
        let wants = |path: &str| file_name(path) == PROJECT && folders.contains(folder(path));
        let mut groups = BTreeMap::new();
        for list in context.files(wants) {
            match toml::from_str::<Manifest>(&list.text()) {
                Ok(manifest) => {
                    groups.insert(folder(list.path), Self::of(manifest));
                }
                Err(error) => {
                    let error = error.message();
                    found.unknown(list.path, &format!("not a project: {error}"));
                }
            }
        }
        groups
    }

    fn of(manifest: Manifest) -> Self {
        let normalised = |names: Table| -> BTreeSet<String> {
            names.keys().map(|name| python::normalise(name)).collect()
        };
        let mut development = normalised(manifest.dependency_groups);
        development.extend(normalised(manifest.tool.pdm.dev_dependencies));
        Self {
            extras: normalised(manifest.project.optional_dependencies),
            development,
        }
    }

    /// What is in a default group is needed. Of what is in none, or in a group that nobody
    /// describes, nothing says that it is only for developing.
    pub(super) fn scope(groups: Option<&Self>, of: &[String]) -> Scope {
        if of.is_empty() || of.iter().any(|group| group == "default") {
            return Scope::Required;
        }
        let develops = |group: &String| {
            let group = python::normalise(group);
            groups.is_some_and(|groups| {
                groups.development.contains(&group) && !groups.extras.contains(&group)
            })
        };
        if of.iter().all(develops) {
            Scope::Excluded
        } else {
            Scope::Optional
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Manifest {
    #[serde(default)]
    project: Project,
    /// Dependency groups, <https://packaging.python.org/en/latest/specifications/dependency-groups/>.
    #[serde(default)]
    dependency_groups: Table,
    #[serde(default)]
    tool: Tool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Project {
    #[serde(default)]
    optional_dependencies: Table,
}

#[derive(Default, Deserialize)]
struct Tool {
    #[serde(default)]
    pdm: Settings,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Settings {
    /// Before there were dependency groups.
    #[serde(default)]
    dev_dependencies: Table,
}
