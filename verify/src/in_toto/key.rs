//! Keys of layouts: owners' and functionaries', and which signatures they made.

use bulla_model::Digest;
use bulla_model::in_toto::{FunctionaryKey, Metadata, PublicValue, canonical_json};
use serde_json::json;

use crate::cause::Cause;
use crate::public_key::PublicKey;
use crate::scheme::{KeyKind, Message, SignatureScheme};

/// A public key with the one scheme that in-toto's tools use it with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutKey {
    key: PublicKey,
    ids: Vec<String>,
}

impl LayoutKey {
    /// Takes a key of a kind that in-toto's tools sign with; the reason, if it is none.
    pub fn new(key: PublicKey) -> Result<Self, String> {
        let kind = KeyKind::of_spki(key.spki())?;
        let row = KINDS.iter().find(|row| row.kind == kind);
        let row = row.ok_or("layouts are signed by Ed25519, ECDSA and RSA keys")?;
        let ids = key_ids(&key, row);
        let scheme = SignatureScheme::named(row.own).ok_or("no such scheme")?;
        let key = key.with_scheme(scheme).map_err(|error| error.to_string())?;
        Ok(Self { key, ids })
    }

    /// Reads a key as layouts hold it; the reason, if nothing can be checked with it.
    pub fn from_layout(id: &str, key: &FunctionaryKey) -> Result<Self, String> {
        let PublicValue::Text(text) = &key.keyval.public else {
            return Err("OpenPGP keys are not supported".to_owned());
        };
        let public = if text.trim_start().starts_with("-----BEGIN") {
            PublicKey::from_pem(text)
        } else {
            let raw = hex::decode(text).ok().filter(|raw| raw.len() == 32);
            let raw = raw.ok_or("neither PEM nor 32 bytes in hexadecimal")?;
            PublicKey::from_spki(&[&ED25519_SPKI[..], &raw].concat())
        };
        let mut own = Self::new(public.map_err(|error| error.to_string())?)?;
        let row = KINDS.iter().find(|row| {
            KeyKind::of_spki(own.key.spki()) == Ok(row.kind)
                && row.types.contains(&key.keytype.as_str())
                && row.scheme == key.scheme
        });
        if row.is_none() {
            return Err(format!(
                "its type `{}` and scheme `{}` are not those of the key",
                key.keytype.chars().take(40).collect::<String>(),
                key.scheme.chars().take(40).collect::<String>()
            ));
        }
        own.ids = vec![id.to_owned()];
        Ok(own)
    }

    /// The key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Whether one of the document's signatures was made by this key. Key ids only say, where none
    /// was, whether one was meant to be.
    pub(super) fn signed(&self, metadata: &Metadata) -> Result<(), Cause> {
        let message = Message::of(metadata.signed_bytes());
        let mut meant = false;
        for signature in metadata.signatures() {
            let Some(bytes) = &signature.bytes else {
                continue;
            };
            if self.key.check(message, bytes, false).is_ok() {
                return Ok(());
            }
            meant |= self.ids.contains(&signature.key_id);
        }
        Err(if meant {
            Cause::Invalid
        } else {
            Cause::Untrusted
        })
    }
}

/// The ids under which in-toto's tools know a key: digests of its description, of which there
/// were several.
fn key_ids(key: &PublicKey, row: &Row) -> Vec<String> {
    let texts = if row.kind == KeyKind::Ed25519 {
        vec![hex::encode(
            key.spki().get(ED25519_SPKI.len()..).unwrap_or_default(),
        )]
    } else {
        let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
        let text = pem::encode_config(&pem::Pem::new("PUBLIC KEY", key.spki()), config);
        vec![text.trim_end().to_owned(), text]
    };
    let mut ids = Vec::new();
    for (text, keytype) in texts
        .iter()
        .flat_map(|text| row.types.iter().map(move |keytype| (text, keytype)))
    {
        let plain = json!({"keytype": keytype, "scheme": row.scheme, "keyval": {"public": text}});
        let mut older = plain.clone();
        older["keyid_hash_algorithms"] = json!(["sha256", "sha512"]);
        for description in [plain, older] {
            if let Ok(bytes) = canonical_json(&description) {
                ids.push(Digest::sha256(&bytes).hex().to_owned());
            }
        }
    }
    ids
}

/// What in-toto's tools do with a kind of key.
struct Row {
    kind: KeyKind,
    types: &'static [&'static str],
    scheme: &'static str,
    own: &'static str,
}

/// As securesystemslib 1.6.0 and in-toto-golang name them.
const KINDS: &[Row] = &[
    Row {
        kind: KeyKind::Ed25519,
        types: &["ed25519"],
        scheme: "ed25519",
        own: "ed25519",
    },
    Row {
        kind: KeyKind::EcdsaP256,
        types: &["ecdsa", "ecdsa-sha2-nistp256"],
        scheme: "ecdsa-sha2-nistp256",
        own: "ecdsa-p256-sha256",
    },
    Row {
        kind: KeyKind::EcdsaP384,
        types: &["ecdsa", "ecdsa-sha2-nistp384"],
        scheme: "ecdsa-sha2-nistp384",
        own: "ecdsa-p384-sha384",
    },
    Row {
        kind: KeyKind::EcdsaP521,
        types: &["ecdsa", "ecdsa-sha2-nistp521"],
        scheme: "ecdsa-sha2-nistp521",
        own: "ecdsa-p521-sha512",
    },
    Row {
        kind: KeyKind::Rsa,
        types: &["rsa"],
        scheme: "rsassa-pss-sha256",
        own: "rsa-pss-sha256-salt32",
    },
];

/// What precedes the 32 bytes of an Ed25519 key in its SPKI (RFC 8410).
const ED25519_SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
