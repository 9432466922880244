//! Nonces: what makes two statements by two people two statements.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// 128 random bits that a person's statement carries. A statement is known by the digest of its
/// payload, and the payload does not name its signer: without a nonce, two persons who approve the
/// same step in the same second would sign the same statement, and to take back one would be to
/// take back both.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Nonce(String);

impl Nonce {
    /// The nonce of these bytes, which have to be random.
    pub fn of(bytes: [u8; 16]) -> Self {
        Self(hex::encode(bytes))
    }

    /// 32 lower-case hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Nonce {
    type Err = NonceError;

    fn from_str(text: &str) -> Result<Self, NonceError> {
        let is_nonce = text.len() == 32
            && text
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if is_nonce {
            Ok(Self(text.to_owned()))
        } else {
            Err(NonceError {
                found: text.chars().take(40).collect(),
            })
        }
    }
}

impl TryFrom<String> for Nonce {
    type Error = NonceError;

    fn try_from(text: String) -> Result<Self, NonceError> {
        text.parse()
    }
}

impl From<Nonce> for String {
    fn from(value: Nonce) -> Self {
        value.0
    }
}

/// Why a text is no nonce.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no nonce: expected 32 lower-case hexadecimal digits", found.escape_debug())]
pub struct NonceError {
    found: String,
}
