//! Blobs as streams that check themselves.

use std::fmt;
use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bulla_model::{Descriptor, Digest, Hasher};
use tokio::io::{AsyncRead, ReadBuf};

use crate::StoreError;

/// A blob being read. The read that would return its end fails instead if the bytes do not have
/// the descriptor's digest and size; no more bytes than described are ever returned.
pub struct BlobReader {
    inner: Pin<Box<dyn AsyncRead + Send>>,
    check: Check,
}

impl BlobReader {
    /// Checks what `reader` yields against `descriptor`; `store` names the origin in errors.
    pub fn new(
        descriptor: &Descriptor,
        store: impl Into<String>,
        reader: impl AsyncRead + Send + 'static,
    ) -> Self {
        Self {
            inner: Box::pin(reader),
            check: Check::new(descriptor, store.into()),
        }
    }
}

impl AsyncRead for BlobReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(self.inner.as_mut().poll_read(context, buffer))?;
        let outcome = self
            .check
            .add(buffer.filled().get(before..).unwrap_or_default());
        if outcome.is_err() {
            buffer.set_filled(before);
        }
        Poll::Ready(outcome.map_err(StoreError::into_io))
    }
}

impl fmt::Debug for BlobReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobReader")
            .field("check", &self.check)
            .finish_non_exhaustive()
    }
}

/// The same for readers on threads.
#[derive(Debug)]
pub(crate) struct BlockingBlob<R> {
    inner: R,
    check: Check,
}

impl<R> BlockingBlob<R> {
    pub(crate) fn new(descriptor: &Descriptor, store: String, inner: R) -> Self {
        Self {
            inner,
            check: Check::new(descriptor, store),
        }
    }
}

impl<R: Read> Read for BlockingBlob<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let length = self.inner.read(buffer)?;
        self.check
            .add(buffer.get(..length).unwrap_or_default())
            .map_err(StoreError::into_io)?;
        Ok(length)
    }
}

/// Digest and size of a stream so far.
#[derive(Debug)]
pub(crate) struct Check {
    hasher: Hasher,
    seen: u64,
    size: u64,
    digest: Digest,
    store: String,
}

impl Check {
    pub(crate) fn new(descriptor: &Descriptor, store: String) -> Self {
        Self {
            hasher: Hasher::new(descriptor.digest.algorithm()),
            seen: 0,
            size: descriptor.size,
            digest: descriptor.digest.clone(),
            store,
        }
    }

    /// Adds bytes; none means the end.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.seen = self.seen.saturating_add(bytes.len() as u64);
        let ended = bytes.is_empty();
        if self.seen > self.size || (ended && self.seen < self.size) {
            return Err(StoreError::SizeMismatch {
                what: format!("blob {}", self.digest),
                store: self.store.clone(),
                expected: self.size,
                found: self.seen,
            });
        }
        self.hasher.update(bytes);
        if !ended {
            return Ok(());
        }
        let found = self.hasher.clone().finish();
        if found == self.digest {
            Ok(())
        } else {
            Err(StoreError::DigestMismatch {
                what: "blob".to_owned(),
                store: self.store.clone(),
                expected: self.digest.clone(),
                found,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    fn read(descriptor: &Descriptor, bytes: &'static [u8]) -> Result<Vec<u8>, StoreError> {
        let mut out = Vec::new();
        BlockingBlob::new(descriptor, "s".to_owned(), bytes)
            .read_to_end(&mut out)
            .map_err(|error| StoreError::from_io(error, "blob"))?;
        Ok(out)
    }

    #[test]
    fn wrong_bytes_never_end_well() {
        let descriptor = Descriptor::of("m", b"right");
        assert_eq!(read(&descriptor, b"right").unwrap(), b"right");
        assert!(matches!(
            read(&descriptor, b"wrong"),
            Err(StoreError::DigestMismatch { .. })
        ));
        assert!(matches!(
            read(&descriptor, b"righ"),
            Err(StoreError::SizeMismatch { found: 4, .. })
        ));
        assert!(matches!(
            read(&descriptor, b"right and more"),
            Err(StoreError::SizeMismatch { .. })
        ));
    }

    #[tokio::test]
    async fn the_asynchronous_reader_checks_too() {
        let descriptor = Descriptor::of("m", b"right");
        let mut out = Vec::new();
        BlobReader::new(&descriptor, "s", &b"right"[..])
            .read_to_end(&mut out)
            .await
            .unwrap();
        assert_eq!(out, b"right");
        for wrong in [&b"wrong"[..], b"", b"right and more"] {
            let mut out = Vec::new();
            BlobReader::new(&descriptor, "s", wrong)
                .read_to_end(&mut out)
                .await
                .unwrap_err();
            assert!(out.is_empty() || out == b"wrong", "{out:?}");
        }
    }
}
