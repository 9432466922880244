//! A bundle told to `sigstore-verify`, from what was read of it here.
//!
//! The document is not read a second time: two readers that disagree on it could be played against
//! each other, and reading takes a tenth of the time of a verification.

use bulla_model::{Bundle, BundleContent, BundleVersion, KeyMaterial, LogEntry};
use jiff::Timestamp;
use sigstore_types::bundle::{
    CertificateContent, CheckpointData, InclusionPromise, InclusionProof, KindVersion, LogId,
    MessageDigest, MessageSignature, Rfc3161Timestamp, TimestampVerificationData,
    TransparencyLogEntry, VerificationMaterial, VerificationMaterialContent, X509Certificate,
};
use sigstore_types::{
    CanonicalizedBody, DerCertificate, DigestBytes, DsseEnvelope, DsseSignature, HashAlgorithm,
    KeyId, LogIndex, LogKeyId, MediaType, PayloadBytes, Sha256Hash, SignatureBytes,
    SignatureContent, SignedTimestamp, TimestampToken,
};

use crate::candidate::Refusal;

/// The entries' kinds that `sigstore-verify` reads; others are verified in this crate alone.
fn kind(entry: &LogEntry) -> Option<KindVersion> {
    match (entry.kind.as_str(), entry.version.as_str()) {
        ("hashedrekord", "0.0.1") => Some(KindVersion::HashedRekordV001),
        ("hashedrekord", "0.0.2") => Some(KindVersion::HashedRekordV002),
        ("dsse", "0.0.1") => Some(KindVersion::DsseV001),
        ("intoto", "0.0.2") => Some(KindVersion::IntotoV002),
        _ => None,
    }
}

pub(super) fn is_read(entry: &LogEntry) -> bool {
    kind(entry).is_some()
}

/// The bundle of a certificate, without the entries that `sigstore-verify` cannot read.
pub(super) fn bundle(bundle: &Bundle) -> Result<sigstore_types::Bundle, Refusal> {
    let entries = bundle
        .entries()
        .iter()
        .filter_map(|one| kind(one).map(|kind| entry(one, kind)))
        .collect::<Result<Vec<_>, _>>()?;
    let stamps = bundle.timestamp_tokens().iter();
    let stamps = stamps.map(|token| Rfc3161Timestamp::new(TimestampToken::from_bytes(token)));
    let material = VerificationMaterial::new(certificates(bundle)?)
        .with_tlog_entries(entries)
        .with_timestamp_verification_data(TimestampVerificationData::new(stamps.collect()));
    let version = match bundle.version() {
        BundleVersion::V0_1 => MediaType::Bundle0_1,
        BundleVersion::V0_2 => MediaType::Bundle0_2,
        BundleVersion::V0_3 => MediaType::Bundle0_3,
    };
    let content = content(bundle)?;
    Ok(sigstore_types::Bundle::new(version, material, content))
}

fn certificates(bundle: &Bundle) -> Result<VerificationMaterialContent, Refusal> {
    let KeyMaterial::Certificate(leaf) = bundle.key() else {
        return Err(Refusal::invalid("the bundle has no certificate"));
    };
    let leaf = DerCertificate::from_bytes(leaf);
    if bundle.chain().is_empty() {
        let leaf = CertificateContent::new(leaf);
        return Ok(VerificationMaterialContent::Certificate(leaf));
    }
    let above = bundle.chain().iter();
    let above = above.map(|der| DerCertificate::from_bytes(der));
    let all = std::iter::once(leaf).chain(above);
    Ok(VerificationMaterialContent::X509CertificateChain {
        certificates: all.map(X509Certificate::new).collect(),
    })
}

fn content(bundle: &Bundle) -> Result<SignatureContent, Refusal> {
    let signature = SignatureBytes::from_bytes(bundle.signature());
    match bundle.content() {
        BundleContent::Dsse(envelope) => {
            let key_id = envelope
                .signatures()
                .first()
                .and_then(|one| one.key_id.clone());
            let signature = DsseSignature::new(signature, KeyId::new(key_id.unwrap_or_default()));
            let payload = PayloadBytes::from_bytes(envelope.payload());
            let envelope = DsseEnvelope::new(envelope.payload_type(), payload, signature);
            Ok(SignatureContent::DsseEnvelope(envelope))
        }
        BundleContent::Message {
            algorithm, digest, ..
        } => {
            let mut message = MessageSignature::new(signature);
            if !algorithm.is_empty() {
                let algorithm: HashAlgorithm = algorithm.parse().map_err(|error| wrong(&error))?;
                let digest = DigestBytes::new(digest.clone());
                message = message.with_message_digest(MessageDigest::new(algorithm, digest));
            }
            Ok(SignatureContent::MessageSignature(message))
        }
    }
}

fn entry(entry: &LogEntry, kind: KindVersion) -> Result<TransparencyLogEntry, Refusal> {
    let log = LogId::new(LogKeyId::from_bytes(&entry.log_id));
    let body = CanonicalizedBody::from_bytes(&entry.body);
    let mut told = TransparencyLogEntry::new(index(entry.log_index)?, log, kind, body);
    if let Some(seconds) = entry.integrated_time.filter(|seconds| *seconds != 0) {
        let time = Timestamp::from_second(seconds).map_err(|error| wrong(&error))?;
        told = told.with_integrated_time(time);
    }
    if let Some(promise) = &entry.promise {
        let promise = SignedTimestamp::from_bytes(promise);
        told = told.with_inclusion_promise(InclusionPromise::new(promise));
    }
    if let Some((proof, checkpoint)) = entry.proven() {
        let hashes = proof.hashes.iter().map(|bytes| hash(bytes));
        let hashes = hashes.collect::<Result<Vec<_>, _>>()?;
        let checkpoint = CheckpointData::new(checkpoint).map_err(|error| wrong(&error))?;
        told = told.with_inclusion_proof(InclusionProof::new(
            index(proof.log_index)?,
            hash(&proof.root_hash)?,
            proof.tree_size,
            hashes,
            checkpoint,
        ));
    }
    Ok(told)
}

fn index(index: u64) -> Result<LogIndex, Refusal> {
    LogIndex::new(index).map_err(|error| wrong(&error))
}

fn hash(bytes: &[u8]) -> Result<Sha256Hash, Refusal> {
    Sha256Hash::try_from(bytes).map_err(|error| wrong(&error))
}

fn wrong(error: &dyn std::fmt::Display) -> Refusal {
    Refusal::invalid(&error.to_string())
}

#[cfg(test)]
mod tests {
    use bulla_model::Limits;

    use super::*;

    macro_rules! fixtures {
        ($($name:literal)*) => {
            [$(include_str!(concat!("../../../testdata/verify/sigstore/", $name, ".sigstore.json"))),*]
        };
    }

    /// What `sigstore-types` has for the bundle when it reads it by itself; a member that a later
    /// version of it adds, and that is not told, differs here.
    #[test]
    fn what_is_told_is_what_would_have_been_read() {
        let all =
            fixtures!("github" "othername" "private" "rekor1" "rekor2" "two-intermediates" "v01");
        for text in all {
            let own = Bundle::parse(text.into(), &Limits::default()).unwrap();
            let mut read = sigstore_types::Bundle::from_json(text).unwrap();
            let material = &mut read.verification_material;
            // One certificate is told as such, in whatever way the version writes it.
            if let VerificationMaterialContent::X509CertificateChain { certificates } =
                &material.content
                && let [one] = certificates.as_slice()
            {
                let one = CertificateContent::new(one.raw_bytes.clone());
                material.content = VerificationMaterialContent::Certificate(one);
            }
            // A proof without a checkpoint proves nothing, and is not told.
            for (entry, own) in material.tlog_entries.iter_mut().zip(own.entries()) {
                if own.proven().is_none() {
                    entry.inclusion_proof = None;
                }
            }
            assert_eq!(bundle(&own).unwrap(), read);
        }
    }
}
