//! Errors of signing services and identity providers as failures.

use bulla_attest::oidc::OidcError;
use bulla_attest::sigstore::{CertificateError, SigningConfigError};
use bulla_attest::{BackedError, Service, ServiceError};

use super::{Failure, FailureKind};

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        match &error {
            ServiceError::Configuration { .. } => Self::new(FailureKind::Configuration, error),
            ServiceError::Url { .. } | ServiceError::Unsupported { .. } => {
                Self::new(FailureKind::Usage, error)
            }
            ServiceError::Status {
                service, status, ..
            } => match (service, status) {
                (Service::CertificateAuthority, 400 | 401 | 403) => {
                    Self::new(FailureKind::Input, &error)
                        .with_hint("take a fresh token: they end after minutes")
                        .with_hint("its issuer must be one this authority knows")
                }
                (Service::CodePlatform, 401 | 403 | 404) => {
                    Self::new(FailureKind::Unavailable, &error)
                        .with_hint("the token is GITHUB_TOKEN, or GITLAB_TOKEN or CI_JOB_TOKEN; it has to read requests, their reviews and the repository")
                }
                (Service::CodePlatform, _) => Self::new(FailureKind::Unavailable, &error)
                    .with_hint("try again later: nothing was signed"),
                (_, 408 | 429 | 500..=599) => Self::new(FailureKind::Unavailable, &error)
                    .with_hint("try again later: nothing was attached"),
                _ => Self::new(FailureKind::Input, error),
            },
            ServiceError::Unreachable { .. } => Self::new(FailureKind::Unavailable, &error)
                .with_hint("try again, or raise --timeout")
                .with_hint("a private authority for TLS is named with --ca-file FILE"),
            _ => Self::new(FailureKind::Unavailable, error),
        }
    }
}

impl From<OidcError> for Failure {
    fn from(error: OidcError) -> Self {
        match error {
            OidcError::Service(error) => error.into(),
            OidcError::Withheld { hint, .. } => {
                Self::new(FailureKind::Configuration, error).with_hint(hint)
            }
            OidcError::Audience { ref expected, .. } => {
                let hint = format!(
                    "ask its provider for one with the audience {expected}, or pass --oidc-client-id"
                );
                Self::new(FailureKind::Input, error).with_hint(hint)
            }
            OidcError::Expired { .. } => {
                Self::new(FailureKind::Input, error).with_hint("take a fresh one")
            }
            OidcError::Login { .. } => Self::new(FailureKind::Interrupted, error)
                .with_hint("another way to log in: --login device"),
            _ => Self::new(FailureKind::Input, error)
                .with_hint("pass a token, or the file that holds it: --identity-token @FILE"),
        }
    }
}

impl From<CertificateError> for Failure {
    fn from(error: CertificateError) -> Self {
        match error {
            CertificateError::Sign(error) => error.into(),
            CertificateError::Service(error) => error.into(),
        }
    }
}

impl From<BackedError> for Failure {
    fn from(error: BackedError) -> Self {
        match error {
            BackedError::Sign(error) => error.into(),
            BackedError::Service(error) => error.into(),
        }
    }
}

impl From<SigningConfigError> for Failure {
    fn from(error: SigningConfigError) -> Self {
        match error {
            SigningConfigError::Service(error) => error.into(),
            error => Self::new(FailureKind::Configuration, error),
        }
    }
}
