//! The instances whose roots are in the program.
//!
//! Trusted roots and signing configurations are those of `sigstore-trust-root`, pinned by version
//! and lock file, and equal to the targets of the instances' own TUF repositories; the TUF roots lie
//! beside this file. The tests below name their digests, so that no update can change what is
//! trusted unseen.

use sigstore_trust_root::SigstoreInstance;

/// An instance that needs no introduction by the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Sigstore's public-good instance.
    PublicGood,
    /// Sigstore's staging instance: for tests only.
    Staging,
    /// GitHub's own instance, which signs for private repositories. It has no signing services for
    /// others.
    GitHub,
}

impl Known {
    /// All of them, the default first.
    pub const ALL: [Self; 3] = [Self::PublicGood, Self::Staging, Self::GitHub];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::PublicGood => "public-good",
            Self::Staging => "staging",
            Self::GitHub => "github",
        }
    }

    /// The instance of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// Where its TUF repository is.
    pub fn mirror(self) -> &'static str {
        match self {
            Self::PublicGood => "https://tuf-repo-cdn.sigstore.dev",
            Self::Staging => "https://tuf-repo-cdn.sigstage.dev",
            Self::GitHub => "https://tuf-repo.github.com",
        }
    }

    /// The TUF root that every refresh starts from.
    pub fn tuf_root(self) -> &'static [u8] {
        match self {
            Self::PublicGood => include_bytes!("tuf-roots/public-good.json"),
            Self::Staging => include_bytes!("tuf-roots/staging.json"),
            Self::GitHub => include_bytes!("tuf-roots/github.json"),
        }
    }

    /// `trusted_root.json` as it was when the program was built.
    pub fn trusted_root(self) -> &'static [u8] {
        self.instance().embedded_trusted_root_json().as_bytes()
    }

    /// `signing_config.v0.2.json` as it was when the program was built.
    pub fn signing_config(self) -> Option<&'static [u8]> {
        self.instance()
            .embedded_signing_config_json()
            .map(str::as_bytes)
    }

    /// The version of the repository's list of targets that what is embedded was taken from, or an
    /// earlier one: a repository below it is rolled back. Nothing is known about GitHub's.
    pub fn targets_version(self) -> u64 {
        match self {
            Self::PublicGood => 14,
            Self::Staging => 28,
            Self::GitHub => 0,
        }
    }

    fn instance(self) -> SigstoreInstance {
        match self {
            Self::PublicGood => SigstoreInstance::PublicGood,
            Self::Staging => SigstoreInstance::Staging,
            Self::GitHub => SigstoreInstance::GitHub,
        }
    }
}

#[cfg(test)]
mod tests {
    use bulla_model::Digest;

    use super::*;

    #[test]
    fn what_is_embedded_changes_only_on_purpose() {
        let digest = |bytes: &[u8]| Digest::sha256(bytes).hex()[..12].to_owned();
        let embedded = Known::ALL.map(|known| {
            (
                known.name(),
                digest(known.tuf_root()),
                digest(known.trusted_root()),
                known.signing_config().map_or("none".to_owned(), digest),
            )
        });
        let expected = [
            (
                "public-good",
                "27aea7e372aa",
                "6494e21ea73f",
                "9711a6d53757",
            ),
            ("staging", "3cfd68601164", "44deb991d4bb", "7cd0090164c5"),
            ("github", "eb303461e010", "484cdfe1a7c6", "none"),
        ]
        .map(|(name, root, trusted, signing)| {
            (
                name,
                root.to_owned(),
                trusted.to_owned(),
                signing.to_owned(),
            )
        });
        assert_eq!(embedded, expected);
    }
}
