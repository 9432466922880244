//! Credentials as values: never shown, never sent anywhere but their registry and its realm.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use zeroize::Zeroizing;

/// A secret text; wiped from memory when dropped, absent from `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// How to show a registry who one is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credential {
    /// Not at all.
    #[default]
    Anonymous,
    /// User name and password, to the registry or for a token.
    Basic {
        /// The user name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// An OAuth 2 refresh token, which is exchanged for tokens.
    IdentityToken(Secret),
    /// A ready bearer token for the registry.
    Bearer(Secret),
}

impl Credential {
    /// The header that shows user name and password.
    pub(crate) fn basic(&self) -> Option<HeaderValue> {
        let Self::Basic { username, password } = self else {
            return None;
        };
        let pair = Zeroizing::new(format!("{username}:{}", password.expose()));
        let text = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
        let mut header = HeaderValue::from_str(&text).ok()?;
        header.set_sensitive(true);
        Some(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let credential = Credential::Basic {
            username: "alice".to_owned(),
            password: "s3cret".to_owned().into(),
        };
        let shown = format!("{credential:?} {:?}", credential.basic());
        assert!(!shown.contains("s3cret"), "{shown}");
        let encoded = STANDARD.encode("alice:s3cret");
        assert!(!shown.contains(&encoded), "{shown}");
        assert_eq!(credential.basic().unwrap(), format!("Basic {encoded}"));
    }
}
