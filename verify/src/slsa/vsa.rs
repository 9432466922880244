//! Verification summaries: the seven steps of "how to verify".
//!
//! <https://slsa.dev/spec/v1.1/verification_summary#how-to-verify>; one check for each step, in the
//! specification's order.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use bulla_model::predicate::Vsa;
use bulla_model::predicate::vsa::{self, VsaResult};
use bulla_model::{Bundle, Envelope, Limits, Statement};

use super::check::{Checks, NOTHING, Stop};
use super::judge::Said;
use super::verdict::{SlsaVerdict, signed};
use crate::candidate::Refusal;
use crate::cause::Cause;
use crate::evidence::{Attestation, Evidence};
use crate::expected::ExpectedSigner;
use crate::named_key::{self, NamedKey, own_schemes};
use crate::public_key::PublicKey;
use crate::scheme::{KeyKind, SignatureScheme};
use crate::signature::examine;
use crate::trust::Trust;
use crate::verdict::Decision;
use crate::verified::Verified;

/// How far the verifier's clock may run ahead of ours.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(60);

/// The key a summary must be signed with, where a key is what is trusted.
#[derive(Clone, Debug)]
pub struct VsaKey {
    key: PublicKey,
    id: Option<String>,
    schemes: Vec<SignatureScheme>,
}

impl VsaKey {
    /// A key that signs with the hash of its kind, or with this one (`SHA256`, `sha-512`).
    ///
    /// `id` is what envelopes name its signatures: `None` if any name will do; an empty text for the
    /// key's fingerprint, `SHA256:` and base64. Signatures without a name always may be its own.
    pub fn new(
        key: PublicKey,
        id: Option<String>,
        hash: Option<&str>,
    ) -> Result<Self, VsaKeyError> {
        let kind = KeyKind::of_spki(key.spki()).map_err(|reason| VsaKeyError::Key { reason })?;
        let own = own_schemes(kind);
        let mut schemes = match hash {
            None => own,
            Some(hash) => {
                let found = with_hash(&own, hash);
                if found.is_empty() {
                    return Err(VsaKeyError::Hash {
                        hash: hash.chars().take(40).collect(),
                        own: own.first().map_or("no scheme", |scheme| scheme.name()),
                    });
                }
                found
            }
        };
        // Signers outside Sigstore write ECDSA signatures as two numbers of fixed length (F20).
        let pair =
            |scheme: &SignatureScheme| SignatureScheme::named(&format!("{}-p1363", scheme.name()));
        schemes.extend(schemes.iter().filter_map(pair).collect::<Vec<_>>());
        Ok(Self { key, id, schemes })
    }

    /// The key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    fn named(&self) -> NamedKey {
        let id = self.id.as_ref().map(|id| {
            if id.is_empty() {
                // The hint is the same digest with padding.
                format!("SHA256:{}", self.key.id().hint().trim_end_matches('='))
            } else {
                id.clone()
            }
        });
        NamedKey {
            id,
            or_unnamed: true,
            key: self.key.clone(),
            bare_payload: false,
            schemes: self.schemes.clone(),
        }
    }
}

/// The schemes of the same algorithm with another hash. Ed25519 has SHA-512 built in, ML-DSA its own.
fn with_hash(own: &[SignatureScheme], hash: &str) -> Vec<SignatureScheme> {
    let hash = hash.to_ascii_lowercase().replace('-', "");
    let other = |scheme: &SignatureScheme| match scheme.name().rsplit_once("-sha") {
        Some((algorithm, _)) => SignatureScheme::named(&format!("{algorithm}-{hash}")),
        None => (scheme.name().starts_with("ed25519") && hash == "sha512").then_some(*scheme),
    };
    own.iter().filter_map(other).collect()
}

/// Why a key cannot be used for summaries.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VsaKeyError {
    /// It is of no kind that is known.
    #[error("no usable public key: {}", reason.escape_debug())]
    Key {
        /// What is wrong.
        reason: String,
    },
    /// Keys of its kind do not sign with this hash.
    #[error("no signatures with `{}` by a key for {own}: expected SHA256, SHA384 or SHA512, as the key's kind allows", hash.escape_debug())]
    Hash {
        /// The hash asked for.
        hash: String,
        /// The scheme of keys of this kind.
        own: &'static str,
    },
}

/// What is asked about a summary.
#[derive(Clone, Copy, Debug)]
pub struct VsaQuestion<'a> {
    /// The summary: an envelope or a Sigstore bundle.
    pub attestation: &'a [u8],
    /// Keys and trusted roots, for bundles.
    pub trust: &'a Trust,
    /// The key that must have signed; without one, `signer` must name a certificate.
    pub key: Option<&'a VsaKey>,
    /// Who must have signed.
    pub signer: &'a ExpectedSigner,
    /// Digests of the artifact, `ALGORITHM:VALUE`, each of which some subject must have.
    pub digests: &'a [String],
    /// Who must have verified.
    pub verifier: &'a str,
    /// What must have been verified.
    pub resource: &'a str,
    /// Levels that must be reached. `SLSA_TRACK_LEVEL_3` reaches `SLSA_TRACK_LEVEL_2`; others are
    /// compared as texts.
    pub levels: &'a [String],
    /// The time to judge at.
    pub now: Timestamp,
    /// Bounds.
    pub limits: &'a Limits,
}

/// Takes the seven steps.
pub fn verify_vsa(question: &VsaQuestion<'_>) -> SlsaVerdict {
    let mut checks = Checks::default();
    let outcome = open(question);
    let statement = match signed(&mut checks, outcome.as_ref()) {
        Ok(statement) => statement,
        Err(Stop) => return SlsaVerdict::of(checks.into_list(), None),
    };
    let _ = steps(question, statement, &mut checks);
    let mut verdict = SlsaVerdict::of(checks.into_list(), Some((statement, Said::default())))
        .with_payload([question.attestation], question.limits);
    if verdict.decision == Decision::Allow {
        verdict.builder = Some(question.verifier.to_owned());
    }
    verdict
}

/// Step 1: the signature, by a key or identity that was configured.
fn open(question: &VsaQuestion<'_>) -> Result<Verified<Statement>, Refusal> {
    let limits = question.limits;
    if Bundle::parse(question.attestation.to_vec(), limits).is_err() {
        let envelope = Envelope::parse(question.attestation, limits);
        let envelope = envelope.map_err(|error| Refusal::Malformed {
            reason: error.to_string().chars().take(300).collect(),
        })?;
        let key = question.key.ok_or_else(|| Refusal::Untrusted {
            signer: "an envelope without a certificate".to_owned(),
            reason: "no key was given".to_owned(),
        })?;
        return named_key::verify(&envelope, &[key.named()], limits);
    }
    let evidence = Evidence {
        attestations: vec![Attestation::bundle(question.attestation.to_vec(), None)],
        ..Evidence::default()
    };
    let cancelled = |_| Refusal::Invalid {
        reason: "cancelled".to_owned(),
    };
    let examined = examine(&evidence, question.trust, question.now, limits, &|| false);
    let candidate = examined.map_err(cancelled)?.into_iter().next();
    candidate.map_or_else(
        || {
            Err(Refusal::Malformed {
                reason: "no attestation".to_owned(),
            })
        },
        |candidate| candidate.outcome,
    )
}

fn steps(
    question: &VsaQuestion<'_>,
    statement: &Verified<Statement>,
    checks: &mut Checks,
) -> Result<(), Stop> {
    subjects(question, statement.value(), checks)?;
    let kind = statement.value().predicate_type().as_str();
    checks.equal("predicate-type", vsa::TYPE, Some(kind))?;
    let summary: Vsa = match statement.value().predicate() {
        Ok(summary) => summary,
        Err(error) => {
            return checks.fail("predicate", Cause::Invalid, "a summary", error.to_string());
        }
    };
    let signer = statement.signer();
    let is_signer = question.signer.matches(signer);
    let expected = question.signer.to_string();
    checks.step(
        "signer",
        is_signer,
        Cause::Untrusted,
        expected,
        signer.to_string(),
    )?;
    let id = summary.verifier.id.as_str();
    let named = !question.verifier.is_empty() && id == question.verifier;
    checks.step("verifier", named, Cause::Untrusted, question.verifier, id)?;
    let resource = summary.resource_uri.as_str();
    let same = !question.resource.is_empty() && resource == question.resource;
    checks.step(
        "resource-uri",
        same,
        Cause::OtherSubject,
        question.resource,
        resource,
    )?;
    let passed = summary.verification_result == VsaResult::Passed;
    let found = if passed { "PASSED" } else { "FAILED" };
    checks.step("result", passed, Cause::Denied, "PASSED", found)?;
    levels(question.levels, &summary.verified_levels, checks)?;
    if let Some(time) = summary.time_verified {
        let latest = question
            .now
            .saturating_add(CLOCK_SKEW)
            .unwrap_or(question.now);
        let expected = format!("no later than {}", question.now);
        checks.step(
            "time",
            time <= latest,
            Cause::Invalid,
            expected,
            time.to_string(),
        )?;
    }
    Ok(())
}

/// Step 2: each digest is one of a subject's.
fn subjects(
    question: &VsaQuestion<'_>,
    statement: &Statement,
    checks: &mut Checks,
) -> Result<(), Stop> {
    let given = question.digests.len();
    checks.step(
        "subjects",
        given > 0,
        Cause::Undetermined,
        "a digest",
        given.to_string(),
    )?;
    for wanted in question.digests {
        let (algorithm, value) = wanted.split_once(':').unwrap_or((wanted, ""));
        let has = !value.is_empty()
            && statement
                .subjects()
                .iter()
                .any(|subject| subject.digest.value(algorithm) == Some(value));
        let found = if has { "a subject" } else { "other subjects" };
        checks.step("subject", has, Cause::OtherSubject, wanted.as_str(), found)?;
    }
    Ok(())
}

/// Whether a summary with these levels reaches those.
pub(crate) fn has_levels(wanted: &[String], found: &[String]) -> bool {
    levels(wanted, found, &mut Checks::default()).is_ok()
}

/// Whether a text is a level that a summary can reach.
pub(crate) fn is_level(text: &str) -> bool {
    matches!(Level::parse(text), Level::Slsa { .. } | Level::Other(_))
}

/// Step 7: every level asked for is reached.
fn levels(wanted: &[String], found: &[String], checks: &mut Checks) -> Result<(), Stop> {
    let shown = if found.is_empty() {
        NOTHING.to_owned()
    } else {
        found.join(", ")
    };
    let mut reached = BTreeMap::new();
    for level in found {
        match Level::parse(level) {
            Level::Slsa { track, number } => {
                let held = reached.entry(track).or_insert(number);
                *held = number.max(*held);
            }
            Level::Other(_) | Level::Unevaluated => {}
            Level::Failed => {
                return checks.fail("levels", Cause::Denied, "no FAILED", shown);
            }
            Level::Malformed => {
                let expected = "SLSA_TRACK_LEVEL_NUMBER";
                return checks.fail("levels", Cause::Invalid, expected, level.as_str());
            }
        }
    }
    for level in wanted {
        let holds = match Level::parse(level) {
            Level::Slsa { track, number } => {
                reached.get(track).is_some_and(|reached| *reached >= number)
            }
            Level::Other(text) => found.iter().any(|level| level == text),
            Level::Unevaluated | Level::Failed | Level::Malformed => false,
        };
        checks.step(
            "levels",
            holds,
            Cause::Denied,
            level.as_str(),
            shown.as_str(),
        )?;
    }
    Ok(())
}

/// A level as summaries write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level<'a> {
    /// `SLSA_TRACK_LEVEL_NUMBER`.
    Slsa { track: &'a str, number: u8 },
    /// `SLSA_TRACK_LEVEL_UNEVALUATED`: reaches nothing.
    Unevaluated,
    /// `FAILED`.
    Failed,
    /// Another scheme's.
    Other(&'a str),
    /// It claims to be SLSA's and is not.
    Malformed,
}

impl<'a> Level<'a> {
    fn parse(text: &'a str) -> Self {
        if text == "FAILED" {
            return Self::Failed;
        }
        let Some(rest) = text.strip_prefix("SLSA_") else {
            return Self::Other(text);
        };
        let Some((track, level)) = rest.split_once("_LEVEL_") else {
            return Self::Malformed;
        };
        let is_track = !track.is_empty() && track.bytes().all(|byte| byte.is_ascii_uppercase());
        if !is_track {
            return Self::Malformed;
        }
        if level == "UNEVALUATED" {
            return Self::Unevaluated;
        }
        let digits = level.len() == 1 && level.bytes().all(|byte| byte.is_ascii_digit());
        match level.parse() {
            Ok(number) if digits => Self::Slsa { track, number },
            _ => Self::Malformed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slsa::check;

    fn answer(wanted: &[&str], found: &[&str]) -> Option<Cause> {
        let own = |list: &[&str]| {
            list.iter()
                .map(|text| (*text).to_owned())
                .collect::<Vec<_>>()
        };
        let mut checks = Checks::default();
        let _ = levels(&own(wanted), &own(found), &mut checks);
        check::cause(&checks.into_list())
    }

    #[test]
    fn a_higher_level_reaches_a_lower_one_of_its_track() {
        let found = ["BCID_L1", "SLSA_BUILD_LEVEL_2", "SLSA_BUILD_LEVEL_3"];
        for wanted in ["SLSA_BUILD_LEVEL_1", "SLSA_BUILD_LEVEL_3", "BCID_L1"] {
            assert_eq!(answer(&[wanted], &found), None, "{wanted}");
        }
        for wanted in [
            "SLSA_BUILD_LEVEL_4",
            "SLSA_SOURCE_LEVEL_1",
            "BCID_L0",
            "SLSA_BUILD_LEVEL_UNEVALUATED",
        ] {
            assert_eq!(answer(&[wanted], &found), Some(Cause::Denied), "{wanted}");
        }
    }

    #[test]
    fn what_only_looks_like_a_level_is_refused() {
        for level in [
            "SLSA_BUILD_LEVEL_",
            "SLSA_BUILD_3",
            "SLSA__LEVEL_3",
            "SLSA_BUILD_LEVEL_+3",
            "SLSA_BUILD_LEVEL_03",
        ] {
            assert_eq!(
                answer(&["X"], &["X", level]),
                Some(Cause::Invalid),
                "{level}"
            );
        }
        assert_eq!(answer(&["X"], &["X", "FAILED"]), Some(Cause::Denied));
    }
}
