//! A transparency log of the tests. It promises to have entries, which proves when it saw them in
//! bundles of version 0.1, and never does more. Its key is made from a name too.

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
    let key = SigningKey::from_bytes(&Digest::sha256(b"log").to_bytes().try_into().unwrap());
    let der = key.verifying_key().to_public_key_der().unwrap();
    Log {
        key,
        id: Digest::sha256(der.as_bytes()),
        public_key: der.into_vec(),
    }
});

/// The `trusted_root.json` that names it and nobody else.
pub(crate) fn root() -> Vec<u8> {
    let log = json!({
        "baseUrl": "https://log.example.test",
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": STANDARD.encode(&LOG.public_key),
            "keyDetails": "PKIX_ED25519",
            "validFor": {"start": "2026-01-01T00:00:00Z"},
        },
        "logId": {"keyId": STANDARD.encode(LOG.id.to_bytes())},
    });
    let root = json!({
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": [log], "certificateAuthorities": [], "ctlogs": [], "timestampAuthorities": [],
    });
    serde_json::to_vec_pretty(&root).unwrap()
}

/// A bundle with this signature and an entry for it of a time.
pub(crate) fn recorded(
    statement: &[u8],
    signature: &[u8],
    (hint, pem): (&str, &str),
    seen: Timestamp,
) -> Vec<u8> {
    let envelope = json!({
        "payload": STANDARD.encode(statement),
        "payloadType": envelope::IN_TOTO,
        "signatures": [{"sig": STANDARD.encode(signature)}],
    });
    let hash = |bytes: &[u8]| json!({"algorithm": "sha256", "value": Digest::sha256(bytes).hex()});
    let body = json!({
        "apiVersion": "0.0.1",
        "kind": "dsse",
        "spec": {
            "envelopeHash": hash(envelope.to_string().as_bytes()),
            "payloadHash": hash(statement),
            "signatures": [{
                "signature": STANDARD.encode(signature),
                "verifier": STANDARD.encode(pem),
            }],
        },
    });
    let bundle = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.1",
        "verificationMaterial": {
            "publicKey": {"hint": hint},
            "tlogEntries": [entry(&body, seen)],
        },
        "dsseEnvelope": envelope,
    });
    bundle.to_string().into_bytes()
}

fn entry(body: &Value, seen: Timestamp) -> Value {
    let body = STANDARD.encode(body.to_string());
    let seconds = seen.as_second();
    // In the order in which RFC 8785 sorts these names.
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

/// The same statement, signed again by its signer and seen by the log at this time.
pub(crate) fn again(who: &str, bundle: &[u8], seen: Timestamp) -> Vec<u8> {
    let statement = payload(bundle);
    let signer = Signer::named(who);
    let signature = signer.signature(envelope::IN_TOTO, &statement);
    let (hint, pem) = (signer.key_id().hint(), signer.pem());
    recorded(&statement, &signature, (&hint, &pem), seen)
}

impl World {
    /// A copy of the last statement as whoever has it recorded now makes one.
    pub(crate) fn record_again(&mut self, who: &str) {
        let last = self.evidence.last().unwrap();
        let bundle = again(who, &last.bundle, self.now);
        let name = last.name.clone();
        self.evidence.push(Entry { name, bundle });
        self.roots = vec![root()];
    }

    /// The same, in place of the copy that is there.
    pub(crate) fn record_only(&mut self, who: &str) {
        self.record_again(who);
        let place = self.evidence.len() - 2;
        self.evidence.remove(place);
    }
}
