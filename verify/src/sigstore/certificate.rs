//! Signatures by the holders of short-lived certificates.

use bulla_model::{Bundle, BundleVersion, Digest, KeyMaterial, LogEntry};
use jiff::Timestamp;
use sigstore_types::{Artifact, ArtifactDigest, HashAlgorithm};
use sigstore_verify::{VerificationPolicy, VerificationResult};

use super::body::{Facts, Verifier};
use super::entry::Promise;
use super::root::Root;
use super::timestamp::token_shapes;
use super::told::{self, is_read};
use super::{Proof, Roots, content, identity, not_after};
use crate::candidate::Refusal;
use crate::records::{LogRecord, Records, TimestampRecord};
use crate::scheme::Message;

impl Roots {
    /// Verifies a bundle with a certificate; any identity will do, the policy looks at it
    /// afterwards. For an envelope, `message` holds the digest of some subject of its statement.
    pub(crate) fn verify_certificate(
        &self,
        bundle: &Bundle,
        message: Message<'_>,
        now: Timestamp,
    ) -> Result<Proof, Refusal> {
        self.first(|root| {
            let verify = |root: &Root, now| root.verify_certificate(bundle, message, now);
            verify(root, now).map_err(|refusal| {
                root.or_later(refusal, bundle, |whole| {
                    verify(whole, Timestamp::MAX).is_ok()
                })
            })
        })
    }
}

impl Root {
    fn verify_certificate(
        &self,
        bundle: &Bundle,
        message: Message<'_>,
        now: Timestamp,
    ) -> Result<Proof, Refusal> {
        let KeyMaterial::Certificate(leaf) = bundle.key() else {
            return Err(Refusal::invalid("the bundle has no certificate"));
        };
        self.shape(bundle)?;
        token_shapes(bundle)?;
        // Every entry's proof, promise and checkpoint are verified below, more strictly: by the log
        // it names, and for the certificate it names. What is left to `sigstore-verify` is that
        // entries are about this signature, and that times it goes by were promised by a log.
        let mut policy = VerificationPolicy::any_identity().skip_tlog_unsafe();
        if self.without_logs {
            policy = policy.skip_sct();
        }
        let (result, promises) = if let Some(retold) = self.retold(bundle, message)? {
            let result = self.verify_retold(&retold, message, &policy)?;
            (result, Promise::Unverified)
        } else {
            let result = self
                .verifier
                .verify(artifact(message)?, &told::bundle(bundle)?, &policy)
                .map_err(|error| self.refusal(&error, bundle))?;
            kept(bundle, &result)?;
            (result, Promise::Verified)
        };
        if !result.certificate_verified() || (!self.without_logs && !result.sct_verified()) {
            return Err(Refusal::invalid("the certificate was not verified"));
        }
        let certificate = result
            .certificate()
            .map(|certificate| (certificate.not_before, certificate.not_after))
            .ok_or_else(|| Refusal::invalid("no certificate in the result"))?;
        let records = Records {
            trusted_root: Some(self.digest.clone()),
            log_entries: self.entries(bundle, message, promises)?,
            timestamps: self.attributed(bundle, &result)?,
        };
        self.enough(&records, certificate, now)?;
        if let Some(time) = records.earliest() {
            self.chains.check(leaf, time)?;
        }
        self.logged_in_time(bundle.entries(), &records)?;
        Ok(Proof {
            signer: identity::identity(&result, leaf, self.without_logs)?,
            records,
            scheme: None,
            certificate: Some(certificate),
        })
    }

    /// Verifies every entry; of the promises, those that `sigstore-verify` has not, if it was asked.
    pub(super) fn entries(
        &self,
        bundle: &Bundle,
        message: Message<'_>,
        promises: Promise,
    ) -> Result<Vec<LogRecord>, Refusal> {
        let KeyMaterial::Certificate(leaf) = bundle.key() else {
            return Err(Refusal::invalid("the bundle has no certificate"));
        };
        let facts = Facts {
            content: content(bundle, message),
            signature: bundle.signature(),
            verifier: Verifier::Certificate(leaf),
        };
        let verified = |entry: &LogEntry| {
            let promise = if dates(entry) {
                promises
            } else {
                Promise::Unverified
            };
            self.entry(entry, &facts, bundle.version(), promise)
        };
        bundle.entries().iter().map(verified).collect()
    }

    /// A root with logs wants every entry proven, or promised in the oldest bundles; a root
    /// without any wants none.
    fn shape(&self, bundle: &Bundle) -> Result<(), Refusal> {
        let entries = bundle.entries();
        if entries.is_empty() && !self.without_logs {
            return Err(Refusal::invalid("the bundle has no log entry"));
        }
        if self.without_certificate_logs && !self.without_logs {
            return Err(Refusal::Untrusted {
                signer: "a certificate".to_owned(),
                reason: "the trusted root names logs, but no certificate log (`ctlogs`), which \
                         certificates have to show their publication in"
                    .to_owned(),
            });
        }
        let promise_will_do = bundle.version() == BundleVersion::V0_1;
        let unproven = |entry: &LogEntry| {
            entry.proven().is_none() && !(promise_will_do && entry.promise.is_some())
        };
        if entries.iter().any(unproven) {
            return Err(Refusal::invalid("a log entry has no inclusion proof"));
        }
        Ok(())
    }

    /// Which authority made each timestamp `sigstore-verify` accepted.
    fn attributed(
        &self,
        bundle: &Bundle,
        result: &VerificationResult,
    ) -> Result<Vec<TimestampRecord>, Refusal> {
        // Its times begin with those of the tokens, in order; one authority needs no second look.
        let count = bundle.timestamps();
        match (
            self.authorities.as_slice(),
            result.verified_timestamps().get(..count),
        ) {
            ([one], Some(times)) => Ok(times
                .iter()
                .map(|time| TimestampRecord {
                    authority: one.name.clone(),
                    certificate: one.certificate.clone(),
                    operator: one.operator.clone(),
                    time: *time,
                })
                .collect()),
            _ => self.timestamps(bundle),
        }
    }

    /// A certificate that lives for minutes counts at verified times alone, and at all of them
    /// (F15, TOB-4).
    fn enough(
        &self,
        records: &Records,
        (start, end): (Timestamp, Timestamp),
        now: Timestamp,
    ) -> Result<(), Refusal> {
        not_after(records, now)?;
        if records.earliest().is_none() {
            return Err(Refusal::invalid("no verified time"));
        }
        if records.log_entries.is_empty() && !self.without_logs {
            return Err(Refusal::invalid("no verified log entry"));
        }
        match records.times().find(|time| *time < start || *time > end) {
            None => Ok(()),
            Some(time) => Err(Refusal::Expired {
                reason: format!(
                    "verified time {time} lies outside the certificate's {start} to {end}"
                ),
            }),
        }
    }
}

/// Whether `sigstore-verify` goes by the time of an entry, whose promise it verifies for that.
fn dates(entry: &LogEntry) -> bool {
    let of_version_1 = (entry.kind.as_str(), entry.version.as_str()) != ("hashedrekord", "0.0.2");
    is_read(entry)
        && of_version_1
        && entry.promise.is_some()
        && entry.integrated_time.is_some_and(|time| time != 0)
}

/// Refuses a result unless it goes by the time of every entry whose promise need not be verified
/// again: first come those of the timestamps, then these, in the order of the entries.
fn kept(bundle: &Bundle, result: &VerificationResult) -> Result<(), Refusal> {
    let promised = bundle.entries().iter().filter(|entry| dates(entry));
    let promised = promised.map(|entry| entry.integrated_time);
    let judged = result.verified_timestamps();
    let judged = judged.iter().skip(bundle.timestamps());
    let judged = judged.map(|time| Some(time.as_second()));
    if judged.eq(promised) {
        Ok(())
    } else {
        Err(Refusal::invalid(
            "the certificate was judged at other times",
        ))
    }
}

/// The artifact as `sigstore-verify` takes it: its bytes, which serve every scheme, or one digest.
pub(super) fn artifact(message: Message<'_>) -> Result<Artifact<'_>, Refusal> {
    if let Some(bytes) = message.bytes {
        return Ok(Artifact::from(bytes));
    }
    let digest = message
        .digests
        .iter()
        .min_by_key(|digest| digest.algorithm())
        .ok_or_else(|| Refusal::invalid("no digest of the artifact"))?;
    typed(digest).map_err(|error| Refusal::invalid(&error.to_string()))
}

fn typed(digest: &Digest) -> Result<Artifact<'static>, sigstore_types::Error> {
    use bulla_model::Algorithm;
    let algorithm = match digest.algorithm() {
        Algorithm::Sha256 => HashAlgorithm::Sha2256,
        Algorithm::Sha384 => HashAlgorithm::Sha2384,
        Algorithm::Sha512 => HashAlgorithm::Sha2512,
    };
    Ok(Artifact::from(ArtifactDigest::new(
        algorithm,
        digest.to_bytes(),
    )?))
}
