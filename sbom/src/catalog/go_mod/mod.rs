//! Go modules that a go.mod requires.
//!
//! Go Modules Reference as of Go 1.25, <https://go.dev/ref/mod#go-mod-file>. From `go 1.17` on a
//! go.mod requires every module that is needed to build its packages and tests; before it names only
//! those that are needed directly, and the others are not listed here.
//!
//! go.sum is not read. Its `h1` is a digest of a list of files and no digest of anything that is
//! distributed, and it keeps versions that were only looked at or are no longer used, so that it
//! cannot say what an older go.mod leaves out. Neither `go` nor `toolchain` say which standard
//! library is used, only which is the oldest that may be. Workspaces (`go.work`) are not read.
//!
//! Which module needs an indirect one is not said. Nor is what only tests need; a module that is
//! there for a tool, and that the main module does not import, may be missing.

mod syntax;

use std::collections::{BTreeMap, BTreeSet};

use cargo_lock::Version;

use super::{Capability, Cataloger, Context, Edges, Found, ListFile, Technique};
use super::{file_name, go_binary, is_inside_package};
use crate::{Package, Presence, Scope};
use syntax::Statement;

#[derive(Debug)]
pub(super) struct GoMod;

impl Cataloger for GoMod {
    fn name(&self) -> &'static str {
        "go-mod"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "Go",
            reads: "`go.mod`; all modules from `go 1.17` on, before only those needed directly",
            presence: Presence::Declared,
            technique: Technique::Manifest,
            edges: Edges::Some,
            licenses: false,
            hashes: false,
            files: false,
        }
    }

    fn wants(&self, path: &str) -> bool {
        let cached = path.starts_with(CACHE) || path.contains(&format!("/{CACHE}"));
        file_name(path) == "go.mod" && !cached && !is_inside_package(path)
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        for list in context.files(|path| self.wants(path)) {
            let text = list.text();
            let (statements, mut unread) = syntax::parse(&text);
            let module = Module::of(&statements, &mut unread);
            if let Some(first) = unread.iter().min() {
                let count = unread.len();
                let reason = format!("{count} lines are not understood, the first is line {first}");
                found.unknown(list.path, &reason);
            }
            module.read(list, &mut found);
        }
        found
    }
}

/// Where Go keeps what it fetched.
const CACHE: &str = "pkg/mod/";

/// What the file of a module says.
#[derive(Default)]
struct Module<'a> {
    path: Option<&'a str>,
    /// By path, of several versions the highest, as Go selects.
    required: BTreeMap<&'a str, Required<'a>>,
    excluded: BTreeSet<(&'a str, &'a str)>,
    /// By path and version; without a version all of them.
    replaced: BTreeMap<(&'a str, Option<&'a str>), Replacement<'a>>,
    /// Paths of packages.
    tools: Vec<&'a str>,
}

struct Required<'a> {
    text: &'a str,
    version: Version,
    indirect: bool,
}

enum Replacement<'a> {
    /// Another module, or another version of the same.
    Module(&'a str, &'a str),
    /// It has no version; what it takes the place of is the best name there is.
    Folder,
}

impl<'a> Module<'a> {
    fn of(statements: &'a [Statement], unread: &mut Vec<usize>) -> Self {
        let mut module = Self::default();
        for statement in statements {
            if module.add(statement).is_none() {
                unread.push(statement.line);
            }
        }
        module
    }

    /// `None` if it is not understood.
    fn add(&mut self, statement: &'a Statement) -> Option<()> {
        let arguments: Vec<&str> = statement.arguments.iter().map(String::as_str).collect();
        match (statement.verb.as_str(), arguments.as_slice()) {
            ("module", [path]) => {
                self.path.get_or_insert(path);
            }
            ("require", [path, text]) => {
                let required = Required {
                    text,
                    version: parse_version(text)?,
                    indirect: statement.indirect,
                };
                self.require(path, required);
            }
            ("exclude", [path, version]) => {
                self.excluded.insert((path, version));
            }
            ("replace", [path, "=>", rest @ ..]) => {
                self.replaced.insert((path, None), replacement(rest)?);
            }
            ("replace", [path, version, "=>", rest @ ..]) => {
                let replacement = replacement(rest)?;
                self.replaced.insert((path, Some(version)), replacement);
            }
            ("tool", [path]) => self.tools.push(path),
            ("go" | "toolchain" | "godebug" | "retract" | "ignore", _) => {}
            _ => return None,
        }
        Some(())
    }

    fn require(&mut self, path: &'a str, mut required: Required<'a>) {
        let known = self.required.remove(path);
        if let Some(known) = known {
            let indirect = known.indirect && required.indirect;
            if known.version > required.version {
                required = known;
            }
            required.indirect = indirect;
        }
        self.required.insert(path, required);
    }

    fn read(&self, list: ListFile<'_>, found: &mut Found) {
        // Go's own modules are its standard library and its tools.
        let path = self.path.filter(|path| !["std", "cmd"].contains(path));
        if self.path.is_none() {
            found.unknown(list.path, "no module is named");
        }
        let main = path.map(|path| go_binary::package(path, ""));
        let main = main.and_then(|package| found.add(list, package.map(Package::declared)));
        let providers: BTreeSet<&str> = self
            .tools
            .iter()
            .filter_map(|tool| self.provider(tool))
            .collect();
        for (path, required) in &self.required {
            if self.excluded.contains(&(path, required.text)) {
                let version = required.text;
                let reason = format!("{version} of {path} is required and excluded");
                found.unknown(list.path, &reason);
                continue;
            }
            let is_tool = providers.contains(path);
            let (name, version) = self.selected(path, required.text);
            let package = go_binary::package(name, version).map(|package| {
                let mut package = package.declared();
                if is_tool && required.indirect {
                    package.scope = Scope::Optional;
                }
                package
            });
            let index = found.add(list, package);
            if is_tool || !required.indirect {
                found.edges.extend(main.zip(index));
            }
        }
    }

    /// The module that is used where this one is required.
    fn selected(&self, path: &'a str, version: &'a str) -> (&'a str, &'a str) {
        let exact = self.replaced.get(&(path, Some(version)));
        match exact.or_else(|| self.replaced.get(&(path, None))) {
            Some(Replacement::Module(path, version)) => (path, version),
            Some(Replacement::Folder) | None => (path, version),
        }
    }

    /// The path of the required module that holds a package: of several the longest.
    fn provider(&self, package: &'a str) -> Option<&'a str> {
        let above = |path: &&'a str| path.rsplit_once('/').map(|(above, _)| above);
        let mut paths = std::iter::successors(Some(package), above).take(DEPTH);
        paths.find(|path| self.required.contains_key(path))
    }
}

/// Folders between a package and its module. Stops paths that have nothing but slashes.
const DEPTH: usize = 64;

fn replacement<'a>(arguments: &[&'a str]) -> Option<Replacement<'a>> {
    match arguments {
        [folder] if is_folder(folder) => Some(Replacement::Folder),
        [path, version] if !is_folder(path) => {
            parse_version(version).map(|_| Replacement::Module(path, version))
        }
        _ => None,
    }
}

/// Rooted, or beginning with dots, in the way of any system.
fn is_folder(path: &str) -> bool {
    let mut letters = path.chars();
    let drive = letters
        .next()
        .is_some_and(|letter| letter.is_ascii_alphabetic());
    let first = path.split(['/', '\\']).next().unwrap_or_default();
    ["", ".", ".."].contains(&first) || drive && letters.next() == Some(':')
}

/// A version as Go writes it, pseudo-versions and `+incompatible` among them; not a branch.
fn parse_version(text: &str) -> Option<Version> {
    let version: Version = text.strip_prefix('v')?.parse().ok()?;
    let known = ["", "incompatible"].contains(&version.build.as_str());
    known.then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_go_writes_is_a_version() {
        for version in [
            "v1.2.3",
            "v2.0.0+incompatible",
            "v0.0.0-20260102030405-0123456789ab",
            "v1.2.4-0.20260102030405-0123456789ab",
            "v1.2.3-rc.1",
        ] {
            assert!(parse_version(version).is_some(), "{version}");
        }
        for version in [
            "1.2.3",
            "v1.2",
            "master",
            "latest",
            "v1.2.3+meta",
            "v1.2.3/x",
            "",
        ] {
            assert!(parse_version(version).is_none(), "{version}");
        }
        assert!(parse_version("v1.10.0") > parse_version("v1.9.0"));
        let older = parse_version("v0.0.0-20250102030405-0123456789ab");
        assert!(parse_version("v0.0.0-20260102030405-0123456789ab") > older);
    }

    #[test]
    fn folders_are_told_from_modules() {
        for path in [
            ".", "..", "./a", "../a", "/a", "..\\a", "\\a", "C:\\a", "c:/a",
        ] {
            assert!(is_folder(path), "{path}");
        }
        for path in ["a.test/b", ".a/b", "...", "a", "ab:c"] {
            assert!(!is_folder(path), "{path}");
        }
    }

    #[test]
    fn copies_of_modules_never_count() {
        let wants = |path| GoMod.wants(path);
        assert!(wants("go.mod"));
        assert!(wants("src/pay/go.mod"));
        assert!(!wants("src/vendor/a.test/x/go.mod"));
        assert!(!wants("root/go/pkg/mod/a.test/x@v1.0.0/go.mod"));
        assert!(!wants("pkg/mod/a.test/x@v1.0.0/go.mod"));
        assert!(wants("src/mypkg/mod/go.mod"));
        assert!(!wants("src/not-go.mod"));
    }
}
