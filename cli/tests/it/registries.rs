//! The same journey against a registry, over HTTP.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn, map_request};
use axum::response::IntoResponse as _;
use ferro_blob_store::InMemoryBlobStore;
use ferro_oci_server::{AppState, InMemoryRegistryMeta, router};

use crate::company::{COMMIT, provenance};
use crate::sandbox::Sandbox;

/// Starts a registry on a thread of its own; its host and port.
pub(crate) fn registry() -> String {
    observed_registry().0
}

/// The same, with the method and path of every request it was asked.
pub(crate) fn observed_registry() -> (String, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let asked = Arc::clone(&seen);
    let note = move |request: Request| {
        let line = format!("{} {}", request.method(), request.uri().path());
        asked.lock().unwrap().push(line);
        std::future::ready(request)
    };
    (serve(move |router| router.layer(map_request(note))), seen)
}

/// What a registry refuses.
#[derive(Debug, Default)]
pub(crate) struct Refusing {
    /// How many more writes it takes; `None` for all.
    pub(crate) left: Option<usize>,
    /// What no write may have in its path.
    pub(crate) path: Option<String>,
    /// What nothing may be read of that has it in its path: then it answers that it failed.
    pub(crate) reads: Option<String>,
}

impl Refusing {
    fn refuses(&mut self, request: &Request) -> Option<StatusCode> {
        let names = |part: &String| request.uri().path().contains(part);
        if matches!(*request.method(), Method::GET | Method::HEAD) {
            let fails = self.reads.as_ref().is_some_and(names);
            return fails.then_some(StatusCode::INTERNAL_SERVER_ERROR);
        }
        if self.path.as_ref().is_some_and(names) {
            return Some(StatusCode::FORBIDDEN);
        }
        match &mut self.left {
            Some(0) => Some(StatusCode::FORBIDDEN),
            Some(left) => {
                *left -= 1;
                None
            }
            None => None,
        }
    }
}

/// A registry that refuses what it is told to refuse.
pub(crate) fn refusing_registry() -> (String, Arc<Mutex<Refusing>>) {
    let refusing: Arc<Mutex<Refusing>> = Arc::default();
    let told = Arc::clone(&refusing);
    let check = move |request: Request, next: Next| {
        let refused = told.lock().unwrap().refuses(&request);
        async move {
            if let Some(status) = refused {
                return status.into_response();
            }
            next.run(request).await
        }
    };
    (serve(move |router| router.layer(from_fn(check))), refusing)
}

fn serve(layered: impl FnOnce(Router) -> Router + Send + 'static) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let host = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let state = AppState::new(
                Arc::new(InMemoryBlobStore::new()),
                Arc::new(InMemoryRegistryMeta::new()),
            );
            axum::serve(listener, layered(router(state))).await.unwrap();
        });
    });
    host
}

#[test]
fn an_image_goes_to_a_registry_is_signed_there_and_comes_back_with_its_seals() {
    let sandbox = Sandbox::new().with_image().with_key();
    let host = registry();
    let there = format!("{host}/pay/api:1.0");
    sandbox.done(&format!("copy image:1.0 {there}"));
    sandbox.done(&format!("sign --key bulla.key {there}"));
    sandbox.done(&format!("sbom {there} -o sbom.json"));
    sandbox.done(&format!("attest --sbom sbom.json --key bulla.key {there}"));
    let tree = sandbox.done(&format!("tree {there} --output json")).json();
    assert_eq!(tree["nodes"][0]["attached"].as_array().unwrap().len(), 2);
    sandbox.done(&format!("copy {there} oci:back:1.0"));
    let back = sandbox.done("tree back --output json").json();
    assert_eq!(back["nodes"][0], tree["nodes"][0]);
    let absent = sandbox.run(&format!("tree {host}/pay/api:2.0"));
    assert_eq!(absent.code, 2, "{}", absent.talk);
}

#[test]
fn attestations_can_be_kept_in_another_repository() {
    let sandbox = Sandbox::new().with_image().with_key();
    let host = registry();
    let there = format!("{host}/pay/api:1.0");
    let kept = format!("--repository {host}/seals");
    sandbox.done(&format!("copy image:1.0 {there}"));
    sandbox.done(&format!("sign --key bulla.key {there} {kept}"));
    let count = |arguments: &str| {
        let tree = sandbox
            .done(&format!("tree {there} --output json {arguments}"))
            .json();
        tree["nodes"][0]["attached"].as_array().unwrap().len()
    };
    assert_eq!(count(""), 0);
    assert_eq!(count(&kept), 1);
}

#[test]
fn a_copy_of_what_was_promoted_says_where_its_attestations_are() {
    let sandbox = Sandbox::new()
        .with_image()
        .with_keys(&["alice", "ci"])
        .initialised();
    let host = registry();
    for (name, kept, said) in [
        (
            "apart",
            format!("--repository {host}/seals"),
            format!("; its attestations stay in {host}/seals"),
        ),
        (
            "with",
            String::new(),
            "copied with its attestations to oci:".to_owned(),
        ),
    ] {
        let there = format!("{host}/pay/{name}:1.0");
        sandbox.done(&format!("copy image:1.0 {there}"));
        sandbox.attest_build(&there, &provenance("pay", COMMIT), &kept);
        let told = sandbox.done(&format!(
            "promote {there} --to dev --key ci.key {kept} --copy-to oci:{name}:1.0"
        ));
        assert!(told.data.contains(&said), "{}", told.data);
        let copied = sandbox
            .done(&format!("tree oci:{name}:1.0 --output json"))
            .json();
        let attached = copied["nodes"][0]["attached"].as_array().unwrap();
        assert_eq!(attached.is_empty(), !kept.is_empty(), "{copied}");
    }
}
