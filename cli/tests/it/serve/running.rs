//! A server that runs, and somebody who asks it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::{Certificate, Client, Response};
use serde_json::{Value, json};

use super::world::World;

/// `bulla serve` with a certificate of its own.
pub(crate) struct Running {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    pub(crate) url: String,
    pub(crate) client: Client,
}

/// Writes a certificate for the loopback address and gives it to whoever is to trust it.
pub(crate) fn write_certificate(world: &World) -> Certificate {
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    std::fs::write(world.path("tls.crt"), made.cert.pem()).unwrap();
    std::fs::write(world.path("tls.key"), made.signing_key.serialize_pem()).unwrap();
    Certificate::from_pem(made.cert.pem().as_bytes()).unwrap()
}

pub(crate) fn client(certificate: Certificate) -> Client {
    Client::builder()
        .no_proxy()
        .tls_certs_only([certificate])
        .build()
        .unwrap()
}

impl Running {
    /// Starts on the world's layout.
    pub(crate) fn start(world: &World, more: &[&str]) -> Self {
        let layout: &[&str] = &["--layout", "oci:layout"];
        Self::start_with(world, &[layout, more].concat())
    }

    pub(crate) fn start_with(world: &World, more: &[&str]) -> Self {
        let client = client(write_certificate(world));
        let mut child = world
            .command()
            .args(["serve", "--env", "prod", "--policy", "policy"])
            .args(["--listen", "127.0.0.1:0", "--output", "json"])
            .args(["--tls-cert", "tls.crt", "--tls-key", "tls.key"])
            .args(more)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let heard = Arc::clone(&lines);
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                heard.lock().unwrap().push(line);
            }
        });
        let mut running = Self {
            child,
            lines,
            url: String::new(),
            client,
        };
        let listening = running.event("listening");
        listening["address"]
            .as_str()
            .unwrap()
            .clone_into(&mut running.url);
        running
    }

    /// The first logged event of this name, waited for.
    pub(crate) fn event(&self, name: &str) -> Value {
        self.events(name, 1).remove(0)
    }

    /// At least this many events of this name, waited for.
    pub(crate) fn events(&self, name: &str, count: usize) -> Vec<Value> {
        let started = Instant::now();
        loop {
            let lines = self.lines.lock().unwrap().clone();
            let events = lines
                .iter()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok())
                .filter(|event| event["event"] == name);
            let events: Vec<_> = events.collect();
            if events.len() >= count {
                return events;
            }
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "no {count} `{name}` in {lines:?}"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> Response {
        self.client
            .post(format!("{}{path}", self.url))
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await
            .unwrap()
    }

    pub(crate) async fn text(&self, path: &str) -> (u16, String) {
        let url = format!("{}{path}", self.url);
        let response = self.client.get(url).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Asks, and answers with the `response` of the review.
    pub(crate) async fn ask(&self, review: &Value) -> Value {
        self.ask_at("/validate?timeout=10s", review).await
    }

    pub(crate) async fn ask_at(&self, path: &str, review: &Value) -> Value {
        let response = self.post(path, review.to_string()).await;
        assert_eq!(response.status(), 200);
        let bytes = response.bytes().await.unwrap();
        let mut answer: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(answer["apiVersion"], "admission.k8s.io/v1");
        assert_eq!(answer["kind"], "AdmissionReview");
        assert_eq!(answer["response"]["uid"], review["request"]["uid"]);
        answer["response"].take()
    }

    /// The value of a counter.
    pub(crate) async fn counter(&self, name: &str) -> u64 {
        let (_, text) = self.text("/metrics").await;
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let value = line.unwrap_or_else(|| panic!("no {name} in {text}"));
        value.trim().parse().unwrap()
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        let status = std::process::Command::new("sh")
            .args(["-c", &kill])
            .status();
        assert!(status.unwrap().success());
    }

    /// Waits for the process to end by itself.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A review of a pod with these images.
pub(crate) fn pod(images: &[&str]) -> Value {
    let container = |(at, image): (usize, &&str)| json!({"name": format!("c{at}"), "image": image});
    let containers: Vec<_> = images.iter().enumerate().map(container).collect();
    let spec = json!({"containers": containers});
    review("", "v1", "Pod", json!({"spec": spec}))
}

/// A review of the creation of an object.
pub(crate) fn review(group: &str, version: &str, kind: &str, mut object: Value) -> Value {
    object["kind"] = json!(kind);
    object["apiVersion"] = if group.is_empty() {
        json!(version)
    } else {
        json!(format!("{group}/{version}"))
    };
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "0df28fbd-5f5f-11e8-bc74-36e6bb280816",
            "kind": {"group": group, "version": version, "kind": kind},
            "operation": "CREATE",
            "namespace": "pay",
            "name": "api",
            "userInfo": {"username": "system:serviceaccount:pay:deployer"},
            "object": object,
        },
    })
}
