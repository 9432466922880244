//! Go modules that were linked into programs, and the Go that linked them.
//!
//! The lines that `go version -m` shows, as `debug/buildinfo` of Go 1.25 writes them,
//! <https://pkg.go.dev/runtime/debug#BuildInfo>.

use bulla_model::{Purl, PurlError};

use super::{Capability, Cataloger, Context, Edges, Found, ListFile, Technique};
use crate::source::{Content, GoBuild};
use crate::{Package, Presence};

#[derive(Debug)]
pub(super) struct GoBinary;

impl Cataloger for GoBinary {
    fn name(&self) -> &'static str {
        "go-binary"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "Go",
            reads: "programs for Linux, Windows and macOS",
            presence: Presence::Installed,
            technique: Technique::Binary,
            edges: Edges::Some,
            licenses: false,
            hashes: false,
            files: false,
        }
    }

    /// No path: programs are recognised by their contents while a source is read.
    fn wants(&self, _path: &str) -> bool {
        false
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        for (path, file) in context.view.files() {
            let Content::Program(program) = &file.content else {
                continue;
            };
            if let Some(build) = &program.go {
                let bytes = build.modules.as_bytes();
                read(ListFile { path, file, bytes }, build, &mut found);
            }
        }
        found
    }
}

fn read(list: ListFile<'_>, build: &GoBuild, found: &mut Found) {
    let information = Information::parse(&build.modules);
    let main = information.main.map(|main| {
        let version = information.main_version();
        package(main.path, &version)
    });
    let main = main.and_then(|main| found.add(list, main));
    let mut parts = Vec::new();
    for module in &information.modules {
        parts.extend(found.add(list, package(module.path, module.version)));
    }
    if let Some(version) = standard_library(&build.version) {
        let library = Purl::builder("golang", "stdlib").with_version(version);
        let library = library
            .build()
            .map(|purl| Package::new("stdlib", version, purl));
        parts.extend(found.add(list, library));
    }
    // Which module needs which is not written into programs: all of them are in it.
    let edges = main.into_iter().flat_map(|main| {
        let parts = parts.iter();
        parts.map(move |part| (main, *part))
    });
    found.edges.extend(edges);
}

/// The lines, with the texts that matter.
#[derive(Default)]
struct Information<'a> {
    main: Option<Module<'a>>,
    modules: Vec<Module<'a>>,
    settings: Vec<(&'a str, &'a str)>,
}

#[derive(Clone, Copy)]
struct Module<'a> {
    path: &'a str,
    version: &'a str,
}

impl<'a> Information<'a> {
    fn parse(text: &'a str) -> Self {
        let mut information = Self::default();
        for line in text.lines() {
            let mut fields = line.split('\t');
            let kind = fields.next().unwrap_or_default();
            let first = fields.next().unwrap_or_default();
            let module = Module {
                path: first,
                version: fields.next().unwrap_or_default(),
            };
            match kind {
                "mod" => information.main = Some(module),
                "dep" => information.modules.push(module),
                // What took a module's place; a folder has no version, and what it took the place
                // of is then the best name there is.
                "=>" if !module.version.is_empty() => {
                    if let Some(replaced) = information.modules.last_mut() {
                        *replaced = module;
                    }
                }
                "build" => information.settings.extend(first.split_once('=')),
                _ => {}
            }
        }
        information
    }

    fn setting(&self, name: &str) -> Option<&'a str> {
        let mut settings = self.settings.iter();
        let found = settings.find(|(key, _)| *key == name);
        found.map(|(_, value)| *value)
    }

    /// The version of the main module: its own, what the linker was told, or that of its commit.
    fn main_version(&self) -> String {
        let main = self.main.map(|main| (main.path, main.version));
        let (path, version) = main.unwrap_or_default();
        if !version.is_empty() && version != "(devel)" {
            return version.to_owned();
        }
        let told = self
            .setting("-ldflags")
            .and_then(|flags| told_version(flags, path));
        told.or_else(|| self.pseudo_version()).unwrap_or_default()
    }

    /// As Go itself calls a commit without a tag,
    /// <https://go.dev/ref/mod#pseudo-versions>.
    fn pseudo_version(&self) -> Option<String> {
        let revision = self.setting("vcs.revision")?.get(..12)?;
        let time: jiff::Timestamp = self.setting("vcs.time")?.parse().ok()?;
        let time = time.strftime("%Y%m%d%H%M%S");
        let changed = match self.setting("vcs.modified") {
            Some("true") => "+dirty",
            _ => "",
        };
        Some(format!("v0.0.0-{time}-{revision}{changed}"))
    }
}

/// The version among the variables that the linker was told to set: `-X main.version=v1.2.3`.
fn told_version(flags: &str, module: &str) -> Option<String> {
    let words = flags.split_whitespace().map(|word| {
        let word = word.trim_matches(['"', '\'']);
        word.strip_prefix("-X=").unwrap_or(word)
    });
    let set = words.filter_map(|word| {
        let (variable, value) = word.split_once('=')?;
        let (package, name) = variable.rsplit_once('.')?;
        let value = value.trim_matches(['"', '\'']);
        let is_version = VERSION_NAMES
            .iter()
            .any(|one| name.eq_ignore_ascii_case(one));
        (is_version && looks_like_version(value)).then_some((package, value))
    });
    // Of several that of the program itself, and then one of its own packages.
    let rank = |package: &str| match package {
        "main" => 0,
        package if !module.is_empty() && package.starts_with(module) => 1,
        _ => 2,
    };
    let best = set.min_by_key(|(package, _)| rank(package));
    let best = best.filter(|(package, _)| rank(package) < 2);
    best.map(|(_, version)| version.to_owned())
}

/// `v1.2.3`, `1.2`, with anything that may follow.
fn looks_like_version(text: &str) -> bool {
    let text = text.strip_prefix('v').unwrap_or(text);
    let mut parts = text.split(['.', '-', '+']);
    let is_number = |part: Option<&str>| {
        part.is_some_and(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    text.contains('.') && text.len() <= 64 && is_number(parts.next()) && is_number(parts.next())
}

/// `1.23.4` of `go1.23.4 X:experiment`; nothing of what is no release.
fn standard_library(version: &str) -> Option<&str> {
    let release = version.split_whitespace().next()?.strip_prefix("go")?;
    looks_like_version(release).then_some(release)
}

/// A module; what is built in its folder has no version.
pub(super) fn package(path: &str, version: &str) -> Result<Package, PurlError> {
    let (namespace, name) = path.rsplit_once('/').unwrap_or(("", path));
    let purl = Purl::builder("golang", name)
        .with_namespace(namespace)
        .with_version(version)
        .build()?;
    let mut package = Package::new(path, version, purl);
    package.repository = repository(path);
    Ok(package)
}

/// Where the sources of a module are, of hosts whose paths say it.
pub(super) fn repository(path: &str) -> Option<String> {
    let mut parts = path.split('/');
    let host = parts.next().filter(|host| HOSTS.contains(host))?;
    let (owner, name) = (parts.next()?, parts.next()?);
    Some(format!("https://{host}/{owner}/{name}"))
}

const HOSTS: [&str; 3] = ["github.com", "gitlab.com", "bitbucket.org"];

/// What people call the variable.
const VERSION_NAMES: [&str; 5] = [
    "version",
    "gitversion",
    "buildversion",
    "semver",
    "releaseversion",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn version(lines: &str) -> String {
        Information::parse(lines).main_version()
    }

    #[test]
    fn a_program_that_was_built_in_its_folder_has_a_version() {
        let main = "mod\tacme.test/pay\t(devel)\t\n";
        let told = |flags: &str| version(&format!("{main}build\t-ldflags={flags}\n"));
        assert_eq!(told("\"-s -w -X main.version=v1.2.3\""), "v1.2.3");
        assert_eq!(
            told("-X 'acme.test/pay/cmd.Version=1.2.3-rc1'"),
            "1.2.3-rc1"
        );
        assert_eq!(
            told("-X=main.Version=2.0 -X acme.test/pay.version=1.0"),
            "2.0"
        );
        // Of another module, and no version at all.
        assert_eq!(told("-X other.test/lib.version=v9.9.9"), "");
        assert_eq!(told("-X main.version=unknown -X main.date=2026.1"), "");
        let commit =
            "build\tvcs.revision=0123456789abcdef0123\nbuild\tvcs.time=2026-01-02T03:04:05Z\n";
        let changed = "build\tvcs.modified=true\n";
        assert_eq!(
            version(&format!("{main}{commit}{changed}")),
            "v0.0.0-20260102030405-0123456789ab+dirty"
        );
        assert_eq!(version("mod\tacme.test/pay\tv3.1.0\t\n"), "v3.1.0");
    }

    #[test]
    fn only_releases_are_versions_of_the_standard_library() {
        assert_eq!(standard_library("go1.23.4"), Some("1.23.4"));
        assert_eq!(standard_library("go1.25rc1"), None);
        assert_eq!(standard_library("go1.22.3 X:boringcrypto"), Some("1.22.3"));
        assert_eq!(standard_library("devel go1.24-abcdef Mon"), None);
    }
}
