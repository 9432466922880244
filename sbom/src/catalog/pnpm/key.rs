//! How pnpm writes which package it means.
//!
//! | | in the list of packages | where it is needed |
//! |---|---|---|
//! | 5 | `/@scope/name/1.0.0_peer@2.0.0` | `1.0.0_peer@2.0.0` |
//! | 6 | `/@scope/name@1.0.0(peer@2.0.0)` | `1.0.0(peer@2.0.0)` |
//! | 9 | `@scope/name@1.0.0(peer@2.0.0)` | the same |
//!
//! An alias is needed by the whole key of what it stands for. What is not of a registry has an address
//! in the place of its version, or as its whole key.

/// A package, without its peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key<'a> {
    /// Empty if the key is an address.
    pub(super) name: &'a str,
    /// A version or an address.
    reference: &'a str,
}

impl<'a> Key<'a> {
    /// Reads a key of the list of packages.
    pub(super) fn of(text: &'a str) -> Option<Self> {
        let text = without_peers(text);
        let is_slashed = text.starts_with('/');
        let text = text.strip_prefix('/').unwrap_or(text);
        if !is_slashed && (text.contains("://") || text.starts_with("file:")) && !is_named(text) {
            return Some(Self {
                name: "",
                reference: text,
            });
        }
        if let Some((name, reference)) = at(text) {
            return Some(Self { name, reference });
        }
        let (name, reference) = text.rsplit_once('/')?;
        let is_version = reference.starts_with(|first: char| first.is_ascii_digit());
        if is_slashed && is_version && !name.is_empty() {
            let reference = reference.split('_').next().unwrap_or(reference);
            return Some(Self { name, reference });
        }
        // A repository before version 6: `host/owner/name/commit`.
        Some(Self {
            name: "",
            reference: text,
        })
    }

    /// What a package needs under a name.
    pub(super) fn referred(name: &'a str, reference: &'a str) -> Option<Self> {
        if reference.starts_with("link:") {
            return None;
        }
        let bare = without_peers(reference);
        let is_version = bare.starts_with(|first: char| first.is_ascii_digit());
        if is_version && at(bare).is_none_or(|_| bare.contains('_')) {
            let reference = bare.split('_').next().unwrap_or(bare);
            return Some(Self { name, reference });
        }
        if bare.contains("://") && !is_named(bare) {
            // Since version 9 the key has the name before the address.
            return Some(Self {
                name,
                reference: bare,
            });
        }
        Self::of(reference)
    }

    /// The version, if the reference is one.
    pub(super) fn version(&self) -> Option<&'a str> {
        let is_version = self
            .reference
            .starts_with(|first: char| first.is_ascii_digit());
        (is_version && !self.name.is_empty()).then_some(self.reference)
    }

    /// What is the same however it is written.
    pub(super) fn identity(&self) -> (&'a str, &'a str) {
        match self.version() {
            Some(version) => (self.name, version),
            None => ("", self.reference),
        }
    }
}

fn without_peers(text: &str) -> &str {
    text.split('(').next().unwrap_or(text)
}

/// Whether a name stands before the address.
fn is_named(text: &str) -> bool {
    at(text).is_some_and(|(name, _)| !name.contains(':'))
}

/// `@scope/name@reference`.
fn at(text: &str) -> Option<(&str, &str)> {
    let begin = usize::from(text.starts_with('@'));
    let place = text.get(begin..)?.find('@')?.saturating_add(begin);
    let (name, reference) = text.split_at_checked(place)?;
    let reference = reference.get(1..)?;
    let is_name = !name.is_empty() && name.matches('/').count() <= begin;
    (is_name && !reference.is_empty()).then_some((name, reference))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> (&str, &str) {
        Key::of(text).unwrap().identity()
    }

    fn referred<'a>(name: &'a str, text: &'a str) -> (&'a str, &'a str) {
        Key::referred(name, text).unwrap().identity()
    }

    #[test]
    fn keys_of_all_versions_name_the_same() {
        for key in [
            "/@s/a/1.0.0",
            "/@s/a/1.0.0_b@2.0.0+c@3",
            "/@s/a@1.0.0(b@2.0.0)",
            "@s/a@1.0.0",
        ] {
            assert_eq!(of(key), ("@s/a", "1.0.0"), "{key}");
        }
        for reference in [
            "1.0.0",
            "1.0.0_b@2.0.0",
            "1.0.0(b@2.0.0)(c@1)",
            "/@s/a/1.0.0",
            "@s/a@1.0.0",
        ] {
            assert_eq!(
                referred("@s/a", reference),
                ("@s/a", "1.0.0"),
                "{reference}"
            );
        }
        assert_eq!(referred("alias", "/b/2.0.0"), ("b", "2.0.0"));
        assert_eq!(referred("alias", "b@2.0.0(c@1)"), ("b", "2.0.0"));
        assert_eq!(Key::referred("a", "link:../a"), None);
    }

    #[test]
    fn addresses_are_what_is_not_of_a_registry() {
        let address = "https://example.test/a.tgz";
        for key in [address, "a@https://example.test/a.tgz"] {
            assert_eq!(of(key), ("", address), "{key}");
            assert_eq!(referred("a", key), ("", address), "{key}");
        }
        assert_eq!(
            of("git.example.test/o/a/0123"),
            ("", "git.example.test/o/a/0123")
        );
        assert_eq!(of("file:../a"), ("", "file:../a"));
    }

    #[test]
    fn odd_keys_do_no_harm() {
        for odd in ["", "/", "@", "@/", "a", "/a", "a@", "@@", "(x)", "é@é"] {
            let _ = Key::of(odd).map(|key| (key.version(), key.identity()));
            let _ = Key::referred(odd, odd);
        }
    }
}
