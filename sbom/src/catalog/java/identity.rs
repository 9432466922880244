//! Which module an archive is: what Maven left in it says so, or else its manifest and its name.

use super::manifest::{Manifest, properties, says};
use super::pom::Pom;
use super::well_known;
use crate::source::Jar;

/// A module, by Maven's coordinates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Module {
    pub(super) group: String,
    pub(super) artifact: String,
    pub(super) version: String,
    pub(super) pom: Pom,
    /// Whether the archive says all of it, in percent.
    pub(super) confidence: u8,
    /// Where in the archive it says so.
    pub(super) member: String,
}

/// What an archive says it is, and the modules whose classes were put into it.
#[derive(Debug, Default)]
pub(super) struct Identity {
    pub(super) own: Option<Module>,
    pub(super) parts: Vec<Module>,
    pub(super) faults: Vec<(String, String)>,
}

impl Identity {
    /// `name` is the archive's file name.
    pub(super) fn of(jar: &Jar, name: &str) -> Self {
        let mut identity = Self::default();
        identity.read_maven(jar);
        let (stem, version) = split(name);
        let manifest = jar.members.get("META-INF/MANIFEST.MF");
        let manifest = manifest
            .map(|bytes| Manifest::parse(bytes))
            .unwrap_or_default();
        identity.own = match own(&identity.parts, stem, version) {
            Some(index) => Some(identity.parts.remove(index)),
            None => told(&manifest, jar, stem, version),
        };
        identity
    }

    fn read_maven(&mut self, jar: &Jar) {
        for (path, bytes) in &jar.members {
            let Some(folder) = path.strip_suffix("/pom.properties") else {
                continue;
            };
            let said = properties(bytes);
            let mut named = folder.rsplit('/');
            let (artifact, group) = (named.next(), named.next());
            let text = |key: &str, or: Option<&str>| {
                let said = said.get(key).map(String::as_str);
                said.or(or).unwrap_or_default().to_owned()
            };
            let pom = jar.members.get(&format!("{folder}/pom.xml"));
            let pom = match pom.map(|bytes| Pom::parse(bytes)) {
                Some(Ok(pom)) => pom,
                Some(Err(error)) => {
                    self.faults.push((format!("{folder}/pom.xml"), error));
                    Pom::default()
                }
                None => Pom::default(),
            };
            self.parts.push(Module {
                group: text("groupId", group),
                artifact: text("artifactId", artifact),
                version: text("version", None),
                pom,
                confidence: 100,
                member: path.clone(),
            });
        }
    }
}

/// Which of the modules in an archive it is itself: the one that its name begins with.
fn own(parts: &[Module], stem: &str, version: &str) -> Option<usize> {
    let fits = |module: &Module| {
        let rest = stem.strip_prefix(module.artifact.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_', '.']))
    };
    let numbered = parts.iter().enumerate();
    let named = numbered
        .filter(|(_, module)| fits(module))
        .max_by_key(|(_, module)| (module.version == version, module.artifact.len()));
    match (named, parts) {
        (Some((index, _)), _) => Some(index),
        // A name that people chose, `app.jar`, says nothing against the only one.
        (None, [_]) if version.is_empty() => Some(0),
        _ => None,
    }
}

/// What the manifest says, with the archive's name where it is silent.
fn told(manifest: &Manifest, jar: &Jar, stem: &str, version: &str) -> Option<Module> {
    let symbolic = manifest.first(&["bundle-symbolicname"]);
    let symbolic = symbolic.map(|name| name.split(';').next().unwrap_or_default().trim());
    let artifact = Some(stem).filter(|stem| !stem.is_empty())?;
    let stated = manifest.first(&[
        "implementation-version",
        "bundle-version",
        "specification-version",
    ]);
    let version = Some(version)
        .filter(|version| !version.is_empty())
        .or(stated);
    let vendor = manifest.first(&["implementation-vendor-id"]);
    let vendor = vendor.filter(|id| id.contains('.') && !id.contains(char::is_whitespace));
    let module = manifest.first(&["automatic-module-name"]);
    let group = well_known::group(artifact)
        .or(vendor)
        .map(str::to_owned)
        .or_else(|| symbolic.and_then(|name| without(name, artifact)))
        .or_else(|| module.and_then(|name| without(name, artifact)))
        .or_else(|| {
            let classes = jar.classes.as_ref()?.replace('/', ".");
            let whole = || {
                (!WIDE.contains(&classes.as_str()) && classes.contains('.'))
                    .then(|| classes.clone())
            };
            without(&classes, artifact).or_else(whole)
        });
    // Old modules are called as their group.
    let (group, confidence) = match group.filter(|group| says(group)) {
        Some(group) => (group, 60),
        None => (artifact.to_owned(), 30),
    };
    Some(Module {
        group,
        artifact: artifact.to_owned(),
        version: version.unwrap_or_default().to_owned(),
        confidence,
        ..Module::default()
    })
}

/// `org.apache.commons` of `org.apache.commons.lang3` and `commons-lang3`: the name without its last
/// part, if the artifact ends with that too.
fn without(name: &str, artifact: &str) -> Option<String> {
    let (group, last) = name.rsplit_once('.')?;
    let own = artifact.rsplit(['-', '.', '_']).next()?;
    let is_own = last.eq_ignore_ascii_case(own) || last.eq_ignore_ascii_case(artifact);
    (is_own && group.contains('.')).then(|| group.to_owned())
}

/// `commons-io` and `2.11.0` of `commons-io-2.11.0.jar`.
fn split(name: &str) -> (&str, &str) {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let places = stem.match_indices('-').filter_map(|(place, _)| {
        let (name, rest) = stem.split_at_checked(place)?;
        let version = rest.strip_prefix('-')?;
        let is_number = version.starts_with(|first: char| first.is_ascii_digit());
        is_number.then_some((name, version))
    });
    let places: Vec<_> = places.collect();
    // `log4j-1.2-api-2.20`: after a version come numbers and words that qualify one.
    let whole = places.iter().find(|(_, version)| {
        let mut words = version.split('-');
        words.all(|word| {
            let word = word.to_ascii_lowercase();
            let begins = |one: &&str| word.starts_with(*one);
            word.starts_with(|first: char| first.is_ascii_digit()) || QUALIFIERS.iter().any(begins)
        })
    });
    whole.or(places.first()).copied().unwrap_or((stem, ""))
}

/// Folders of so many modules that they say nothing of one.
const WIDE: [&str; 6] = [
    "com.google",
    "com.sun",
    "javax.xml",
    "org.apache",
    "org.eclipse",
    "org.w3c",
];

/// What words in versions begin with.
const QUALIFIERS: [&str; 16] = [
    "alpha",
    "android",
    "b",
    "beta",
    "final",
    "ga",
    "incubating",
    "jre",
    "m",
    "pre",
    "rc",
    "redhat",
    "release",
    "snapshot",
    "sp",
    "v",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_before_their_versions() {
        assert_eq!(split("commons-io-2.11.0.jar"), ("commons-io", "2.11.0"));
        assert_eq!(split("log4j-1.2-api-2.20.jar"), ("log4j-1.2-api", "2.20"));
        assert_eq!(split("guava-31.1-jre.jar"), ("guava", "31.1-jre"));
        assert_eq!(split("netty-4.1-linux.jar"), ("netty", "4.1-linux"));
        assert_eq!(split("app.jar"), ("app", ""));
    }

    #[test]
    fn a_group_is_what_the_artifact_does_not_repeat() {
        let group = |name, artifact| without(name, artifact).unwrap_or_default();
        assert_eq!(
            group("org.apache.commons.lang3", "commons-lang3"),
            "org.apache.commons"
        );
        assert_eq!(
            group("org.apache.commons.io", "commons-io"),
            "org.apache.commons"
        );
        assert_eq!(group("com.example.pay", "pay"), "com.example");
        assert_eq!(group("pay", "pay"), "");
    }
}
