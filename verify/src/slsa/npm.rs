//! Packages of npm: provenance by whoever built one, and the registry's word that it published it.
//!
//! The document is what the registry serves for a version,
//! <https://github.com/npm/attestation/tree/main/specs/publish>. The registry's signature is
//! checked with the key its hint names and no other, in the window that key is for (F20).

use serde::Deserialize;
use serde_json::value::RawValue;

use bulla_model::predicate::Provenance as ProvenancePredicate;
use bulla_model::{Bundle, Identity, KeyMaterial, Purl, Statement, json};

use super::check::{self, Checks, NOTHING, SlsaCheck, Stop};
use super::npm_key::RegistryKey;
use super::verdict::{ProvenanceQuestion, SlsaVerdict, best_of, signed};
use crate::cause::Cause;
use crate::evidence::{Attestation, Evidence};
use crate::records::Records;
use crate::signature::examine;
use crate::verified::Verified;

/// What the predicate type of publish attestations begins with; a version follows.
const PUBLISH: &str = "https://github.com/npm/attestation/tree/main/specs/publish/";

/// What is expected of a package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NpmExpectation {
    /// Its name, with its scope.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The registry's keys. The same keys must be in the trust that signatures are checked with.
    pub keys: Vec<RegistryKey>,
}

#[derive(Deserialize)]
struct Wire {
    attestations: Vec<WireAttestation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireAttestation {
    predicate_type: String,
    bundle: Box<RawValue>,
}

/// Verifies both attestations of a package.
pub(super) fn verify(
    question: &ProvenanceQuestion<'_>,
    document: &[u8],
    expected: &NpmExpectation,
) -> SlsaVerdict {
    let mut checks = Checks::default();
    // Any workflow of the source may publish a package, and with any builder that is known: which of
    // them is meant has to be said.
    let named = question.expected.builder_id.is_some();
    let what = "--builder-id: a package is believed from the builder that is named only";
    if checks
        .step("builder", named, Cause::Untrusted, what, "no name")
        .is_err()
    {
        return SlsaVerdict::of(checks.into_list(), None);
    }
    let pair = pair(question, document, &mut checks);
    let Ok((provenance, publish)) = pair else {
        return SlsaVerdict::of(checks.into_list(), None);
    };
    let mut verdict = best_of(question, vec![provenance]);
    if verdict.cause.is_some() {
        return verdict;
    }
    let payload = verdict.payload.as_deref().unwrap_or_default();
    let built = Statement::parse(payload, question.limits).ok();
    let mut checks = Checks::default();
    let _ = published(question, &publish, expected, built.as_ref(), &mut checks);
    let checks = checks.into_list();
    verdict.add(checks);
    verdict
}

/// The one attestation of each kind. Two of a kind could contradict each other.
fn pair(
    question: &ProvenanceQuestion<'_>,
    document: &[u8],
    checks: &mut Checks,
) -> Result<(Attestation, Attestation), Stop> {
    let limits = question.limits;
    let wire: Wire = match json::read(document, limits.bundle_bytes, limits.json_depth) {
        Ok(wire) => wire,
        Err(error) => {
            let expected = "attestations of an npm package";
            return checks.fail("document", Cause::Invalid, expected, error.to_string());
        }
    };
    let of = |wanted: &dyn Fn(&str) -> bool| {
        let mut found = wire
            .attestations
            .iter()
            .filter(|one| wanted(&one.predicate_type));
        let first = found.next()?;
        let attestation = Attestation::bundle(first.bundle.get().as_bytes().to_vec(), None);
        found.next().is_none().then_some(attestation)
    };
    let provenance = of(&ProvenancePredicate::is_type);
    let publish = of(&|kind| kind.starts_with(PUBLISH));
    let both = provenance.zip(publish);
    let found = format!("{} attestations", wire.attestations.len());
    let expected = "one provenance and one publish attestation";
    checks.step("document", both.is_some(), Cause::Invalid, expected, found)?;
    both.ok_or(Stop)
}

#[derive(Deserialize)]
struct Published {
    name: String,
    version: String,
}

/// The registry's own statement: signed by its key, about the same package and bytes.
fn published(
    question: &ProvenanceQuestion<'_>,
    attestation: &Attestation,
    expected: &NpmExpectation,
    built: Option<&Statement>,
    checks: &mut Checks,
) -> Result<(), Stop> {
    let evidence = Evidence {
        attestations: vec![attestation.clone()],
        ..Evidence::default()
    };
    let candidates = examine(
        &evidence,
        question.trust,
        question.now,
        question.limits,
        question.cancelled,
    );
    let candidates = match candidates {
        Ok(candidates) => candidates,
        Err(error) => {
            let cause = Cause::Undetermined;
            return checks.fail("deadline", cause, "an end in time", error.to_string());
        }
    };
    let outcome = candidates.first().ok_or(Stop)?.outcome();
    let statement = signed(checks, outcome)?;
    registry_key(question, attestation, statement, expected, checks)?;
    let kind = statement.value().predicate_type().as_str();
    let is_publish = kind.starts_with(PUBLISH);
    checks.step("publish-type", is_publish, Cause::Invalid, PUBLISH, kind)?;
    let predicate = statement.value().predicate_json().unwrap_or_default();
    let Ok(package) = json::part::<Published>(predicate.as_bytes()) else {
        return checks.fail(
            "publish-predicate",
            Cause::Invalid,
            "name and version",
            NOTHING,
        );
    };
    let subject = only_subject(statement.value());
    let same_bytes = !question.artifacts.is_empty()
        && question
            .artifacts
            .iter()
            .all(|artifact| subject.is_some_and(|subject| artifact.is(&subject.digest)));
    let expected_digest = "a subject with the package's digest";
    let found = subject.map_or(NOTHING, |_| "one subject");
    checks.step(
        "publish-subject",
        same_bytes,
        Cause::OtherSubject,
        expected_digest,
        found,
    )?;
    // What the registry says it published, what it signed it as, and what was built are one.
    let purl = purl(&package);
    let purl = purl.as_ref().map_or(NOTHING, Purl::as_str);
    for (name, statement) in [
        ("publish-name", Some(statement.value())),
        ("package-name", built),
    ] {
        let subject = statement.and_then(only_subject);
        let found = subject.and_then(|subject| subject.name.as_deref()?.parse::<Purl>().ok());
        checks.equal(name, purl, found.as_ref().map(Purl::as_str))?;
    }
    if let Some(name) = &expected.name {
        checks.equal("package-name", name, Some(&package.name))?;
    }
    if let Some(version) = &expected.version {
        checks.equal("package-version", version, Some(&package.version))?;
    }
    Ok(())
}

/// The key must be the registry's, by the name the attestation gives it, and in its time.
fn registry_key(
    question: &ProvenanceQuestion<'_>,
    attestation: &Attestation,
    statement: &Verified<Statement>,
    expected: &NpmExpectation,
    checks: &mut Checks,
) -> Result<(), Stop> {
    let bundle = Bundle::parse(attestation.bytes().to_vec(), question.limits);
    let hint = match bundle.as_ref().map(Bundle::key) {
        Ok(KeyMaterial::PublicKey { hint }) => hint.as_str(),
        _ => NOTHING,
    };
    let key = expected.keys.iter().find(|key| key.id == hint);
    let made_it = key.is_some_and(
        |key| matches!(statement.signer(), Identity::Key { key_id } if key_id == key.key.id()),
    );
    let what = "a key of the registry";
    checks.step("registry-key", made_it, Cause::Untrusted, what, hint)?;
    let time = statement.time();
    let at = time.existed_by().filter(|_| time.is_proven());
    let in_time = key.is_some_and(|key| is_in_time(key, statement.records()));
    let found = at.map_or_else(|| "no proven time".to_owned(), |at| at.to_string());
    let what = "a time at which the key is valid";
    checks.step("registry-key-time", in_time, Cause::Expired, what, found)
}

/// At every verified time, of which there is one at least: a single backdated timestamp must not
/// bring an ended key back.
fn is_in_time(key: &RegistryKey, records: &Records) -> bool {
    records.earliest().is_some() && records.times().all(|at| key.is_valid_at(at))
}

fn only_subject(statement: &Statement) -> Option<&bulla_model::Subject> {
    match statement.subjects() {
        [subject] => Some(subject),
        _ => None,
    }
}

fn purl(package: &Published) -> Option<Purl> {
    let (scope, name) = match package.name.split_once('/') {
        Some((scope, name)) => (Some(scope), name),
        None => (None, package.name.as_str()),
    };
    let builder = Purl::builder("npm", name).with_version(&package.version);
    match scope {
        Some(scope) => builder.with_namespace(scope).build().ok(),
        None => builder.build().ok(),
    }
}

impl SlsaVerdict {
    /// Adds the checks of a second document; the answer is the stricter of both.
    fn add(&mut self, mut checks: Vec<SlsaCheck>) {
        let cause = check::cause(&checks);
        self.checks.append(&mut checks);
        self.settle(self.cause.or(cause));
    }
}

#[cfg(test)]
mod tests {
    use bulla_model::{Digest, Limits};

    use super::*;
    use crate::records::TimestampRecord;

    #[test]
    fn tob4_a_registry_s_key_counts_at_every_verified_time_and_at_one_at_least() {
        let text = include_str!("../../../testdata/slsa/npm-keys.json");
        // From 2022-12-01, and here until a day in 2025.
        let mut document: serde_json::Value = serde_json::from_str(text).unwrap();
        for key in document["keys"].as_array_mut().unwrap() {
            key["publicKey"]["validFor"]["end"] = "2025-01-01T00:00:00Z".into();
        }
        let document = document.to_string();
        let keys = RegistryKey::read(document.as_bytes(), &Limits::default()).unwrap();
        let at = |times: &[&str]| {
            let timestamps = times.iter().map(|time| TimestampRecord {
                authority: (*time).to_owned(),
                certificate: Digest::sha256(time.as_bytes()),
                operator: None,
                time: time.parse().unwrap(),
            });
            let records = Records {
                timestamps: timestamps.collect(),
                ..Records::default()
            };
            is_in_time(&keys[0], &records)
        };
        assert!(at(&["2024-01-01T00:00:00Z"]));
        assert!(at(&["2024-01-01T00:00:00Z", "2024-12-31T00:00:00Z"]));
        let late = "2025-06-01T00:00:00Z";
        assert!(!at(&["2024-01-01T00:00:00Z", late]), "one is too late");
        assert!(!at(&[late, "2024-01-01T00:00:00Z"]), "in whatever order");
        assert!(!at(&["2022-01-01T00:00:00Z", "2024-01-01T00:00:00Z"]));
        assert!(!at(&[]), "nothing says when");
    }
}
