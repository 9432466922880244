//! Haskell packages that Cabal froze.
//!
//! cabal.project.freeze of cabal-install 3.14 and before,
//! <https://cabal.readthedocs.io/en/3.14/cabal-commands.html#cabal-freeze>. It holds constraints: no edges, no
//! digests, and not which repository a package is from, so that all count as those of Hackage. What
//! only tests need is not told apart.

use bulla_model::{Purl, PurlError};

use super::{Capability, Cataloger, Context, Edges, Found, ListFile, Technique};
use super::{file_name, is_inside_package};
use crate::{Package, Presence, Scope};

#[derive(Debug)]
pub(super) struct Cabal;

impl Cataloger for Cabal {
    fn name(&self) -> &'static str {
        "cabal"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "Haskell",
            reads: "`cabal.project.freeze`, `*.project.freeze`",
            presence: Presence::Declared,
            technique: Technique::Manifest,
            edges: Edges::None,
            licenses: false,
            hashes: false,
            files: false,
        }
    }

    /// Not in `dist-newstyle`, where Cabal checks repositories out.
    fn wants(&self, path: &str) -> bool {
        let is_fetched = path.split('/').any(|part| part == "dist-newstyle");
        file_name(path).ends_with(".project.freeze") && !is_fetched && !is_inside_package(path)
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        for list in context.files(|path| self.wants(path)) {
            read(list, &mut found);
        }
        found
    }
}

fn read(list: ListFile<'_>, found: &mut Found) {
    let text = list.text();
    let mut others = 0usize;
    let mut in_constraints = false;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    for line in lines.filter(|line| !line.trim_start().starts_with("--")) {
        let mut rest = line;
        // A field begins at the margin and goes on in lines that do not.
        if !line.starts_with([' ', '\t']) {
            let Some((field, value)) = line.split_once(':') else {
                others = others.saturating_add(1);
                in_constraints = false;
                continue;
            };
            in_constraints = field.trim().eq_ignore_ascii_case("constraints");
            rest = value;
        }
        let constraints = rest.split(',').map(str::trim);
        for text in constraints.filter(|text| in_constraints && !text.is_empty()) {
            match Constraint::parse(text) {
                Some(constraint) => {
                    for version in constraint.versions() {
                        found.add(list, constraint.package(version));
                    }
                }
                None => others = others.saturating_add(1),
            }
        }
    }
    if others > 0 {
        found.unknown(
            list.path,
            &format!("{others} lines or constraints are no exact version"),
        );
    }
}

/// `any.name ==1.0 || ==1.1`, or flags of a package: `name +flag -other`.
struct Constraint<'a> {
    name: &'a str,
    /// Whether it goes for what `Setup.hs` needs to build others.
    of_setup: bool,
    /// Empty of flags and of what comes with the compiler.
    versions: &'a str,
}

impl<'a> Constraint<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let end = text.find(|letter: char| letter.is_whitespace() || "=<>^".contains(letter))?;
        let (subject, rest) = text.split_at_checked(end)?;
        let (scope, name) = subject.rsplit_once('.').unwrap_or(("", subject));
        let rest = rest.trim();
        let is_property = rest.starts_with(['+', '-'])
            || ["installed", "source", "test", "bench"].contains(&rest);
        let exact = |part: &str| version(part).is_some();
        if name.is_empty() || !(is_property || rest.split("||").all(exact)) {
            return None;
        }
        Some(Self {
            name,
            of_setup: scope.rsplit(':').next() == Some("setup"),
            versions: if is_property { "" } else { rest },
        })
    }

    fn versions(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.versions.split("||").filter_map(version)
    }

    fn package(&self, version: &str) -> Result<Package, PurlError> {
        let mut package = package(self.name, version, "", "")?;
        if self.of_setup {
            package.scope = Scope::Excluded;
        }
        Ok(package)
    }
}

/// `==1.0`, and not `==1.*`.
fn version(text: &str) -> Option<&str> {
    let version = text.trim().strip_prefix("==")?.trim();
    is_version(version).then_some(version)
}

/// Numbers between full stops.
pub(super) fn is_version(text: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split('.').all(is_number)
}

/// A package of Hackage, or by the qualifier from elsewhere.
pub(super) fn package(
    name: &str,
    version: &str,
    key: &str,
    value: &str,
) -> Result<Package, PurlError> {
    let purl = Purl::builder("hackage", name)
        .with_version(version)
        .with_qualifier(key, value)
        .build()?;
    Ok(Package::new(name, version, purl).declared())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told_from_flags_and_from_ranges() {
        let versions = |text| Constraint::parse(text).map(|one| one.versions().collect::<Vec<_>>());
        assert_eq!(versions("any.a-b ==1.0.2"), Some(vec!["1.0.2"]));
        assert_eq!(versions("a==1"), Some(vec!["1"]));
        assert_eq!(versions("any.a ==1.0 || ==2.0"), Some(vec!["1.0", "2.0"]));
        assert_eq!(versions("a -x +y"), Some(vec![]));
        assert_eq!(versions("any.a installed"), Some(vec![]));
        for text in [
            "",
            "a",
            "any.a >=1.0",
            "a ==1.*",
            "a ==1.0 || >2",
            "any. ==1",
            "a ==",
            "==1",
        ] {
            assert_eq!(versions(text), None, "{text}");
        }
    }
}
