//! Builder ids: a builder's name, and the version of it that ran.

use std::fmt;

/// `NAME` or `NAME@VERSION`, as provenance writes it and people name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BuilderId<'a> {
    pub(super) name: &'a str,
    pub(super) version: Option<&'a str>,
}

impl<'a> BuilderId<'a> {
    /// Reads an id; more than one `@` or an empty part make it none.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let id = match text.split_once('@') {
            None => Self {
                name: text,
                version: None,
            },
            Some((name, version)) => Self {
                name,
                version: Some(version),
            },
        };
        let sound = |part: &str| !part.is_empty() && !part.contains('@');
        (sound(id.name) && id.version.is_none_or(sound)).then_some(id)
    }

    /// Whether what a person wanted names this id: the same name and, if a version was wanted, the
    /// same version, for which `v1.2.3` is short for `refs/tags/v1.2.3`.
    pub(super) fn is_named_by(&self, wanted: &BuilderId<'_>) -> bool {
        let version = |wanted: &str| {
            self.version.is_some_and(|found| {
                found == wanted || found.strip_prefix("refs/tags/") == Some(wanted)
            })
        };
        self.name == wanted.name && wanted.version.is_none_or(version)
    }
}

impl fmt::Display for BuilderId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        match self.version {
            Some(version) => write!(f, "@{version}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wanted_version_is_compared_and_may_be_short() {
        let found = BuilderId::parse("https://b/w.yml@refs/tags/v1.2.3").unwrap();
        for (wanted, is_named) in [
            ("https://b/w.yml", true),
            ("https://b/w.yml@v1.2.3", true),
            ("https://b/w.yml@refs/tags/v1.2.3", true),
            ("https://b/w.yml@v1.2.4", false),
            ("https://b/w.ym", false),
            ("https://b/w.yml@refs/heads/v1.2.3", false),
        ] {
            let wanted = BuilderId::parse(wanted).unwrap();
            assert_eq!(found.is_named_by(&wanted), is_named, "{wanted}");
        }
        let bare = BuilderId::parse("https://b/w.yml").unwrap();
        assert!(!bare.is_named_by(&found));
        for none in ["", "@v1", "a@", "a@b@c"] {
            assert_eq!(BuilderId::parse(none), None, "{none}");
        }
    }
}
