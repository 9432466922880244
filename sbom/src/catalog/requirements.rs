//! Python distributions that a requirements file pins.
//!
//! Requirements file format of pip 25, <https://pip.pypa.io/en/stable/reference/requirements-file-format/>,
//! and version specifiers, <https://packaging.python.org/en/latest/specifications/version-specifiers/>.
//! Files that others include are read where their own name says what they are.

use bulla_model::{Algorithm, Digest};

use super::{
    Capability, Cataloger, Context, Edges, Found, ListFile, Technique, file_name,
    is_inside_package, python,
};
use crate::{Package, Presence};

#[derive(Debug)]
pub(super) struct Requirements;

impl Cataloger for Requirements {
    fn name(&self) -> &'static str {
        "requirements"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "Python",
            reads: "`requirements*.txt`, exact versions",
            presence: Presence::Declared,
            technique: Technique::Manifest,
            edges: Edges::None,
            licenses: false,
            hashes: true,
            files: false,
        }
    }

    fn wants(&self, path: &str) -> bool {
        let name = file_name(path);
        let stem = name.strip_suffix(".txt");
        stem.is_some_and(|stem| stem.starts_with("requirements")) && !is_inside_package(path)
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        for list in context.files(|path| self.wants(path)) {
            read(list, &mut found);
        }
        found
    }
}

/// What one line asks for.
#[derive(Debug, PartialEq, Eq)]
enum Line<'a> {
    /// Exactly this version of a distribution.
    Pin { name: &'a str, version: &'a str },
    /// A distribution whose version pip chooses, or finds where it is fetched from.
    Open,
    /// An option for pip, or nothing.
    Option,
    /// A path or address that names no distribution, or no requirement at all.
    Nameless,
}

fn read(list: ListFile<'_>, found: &mut Found) {
    let text = list.text();
    // PowerShell writes UTF-16 where `pip freeze` is redirected.
    if text.contains('\0') {
        found.unknown(list.path, "not text in UTF-8");
        return;
    }
    let mut open = Vec::new();
    let mut nameless = Vec::new();
    for (number, line) in lines(&text) {
        match parse(&line) {
            Line::Pin { name, version } => {
                let package = python::purl(name, version).map(|purl| {
                    let mut package = Package::new(name, version, purl).declared();
                    package.hashes.extend(digest(&line));
                    package
                });
                found.add(list, package);
            }
            Line::Open => open.push(number),
            Line::Nameless => nameless.push(number),
            Line::Option => {}
        }
    }
    // One reason for all lines of a kind: a file of prose would otherwise give one for each line.
    for (numbers, what) in [
        (open, "no exact version"),
        (nameless, "no distribution is named"),
    ] {
        if let Some(first) = numbers.first() {
            let count = numbers.len();
            let reason = format!("{what} in {count} of its lines, the first is line {first}");
            found.unknown(list.path, &reason);
        }
    }
}

/// Lines without comments, those that end in a backslash joined with the next, and the number of
/// the first of each.
fn lines(text: &str) -> Vec<(usize, String)> {
    let mut joined = Vec::new();
    let mut current: Option<(usize, String)> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let (_, whole) = current.get_or_insert_with(|| (number, String::new()));
        let comment = line.trim_start().starts_with('#');
        // A comment ends a continued line, even if it ends in a backslash itself.
        let continued = line.strip_suffix('\\').filter(|_| !comment);
        if comment {
            whole.push(' ');
        }
        whole.push_str(continued.unwrap_or(line));
        if continued.is_none() {
            joined.extend(current.take());
        }
    }
    joined.extend(current);
    for (_, line) in &mut joined {
        line.truncate(without_comment(line).len());
    }
    joined
}

/// A `#` starts a comment at the start of a line or after white space: addresses have them too.
fn without_comment(line: &str) -> &str {
    let starts = |at: usize| {
        let before = line.get(..at).unwrap_or_default();
        before.is_empty() || before.ends_with(char::is_whitespace)
    };
    let comment = line.match_indices('#').find(|(at, _)| starts(*at));
    comment.map_or(line, |(at, _)| line.get(..at).unwrap_or_default())
}

fn parse(line: &str) -> Line<'_> {
    let line = line.trim();
    if ["-e", "--editable"].iter().any(|key| line.starts_with(key)) {
        return Line::Nameless;
    }
    if line.is_empty() || line.starts_with('-') {
        return Line::Option;
    }
    // Options of one requirement follow it, its marker comes before them.
    let requirement = line.split(" --").next().unwrap_or_default();
    let end = requirement.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c));
    let (name, rest) = requirement
        .split_at_checked(end.unwrap_or(requirement.len()))
        .unwrap_or_default();
    let rest = rest.trim_start();
    let named = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.ends_with(|c: char| c.is_ascii_alphanumeric());
    let archive = [".whl", ".zip", ".gz", ".bz2"]
        .iter()
        .any(|kind| name.ends_with(kind));
    if !named || archive || !(rest.is_empty() || rest.starts_with(|c| "[(<>=!~;@".contains(c))) {
        return Line::Nameless;
    }
    // Extras are parts of the same distribution.
    let rest = match rest.strip_prefix('[') {
        Some(extras) => extras.split_once(']').map_or("", |(_, rest)| rest).trim(),
        None => rest,
    };
    let specifier = rest.split(';').next().unwrap_or_default().trim();
    let specifier = specifier.trim_start_matches('(').trim_end_matches(')');
    let version = specifier
        .trim_start()
        .strip_prefix("==")
        .map(|version| version.strip_prefix('=').unwrap_or(version).trim());
    match version {
        Some(version) if is_exact(version) => Line::Pin { name, version },
        _ => Line::Open,
    }
}

/// Not `1.*`, no list of conditions and no variable of the environment.
pub(super) fn is_exact(version: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || ".!+-_".contains(c);
    !version.is_empty() && version.chars().all(known)
}

/// The digest, if there is one: of several each is of another file, and which one is fetched
/// depends on the machine.
fn digest(line: &str) -> Option<Digest> {
    let mut hashes = line
        .split_whitespace()
        .filter_map(|option| option.strip_prefix("--hash="));
    let (algorithm, value) = hashes.next()?.split_once(':')?;
    if hashes.next().is_some() {
        return None;
    }
    Digest::new(algorithm.parse::<Algorithm>().ok()?, value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_end_where_pip_ends_them() {
        let text = "a==1 \\\n# b \\\nc==2 # d \\\n e\nf#g";
        let lines = lines(text);
        let lines: Vec<_> = lines.iter().map(|(at, line)| (*at, line.trim())).collect();
        assert_eq!(lines, [(1, "a==1"), (3, "c==2"), (5, "f#g")]);
    }

    #[test]
    fn only_exact_versions_are_pins() {
        let pin = |name, version| Line::Pin { name, version };
        assert_eq!(parse("a==1.0"), pin("a", "1.0"));
        assert_eq!(parse("a [x, y] == 1.0 ; b == '2'"), pin("a", "1.0"));
        assert_eq!(parse("a===1.0-odd --hash=sha256:00"), pin("a", "1.0-odd"));
        assert_eq!(parse("a==1.*"), Line::Open);
        assert_eq!(parse("a==1.0,!=1.1"), Line::Open);
        assert_eq!(parse("a==${A}"), Line::Open);
        assert_eq!(parse("a"), Line::Open);
        assert_eq!(parse("a @ https://example.test/a.whl"), Line::Open);
        assert_eq!(parse("https://example.test/a.whl"), Line::Nameless);
        assert_eq!(parse("a.whl"), Line::Nameless);
        assert_eq!(parse("./a"), Line::Nameless);
        assert_eq!(parse("-e ."), Line::Nameless);
        assert_eq!(parse("-r other.txt"), Line::Option);
    }
}
