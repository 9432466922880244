//! The bodies of log entries, compared with what they have to be about (F01, F03, F14).
//!
//! Rekor's types, <https://github.com/sigstore/rekor/tree/v1.3.10/pkg/types>, and those of
//! rekor-tiles v2. Entries of kind `intoto 0.0.1` name no signature but the digest of the uploaded
//! document, which has one; they count for an envelope received as exactly that document.

use bulla_model::{Algorithm, Digest, Envelope, Limits, LogEntry, json};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::candidate::Refusal;
use crate::scheme::Message;

/// What an entry has to be about.
pub(super) struct Facts<'a> {
    pub(super) content: Content<'a>,
    pub(super) signature: &'a [u8],
    pub(super) verifier: Verifier<'a>,
}

/// What was signed.
#[derive(Clone, Copy)]
pub(super) enum Content<'a> {
    /// With the digest of the document it was received as.
    Envelope(&'a Envelope, Option<&'a Digest>),
    Message(Message<'a>),
}

/// Who signed.
#[derive(Clone, Copy)]
pub(super) enum Verifier<'a> {
    /// SPKI, DER.
    Key(&'a [u8]),
    /// A certificate, DER.
    Certificate(&'a [u8]),
}

/// What an entry says, whatever its kind.
struct Said {
    /// The signed digest: of the message, of an envelope's payload, or of its encoding.
    digest: Digest,
    of: Of,
    signature: Signed,
    verifier: Vec<u8>,
}

/// How an entry says which signature it is about.
enum Signed {
    Signature(Vec<u8>),
    /// By the digest of a document with one signature.
    Document(Digest),
}

#[derive(PartialEq)]
enum Of {
    Message,
    Payload,
    Pae,
}

/// Refuses an entry that is about anything else.
pub(super) fn check(entry: &LogEntry, facts: &Facts<'_>) -> Result<(), Refusal> {
    let said = read(entry, facts)?;
    let expected = match (&facts.content, &said.of) {
        (Content::Message(message), Of::Message) => message.digest(said.digest.algorithm()),
        (Content::Envelope(envelope, _), Of::Payload) => {
            Some(Digest::of(said.digest.algorithm(), envelope.payload()))
        }
        (Content::Envelope(envelope, _), Of::Pae) => Some(Digest::of(
            said.digest.algorithm(),
            envelope.pae().as_bytes(),
        )),
        _ => return Err(refuse(entry, "is about another kind of content")),
    };
    if expected != Some(said.digest) {
        return Err(refuse(entry, "is about other content"));
    }
    match said.signature {
        Signed::Signature(signature) if signature == facts.signature => {}
        Signed::Signature(_) => return Err(refuse(entry, "holds another signature")),
        Signed::Document(document) => {
            let Content::Envelope(_, Some(received)) = facts.content else {
                return Err(refuse(entry, "needs the document that was logged"));
            };
            if document != *received {
                return Err(refuse(entry, "is about another document"));
            }
        }
    }
    let (Verifier::Key(verifier) | Verifier::Certificate(verifier)) = facts.verifier;
    if said.verifier != verifier {
        return Err(refuse(entry, "names another key or certificate"));
    }
    Ok(())
}

fn refuse(entry: &LogEntry, what: &str) -> Refusal {
    Refusal::invalid(&format!(
        "the log entry {} {} {what}",
        entry.kind, entry.version
    ))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body<S> {
    api_version: String,
    kind: String,
    spec: S,
}

#[derive(Deserialize)]
struct Hash {
    algorithm: String,
    value: String,
}

#[derive(Deserialize)]
struct HashedRekord1 {
    data: HashedData1,
    signature: HashedSignature1,
}

#[derive(Deserialize)]
struct HashedData1 {
    hash: Hash,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HashedSignature1 {
    content: String,
    public_key: Pem,
}

#[derive(Deserialize)]
struct Pem {
    content: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HashedRekord2 {
    hashed_rekord_v002: Hashed2,
}

#[derive(Deserialize)]
struct Hashed2 {
    data: Data2,
    signature: Signature2,
}

#[derive(Deserialize)]
struct Data2 {
    algorithm: String,
    digest: String,
}

#[derive(Deserialize)]
struct Signature2 {
    content: String,
    verifier: Verifier2,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verifier2 {
    #[serde(default)]
    public_key: Option<Raw>,
    #[serde(default)]
    x509_certificate: Option<Raw>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    raw_bytes: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dsse1 {
    payload_hash: Hash,
    signatures: Vec<DsseSignature1>,
}

#[derive(Deserialize)]
struct DsseSignature1 {
    signature: String,
    verifier: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dsse2 {
    dsse_v002: DsseData2,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DsseData2 {
    payload_hash: Data2,
    signatures: Vec<Signature2>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Intoto1 {
    content: IntotoContent1,
    public_key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntotoContent1 {
    hash: Hash,
    payload_hash: Hash,
}

#[derive(Deserialize)]
struct Intoto2 {
    content: IntotoContent2,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntotoContent2 {
    envelope: IntotoEnvelope2,
    payload_hash: Hash,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntotoEnvelope2 {
    payload_type: String,
    signatures: Vec<IntotoSignature2>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntotoSignature2 {
    sig: String,
    public_key: String,
}

fn read(entry: &LogEntry, facts: &Facts<'_>) -> Result<Said, Refusal> {
    match (entry.kind.as_str(), entry.version.as_str()) {
        ("hashedrekord", "0.0.1") => {
            let spec: HashedRekord1 = spec(entry)?;
            Ok(Said {
                digest: hexadecimal(entry, &spec.data.hash)?,
                of: Of::Message,
                signature: Signed::Signature(base64(entry, &spec.signature.content)?),
                verifier: pem_of(entry, &spec.signature.public_key.content, facts)?,
            })
        }
        ("hashedrekord", "0.0.2") => {
            let Hashed2 { data, signature } = spec::<HashedRekord2>(entry)?.hashed_rekord_v002;
            let of = match facts.content {
                Content::Envelope(..) => Of::Pae,
                Content::Message(_) => Of::Message,
            };
            said2(entry, facts, &data, &signature, of)
        }
        ("dsse", "0.0.1") => {
            let spec: Dsse1 = spec(entry)?;
            let one = only(entry, &spec.signatures)?;
            Ok(Said {
                digest: hexadecimal(entry, &spec.payload_hash)?,
                of: Of::Payload,
                signature: Signed::Signature(base64(entry, &one.signature)?),
                verifier: pem_of(entry, &one.verifier, facts)?,
            })
        }
        ("dsse", "0.0.2") => {
            let data = spec::<Dsse2>(entry)?.dsse_v002;
            let one = only(entry, &data.signatures)?;
            said2(entry, facts, &data.payload_hash, one, Of::Payload)
        }
        ("intoto", "0.0.1") => {
            let Intoto1 {
                content,
                public_key,
            } = spec(entry)?;
            Ok(Said {
                digest: hexadecimal(entry, &content.payload_hash)?,
                of: Of::Payload,
                signature: Signed::Document(hexadecimal(entry, &content.hash)?),
                verifier: pem_of(entry, &public_key, facts)?,
            })
        }
        ("intoto", "0.0.2") => {
            let content = spec::<Intoto2>(entry)?.content;
            let one = only(entry, &content.envelope.signatures)?;
            if let Content::Envelope(envelope, _) = facts.content
                && envelope.payload_type() != content.envelope.payload_type
            {
                return Err(refuse(entry, "is about another payload type"));
            }
            // Rekor wraps the signature's base64 in another layer of it.
            let inner = String::from_utf8(base64(entry, &one.sig)?)
                .map_err(|_| refuse(entry, "has a malformed signature"))?;
            Ok(Said {
                digest: hexadecimal(entry, &content.payload_hash)?,
                of: Of::Payload,
                signature: Signed::Signature(base64(entry, &inner)?),
                verifier: pem_of(entry, &one.public_key, facts)?,
            })
        }
        _ => Err(refuse(entry, "is of a kind that proves nothing here")),
    }
}

/// The body's specification, if the body itself says it is of the entry's kind and version.
fn spec<S: DeserializeOwned>(entry: &LogEntry) -> Result<S, Refusal> {
    let limits = Limits::default();
    let body: Body<S> = json::read(&entry.body, limits.bundle_bytes, limits.json_depth)
        .map_err(|error| Refusal::invalid(&format!("no log entry: {error}")))?;
    if body.kind != entry.kind || body.api_version != entry.version {
        return Err(refuse(entry, "has a body of another kind"));
    }
    Ok(body.spec)
}

fn said2(
    entry: &LogEntry,
    facts: &Facts<'_>,
    data: &Data2,
    signature: &Signature2,
    of: Of,
) -> Result<Said, Refusal> {
    let verifier = match facts.verifier {
        Verifier::Key(_) => &signature.verifier.public_key,
        Verifier::Certificate(_) => &signature.verifier.x509_certificate,
    };
    let verifier = verifier
        .as_ref()
        .ok_or_else(|| refuse(entry, "names another kind of key"))?;
    let algorithm = match data.algorithm.as_str() {
        "SHA2_256" => Algorithm::Sha256,
        "SHA2_384" => Algorithm::Sha384,
        "SHA2_512" => Algorithm::Sha512,
        _ => return Err(refuse(entry, "names an unknown digest algorithm")),
    };
    let value = hex::encode(base64(entry, &data.digest)?);
    Ok(Said {
        digest: Digest::new(algorithm, &value).map_err(|_| refuse(entry, "has a bad digest"))?,
        of,
        signature: Signed::Signature(base64(entry, &signature.content)?),
        verifier: base64(entry, &verifier.raw_bytes)?,
    })
}

fn only<'a, T>(entry: &LogEntry, all: &'a [T]) -> Result<&'a T, Refusal> {
    match all {
        [one] => Ok(one),
        _ => Err(refuse(entry, "has not exactly one signature")),
    }
}

fn hexadecimal(entry: &LogEntry, hash: &Hash) -> Result<Digest, Refusal> {
    format!("{}:{}", hash.algorithm, hash.value)
        .parse()
        .map_err(|_| refuse(entry, "has a bad digest"))
}

fn base64(entry: &LogEntry, text: &str) -> Result<Vec<u8>, Refusal> {
    bulla_model::envelope::decode_base64(text).ok_or_else(|| refuse(entry, "has bad base64"))
}

/// A key or certificate, DER, from base64 of PEM.
fn pem_of(entry: &LogEntry, text: &str, facts: &Facts<'_>) -> Result<Vec<u8>, Refusal> {
    let (tag, expected) = match facts.verifier {
        Verifier::Key(spki) => ("PUBLIC KEY", spki),
        Verifier::Certificate(der) => ("CERTIFICATE", der),
    };
    let text = base64(entry, text)?;
    // Logs write it one way, and comparing with that is quicker than reading.
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    if pem::encode_config(&pem::Pem::new(tag, expected), config).as_bytes() == text {
        return Ok(expected.to_vec());
    }
    let block = pem::parse(text).map_err(|_| refuse(entry, "names no key or certificate"))?;
    if block.tag() != tag {
        return Err(refuse(entry, "names another kind of key"));
    }
    Ok(block.into_contents())
}
