//! Java packages that Gradle's lock files declare.
//!
//! `gradle.lockfile` of Gradle 8, one for each project,
//! <https://docs.gradle.org/8.14/userguide/dependency_locking.html>. It holds neither edges nor
//! digests.

use bulla_model::{Purl, PurlError};

use super::{
    Capability, Cataloger, Context, Edges, Found, Technique, file_name, is_inside_package,
};
use crate::{Package, Presence, Scope};

#[derive(Debug)]
pub(super) struct Gradle;

impl Cataloger for Gradle {
    fn name(&self) -> &'static str {
        "gradle"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "Java",
            reads: "`gradle.lockfile`, `buildscript-gradle.lockfile`, `settings-gradle.lockfile`",
            presence: Presence::Declared,
            technique: Technique::Manifest,
            edges: Edges::None,
            licenses: false,
            hashes: false,
            files: false,
        }
    }

    fn wants(&self, path: &str) -> bool {
        let name = file_name(path);
        (name == PROJECT || OF_THE_BUILD.contains(&name)) && !is_inside_package(path)
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        for list in context.files(|path| self.wants(path)) {
            let text = list.text();
            let file = LockFile {
                of_the_build: OF_THE_BUILD.contains(&file_name(list.path)),
                knows_run_time: configurations(&text).any(is_run_time),
            };
            let mut malformed = 0usize;
            for line in lines(&text) {
                match locked(line) {
                    Some(locked) => {
                        found.add(list, file.package(&locked));
                    }
                    // Configurations into which nothing was resolved.
                    None if line.starts_with("empty=") => {}
                    None => malformed = malformed.saturating_add(1),
                }
            }
            if malformed > 0 {
                found.unknown(list.path, &format!("{malformed} lines are no package"));
            }
        }
        found
    }
}

/// What a project is built from.
const PROJECT: &str = "gradle.lockfile";

/// Plugins of the build itself.
const OF_THE_BUILD: [&str; 2] = ["buildscript-gradle.lockfile", "settings-gradle.lockfile"];

/// What a whole file says about each of its lines.
struct LockFile {
    of_the_build: bool,
    /// Whether class paths of run time are locked too; if not, nothing is known to be absent there.
    knows_run_time: bool,
}

/// A line `group:name:version=configuration,configuration`.
struct Locked<'a> {
    group: &'a str,
    name: &'a str,
    version: &'a str,
    configurations: &'a str,
}

impl LockFile {
    fn package(&self, locked: &Locked<'_>) -> Result<Package, PurlError> {
        let purl = Purl::builder("maven", locked.name)
            .with_namespace(locked.group)
            .with_version(locked.version)
            .build()?;
        let name = format!("{}:{}", locked.group, locked.name);
        let mut package = Package::new(&name, locked.version, purl).declared();
        let mut configurations = locked.configurations.split(',');
        if self.of_the_build || configurations.all(|name| self.is_development(name)) {
            package.scope = Scope::Excluded;
        }
        Ok(package)
    }

    /// Whether what is only in this configuration is not there when the project runs.
    fn is_development(&self, configuration: &str) -> bool {
        let name = configuration.to_ascii_lowercase();
        is_test(configuration)
            || name.ends_with("annotationprocessor")
            || self.knows_run_time && name.ends_with("compileclasspath")
    }
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn configurations(text: &str) -> impl Iterator<Item = &str> {
    lines(text)
        .filter_map(|line| line.split_once('='))
        .flat_map(|(_, names)| names.split(','))
}

fn locked(line: &str) -> Option<Locked<'_>> {
    let (coordinates, configurations) = line.split_once('=')?;
    let mut parts = coordinates.split(':');
    let locked = Locked {
        group: parts.next()?,
        name: parts.next()?,
        version: parts.next().filter(|version| !version.is_empty())?,
        configurations,
    };
    parts.next().is_none().then_some(locked)
}

/// Source sets name their configurations: `testRuntimeClasspath`, `debugUnitTestCompileClasspath`.
fn is_test(configuration: &str) -> bool {
    configuration.starts_with("test") || configuration.contains("Test")
}

fn is_run_time(configuration: &str) -> bool {
    !is_test(configuration)
        && configuration
            .to_ascii_lowercase()
            .ends_with("runtimeclasspath")
}
