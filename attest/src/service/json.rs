//! Answers in JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};

use zeroize::Zeroizing;

use super::{KeyServiceError, endpoint, shown};

/// Reads an answer, strictly.
pub(crate) fn read<T: DeserializeOwned>(
    service: &'static str,
    what: &'static str,
    bytes: &[u8],
) -> Result<T, KeyServiceError> {
    bulla_model::json::read(bytes, endpoint::ANSWER_BYTES as u64, endpoint::ANSWER_DEPTH).map_err(
        |error| KeyServiceError::Malformed {
            service,
            what,
            reason: shown(&error.to_string()),
        },
    )
}

/// Standard base64.
pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Bytes that stand in JSON as standard base64.
#[derive(Clone, Debug)]
pub(crate) struct FromBase64(pub(crate) Vec<u8>);

impl<'de> Deserialize<'de> for FromBase64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD
            .decode(text)
            .map(Self)
            .map_err(|_| D::Error::custom("no base64"))
    }
}

/// A text that is wiped when it is dropped, and never shown.
#[derive(Clone)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// The text.
    pub fn into_inner(self) -> Zeroizing<String> {
        self.0
    }
}

impl std::ops::Deref for SecretText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for SecretText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretText")
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}
