//! Where npm packages are from that are of no registry.

use bulla_model::{Purl, PurlError};

use super::{lock, npm};
use crate::address;

/// Where a package is from.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Origin {
    /// A registry, or a folder of the project.
    #[default]
    Usual,
    /// A repository at a commit, as the qualifier `vcs_url` says it.
    Git(String),
    /// An archive somewhere else.
    Archive(String),
}

impl Origin {
    /// Whether it is a repository.
    pub(super) fn is_git(&self) -> bool {
        matches!(self, Self::Git(_))
    }

    /// The package URL, with what says where it is from.
    pub(super) fn purl(&self, name: &str, version: &str) -> Result<Purl, PurlError> {
        let purl = npm::purl(name, version)?;
        let (key, value) = match self {
            Self::Usual => return Ok(purl),
            Self::Git(url) => ("vcs_url", url),
            Self::Archive(url) => ("download_url", url),
        };
        let mut parts = purl.parts();
        parts.qualifiers.insert(key.to_owned(), value.clone());
        parts.build()
    }

    /// Where an address leads that is none of a registry's archives.
    pub(super) fn of(address: &str) -> Option<Self> {
        let (place, fragment) = address.split_once('#').unwrap_or((address, ""));
        let is_git = place.starts_with("git") || place.strip_suffix(".git").is_some();
        if is_git {
            let place = place.strip_prefix("git+").unwrap_or(place);
            let commit = fragment
                .split('&')
                .find_map(|part| match part.split_once('=') {
                    Some(("commit", commit)) => Some(commit),
                    Some(_) => None,
                    None => Some(part).filter(|part| !part.is_empty()),
                });
            return Some(Self::Git(lock::vcs_url("git", place, commit, None)));
        }
        let is_address = place.starts_with("https://") || place.starts_with("http://");
        is_address.then(|| Self::Archive(address::without_secret(place)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_and_archives_are_told_apart_without_secrets() {
        let git = |text: &str| Some(Origin::Git(text.to_owned()));
        assert_eq!(
            Origin::of("git+https://t0ken@git.example.test/a.git#0123"),
            git("git+https://git.example.test/a.git@0123")
        );
        assert_eq!(
            Origin::of("https://git.example.test/a.git#commit=0123"),
            git("git+https://git.example.test/a.git@0123")
        );
        assert_eq!(
            Origin::of("https://example.test/a.tgz#sum"),
            Some(Origin::Archive("https://example.test/a.tgz".to_owned()))
        );
        assert_eq!(Origin::of("npm:1.0.0"), None);
    }
}
