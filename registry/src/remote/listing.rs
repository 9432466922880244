//! Lists that come in pages.

use bulla_model::{Digest, ReferrerList, Tag};
use http::StatusCode;

use super::Remote;
use super::session::Access;
use crate::protocol::listing::{self, Page};
use crate::protocol::{Endpoint, Reply, Request};
use crate::{Store, StoreError, referrers};

impl Remote {
    /// The referrers by the API; `None` if the registry has none. Only 404 says so.
    pub(super) async fn referrers_of_api(
        &self,
        digest: &Digest,
    ) -> Result<Option<ReferrerList>, StoreError> {
        let limits = self.limits().clone();
        let mut entries = Vec::new();
        let mut truncated = false;
        let mut bytes = 0_u64;
        let mut request = self.session.endpoint().await?.referrers(digest);
        for number in 0.. {
            let url = request.url.clone();
            let reply = self.page(request, listing::LIST_BYTES).await?;
            if number == 0 && reply.status == StatusCode::NOT_FOUND {
                return Ok(None);
            }
            let reply = reply.success()?;
            let Page {
                items,
                next,
                filtered,
            } = listing::referrers(&reply, &url, &limits)
                .map_err(|error| error.sent_by(&self.name()))?;
            truncated |= filtered;
            bytes = bytes.saturating_add(reply.body.len() as u64);
            entries.extend(items);
            let Some(next) = next else { break };
            // F38: a registry that lists endlessly.
            let evidence = entries
                .iter()
                .filter(|entry| referrers::may_be_evidence(entry));
            let many = evidence.count() > limits.referrers_per_digest
                || entries.len() > limits.entries_per_list
                || number >= PAGES;
            if many || bytes > limits.evidence_bytes {
                truncated = true;
                break;
            }
            request = Endpoint::page(next);
        }
        let limit = limits.referrers_per_digest;
        Ok(Some(referrers::list(entries, limit, truncated)))
    }

    pub(super) async fn all_tags(&self) -> Result<Vec<Tag>, StoreError> {
        let limits = self.limits().clone();
        let mut tags = std::collections::BTreeSet::new();
        let mut request = self.session.endpoint().await?.tags();
        for number in 0.. {
            let url = request.url.clone();
            let reply = self
                .page(request, limits.manifest_bytes)
                .await?
                .found("the repository", &self.name())?;
            let Page { items, next, .. } = listing::tags(&reply, &url, &limits)
                .map_err(|error| error.sent_by(&self.name()))?;
            tags.extend(items);
            let Some(next) = next else { break };
            if number >= TAG_PAGES {
                return Err(StoreError::TooMany {
                    what: "pages of tags",
                    limit: TAG_PAGES,
                });
            }
            request = Endpoint::page(next);
        }
        Ok(tags.into_iter().collect())
    }

    async fn page(&self, request: Request, limit: u64) -> Result<Reply, StoreError> {
        self.session.ask(&Access::Pull, request, limit).await
    }
}

/// Pages of referrers looked at, beyond the first; a page can be empty.
const PAGES: usize = 255;
const TAG_PAGES: usize = 100;
