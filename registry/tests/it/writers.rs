//! What other writers do to a registry while we write.

use axum::http::Method;
use bulla_model::Limits;
use bulla_registry::{Store as _, attach};

use crate::faulty::{Registry, Rule};
use crate::sample;

#[tokio::test]
async fn a_digest_the_registry_disputes_for_a_moment_is_sent_again() {
    let registry = Registry::start().await;
    let store = registry.store(&Limits::default());
    let subject = sample::image(&store, b"layer").await;
    let bundle = sample::bundle("a");
    let attach = || attach(&store, &subject, &bundle, sample::created());
    let dispute = |times| {
        registry.content().rules.push(Rule {
            method: Method::PUT,
            path: "/manifests/sha256:".to_owned(),
            status: 400,
            body: r#"{"errors":[{"code":"DIGEST_INVALID","message":"another writer"}]}"#,
            times,
        });
    };
    dispute(100);
    assert!(attach().await.is_err());
    registry.content().rules.clear();
    dispute(2);
    attach().await.unwrap();
    let list = store.referrers(&subject.digest).await.unwrap();
    assert_eq!(list.referrers.len(), 1);
}
