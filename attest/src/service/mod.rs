//! Key services: what they have in common. Each service is a file of [`crate::signer`].
//!
//! Nothing here reads the environment or a file: [`Surroundings`] hands both in.

mod endpoint;
mod json;
mod kubernetes;
mod structure;

use std::fmt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::key::KeyError;

pub use json::SecretText;
pub use kubernetes::{KubernetesAccess, SecretPair};

pub(crate) use endpoint::{Ask, Endpoint, TlsMaterial, is_here};
pub(crate) use json::{FromBase64, base64, read};
pub(crate) use structure::{ecdsa_der, ecdsa_spki, ed25519_spki, rsa_spki};

/// Variables that hold secrets of signing. No program that is started needs them.
pub const SECRET_VARIABLES: [&str; 6] = [
    "BULLA_IDENTITY_TOKEN",
    "BULLA_PASSWORD",
    "BULLA_PIN",
    "COSIGN_PASSWORD",
    "COSIGN_PKCS11_PIN",
    "SIGSTORE_ID_TOKEN",
];

/// Variables with which tokens of this job's identity, or signatures, are had elsewhere. Key services
/// may need them; Git, registries' helpers, and a build whose provenance is signed here do not.
pub const AMBIENT_VARIABLES: [&str; 4] = [
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "BAO_TOKEN",
    "VAULT_TOKEN",
];

/// What a key service needs from the process around it.
pub trait Surroundings: fmt::Debug + Send + Sync {
    /// A variable's text; an empty one is as good as none.
    fn variable(&self, name: &str) -> Option<String>;

    /// The bytes of a small file, `None` if there is none.
    fn file(&self, path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, KeyServiceError>;

    /// The time now, for requests that carry one.
    fn now(&self) -> Timestamp;

    /// Where the program of this name is on the search path.
    fn program(&self, name: &str) -> Option<PathBuf>;

    /// Whether the user said that this host is spoken to without TLS.
    fn permits_plain(&self, host: &str) -> bool;
}

/// The first of several variables that is set.
pub(crate) fn first(surroundings: &dyn Surroundings, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| surroundings.variable(name))
}

/// A secret text from a file, without the line's end.
pub(crate) fn secret_file(
    surroundings: &dyn Surroundings,
    service: &'static str,
    path: &Path,
) -> Result<Option<Zeroizing<String>>, KeyServiceError> {
    let Some(bytes) = surroundings.file(path)? else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&bytes).map_err(|_| KeyServiceError::Configuration {
        service,
        reason: format!("{} is not UTF-8", path.display()),
    })?;
    Ok(Some(Zeroizing::new(text.trim_end().to_owned())))
}

/// Why a key service was of no help. No text holds a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyServiceError {
    /// Something must be set first.
    #[error("{service}: {reason}")]
    Configuration {
        /// The service.
        service: &'static str,
        /// What is missing or wrong.
        reason: String,
    },
    /// The service cannot be reached.
    #[error("{service}: {} cannot be reached: {reason}", host.escape_debug())]
    Unreachable {
        /// The service.
        service: &'static str,
        /// The host.
        host: String,
        /// What stood in the way.
        reason: String,
    },
    /// The service said no.
    #[error("{service} answered {status} to {what}: {reason}")]
    Refused {
        /// The service.
        service: &'static str,
        /// What was asked for.
        what: &'static str,
        /// The HTTP status.
        status: u16,
        /// What the service said, escaped and cut short.
        reason: String,
    },
    /// The answer makes no sense.
    #[error("{service}: malformed answer to {what}: {reason}")]
    Malformed {
        /// The service.
        service: &'static str,
        /// What was asked for.
        what: &'static str,
        /// What is wrong, escaped.
        reason: String,
    },
    /// The key is there and cannot be used.
    #[error("{service}: {reason}")]
    Unusable {
        /// The service.
        service: &'static str,
        /// Why.
        reason: String,
    },
    /// The public key the service gave is no key Bulla knows.
    #[error("{service}: {error}")]
    Key {
        /// The service.
        service: &'static str,
        /// Why.
        #[source]
        error: KeyError,
    },
}

/// Text from outside, fit for a message.
pub(crate) fn shown(text: &str) -> String {
    let cut: String = text.chars().take(200).collect();
    cut.escape_debug().to_string()
}
