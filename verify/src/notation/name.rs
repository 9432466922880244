//! Distinguished names: those of a policy (RFC 4514) and the subject of a certificate.

use std::collections::BTreeMap;
use std::fmt;

use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::asn1::{Ia5StringRef, PrintableStringRef, TeletexStringRef, Utf8StringRef};
use x509_cert::der::{Tag, Tagged as _};
use x509_cert::name::Name;

/// Bytes of one name in a policy. Stops names that take more memory than they are long (F42).
const LENGTH: usize = 1024;
/// Attributes of one name.
const ATTRIBUTES: usize = 32;
/// What every trusted identity must say, so that none is met by anybody's certificate.
const MANDATORY: [&str; 3] = ["C", "ST", "O"];

/// Attributes of a name by their types, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistinguishedName(BTreeMap<String, String>);

impl DistinguishedName {
    /// Reads what follows `x509.subject:` in a policy, for example `C=US, ST=WA, O=acme`.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.len() > LENGTH {
            return Err(NameError::Long { limit: LENGTH });
        }
        let mut own = Self(BTreeMap::new());
        let mut rest = Some(text);
        while let Some(text) = rest {
            let (kind, after) = text.split_once('=').ok_or(NameError::Shape)?;
            let kind = kind.trim();
            let letters = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
            if kind.is_empty() || !kind.chars().all(letters) {
                return Err(NameError::Shape);
            }
            let (value, after) = value(after)?;
            own.add(kind, value)?;
            rest = after;
        }
        let missing = MANDATORY
            .into_iter()
            .find(|kind| !own.0.contains_key(*kind));
        match missing {
            Some(kind) => Err(NameError::Missing { kind }),
            None => Ok(own),
        }
    }

    /// The subject of a certificate. What cannot be compared with a policy is refused: several
    /// attributes in one place, one type twice, values that are no text.
    pub(super) fn of_subject(name: &Name) -> Result<Self, NameError> {
        let mut own = Self(BTreeMap::new());
        for place in &name.0 {
            let mut attributes = place.0.iter();
            match (attributes.next(), attributes.next()) {
                (Some(attribute), None) => {
                    let (kind, value) = of_certificate(attribute)?;
                    own.add(&kind, value)?;
                }
                _ => return Err(NameError::Several),
            }
        }
        Ok(own)
    }

    fn add(&mut self, kind: &str, value: String) -> Result<(), NameError> {
        let kind = match kind.to_ascii_uppercase().as_str() {
            "S" => "ST".to_owned(),
            other => other.to_owned(),
        };
        if self.0.len() >= ATTRIBUTES {
            return Err(NameError::Long { limit: ATTRIBUTES });
        }
        match self.0.insert(kind.clone(), value) {
            None => Ok(()),
            Some(_) => Err(NameError::Twice { kind }),
        }
    }

    /// Whether everything this name says is in the other.
    pub(super) fn is_part_of(&self, other: &Self) -> bool {
        self.0
            .iter()
            .all(|(kind, value)| other.0.get(kind) == Some(value))
    }
}

impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (kind, value)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{kind}={value}")?;
        }
        Ok(())
    }
}

/// Reads a value up to the comma that ends it; what follows the comma, if there is one.
fn value(text: &str) -> Result<(String, Option<&str>), NameError> {
    let text = text.trim_start_matches(' ');
    let mut bytes = Vec::new();
    // How long the value is without spaces that nothing escaped.
    let mut kept = 0;
    let mut at = 0;
    let all = text.as_bytes();
    let mut rest = None;
    while let Some(byte) = all.get(at) {
        at += 1;
        match byte {
            b'\\' => {
                let next = all.get(at).copied().ok_or(NameError::Shape)?;
                if b" \"#+,;<=>\\".contains(&next) {
                    bytes.push(next);
                    at += 1;
                } else {
                    let pair = all.get(at..at + 2).ok_or(NameError::Shape)?;
                    bytes.push(hex_pair(pair)?);
                    at += 2;
                }
                kept = bytes.len();
            }
            b',' => {
                rest = Some(text.get(at..).ok_or(NameError::Shape)?);
                break;
            }
            b'+' => return Err(NameError::Several),
            // F42: a value in hexadecimal DER is read by nobody.
            b'#' if bytes.is_empty() => return Err(NameError::Shape),
            b';' | b'"' | b'<' | b'>' | 0 => return Err(NameError::Shape),
            byte => {
                bytes.push(*byte);
                if *byte != b' ' {
                    kept = bytes.len();
                }
            }
        }
    }
    bytes.truncate(kept);
    if bytes.is_empty() {
        return Err(NameError::Shape);
    }
    let value = String::from_utf8(bytes).map_err(|_| NameError::Shape)?;
    Ok((value, rest))
}

fn hex_pair(pair: &[u8]) -> Result<u8, NameError> {
    let decoded = hex::decode(pair).map_err(|_| NameError::Shape)?;
    decoded.first().copied().ok_or(NameError::Shape)
}

fn of_certificate(attribute: &AttributeTypeAndValue) -> Result<(String, String), NameError> {
    let oid = attribute.oid.to_string();
    let known = TYPES.iter().find(|(known, _)| *known == oid);
    let kind = known.map_or(oid.clone(), |(_, name)| (*name).to_owned());
    let value = &attribute.value;
    let text = match value.tag() {
        Tag::PrintableString => value
            .decode_as::<PrintableStringRef<'_>>()
            .map(|text| text.to_string()),
        Tag::Utf8String => value
            .decode_as::<Utf8StringRef<'_>>()
            .map(|text| text.to_string()),
        Tag::Ia5String => value
            .decode_as::<Ia5StringRef<'_>>()
            .map(|text| text.to_string()),
        Tag::TeletexString => value
            .decode_as::<TeletexStringRef<'_>>()
            .map(|text| text.to_string()),
        _ => return Err(NameError::Value { kind }),
    };
    match text {
        Ok(text) if !text.is_empty() => Ok((kind, text)),
        _ => Err(NameError::Value { kind }),
    }
}

/// Why a name cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// It is too long.
    #[error("the name is longer than {limit}")]
    Long {
        /// Bytes, or attributes.
        limit: usize,
    },
    /// It is not written as RFC 4514 wants it.
    #[error("expected TYPE=VALUE with commas between, and `\\` before special characters")]
    Shape,
    /// Several attributes stand in one place.
    #[error("several attributes in one place (`+`) are not supported")]
    Several,
    /// An attribute occurs twice.
    #[error("`{}` occurs twice", kind.escape_debug())]
    Twice {
        /// Its type.
        kind: String,
    },
    /// An attribute that every identity must have is not there.
    #[error("`{kind}` is missing: C, ST and O are needed")]
    Missing {
        /// Its type.
        kind: &'static str,
    },
    /// A certificate's attribute is no text.
    #[error("the value of `{}` is no text", kind.escape_debug())]
    Value {
        /// Its type.
        kind: String,
    },
}

/// Short names of attribute types, RFC 4514 section 3 and those Go's library writes.
const TYPES: [(&str, &str); 11] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.5", "SERIALNUMBER"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.17", "POSTALCODE"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> NameError {
        DistinguishedName::parse(text).unwrap_err()
    }

    #[test]
    fn names_are_read_as_policies_write_them() {
        let name = DistinguishedName::parse(
            r"C=US, S = WA,o= acme\, inc.\20,CN=\ a \\ b\3D\+, OU=R&D ü  ",
        );
        let name = name.unwrap();
        assert_eq!(
            name.to_string(),
            r"C=US, CN= a \ b=+, O=acme, inc. , OU=R&D ü, ST=WA"
        );
        let wider = DistinguishedName::parse("C=US,ST=WA,O=acme\\, inc.\\ ").unwrap();
        assert!(wider.is_part_of(&name));
        assert!(!name.is_part_of(&wider));
    }

    #[test]
    fn what_says_too_little_or_the_same_twice_is_refused() {
        assert_eq!(refused("C=US,O=acme"), NameError::Missing { kind: "ST" });
        let twice = NameError::Twice { kind: "ST".into() };
        assert_eq!(refused("C=US,ST=WA,S=WA,O=acme"), twice);
        for text in [
            "",
            "US",
            "C=",
            "C=US,",
            "=US",
            "C=US;ST=WA;O=acme",
            "C=\"US\",ST=WA,O=acme",
            "C=US\\",
            "C=\\zz,ST=WA,O=acme",
            "C=\\é,ST=WA,O=acme",
            "C=\\ff,ST=WA,O=acme",
        ] {
            assert_eq!(refused(text), NameError::Shape, "{text}");
        }
        assert_eq!(refused("C=US+ST=WA,O=acme"), NameError::Several);
    }

    #[test]
    fn f42_values_in_hexadecimal_and_endless_names_are_refused() {
        assert_eq!(refused("C=US,ST=WA,O=#0c0461636d65"), NameError::Shape);
        let long = format!("C=US,ST=WA,O={}", "a".repeat(2000));
        assert_eq!(refused(&long), NameError::Long { limit: LENGTH });
        let many: Vec<String> = (0..40).map(|index| format!("A{index}=a")).collect();
        assert_eq!(
            refused(&many.join(",")),
            NameError::Long { limit: ATTRIBUTES }
        );
    }
}
