//! Signing without a key, with services that do not do what they should.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, LazyLock, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bulla_model::{Digest, Limits};
use bulla_verify::{Trust, claimed_certificate};
use serde_json::{Value, json};

use crate::evidence::{built, company};
use crate::sandbox::{Answer, Sandbox};

/// Certificate authority and log at one address. The certificates it issues are genuine ones of
/// somebody else; the entries are what a log would write, without a proof.
struct Services {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

/// What a certificate authority makes of a request.
type Issue = fn(&Value) -> Value;

impl Services {
    fn start() -> Self {
        Self::issuing(|_| issued())
    }

    fn issuing(issue: Issue) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &seen, issue);
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(mut stream: TcpStream, seen: &Mutex<Vec<String>>, issue: Issue) {
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
        issue(&serde_json::from_str(&body).unwrap())
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

/// A P-256 key that somebody else holds.
struct Held(Vec<u8>);

impl rcgen::PublicKeyData for Held {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

/// An authority of the tests' own.
static AUTHORITY: LazyLock<rcgen::CertifiedIssuer<'static, rcgen::KeyPair>> = LazyLock::new(|| {
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    rcgen::CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap()
});

/// A certificate for the key of the request, of that authority.
fn issued_to(request: &Value, email: &str, ends: (i32, u8, u8)) -> Value {
    let pem = request
        .pointer("/publicKeyRequest/publicKey/content")
        .unwrap();
    let lines = pem.as_str().unwrap().lines();
    let text: String = lines.filter(|line| !line.starts_with('-')).collect();
    let spki = STANDARD.decode(text).unwrap();
    let held = Held(spki[spki.len() - 65..].to_vec());
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(ends.0, ends.1, ends.2);
    let email = rcgen::string::Ia5String::try_from(email).unwrap();
    params.subject_alt_names = vec![rcgen::SanType::Rfc822Name(email)];
    let issuer = b"\x0c\x1bhttps://issuer.example.test";
    params.custom_extensions = vec![rcgen::CustomExtension::from_oid_content(
        &[1, 3, 6, 1, 4, 1, 57264, 1, 8],
        issuer.to_vec(),
    )];
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::CodeSigning];
    let made = params.signed_by(&held, &*AUTHORITY).unwrap();
    json!({"signedCertificateEmbeddedSct": {"chain": {"certificates": [made.pem()]}}})
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
fn f32_a_certificate_for_another_key_is_not_signed_with() {
    let services = Services::start();
    let (sandbox, arguments) = sandbox(&services);
    let before = sandbox.read("image/index.json");
    let answer = sandbox.run(&format!("sign --yes --bundle out.json {arguments}"));
    assert_eq!(answer.code, 12, "{}", answer.talk);
    assert!(answer.talk.contains("for another key"), "{}", answer.talk);
    assert!(
        answer.talk.contains("nothing was signed"),
        "{}",
        answer.talk
    );
    // The log, where nothing can be taken back, was not asked.
    assert_eq!(services.asked().len(), 1, "{:?}", services.asked());
    assert_eq!(sandbox.read("image/index.json"), before);
    assert!(!sandbox.names().contains(&"out.json".to_owned()));
}

#[test]
fn a_certificate_for_somebody_else_is_not_signed_with() {
    let services =
        Services::issuing(|request| issued_to(request, "eve@example.test", (2999, 1, 1)));
    let (sandbox, arguments) = sandbox(&services);
    let answer = sandbox.run(&format!("sign --yes {arguments}"));
    assert_eq!(answer.code, 12, "{}", answer.talk);
    let said = "is for `eve@example.test`, not for dev@example.test";
    assert!(answer.talk.contains(said), "{}", answer.talk);
    assert_eq!(services.asked().len(), 1, "{:?}", services.asked());
}

#[test]
fn a_certificate_of_an_authority_nobody_trusts_is_not_signed_with() {
    let services =
        Services::issuing(|request| issued_to(request, "dev@example.test", (2999, 1, 1)));
    let (sandbox, arguments) = sandbox(&services);
    let answer = sandbox.run(&format!("sign --yes {arguments}"));
    assert_eq!(answer.code, 12, "{}", answer.talk);
    let said = "no authority of the trusted root issued it";
    assert!(answer.talk.contains(said), "{}", answer.talk);
    assert_eq!(services.asked().len(), 1, "{:?}", services.asked());
}

#[test]
fn certificates_of_real_authorities_are_vouched_for_in_their_time() {
    for (bundle, root) in [
        ("rekor1", "public"),
        ("rekor2", "rekor2"),
        ("two-intermediates", "two-intermediates"),
    ] {
        let material = &fixture(&format!("{bundle}.sigstore.json"))["verificationMaterial"];
        let leaf = material["certificate"]["rawBytes"].as_str().unwrap();
        let leaf = STANDARD.decode(leaf).unwrap();
        let roots = |name: &str| {
            let root = fixture(&format!("{name}.trusted_root.json")).to_string();
            let now = jiff::Timestamp::now();
            Trust::new(None, &[root.into_bytes()], now, &Limits::default()).unwrap()
        };
        let claimed = claimed_certificate(&leaf).unwrap();
        let trust = roots(root);
        trust.vouches_for(&leaf, claimed.not_before).unwrap();
        trust.vouches_for(&leaf, claimed.not_after).unwrap();
        let later = claimed.not_after + jiff::SignedDuration::from_secs(1);
        trust.vouches_for(&leaf, later).unwrap_err();
        let other = roots("private");
        other.vouches_for(&leaf, claimed.not_before).unwrap_err();
    }
}

#[test]
fn a_build_ends_before_the_certificate_begins() {
    let services =
        Services::issuing(|request| issued_to(request, "dev@example.test", (2999, 1, 1)));
    let (sandbox, arguments) = sandbox(&services);
    let arguments = arguments.trim_end_matches("image");
    let run = |flags: &str, script: &str| {
        let line = format!("run --attach image {flags} {arguments} -- sh -c");
        Answer::of(&sandbox.command(&line).arg(script).output().unwrap())
    };
    assert_eq!(run("", "touch built").code, 2);
    assert!(
        !sandbox.names().contains(&"built".to_owned()),
        "nobody could agree"
    );
    assert_eq!(run("--yes", "exit 3").code, 3);
    assert!(services.asked().is_empty(), "{:?}", services.asked());
    assert_eq!(run("--yes", "touch built").code, 12);
    assert_eq!(services.asked().len(), 1, "{:?}", services.asked());
}

#[test]
fn nothing_is_recorded_once_the_certificate_has_ended() {
    let services =
        Services::issuing(|request| issued_to(request, "dev@example.test", (2021, 1, 1)));
    let (sandbox, arguments) = sandbox(&services);
    sandbox.write("ca.pem", &AUTHORITY.pem());
    let authority = "url=https://ca.example.test,certificate-chain=ca.pem";
    sandbox.done(&format!("trust create --fulcio {authority} --out own.json"));
    let arguments = arguments.replace("root.json", "own.json");
    for claim in ["sign --yes", "sign --yes --bundle out.json"] {
        let answer = sandbox.run(&format!("{claim} {arguments}"));
        assert_eq!(answer.code, 3, "{}", answer.talk);
        assert!(
            answer.talk.contains("the certificate ended at"),
            "{}",
            answer.talk
        );
    }
    assert_eq!(services.asked().len(), 2, "{:?}", services.asked());
}

#[test]
fn f32_what_does_not_verify_is_not_attached_and_said_to_be_recorded() {
    let services = Services::start();
    let (sandbox, _) = sandbox(&services);
    sandbox.done("key generate --no-password");
    let before = sandbox.read("image/index.json");
    let url = &services.url;
    let answer = sandbox.run(&format!(
        "sign --yes --bundle out.json --key bulla.key --rekor-url {url} --trusted-root root.json image"
    ));
    assert_eq!(answer.code, 12, "{}", answer.talk);
    for part in [
        "does not verify",
        "not attached",
        "recorded in the log 127.0.0.1",
    ] {
        assert!(answer.talk.contains(part), "{part}: {}", answer.talk);
    }
    assert!(
        !answer.talk.contains("nothing was published"),
        "{}",
        answer.talk
    );
    assert_eq!(services.asked().len(), 1, "{:?}", services.asked());
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
fn nobody_logs_in_for_an_approval_before_the_answer() {
    let sandbox = company();
    built(&sandbox, "image:1.0");
    let root = fixture("rekor2.trusted_root.json");
    sandbox.write("root.json", &root.to_string());
    let provider = TcpListener::bind("127.0.0.1:0").unwrap();
    provider.set_nonblocking(true).unwrap();
    let url = format!("http://{}", provider.local_addr().unwrap());
    let approve = |more: &str| {
        let mut command = sandbox.command(&format!(
            "approve image:1.0 --to prod --policy policy --anchor anchor.yaml --fulcio-url {url} --timestamp-server-url {url} --trusted-root root.json --timeout 1s {more}"
        ));
        command
            .env("GITHUB_ACTIONS", "true")
            .env("ACTIONS_ID_TOKEN_REQUEST_URL", format!("{url}/token?v=1"))
            .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "request");
        Answer::of(&command.output().unwrap())
    };
    let answer = approve("");
    assert_eq!(answer.code, 2, "{}", answer.talk);
    assert!(
        answer.talk.contains("nobody is there to ask"),
        "{}",
        answer.talk
    );
    assert!(provider.accept().is_err(), "a token was asked for");
    // The trap works.
    assert_eq!(approve("--yes").code, 3);
    provider.accept().unwrap();
}

#[test]
fn no_proxy_sees_a_token_in_the_clear() {
    let services = Services::start();
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let (sandbox, arguments) = sandbox(&services);
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let mut command = sandbox.command(&format!("sign --yes {arguments} --timeout 5s"));
    command.env("http_proxy", address).output().unwrap();
    assert!(services.asked()[0].contains("/api/v2/signingCert"));
    assert!(proxy.accept().is_err(), "the proxy was asked");
}

#[cfg(unix)]
#[test]
fn a_platforms_program_is_never_the_checkouts() {
    use std::os::unix::fs::PermissionsExt as _;
    let services = Services::start();
    let (sandbox, arguments) = sandbox(&services);
    let program = sandbox.path("bin/buildkite-agent");
    sandbox.write("bin/buildkite-agent", "#!/bin/sh\ntouch started\n");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let arguments = arguments.replace("--identity-token @token", "");
    let run = |folder: &str| {
        let mut command = sandbox.command(&format!("sign --yes {arguments}"));
        command
            .env("BUILDKITE", "true")
            .env("PATH", format!("{folder}:/usr/bin:/bin"))
            .output()
            .unwrap();
        sandbox.names().contains(&"started".to_owned())
    };
    assert!(!run("bin"));
    assert!(run(program.parent().unwrap().to_str().unwrap()));
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
