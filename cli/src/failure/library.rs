//! Errors of the libraries as failures: one row of kinds for each.

use bulla_attest::ci::{BuildxError, CiError, RunError};
use bulla_attest::claim::{ClaimError, JunitError};
use bulla_attest::{KeyError, KeyServiceError, SignError};
use bulla_registry::{StoreError, StoreErrorKind};
use bulla_sbom::CatalogError;
use bulla_sbom::source::SourceError;

use super::{Failure, FailureKind};

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let kind = match error.kind() {
            StoreErrorKind::Absent => FailureKind::NotFound,
            StoreErrorKind::Tampered => FailureKind::Tampered,
            StoreErrorKind::Malformed => FailureKind::Input,
            StoreErrorKind::Local => FailureKind::File,
            // Whatever is not known to be an answer is none.
            _ => FailureKind::Unavailable,
        };
        if kind != FailureKind::Unavailable {
            return Self::new(kind, error);
        }
        let failure = Self::new(kind, format_args!("could not find out: {error}"));
        match error {
            StoreError::Unauthorized { .. } => {
                failure.with_hint("log in first, for example: docker login HOST")
            }
            StoreError::Denied { .. } => failure
                .with_hint("the credentials are known but may not do this: check their scope"),
            StoreError::Unreachable { .. } | StoreError::Deadline { .. } => failure
                .with_detail("this is not a \"no\": try again, or raise --timeout")
                .with_hint("a registry without TLS is named with --plain-http HOST"),
            _ => failure.with_detail("this is not a \"no\": try again, or raise --timeout"),
        }
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Password | KeyError::PasswordNeeded => {
                Self::new(FailureKind::Password, error)
            }
            KeyError::Random => Self::new(FailureKind::Internal, error),
            _ => Self::new(FailureKind::Input, error),
        }
    }
}

impl From<KeyServiceError> for Failure {
    fn from(error: KeyServiceError) -> Self {
        match error {
            KeyServiceError::Configuration { .. } => Self::new(FailureKind::Configuration, error),
            KeyServiceError::Key { .. } | KeyServiceError::Unusable { .. } => {
                Self::new(FailureKind::Input, error)
            }
            KeyServiceError::Refused {
                status: 400..=404, ..
            } => Self::new(FailureKind::Unavailable, error)
                .with_hint("check the key's name, and what the credentials may do"),
            _ => Self::new(FailureKind::Unavailable, error)
                .with_hint("nothing was signed: try again"),
        }
    }
}

impl From<SignError> for Failure {
    fn from(error: SignError) -> Self {
        match error {
            SignError::Service(error) => error.into(),
            SignError::Key | SignError::Wrong | SignError::Bundle(_) => {
                Self::new(FailureKind::Internal, error)
            }
            _ => Self::new(FailureKind::Input, error),
        }
    }
}

impl From<CatalogError> for Failure {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::Source(error) => error.into(),
            error => Self::new(FailureKind::Input, error),
        }
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        let kind = match error {
            // A registry's own answer is hidden in the reader's error.
            SourceError::Layer { layer, source } => {
                return match StoreError::from_io(source, "layer") {
                    StoreError::Stream { source, .. } => {
                        Self::new(FailureKind::Input, SourceError::Layer { layer, source })
                    }
                    error => error.into(),
                };
            }
            SourceError::Size { .. }
            | SourceError::BlobDigest { .. }
            | SourceError::DiffId { .. } => FailureKind::Tampered,
            SourceError::TooManyLayers { .. }
            | SourceError::InflatedBytes { .. }
            | SourceError::InflationRatio { .. }
            | SourceError::TooManyFiles { .. }
            | SourceError::FileBytes { .. }
            | SourceError::KeptBytes { .. } => FailureKind::Unavailable,
            SourceError::Directory { .. } => FailureKind::File,
            _ => FailureKind::Input,
        };
        Self::new(kind, error)
    }
}

macro_rules! input {
    ($($error:ty),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::new(FailureKind::Input, error)
            }
        }
    )*};
}

input!(BuildxError, CiError, ClaimError, JunitError, RunError);
