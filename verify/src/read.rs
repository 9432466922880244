//! From received bytes to what they claim, unverified: the forms in which signatures travel.

use bulla_model::{
    Bundle, BundleContent, Digest, Envelope, EnvelopeSignature, KeyMaterial, Limits, PredicateType,
    SimpleSigning, Statement, WitnessMaterials, envelope, predicate::witness,
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
    /// The signatures that have a certificate beside them, as witness writes them, once more.
    pub(crate) certified: Vec<Read>,
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
            let beside =
                WitnessMaterials::of_envelope(bytes, limits).map_err(|error| wrong(&error))?;
            let certified = certified(&envelope, &statement, &beside, limits)?;
            Ok(Received::Plain(Box::new(PlainEnvelope {
                envelope,
                statement,
                certified,
            })))
        }
    }
}

/// Tells each signature that has a certificate beside it as a bundle.
fn certified(
    envelope: &Envelope,
    statement: &Statement,
    beside: &[WitnessMaterials],
    limits: &Limits,
) -> Result<Vec<Read>, Refusal> {
    let signatures = envelope.signatures().iter().zip(beside);
    let signatures: Vec<_> = signatures
        .filter(|(_, materials)| !materials.certificates.is_empty())
        .collect();
    // Each bundle has a copy of the payload.
    let copied = signatures.len().saturating_mul(envelope.payload().len());
    if copied as u64 > 2 * limits.bundle_bytes {
        let found = signatures.len();
        let text = format!("too many certificates beside one payload: {found}");
        return Err(malformed(&text));
    }
    let told = |(signature, materials): (&EnvelopeSignature, &WitnessMaterials)| {
        let one = Envelope::new(
            envelope.payload().to_vec(),
            envelope.payload_type(),
            vec![signature.clone()],
        );
        let bundle = materials.bundle(&one, limits);
        Ok(Read {
            bundle: bundle.map_err(|error| malformed(&error.to_string()))?,
            what: What::Statement(statement.clone()),
        })
    };
    signatures.into_iter().map(told).collect()
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
    let wrong = |error: &dyn std::fmt::Display| malformed(&error.to_string());
    let statement = Statement::parse(envelope.payload(), limits).map_err(|error| wrong(&error))?;
    // A collection of which a part cannot be read is none (F30).
    if statement.predicate_type().as_str() == witness::TYPE {
        let collection = statement.predicate::<witness::Collection>();
        collection.map_err(|error| wrong(&error))?;
    }
    Ok(statement)
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
