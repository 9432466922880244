//! Keys in services: what is asked of them, and that a bad answer signs nothing.
//!
//! The answers are of the shapes the services document; the real OpenBao, a token of SoftHSM and a
//! simulation of AWS are asked by `.ci/interop/keys.sh`.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bulla_attest::key::KubernetesSecret;
use bulla_attest::service::KubernetesAccess;
use bulla_attest::{
    AnySigner, Blob, KeyAlgorithm, KeyLocation, KeyServiceError, MemorySigner, PrivateKey,
    PublicKey, SignError, SignatureScheme, Signer as _,
};
use serde_json::{Value, json};

use crate::key_service::{Fake, Received, World};
use crate::{fixture, now};

const ARTIFACT: &[u8] = b"artifact";

fn key(name: &str) -> PrivateKey {
    PrivateKey::from_pem(&fixture(&format!("keys/{name}.key")), None).unwrap()
}

/// What the key would answer about the artifact.
fn signed(name: &str, scheme: Option<SignatureScheme>) -> Vec<u8> {
    let signer = match scheme {
        Some(scheme) => MemorySigner::with_scheme(key(name), scheme).unwrap(),
        None => MemorySigner::new(key(name)),
    };
    now(signer.sign_blob(&Blob::new(ARTIFACT).unwrap())).unwrap()
}

fn spki(name: &str) -> String {
    STANDARD.encode(key(name).public_key().spki())
}

async fn open(location: &str, world: &World) -> Result<AnySigner, KeyServiceError> {
    let location: KeyLocation = location.parse().unwrap();
    Ok(AnySigner::open(&location, None, world).await?.unwrap())
}

async fn sign(signer: &AnySigner) -> Result<Vec<u8>, SignError> {
    signer.sign_blob(&Blob::new(ARTIFACT).unwrap()).await
}

fn vault_key(version: u64) -> String {
    let pem = key("p256").public_key().to_pem();
    json!({ "data": { "type": "ecdsa-p256", "latest_version": version,
        "keys": { "1": { "public_key": "" }, version.to_string(): { "name": "P-256", "public_key": pem } } } })
    .to_string()
}

fn vault(fake: &Fake) -> World {
    World::with([
        ("VAULT_ADDR", &fake.url()),
        ("VAULT_TOKEN", "hvs.very-secret"),
        ("VAULT_NAMESPACE", "team"),
    ])
}

#[tokio::test]
async fn vault_signs_a_digest_with_the_version_it_was_opened_with() {
    let signature = signed("p256", None);
    let answer = format!("vault:v3:{}", STANDARD.encode(&signature));
    let fake = Fake::start(move |request| match request.line.as_str() {
        "GET /v1/transit/keys/build HTTP/1.1" => (200, vault_key(3)),
        _ => (200, json!({ "data": { "signature": answer } }).to_string()),
    })
    .await;
    let signer = open("hashivault://build", &vault(&fake)).await.unwrap();
    assert_eq!(*signer.public_key(), key("p256").public_key());
    assert_eq!(sign(&signer).await.unwrap(), signature);
    let [_, asked] = &fake.received()[..] else {
        panic!("two requests");
    };
    assert_eq!(asked.line, "POST /v1/transit/sign/build/sha2-256 HTTP/1.1");
    assert_eq!(asked.headers["x-vault-token"], "hvs.very-secret");
    assert_eq!(asked.headers["x-vault-namespace"], "team");
    let digest = bulla_model::Digest::sha256(ARTIFACT);
    let input = STANDARD.encode(hex::decode(digest.hex()).unwrap());
    assert_eq!(
        asked.json(),
        json!({ "input": input, "prehashed": true, "key_version": 3, "marshaling_algorithm": "asn1" })
    );
    assert!(!format!("{signer:?}").contains("hvs."));
}

#[tokio::test]
async fn a_signature_of_another_version_key_or_message_is_refused() {
    let good = STANDARD.encode(signed("p256", None));
    let foreign = STANDARD.encode(
        now(
            MemorySigner::new(PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap())
                .sign_blob(&Blob::new(ARTIFACT).unwrap()),
        )
        .unwrap(),
    );
    for (answer, is_shape) in [
        (format!("vault:v2:{good}"), true),
        (good.clone(), true),
        (format!("vault:v1:{foreign}"), false),
        ("vault:v1:AAAA".to_owned(), false),
    ] {
        let shown = answer.clone();
        let fake = Fake::start(move |request| {
            if request.line.starts_with("GET") {
                (200, vault_key(1))
            } else {
                (200, json!({ "data": { "signature": answer } }).to_string())
            }
        })
        .await;
        let signer = open("openbao://build", &vault(&fake)).await.unwrap();
        match sign(&signer).await.unwrap_err() {
            SignError::Service(KeyServiceError::Malformed { .. }) => assert!(is_shape, "{shown}"),
            SignError::Wrong => assert!(!is_shape, "{shown}"),
            other => panic!("{shown}: {other}"),
        }
    }
}

#[tokio::test]
async fn a_service_that_repeats_the_token_does_not_make_it_visible() {
    let fake = Fake::start(|request| {
        let token = &request.headers["x-vault-token"];
        (
            403,
            json!({ "errors": [format!("bad token {token}\u{1b}[2J")] }).to_string(),
        )
    })
    .await;
    let error = open("hashivault://build", &vault(&fake)).await.unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(
        text.contains("403") && text.contains("bad token …"),
        "{text}"
    );
    assert!(!text.contains("hvs.") && !text.contains('\u{1b}'), "{text}");
}

#[tokio::test]
async fn questions_are_asked_again_and_signatures_are_not() {
    let counted = |fake: &Fake, method: &str| {
        let all = fake.received();
        all.iter().filter(|r| r.line.starts_with(method)).count()
    };
    let fake = Fake::start(|request| {
        if request.line.starts_with("GET") {
            (200, vault_key(1))
        } else {
            (503, String::new())
        }
    })
    .await;
    let signer = open("hashivault://build", &vault(&fake)).await.unwrap();
    let error = sign(&signer).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "Vault answered 503 to the signature: no reason given"
    );
    assert_eq!(counted(&fake, "POST"), 1);

    let fake = Fake::start(|_| (503, String::new())).await;
    open("hashivault://build", &vault(&fake)).await.unwrap_err();
    assert_eq!(counted(&fake, "GET"), 3);
}

#[tokio::test]
async fn f51_credentials_do_not_follow_a_redirect() {
    let fake = Fake::start(|_| (307, String::new())).await;
    let error = open("hashivault://build", &vault(&fake)).await.unwrap_err();
    assert!(
        matches!(error, KeyServiceError::Refused { status: 307, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn answers_without_end_are_refused() {
    let fake = Fake::start(|_| (200, "x".repeat((1 << 20) + 1))).await;
    let error = open("hashivault://build", &vault(&fake)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Vault: malformed answer to the key: more than 1048576 bytes"
    );
}

#[tokio::test]
async fn services_elsewhere_are_spoken_to_over_tls() {
    for address in [
        "http://vault.example.test:8200",
        "ftp://127.0.0.1",
        "https://user:pw@vault.example.test",
    ] {
        let world = World::with([("VAULT_ADDR", address), ("VAULT_TOKEN", "t")]);
        let error = open("hashivault://build", &world).await.unwrap_err();
        assert!(
            matches!(error, KeyServiceError::Configuration { .. }),
            "{address}: {error}"
        );
        assert!(!error.to_string().contains(":pw@"), "{error}");
    }
    let mut world = World::with([
        ("VAULT_ADDR", "http://vault.invalid:8200"),
        ("VAULT_TOKEN", "t"),
    ]);
    world.plain = vec!["vault.invalid".to_owned()];
    let error = open("hashivault://build", &world).await.unwrap_err();
    assert!(
        matches!(error, KeyServiceError::Unreachable { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn vaults_token_is_found_in_its_file() {
    let fake = Fake::start(|_| (200, vault_key(1))).await;
    let mut world = World::with([("BAO_ADDR", &fake.url()), ("HOME", "/home/dev")]);
    let error = open("openbao://build", &world).await.unwrap_err();
    assert!(
        error.to_string().contains("VAULT_TOKEN is not set"),
        "{error}"
    );
    world
        .files
        .insert("/home/dev/.vault-token".into(), b"s.abc\n".to_vec());
    open("openbao://build", &world).await.unwrap();
    assert_eq!(fake.received()[0].headers["x-vault-token"], "s.abc");
}

const ARN: &str = "arn:aws:kms:eu-north-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

fn aws_key(name: &str, usage: &str, algorithms: &[&str]) -> String {
    json!({ "KeyId": ARN, "KeyUsage": usage, "PublicKey": spki(name), "SigningAlgorithms": algorithms })
        .to_string()
}

fn aws(fake: &Fake) -> World {
    World::with([
        ("AWS_ENDPOINT_URL_KMS", &fake.url()),
        ("AWS_REGION", "eu-north-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "aws-very-secret"),
        ("AWS_SESSION_TOKEN", "session-very-secret"),
    ])
}

fn is_question(request: &Received) -> bool {
    request.headers["x-amz-target"] == "TrentService.GetPublicKey"
}

#[tokio::test]
async fn aws_follows_an_alias_once_and_signs_requests() {
    let signature = STANDARD.encode(signed("p384", None));
    let fake = Fake::start(move |request| {
        if is_question(request) {
            (200, aws_key("p384", "SIGN_VERIFY", &["ECDSA_SHA_384"]))
        } else {
            (
                200,
                json!({ "KeyId": ARN, "Signature": signature }).to_string(),
            )
        }
    })
    .await;
    let signer = open("awskms:///alias/release", &aws(&fake)).await.unwrap();
    sign(&signer).await.unwrap();
    let [question, asked] = &fake.received()[..] else {
        panic!("two requests");
    };
    assert_eq!(question.json(), json!({ "KeyId": "alias/release" }));
    let expected = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/eu-north-1/kms/aws4_request, SignedHeaders=";
    assert!(
        asked.headers["authorization"].starts_with(expected),
        "{asked:?}"
    );
    assert!(asked.headers["authorization"].contains("x-amz-target"));
    assert_eq!(asked.headers["x-amz-security-token"], "session-very-secret");
    assert_eq!(asked.headers["content-type"], "application/x-amz-json-1.1");
    assert_eq!(
        asked.json(),
        json!({ "KeyId": ARN, "Message": STANDARD.encode(ARTIFACT), "MessageType": "RAW",
            "SigningAlgorithm": "ECDSA_SHA_384" })
    );
}

#[tokio::test]
async fn aws_is_given_a_digest_of_what_is_too_long_for_it() {
    let fake = Fake::start(move |request| {
        if is_question(request) {
            (
                200,
                aws_key("rsa", "SIGN_VERIFY", &["RSASSA_PKCS1_V1_5_SHA_256"]),
            )
        } else {
            (200, json!({ "Signature": "AAAA" }).to_string())
        }
    })
    .await;
    let location = format!("awskms:///{ARN}");
    let signer = open(&location, &aws(&fake)).await.unwrap();
    let long = vec![b'x'; 4097];
    let outcome = signer.sign_blob(&Blob::new(&long).unwrap()).await;
    assert!(matches!(outcome, Err(SignError::Wrong)), "{outcome:?}");
    let asked = fake.received()[1].json();
    assert_eq!(asked["MessageType"], "DIGEST");
    let digest = bulla_model::Digest::sha256(&long);
    assert_eq!(
        asked["Message"],
        STANDARD.encode(hex::decode(digest.hex()).unwrap())
    );
}

#[tokio::test]
async fn aws_keys_that_cannot_sign_as_needed_are_refused_when_opened() {
    for (usage, algorithms, expected) in [
        ("ENCRYPT_DECRYPT", vec![], "not for signing"),
        (
            "SIGN_VERIFY",
            vec!["RSASSA_PSS_SHA_512"],
            "does not sign with rsa-pkcs1-sha256",
        ),
    ] {
        let fake = Fake::start(move |_| (200, aws_key("rsa", usage, &algorithms))).await;
        let error = open("awskms:///alias/release", &aws(&fake))
            .await
            .unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[tokio::test]
async fn aws_secrets_are_in_no_error() {
    let fake = Fake::start(|request| {
        let token = &request.headers["x-amz-security-token"];
        let text = format!("The canonical string: x-amz-security-token:{token}");
        (
            400,
            json!({ "__type": "SignatureDoesNotMatch", "message": text }).to_string(),
        )
    })
    .await;
    let error = open("awskms:///alias/release", &aws(&fake))
        .await
        .unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(
        text.contains("canonical string") && !text.contains("very-secret"),
        "{text}"
    );
}

#[tokio::test]
async fn a_form_that_is_repeated_shows_no_web_identity() {
    let fake = Fake::start(|request| (400, format!("cannot read {}", request.body))).await;
    let mut world = World::with([
        ("AWS_ENDPOINT_URL", &fake.url()),
        ("AWS_REGION", "eu-north-1"),
        ("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/ci"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"),
    ]);
    world
        .files
        .insert("/token".into(), b"very secret/token=".to_vec());
    let error = open("awskms:///alias/release", &world).await.unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(text.contains("WebIdentityToken=…"), "{text}");
}

#[tokio::test]
async fn a_region_names_no_host_of_its_own() {
    for region in ["evil.example.test/", "x@evil.example.test#", "EU", "-a", ""] {
        let mut world = World::with([("AWS_REGION", region)]);
        let config = format!("[default]\nregion = {region}\n");
        if region.is_empty() {
            world.variables.remove("AWS_REGION");
        }
        world
            .variables
            .insert("AWS_CONFIG_FILE", "/config".to_owned());
        world.files.insert("/config".into(), config.into_bytes());
        let error = open("awskms:///alias/release", &world).await.unwrap_err();
        assert!(error.to_string().contains("is no region"), "{error}");
    }
}

#[tokio::test]
async fn a_refused_address_does_not_show_its_password() {
    for address in [
        "http://me:hunter2@vault.example.test",
        "ftp://me:hunter2@a.test",
    ] {
        let world = World::with([("VAULT_ADDR", address), ("VAULT_TOKEN", "t")]);
        let error = open("hashivault://build", &world).await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains("must hold no credentials"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[tokio::test]
async fn aws_exchanges_a_web_identity() {
    let fake = Fake::start(move |request| {
        if request.body.starts_with("Action=AssumeRoleWithWebIdentity") {
            let xml = "<R><Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s3cr3t</SecretAccessKey><SessionToken>tok</SessionToken></Credentials></R>";
            return (200, xml.to_owned());
        }
        (200, aws_key("p256", "SIGN_VERIFY", &["ECDSA_SHA_256"]))
    })
    .await;
    let mut world = World::with([
        ("AWS_ENDPOINT_URL", &fake.url()),
        ("AWS_REGION", "eu-north-1"),
        ("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/ci"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"),
    ]);
    world
        .files
        .insert("/token".into(), b"the.web.token".to_vec());
    open("awskms:///alias/release", &world).await.unwrap();
    let [exchange, asked] = &fake.received()[..] else {
        panic!("two requests");
    };
    assert!(exchange.body.contains("WebIdentityToken=the.web.token"));
    assert!(asked.headers["authorization"].contains("Credential=ASIA/"));
    assert_eq!(asked.headers["x-amz-security-token"], "tok");
}

#[tokio::test]
async fn credentials_of_containers_come_from_the_platform_only() {
    let mut world = World::with([("AWS_REGION", "eu-north-1")]);
    let uri = "http://credentials.example.test/".to_owned();
    world
        .variables
        .insert("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri);
    let error = open("awskms:///alias/release", &world).await.unwrap_err();
    assert!(error.to_string().contains("without TLS"), "{error}");
}

const GCP: &str = "projects/acme/locations/global/keyRings/r/cryptoKeys/k";

fn gcp(fake: &Fake) -> World {
    World::with([
        ("CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS", &fake.url()),
        ("GOOGLE_OAUTH_ACCESS_TOKEN", "ya29.very-secret"),
    ])
}

fn gcp_key(name: &str, algorithm: &str) -> String {
    json!({ "pem": key(name).public_key().to_pem(), "algorithm": algorithm, "name": "x" })
        .to_string()
}

#[tokio::test]
async fn google_signs_with_the_newest_enabled_version_by_number() {
    let signature = STANDARD.encode(signed("p256", None));
    let fake = Fake::start(move |request| {
        let versions = |numbers: &[u64], next: &str| {
            let list: Vec<Value> = numbers
                .iter()
                .map(|n| json!({ "name": format!("{GCP}/cryptoKeyVersions/{n}") }))
                .collect();
            json!({ "cryptoKeyVersions": list, "nextPageToken": next }).to_string()
        };
        match request.line.split(' ').nth(1).unwrap() {
            path if path.ends_with("?filter=state%3DENABLED") => (200, versions(&[9, 2], "p2")),
            path if path.contains("pageToken=p2") => (200, versions(&[10], "")),
            path if path.ends_with("/10/publicKey") => {
                (200, gcp_key("p256", "EC_SIGN_P256_SHA256"))
            }
            path if path.ends_with("/10:asymmetricSign") => {
                (200, json!({ "signature": signature }).to_string())
            }
            other => panic!("{other}"),
        }
    })
    .await;
    let signer = open(&format!("gcpkms://{GCP}"), &gcp(&fake)).await.unwrap();
    sign(&signer).await.unwrap();
    let received = fake.received();
    let asked = received.last().unwrap();
    assert_eq!(
        asked.line,
        format!("POST /v1/{GCP}/cryptoKeyVersions/10:asymmetricSign HTTP/1.1")
    );
    assert_eq!(asked.headers["authorization"], "Bearer ya29.very-secret");
    assert!(asked.json()["digest"]["sha256"].is_string());
}

#[tokio::test]
async fn googles_keys_sign_in_the_scheme_they_were_made_for() {
    let signature = STANDARD.encode(signed("rsa", Some(SignatureScheme::RsaPssSha256)));
    let fake = Fake::start(move |request| {
        if request.line.starts_with("GET") {
            (200, gcp_key("rsa", "RSA_SIGN_PSS_2048_SHA256"))
        } else {
            (200, json!({ "signature": signature }).to_string())
        }
    })
    .await;
    let signer = open(&format!("gcpkms://{GCP}/versions/1"), &gcp(&fake))
        .await
        .unwrap();
    assert_eq!(signer.schemes().blob, SignatureScheme::RsaPssSha256);
    sign(&signer).await.unwrap();

    let fake = Fake::start(|_| (200, gcp_key("rsa", "RSA_SIGN_PKCS1_4096_SHA512"))).await;
    let error = open(&format!("gcpkms://{GCP}/versions/1"), &gcp(&fake))
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("RSA_SIGN_PKCS1_4096_SHA512 are not supported"),
        "{error}"
    );
}

#[tokio::test]
async fn a_service_accounts_claim_is_signed_for_googles_token_service() {
    let fake = Fake::start(|request| match request.line.as_str() {
        "POST /token HTTP/1.1" => (200, json!({ "access_token": "issued" }).to_string()),
        _ => (200, gcp_key("p256", "EC_SIGN_P256_SHA256")),
    })
    .await;
    let mut world = gcp(&fake);
    world.variables.remove("GOOGLE_OAUTH_ACCESS_TOKEN");
    world
        .variables
        .insert("GOOGLE_APPLICATION_CREDENTIALS", "/sa.json".into());
    let account = json!({ "type": "service_account", "client_email": "ci@example.test",
        "private_key": key("rsa").to_pem().as_str(), "token_uri": format!("{}/token", fake.url()) });
    world
        .files
        .insert("/sa.json".into(), account.to_string().into_bytes());
    open(&format!("gcpkms://{GCP}/versions/1"), &world)
        .await
        .unwrap();
    let [exchange, asked] = &fake.received()[..] else {
        panic!("two requests");
    };
    assert_eq!(asked.headers["authorization"], "Bearer issued");
    let assertion = exchange.body.rsplit_once("assertion=").unwrap().1;
    let parts: Vec<&str> = assertion.split('.').collect();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    assert_eq!(claims["iss"], "ci@example.test");
    assert_eq!(
        claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
        600
    );
    let key = aws_lc_rs::signature::UnparsedPublicKey::new(
        &aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256,
        key("rsa").public_key().spki().to_vec(),
    );
    let message = format!("{}.{}", parts[0], parts[1]);
    let signature = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
    assert!(key.verify(message.as_bytes(), &signature).is_ok());
}

/// The two numbers of an ASN.1 signature, each of 32 bytes.
fn raw(der: &[u8]) -> Vec<u8> {
    let mut fixed = Vec::new();
    let mut rest = &der[2..];
    for _ in 0..2 {
        let length = rest[1] as usize;
        let number: Vec<u8> = rest[2..2 + length]
            .iter()
            .copied()
            .skip_while(|b| *b == 0)
            .collect();
        fixed.extend(std::iter::repeat_n(0, 32 - number.len()).chain(number));
        rest = &rest[2 + length..];
    }
    fixed
}

fn azure_key(host: &str) -> String {
    let spki = key("p256").public_key().spki().to_vec();
    let point = &spki[spki.len() - 64..];
    let part = |range: std::ops::Range<usize>| URL_SAFE_NO_PAD.encode(&point[range]);
    json!({ "key": { "kid": format!("https://{host}/keys/build/0a1b2c"), "kty": "EC-HSM", "crv": "P-256",
        "x": part(0..32), "y": part(32..64), "key_ops": ["sign"] } })
    .to_string()
}

#[tokio::test]
async fn azure_signs_with_the_version_it_named_and_its_numbers_become_asn_1() {
    let value = URL_SAFE_NO_PAD.encode(raw(&signed("p256", None)));
    let fake = Fake::start(
        move |request| match request.line.split(' ').next().unwrap() {
            "GET" if request.line.contains("/metadata/identity/") => (
                200,
                json!({ "access_token": "eyJ.very-secret" }).to_string(),
            ),
            "GET" => (200, azure_key("acme.vault.azure.net")),
            _ => (200, json!({ "kid": "x", "value": value }).to_string()),
        },
    )
    .await;
    let mut world = World::with([("AZURE_POD_IDENTITY_AUTHORITY_HOST", &fake.url())]);
    world.plain = vec![fake.address.clone()];
    let location = format!("azurekms://{}/build", fake.address);
    let signer = open(&location, &world).await.unwrap();
    assert_eq!(*signer.public_key(), key("p256").public_key());
    let signature = sign(&signer).await.unwrap();
    assert_eq!(signature[0], 0x30);
    let received = fake.received();
    assert!(
        received[0]
            .line
            .contains("resource=https%3A%2F%2Fvault.azure.net")
    );
    let asked = received.last().unwrap();
    assert_eq!(
        asked.line,
        "POST /keys/build/0a1b2c/sign?api-version=7.4 HTTP/1.1"
    );
    assert_eq!(asked.headers["authorization"], "Bearer eyJ.very-secret");
    assert_eq!(asked.json()["alg"], "ES256");
}

#[tokio::test]
async fn azures_token_goes_to_vaults_only() {
    let world = World::with([
        ("AZURE_TENANT_ID", "t"),
        ("AZURE_CLIENT_ID", "c"),
        ("AZURE_CLIENT_SECRET", "very-secret"),
        ("AZURE_AUTHORITY_HOST", "http://127.0.0.1:1"),
    ]);
    for host in [
        "vault.azure.net.example.test",
        "example.test",
        "127.0.0.1:1",
    ] {
        let error = open(&format!("azurekms://{host}/build"), &world)
            .await
            .unwrap_err();
        assert!(error.to_string().contains("is no vault's host"), "{error}");
    }
}

#[cfg(unix)]
fn program(folder: &std::path::Path, body: &str) -> World {
    use std::os::unix::fs::PermissionsExt as _;
    let path = folder.join("sigstore-kms-my-hsm");
    std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut world = World::default();
    world
        .programs
        .insert("sigstore-kms-my-hsm".to_owned(), path);
    world
}

#[cfg(unix)]
#[tokio::test]
async fn a_program_is_asked_by_cosigns_protocol() {
    let folder = tempfile::tempdir().unwrap();
    let pem = STANDARD.encode(key("p256").public_key().to_pem());
    let signature = STANDARD.encode(signed("p256", None));
    let world = program(
        folder.path(),
        &format!(
            "printf '%s\\n' \"$1 $2\" >> {}\ncase $2 in\n*publicKey*) echo '{{\"publicKey\":{{\"publicKeyPEM\":\"{pem}\"}}}}' ;;\n*) echo '{{\"signMessage\":{{\"signature\":\"{signature}\"}}}}' ;;\nesac\nexit 3",
            folder.path().join("log").display()
        ),
    );
    let signer = open("my-hsm://slot/7", &world).await.unwrap();
    sign(&signer).await.unwrap();
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    let asked: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line.strip_prefix("v1 ").unwrap()).unwrap())
        .collect();
    assert_eq!(asked[0]["methodName"], "publicKey");
    assert_eq!(asked[0]["initOptions"]["keyResourceID"], "slot/7");
    assert_eq!(asked[0]["initOptions"]["protocolVersion"], "v1");
    assert_eq!(asked[1]["methodName"], "signMessage");
    let options = &asked[1]["signMessage"]["signOptions"]["messageOptions"];
    let digest = bulla_model::Digest::sha256(ARTIFACT);
    assert_eq!(
        options["digest"],
        STANDARD.encode(hex::decode(digest.hex()).unwrap())
    );
    assert_eq!(options["hashFunc"], 5);
}

#[cfg(unix)]
#[tokio::test]
async fn a_programs_faults_are_told_and_sign_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for (body, expected) in [
        (
            "echo '{\"errorMessage\":\"locked\"}'; exit 1",
            "sigstore-kms-my-hsm: locked",
        ),
        ("echo 'no card' >&2; exit 1", "sigstore-kms-my-hsm: no card"),
        ("echo '{}'", "the answer says nothing about publicKey"),
        ("echo nonsense", "malformed answer to publicKey"),
        ("yes", "more than 1048576 bytes"),
    ] {
        let world = program(folder.path(), body);
        let error = open("my-hsm://k", &world).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{body}: {error}");
    }
    let error = open("my-hsm://k", &World::default())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("no program `sigstore-kms-my-hsm`"),
        "{error}"
    );
}

#[tokio::test]
async fn a_module_must_be_named_by_its_whole_path() {
    let error = open(
        "pkcs11:token=t;object=o?module-path=m.so",
        &World::default(),
    )
    .await
    .unwrap_err();
    assert!(error.to_string().contains("absolute path"), "{error}");
    let world = World::with([("BULLA_PKCS11_MODULE", "/nonexistent/module.so")]);
    let error = open("pkcs11:token=t;object=o", &world).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("/nonexistent/module.so is no module"),
        "{error}"
    );
    let error = open("pkcs11:token=t;object=o?pin-source=/pin", &world)
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("the PIN's file /pin is not there"),
        "{error}"
    );
}

#[tokio::test]
async fn a_secret_of_kubernetes_is_a_key_pair_with_its_password() {
    let fake = Fake::start(|_| {
        let entry = |name: &str| STANDARD.encode(fixture(&format!("keys/{name}")));
        let data = json!({ "cosign.key": entry("cosign-n32768.key"), "cosign.pub": entry("cosign-n32768.pub"),
            "cosign.password": STANDARD.encode("correct horse") });
        (200, json!({ "kind": "Secret", "apiVersion": "v1", "data": data }).to_string())
    })
    .await;
    let access = KubernetesAccess {
        server: fake.url(),
        token: Some(String::from("account-very-secret").into()),
        ..KubernetesAccess::default()
    };
    let secret = KubernetesSecret {
        namespace: "release".into(),
        name: "signing".into(),
    };
    let pair = access.secret(&secret, &World::default()).await.unwrap();
    let password = pair.password.unwrap();
    let key = PrivateKey::from_pem(&pair.private.unwrap(), Some(&password)).unwrap();
    let public = PublicKey::from_pem(&pair.public.unwrap()).unwrap();
    assert_eq!(key.public_key(), public);
    let asked = &fake.received()[0];
    assert_eq!(
        asked.line,
        "GET /api/v1/namespaces/release/secrets/signing HTTP/1.1"
    );
    assert_eq!(asked.headers["authorization"], "Bearer account-very-secret");
    assert!(!format!("{access:?}").contains("very-secret"));
}

#[tokio::test]
async fn a_pods_account_is_used_inside_of_pods_only() {
    let mut world = World::with([
        ("KUBERNETES_SERVICE_HOST", "fd00::1"),
        ("KUBERNETES_SERVICE_PORT", "443"),
    ]);
    assert!(KubernetesAccess::in_cluster(&world).unwrap().is_none());
    let folder = "/var/run/secrets/kubernetes.io/serviceaccount";
    world
        .files
        .insert(format!("{folder}/token").into(), b"t\n".to_vec());
    let access = KubernetesAccess::in_cluster(&world).unwrap().unwrap();
    assert_eq!(access.server, "https://[fd00::1]:443");
    assert_eq!(access.token.unwrap().as_str(), "t");
}
