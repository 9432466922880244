//! The only place where the `sigstore-*` crates are used to verify.
//!
//! Certificates, their log entries and timestamps are checked by `sigstore-verify`, which reads the
//! wall clock to refuse what lies in its future; so that a verdict depends on `now` alone, trust
//! material that starts after `now` is dropped here and verified times after `now` are refused.
//! What it cannot do is done with its siblings: entries with a promise alone or of newer kinds,
//! records of signatures by bare keys, and who it was that recorded them.

mod body;
mod certificate;
mod entry;
mod identity;
mod issued;
mod keyed;
mod operators;
mod refusal;
mod retold;
mod root;
mod timestamp;
mod token;
mod told;
mod vouched;

use bulla_model::{Bundle, BundleContent, Identity, Limits};
use jiff::Timestamp;

pub use identity::{ClaimedCertificate, claimed_certificate, claimed_identity};

use self::body::Content;
use self::root::Root;
use crate::TrustError;
use crate::candidate::Refusal;
use crate::records::Records;
use crate::scheme::{Message, SignatureScheme};

/// Trusted roots, each prepared once for many verifications.
pub(crate) struct Roots {
    roots: Vec<Root>,
}

impl std::fmt::Debug for Roots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Roots")
            .field("count", &self.roots.len())
            .finish()
    }
}

/// What a verified signature proves besides its bytes.
#[derive(Clone, Debug)]
pub(crate) struct Proof {
    pub(crate) signer: Identity,
    pub(crate) records: Records,
    /// How a bare key signed.
    pub(crate) scheme: Option<SignatureScheme>,
    /// From when until when the certificate was valid.
    pub(crate) certificate: Option<(Timestamp, Timestamp)>,
}

impl Roots {
    /// Prepares trusted roots (`trusted_root.json`); material that starts after `now` is dropped.
    pub(crate) fn new(
        documents: &[Vec<u8>],
        now: Timestamp,
        limits: &Limits,
    ) -> Result<Self, TrustError> {
        let roots = documents
            .iter()
            .map(|bytes| Root::new(bytes, now, limits))
            .collect::<Result<_, _>>()?;
        Ok(Self { roots })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    /// The first root that verifies, or the refusal that says most.
    fn first<T>(&self, verify: impl Fn(&Root) -> Result<T, Refusal>) -> Result<T, Refusal> {
        let mut best: Option<Refusal> = None;
        for root in &self.roots {
            match verify(root) {
                Ok(found) => return Ok(found),
                // With several roots, "not from this root" says less than "from it, but wrong".
                Err(refusal) => match &best {
                    Some(held) if !matches!(held, Refusal::Untrusted { .. }) => {}
                    _ => best = Some(refusal),
                },
            }
        }
        Err(best.unwrap_or_else(|| Refusal::Untrusted {
            signer: "a certificate".to_owned(),
            reason: "no trusted root was given".to_owned(),
        }))
    }
}

/// What a bundle's signature is over, as log entries see it.
fn content<'a>(bundle: &'a Bundle, message: Message<'a>) -> Content<'a> {
    match bundle.content() {
        BundleContent::Dsse(envelope) => Content::Envelope(envelope, bundle.envelope_document()),
        BundleContent::Message { .. } => Content::Message(message),
    }
}

/// No verified time may lie after `now` (F37).
fn not_after(records: &Records, now: Timestamp) -> Result<(), Refusal> {
    match records.times().find(|time| *time > now) {
        None => Ok(()),
        Some(time) => Err(Refusal::Later {
            reason: format!("it was recorded at {time}, and is judged as of {now}"),
        }),
    }
}
