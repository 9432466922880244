//! Referrers where the registry has no API for them: an index under a tag, kept by its writers.
//!
//! "Referrers Tag Schema" and "Pushing Manifests with Subject" of the OCI distribution
//! specification v1.1.1,
//! <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#referrers-tag-schema>.
//!
//! The specification leaves it open what happens when two writers change the index at once, and
//! common registries ignore `If-Match`. So a writer reads, merges, writes, and then looks again
//! until its entry has survived long enough that no writer who had read the index before can
//! still be about to replace it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bulla_model::{Descriptor, Digest, Manifest, ReferrerList, media_type};
use http::{HeaderValue, StatusCode};

use super::session::{Access, varied};
use super::{PATIENT_TRIES, Remote, entity_tag, is_torn, precondition_failed};
use crate::index_document::IndexDocument;
use crate::protocol::{Precondition, Reply};
use crate::{Store, StoreError, Target, referrers};

impl Remote {
    /// The referrers by the tag. Only 404 means that there are none.
    pub(super) async fn referrers_of_tag(
        &self,
        subject: &Digest,
    ) -> Result<ReferrerList, StoreError> {
        let (entries, whole) = match self.list_reply(subject).await? {
            Some(reply) => {
                let limits = self.limits();
                let largest = limits.manifest_bytes;
                IndexDocument::listed(&reply.body, largest, &what(subject), limits)
                    .map_err(|error| error.sent_by(&self.name()))?
            }
            None => (Vec::new(), true),
        };
        let limit = self.limits().referrers_per_digest;
        Ok(referrers::list(entries, limit, !whole))
    }

    /// Makes sure that a manifest just pushed is among the referrers of its subject.
    ///
    /// O3: a registry may promise by `OCI-Subject` to keep the list and have no API all the same,
    /// so what counts is what it lists.
    pub(super) async fn ensure_listed(
        &self,
        subject: &Digest,
        manifest: &Manifest,
    ) -> Result<(), StoreError> {
        let mut tries = 0_u32;
        loop {
            tries = tries.saturating_add(1);
            let Some(list) = self.referrers_of_api(subject).await? else {
                return self.add_to_list(subject, manifest).await;
            };
            let listed = list
                .referrers
                .iter()
                .any(|entry| entry.descriptor.digest == *manifest.digest());
            // A list that is cut proves nothing either way.
            if listed || list.truncated || list.others_truncated {
                return Ok(());
            }
            if tries >= LISTING_TRIES {
                return Err(StoreError::NotListed {
                    referrer: manifest.digest().clone(),
                    subject: subject.clone(),
                    store: self.name(),
                    tries,
                });
            }
            let backoff = self.session.client.options().backoff;
            tokio::time::sleep(varied(backoff, tries)).await;
        }
    }

    /// Takes a deleted manifest off its subject's list, where the registry does not.
    pub(super) async fn ensure_unlisted(
        &self,
        subject: &Digest,
        digest: &Digest,
    ) -> Result<(), StoreError> {
        if self.referrers_of_api(subject).await?.is_some() {
            return Ok(());
        }
        self.keep_changed(subject, digest, |index| {
            index.retain(|entry| entry.digest != *digest)
        })
        .await
    }

    async fn add_to_list(&self, subject: &Digest, manifest: &Manifest) -> Result<(), StoreError> {
        let entry = referrers::entry(manifest);
        let repaired = self.repairs(subject, manifest.digest()).await?;
        self.keep_changed(subject, manifest.digest(), |index| {
            let mut changed = index.merge(&entry);
            // Entries others have removed meanwhile are not brought back.
            let listed: BTreeSet<Digest> = index.readable().map(|entry| entry.digest).collect();
            for entry in repaired
                .iter()
                .filter(|entry| listed.contains(&entry.digest))
            {
                changed |= index.merge(entry);
            }
            changed
        })
        .await
    }

    /// What old clients left out of their entries, read from the manifests themselves.
    async fn repairs(
        &self,
        subject: &Digest,
        except: &Digest,
    ) -> Result<Vec<Descriptor>, StoreError> {
        let Some(list) = self.read_list(subject).await? else {
            return Ok(Vec::new());
        };
        let mut repaired = Vec::new();
        let incomplete = list
            .index
            .readable()
            .filter(|entry| entry.digest != *except)
            .filter(|entry| entry.artifact_type.is_none() || entry.annotations.is_empty())
            .take(REPAIRS);
        for entry in incomplete {
            // An entry whose manifest cannot be read stays as it is: repairing is a courtesy.
            if let Ok(manifest) = self.manifest(&entry.digest).await {
                repaired.push(referrers::entry(&manifest));
            }
        }
        Ok(repaired)
    }

    /// Changes the index until the change is seen to last. `change` says whether it was needed.
    async fn keep_changed(
        &self,
        subject: &Digest,
        referrer: &Digest,
        change: impl Fn(&mut IndexDocument) -> bool,
    ) -> Result<(), StoreError> {
        let _writer = self.session.client.writer(self.repository(), subject).await;
        let target = Target::Tag(referrers::fallback_tag(subject));
        let mut slowest = Duration::ZERO;
        let (mut seen, mut failures) = (0_u32, 0_u32);
        for tries in 1..=WRITING_TRIES {
            let started = Instant::now();
            let list = self.read_list(subject).await?;
            let (mut index, precondition) = match list {
                Some(List { index, tag }) => {
                    let unchanged = tag.map_or(Precondition::None, Precondition::Unchanged);
                    (index, unchanged)
                }
                None => (IndexDocument::empty(), Precondition::Absent),
            };
            if change(&mut index) {
                seen = 0;
                // Only along with a change: what others put back is no reason to write again.
                index.drop_junk();
                let bytes = index.to_bytes();
                // A list that nobody reads any more would hide what is in it.
                let limit = self.limits().manifest_bytes;
                if bytes.len() as u64 > limit {
                    return Err(StoreError::TooLarge {
                        what: what(subject),
                        limit,
                    });
                }
                let written = self.write_list(&target, bytes, &precondition).await;
                failures = match written {
                    Ok(()) => 0,
                    Err(error) if failures < PATIENT_TRIES && may_pass(&error) => {
                        failures.saturating_add(1)
                    }
                    Err(error) => return Err(error),
                };
                slowest = slowest.max(started.elapsed());
            } else {
                seen = seen.saturating_add(1);
                if seen >= SIGHTINGS {
                    return Ok(());
                }
            }
            // Another writer may hold an older index for about as long as we did. Longer waits
            // after each loss let crowds of writers disperse.
            let settle = SETTLE.max(slowest.saturating_mul(2));
            let pause = if failures > 0 {
                varied(self.session.client.options().backoff, failures)
            } else if seen == 0 {
                settle.saturating_add(varied(settle, tries.min(4)))
            } else {
                settle
            };
            tokio::time::sleep(pause).await;
        }
        Err(StoreError::NotListed {
            referrer: referrer.clone(),
            subject: subject.clone(),
            store: self.name(),
            tries: WRITING_TRIES,
        })
    }

    /// Writes the index once: what it was read from is old by the time that it could be sent again,
    /// and would take the entries of others away who no longer look.
    async fn write_list(
        &self,
        target: &Target,
        bytes: Vec<u8>,
        precondition: &Precondition,
    ) -> Result<(), StoreError> {
        let media_type = HeaderValue::from_static(media_type::IMAGE_INDEX);
        let endpoint = self.session.endpoint().await?;
        let request = endpoint
            .manifest_put(target, media_type, bytes.into(), precondition)
            .once();
        let limit = self.limits().manifest_bytes;
        let reply = self.session.ask(&Access::Push, request, limit).await?;
        if precondition_failed(&reply) {
            return Ok(());
        }
        reply.success().map(drop)
    }

    /// The index for a writer, who keeps what it does not understand but may be a descriptor.
    async fn read_list(&self, subject: &Digest) -> Result<Option<List>, StoreError> {
        let read = || self.list_reply(subject);
        let Some(reply) = self.patiently(read, is_torn).await? else {
            return Ok(None);
        };
        let index = IndexDocument::shared(&reply.body, &what(subject), self.limits())
            .map_err(|error| error.sent_by(&self.name()))?;
        Ok(Some(List {
            index,
            tag: entity_tag(&reply),
        }))
    }

    async fn list_reply(&self, subject: &Digest) -> Result<Option<Reply>, StoreError> {
        let target = Target::Tag(referrers::fallback_tag(subject));
        let request = self.session.endpoint().await?.manifest_get(&target);
        let limits = self.limits();
        let reply = self
            .session
            .ask(&Access::Pull, request, limits.manifest_bytes)
            .await?;
        if reply.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let reply = reply.success()?;
        self.check_header(&reply, &target)?;
        Ok(Some(reply))
    }
}

struct List {
    index: IndexDocument,
    tag: Option<HeaderValue>,
}

/// Whether a write that failed so may succeed once the index was read anew.
fn may_pass(error: &StoreError) -> bool {
    let passes = matches!(
        error,
        StoreError::Failing { .. }
            | StoreError::RateLimited { .. }
            | StoreError::Unreachable { .. }
    );
    passes || is_torn(error)
}

fn what(subject: &Digest) -> String {
    format!(
        "the index under the tag {}",
        referrers::fallback_tag(subject)
    )
}

/// How often the list of a registry that keeps it itself is looked at.
const LISTING_TRIES: u32 = 6;
/// How often the index is read, and written where our change is not in it.
const WRITING_TRIES: u32 = 60;
/// How often in a row our change has to be seen.
const SIGHTINGS: u32 = 2;
/// The shortest pause between writing and looking.
const SETTLE: Duration = Duration::from_millis(60);
/// Entries of other writers completed by one of ours.
const REPAIRS: usize = 16;
