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

/// Signatures of one plain envelope. Each costs a copy of the payload while it is looked at.
const SIGNATURES_PER_ENVELOPE: usize = 32;

/// Hands every signature of an attestation to `each`, one after the other. A bundle has exactly
/// one; a plain envelope may have several, of which each is judged by itself (F28).
pub(crate) fn read<T>(
    attestation: &Attestation,
    limits: &Limits,
    mut each: impl FnMut(&Read) -> T,
) -> Result<Vec<T>, Refusal> {
    let bytes = match &attestation.form {
        AttestationForm::Cosign(layer) => {
            let bundle = layer
                .to_bundle(limits)
                .map_err(|error| malformed(&error.to_string()))?;
            let what = if layer.is_signature() {
                let payload = layer
                    .payload(limits)
                    .map_err(|error| malformed(&error.to_string()))?;
                What::Image(layer.bytes().to_vec(), payload)
            } else {
                what(&bundle, limits)?
            };
            return Ok(vec![each(&Read { bundle, what })]);
        }
        AttestationForm::Bundle(bytes) => bytes,
    };
    match Bundle::parse(bytes.clone(), limits) {
        Ok(bundle) => {
            let what = what(&bundle, limits)?;
            Ok(vec![each(&Read { bundle, what })])
        }
        Err(error) => {
            let plain =
                Envelope::parse(bytes, limits).map_err(|_| malformed(&error.to_string()))?;
            plain_envelope(&plain, limits, each)
        }
    }
}

fn plain_envelope<T>(
    plain: &Envelope,
    limits: &Limits,
    mut each: impl FnMut(&Read) -> T,
) -> Result<Vec<T>, Refusal> {
    let found = plain.signatures().len();
    if found > SIGNATURES_PER_ENVELOPE
        || found.saturating_mul(plain.payload().len()) as u64 > 2 * limits.bundle_bytes
    {
        return Err(malformed(&format!(
            "too many signatures in one envelope: {found}"
        )));
    }
    plain
        .signatures()
        .iter()
        .map(|signature| {
            let hint = signature.key_id.clone().unwrap_or_default();
            let one = Envelope::new(
                plain.payload().to_vec(),
                plain.payload_type(),
                vec![signature.clone()],
            );
            let bundle = Bundle::with_public_key(&one, &hint)
                .map_err(|error| malformed(&error.to_string()))?;
            let what = what(&bundle, limits)?;
            Ok(each(&Read { bundle, what }))
        })
        .collect()
}

fn what(bundle: &Bundle, limits: &Limits) -> Result<What, Refusal> {
    let BundleContent::Dsse(envelope) = bundle.content() else {
        return Ok(What::Blob);
    };
    if envelope.payload_type() != envelope::IN_TOTO {
        return Err(malformed(&format!(
            "payload type is `{}`, expected `{}`",
            envelope.payload_type().chars().take(80).collect::<String>(),
            envelope::IN_TOTO
        )));
    }
    Statement::parse(envelope.payload(), limits)
        .map(What::Statement)
        .map_err(|error| malformed(&error.to_string()))
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
