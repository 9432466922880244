//! Where a key is: what stands after `--key`.
//!
//! A text without a scheme is a file. Reading it is the caller's work.

use std::path::PathBuf;
use std::str::FromStr;

/// Where a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyLocation {
    /// The PEM text itself is the value of this environment variable.
    Environment {
        /// Name of the variable.
        name: String,
    },
    /// A PEM file.
    File(PathBuf),
}

/// A scheme of key locations.
#[derive(Clone, Copy, Debug)]
pub struct Scheme {
    /// What the text begins with.
    pub prefix: &'static str,
    /// What it names, for help texts.
    pub about: &'static str,
    read: fn(&str) -> Option<KeyLocation>,
}

/// Every scheme, one row each, sorted by prefix.
pub const SCHEMES: &[Scheme] = &[
    Scheme {
        prefix: "env://",
        about: "an environment variable that holds the PEM text",
        read: environment,
    },
    Scheme {
        prefix: "file://",
        about: "a PEM file",
        read: file,
    },
];

impl FromStr for KeyLocation {
    type Err = KeyLocationError;

    fn from_str(text: &str) -> Result<Self, KeyLocationError> {
        if let Some((row, rest)) = SCHEMES
            .iter()
            .find_map(|row| text.strip_prefix(row.prefix).map(|rest| (row, rest)))
        {
            return (row.read)(rest).ok_or(KeyLocationError::Rest { scheme: row.prefix });
        }
        match text.split_once(':') {
            // One letter before the colon is a Windows drive.
            Some((scheme, _)) if is_scheme(scheme) => Err(KeyLocationError::Scheme {
                found: scheme.chars().take(32).collect(),
            }),
            _ => file(text).ok_or(KeyLocationError::Rest { scheme: "file://" }),
        }
    }
}

fn is_scheme(text: &str) -> bool {
    text.len() > 1
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-'))
}

fn environment(rest: &str) -> Option<KeyLocation> {
    let mut bytes = rest.bytes();
    let first = bytes.next()?;
    let name = (first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_');
    name.then(|| KeyLocation::Environment {
        name: rest.to_owned(),
    })
}

fn file(rest: &str) -> Option<KeyLocation> {
    (!rest.is_empty()).then(|| KeyLocation::File(PathBuf::from(rest)))
}

/// Why a text names no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyLocationError {
    /// The scheme is unknown.
    #[error(
        "unknown key scheme `{}:`, expected a file name or `env://NAME` (write `./` before a file name with a colon)",
        found.escape_debug()
    )]
    Scheme {
        /// The scheme found, cut short.
        found: String,
    },
    /// What follows the scheme is nothing it can name.
    #[error("nothing usable after `{scheme}`")]
    Rest {
        /// The scheme.
        scheme: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_variables_are_told_apart() {
        let read = |text: &str| text.parse::<KeyLocation>().unwrap();
        assert_eq!(read("bulla.key"), KeyLocation::File("bulla.key".into()));
        assert_eq!(read("./a:b.key"), KeyLocation::File("./a:b.key".into()));
        assert_eq!(read("file:///k"), KeyLocation::File("/k".into()));
        assert_eq!(read(r"C:\k.key"), KeyLocation::File(r"C:\k.key".into()));
        assert_eq!(
            read("env://BULLA_KEY"),
            KeyLocation::Environment {
                name: "BULLA_KEY".into()
            }
        );
    }

    #[test]
    fn unknown_schemes_and_empty_names_are_refused() {
        let refused = |text: &str| text.parse::<KeyLocation>().unwrap_err().to_string();
        assert!(refused("awskms:alias/build").starts_with("unknown key scheme `awskms:`"));
        assert!(refused("k8s://ns/name").starts_with("unknown key scheme `k8s:`"));
        for text in ["", "env://", "env://A=B", "env://1A", "file://"] {
            assert!(refused(text).starts_with("nothing usable"), "{text}");
        }
    }

    #[test]
    fn the_schemes_are_sorted() {
        assert!(SCHEMES.is_sorted_by_key(|row| row.prefix));
    }
}
