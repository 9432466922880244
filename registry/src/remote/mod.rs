//! A repository of a remote registry.
//!
//! Implements the OCI distribution specification v1.1.1,
//! <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md>.

mod client;
mod credential;
mod fallback;
mod listing;
mod options;
mod session;
mod upload;

use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bulla_model::{Descriptor, Digest, Limits, Manifest, ReferrerList, Repository, Tag};
use bytes::Bytes;
use futures_util::{Stream, TryStreamExt as _, stream};
use http::{HeaderName, HeaderValue, StatusCode, header};
use tokio_util::io::{StreamReader, SyncIoBridge};

pub use self::client::RemoteClient;
pub use self::credential::{Credential, Secret};
pub use self::options::RemoteOptions;
use self::session::{Access, Session, varied};
use crate::protocol::{Precondition, Reply};
use crate::store::{
    check_media_type, checked_manifest, parsed_manifest, read_small, untied_manifest,
};
use crate::{BlobReader, Excerpt, Store, StoreError, Target};

/// One repository of a remote registry. Cheap to clone; clones share tokens and connections.
#[derive(Clone, Debug)]
pub struct Remote {
    session: Arc<Session>,
}

impl Remote {
    /// A repository, and who to be there. Connects nowhere.
    pub fn new(client: &RemoteClient, repository: Repository, credential: Credential) -> Self {
        Self {
            session: Arc::new(Session::new(client.clone(), repository, credential)),
        }
    }

    /// The repository.
    pub fn repository(&self) -> &Repository {
        &self.session.repository
    }

    async fn read(&self, target: &Target) -> Result<Manifest, StoreError> {
        let what = format!("manifest {target}");
        let request = self.session.endpoint().await?.manifest_get(target);
        let limit = self.limits().manifest_bytes;
        let reply = self
            .session
            .ask(&Access::Pull, request, limit)
            .await?
            .found(&what, &self.name())?;
        self.check_header(&reply, target)?;
        let body = reply.body.to_vec();
        let store = || self.name();
        let manifest = match target {
            Target::Digest(digest) => checked_manifest(body, digest, &store, self.limits()),
            // What a tag is said to name binds nobody: that is no answer, and no junk either.
            Target::Tag(_) => parsed_manifest(body, &what, &store, self.limits())
                .map_err(|error| StoreError::malformed(what.clone(), &error.to_string())),
        };
        manifest.map_err(|error| error.sent_by(&self.name()))
    }

    /// The condition that holds as long as a target names `expected`; none if it does not now.
    async fn names(
        &self,
        target: &Target,
        expected: Option<&Digest>,
    ) -> Result<Option<Precondition>, StoreError> {
        let request = self.session.endpoint().await?.manifest_get(target);
        let limit = self.limits().manifest_bytes;
        let reply = self.session.ask(&Access::Pull, request, limit).await?;
        if reply.status == StatusCode::NOT_FOUND {
            return Ok(expected.is_none().then_some(Precondition::Absent));
        }
        let reply = reply.success()?;
        self.check_header(&reply, target)?;
        let same = expected
            .is_some_and(|expected| Digest::of(expected.algorithm(), &reply.body) == *expected);
        let unchanged = entity_tag(&reply).map_or(Precondition::None, Precondition::Unchanged);
        Ok(same.then_some(unchanged))
    }

    /// What the registry says about a blob without sending it.
    async fn head_blob(&self, digest: &Digest) -> Result<Option<Reply>, StoreError> {
        let request = self.session.endpoint().await?.blob_head(digest);
        let reply = self.session.ask(&Access::Pull, request, 0).await?;
        match reply.found("blob", "") {
            Ok(reply) => Ok(Some(reply)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A digest the registry states itself has to be that of its bytes.
    fn check_header(&self, reply: &Reply, target: &Target) -> Result<(), StoreError> {
        let Some(stated) = reply.header(&CONTENT_DIGEST) else {
            return Ok(());
        };
        let Ok(stated) = stated.parse::<Digest>() else {
            return Ok(());
        };
        let found = Digest::of(stated.algorithm(), &reply.body);
        if found == stated {
            return Ok(());
        }
        Err(StoreError::DigestMismatch {
            what: format!("manifest {target}"),
            store: self.name(),
            expected: stated,
            found,
        })
    }

    /// Stores manifest bytes, and again while what it says may come from other writers.
    async fn write_patiently(
        &self,
        target: &Target,
        bytes: &[u8],
        media_type: &str,
    ) -> Result<(), StoreError> {
        let write = || async {
            self.write(target, bytes, media_type, &Precondition::None)
                .await?
                .success()
        };
        self.patiently(write, disputes_digest).await?;
        Ok(())
    }

    /// Asks again while `passes` says that the error may come from other writers.
    ///
    /// docker-registry 2.8 empties a link before it fills it. Who asks in between is told that the
    /// digest of what names it is wrong (a manifest that names the blob of the link), or that
    /// something unknown went wrong (a tag), for as long as its disk takes.
    async fn patiently<T, F: Future<Output = Result<T, StoreError>>>(
        &self,
        ask: impl Fn() -> F,
        passes: fn(&StoreError) -> bool,
    ) -> Result<T, StoreError> {
        let mut tries = 1;
        loop {
            match ask().await {
                Err(error) if tries < PATIENT_TRIES && passes(&error) => {
                    let backoff = self.session.client.options().backoff;
                    tokio::time::sleep(varied(backoff, tries)).await;
                    tries += 1;
                }
                answer => return answer,
            }
        }
    }

    /// Stores manifest bytes; says whether the registry takes care of the subject's list.
    async fn write(
        &self,
        target: &Target,
        bytes: &[u8],
        media_type: &str,
        precondition: &Precondition,
    ) -> Result<Reply, StoreError> {
        let media_type = HeaderValue::from_str(media_type).map_err(|_| StoreError::Malformed {
            what: "media type".to_owned(),
            reason: Excerpt::of(media_type),
        })?;
        let body = Bytes::copy_from_slice(bytes);
        let endpoint = self.session.endpoint().await?;
        let request = endpoint.manifest_put(target, media_type, body, precondition);
        let limit = self.limits().manifest_bytes;
        self.session.ask(&Access::Push, request, limit).await
    }
}

impl Store for Remote {
    fn name(&self) -> String {
        self.session.repository.to_string()
    }

    fn limits(&self) -> &Limits {
        &self.session.client.options().limits
    }

    async fn resolve(&self, target: &Target) -> Result<Descriptor, StoreError> {
        // The bytes are read, not only their headers: what they are and which digest they have
        // is not the registry's word.
        Ok(self.read(target).await?.descriptor())
    }

    async fn manifest(&self, digest: &Digest) -> Result<Manifest, StoreError> {
        self.read(&Target::Digest(digest.clone())).await
    }

    async fn open_blob(&self, descriptor: &Descriptor) -> Result<BlobReader, StoreError> {
        let what = format!("blob {}", descriptor.digest);
        let request = self.session.endpoint().await?.blob_get(&descriptor.digest);
        let response = self
            .session
            .open(&Access::Pull, request, &what, &self.name())
            .await?;
        let stream = response
            .bytes_stream()
            .map_err(|error| std::io::Error::other(error.without_url()));
        let asked = format!("{what} of {}", self.name());
        let stream = hurried(stream, asked, time_for(descriptor.size, self.limits()));
        Ok(BlobReader::new(
            descriptor,
            self.name(),
            StreamReader::new(stream),
        ))
    }

    async fn open_blob_blocking(
        &self,
        descriptor: &Descriptor,
    ) -> Result<Box<dyn Read + Send>, StoreError> {
        let reader = self.open_blob(descriptor).await?;
        Ok(Box::new(SyncIoBridge::new(Box::pin(reader))))
    }

    async fn has_blob(&self, digest: &Digest) -> Result<bool, StoreError> {
        Ok(self.head_blob(digest).await?.is_some())
    }

    async fn blob_size(&self, digest: &Digest) -> Result<Option<u64>, StoreError> {
        let Some(reply) = self.head_blob(digest).await? else {
            return Ok(None);
        };
        let length = reply.header(&header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.parse().ok());
        length.map(Some).ok_or_else(|| {
            let what = format!("the registry's answer about blob {digest}");
            StoreError::malformed(what, "it does not say how many bytes the blob has")
                .sent_by(&self.name())
        })
    }

    async fn put_blob(&self, bytes: Vec<u8>) -> Result<Digest, StoreError> {
        let descriptor = Descriptor::of("application/octet-stream", &bytes);
        if !self.has_blob(&descriptor.digest).await? {
            let reader = BlobReader::new(&descriptor, "memory", std::io::Cursor::new(bytes));
            self.upload(&descriptor, reader).await?;
        }
        Ok(descriptor.digest)
    }

    async fn put_blob_stream(
        &self,
        descriptor: &Descriptor,
        reader: BlobReader,
    ) -> Result<(), StoreError> {
        self.upload(descriptor, reader).await
    }

    async fn put_manifest(
        &self,
        bytes: &[u8],
        media_type: &str,
        tag: Option<&Tag>,
    ) -> Result<Descriptor, StoreError> {
        let store = || self.name();
        let manifest = parsed_manifest(bytes.to_vec(), "manifest", &store, self.limits())?;
        check_media_type(&manifest, media_type)?;
        let digest = Target::Digest(manifest.digest().clone());
        let target = tag.map_or(digest, |tag| Target::Tag(tag.clone()));
        self.write_patiently(&target, bytes, media_type).await?;
        if let Some(subject) = manifest.subject() {
            self.ensure_listed(&subject.digest, &manifest).await?;
        }
        Ok(manifest.descriptor())
    }

    async fn replace_tag(
        &self,
        tag: &Tag,
        expected: Option<&Digest>,
        bytes: &[u8],
        media_type: &str,
    ) -> Result<bool, StoreError> {
        untied_manifest(bytes, media_type, &|| self.name(), self.limits())?;
        let target = Target::Tag(tag.clone());
        let Some(precondition) = self.names(&target, expected).await? else {
            return Ok(false);
        };
        let reply = self
            .write(&target, bytes, media_type, &precondition)
            .await?;
        if precondition_failed(&reply) {
            return Ok(false);
        }
        reply.success()?;
        Ok(true)
    }

    async fn referrers(&self, digest: &Digest) -> Result<ReferrerList, StoreError> {
        match self.referrers_of_api(digest).await? {
            // The API's answer is whole, by the specification also for what was tagged before.
            Some(list) => Ok(list),
            None => self.referrers_of_tag(digest).await,
        }
    }

    async fn tags(&self) -> Result<Vec<Tag>, StoreError> {
        self.all_tags().await
    }

    async fn delete_manifest(&self, digest: &Digest) -> Result<(), StoreError> {
        let manifest = self.manifest(digest).await?;
        let request = self.session.endpoint().await?.manifest_delete(digest);
        let what = format!("manifest {digest}");
        let limit = self.limits().manifest_bytes;
        self.session
            .ask(&Access::Delete, request, limit)
            .await?
            .found(&what, &self.name())?;
        match manifest.subject() {
            Some(subject) => self.ensure_unlisted(&subject.digest, digest).await,
            None => Ok(()),
        }
    }

    async fn blob(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, StoreError> {
        let asked = format!("blob {} of {}", descriptor.digest, self.name());
        // F38: a body that trickles never stands still for long, and never ends.
        self.session
            .in_time(&asked, read_small(self, descriptor, limit))
            .await
    }

    fn mount_source(&self) -> Option<&Repository> {
        Some(&self.session.repository)
    }

    async fn mount_blob(&self, digest: &Digest, source: &Repository) -> Result<bool, StoreError> {
        if source.host() != self.repository().host() {
            return Ok(false);
        }
        self.mount(digest, source).await
    }
}

/// F38: a transfer that trickles never stands still for long, and never ends.
fn hurried<S: Stream<Item = std::io::Result<Bytes>> + Send + 'static>(
    stream: S,
    asked: String,
    time: Duration,
) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
    let until = Instant::now().checked_add(time);
    stream::try_unfold(
        (Box::pin(stream), asked),
        move |(mut stream, request)| async move {
            let next = stream.try_next();
            let next = match until {
                Some(until) => tokio::time::timeout_at(until.into(), next).await,
                None => Ok(next.await),
            };
            match next {
                Ok(chunk) => Ok(chunk?.map(|chunk| (chunk, (stream, request)))),
                Err(_) => Err(StoreError::Deadline {
                    request,
                    deadline: time,
                }
                .into_io()),
            }
        },
    )
}

/// How long reading a blob may take: what every operation may, and what its size takes at the rate
/// of a very slow line.
fn time_for(size: u64, limits: &Limits) -> Duration {
    let slowest = Duration::from_secs(size / SLOWEST_BYTES_PER_SECOND);
    limits.deadline.saturating_add(slowest)
}

const SLOWEST_BYTES_PER_SECOND: u64 = 64 << 10;

/// Whether the registry says that bytes do not have their digest.
fn disputes_digest(error: &StoreError) -> bool {
    let StoreError::Rejected {
        status: 400,
        detail,
        ..
    } = error
    else {
        return false;
    };
    detail.code == Some(Excerpt::of("DIGEST_INVALID"))
}

/// Whether the registry failed as it does over a link that is being written.
fn is_torn(error: &StoreError) -> bool {
    matches!(error, StoreError::Failing { status: 500, .. }) || disputes_digest(error)
}

/// How often the same is asked while other writers may be the reason for the error.
const PATIENT_TRIES: u32 = 6;

/// Whether a precondition was not met.
fn precondition_failed(reply: &Reply) -> bool {
    matches!(
        reply.status,
        StatusCode::PRECONDITION_FAILED | StatusCode::CONFLICT
    )
}

fn entity_tag(reply: &Reply) -> Option<HeaderValue> {
    // A weak tag does not identify bytes and may not be used in If-Match.
    let tag = reply.headers.get(header::ETAG)?;
    (!tag.as_bytes().starts_with(b"W/")).then(|| tag.clone())
}

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn f38_a_transfer_that_trickles_for_ever_ends() {
        let drop = || async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Some((Ok(Bytes::from_static(b"x")), ()))
        };
        let trickle = stream::unfold((), move |()| drop());
        let time = Duration::from_millis(60);
        let stream = hurried(trickle, "blob x".to_owned(), time);
        let error = stream.try_collect::<Vec<_>>().await.unwrap_err();
        let error = StoreError::from_io(error, "blob");
        assert!(matches!(error, StoreError::Deadline { .. }), "{error}");
        let limits = Limits::default();
        let large = time_for(1 << 30, &limits);
        assert!(large > limits.deadline * 100, "a large layer may take long");
    }
}
