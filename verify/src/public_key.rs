//! Public keys: the one place where they are read (TOB-6), and which signatures they count for.

use bulla_model::{Digest, KeyId, Validity};

use crate::TrustError;
use crate::scheme::{Checked, KeyKind, Message, SignatureScheme};

/// A public key that signatures can be checked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    id: KeyId,
    spki: Vec<u8>,
    kind: KeyKind,
    scheme: Option<SignatureScheme>,
    validity: Validity,
}

impl PublicKey {
    /// Reads a PEM `PUBLIC KEY` of a supported algorithm: ECDSA on P-256, P-384 and P-521, Ed25519,
    /// RSA with 2048 to 4096 bits, ML-DSA.
    pub fn from_pem(text: &str) -> Result<Self, TrustError> {
        let block =
            pem::parse(text.trim()).map_err(|error| wrong(&format!("not PEM ({error})")))?;
        if block.tag() != "PUBLIC KEY" {
            let tag: String = block.tag().chars().take(40).collect();
            return Err(wrong(&format!("expected PUBLIC KEY, found {tag}")));
        }
        Self::from_spki(block.contents())
    }

    /// Takes a key of a supported algorithm, SPKI DER.
    pub fn from_spki(spki: &[u8]) -> Result<Self, TrustError> {
        let kind = KeyKind::of_spki(spki).map_err(|reason| wrong(&reason))?;
        Ok(Self {
            id: KeyId::of_spki(spki),
            spki: spki.to_vec(),
            kind,
            scheme: None,
            validity: Validity::default(),
        })
    }

    /// Counts signatures of this scheme alone, for example RSA-PSS instead of PKCS #1 v1.5.
    pub fn with_scheme(mut self, scheme: SignatureScheme) -> Result<Self, TrustError> {
        if scheme.kind() != self.kind {
            let reason = format!("a key of kind {:?} signs nothing by {scheme}", self.kind);
            return Err(wrong(&reason));
        }
        self.scheme = Some(scheme);
        Ok(self)
    }

    /// Counts signatures made in this window alone: every verified time has to lie in it; where
    /// only the signer says when, its word and the present too (F16).
    pub fn with_validity(mut self, validity: Validity) -> Self {
        self.validity = validity;
        self
    }

    /// The SHA-256 digest of the key.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// Whether a hint is the digest of this key: of its DER in base64, or of its PEM text in
    /// hexadecimal, which is how model-signing names keys.
    pub(crate) fn is_named_by(&self, hint: &str) -> bool {
        if self.id.hint() == hint {
            return true;
        }
        let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
        let text = || pem::encode_config(&pem::Pem::new("PUBLIC KEY", self.spki()), config);
        hint.len() == 64 && Digest::sha256(text().as_bytes()).hex() == hint
    }

    /// The key, SPKI DER.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// When its signatures count.
    pub fn validity(&self) -> &Validity {
        &self.validity
    }

    /// Whether it is an RSA key, whose signatures come in forms that only their parameters tell apart.
    pub(crate) fn is_rsa(&self) -> bool {
        self.kind == KeyKind::Rsa
    }

    /// Whether this key made this signature over exactly this message, with this scheme. What is
    /// signed is believed only through [`crate::examine`]; this is for vectors and for signers that
    /// check themselves.
    pub fn made(&self, scheme: SignatureScheme, message: &[u8], signature: &[u8]) -> bool {
        scheme.check(&self.spki, Message::of(message), signature) == Checked::Good
    }

    /// Tries the schemes that count for this key; the one that fits, or the best failure. Never
    /// does a signature, or what stands beside it, choose the scheme.
    pub(crate) fn check(
        &self,
        message: Message<'_>,
        signature: &[u8],
        legacy: bool,
    ) -> Result<SignatureScheme, Checked> {
        let (own, old) = self.kind.schemes();
        let old = if legacy { old } else { &[] };
        let usual = own.iter().chain(old);
        let schemes: Vec<SignatureScheme> = match self.scheme {
            Some(scheme) => vec![scheme],
            None => usual
                .filter_map(|name| SignatureScheme::named(name))
                .collect(),
        };
        let mut failure = Checked::Bad;
        for scheme in schemes {
            match scheme.check(&self.spki, message, signature) {
                Checked::Good => return Ok(scheme),
                Checked::NotAtHand => failure = Checked::NotAtHand,
                Checked::Bad => {}
            }
        }
        Err(failure)
    }
}

fn wrong(reason: &str) -> TrustError {
    TrustError::Key {
        reason: reason.chars().take(200).collect(),
    }
}
