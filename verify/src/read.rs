//! From received bytes to what they claim, unverified: the forms in which signatures travel.

use bulla_model::{
    Bundle, BundleContent, Digest, Envelope, KeyMaterial, Limits, PredicateType, SimpleSigning,
    Statement, envelope,
};

use crate::candidate::Refusal;
use crate::evidence::{Attestation, AttestationForm};

/// One signature over one thing.
pub(crate) struct Read {
    pub(crate) bundle: Bundle,
    pub(crate) what: What,
}

/// What is claimed to be signed.
pub(crate) enum What {
    Statement(Statement),
    /// The artifact's bytes.
    Blob,
    /// A payload, and what it says.
    Image(Vec<u8>, SimpleSigning),
}

impl Read {
    pub(crate) fn claimed_type(&self) -> Option<&PredicateType> {
        match &self.what {
            What::Statement(statement) => Some(statement.predicate_type()),
            What::Blob | What::Image(..) => None,
        }
    }

    pub(crate) fn hint(&self) -> Option<&str> {
        match self.bundle.key() {
            KeyMaterial::PublicKey { hint } => Some(hint),
            KeyMaterial::Certificate(_) => None,
        }
    }
}

/// An attestation as it travelled.
pub(crate) enum Received {
    /// One signature, with what stands beside it.
    One(Box<Read>),
    /// An envelope without a bundle, whose signatures are judged each by itself (F28).
    Plain(Box<PlainEnvelope>),
}

/// A statement in an envelope without a bundle.
pub(crate) struct PlainEnvelope {
    pub(crate) envelope: Envelope,
    pub(crate) statement: Statement,
}

/// Signatures of one plain envelope. Each costs a check with every key that may have made it.
const SIGNATURES_PER_ENVELOPE: usize = 32;

/// Reads an attestation once, whatever number of signatures it has. A bundle has exactly one.
pub(crate) fn read(attestation: &Attestation, limits: &Limits) -> Result<Received, Refusal> {
    let wrong = |error: &dyn std::fmt::Display| malformed(&error.to_string());
    let one = |bundle, what| Ok(Received::One(Box::new(Read { bundle, what })));
    let bytes = match &attestation.form {
        AttestationForm::Cosign(layer) => {
            let bundle = layer.to_bundle(limits).map_err(|error| wrong(&error))?;
            let what = if layer.is_signature() {
                let payload = layer.payload(limits).map_err(|error| wrong(&error))?;
                What::Image(layer.bytes().to_vec(), payload)
            } else {
                what(&bundle, limits)?
            };
            return one(bundle, what);
        }
        AttestationForm::Bundle(bytes) => bytes,
    };
    match Bundle::parse(bytes.clone(), limits) {
        Ok(bundle) => {
            let what = what(&bundle, limits)?;
            one(bundle, what)
        }
        Err(error) => {
            let envelope = Envelope::parse(bytes, limits).map_err(|_| wrong(&error))?;
            let found = envelope.signatures().len();
            if found > SIGNATURES_PER_ENVELOPE {
                return Err(malformed(&format!(
                    "too many signatures in one envelope: {found}"
                )));
            }
            let statement = statement(&envelope, limits)?;
            Ok(Received::Plain(Box::new(PlainEnvelope {
                envelope,
                statement,
            })))
        }
    }
}

fn what(bundle: &Bundle, limits: &Limits) -> Result<What, Refusal> {
    match bundle.content() {
        BundleContent::Dsse(envelope) => statement(envelope, limits).map(What::Statement),
        BundleContent::Message { .. } => Ok(What::Blob),
    }
}

fn statement(envelope: &Envelope, limits: &Limits) -> Result<Statement, Refusal> {
    if envelope.payload_type() != envelope::IN_TOTO {
        return Err(malformed(&format!(
            "payload type is `{}`, expected `{}`",
            envelope.payload_type().chars().take(80).collect::<String>(),
            envelope::IN_TOTO
        )));
    }
    Statement::parse(envelope.payload(), limits).map_err(|error| malformed(&error.to_string()))
}

pub(crate) fn malformed(reason: &str) -> Refusal {
    Refusal::Malformed {
        reason: reason.chars().take(300).collect(),
    }
}

/// Digest of what the signature is over, for records of it.
pub(crate) fn payload_digest(read: &Read, artifact: Option<&Digest>) -> Option<Digest> {
    match (&read.what, read.bundle.envelope()) {
        (_, Some(envelope)) => Some(envelope.payload_digest()),
        (What::Image(payload, _), None) => Some(Digest::sha256(payload)),
        (_, None) => artifact.cloned(),
    }
}
