//! Values of variables, checked before they enter a statement.
//!
//! Variables of a job are set by the platform, but also by whoever names a branch. A value that has
//! another shape than the platform gives it is refused, not repaired.

use bulla_model::{DigestSet, ResourceDescriptor};

use super::redact::holds_secret;
use super::{CiError, Variables, strip_credentials};

/// The shape a value has.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    expected: &'static str,
    is_sound: fn(&str) -> bool,
}

impl Shape {
    /// A shape only one platform has.
    pub(super) const fn new(expected: &'static str, is_sound: fn(&str) -> bool) -> Self {
        Self { expected, is_sound }
    }
}

/// A name: letters, digits and punctuation.
pub(super) const WORD: Shape = Shape {
    expected: "printable text without spaces",
    is_sound: |text| {
        (1..=1024).contains(&text.len())
            && !text.chars().any(|c| c.is_whitespace() || c.is_control())
    },
};

/// A name for people, on one line.
pub(super) const LINE: Shape = Shape {
    expected: "one line of printable text",
    is_sound: |text| (1..=1024).contains(&text.len()) && !text.chars().any(char::is_control),
};

/// A decimal number.
pub(super) const NUMBER: Shape = Shape {
    expected: "a number",
    is_sound: |text| (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()),
};

/// An identifier such as a UUID, safe inside a URI.
pub(super) const ID: Shape = Shape {
    expected: "an identifier of letters, digits, `-` and `_`",
    is_sound: |text| {
        (1..=128).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    },
};

/// A Git commit.
pub(super) const COMMIT: Shape = Shape {
    expected: "a commit id",
    is_sound: |text| {
        [40, 64].contains(&text.len())
            && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    },
};

/// The address of a server.
pub(super) const SERVER: Shape = Shape {
    expected: "an https URL without a path",
    is_sound: |text| {
        text.strip_prefix("https://").is_some_and(|host| {
            (1..=255).contains(&host.len())
                && host
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':'))
        })
    },
};

/// A web address without user, query and fragment.
pub(super) const URL: Shape = Shape {
    expected: "an http or https URL without user, query and fragment",
    is_sound: |text| {
        (WORD.is_sound)(text)
            && ["https://", "http://"].iter().any(|scheme| {
                text.strip_prefix(scheme)
                    .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
            })
            && !text.contains(['@', '?', '#'])
    },
};

/// `OWNER/NAME`.
pub(super) const REPOSITORY: Shape = Shape {
    expected: "OWNER/NAME",
    is_sound: |text| {
        let part = |part: &str| {
            (1..=100).contains(&part.len())
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        };
        text.split_once('/')
            .is_some_and(|(owner, name)| part(owner) && part(name))
    },
};

/// The variables of one job.
#[derive(Clone, Copy)]
pub(super) struct Values<'a>(pub(super) &'a Variables);

impl<'a> Values<'a> {
    /// A value that must be there.
    pub(super) fn wanted(self, name: &'static str, shape: Shape) -> Result<&'a str, CiError> {
        let value = self.0.get(name).ok_or(CiError::Missing { name })?;
        if (shape.is_sound)(value) {
            Ok(value)
        } else {
            Err(malformed(name, shape.expected, value))
        }
    }

    /// A value that may be missing; platforms also set variables without a value to nothing.
    pub(super) fn optional(
        self,
        name: &'static str,
        shape: Shape,
    ) -> Result<Option<&'a str>, CiError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(value) if value.is_empty() => Ok(None),
            Some(_) => self.wanted(name, shape).map(Some),
        }
    }

    /// The URL of a Git repository, as a URL without user and password: `git@host:path` becomes
    /// `ssh://host/path`.
    pub(super) fn repository(self, name: &'static str) -> Result<String, CiError> {
        let expected = "the URL of a Git repository without a token in it";
        let value = self.wanted(name, WORD)?;
        let url = if value.contains("://") {
            strip_credentials(value)
        } else {
            let (host, path) = value
                .split_once(':')
                .ok_or_else(|| malformed(name, expected, value))?;
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            format!("ssh://{host}/{}", path.trim_start_matches('/'))
        };
        let known = ["https://", "http://", "ssh://", "git://"];
        let sound = known.iter().any(|scheme| {
            url.strip_prefix(scheme)
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
        });
        if !sound || url.contains(['@', '?', '#']) || holds_secret(&url) {
            // The value may hold a secret, so it is not shown.
            return Err(malformed(name, expected, "another value"));
        }
        Ok(url)
    }

    /// The source a job built: a repository, the reference it was found by, and the commit.
    pub(super) fn source(
        self,
        repository: &str,
        reference: Option<&str>,
        commit: &'static str,
    ) -> Result<ResourceDescriptor, CiError> {
        let reference = reference.map_or_else(String::new, |name| format!("@{name}"));
        Ok(ResourceDescriptor {
            uri: Some(format!("git+{repository}{reference}")),
            digest: DigestSet::default().with_value("gitCommit", self.wanted(commit, COMMIT)?),
            ..ResourceDescriptor::default()
        })
    }
}

/// A tag or else a branch, as a full reference.
pub(super) fn full_reference(tag: Option<&str>, branch: Option<&str>) -> Option<String> {
    tag.map(|tag| format!("refs/tags/{tag}"))
        .or_else(|| branch.map(|branch| format!("refs/heads/{branch}")))
}

pub(super) fn malformed(name: &'static str, expected: &'static str, found: &str) -> CiError {
    CiError::Malformed {
        name,
        expected,
        found: found.chars().take(100).collect(),
    }
}
