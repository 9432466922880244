//! Where accepted mutants may differ from what they were made of.

use bulla_model::Limits;
use bulla_model::notation::{EnvelopeForm, NotationEnvelope};
use serde_json::Value;

use super::mutate::{self, Mutant};

const STAMPS: &str = "verificationMaterial.timestampVerificationData";

/// Where a mutant may differ and still be accepted: the place, the changes (none listed means
/// all), and why. Places that begin with `0.1:` are of that version of the bundle alone.
const TOLERATED: &[(&str, &[&str], &str)] = &[
    (
        "verificationMaterial.publicKey.hint",
        &[],
        "a hint which key to try; the key is the verifier's own",
    ),
    (
        "verificationMaterial.publicKey",
        &["no elements", "no members", "splice"],
        "nothing but the hint is in it",
    ),
    (
        "dsseEnvelope.signatures.*.keyid",
        &[],
        "a hint which key to try",
    ),
    (
        "envelope.signatures.*.keyid",
        &[],
        "a hint which key to try, in a layer of cosign's",
    ),
    (
        "signatures.*.keyid",
        &["delete", "null", "no text"],
        "names of keys are compared where both sides have one",
    ),
    (
        "signatures.*.keyid",
        &["cut", "flip", "longer", "upper case"],
        "a hint which key to try, beside layouts, links and what witness wrote",
    ),
    (
        "header.io.cncf.notary.signingAgent",
        &[],
        "which program signed; the specification keeps it out of what is signed",
    ),
    (
        "signatures.*.intermediates",
        &["element twice"],
        "a set from which the path to the root is built; each certificate on it is verified",
    ),
    (
        "signatures.*.timestamps",
        &["element twice"],
        "the same record is one record",
    ),
    (
        "signatures",
        &["element twice", "elements swapped"],
        "the same signature is one signature, wherever it stands",
    ),
    (
        "verificationMaterial.tlogEntries",
        &["element twice"],
        "the same record is one record",
    ),
    (
        "verificationMaterial.tlogEntries",
        &["delete", "null", "no elements"],
        "a key needs no record unless records are asked for; a certificate does",
    ),
    (
        "verificationMaterial.tlogEntries.*",
        &["delete"],
        "a key needs no record unless records are asked for; a certificate does",
    ),
    (
        "messageSignature.messageDigest",
        &[
            "delete",
            "null",
            "no elements",
            "no members",
            "algorithm and digest swapped",
        ],
        "a hint; one that can be read has to fit",
    ),
    (
        "messageSignature.messageDigest.algorithm",
        &[],
        "a hint; one that can be read has to fit",
    ),
    (
        "messageSignature.messageDigest.digest",
        &["cut", "longer", "delete", "null", "no text"],
        "a hint; one that can be read has to fit",
    ),
    (
        "0.1:verificationMaterial.tlogEntries.*.inclusionProof",
        &[
            "delete",
            "null",
            "no elements",
            "no members",
            "splice of none",
        ],
        "the promise counts in the oldest version",
    ),
    (
        "0.1:verificationMaterial.tlogEntries.*.inclusionProof.checkpoint",
        &["delete", "null", "no elements", "no members"],
        "the promise counts in the oldest version",
    ),
    (
        "0.1:verificationMaterial.tlogEntries.*.inclusionProof.checkpoint.envelope",
        &["delete", "null", "no text"],
        "the promise counts in the oldest version",
    ),
    (
        "verificationMaterial.timestampVerificationData.rfc3161Timestamps",
        &["element twice"],
        "the same record is one record",
    ),
    (
        "verificationMaterial.timestampVerificationData.rfc3161Timestamps",
        &["delete", "no elements", "null"],
        "one record less where the other suffices",
    ),
    (
        "verificationMaterial.timestampVerificationData.rfc3161Timestamps.*",
        &["delete"],
        "one record less where the other suffices",
    ),
    (
        STAMPS,
        &[
            "splice of none",
            "delete",
            "no elements",
            "no members",
            "null",
        ],
        "one record less where the other suffices",
    ),
    (
        "verificationMaterial",
        &["publicKey and timestampVerificationData swapped"],
        "the hint is gone, and one record less where the other suffices",
    ),
    (
        "verificationMaterial.tlogEntries.*.inclusionPromise",
        &["delete", "null", "no elements", "no members"],
        "one record less where the other suffices",
    ),
    (
        "verificationMaterial.x509CertificateChain.certificates",
        &["element twice", "200 elements"],
        "certificates above the first are the trusted root's, the bundle's are not looked at",
    ),
    (
        "verificationMaterial.tlogEntries.*.inclusionProof.checkpoint.envelope",
        &[
            "blank line twice",
            "final newline deleted",
            "log's signature twice",
            "other signature changed",
            "other signature deleted",
            "other signature twice",
            "name of a signature changed",
            "signatures swapped",
        ],
        "signatures of others than the log, and names: the log's key and its signature decide",
    ),
    (
        "verificationMaterial.tlogEntries.*.inclusionProof.logIndex",
        &["delete"],
        "writers leave it out where the entry's own index is the same",
    ),
];

/// Records of the same signature in other bundles: whoever has both may put them together.
const SAME_SIGNATURE: &[&str] = &[
    "verificationMaterial",
    STAMPS,
    "verificationMaterial.timestampVerificationData.rfc3161Timestamps",
    "verificationMaterial.tlogEntries",
    "verificationMaterial.tlogEntries.*.inclusionProof",
];

/// Verified with a key and no trusted root: records beside its signature are not looked at.
const ROOTLESS: &str = "vsa bundle";

/// The whole material of another bundle is its hint and its records.
const RECORDS: &[&str] = &[
    STAMPS,
    "verificationMaterial",
    "verificationMaterial.tlogEntries",
];

/// Fields of a timestamp token that nobody signs and nothing reads. Who made it is the certificate of
/// the trusted root; what is signed is the content, and the signed attributes as DER orders them
/// (RFC 5652 section 5.4).
const UNSIGNED_IN_TOKENS: &[&str] = &[
    "certificates",
    "digest algorithms",
    "revocation lists",
    "signer's digest algorithm",
    "signer's signature algorithm",
    "signer's version",
    "status",
    "unsigned attributes",
    "version",
];

/// Whether the table allows for a mutant of the document.
pub(super) fn is_tolerated(fixture: &str, mutant: &Mutant, document: &Value) -> bool {
    let oldest = document["mediaType"].as_str();
    let oldest = oldest.is_some_and(|kind| kind.ends_with("version=0.1"));
    if mutant.same_signature
        && mutant.change.starts_with("splice")
        && SAME_SIGNATURE.contains(&mutant.place.as_str())
    {
        return true;
    }
    if fixture == ROOTLESS
        && mutant.change.starts_with("splice")
        && RECORDS.contains(&&*mutant.place)
    {
        return true;
    }
    if is_no_time(mutant, document)
        || is_unsigned_in_token(mutant)
        || is_above_the_first(mutant, document)
        || is_same_certificate(mutant, document)
        || is_of_the_agent(fixture, mutant, document)
    {
        return true;
    }
    TOLERATED.iter().any(|(place, changes, _)| {
        let place = match place.strip_prefix("0.1:") {
            Some(place) if oldest => place,
            _ => place,
        };
        mutant.place == place && (changes.is_empty() || changes.contains(&mutant.change.as_str()))
    })
}

/// The time of an entry without a promise is signed by nobody, and none that counts.
fn is_no_time(mutant: &Mutant, document: &Value) -> bool {
    let entries = document.pointer("/verificationMaterial/tlogEntries");
    let mut entries = entries.and_then(Value::as_array).into_iter().flatten();
    mutant.place == "verificationMaterial.tlogEntries.*.integratedTime"
        && ["splice", "plus one", "minus one", "negative"].contains(&mutant.change.as_str())
        && entries.all(|entry| entry.get("inclusionPromise").is_none())
}

fn is_unsigned_in_token(mutant: &Mutant) -> bool {
    const TOKENS: &[&str] = &[".signedTimestamp", "signatures.*.timestamps.*.data"];
    if !TOKENS.iter().any(|place| mutant.place.ends_with(place)) {
        return false;
    }
    if mutant.change == "earlier signed attributes" {
        return true;
    }
    let field = ["flip in ", "delete ", "twice ", "earlier "]
        .iter()
        .find_map(|change| mutant.change.strip_prefix(change));
    field.is_some_and(|field| UNSIGNED_IN_TOKENS.contains(&field))
}

/// Certificates above the first are the trusted root's; the bundle's are not looked at.
fn is_above_the_first(mutant: &Mutant, document: &Value) -> bool {
    const CHAIN: &str = "/verificationMaterial/x509CertificateChain/certificates";
    let changed: Value = serde_json::from_slice(&mutant.bytes).unwrap_or_default();
    let certificates = |document: &Value| document.pointer(CHAIN).cloned();
    let but = |document: &Value| {
        let mut document = document.clone();
        if let Some(chain) = document.pointer_mut(CHAIN) {
            *chain = Value::Null;
        }
        document
    };
    let (Some(old), Some(new)) = (certificates(document), certificates(&changed)) else {
        return false;
    };
    mutant.change != "member twice" && old[0] == new[0] && but(document) == but(&changed)
}

/// What stands around a certificate in PEM is not read (RFC 7468 section 2): the certificate is one.
/// cosign's layers hold the text; what witness writes holds it in base64.
fn is_same_certificate(mutant: &Mutant, document: &Value) -> bool {
    let changed: Value = serde_json::from_slice(&mutant.bytes).unwrap_or_default();
    let pointers: &[&str] = match mutant.place.as_str() {
        "certificate" => &["/certificate"],
        "signatures.*.certificate" | "signatures.*.intermediates.*" => {
            &["/signatures/0/certificate", "/signatures/0/intermediates/0"]
        }
        _ => return false,
    };
    mutant.change != "member twice"
        && pointers.iter().all(|pointer| {
            let (old, new) = (document.pointer(pointer), changed.pointer(pointer));
            let one = |value: Option<&Value>| certificate(value?.as_str()?);
            one(old).is_some() && one(old) == one(new)
        })
}

/// The one certificate in a text, DER.
fn certificate(text: &str) -> Option<Vec<u8>> {
    let bytes = mutate::any_base64(text).unwrap_or_else(|| text.as_bytes().to_vec());
    let blocks = pem::parse_many(bytes).ok()?;
    let [block] = <[pem::Pem; 1]>::try_from(blocks).ok()?;
    Some(block.into_contents())
}

/// In CBOR the program that signed is a header that the signature does not cover (RFC 9052 section
/// 4.4), as its name is in JSON: everything signed, the signature, its certificates and its timestamp
/// are the same bytes.
fn is_of_the_agent(fixture: &str, mutant: &Mutant, document: &Value) -> bool {
    let changed: Value = serde_json::from_slice(&mutant.bytes).unwrap_or_default();
    let read = |document: &Value| {
        let bytes = mutate::any_base64(document.get("cose")?.as_str()?)?;
        NotationEnvelope::parse(EnvelopeForm::Cose, &bytes, &Limits::default()).ok()
    };
    let (Some(old), Some(new)) = (read(document), read(&changed)) else {
        return false;
    };
    fixture.starts_with("notation")
        && mutant.place == "cose"
        && mutant.change == "flip"
        && (old.signed(), old.payload()) == (new.signed(), new.payload())
        && old.signature() == new.signature()
        && old.certificates() == new.certificates()
        && old.timestamp() == new.timestamp()
}
