//! Proofs of transparency logs, RFC 6962 section 2.1, with the field names of transparency-dev's
//! vectors.

use serde_json::Value;
use sigstore_merkle::{verify_consistency_proof, verify_inclusion_proof};
use sigstore_types::Sha256Hash;

use super::{Answer, Request};

/// `merkle-inclusion`: whether the proof shows the leaf in the tree.
pub(super) fn inclusion(request: &Request<'_>) -> Answer {
    let holds = || {
        let leaf = hash(request, "leafHash")?;
        let root = hash(request, "root")?;
        let proof = proof(request)?;
        let (index, size) = (number(request, "leafIdx")?, number(request, "treeSize")?);
        verify_inclusion_proof(&leaf, index, size, &proof, &root).ok()
    };
    Answer::of(holds().is_some())
}

/// `merkle-consistency`: whether the proof shows that the second tree extends the first. Nothing is
/// shown of an empty tree, and of two trees of one size only that they are the same.
pub(super) fn consistency(request: &Request<'_>) -> Answer {
    let holds = || {
        let (before, after) = (number(request, "size1")?, number(request, "size2")?);
        let proof = proof(request)?;
        if before == 0 {
            return None;
        }
        if before == after {
            let same = request.base64("root1")? == request.base64("root2")?;
            return (same && proof.is_empty()).then_some(());
        }
        let (first, second) = (hash(request, "root1")?, hash(request, "root2")?);
        verify_consistency_proof(before, after, &proof, &first, &second).ok()
    };
    Answer::of(holds().is_some())
}

fn number(request: &Request<'_>, name: &str) -> Option<u64> {
    request.0.get(name)?.as_u64()
}

fn hash(request: &Request<'_>, name: &str) -> Option<Sha256Hash> {
    Sha256Hash::from_base64(request.text(name)?).ok()
}

fn proof(request: &Request<'_>) -> Option<Vec<Sha256Hash>> {
    let hashes = match request.0.get("proof") {
        None | Some(Value::Null) => return Some(Vec::new()),
        Some(hashes) => hashes.as_array()?,
    };
    // A tree of 2^64 leaves has proofs of 64 hashes, and a consistency proof one more.
    if hashes.len() > 65 {
        return None;
    }
    hashes
        .iter()
        .map(|value| Sha256Hash::from_base64(value.as_str()?).ok())
        .collect()
}
