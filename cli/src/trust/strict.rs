//! TUF metadata as strict JSON.
//!
//! `sigstore-tuf` reads metadata into a `serde_json::Value` before any signature is checked. Names
//! that occur twice, and names `serde_json` gives a meaning to, are refused before it does.

use std::pin::Pin;

use sigstore_tuf::{Error, Repository, Result};

use bulla_model::{Limits, json};

/// A repository whose metadata is looked at before it is handed on.
pub(super) struct StrictRepository(pub(super) Box<dyn Repository>);

impl Repository for StrictRepository {
    fn fetch_metadata<'a>(&'a self, name: &'a str, max_length: u64) -> FetchFuture<'a> {
        Box::pin(async move {
            let bytes = self.0.fetch_metadata(name, max_length).await?;
            if let Some(bytes) = &bytes {
                strict(bytes)?;
            }
            Ok(bytes)
        })
    }

    fn fetch_target<'a>(&'a self, path: &'a str, max_length: u64) -> FetchFuture<'a> {
        self.0.fetch_target(path, max_length)
    }
}

/// What a repository's methods return; the crate does not export its name.
type FetchFuture<'a> = Pin<Box<dyn Future<Output = Result<Option<Vec<u8>>>> + Send + 'a>>;

/// Refuses metadata that is no strict JSON. Its length was bounded where it was read.
pub(super) fn strict(bytes: &[u8]) -> Result<()> {
    let depth = Limits::default().json_depth;
    json::check(bytes, bytes.len() as u64, depth)
        .map_err(|error| Error::Malformed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Says(&'static [u8]);

    impl Repository for Says {
        fn fetch_metadata<'a>(&'a self, _: &'a str, _: u64) -> FetchFuture<'a> {
            Box::pin(async { Ok(Some(self.0.to_vec())) })
        }

        fn fetch_target<'a>(&'a self, path: &'a str, length: u64) -> FetchFuture<'a> {
            self.fetch_metadata(path, length)
        }
    }

    async fn metadata(says: &'static [u8]) -> Result<Option<Vec<u8>>> {
        let repository = StrictRepository(Box::new(Says(says)));
        repository.fetch_metadata("timestamp.json", 1000).await
    }

    #[tokio::test]
    async fn metadata_is_strict_json_before_it_is_read() {
        let same = metadata(br#"{"signed":{}}"#).await.unwrap();
        assert_eq!(same.as_deref(), Some(&br#"{"signed":{}}"#[..]));
        for (says, expected) in [
            (&br#"{"signed":1,"signed":2}"#[..], "occurs twice"),
            (
                br#"{"signed":{"$serde_json::private::RawValue":"1"}}"#,
                "is reserved",
            ),
        ] {
            let error = metadata(says).await.unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let repository = StrictRepository(Box::new(Says(b"no JSON")));
        let target = repository.fetch_target("a.txt", 1000).await.unwrap();
        assert_eq!(target.unwrap(), b"no JSON", "targets may be anything");
    }
}
