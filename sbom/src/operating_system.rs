//! The operating system of an image, from `os-release`.
//!
//! Follows os-release(5) of systemd 257, <https://www.freedesktop.org/software/systemd/man/257/os-release.html>.

use std::collections::BTreeMap;

use crate::source::View;

/// What `os-release` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatingSystem {
    /// `ID`: `debian`, `alpine`.
    pub id: String,
    /// `VERSION_ID`: `12`, `3.20.1`; absent in rolling distributions.
    pub version: Option<String>,
    /// `PRETTY_NAME`, for people: `Debian GNU/Linux 12 (bookworm)`.
    pub pretty_name: String,
}

impl OperatingSystem {
    /// Reads `os-release` text; `None` if it names no `ID`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let fields: BTreeMap<&str, String> = text
            .lines()
            .filter_map(|line| line.trim().split_once('='))
            .filter(|(key, _)| !key.starts_with('#'))
            .map(|(key, value)| (key, unquote(value)))
            .collect();
        let field = |key: &str| fields.get(key).filter(|value| !value.is_empty()).cloned();
        let id = field("ID")?.to_lowercase();
        let pretty_name = field("PRETTY_NAME")
            .or_else(|| field("NAME"))
            .unwrap_or_else(|| id.clone());
        Some(Self {
            version: field("VERSION_ID"),
            pretty_name,
            id,
        })
    }

    /// Reads the first of the two standard files that is there.
    pub(crate) fn find(view: &View) -> Option<Self> {
        PATHS
            .iter()
            .filter_map(|path| view.text(path))
            .find_map(|text| Self::parse(&text))
    }

    /// Whether the path is one of the files this is read from.
    pub(crate) fn wants(path: &str) -> bool {
        PATHS.contains(&path)
    }

    /// The `distro` qualifier of package URLs: `debian-12`.
    pub(crate) fn distro(&self) -> String {
        match &self.version {
            Some(version) => format!("{}-{version}", self.id),
            None => self.id.clone(),
        }
    }
}

/// Takes the quotes of a shell assignment away.
fn unquote(value: &str) -> String {
    let value = value.trim();
    let inner = ['"', '\'']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(value);
    let mut text = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        if character == '\\' {
            text.extend(characters.next());
        } else {
            text.push(character);
        }
    }
    text
}

/// Where os-release(5) says it is, the administrator's file first.
const PATHS: [&str; 2] = ["etc/os-release", "usr/lib/os-release"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_escapes_are_taken_away() {
        let text =
            "PRETTY_NAME=\"A \\\"B\\\" C\"\nID='Wolfi'\n# VERSION_ID=1\nVERSION_ID=20230201\n";
        let system = OperatingSystem::parse(text).unwrap();
        assert_eq!(system.pretty_name, "A \"B\" C");
        assert_eq!(system.distro(), "wolfi-20230201");
    }

    #[test]
    fn without_an_id_there_is_no_system() {
        assert_eq!(OperatingSystem::parse("NAME=x\nVERSION_ID=1"), None);
    }
}
