//! What revocations of an artifact may name.

use std::collections::{BTreeMap, BTreeSet};

use bulla_model::{Algorithm, Digest, Manifest, Statement};

use crate::evidence::Evidence;

/// Entries of indexes that are looked at. Stops indexes within indexes from multiplying: one of the
/// largest size lists about 38,000.
const ENTRIES: usize = 65_536;

/// The digests by which an artifact may be taken back: its own, those of indexes that list it, and
/// whatever it lists if it is an index itself. Who admits an index admits each of its platforms.
///
/// Every entry counts, whatever it calls itself: what a label says binds nobody who runs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    digests: BTreeSet<Digest>,
    doubt: Option<String>,
}

impl Reached {
    pub(crate) fn of(evidence: &Evidence) -> Self {
        Self::within(evidence, ENTRIES)
    }

    fn within(evidence: &Evidence, entries: usize) -> Self {
        let mut reached = Self {
            digests: evidence.covering().into_iter().collect(),
            doubt: None,
        };
        let named = evidence.artifact.as_ref();
        if let Some(named) = named.filter(|it| it.algorithm() != Algorithm::Sha256) {
            reached.doubt = Some(format!("{named} is no SHA-256"));
        }
        let held = evidence.indexes.iter();
        let held: BTreeMap<&Digest, &Manifest> = held.map(|one| (one.digest(), one)).collect();
        let (mut left, mut done) = (entries, BTreeSet::new());
        let mut open: Vec<&Digest> = evidence.artifact.iter().collect();
        while let Some(digest) = open.pop() {
            let list = held.get(digest).and_then(|one| one.index());
            let Some(list) = list.filter(|_| done.insert(digest)) else {
                continue;
            };
            for entry in &list.manifests {
                let Some(fewer) = left.checked_sub(1) else {
                    reached.doubt = Some(format!("its indexes have more than {entries} entries"));
                    return reached;
                };
                left = fewer;
                if entry.digest.algorithm() != Algorithm::Sha256 {
                    // Whatever names it by another digest is not known to mean it.
                    let line = || format!("{} in it is named by no SHA-256", entry.digest);
                    reached.doubt.get_or_insert_with(line);
                }
                if held.contains_key(&entry.digest) {
                    open.push(&entry.digest);
                } else if entry.is_index() {
                    let line = || format!("the index {} in it is not at hand", entry.digest);
                    reached.doubt.get_or_insert_with(line);
                }
                reached.digests.insert(entry.digest.clone());
            }
        }
        reached
    }

    /// Whether a revocation of this digest reaches the artifact.
    pub fn contains(&self, digest: &Digest) -> bool {
        self.digests.contains(digest)
    }

    /// The digests, sorted.
    pub fn digests(&self) -> impl Iterator<Item = &Digest> {
        self.digests.iter()
    }

    /// Why there may be more, if there may.
    pub fn doubt(&self) -> Option<&str> {
        self.doubt.as_deref()
    }

    /// Whether a statement is about one of them.
    pub(crate) fn is_subject_of(&self, statement: &Statement) -> bool {
        let mut subjects = statement.subjects().iter();
        subjects.any(|subject| {
            let digest = subject.digest.sha256();
            digest.is_some_and(|digest| self.contains(&digest))
        })
    }
}

#[cfg(test)]
mod tests {
    use bulla_model::{Limits, media_type};
    use serde_json::json;

    use super::*;

    fn index(entries: impl IntoIterator<Item = (Digest, &'static str)>) -> Manifest {
        let entries = entries.into_iter().map(|(digest, kind)| {
            json!({
                "mediaType": kind, "digest": digest, "size": 7,
                "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
            })
        });
        let text = json!({"schemaVersion": 2, "manifests": entries.collect::<Vec<_>>()});
        let mut limits = Limits::default();
        limits.manifest_bytes = u64::MAX;
        Manifest::parse(text.to_string().into_bytes(), &limits).unwrap()
    }

    fn reached(indexes: &[&Manifest], entries: usize) -> Reached {
        let evidence = Evidence {
            artifact: indexes.first().map(|one| one.digest().clone()),
            indexes: indexes.iter().copied().cloned().collect(),
            ..Evidence::default()
        };
        Reached::within(&evidence, entries)
    }

    #[test]
    fn whatever_an_index_lists_is_reached_under_any_label() {
        let image = Digest::sha256(b"image");
        let inner = index([(image.clone(), media_type::IMAGE_MANIFEST)]);
        for kind in [
            media_type::IMAGE_INDEX,
            media_type::IMAGE_MANIFEST,
            "text/plain",
        ] {
            let outer = index([(inner.digest().clone(), kind)]);
            let found = reached(&[&outer, &inner], ENTRIES);
            assert_eq!(found.digests().count(), 3, "{kind}");
            assert!(found.contains(&image) && found.doubt().is_none(), "{kind}");
            // Without its bytes only the label tells.
            let found = reached(&[&outer], ENTRIES);
            assert_eq!(found.doubt().is_some(), kind == media_type::IMAGE_INDEX);
        }
    }

    #[test]
    fn what_an_index_names_by_another_digest_may_be_anything() {
        let other = Digest::of(Algorithm::Sha512, b"image");
        let found = reached(&[&index([(other, media_type::IMAGE_MANIFEST)])], ENTRIES);
        assert!(found.doubt().is_some_and(|why| why.contains("no SHA-256")));
    }

    #[test]
    fn very_large_indexes_are_looked_at_once_and_no_further_than_the_limit() {
        let entry = |number: u32| {
            let digest = Digest::sha256(&number.to_be_bytes());
            (digest, media_type::IMAGE_MANIFEST)
        };
        let large = index((0..38_000).map(entry));
        let found = reached(&[&large], ENTRIES);
        assert_eq!(found.digests().count(), 38_001);
        assert!(found.contains(&entry(37_999).0) && found.doubt().is_none());
        // One that is listed many times is read once.
        let same = (large.digest().clone(), media_type::IMAGE_INDEX);
        let often = index(vec![same; 20_000]);
        assert_eq!(reached(&[&often, &large], ENTRIES).doubt(), None);
        let other = index((38_000..76_000).map(entry));
        let both = [&large, &other].map(|one| (one.digest().clone(), media_type::IMAGE_INDEX));
        let found = reached(&[&index(both), &large, &other], ENTRIES);
        assert!(found.doubt().is_some_and(|why| why.contains("65536")));
    }
}
