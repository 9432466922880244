//! Which services a signing configuration chooses.

use bulla_attest::sigstore::{ClientTrustConfig, LogVersion, SigningConfig, SigningConfigError};
use bulla_model::Limits;
use jiff::Timestamp;
use serde_json::{Value, json};

fn service(url: &str, version: u32, operator: &str, start: &str, end: Option<&str>) -> Value {
    let mut window = json!({"start": start});
    if let Some(end) = end {
        window["end"] = json!(end);
    }
    json!({"url": url, "majorApiVersion": version, "validFor": window, "operator": operator})
}

fn config(logs: &Value, selector: &Value) -> Result<SigningConfig, SigningConfigError> {
    let text = json!({
        "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
        "caUrls": [service("https://old.ca.test", 1, "a", "2020-01-01T00:00:00Z", Some("2025-01-01T00:00:00Z")),
                   service("https://ca.test", 1, "a", "2021-01-01T00:00:00Z", None)],
        "oidcUrls": [service("https://oidc.test", 1, "a", "2020-01-01T00:00:00Z", None)],
        "rekorTlogUrls": logs,
        "rekorTlogConfig": selector,
        "tsaUrls": [service("https://tsa.test/api", 1, "a", "2020-01-01T00:00:00Z", None)],
        "tsaConfig": {"selector": "ANY"},
    });
    SigningConfig::parse(text.to_string().as_bytes(), &Limits::default())
}

fn now() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

fn chosen(logs: &Value, selector: &Value) -> Result<Vec<String>, SigningConfigError> {
    let services = config(logs, selector)?.services(now())?;
    Ok(services
        .logs
        .iter()
        .map(|log| log.url.to_string())
        .collect())
}

#[test]
fn selectors_count_operators_and_windows_are_kept() {
    let logs = json!([
        service("https://a1.test", 1, "a", "2020-01-01T00:00:00Z", None),
        service("https://a2.test", 2, "a", "2026-01-01T00:00:00Z", None),
        service("https://a3.test", 2, "a", "2027-01-01T00:00:00Z", None),
        service("https://b1.test", 1, "b", "2020-01-01T00:00:00Z", None),
        service(
            "https://c1.test",
            1,
            "c",
            "2020-01-01T00:00:00Z",
            Some("2026-05-31T00:00:00Z")
        ),
        service("https://d9.test", 9, "d", "2020-01-01T00:00:00Z", None),
    ]);
    let select = |selector: Value| chosen(&logs, &selector);
    assert_eq!(
        select(json!({"selector": "ANY"})).unwrap(),
        ["https://a2.test/"]
    );
    let both = ["https://a2.test/", "https://b1.test/"];
    assert_eq!(select(json!({"selector": "ALL"})).unwrap(), both);
    assert_eq!(
        select(json!({"selector": "EXACT", "count": 2})).unwrap(),
        both
    );
    let few = select(json!({"selector": "EXACT", "count": 3})).unwrap_err();
    assert!(matches!(
        few,
        SigningConfigError::Few {
            expected: 3,
            found: 2,
            ..
        }
    ));
    for selector in [
        json!({"selector": "EXACT"}),
        json!({"selector": "SERVICE_SELECTOR_UNDEFINED"}),
        json!({"selector": "SOME"}),
        Value::Null,
    ] {
        let error = select(selector).unwrap_err();
        assert!(
            matches!(error, SigningConfigError::Selector { .. }),
            "{error}"
        );
    }
    let over = json!([service(
        "https://c1.test",
        1,
        "c",
        "2020-01-01T00:00:00Z",
        Some("2021-01-01T00:00:00Z")
    )]);
    let none = chosen(&over, &json!({"selector": "ANY"})).unwrap_err();
    assert!(matches!(none, SigningConfigError::None { .. }), "{none}");
}

#[test]
fn an_authority_is_one_that_is_valid_now() {
    let config = config(&json!([]), &Value::Null).unwrap();
    assert_eq!(config.authority(now()), Some("https://ca.test"));
    assert_eq!(config.issuer(now()), Some("https://oidc.test"));
    let services = config.services(now()).unwrap();
    assert_eq!(services.timestamp_authorities[0].path(), "/api");
    assert!(services.prove_time());
}

#[test]
fn the_first_version_is_read_too() {
    let text = br#"{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.1+json",
        "caUrl":"https://ca.test","oidcUrl":"https://oidc.test/auth",
        "tlogUrls":["https://rekor.test"],"tsaUrls":["https://tsa.test"]}"#;
    let config = SigningConfig::parse(text, &Limits::default()).unwrap();
    let services = config.services(now()).unwrap();
    assert_eq!(services.logs[0].version, LogVersion::V1);
    assert_eq!(services.timestamp_authorities.len(), 1);
    assert_eq!(config.authority(now()), Some("https://ca.test"));
    let other = text.map(|byte| if byte == b'.' { b'-' } else { byte });
    SigningConfig::parse(&other, &Limits::default()).unwrap_err();
}

#[test]
fn a_client_trust_configuration_keeps_its_parts_as_written() {
    let text = br#"{"mediaType":"application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
        "trustedRoot": { "a" : 1.50 }, "signingConfig":{"b":2}}"#;
    let both = ClientTrustConfig::parse(text, &Limits::default()).unwrap();
    assert_eq!(both.trusted_root, br#"{ "a" : 1.50 }"#);
    assert_eq!(both.signing_config, br#"{"b":2}"#);
    ClientTrustConfig::parse(b"{}", &Limits::default()).unwrap_err();
}
