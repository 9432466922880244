//! Why a store could not answer.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use bulla_model::{Digest, Limits, ManifestError};

/// Why a store could not answer.
///
/// Texts name host, path and status, never a credential; what a registry said is escaped and cut.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The store answered that it has no such thing. Only this means absent.
    #[error("{what} is not in {store}")]
    NotFound {
        /// What was asked for, for example `manifest sha256:…`.
        what: String,
        /// The repository, layout or archive asked.
        store: String,
    },
    /// Credentials are missing or were not accepted (401).
    #[error("not authorised: {request} answered 401{detail}")]
    Unauthorized {
        /// Method, host and path.
        request: String,
        /// What the registry said.
        detail: Detail,
    },
    /// The credentials do not allow this (403).
    #[error("access denied: {request} answered 403{detail}")]
    Denied {
        /// Method, host and path.
        request: String,
        /// What the registry said.
        detail: Detail,
    },
    /// The registry limits the rate of requests (429).
    #[error("rate limited: {request} answered 429 ({tries} tries){detail}")]
    RateLimited {
        /// Method, host and path.
        request: String,
        /// How often it was tried.
        tries: u32,
        /// What the registry said.
        detail: Detail,
    },
    /// The registry failed (5xx).
    #[error("registry failed: {request} answered {status} ({tries} tries){detail}")]
    Failing {
        /// Method, host and path.
        request: String,
        /// The status code.
        status: u16,
        /// How often it was tried.
        tries: u32,
        /// What the registry said.
        detail: Detail,
    },
    /// No answer: name, connection, TLS, or a broken transfer.
    #[error("no answer: {request} ({tries} tries): {reason}")]
    Unreachable {
        /// Method, host and path.
        request: String,
        /// How often it was tried.
        tries: u32,
        /// The transport's reason.
        reason: Excerpt,
    },
    /// The operation's deadline has passed.
    #[error("no answer within {} s: {request}", deadline.as_secs())]
    Deadline {
        /// Method, host and path, or the operation.
        request: String,
        /// The deadline.
        deadline: Duration,
    },
    /// The registry refused the request with another status.
    #[error("refused: {request} answered {status}{detail}")]
    Rejected {
        /// Method, host and path.
        request: String,
        /// The status code.
        status: u16,
        /// What the registry said.
        detail: Detail,
    },
    /// The bytes are not those the digest names.
    #[error("{what} from {store} has the digest {found}, expected {expected}")]
    DigestMismatch {
        /// What was read or written.
        what: String,
        /// The repository, layout or archive.
        store: String,
        /// The digest asked for.
        expected: Digest,
        /// The digest of the bytes.
        found: Digest,
    },
    /// There are more or fewer bytes than the descriptor says.
    #[error("{what} from {store} has {found} bytes, expected {expected}")]
    SizeMismatch {
        /// What was read or written.
        what: String,
        /// The repository, layout or archive.
        store: String,
        /// Bytes according to the descriptor.
        expected: u64,
        /// Bytes seen; reading stops with the first byte too many.
        found: u64,
    },
    /// A manifest says another size of a blob than the blob with that digest has.
    #[error("{what} has {found} bytes, and its manifest says {expected}")]
    Misdescribed {
        /// What was read.
        what: String,
        /// Bytes according to the manifest.
        expected: u64,
        /// Bytes that have the digest.
        found: u64,
    },
    /// Something is larger than its limit; it was not read.
    #[error("{what} is larger than the limit of {limit} bytes")]
    TooLarge {
        /// What it is.
        what: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// There are more of something than its limit.
    #[error("more than {limit} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// An answer or a file does not have the shape its specification demands.
    #[error("{what} is malformed: {reason}")]
    Malformed {
        /// What was read.
        what: String,
        /// What is wrong with it.
        reason: Excerpt,
    },
    /// What a registry sent cannot be used. Anybody who can push may have made it so, and it says
    /// nothing about what was asked.
    #[error("{registry} sent something unusable: {source}")]
    Unusable {
        /// The repository.
        registry: String,
        /// What is wrong with it.
        source: Box<StoreError>,
    },
    /// The bytes are no manifest.
    #[error("{what} from {store}: {source}")]
    Manifest {
        /// Which manifest.
        what: String,
        /// The repository, layout or archive.
        store: String,
        /// Why it is none.
        source: ManifestError,
    },
    /// An index stands where a manifest with layers is meant.
    #[error("{what} is an index, not a manifest")]
    Unsuited {
        /// What was read.
        what: String,
    },
    /// There are several images where one is meant.
    #[error("{what} holds {found} images: {}", Listed(names))]
    Several {
        /// What was read.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// Names of the first of them.
        names: Vec<Excerpt>,
    },
    /// A manifest listed as a referrer refers to something else.
    #[error("the referrer {referrer} is about {}, not {expected}", found.as_ref().map_or_else(|| "nothing".to_owned(), Digest::to_string))]
    WrongSubject {
        /// The listed manifest.
        referrer: Digest,
        /// The digest whose referrers were asked for.
        expected: Digest,
        /// The digest its subject names.
        found: Option<Digest>,
    },
    /// The registry names a place for tokens that must not see credentials.
    #[error(
        "{host} sends clients to `{realm}` for tokens: expected https, or loopback for a loopback registry"
    )]
    UnsafeRealm {
        /// The registry.
        host: String,
        /// Where it pointed.
        realm: Excerpt,
    },
    /// The registry points to a place that must not be followed.
    #[error("{request} points to `{target}`, which is not followed: {reason}")]
    UnsafeRedirect {
        /// Method, host and path.
        request: String,
        /// Where it pointed.
        target: Excerpt,
        /// Why not.
        reason: &'static str,
    },
    /// A pushed referrer did not appear in the list of referrers.
    #[error(
        "{referrer} was pushed, but {store} does not list it as a referrer of {subject} ({tries} tries)"
    )]
    NotListed {
        /// The manifest pushed.
        referrer: Digest,
        /// What it refers to.
        subject: Digest,
        /// The repository.
        store: String,
        /// How often it was looked for.
        tries: u32,
    },
    /// The store cannot do this.
    #[error("{store} does not support {what}")]
    Unsupported {
        /// What was asked for.
        what: &'static str,
        /// The repository, layout or archive.
        store: String,
    },
    /// The client could not be set up: a certificate or proxy is unusable.
    #[error("unusable {what}: {reason}")]
    Configuration {
        /// Which setting.
        what: &'static str,
        /// What is wrong.
        reason: Excerpt,
    },
    /// A path leads out of its directory.
    #[error("{} leads out of {}", path.display(), root.display())]
    Escape {
        /// The path.
        path: PathBuf,
        /// The directory it has to stay in.
        root: PathBuf,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A stream given to the store could not be read, or an archive not written.
    #[error("{what}: {source}")]
    Stream {
        /// What was being read or written.
        what: String,
        /// The reason.
        source: std::io::Error,
    },
}

/// What a caller can do about a [`StoreError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The store said that it is not there.
    Absent,
    /// It could not be found out; trying again, other credentials or larger limits may help.
    Undetermined,
    /// What was served is not what was asked for.
    Tampered,
    /// What was given is not understood.
    Malformed,
    /// The local file system or the settings are at fault.
    Local,
}

impl StoreError {
    /// What a caller can do about it.
    pub fn kind(&self) -> StoreErrorKind {
        match self {
            Self::NotFound { .. } => StoreErrorKind::Absent,
            Self::Unauthorized { .. }
            | Self::Denied { .. }
            | Self::RateLimited { .. }
            | Self::Failing { .. }
            | Self::Unreachable { .. }
            | Self::Deadline { .. }
            | Self::Rejected { .. }
            | Self::TooLarge { .. }
            | Self::TooMany { .. }
            | Self::UnsafeRealm { .. }
            | Self::UnsafeRedirect { .. }
            | Self::Unusable { .. }
            | Self::NotListed { .. } => StoreErrorKind::Undetermined,
            Self::DigestMismatch { .. } | Self::SizeMismatch { .. } | Self::WrongSubject { .. } => {
                StoreErrorKind::Tampered
            }
            Self::Malformed { .. }
            | Self::Manifest { .. }
            | Self::Misdescribed { .. }
            | Self::Several { .. }
            | Self::Unsuited { .. } => StoreErrorKind::Malformed,
            Self::Unsupported { .. }
            | Self::Configuration { .. }
            | Self::Escape { .. }
            | Self::Io { .. }
            | Self::Stream { .. } => StoreErrorKind::Local,
        }
    }

    /// Whether the store answered that the thing is absent.
    pub fn is_not_found(&self) -> bool {
        self.kind() == StoreErrorKind::Absent
    }

    /// Whether the store answered, and what it has can be no evidence however often it is asked: not
    /// what its place calls for, about something else, or longer than anything that is read. Whoever
    /// may push can put such a thing beside an image, so it must not cast doubt on the rest.
    ///
    /// What is listed and not there is none of it: somebody may have taken away what takes something
    /// back. Nor are bytes of another size or digest, which a broken transfer has too.
    pub fn is_unusable(&self) -> bool {
        if let Self::Unusable { source, .. } = self {
            return source.is_unusable();
        }
        matches!(
            self,
            Self::Manifest { .. }
                | Self::Misdescribed { .. }
                | Self::TooLarge { .. }
                | Self::Unsuited { .. }
                | Self::WrongSubject { .. }
        )
    }

    /// Whether nothing was learnt: the verdict is `Undetermined`, the exit code 3.
    pub fn is_undetermined(&self) -> bool {
        self.kind() == StoreErrorKind::Undetermined
    }

    /// The error as one of what a registry sent: malformed is what the user gave, not what a server
    /// answered.
    pub(crate) fn sent_by(self, registry: &str) -> Self {
        match self.kind() {
            StoreErrorKind::Malformed => Self::Unusable {
                registry: registry.to_owned(),
                source: Box::new(self),
            },
            _ => self,
        }
    }

    /// Carries this error through an interface that knows only [`std::io::Error`].
    pub(crate) fn into_io(self) -> std::io::Error {
        std::io::Error::other(self)
    }

    /// Takes out what [`Self::into_io`] put in, or wraps a foreign error.
    pub fn from_io(error: std::io::Error, what: &str) -> Self {
        match error.downcast::<Self>() {
            Ok(own) => own,
            Err(source) => Self::Stream {
                what: what.to_owned(),
                source,
            },
        }
    }

    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    /// What does not fit into the evidence that is read for one digest.
    pub(crate) fn over_evidence(limits: &Limits) -> Self {
        Self::TooMany {
            what: "bytes of evidence",
            limit: usize::try_from(limits.evidence_bytes).unwrap_or(usize::MAX),
        }
    }

    pub(crate) fn malformed(what: impl Into<String>, reason: &str) -> Self {
        Self::Malformed {
            what: what.into(),
            reason: Excerpt::of(reason),
        }
    }
}

/// A text from outside: cut to 200 characters, escaped when shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt(String);

impl Excerpt {
    /// Cuts a text.
    pub fn of(text: &str) -> Self {
        Self(text.chars().take(200).collect())
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_debug())
    }
}

/// Names in a text, separated by commas.
struct Listed<'a>(&'a [Excerpt]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, name) in self.0.iter().enumerate() {
            let separator = if number == 0 { "" } else { ", " };
            write!(f, "{separator}{name}")?;
        }
        Ok(())
    }
}

/// What a registry said about a refusal, if anything: `CODE: message`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    /// The error code of the distribution specification, for example `DENIED`.
    pub code: Option<Excerpt>,
    /// The message beside it.
    pub message: Option<Excerpt>,
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.code, &self.message) {
            (Some(code), Some(message)) => write!(f, ": {code}: {message}"),
            (Some(only), None) | (None, Some(only)) => write!(f, ": {only}"),
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_registry_says_is_escaped_and_cut() {
        let error = StoreError::Denied {
            request: "GET r.example.test/v2/a/manifests/1".to_owned(),
            detail: Detail {
                code: Some(Excerpt::of("DENIED")),
                message: Some(Excerpt::of(&format!("\u{1b}[31m{}", "x".repeat(1000)))),
            },
        };
        let text = error.to_string();
        assert!(
            text.starts_with(
                "access denied: GET r.example.test/v2/a/manifests/1 answered 403: DENIED: \\u{1b}[31mx"
            ),
            "{text}"
        );
        assert!(text.len() < 300, "{}", text.len());
    }

    #[test]
    fn errors_survive_a_reader_interface() {
        let error = StoreError::TooMany {
            what: "pages",
            limit: 3,
        };
        assert!(matches!(
            StoreError::from_io(error.into_io(), "blob"),
            StoreError::TooMany { limit: 3, .. }
        ));
    }
}
