//! Git URIs and refs as provenance and people write them.

/// A source as a URI, and the ref it was taken at, if it names one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GitUri<'a> {
    /// Without `git+`, and without the ref.
    pub(super) repository: &'a str,
    /// What follows the `@`: `refs/heads/main`, `refs/tags/v1`.
    pub(super) reference: Option<&'a str>,
}

impl<'a> GitUri<'a> {
    /// Reads `git+https://HOST/OWNER/REPO@REF` (SPDX download locations); the prefix `git+` may be
    /// missing.
    pub(super) fn parse(text: &'a str) -> Self {
        let text = text.strip_prefix("git+").unwrap_or(text);
        let path = text.find("://").map_or(0, |at| at + 3);
        match text[path..].split_once('@') {
            Some((repository, reference)) => Self {
                repository: &text[..path + repository.len()],
                reference: Some(reference),
            },
            None => Self {
                repository: text,
                reference: None,
            },
        }
    }
}

/// The source a person named, as a URI: `github.com/o/r` means `https://github.com/o/r`.
pub(super) fn normalised(source: &str) -> String {
    let source = source.strip_prefix("git+").unwrap_or(source);
    if source.contains("://") {
        source.to_owned()
    } else {
        format!("https://{source}")
    }
}

/// A branch or a tag by its full name; anything else is nothing one can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ref<'a> {
    Branch(&'a str),
    Tag(&'a str),
}

impl<'a> Ref<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let named = |name: &'a str| (!name.is_empty()).then_some(name);
        if let Some(name) = text.strip_prefix("refs/heads/") {
            return named(name).map(Self::Branch);
        }
        let name = text.strip_prefix("refs/tags/")?;
        named(name).map(Self::Tag)
    }
}

/// Whether the tag is a version that the wanted prefix of a version covers: `v1` covers `v1.2.3`,
/// `v1.2` covers `v1.2.3` and, as the missing parts are zero, `v1.2.0` is covered by `v1.2.0` and
/// written `v1.2`. A wanted patch must be equal to its pre-release; build metadata never counts
/// (Semantic Versioning 2.0.0, section 10). `None` if the wanted text is no version.
pub(super) fn covers(wanted: &str, tag: &str) -> Option<bool> {
    let wanted = Version::parse(wanted)?;
    let Some(tag) = Version::parse(tag) else {
        return Some(false);
    };
    let part = |wanted: Option<u64>, found: Option<u64>| {
        wanted.is_none_or(|wanted| wanted == found.unwrap_or(0))
    };
    Some(
        wanted.major == tag.major
            && part(wanted.minor, tag.minor)
            && part(wanted.patch, tag.patch)
            && (wanted.patch.is_none() || wanted.pre_release == tag.pre_release),
    )
}

/// Whether the text is a full version without pre-release or build metadata: `v1.2.3`. With
/// `pre_release`, exactly that one must follow.
pub(super) fn is_release(tag: &str, pre_release: &str) -> bool {
    Version::parse(tag).is_some_and(|version| {
        version.patch.is_some() && version.pre_release == pre_release && !tag.contains('+')
    })
}

/// A version with its `v`, as Go modules and GitHub's tags write it.
struct Version<'a> {
    major: u64,
    minor: Option<u64>,
    patch: Option<u64>,
    pre_release: &'a str,
}

impl<'a> Version<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let text = text.strip_prefix('v')?;
        let text = text.split_once('+').map_or(text, |(version, _)| version);
        let (core, pre_release) = match text.split_once('-') {
            Some((_, "")) => return None,
            Some((core, pre_release)) => (core, pre_release),
            None => (text, ""),
        };
        let mut numbers = Vec::new();
        for part in core.split('.') {
            let canonical = part == "0" || !part.starts_with('0');
            if !canonical || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            numbers.push(part.parse().ok()?);
        }
        let (major, minor, patch) = match numbers[..] {
            [major] => (major, None, None),
            [major, minor] => (major, Some(minor), None),
            [major, minor, patch] => (major, Some(minor), Some(patch)),
            _ => return None,
        };
        // Shortened versions have no pre-release.
        (patch.is_some() || pre_release.is_empty()).then_some(Self {
            major,
            minor,
            patch,
            pre_release,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_split_at_the_ref_not_at_a_user() {
        let parse = |text| {
            let uri = GitUri::parse(text);
            (uri.repository, uri.reference)
        };
        assert_eq!(
            parse("git+https://github.com/o/r@refs/tags/v1@2"),
            ("https://github.com/o/r", Some("refs/tags/v1@2"))
        );
        assert_eq!(
            parse("https://github.com/o/r"),
            ("https://github.com/o/r", None)
        );
        assert_eq!(normalised("github.com/o/r"), "https://github.com/o/r");
        assert_eq!(normalised("git+https://x/r"), "https://x/r");
        assert_eq!(normalised("gs://bucket/a"), "gs://bucket/a");
    }

    #[test]
    fn only_branches_and_tags_have_names() {
        assert_eq!(Ref::parse("refs/heads/a/b"), Some(Ref::Branch("a/b")));
        assert_eq!(Ref::parse("refs/tags/v1"), Some(Ref::Tag("v1")));
        for none in ["refs/heads/", "refs/pull/1/merge", "main", ""] {
            assert_eq!(Ref::parse(none), None, "{none}");
        }
    }

    #[test]
    fn a_shorter_version_covers_the_longer() {
        for (wanted, tag, expected) in [
            ("v14", "v14.2.1", Some(true)),
            ("v14.2", "v14.2", Some(true)),
            ("v14.0", "v14", Some(true)),
            ("v14.1", "v14", Some(false)),
            ("v14.2.1", "v14.2", Some(false)),
            ("v1.2.3", "v1.2.3+build", Some(true)),
            ("v1.2.3", "v1.2.3-rc1", Some(false)),
            ("v1.2.3-rc1", "v1.2.3-rc1", Some(true)),
            ("v1", "main", Some(false)),
            ("v1", "v01", Some(false)),
            ("v1", "v1.2.3.4", Some(false)),
            ("1.2.3", "v1.2.3", None),
            ("v1.x", "v1.2.3", None),
            ("v1-rc", "v1.2.3", None),
        ] {
            assert_eq!(covers(wanted, tag), expected, "{wanted} {tag}");
        }
        assert!(is_release("v1.2.3", ""));
        assert!(is_release("v1.2.3-java", "java"));
        for other in ["v1.2", "v1.2.3-rc1", "v1.2.3+b", "1.2.3", "vx"] {
            assert!(!is_release(other, ""), "{other}");
        }
    }
}
