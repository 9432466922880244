//! `pkcs11:…`: a key on a token, RFC 7512, <https://www.rfc-editor.org/rfc/rfc7512>, with the
//! attributes cosign reads: `token`, `slot-id`, `object`, `id`; `module-path`, `pin-value`,
//! `pin-source`. Attributes it does not know are refused: they would restrict the choice.

use std::fmt;
use std::path::PathBuf;

use zeroize::Zeroizing;

/// A key on a PKCS#11 token.
#[derive(Clone, PartialEq, Eq)]
pub struct Pkcs11Key {
    /// Label of the token.
    pub token: Option<String>,
    /// Number of the slot.
    pub slot: Option<u64>,
    /// Label of the key.
    pub object: Option<String>,
    /// Id of the key.
    pub id: Option<Vec<u8>>,
    /// The module, a shared library.
    pub module: Option<PathBuf>,
    /// File with the PIN.
    pub pin_source: Option<PathBuf>,
    /// The PIN itself.
    pub pin: Option<Zeroizing<String>>,
}

impl Pkcs11Key {
    pub(super) fn read(rest: &str) -> Option<Self> {
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, query),
            None => (rest, ""),
        };
        let mut key = Self {
            token: None,
            slot: None,
            object: None,
            id: None,
            module: None,
            pin_source: None,
            pin: None,
        };
        for part in path.split([';', '&']).filter(|part| !part.is_empty()) {
            let (name, value) = attribute(part)?;
            match name {
                "token" if key.token.is_none() => key.token = Some(text(value)?),
                "slot-id" if key.slot.is_none() => key.slot = Some(text(value)?.parse().ok()?),
                "object" if key.object.is_none() => key.object = Some(text(value)?),
                "id" if key.id.is_none() => key.id = Some(value),
                "type" if value == b"private" => {}
                _ => return None,
            }
        }
        for part in query.split(['&', ';']).filter(|part| !part.is_empty()) {
            let (name, value) = attribute(part)?;
            let value = text(value)?;
            match name {
                "module-path" if key.module.is_none() => key.module = Some(value.into()),
                "pin-value" if key.pin.is_none() => key.pin = Some(Zeroizing::new(value)),
                "pin-source" if key.pin_source.is_none() => {
                    let path = value.strip_prefix("file:").unwrap_or(&value);
                    key.pin_source = Some(path.into());
                }
                _ => return None,
            }
        }
        let placed = key.token.is_some() || key.slot.is_some();
        let named = key.object.is_some() || key.id.is_some();
        (placed && named).then_some(key)
    }
}

/// Without the PIN.
impl fmt::Debug for Pkcs11Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pkcs11Key")
            .field("token", &self.token)
            .field("slot", &self.slot)
            .field("object", &self.object)
            .field("id", &self.id)
            .field("module", &self.module)
            .finish_non_exhaustive()
    }
}

fn attribute(part: &str) -> Option<(&str, Vec<u8>)> {
    let (name, value) = part.split_once('=')?;
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = if *first == b'%' {
            let (digits, tail) = tail.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            tail
        } else {
            bytes.push(*first);
            tail
        };
    }
    (!bytes.is_empty()).then_some((name, bytes))
}

fn text(bytes: Vec<u8>) -> Option<String> {
    String::from_utf8(bytes).ok()
}
