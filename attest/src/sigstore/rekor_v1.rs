//! Recording in a log with the API of Rekor v1,
//! <https://github.com/sigstore/rekor/blob/v1.4.2/openapi.yaml>: kinds `hashedrekord` 0.0.1 for
//! artifacts and `dsse` 0.0.1 for envelopes.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sigstore_rekor::LogEntry;
use sigstore_rekor::body::RekorEntryBody;
use sigstore_types::KindVersion;
use url::Url;

use super::content::{Recordable, SignedContent, base64};
use crate::http::{Answer, Call, Http, Service, ServiceError, below};

const ENTRIES: &str = "/api/v1/log/entries";

/// Records a signature; yields the entry as bundles carry it.
///
/// An equivalent entry that is there already is as good: the log says where, and it is fetched.
/// That also makes the request one that may be repeated.
pub(super) async fn record(
    http: &Http,
    url: &Url,
    recordable: &Recordable<'_>,
) -> Result<Value, ServiceError> {
    let (kind, proposal) = proposal(recordable)?;
    let body = serde_json::to_vec(&proposal).expect("because strings always serialise");
    let call = Call::post(
        Service::TransparencyLog,
        below(url, ENTRIES),
        "application/json",
        body,
    )
    .repeatable();
    let answer = http.send(&call).await?;
    match answer.status {
        200 | 201 => read(&call, &answer, kind, recordable),
        409 => {
            let uuid = existing(&answer).ok_or_else(|| call.refused(&answer))?;
            let call = Call::get(
                Service::TransparencyLog,
                below(url, &format!("{ENTRIES}/{uuid}")),
            );
            let answer = http.send(&call).await?;
            if answer.status != 200 {
                return Err(call.refused(&answer));
            }
            read(&call, &answer, kind, recordable)
        }
        _ => Err(call.refused(&answer)),
    }
}

fn proposal(recordable: &Recordable<'_>) -> Result<(KindVersion, Value), ServiceError> {
    let verifier = base64(recordable.verifier_pem().as_bytes());
    Ok(match recordable.content {
        SignedContent::Envelope(envelope) => {
            let text =
                String::from_utf8(envelope.to_json()).expect("because an envelope writes JSON");
            let spec = json!({"proposedContent": {"envelope": text, "verifiers": [verifier]}});
            (
                KindVersion::DsseV001,
                json!({"apiVersion": "0.0.1", "kind": "dsse", "spec": spec}),
            )
        }
        SignedContent::Blob(_) => {
            let digest = recordable.signed_digest()?;
            let spec = json!({
                "data": {"hash": {"algorithm": "sha256", "value": digest.hex()}},
                "signature": {
                    "content": base64(recordable.signature),
                    "publicKey": {"content": verifier},
                },
            });
            (
                KindVersion::HashedRekordV001,
                json!({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": spec}),
            )
        }
    })
}

/// The entry a conflict points to: 64 or 80 hexadecimal digits in the location or the message.
fn existing(answer: &Answer) -> Option<String> {
    let message = String::from_utf8_lossy(&answer.body).into_owned();
    let texts = [answer.location.clone().unwrap_or_default(), message];
    texts.iter().find_map(|text| {
        text.split(|c: char| !c.is_ascii_hexdigit())
            .find(|word| matches!(word.len(), 64 | 80))
            .map(str::to_owned)
    })
}

fn read(
    call: &Call,
    answer: &Answer,
    kind: KindVersion,
    recordable: &Recordable<'_>,
) -> Result<Value, ServiceError> {
    let entries: BTreeMap<String, LogEntry> = call.json(answer)?;
    let mut entries = entries.into_values();
    let (Some(entry), None) = (entries.next(), entries.next()) else {
        return Err(call.malformed("expected exactly one entry"));
    };
    if !is_about(&entry, kind, recordable) {
        return Err(call.malformed("the entry is about another signature"));
    }
    let entry = entry
        .to_bundle_entry(kind)
        .map_err(|error| call.malformed(error))?;
    serde_json::to_value(&entry).map_err(|error| call.malformed(error))
}

fn is_about(entry: &LogEntry, kind: KindVersion, recordable: &Recordable<'_>) -> bool {
    let Ok(body) = RekorEntryBody::parse(&entry.body, kind) else {
        return false;
    };
    match (body, recordable.content) {
        (RekorEntryBody::DsseV001(body), SignedContent::Envelope(envelope)) => {
            let [signature] = body.spec.signatures.as_slice() else {
                return false;
            };
            body.spec.payload_hash.value == envelope.payload_digest().hex()
                && signature.signature.as_bytes() == recordable.signature
        }
        (RekorEntryBody::HashedRekordV001(body), SignedContent::Blob(digest)) => {
            let hash = serde_json::to_value(&body.spec.data.hash.value);
            hash.is_ok_and(|value| value == digest.hex())
                && body.spec.signature.content.as_bytes() == recordable.signature
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conflict_names_the_entry_and_nothing_else_of_it_is_used() {
        let uuid = "24296fb24b8ad77a".to_owned() + &"ab".repeat(32);
        let answer = |location: Option<&str>, body: &str| Answer::for_tests(409, location, body);
        let path = format!("/api/v1/log/entries/{uuid}");
        assert_eq!(existing(&answer(Some(&path), "")), Some(uuid.clone()));
        let message = format!(r#"{{"message":"entry already exists with UUID {uuid}"}}"#);
        assert_eq!(existing(&answer(None, &message)), Some(uuid));
        let elsewhere = answer(Some("https://evil.example/x"), "../../../etc");
        assert_eq!(existing(&elsewhere), None);
    }
}
