//! Envelopes signed by keys that go by a name: Cloud Build's, and those of verification summaries.
//!
//! A key id is a hint and proves nothing. Where a signer's documents name the key, though, a
//! signature under another name was meant for another key, and is not tried.

use bulla_model::{Envelope, Identity, Limits, Statement, envelope};

use crate::candidate::Refusal;
use crate::public_key::PublicKey;
use crate::records::Records;
use crate::scheme::{Checked, KeyKind, Message, SignatureScheme};
use crate::sigstore::Proof;
use crate::verified::{SignedTime, Verified};

/// Signatures of one envelope that are looked at, so that cost does not grow with keys times
/// signatures.
const MAX_SIGNATURES: usize = 32;

/// A key and the name its signatures carry.
#[derive(Clone, Debug)]
pub(crate) struct NamedKey {
    /// The name; `None` if any will do.
    pub(crate) id: Option<String>,
    /// Whether signatures without a name may be its own too.
    pub(crate) or_unnamed: bool,
    /// The key.
    pub(crate) key: PublicKey,
    /// Whether signatures are over the payload alone instead of DSSE's encoding.
    pub(crate) bare_payload: bool,
    /// How its signatures are checked, one of which must hold.
    pub(crate) schemes: Vec<SignatureScheme>,
}

impl NamedKey {
    fn may_have_made(&self, id: Option<&str>) -> bool {
        match (&self.id, id) {
            (Some(own), Some(id)) => own == id,
            (Some(_), None) => self.or_unnamed,
            (None, _) => true,
        }
    }
}

/// The schemes keys of this kind are used with when nothing says otherwise.
pub(crate) fn own_schemes(kind: KeyKind) -> Vec<SignatureScheme> {
    let (own, _) = kind.schemes();
    own.iter()
        .filter_map(|name| SignatureScheme::named(name))
        .collect()
}

/// Verifies that one of the envelope's signatures was made by one of the keys. Nothing here proves
/// when.
pub(crate) fn verify(
    envelope: &Envelope,
    keys: &[NamedKey],
    limits: &Limits,
) -> Result<Verified<Statement>, Refusal> {
    if envelope.payload_type() != envelope::IN_TOTO {
        return Err(Refusal::Malformed {
            reason: format!(
                "payload type is `{}`, expected `{}`",
                envelope.payload_type().chars().take(80).collect::<String>(),
                envelope::IN_TOTO
            ),
        });
    }
    let found = envelope.signatures().len();
    if found > MAX_SIGNATURES {
        return Err(Refusal::Malformed {
            reason: format!("{found} signatures, the limit is {MAX_SIGNATURES}"),
        });
    }
    let pae = envelope.pae();
    let mut refusal = None;
    for signature in envelope.signatures() {
        let id = signature.key_id.as_deref();
        for named in keys.iter().filter(|key| key.may_have_made(id)) {
            let message = if named.bare_payload {
                envelope.payload()
            } else {
                pae.as_bytes()
            };
            let spki = named.key.spki();
            let holds = |scheme: &SignatureScheme| {
                let message = Message::of(message);
                scheme.check(spki, message, &signature.signature) == Checked::Good
            };
            if let Some(scheme) = named.schemes.iter().copied().find(holds) {
                return verified(envelope, named, scheme, limits);
            }
            // Without a name in common it may as well be somebody else's, and nothing is forged.
            if id.is_some() && named.id.as_deref() == id {
                refusal = Some(Refusal::invalid("the signature does not match"));
            }
        }
    }
    Err(refusal.unwrap_or_else(|| {
        let id = envelope.signatures().first();
        let id = id.and_then(|signature| signature.key_id.as_deref());
        Refusal::Untrusted {
            signer: format!(
                "a key named `{}`",
                id.unwrap_or_default().chars().take(100).collect::<String>()
            ),
            reason: "no such key here".to_owned(),
        }
    }))
}

fn verified(
    envelope: &Envelope,
    named: &NamedKey,
    scheme: SignatureScheme,
    limits: &Limits,
) -> Result<Verified<Statement>, Refusal> {
    let statement =
        Statement::parse(envelope.payload(), limits).map_err(|error| Refusal::Malformed {
            reason: error.to_string().chars().take(300).collect(),
        })?;
    let proof = Proof {
        signer: Identity::Key {
            key_id: named.key.id().clone(),
        },
        records: Records::default(),
        scheme: Some(scheme),
        certificate: None,
    };
    let payload = envelope.payload_digest();
    Ok(Verified::new(
        statement,
        proof,
        SignedTime::Unknown,
        payload,
        None,
    ))
}
