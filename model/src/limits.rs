//! What may come in from outside, and how much of it.
//!
//! Each field is named after what it bounds and says which attack it stops; numbers are those of
//! `docs/threat-model.md`. Everything that reads from outside takes a `&Limits`.

use std::time::Duration;

/// Upper bounds on everything that is read from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Referrers considered for one digest: of kinds that may be signed evidence, and as many of all
    /// others. Stops a registry that lists endlessly.
    pub referrers_per_digest: usize,
    /// Entries of one list of referrers that are read to find them. Stops the same, and lets a crowd of
    /// what is no evidence hide none.
    pub entries_per_list: usize,
    /// Bytes of one Sigstore bundle. Stops endless data; SBOMs are large, so it is configurable.
    pub bundle_bytes: u64,
    /// Bytes of one manifest or index. The distribution specification suggests 4 MiB.
    pub manifest_bytes: u64,
    /// Bytes of all evidence of one verdict. Stops many small attacks adding up.
    pub evidence_bytes: u64,
    /// Documents that one statement refers to. Stops a statement that has very many fetched.
    pub references: usize,
    /// Bytes of all documents that the statements of one verdict refer to. Stops references to
    /// whatever large blobs a repository has.
    pub document_bytes: u64,
    /// Subjects of one statement.
    pub subjects: usize,
    /// Digests of one subject.
    pub digests_per_subject: usize,
    /// Transparency log entries of one bundle.
    pub log_entries: usize,
    /// RFC 3161 timestamps of one bundle.
    pub timestamps: usize,
    /// Bytes of one certificate or timestamp, DER. Stops sets that take quadratic time to be read.
    pub der_bytes: usize,
    /// Nesting of JSON. Stops stack exhaustion.
    pub json_depth: usize,
    /// Promotions followed backwards from one digest. Stops endless chains.
    pub chain_length: usize,
    /// Layers of one image.
    pub layers: usize,
    /// Bytes of one layer once inflated. Stops decompression bombs.
    pub inflated_layer_bytes: u64,
    /// Inflated bytes for each compressed byte. Stops small decompression bombs.
    pub inflation_ratio: u64,
    /// Files of one image or directory.
    pub files: usize,
    /// Bytes of one package database or manifest read whole by a cataloger.
    pub catalog_file_bytes: u64,
    /// Bytes of all such files of one image or directory. Stops many of them adding up.
    pub catalog_bytes: u64,
    /// Bytes of one policy, anchor, people or settings file.
    pub configuration_bytes: u64,
    /// Signatures of a policy's owners that are looked at, of all its versions.
    pub policy_signatures: usize,
    /// Time for one operation against a registry.
    pub deadline: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            referrers_per_digest: 512,
            entries_per_list: 16_384,
            bundle_bytes: 16 << 20,
            manifest_bytes: 4 << 20,
            evidence_bytes: 64 << 20,
            references: 16,
            document_bytes: 64 << 20,
            subjects: 1024,
            digests_per_subject: 32,
            log_entries: 32,
            timestamps: 32,
            der_bytes: 16 << 10,
            json_depth: 64,
            chain_length: 64,
            layers: 1000,
            inflated_layer_bytes: 32 << 30,
            inflation_ratio: 1032,
            files: 4_000_000,
            catalog_file_bytes: 256 << 20,
            catalog_bytes: 1 << 30,
            configuration_bytes: 1 << 20,
            policy_signatures: 256,
            deadline: Duration::from_mins(1),
        }
    }
}
