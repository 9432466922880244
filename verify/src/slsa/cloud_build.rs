//! Google Cloud Build: what `gcloud` writes about an image and its provenance.
//!
//! The document is not signed. Around each envelope it repeats what is inside, for people to read;
//! what they read must be what was signed.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use bulla_model::{Digest, Envelope, Statement, json};

use super::check::{Checks, NOTHING, Stop};
use super::judge;
use super::verdict::{ProvenanceQuestion, SlsaVerdict, nearest, signed};
use crate::candidate::Refusal;
use crate::cause::Cause;
use crate::named_key;
use crate::verified::Verified;

/// Provenances of one image that are looked at. Stops a document that lists endlessly.
const MAX_PROVENANCES: usize = 128;

#[derive(Deserialize)]
struct Wire {
    image_summary: Summary,
    provenance_summary: Provenances,
}

#[derive(Deserialize)]
struct Summary {
    digest: String,
    fully_qualified_digest: String,
}

#[derive(Deserialize)]
struct Provenances {
    provenance: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    build: Build,
    kind: String,
    resource_uri: String,
    envelope: Box<RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Build {
    #[serde(default)]
    intoto_statement: Option<Value>,
    #[serde(default)]
    in_toto_slsa_provenance_v1: Option<Value>,
}

/// Verifies the provenance of an image; one that fits is enough.
pub(super) fn verify(question: &ProvenanceQuestion<'_>, document: &[u8]) -> SlsaVerdict {
    let limits = question.limits;
    let refuse = |cause: Cause, expected: &str, found: String| {
        let mut checks = Checks::default();
        let _ = checks.fail::<()>("document", cause, expected, found);
        SlsaVerdict::of(checks.into_list(), None)
    };
    let wire: Wire = match json::read(document, limits.bundle_bytes, limits.json_depth) {
        Ok(wire) => wire,
        Err(error) => return refuse(Cause::Invalid, "provenance by gcloud", error.to_string()),
    };
    let entries = &wire.provenance_summary.provenance;
    if entries.len() > MAX_PROVENANCES {
        let expected = format!("{MAX_PROVENANCES} provenances at most");
        return refuse(Cause::Undetermined, &expected, entries.len().to_string());
    }
    let keys = question.builders.keys();
    nearest(entries.iter().map(|entry| {
        let outcome = Envelope::parse(entry.envelope.get().as_bytes(), limits)
            .map_err(|error| Refusal::Malformed {
                reason: error.to_string().chars().take(300).collect(),
            })
            .and_then(|envelope| {
                let verified = named_key::verify(&envelope, &keys, limits)?;
                Ok((envelope, verified))
            });
        let mut checks = Checks::default();
        let (envelope, statement) = match &outcome {
            Ok((envelope, statement)) => (envelope, statement),
            Err(refusal) => {
                let _ = signed(&mut checks, Err(refusal));
                return SlsaVerdict::of(checks.into_list(), None);
            }
        };
        let said = judge_entry(
            question,
            &wire.image_summary,
            entry,
            envelope,
            statement,
            &mut checks,
        );
        {
            let verified = Some((statement, said.unwrap_or_default()));
            let document = [entry.envelope.get().as_bytes()];
            SlsaVerdict::of(checks.into_list(), verified).with_payload(document, limits)
        }
    }))
}

fn judge_entry(
    question: &ProvenanceQuestion<'_>,
    summary: &Summary,
    entry: &Entry,
    envelope: &Envelope,
    statement: &Verified<Statement>,
    checks: &mut Checks,
) -> Result<judge::Said, Stop> {
    signed(checks, Ok(statement))?;
    let said = judge::judge(question, statement, checks)?;
    checks.step(
        "kind",
        entry.kind == "BUILD",
        Cause::Invalid,
        "BUILD",
        entry.kind.as_str(),
    )?;
    for artifact in question.artifacts {
        let digest = artifact.digests().first().map(Digest::to_string);
        let digest = digest.unwrap_or_else(|| NOTHING.to_owned());
        let named = [
            summary.digest.as_str(),
            summary.fully_qualified_digest.as_str(),
            entry.resource_uri.as_str(),
        ];
        let other = named
            .into_iter()
            .find(|named| named.rsplit('@').next() != Some(digest.as_str()));
        let found = other.unwrap_or(digest.as_str());
        let holds = other.is_none();
        checks.step(
            "document-digest",
            holds,
            Cause::OtherSubject,
            digest.as_str(),
            found,
        )?;
    }
    let signed: Value = serde_json::from_slice(envelope.payload()).unwrap_or(Value::Null);
    let shown = entry.build.intoto_statement.as_ref();
    let shown = shown.or(entry.build.in_toto_slsa_provenance_v1.as_ref());
    let same = shown.is_none_or(|shown| shows(shown, &signed));
    let expected = "the text beside the envelope says what is in it";
    let found = if same { "the same" } else { "something else" };
    checks.step("text", same, Cause::Invalid, expected, found)?;
    Ok(said)
}

/// Whether the readable copy is that of the signed statement. Version 0.1 calls its predicate
/// `slsaProvenance`.
fn shows(shown: &Value, signed: &Value) -> bool {
    let predicate = |statement: &Value| {
        let old = statement
            .get("slsaProvenance")
            .filter(|_| statement.get("predicate").is_none());
        old.or(statement.get("predicate")).cloned()
    };
    let same = |name: &str| shown.get(name) == signed.get(name);
    ["_type", "predicateType", "subject"].into_iter().all(same)
        && predicate(shown).is_some()
        && predicate(shown) == predicate(signed)
}
