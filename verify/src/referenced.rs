//! Statements that refer to a document, told as statements that hold it.
//!
//! An in-toto reference v0.1 names documents by digest,
//! <https://github.com/in-toto/attestation/blob/v1.1.0/spec/predicates/reference.md>. Whoever signs it
//! vouches for the bytes with that digest as if they stood in the statement, so a bill of materials
//! that it names counts as if that signer had attested it by value, at that time. Bills of materials
//! only: what is named as another statement, or as a reference, is not followed.
//!
//! The address beside the digest is not looked at. The caller looks for the digests of
//! [`crate::documents_named`] where the artifact is, and a signer cannot make anybody fetch anything
//! else.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::value::RawValue;

use bulla_model::predicate::{Reference, SbomKind, reference};
use bulla_model::{Algorithm, Digest, DigestSet, Limits, PredicateType, Statement};

use crate::candidate::{Candidate, Refusal};
use crate::document::Document;
use crate::evidence::Evidence;
use crate::read::malformed;

/// What verified references say by naming documents, as further candidates: one for each document.
pub(crate) fn follow(
    candidates: &[Candidate],
    evidence: &Evidence,
    limits: &Limits,
) -> Vec<Candidate> {
    let covering = evidence.covering();
    let mut library = Library {
        documents: &evidence.documents,
        limits,
        opened: BTreeMap::new(),
        digests: BTreeMap::new(),
    };
    let mut found = Vec::new();
    for candidate in candidates {
        let verified = match candidate.outcome() {
            Ok(verified) => verified,
            Err(refusal) => {
                found.extend(refused(candidate, refusal));
                continue;
            }
        };
        let statement = verified.value();
        let Some(subject) = evidence.subject_of(statement, &covering) else {
            continue;
        };
        // Of the subjects the one that matters is kept: many references to many subjects are a
        // product that grows.
        let by_value = |kind: SbomKind, digest: Option<&Digest>, document| {
            let statement = Statement::by_value(subject.clone(), predicate_type(kind), document);
            verified.by_value(statement, digest.cloned())
        };
        match references(statement, limits) {
            Ok(references) => found.extend(references.into_iter().map(|named| {
                let digest = Some(&named.digest);
                match library.open(&named) {
                    Ok((kind, text)) => Candidate::by_value(by_value(kind, digest, Some(text))),
                    Err(refusal) => {
                        Candidate::referring(by_value(named.kind, digest, None), refusal)
                    }
                }
            })),
            Err(refusal) => found.extend(
                EITHER
                    .map(|kind| Candidate::referring(by_value(kind, None, None), refusal.clone())),
            ),
        }
    }
    found
}

/// A reference that did not verify, or cannot be read, may have been about either.
const EITHER: [SbomKind; 2] = [SbomKind::CycloneDx, SbomKind::Spdx2];

/// What is to be said where a bill of materials is missed, of a reference that did not verify.
fn refused(candidate: &Candidate, refusal: &Refusal) -> Vec<Candidate> {
    let kind = candidate.claimed_type().map(PredicateType::as_str);
    if kind != Some(reference::TYPE) {
        return Vec::new();
    }
    let claiming = |kind: SbomKind| Candidate {
        claimed_type: Some(predicate_type(kind)),
        ..Candidate::refused(candidate.manifest().cloned(), refusal.clone())
    };
    EITHER.map(claiming).into()
}

fn predicate_type(kind: SbomKind) -> PredicateType {
    let uri = kind.predicate_uri().parse();
    uri.expect("because the constants are tested to be URIs")
}

/// A document as a statement names it.
pub(crate) struct Named {
    kind: SbomKind,
    pub(crate) digest: Digest,
    /// With the other digests of it, if it has more.
    digests: DigestSet,
}

/// Whether a statement refers to bills of materials, or to what nobody can tell.
pub(crate) fn names_documents(statement: &Statement, limits: &Limits) -> bool {
    references(statement, limits).map_or(true, |named| !named.is_empty())
}

/// The bills of materials a statement refers to, each once; none if it is no reference.
pub(crate) fn references(statement: &Statement, limits: &Limits) -> Result<Vec<Named>, Refusal> {
    if statement.predicate_type().as_str() != reference::TYPE {
        return Ok(Vec::new());
    }
    let predicate = statement
        .predicate::<Reference>()
        .map_err(|error| malformed(&error.to_string()))?;
    let (found, limit) = (predicate.references.len(), limits.references);
    if found > limit {
        return Err(malformed(&format!(
            "it refers to {found} documents, the limit is {limit}"
        )));
    }
    let mut named: Vec<Named> = Vec::new();
    for resource in predicate.references {
        let kind = resource.media_type.as_deref();
        let kind = kind.and_then(SbomKind::of_media_type);
        let (Some(kind), Some(digest)) = (kind, resource.digest.sha256()) else {
            continue;
        };
        let digests = resource.digest;
        if !named
            .iter()
            .any(|one| one.kind == kind && one.digests == digests)
        {
            named.push(Named {
                kind,
                digest,
                digests,
            });
        }
    }
    Ok(named)
}

/// Documents that were read: each once, however many statements refer to it.
struct Library<'a> {
    documents: &'a BTreeMap<Digest, Document>,
    limits: &'a Limits,
    opened: BTreeMap<Digest, Result<Opened, Refusal>>,
    /// Longer digests that were computed.
    digests: BTreeMap<(Digest, Algorithm), Digest>,
}

/// A document that can stand in a statement.
type Opened = (SbomKind, Arc<RawValue>);

impl Library<'_> {
    /// The document a statement names, if it is that one and what the statement says it is.
    fn open(&mut self, named: &Named) -> Result<Opened, Refusal> {
        let digest = &named.digest;
        if !self.opened.contains_key(digest) {
            let opened = self.read(digest);
            self.opened.insert(digest.clone(), opened);
        }
        let opened = self.opened.get(digest).cloned();
        let (kind, text) = opened.unwrap_or_else(|| Err(unavailable(digest, "it was not read")))?;
        if let Some(Document::Bytes(bytes)) = self.documents.get(digest) {
            for algorithm in [Algorithm::Sha384, Algorithm::Sha512] {
                let Some(expected) = named.digests.known(algorithm) else {
                    continue;
                };
                let key = (digest.clone(), algorithm);
                let found = self.digests.entry(key);
                let found = found.or_insert_with(|| Digest::of(algorithm, bytes));
                if *found != expected {
                    let text = format!("document {digest}: expected {expected}, found {found}");
                    return Err(Refusal::other_document(&text));
                }
            }
        }
        // One media type is used for both versions of SPDX.
        if (kind == SbomKind::CycloneDx) != (named.kind == SbomKind::CycloneDx) {
            return Err(malformed(&format!(
                "document {digest} is {kind}, and the statement says {}",
                named.kind
            )));
        }
        Ok((kind, text))
    }

    fn read(&self, digest: &Digest) -> Result<Opened, Refusal> {
        let bytes = match self.documents.get(digest) {
            Some(Document::Bytes(bytes)) => bytes,
            Some(Document::Altered(what)) => {
                return Err(Refusal::other_document(&format!(
                    "document {digest}: {what}"
                )));
            }
            Some(Document::Unavailable(why)) => return Err(unavailable(digest, why)),
            None => return Err(unavailable(digest, "it was not looked for")),
        };
        let found = Digest::sha256(bytes);
        if found != *digest {
            let text = format!("document {digest}: found {found}");
            return Err(Refusal::other_document(&text));
        }
        let limits = self.limits;
        // By value it would stand one level deeper.
        let depth = limits.json_depth.saturating_sub(1);
        let wrong =
            |error: &dyn std::fmt::Display| malformed(&format!("document {digest}: {error}"));
        let kind = SbomKind::recognise(bytes, limits.document_bytes, depth)
            .map_err(|error| wrong(&error))?
            .ok_or_else(|| wrong(&"it is neither CycloneDX nor SPDX"))?;
        let text: Box<RawValue> = serde_json::from_slice(bytes).map_err(|error| wrong(&error))?;
        Ok((kind, Arc::from(text)))
    }
}

fn unavailable(digest: &Digest, why: &str) -> Refusal {
    let why = format!("document {digest}: {why}");
    Refusal::Unavailable {
        reason: why.chars().take(300).collect(),
    }
}
