//! Recording in a log with the API of Rekor v2,
//! <https://github.com/sigstore/rekor-tiles/blob/v2.0.1/CLIENTS.md>: kind `hashedrekord` 0.0.2,
//! for envelopes over their encoding, so that no payload is uploaded.

use serde_json::{Value, json};
use sigstore_types::{KindVersion, TransparencyLogEntry};
use url::Url;

use super::content::{Recordable, base64, raw};
use crate::http::{self, Call, Http, Service, ServiceError, below};

/// Records a signature; yields the entry as bundles carry it. The log answers once the entry is
/// part of the tree, which may take seconds; recording twice makes two entries, so it is sent once.
pub(super) async fn record(
    http: &Http,
    url: &Url,
    recordable: &Recordable<'_>,
) -> Result<Value, ServiceError> {
    let digest = raw(&recordable.signed_digest()?);
    let verifier = match recordable.certificate {
        Some(chain) => json!({
            "x509Certificate": {"rawBytes": base64(chain.leaf())},
            "keyDetails": recordable.key_details(),
        }),
        None => json!({
            "publicKey": {"rawBytes": base64(recordable.key.spki())},
            "keyDetails": recordable.key_details(),
        }),
    };
    let request = json!({"hashedRekordRequestV002": {
        "digest": base64(&digest),
        "signature": {"content": base64(recordable.signature), "verifier": verifier},
    }});
    let body = serde_json::to_vec(&request).expect("because strings always serialise");
    let call = Call::post(
        Service::TransparencyLog,
        below(url, "/api/v2/log/entries"),
        "application/json",
        body,
    );
    let answer = http.send(&call).await?;
    if !matches!(answer.status, 200 | 201) {
        return Err(call.refused(&answer));
    }
    let entry: TransparencyLogEntry = call.json(&answer)?;
    if !is_about(&entry, &digest, recordable.signature) {
        return Err(call.malformed("the entry is about another signature"));
    }
    serde_json::to_value(&entry).map_err(|error| call.malformed(error))
}

/// The body is read as JSON: the types of `sigstore-rekor` know only P-256 keys.
fn is_about(entry: &TransparencyLogEntry, digest: &[u8], signature: &[u8]) -> bool {
    if entry.kind_version != KindVersion::HashedRekordV002 {
        return false;
    }
    let Ok(body) = http::json::<Value>(entry.canonicalized_body.as_bytes()) else {
        return false;
    };
    let logged = &body["spec"]["hashedRekordV002"];
    logged["data"]["digest"] == base64(digest)
        && logged["signature"]["content"] == base64(signature)
}
