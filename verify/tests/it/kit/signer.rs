//! Signers with keys made from their names, so that every run sees the same bytes.

use ed25519_dalek::pkcs8::EncodePublicKey as _;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::{Signer as _, SigningKey};

use bulla_model::{Bundle, Digest, Envelope, EnvelopeSignature, Identity, KeyId, envelope};
use bulla_verify::PublicKey;

/// Somebody with an Ed25519 key.
#[derive(Clone)]
pub(crate) struct Signer(SigningKey);

impl Signer {
    pub(crate) fn named(name: &str) -> Self {
        let seed = hex::decode(Digest::sha256(name.as_bytes()).hex()).unwrap();
        Self(SigningKey::from_bytes(&seed.try_into().unwrap()))
    }

    pub(crate) fn pem(&self) -> String {
        self.0
            .verifying_key()
            .to_public_key_pem(LineEnding::LF)
            .unwrap()
    }

    pub(crate) fn public(&self) -> PublicKey {
        PublicKey::from_pem(&self.pem()).unwrap()
    }

    pub(crate) fn key_id(&self) -> KeyId {
        self.public().id().clone()
    }

    pub(crate) fn identity(&self) -> Identity {
        Identity::Key {
            key_id: self.key_id(),
        }
    }

    /// The raw signature over a payload of this type.
    pub(crate) fn signature(&self, payload_type: &str, payload: &[u8]) -> Vec<u8> {
        let envelope = Envelope::new(payload.to_vec(), payload_type, Vec::new());
        self.0.sign(envelope.pae().as_bytes()).to_bytes().to_vec()
    }

    /// The signature of a blob: over its bytes, or over its SHA-512 digest as cosign does.
    pub(crate) fn blob(&self, content: &[u8], prehashed: bool) -> Vec<u8> {
        if prehashed {
            use ed25519_dalek::Digest as _;
            let hasher = ed25519_dalek::Sha512::new_with_prefix(content);
            return self
                .0
                .sign_prehashed(hasher, None)
                .unwrap()
                .to_bytes()
                .to_vec();
        }
        self.0.sign(content).to_bytes().to_vec()
    }

    /// A bundle over a statement's bytes.
    pub(crate) fn seal(&self, statement: &[u8]) -> Vec<u8> {
        self.seal_as(statement, envelope::IN_TOTO, &self.key_id().hint())
    }

    /// A bundle with a payload type and a hint of one's own choice.
    pub(crate) fn seal_as(&self, payload: &[u8], payload_type: &str, hint: &str) -> Vec<u8> {
        wrap(
            payload,
            payload_type,
            self.signature(payload_type, payload),
            hint,
        )
    }
}

/// A bundle with any signature.
pub(crate) fn wrap(payload: &[u8], payload_type: &str, signature: Vec<u8>, hint: &str) -> Vec<u8> {
    let signature = EnvelopeSignature {
        key_id: None,
        signature,
    };
    let envelope = Envelope::new(payload.to_vec(), payload_type, vec![signature]);
    let bundle = Bundle::with_public_key(&envelope, hint).unwrap();
    bundle.bytes().to_vec()
}
