//! `bulla evidence`: everything a decision rests on in one file, and its replay.
//!
//! The format is `docs/evidence.md`. Packing gathers ([`gather`]) and writes ([`layout`]); verifying
//! opens ([`open`]), replays ([`replay`]) and compares ([`compare`]).

mod compare;
mod gather;
mod layout;
mod open;
mod pack;
mod replay;
mod verify;

use std::collections::BTreeMap;
use std::path::Path;

use bulla_model::{Digest, EvidencePack, Limits};
use bulla_verify::{Evidence, PolicyFile};
use jiff::Timestamp;

use crate::args::evidence::{Action, Arguments};
use crate::commands::Context;
use crate::join::blocking;
use crate::{Exit, Failure};

/// Packs evidence, or verifies a pack.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    match arguments.action {
        Action::Pack(arguments) => Box::pin(pack::run(arguments, context)).await,
        Action::Verify(arguments) => verify::run(arguments, context).await,
    }
}

/// What is in a pack.
#[derive(Debug)]
struct Contents {
    /// The index document.
    document: EvidencePack,
    /// Its bytes.
    document_bytes: Vec<u8>,
    /// The bytes of every file except layers.
    blobs: BTreeMap<Digest, Vec<u8>>,
}

impl Contents {
    /// The bytes of a file that is no layer; empty if the pack does not hold it.
    fn bytes(&self, digest: &Digest) -> &[u8] {
        self.blobs.get(digest).map_or(&[], Vec::as_slice)
    }
}

/// What is in a pack that other rules can be tried on.
#[derive(Debug)]
pub(super) struct Stored {
    /// What it is about.
    pub(super) image: String,
    /// The environment it was made for, as a URI.
    pub(super) environment: String,
    /// The time it was judged at.
    pub(super) now: Timestamp,
    /// The evidence.
    pub(super) evidence: Evidence,
    /// The anchor it was judged by.
    pub(super) anchor: Option<PolicyFile>,
    /// The trusted roots.
    pub(super) trusted_roots: Vec<Vec<u8>>,
    /// Whether a ledger was asked.
    pub(super) has_ledger: bool,
}

/// Opens a pack, which has to be intact.
pub(super) async fn stored(path: &Path, limits: &Limits) -> Result<Stored, Failure> {
    let (path, limits) = (path.to_owned(), limits.clone());
    blocking(move || {
        let contents = open::open(&path, false, &limits)?.contents;
        let document = &contents.document;
        let rules = replay::rules(&contents, document.now, &limits)?;
        Ok(Stored {
            image: document.image.clone(),
            environment: document.environment.to_string(),
            now: document.now,
            evidence: replay::evidence(&contents, &limits)?,
            anchor: replay::anchor(&contents),
            trusted_roots: replay::trusted_roots(&contents),
            has_ledger: rules.has_ledger(),
        })
    })
    .await
}

/// Bytes a pack may have. Layers are what makes packs large; without them it is the evidence, as
/// much again for the policy, its history and the archive's own needs, and the documents.
fn largest(with_layers: bool, limits: &Limits) -> u64 {
    if with_layers {
        limits.inflated_layer_bytes
    } else {
        let evidence = limits.evidence_bytes.saturating_mul(2);
        evidence.saturating_add(limits.document_bytes)
    }
}

/// The media type of verdicts in packs.
const VERDICT: &str = "application/vnd.bulla.verdict.v0.1+json";
/// The bytes of the empty configuration, image specification v1.1.1.
const EMPTY_CONFIG: &[u8] = b"{}";
