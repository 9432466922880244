//! References in workloads: with a host, and pinned to a digest.

use bulla_model::{Reference, ReferenceError};

/// Reads an image reference. A node resolves a tag again when it pulls, so a reference without a
/// digest is refused unless `require_digest` is off.
pub fn read(text: &str, require_digest: bool) -> Result<Reference, PinError> {
    if text.len() > LONGEST {
        return Err(PinError::Long { limit: LONGEST });
    }
    let reference: Reference = text.parse().map_err(PinError::Malformed)?;
    if require_digest && reference.digest().is_none() {
        return Err(PinError::NotPinned {
            reference: reference.to_string(),
        });
    }
    Ok(reference)
}

/// Why an image cannot be looked up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PinError {
    /// Longer than any reference.
    #[error("longer than {limit} bytes")]
    Long {
        /// The limit in bytes.
        limit: usize,
    },
    /// No reference, or one without a host.
    #[error(transparent)]
    Malformed(ReferenceError),
    /// Only a tag.
    #[error("not pinned: a tag can move, so name the digest: {reference}@sha256:…")]
    NotPinned {
        /// The reference as read.
        reference: String,
    },
}

impl PinError {
    /// The stable code of the refusal.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Long { .. } | Self::Malformed(_) => "image-reference-malformed",
            Self::NotPinned { .. } => "image-not-pinned",
        }
    }
}

const LONGEST: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f22_a_host_and_a_digest_are_needed() {
        let hex = "0".repeat(64);
        let code = |text: &str| read(text, true).map_err(|error| error.code());
        assert!(code(&format!("a.test/app@sha256:{hex}")).is_ok());
        assert!(code(&format!("a.test/app:1@sha256:{hex}")).is_ok());
        assert_eq!(code("a.test/app:1"), Err("image-not-pinned"));
        assert_eq!(code("a.test/app"), Err("image-not-pinned"));
        for text in [
            "nginx",
            "library/nginx:1",
            "a.test/App:1",
            "a.test/app@sha256:00",
            "a.test/app:1 ",
            "",
        ] {
            assert_eq!(code(text), Err("image-reference-malformed"), "{text}");
        }
        assert_eq!(
            code(&format!("a.test/{}", "a".repeat(600))),
            Err("image-reference-malformed")
        );
        assert!(read("a.test/app:1", false).is_ok());
    }
}
