//! Where tokens come from, and logging in on another device.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bulla_attest::oidc::{
    self, DeviceLogin, Issuer, OidcClient, OidcError, Surroundings, TokenForm, TokenSource,
};
use serde_json::json;

use crate::fake::{Fake, Reply, http, run};

#[derive(Default)]
struct Place {
    variables: BTreeMap<&'static str, String>,
    files: BTreeMap<&'static str, &'static [u8]>,
}

impl Place {
    fn with<const N: usize>(variables: [(&'static str, &str); N]) -> Self {
        Self {
            variables: variables.map(|(k, v)| (k, v.to_owned())).into(),
            files: BTreeMap::new(),
        }
    }
}

impl Surroundings for Place {
    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn file(&self, path: &str) -> Option<Vec<u8>> {
        Some(self.files.get(path)?.to_vec())
    }
}

fn token(audience: &str) -> String {
    let claims = json!({"iss": "https://i", "sub": "s", "aud": audience, "exp": 9_999_999_999_u64});
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

#[test]
fn programs_of_platforms_are_asked_for_the_audience() {
    for (variable, program, form, part) in [
        (
            "BUILDKITE",
            "buildkite-agent",
            TokenForm::Text,
            "--audience aud",
        ),
        (
            "CIRCLECI",
            "circleci",
            TokenForm::Text,
            r#"--claims {"aud":"aud"}"#,
        ),
    ] {
        let place = Place::with([(variable, "true")]);
        let (_, source) = oidc::ambient(&place, "aud").unwrap().unwrap();
        let TokenSource::Command {
            program: found,
            arguments,
            form: written,
        } = source
        else {
            panic!("{variable}");
        };
        assert_eq!((found, written), (program, form));
        assert!(arguments.join(" ").ends_with(part), "{arguments:?}");
    }
    let place = Place::with([("SPIFFE_ENDPOINT_SOCKET", "unix:///run/agent.sock")]);
    let (_, source) = oidc::ambient(&place, "aud").unwrap().unwrap();
    let text = format!("{source:?}");
    assert!(
        text.contains("spire-agent") && text.contains("\"/run/agent.sock\""),
        "{text}"
    );
    let written = br#"[{"svids":[{"spiffe_id":"spiffe://x","svid":"a.b.c"}]},{"bundles":{}}]"#;
    let hidden = br#"{"$serde_json::private::RawValue":"{\"svid\":\"x\"}"}"#;
    TokenForm::Field("svid").read(hidden).unwrap_err();
    let read = TokenForm::Field("svid").read(written).unwrap();
    assert_eq!(read.expose(), "a.b.c");
}

#[test]
fn a_platform_that_withholds_the_token_ends_the_search() {
    for (variable, hint) in [
        ("GITHUB_ACTIONS", "id-token: write"),
        ("GITLAB_CI", "id_tokens"),
    ] {
        // Another identity is at hand, and not taken.
        let mut place = Place::with([(variable, "true")]);
        place
            .files
            .insert("/sys/class/dmi/id/product_name", b"Google Compute Engine\n");
        let error = oidc::ambient(&place, "sigstore").unwrap_err();
        let OidcError::Withheld { hint: found, .. } = error else {
            panic!("{error}");
        };
        assert!(found.contains(hint));
    }
    assert!(
        oidc::ambient(&Place::default(), "sigstore")
            .unwrap()
            .is_none()
    );
}

#[test]
fn tokens_at_hand_are_taken_as_they_are() {
    let place = Place::with([("SIGSTORE_ID_TOKEN", "a.b.c"), ("GITLAB_CI", "true")]);
    let (provider, source) = oidc::ambient(&place, "sigstore").unwrap().unwrap();
    assert_eq!(provider.name, "SIGSTORE_ID_TOKEN");
    assert!(matches!(&source, TokenSource::Token(token) if token.expose() == "a.b.c"));
    assert!(!format!("{source:?}").contains("a.b.c"));

    let path = "/var/run/sigstore/cosign/oidc-token";
    let mut place = Place::default();
    place.files.insert(path, b"e30.e30.c2ln\n");
    let (provider, _) = oidc::ambient(&place, "sigstore").unwrap().unwrap();
    assert_eq!(provider.name, "Kubernetes");
    place.files.insert(path, b"something else");
    oidc::ambient(&place, "sigstore").unwrap_err();
}

#[test]
fn a_jobs_credential_goes_to_the_jobs_own_host() {
    run(async {
        let fake = Fake::start(|_| Reply::json(200, &json!({"value": token("sigstore")}))).await;
        let url = format!("{}/idtoken?api-version=2", fake.url);
        let place = Place::with([
            ("GITHUB_ACTIONS", "true"),
            ("ACTIONS_ID_TOKEN_REQUEST_URL", &url),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "job-secret"),
        ]);
        let (_, source) = oidc::ambient(&place, "sigstore").unwrap().unwrap();
        assert!(!format!("{source:?}").contains("job-secret"));
        let TokenSource::Request(request) = source else {
            panic!("expected a request");
        };
        assert_eq!(
            request.send(&http()).await.unwrap().expose(),
            token("sigstore")
        );
        let asked = &fake.asked()[0];
        assert_eq!(asked.line, "GET /idtoken?api-version=2&audience=sigstore");
        assert!(asked.headers.contains("authorization: bearer job-secret"));
        // The credential is not sent in the clear to somebody else.
        let place = Place::with([
            ("GITHUB_ACTIONS", "true"),
            (
                "ACTIONS_ID_TOKEN_REQUEST_URL",
                "http://collector.example.test/",
            ),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "job-secret"),
        ]);
        oidc::ambient(&place, "sigstore").unwrap_err();
    });
}

fn issuer(fake: &Fake) -> Issuer {
    let at = |path: &str| format!("{}{path}", fake.url).parse().unwrap();
    Issuer {
        authorization: at("/auth"),
        token: at("/token"),
        device: Some(at("/device/code")),
    }
}

fn client() -> OidcClient {
    OidcClient {
        id: "sigstore".to_owned(),
    }
}

fn begun() -> Reply {
    Reply::json(
        200,
        &json!({
            "device_code": "device-secret", "user_code": "WDJB-MJHT",
            "verification_uri": "https://login.example.test/device",
            "expires_in": 60, "interval": 1,
        }),
    )
}

#[test]
fn a_person_logs_in_on_another_device() {
    run(async {
        let polls = AtomicUsize::new(0);
        let fake = Fake::start(move |asked| {
            if asked.line == "POST /device/code" {
                return begun();
            }
            match polls.fetch_add(1, Ordering::Relaxed) {
                0 => Reply::json(400, &json!({"error": "authorization_pending"})),
                _ => Reply::json(200, &json!({"id_token": token("sigstore")})),
            }
        })
        .await;
        let (http, issuer, client) = (http(), issuer(&fake), client());
        let login = DeviceLogin::begin(&http, &issuer, &client).await.unwrap();
        assert_eq!(login.code().code, "WDJB-MJHT");
        assert_eq!(login.code().address, "https://login.example.test/device");
        assert_eq!(login.wait().await.unwrap().identity(), "s");
        let asked = fake.asked();
        let first = String::from_utf8(asked[0].body.clone()).unwrap();
        let second = String::from_utf8(asked[1].body.clone()).unwrap();
        assert!(first.contains("code_challenge_method=S256"), "{first}");
        assert!(second.contains("device_code=device-secret"), "{second}");
        assert!(second.contains("code_verifier="), "{second}");
        assert!(!first.contains("code_verifier"), "{first}");
        assert_eq!(asked.len(), 3);
    });
}

#[test]
fn a_person_who_says_no_is_heard() {
    run(async {
        let fake = Fake::start(|asked| {
            if asked.line == "POST /device/code" {
                return begun();
            }
            Reply::json(400, &json!({"error": "access_denied"}))
        })
        .await;
        let (http, issuer, client) = (http(), issuer(&fake), client());
        let login = DeviceLogin::begin(&http, &issuer, &client).await.unwrap();
        let error = login.wait().await.unwrap_err();
        assert!(matches!(error, OidcError::Login { .. }), "{error}");
    });
}

#[test]
fn an_issuer_names_no_endpoint_of_somebody_else() {
    run(async {
        for other in [
            "authorization_endpoint",
            "token_endpoint",
            "device_authorization_endpoint",
        ] {
            let url = std::sync::Arc::new(std::sync::OnceLock::<String>::new());
            let own = std::sync::Arc::clone(&url);
            let fake = Fake::start(move |_| {
                let issuer = own.get().unwrap();
                let mut found = json!({
                    "issuer": issuer,
                    "authorization_endpoint": format!("{issuer}/auth"),
                    "token_endpoint": format!("{issuer}/token"),
                    "device_authorization_endpoint": format!("{issuer}/device/code"),
                });
                found[other] = json!("https://elsewhere.example.test/x");
                Reply::json(200, &found)
            })
            .await;
            url.set(fake.url.clone()).unwrap();
            let error = Issuer::discover(&http(), &fake.url).await.unwrap_err();
            assert!(
                error
                    .to_string()
                    .contains("elsewhere, at elsewhere.example.test"),
                "{other}: {error}"
            );
        }
    });
}

#[test]
fn an_issuer_speaks_for_itself_only() {
    run(async {
        let fake = Fake::start(|_| {
            Reply::json(
                200,
                &json!({
                    "issuer": "https://elsewhere.example.test",
                    "authorization_endpoint": "https://elsewhere.example.test/auth",
                    "token_endpoint": "https://elsewhere.example.test/token",
                }),
            )
        })
        .await;
        let error = Issuer::discover(&http(), &fake.url).await.unwrap_err();
        assert!(error.to_string().contains("another issuer"), "{error}");
        assert_eq!(
            fake.asked()[0].line,
            "GET /.well-known/openid-configuration"
        );
    });
}
