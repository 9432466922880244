//! Signing without a key, with services that do not do what they should.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bulla_model::Digest;
use serde_json::{Value, json};

use crate::sandbox::Sandbox;

/// Certificate authority and log at one address. The certificates it issues are genuine ones of
/// somebody else; the entries are what a log would write, without a proof.
struct Services {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Services {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &seen);
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(mut stream: TcpStream, seen: &Mutex<Vec<String>>) {
    let mut bytes = Vec::new();
    let (head, body) = loop {
        let mut part = [0; 4096];
        let count = stream.read(&mut part).unwrap();
        if count == 0 {
            return;
        }
        bytes.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .to_ascii_lowercase()
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
            .unwrap_or(0_usize);
        if body.len() >= length {
            break (head.to_owned(), body.to_owned());
        }
    };
    let line = head.lines().next().unwrap().to_owned();
    let reply = if line.contains("/api/v2/signingCert") {
        issued()
    } else {
        entry(&serde_json::from_str(&body).unwrap())
    };
    seen.lock().unwrap().push(line);
    let reply = reply.to_string();
    let head = format!(
        "HTTP/1.1 201 X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        reply.len()
    );
    stream.write_all((head + &reply).as_bytes()).unwrap();
}

fn fixture(name: &str) -> Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/verify/sigstore/");
    serde_json::from_slice(&std::fs::read(format!("{folder}{name}")).unwrap()).unwrap()
}

fn issued() -> Value {
    let bundle = fixture("rekor2.sigstore.json");
    let leaf = bundle["verificationMaterial"]["certificate"]["rawBytes"]
        .as_str()
        .unwrap();
    let pem = format!("-----BEGIN CERTIFICATE-----\n{leaf}\n-----END CERTIFICATE-----\n");
    json!({"signedCertificateEmbeddedSct": {"chain": {"certificates": [pem]}}})
}

fn entry(proposal: &Value) -> Value {
    let content = &proposal["spec"]["proposedContent"];
    let envelope: Value = serde_json::from_str(content["envelope"].as_str().unwrap()).unwrap();
    let payload = STANDARD.decode(envelope["payload"].as_str().unwrap());
    let body = json!({"apiVersion": "0.0.1", "kind": "dsse", "spec": {
        "envelopeHash": {"algorithm": "sha256", "value": "00".repeat(32)},
        "payloadHash": {"algorithm": "sha256", "value": Digest::sha256(&payload.unwrap()).hex()},
        "signatures": [{
            "signature": envelope["signatures"][0]["sig"],
            "verifier": content["verifiers"][0],
        }],
    }});
    json!({"ab": {
        "body": STANDARD.encode(body.to_string()),
        "integratedTime": 1_700_000_000,
        "logID": "00".repeat(32),
        "logIndex": 7,
        "verification": {"signedEntryTimestamp": "AAAA"},
    }})
}

fn sandbox(services: &Services) -> (Sandbox, String) {
    let sandbox = Sandbox::new().with_image();
    let root = fixture("rekor2.trusted_root.json");
    sandbox.write("root.json", &root.to_string());
    let claims = json!({
        "iss": "https://issuer.example.test", "sub": "dev", "aud": "sigstore",
        "exp": 9_999_999_999_u64, "email": "dev@example.test",
    });
    let payload = URL_SAFE_NO_PAD.encode(claims.to_string());
    sandbox.write("token", &format!("e30.{payload}.c2ln\n"));
    let url = &services.url;
    let arguments = format!(
        "--identity-token @token --fulcio-url {url} --rekor-url {url} --trusted-root root.json image"
    );
    (sandbox, arguments)
}

#[test]
fn f32_what_does_not_verify_is_not_published() {
    let services = Services::start();
    let (sandbox, arguments) = sandbox(&services);
    let before = sandbox.read("image/index.json");
    let answer = sandbox.run(&format!("sign --yes --bundle out.json {arguments}"));
    assert_eq!(answer.code, 12, "{}", answer.talk);
    assert!(
        answer
            .talk
            .contains("does not verify, so nothing was published"),
        "{}",
        answer.talk
    );
    assert_eq!(services.asked().len(), 2, "{:?}", services.asked());
    assert_eq!(sandbox.read("image/index.json"), before);
    assert!(!sandbox.names().contains(&"out.json".to_owned()));
}

#[test]
fn nothing_becomes_public_without_a_yes() {
    let services = Services::start();
    let (sandbox, arguments) = sandbox(&services);
    let answer = sandbox.run(&format!("sign {arguments}"));
    assert_eq!(answer.code, 2, "{}", answer.talk);
    for part in ["dev@example.test", "cannot be taken back", "--yes"] {
        assert!(answer.talk.contains(part), "{part}: {}", answer.talk);
    }
    assert!(services.asked().is_empty(), "{:?}", services.asked());
}

#[test]
fn a_named_service_leaves_out_those_of_the_public_instance() {
    let services = Services::start();
    let (sandbox, _) = sandbox(&services);
    let arguments = format!(
        "sign --yes --identity-token @token --fulcio-url {} --trusted-root root.json image",
        services.url
    );
    let answer = sandbox.run(&arguments);
    assert_eq!(answer.code, 2, "{}", answer.talk);
    assert!(
        answer.talk.contains("nothing would prove when"),
        "{}",
        answer.talk
    );
    assert!(services.asked().is_empty(), "{:?}", services.asked());
}
