//! Plain names: services, persons, roles, tiers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no {kind}: expected {expected}", found.escape_debug())]
pub struct NameError {
    kind: &'static str,
    expected: &'static str,
    found: String,
}

const EXPECTED: &str =
    "1 to 128 letters, digits, `.`, `_`, `-`, `+` and `@`, beginning with a letter or digit";

fn check(kind: &'static str, text: &str) -> Result<(), NameError> {
    let first = text
        .bytes()
        .next()
        .is_some_and(|b| b.is_ascii_alphanumeric());
    let rest = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'+' | b'@'));
    if first && rest && text.len() <= 128 {
        Ok(())
    } else {
        Err(NameError {
            kind,
            expected: EXPECTED,
            found: text.chars().take(80).collect(),
        })
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// The name's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $type {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                check($kind, text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.0
            }
        }
    };
}

name!(
    /// A service: what is released, as the policy names it. Computed from verified provenance,
    /// never taken from a statement's word.
    Service,
    "service name"
);
name!(
    /// A person: what identities are mapped to, so that one human with two accounts counts once.
    Person,
    "person"
);
name!(
    /// A role persons hold, for example `release-manager`.
    Role,
    "role"
);
name!(
    /// A tier of services, for example `high`.
    Tier,
    "tier"
);
