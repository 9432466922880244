//! What there is to say about one signature: who, when, recorded where, and each check done.

use bulla_model::{Digest, Identity};
use jiff::Timestamp;
use serde::Serialize;

use crate::candidate::Refusal;
use crate::records::Records;
use crate::scheme::SignatureScheme;
use crate::verified::{SignedTime, Verified};

/// A signature that was looked at. Unless it was verified, only `manifest`, `predicateType` and
/// `checks` are there, and the first two are claims.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SignatureReport {
    /// Whether it is what was asked for.
    pub counts: bool,
    /// Digest of the manifest it was found in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Digest>,
    /// The predicate type; absent for signatures of the artifact itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicate_type: Option<String>,
    /// Digest of the signed payload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<Digest>,
    /// Digest of the document that holds the claim, if the payload only refers to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<Digest>,
    /// Who signed, with every claim of the certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<Identity>,
    /// How a bare key signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<SignatureScheme>,
    /// The name an image was signed under, in cosign's old signatures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker_reference: Option<String>,
    /// The time rules are judged at: the earliest verified one, else the signer's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// Whether a log or a timestamp authority proves that time.
    pub time_proven: bool,
    /// Verified log entries and timestamps.
    #[serde(flatten)]
    pub records: Records,
    /// Every check done, in order; the last one is the one that failed, if any did.
    pub checks: Vec<SignatureCheck>,
}

/// One check of a signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SignatureCheck {
    /// Its name, for example `transparency-log`.
    pub name: &'static str,
    /// Whether it held.
    pub ok: bool,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
}

impl SignatureReport {
    /// For a signature that did not verify.
    pub(crate) fn refused(
        manifest: Option<&Digest>,
        predicate_type: Option<&str>,
        refusal: &Refusal,
    ) -> Self {
        let mut report = Self::empty(manifest, predicate_type);
        report.check(
            "signature",
            false,
            "a signature that verifies, with everything recorded beside it",
            refusal.to_string(),
        );
        report
    }

    /// For a signature that verified, before anything is asked of it.
    pub(crate) fn of<T>(verified: &Verified<T>, predicate_type: Option<&str>) -> Self {
        let mut report = Self::empty(verified.manifest(), predicate_type);
        report.payload = Some(verified.payload().clone());
        report.document = verified.document().cloned();
        report.signer = Some(verified.signer().clone());
        report.scheme = verified.scheme();
        report.time = verified.time().existed_by();
        report.time_proven = verified.time().is_proven();
        report.records = verified.records().clone();
        let how = match verified.scheme() {
            Some(scheme) => format!("{scheme}, by {}", verified.signer()),
            None => format!("by {}", verified.signer()),
        };
        let over = format!("a signature over {}", verified.payload());
        report.check("signature", true, &over, how);
        if let Some((start, end)) = verified.certificate_validity() {
            report.check(
                "certificate",
                true,
                "issued by an authority of the trusted root, valid at every verified time",
                format!("valid from {start} to {end}"),
            );
        }
        let records = verified.records().clone();
        for entry in &records.log_entries {
            let how = match (entry.included, entry.promised) {
                (true, true) => "proven and promised",
                (true, false) => "proven",
                (false, _) => "promised",
            };
            let when = entry.integrated_time;
            let when = when.map_or_else(String::new, |time| format!(", at {time}"));
            report.check(
                "transparency-log",
                true,
                "an entry about this signature in a trusted log",
                format!(
                    "{} in {} at index {}, {how}{when}",
                    entry.kind, entry.log, entry.log_index
                ),
            );
        }
        for timestamp in &records.timestamps {
            report.check(
                "timestamp",
                true,
                "a timestamp of this signature by a trusted authority",
                format!("{} by {}", timestamp.time, timestamp.authority),
            );
        }
        let found = match verified.time() {
            SignedTime::Proven(time, _) => format!("proven to exist by {time}"),
            SignedTime::Claimed(time) => format!("{time}, by the signer's word"),
            SignedTime::Unknown => "no time".to_owned(),
        };
        report.check(
            "time",
            true,
            "no contradiction between proof and word",
            found,
        );
        report
    }

    /// Adds a check and says whether it held.
    pub(crate) fn check(
        &mut self,
        name: &'static str,
        ok: bool,
        expected: &str,
        found: String,
    ) -> bool {
        self.checks.push(SignatureCheck {
            name,
            ok,
            expected: expected.to_owned(),
            found,
        });
        ok
    }

    fn empty(manifest: Option<&Digest>, predicate_type: Option<&str>) -> Self {
        Self {
            counts: false,
            manifest: manifest.cloned(),
            predicate_type: predicate_type.map(ToOwned::to_owned),
            payload: None,
            document: None,
            signer: None,
            scheme: None,
            docker_reference: None,
            time: None,
            time_proven: false,
            records: Records::default(),
            checks: Vec::new(),
        }
    }
}
