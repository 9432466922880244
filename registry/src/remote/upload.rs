//! Uploads, a chunk in memory at a time.

use bulla_model::{Descriptor, Digest, Repository};
use bytes::{Bytes, BytesMut};
use tokio::io::AsyncReadExt as _;

use super::Remote;
use super::session::Access;
use crate::protocol::upload::{self, Session};
use crate::protocol::{Reply, Request};
use crate::{BlobReader, Store as _, StoreError};

impl Remote {
    /// Uploads a blob. An upload that fails leaves nothing behind that has the digest.
    pub(super) async fn upload(
        &self,
        descriptor: &Descriptor,
        mut reader: BlobReader,
    ) -> Result<(), StoreError> {
        let request = self.session.endpoint().await?.upload_start();
        let base = request.url.clone();
        let reply = self.push(request).await?;
        let mut session = Session::start(reply, &base)?;
        let mut bytes = read_chunk(&mut reader, session.chunk, descriptor).await?;
        loop {
            let following = if bytes.len() == session.chunk {
                read_chunk(&mut reader, session.chunk, descriptor).await?
            } else {
                Bytes::new()
            };
            if following.is_empty() {
                // The reader has come to its end, so digest and size are what they should be.
                return self.finish(&session, &descriptor.digest, bytes).await;
            }
            let length = bytes.len();
            tracing::trace!(
                location = session.location().path(),
                length,
                "sending a chunk"
            );
            let reply = self.push(session.chunk(bytes)).await?;
            session = session.chunk_sent(length, reply)?;
            bytes = following;
        }
    }

    async fn finish(
        &self,
        session: &Session,
        digest: &Digest,
        bytes: Bytes,
    ) -> Result<(), StoreError> {
        let finished = match self.push(session.finish(digest, bytes)).await {
            Ok(reply) => Session::finished(reply),
            Err(error) => Err(error),
        };
        match finished {
            // The answer to an earlier try may have been lost, and the session with it.
            Err(_) if self.has_blob(digest).await.unwrap_or(false) => Ok(()),
            other => other,
        }
    }

    pub(super) async fn mount(
        &self,
        digest: &Digest,
        source: &Repository,
    ) -> Result<bool, StoreError> {
        let request = self.session.endpoint().await?.upload_mount(digest, source);
        let access = Access::Mount(source.clone());
        let limit = self.session.client.options().limits.manifest_bytes;
        upload::mounted(self.session.ask(&access, request, limit).await?)
    }

    async fn push(&self, request: Request) -> Result<Reply, StoreError> {
        let limit = self.session.client.options().limits.manifest_bytes;
        self.session.ask(&Access::Push, request, limit).await
    }
}

/// Reads until the chunk is full or the blob ends; the end checks digest and size.
async fn read_chunk(
    reader: &mut BlobReader,
    length: usize,
    descriptor: &Descriptor,
) -> Result<Bytes, StoreError> {
    let size = usize::try_from(descriptor.size).unwrap_or(usize::MAX);
    // Reading asks for room even when there is nothing left to read.
    let mut bytes = BytesMut::with_capacity(length.min(size).saturating_add(64));
    let mut limited = reader.take(length as u64);
    while limited
        .read_buf(&mut bytes)
        .await
        .map_err(|error| StoreError::from_io(error, &format!("blob {}", descriptor.digest)))?
        > 0
    {}
    Ok(bytes.freeze())
}
