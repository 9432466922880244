//! What services may answer instead of what they should.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_attest::http::service_url;
use bulla_attest::oidc::IdentityToken;
use bulla_attest::sigstore::{
    CertificateError, LogService, LogVersion, Recorder, Services, request_certificate,
};
use bulla_attest::{
    BackedError, Backing, Blob, KeyAlgorithm, MemorySigner, PrivateKey, Service, ServiceError,
    claim, sign_blob_backed, sign_statement_backed,
};
use bulla_model::{Bundle, Digest, Limits, Subject};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::fake::{Asked, Fake, Reply, http, run};

fn signer() -> MemorySigner {
    MemorySigner::new(PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap())
}

fn backing(services: Services) -> Backing {
    Backing {
        certificate: None,
        recorder: Some(Recorder::new(http(), services)),
    }
}

fn log(fake: &Fake, version: LogVersion) -> Backing {
    let url = service_url(Service::TransparencyLog, &fake.url).unwrap();
    backing(Services {
        logs: vec![LogService { url, version }],
        timestamp_authorities: Vec::new(),
    })
}

async fn sign(backing: &Backing) -> Result<Bundle, ServiceError> {
    let subject = Subject::of(Digest::sha256(b"x"));
    let payload = claim::signature(&[subject], Timestamp::UNIX_EPOCH).unwrap();
    match sign_statement_backed(payload, &signer(), backing, &Limits::default()).await {
        Ok(bundle) => Ok(bundle),
        Err(BackedError::Service(error)) => Err(error),
        Err(error) => panic!("{error}"),
    }
}

/// The entry a log of version 1 would make of a proposal, but for its proofs.
fn entry_v1(asked: &Asked) -> Value {
    let proposal: Value = serde_json::from_slice(&asked.body).unwrap();
    let content = &proposal["spec"]["proposedContent"];
    let envelope: Value = serde_json::from_str(content["envelope"].as_str().unwrap()).unwrap();
    let payload = STANDARD.decode(envelope["payload"].as_str().unwrap());
    let body = json!({"apiVersion": "0.0.1", "kind": "dsse", "spec": {
        "envelopeHash": {"algorithm": "sha256", "value": "00"},
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

#[test]
fn an_entry_that_is_there_already_is_fetched() {
    run(async {
        let uuid = "ab".repeat(40);
        let there = std::sync::Mutex::new(Value::Null);
        let path = format!("GET /api/v1/log/entries/{uuid}");
        let conflict =
            json!({"message": format!("an equivalent entry already exists with UUID {uuid}")});
        let fake = Fake::start(move |asked| {
            if asked.line == path {
                return Reply::json(200, &there.lock().unwrap());
            }
            *there.lock().unwrap() = entry_v1(asked);
            Reply::json(409, &conflict)
        })
        .await;
        let bundle = sign(&log(&fake, LogVersion::V1)).await.unwrap();
        assert_eq!(bundle.log_entries(), 1);
        let text = String::from_utf8(bundle.bytes().to_vec()).unwrap();
        assert!(text.contains(r#""logIndex":"7""#), "{text}");
    });
}

#[test]
fn a_log_that_records_something_else_is_not_believed() {
    run(async {
        let fake = Fake::start(|asked| {
            let text = entry_v1(asked).to_string();
            let mut value: Value = serde_json::from_str(&text).unwrap();
            let mut body: Value = serde_json::from_slice(
                &STANDARD
                    .decode(value["ab"]["body"].as_str().unwrap())
                    .unwrap(),
            )
            .unwrap();
            body["spec"]["signatures"][0]["signature"] = json!("AAAA");
            value["ab"]["body"] = json!(STANDARD.encode(body.to_string()));
            Reply::json(201, &value)
        })
        .await;
        let error = sign(&log(&fake, LogVersion::V1)).await.unwrap_err();
        assert!(error.to_string().contains("another signature"), "{error}");
    });
}

#[test]
fn a_log_away_is_asked_again_and_a_certificate_only_once() {
    run(async {
        let fake = Fake::start(|_| Reply::Whole(503, "", b"busy".to_vec())).await;
        let error = sign(&log(&fake, LogVersion::V1)).await.unwrap_err();
        assert!(
            matches!(error, ServiceError::Status { status: 503, .. }),
            "{error}"
        );
        assert_eq!(fake.asked().len(), 3);
        // Two entries would stand in a log of version 2 for ever.
        let error = sign(&log(&fake, LogVersion::V2)).await.unwrap_err();
        assert!(
            matches!(error, ServiceError::Status { status: 503, .. }),
            "{error}"
        );
        assert_eq!(fake.asked().len(), 4);
        certificate(&fake).await.unwrap_err();
        assert_eq!(fake.asked().len(), 5);
    });
}

#[test]
fn an_endless_answer_ends() {
    run(async {
        let fake = Fake::start(|_| Reply::Endless).await;
        let error = sign(&log(&fake, LogVersion::V2)).await.unwrap_err();
        assert!(matches!(error, ServiceError::Size { .. }), "{error}");
    });
}

#[test]
fn a_token_follows_no_redirect() {
    run(async {
        let elsewhere = Fake::start(|_| Reply::Whole(200, "", Vec::new())).await;
        let location: &'static str =
            Box::leak(format!("location: {}/x\r\n", elsewhere.url).into_boxed_str());
        let fake = Fake::start(move |_| Reply::Whole(307, location, Vec::new())).await;
        let error = certificate(&fake).await.unwrap_err();
        assert!(error.to_string().contains("answered 307"), "{error}");
        assert_eq!(elsewhere.asked().len(), 0);
        assert_eq!(fake.asked().len(), 1);
    });
}

fn token() -> IdentityToken {
    let claims = r#"{"iss":"https://i","sub":"s","aud":"sigstore","exp":9999999999}"#;
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(claims);
    IdentityToken::parse(&format!("e30.{payload}.c2ln")).unwrap()
}

async fn certificate(fake: &Fake) -> Result<(), CertificateError> {
    let url = service_url(Service::CertificateAuthority, &fake.url).unwrap();
    request_certificate(&http(), &url, &token(), &signer())
        .await
        .map(drop)
}

#[test]
fn certificates_come_whole_or_not_at_all() {
    let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let chain = |count: usize| json!({"chain": {"certificates": vec![pem; count]}});
    let answers = [
        (json!({"signedCertificateEmbeddedSct": chain(2)}), None),
        (
            json!({"signedCertificateEmbeddedSct": chain(0)}),
            Some("chain of 0"),
        ),
        (
            json!({"signedCertificateEmbeddedSct": chain(11)}),
            Some("chain of 11"),
        ),
        (
            json!({"signedCertificateDetachedSct": chain(2)}),
            Some("carries no timestamp of its log"),
        ),
        (json!({}), Some("no certificate, or two")),
    ];
    for (answer, refusal) in answers {
        run(async {
            let body = answer.clone();
            let fake = Fake::start(move |_| Reply::json(200, &body)).await;
            let outcome = certificate(&fake).await;
            match refusal {
                None => {
                    outcome.unwrap();
                    let asked: Value = serde_json::from_slice(&fake.asked()[0].body).unwrap();
                    assert!(asked["publicKeyRequest"]["proofOfPossession"].is_string());
                    assert_eq!(fake.asked()[0].line, "POST /api/v2/signingCert");
                }
                Some(text) => {
                    let error = outcome.unwrap_err().to_string();
                    assert!(error.contains(text), "{error}");
                }
            }
        });
    }
}

#[test]
fn a_refused_token_is_said_to_be_refused() {
    run(async {
        let fake = Fake::start(|_| {
            Reply::json(
                401,
                &json!({"code": 16, "message": "token is expired\u{1b}[31m"}),
            )
        })
        .await;
        let error = certificate(&fake).await.unwrap_err().to_string();
        assert!(error.contains("answered 401: token is expired"), "{error}");
        assert!(!error.contains('\u{1b}'), "{error:?}");
    });
}

#[test]
fn a_token_that_is_repeated_is_not_shown() {
    run(async {
        let fake = Fake::start(|asked| {
            let text = String::from_utf8_lossy(&asked.body).into_owned();
            Reply::Whole(400, "", format!("cannot read {text}").into_bytes())
        })
        .await;
        let error = certificate(&fake).await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains("cannot read"), "{text}");
        assert!(
            !text.contains("c2ln") && !text.contains("eyJpc3M"),
            "{text}"
        );
    });
}

#[test]
fn a_refused_address_does_not_show_its_password() {
    for text in [
        "https://user:hunter2@rekor.example.test",
        "http://user:hunter2@rekor.example.test",
        "user:hunter2@rekor.example.test",
    ] {
        let error = service_url(Service::TransparencyLog, text).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

/// A timestamp of the sort bundles carry, of some other signature.
fn foreign_timestamp() -> Vec<u8> {
    let path = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata/verify/sigstore/rekor2.sigstore.json");
    let bundle: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let stamp = &bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"]
        [0]["signedTimestamp"];
    STANDARD.decode(stamp.as_str().unwrap()).unwrap()
}

#[test]
fn a_timestamp_of_something_else_is_not_taken() {
    // 2 is "rejection".
    let rejected = vec![0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x02];
    for (body, refusal) in [
        (foreign_timestamp(), "the timestamp is of something else"),
        (rejected, "refused with status 2"),
        (b"nonsense".to_vec(), "malformed answer"),
    ] {
        run(async {
            let fake = Fake::start(move |_| Reply::Whole(201, "", body.clone())).await;
            let url = service_url(Service::TimestampAuthority, &fake.url).unwrap();
            let services = Services {
                logs: Vec::new(),
                timestamp_authorities: vec![url],
            };
            let blob = Blob::new(b"artifact").unwrap();
            let limits = Limits::default();
            let error = sign_blob_backed(blob, &signer(), &backing(services), &limits)
                .await
                .unwrap_err()
                .to_string();
            assert!(error.contains(refusal), "{error}");
            assert!(
                fake.asked()[0]
                    .headers
                    .contains("application/timestamp-query")
            );
        });
    }
}

#[test]
fn services_are_reached_over_tls_or_on_this_machine() {
    for (text, accepted) in [
        ("https://rekor.example.test", true),
        ("http://127.0.0.1:3000", true),
        ("http://[::1]:3000", true),
        ("http://localhost", true),
        ("http://rekor.example.test", false),
        ("http://127.0.0.1.example.test", false),
        ("https://user:secret@rekor.example.test", false),
        ("file:///etc/passwd", false),
    ] {
        let outcome = service_url(Service::TransparencyLog, text);
        assert_eq!(outcome.is_ok(), accepted, "{text}");
    }
}
