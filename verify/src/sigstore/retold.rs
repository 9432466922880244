//! Entries of kinds that `sigstore-verify` does not know, told again in one that it does.
//!
//! It judges a certificate at times that it verified itself, and takes none from its caller. Where
//! an entry it cannot read is all that says when, that entry is verified here first; then its time
//! is told as that of an entry of kind `dsse 0.0.1` about the same signature, promised by a log that
//! exists in this file alone. The key of that log is known to everybody and may be: the verifier that
//! believes it belongs to one call, and sees no entry that was not written here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_model::{Bundle, Digest, Envelope, KeyMaterial};
use ed25519_dalek::{Signer as _, SigningKey};
use jiff::Timestamp;
use serde_json::{Value, json};
use sigstore_trust_root::TrustedRoot;
use sigstore_types::TransparencyLogEntry;
use sigstore_verify::{VerificationPolicy, VerificationResult, Verifier};

use super::certificate::artifact;
use super::entry::{Promise, promise_bytes};
use super::root::Root;
use super::told::{self, is_read};
use crate::candidate::Refusal;
use crate::scheme::Message;

impl Root {
    /// An envelope whose times are all of entries that `sigstore-verify` cannot read. Those entries
    /// are verified with it.
    pub(super) fn retold<'a>(
        &self,
        bundle: &'a Bundle,
        message: Message<'_>,
    ) -> Result<Option<Retold<'a>>, Refusal> {
        let (Some(envelope), KeyMaterial::Certificate(certificate)) =
            (bundle.envelope(), bundle.key())
        else {
            return Ok(None);
        };
        if bundle.timestamps() > 0 || bundle.entries().iter().any(is_read) {
            return Ok(None);
        }
        let records = self.entries(bundle, message, Promise::Unverified)?;
        let times: Vec<_> = records
            .iter()
            .filter_map(|record| record.integrated_time)
            .collect();
        Ok((!times.is_empty()).then_some(Retold {
            bundle,
            envelope,
            certificate,
            times,
        }))
    }

    /// Verifies certificate and signature at the times that were verified before.
    pub(super) fn verify_retold(
        &self,
        retold: &Retold<'_>,
        message: Message<'_>,
        policy: &VerificationPolicy,
    ) -> Result<VerificationResult, Refusal> {
        let log = StandIn::new();
        let mut root: TrustedRoot = self.material.clone();
        root.timestamp_authorities.clear();
        root.tlogs = vec![serde_json::from_value(log.description()).map_err(internal)?];
        let verifier = Verifier::new(&root).map_err(internal)?;
        let mut parsed = told::bundle(retold.bundle)?;
        let entries = &mut parsed.verification_material.tlog_entries;
        *entries = retold.entries(&log)?;
        let result = verifier
            .verify(artifact(message)?, &parsed, policy)
            .map_err(|error| self.refusal(&error, retold.bundle))?;
        let mut told = retold.times.clone();
        let mut judged = result.verified_timestamps().to_vec();
        told.sort();
        judged.sort();
        if told == judged {
            Ok(result)
        } else {
            Err(Refusal::invalid(
                "the certificate was judged at other times",
            ))
        }
    }
}

/// An envelope whose entries are told again.
pub(super) struct Retold<'a> {
    bundle: &'a Bundle,
    envelope: &'a Envelope,
    certificate: &'a [u8],
    times: Vec<Timestamp>,
}

impl Retold<'_> {
    fn entries(&self, log: &StandIn) -> Result<Vec<TransparencyLogEntry>, Refusal> {
        let body = self.body();
        self.times
            .iter()
            .map(|time| log.entry(&body, time.as_second()))
            .collect()
    }

    /// The body of a `dsse 0.0.1` entry about this signature.
    fn body(&self) -> Vec<u8> {
        let sha256 = |digest: &Digest| json!({"algorithm": "sha256", "value": digest.hex()});
        let certificate = pem::encode(&pem::Pem::new("CERTIFICATE", self.certificate));
        let body = json!({
            "apiVersion": "0.0.1",
            "kind": "dsse",
            "spec": {
                "envelopeHash": sha256(&Digest::sha256(&self.envelope.to_json())),
                "payloadHash": sha256(&self.envelope.payload_digest()),
                "signatures": [{
                    "signature": STANDARD.encode(self.bundle.signature()),
                    "verifier": STANDARD.encode(certificate),
                }],
            },
        });
        body.to_string().into_bytes()
    }
}

/// The log that exists in this file alone.
struct StandIn {
    key: SigningKey,
    /// SPKI, DER.
    public_key: Vec<u8>,
    id: Vec<u8>,
}

impl StandIn {
    fn new() -> Self {
        let key = SigningKey::from_bytes(&[0; 32]);
        let mut public_key = ED25519_SPKI.to_vec();
        public_key.extend_from_slice(key.verifying_key().as_bytes());
        let id = Digest::sha256(&public_key).to_bytes();
        Self {
            key,
            public_key,
            id,
        }
    }

    /// As trusted roots describe logs.
    fn description(&self) -> Value {
        json!({
            "baseUrl": "",
            "hashAlgorithm": "SHA2_256",
            "publicKey": {
                "rawBytes": STANDARD.encode(&self.public_key),
                "keyDetails": "PKIX_ED25519",
            },
            "logId": {"keyId": STANDARD.encode(&self.id)},
        })
    }

    fn entry(&self, body: &[u8], seconds: i64) -> Result<TransparencyLogEntry, Refusal> {
        let promise = self.key.sign(&promise_bytes(body, seconds, &self.id, 0)?);
        serde_json::from_value(json!({
            "logIndex": "0",
            "logId": {"keyId": STANDARD.encode(&self.id)},
            "kindVersion": {"kind": "dsse", "version": "0.0.1"},
            "integratedTime": seconds.to_string(),
            "inclusionPromise": {
                "signedEntryTimestamp": STANDARD.encode(promise.to_bytes()),
            },
            "canonicalizedBody": STANDARD.encode(body),
        }))
        .map_err(internal)
    }
}

fn internal(error: impl std::fmt::Display) -> Refusal {
    Refusal::invalid(&format!("a log entry cannot be told again: {error}"))
}

/// What stands before an Ed25519 key in its SPKI, RFC 8410 section 4.
const ED25519_SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
