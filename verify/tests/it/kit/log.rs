//! A transparency log of the tests. It promises to have entries, which proves when it saw them in
//! bundles of version 0.1, and never does more.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::pkcs8::EncodePublicKey as _;
use ed25519_dalek::{Signer as _, SigningKey};
use jiff::Timestamp;
use serde_json::{Value, json};

use bulla_model::{Digest, envelope};

use super::{Entry, Signer, World, payload};

struct Log {
    key: SigningKey,
    public_key: Vec<u8>,
    id: Digest,
}

static LOG: LazyLock<Log> = LazyLock::new(|| {
    let key = SigningKey::from_bytes(&[7; 32]);
    let der = key.verifying_key().to_public_key_der().unwrap();
    Log {
        key,
        id: Digest::sha256(der.as_bytes()),
        public_key: der.into_vec(),
    }
});

/// The `trusted_root.json` that names it.
pub(crate) fn root() -> Vec<u8> {
    let log = json!({
        "baseUrl": "https://log.example.test",
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": STANDARD.encode(&LOG.public_key),
            "keyDetails": "PKIX_ED25519",
        },
        "logId": {"keyId": STANDARD.encode(LOG.id.to_bytes())},
    });
    let root = json!({
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": [log],
    });
    root.to_string().into_bytes()
}

/// A bundle with this signature and an entry for it of a time.
pub(crate) fn recorded(
    statement: &[u8],
    signature: &[u8],
    (hint, pem): (&str, &str),
    seen: Timestamp,
) -> Vec<u8> {
    let bundle = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.1",
        "verificationMaterial": {
            "publicKey": {"hint": hint},
            "tlogEntries": [entry(statement, signature, pem, seen)],
        },
        "dsseEnvelope": {
            "payload": STANDARD.encode(statement),
            "payloadType": envelope::IN_TOTO,
            "signatures": [{"sig": STANDARD.encode(signature)}],
        },
    });
    bundle.to_string().into_bytes()
}

fn entry(statement: &[u8], signature: &[u8], pem: &str, seen: Timestamp) -> Value {
    let body = json!({
        "apiVersion": "0.0.1",
        "kind": "dsse",
        "spec": {
            "envelopeHash": {"algorithm": "sha256", "value": "00".repeat(32)},
            "payloadHash": {"algorithm": "sha256", "value": Digest::sha256(statement).hex()},
            "signatures": [{
                "signature": STANDARD.encode(signature),
                "verifier": STANDARD.encode(pem),
            }],
        },
    });
    let body = STANDARD.encode(body.to_string());
    let seconds = seen.as_second();
    let promised = format!(
        r#"{{"body":"{body}","integratedTime":{seconds},"logID":"{}","logIndex":0}}"#,
        LOG.id.hex()
    );
    let promise = LOG.key.sign(promised.as_bytes()).to_bytes();
    json!({
        "logIndex": "0",
        "logId": {"keyId": STANDARD.encode(LOG.id.to_bytes())},
        "kindVersion": {"kind": "dsse", "version": "0.0.1"},
        "integratedTime": seconds.to_string(),
        "inclusionPromise": {"signedEntryTimestamp": STANDARD.encode(promise)},
        "canonicalizedBody": body,
    })
}

impl World {
    /// A copy of the last statement as whoever has it recorded now makes one.
    pub(crate) fn record_again(&mut self, who: &str) {
        let last = self.evidence.last().unwrap();
        let statement = payload(&last.bundle);
        let signer = Signer::named(who);
        let signature = signer.signature(envelope::IN_TOTO, &statement);
        let key = (signer.key_id().hint(), signer.pem());
        let bundle = recorded(&statement, &signature, (&key.0, &key.1), self.now);
        let name = last.name.clone();
        self.evidence.push(Entry { name, bundle });
    }

    /// The same, in place of the copy that is there.
    pub(crate) fn record_only(&mut self, who: &str) {
        self.record_again(who);
        let place = self.evidence.len() - 2;
        self.evidence.remove(place);
    }
}
