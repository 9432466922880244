//! A registry with the referrers API: the library form of a published one.

use std::sync::Arc;

use bulla_model::Limits;
use bulla_registry::{AnyStore, Credential, attach, read_bundles};
use ferro_blob_store::InMemoryBlobStore;
use ferro_oci_server::{AppState, InMemoryRegistryMeta, router};

use crate::faulty::store_at;
use crate::{sample, suite};

pub(crate) async fn start() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let state = AppState::new(
        Arc::new(InMemoryBlobStore::new()),
        Arc::new(InMemoryRegistryMeta::new()),
    );
    tokio::spawn(async move { axum::serve(listener, router(state)).await });
    host
}

#[tokio::test]
async fn a_registry_with_the_api_does_what_every_store_has_to_do() {
    let store = store_at(&start().await, &Limits::default(), Credential::Anonymous);
    suite::run(&AnyStore::Remote(store)).await;
}

#[tokio::test]
async fn writers_at_once_lose_nothing() {
    let host = start().await;
    let store = store_at(&host, &Limits::default(), Credential::Anonymous);
    let subject = sample::image(&store, b"layer").await;
    let writers: Vec<_> = (0..8)
        .map(|number| {
            let store = store_at(&host, &Limits::default(), Credential::Anonymous);
            let subject = subject.clone();
            tokio::spawn(async move {
                let bundle = sample::bundle(&format!("writer {number}"));
                attach(&store, &subject, &bundle, sample::created())
                    .await
                    .unwrap();
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let set = read_bundles(&store, &subject.digest).await.unwrap();
    assert_eq!(set.bundles.len(), 8);
}
