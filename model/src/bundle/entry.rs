//! Transparency log entries as bundles carry them.

/// An entry as received; what it proves is for the verifier to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Its index in the whole log.
    pub log_index: u64,
    /// The log's key id: SHA-256 of its key, or the first bytes of a note's key id.
    pub log_id: Vec<u8>,
    /// The entry's kind, for example `hashedrekord`.
    pub kind: String,
    /// The kind's version, for example `0.0.1`.
    pub version: String,
    /// When the log took it in, seconds since 1970; true only under a verified promise.
    pub integrated_time: Option<i64>,
    /// The log's promise to include it (signed entry timestamp).
    pub promise: Option<Vec<u8>>,
    /// The proof that it was included.
    pub proof: Option<InclusionProof>,
    /// The entry, JSON as the log hashed it.
    pub body: Vec<u8>,
}

impl LogEntry {
    /// The proof and the checkpoint it leads to. The oldest bundles have proofs without one, which
    /// prove nothing.
    pub fn proven(&self) -> Option<(&InclusionProof, &str)> {
        let proof = self.proof.as_ref()?;
        Some((proof, proof.checkpoint.as_deref()?))
    }
}

/// A Merkle inclusion proof, RFC 6962 section 2.1.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InclusionProof {
    /// Index in the tree the proof is about, which may be one of several of the log.
    pub log_index: u64,
    /// Number of leaves of that tree.
    pub tree_size: u64,
    /// The tree's root.
    pub root_hash: Vec<u8>,
    /// Hashes from the leaf upwards.
    pub hashes: Vec<Vec<u8>>,
    /// The log's signed note about the tree.
    pub checkpoint: Option<String>,
}
