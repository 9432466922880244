//! Credentials: where they go, and where they never do.

use axum::http::Method;
use bulla_model::{Descriptor, Limits};
use bulla_registry::{Credential, Store, StoreError};

use crate::faulty::Registry;
use crate::sample;

fn alice() -> Credential {
    Credential::Basic {
        username: "alice".to_owned(),
        password: "s3cret".to_owned().into(),
    }
}

#[tokio::test]
async fn f51_credentials_do_not_follow_a_redirect() {
    // F50, F51.
    let storage = Registry::start().await;
    let registry = Registry::start().await;
    let challenge = (
        "Basic realm=\"r\"".to_owned(),
        "Basic YWxpY2U6czNjcmV0".to_owned(),
    );
    registry.content().challenge = Some(challenge);
    let store = registry.store_as(&Limits::default(), alice());
    let blob = Descriptor::of("m", b"content");
    store.put_blob(b"content".to_vec()).await.unwrap();
    storage
        .store(&Limits::default())
        .put_blob(b"content".to_vec())
        .await
        .unwrap();
    registry.content().redirect_blobs = Some(format!("http://{}", storage.host));

    assert_eq!(store.blob(&blob, 100).await.unwrap(), b"content");
    let seen = storage.content().log.clone();
    assert!(
        seen.iter()
            .any(|s| s.method == Method::GET && s.path.contains("/blobs/"))
    );
    for seen in seen {
        assert_eq!(seen.authorization, None, "{seen:?}");
    }
    let kept = registry
        .content()
        .log
        .iter()
        .filter(|s| s.authorization.is_some())
        .count();
    assert!(kept > 0, "the registry itself got them");

    registry.content().redirect_blobs = Some(format!("http://{}", registry.host));
    let kept = store.blob(&blob, 100).await.unwrap();
    assert_eq!(kept, b"content", "within the registry they are needed");

    registry.content().redirect_blobs = Some("http://storage.example.test".to_owned());
    let error = store.blob(&blob, 100).await.unwrap_err();
    assert!(
        matches!(error, StoreError::UnsafeRedirect { .. }),
        "{error}"
    );
    assert!(!error.to_string().contains("s3cret"), "{error}");
}

#[tokio::test]
async fn an_upload_elsewhere_gets_no_credentials() {
    let storage = Registry::start().await;
    let registry = Registry::start().await;
    let accepted = "Basic YWxpY2U6czNjcmV0".to_owned();
    registry.content().challenge = Some(("Basic".to_owned(), accepted));
    registry.content().upload_origin = Some(format!("http://{}", storage.host));
    let store = registry.store_as(&Limits::default(), alice());
    store.put_blob(b"content".to_vec()).await.unwrap();
    let seen = storage.content().log.clone();
    assert!(seen.iter().any(|s| s.method == Method::PUT));
    assert!(seen.iter().all(|s| s.authorization.is_none()), "{seen:?}");
}

#[tokio::test]
async fn f53_tokens_are_fetched_once_and_passwords_go_only_to_a_safe_realm() {
    // F53.
    let registry = Registry::start().await;
    let realm = format!("http://{}/token", registry.host);
    registry.content().challenge = Some((
        format!("Bearer realm=\"{realm}\",service=\"r\""),
        "Bearer good".to_owned(),
    ));
    let store = registry.store_as(&Limits::default(), alice());
    let image = sample::image(&store, b"layer").await;
    store.manifest(&image.digest).await.unwrap();
    store.manifest(&image.digest).await.unwrap();
    let asked = registry.asked(&Method::GET, "/token");
    assert_eq!(asked, 2, "one token to push, one to pull");
    for seen in &registry.content().log {
        let basic = seen
            .authorization
            .as_deref()
            .is_some_and(|a| a.starts_with("Basic "));
        assert_eq!(basic, seen.path == "/token", "{seen:?}");
    }

    for realm in [
        "http://tokens.example.test/token",
        "ftp://127.0.0.1/token",
        "https://a:b@127.0.0.1/",
    ] {
        let thief = Registry::start().await;
        thief.content().challenge = Some((format!("Bearer realm=\"{realm}\""), "never".to_owned()));
        let store = thief.store_as(&Limits::default(), alice());
        let error = store.tags().await.unwrap_err();
        assert!(matches!(error, StoreError::UnsafeRealm { .. }), "{error}");
        assert!(
            thief
                .content()
                .log
                .iter()
                .all(|s| s.authorization.is_none())
        );
    }
}

#[tokio::test]
async fn refused_credentials_are_told_apart_and_not_shown() {
    let registry = Registry::start().await;
    registry.content().challenge = Some(("Basic realm=\"r\"".to_owned(), "never".to_owned()));
    for (credential, tries) in [(Credential::Anonymous, 1), (alice(), 2)] {
        let before = registry.asked(&Method::GET, "/tags/");
        let store = registry.store_as(&Limits::default(), credential);
        let error = store.tags().await.unwrap_err();
        assert!(matches!(error, StoreError::Unauthorized { .. }), "{error}");
        let text = format!("{error} {error:?}");
        assert!(
            !text.contains("s3cret") && !text.contains("YWxpY2U6"),
            "{text}"
        );
        assert_eq!(registry.asked(&Method::GET, "/tags/") - before, tries);
    }
}
