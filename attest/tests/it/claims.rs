//! Statements as they are written.

use std::collections::BTreeMap;

use bulla_attest::claim::{self, ClaimError};
use bulla_model::predicate::SbomKind;
use bulla_model::predicate::{
    Approval, Promotion, Provenance, TestResult, Vsa, link::Link, slsa_provenance, test_result, vsa,
};
use bulla_model::{Digest, Limits, PredicateType, ResourceDescriptor, Statement, Subject};
use jiff::Timestamp;
use serde_json::{Value, json};

fn issued_at() -> Timestamp {
    "2026-11-21T22:31:07Z".parse().unwrap()
}

fn subjects() -> Vec<Subject> {
    vec![
        ResourceDescriptor::named("registry.example.test/pay/api", Digest::sha256(b"index")),
        ResourceDescriptor::named("amd64", Digest::sha256(b"platform")),
    ]
}

fn parse(payload: &[u8]) -> Statement {
    Statement::parse(payload, &Limits::default()).unwrap()
}

fn sbom(document: &str) -> Result<Vec<u8>, ClaimError> {
    claim::sbom(
        &subjects(),
        issued_at(),
        document.as_bytes(),
        &Limits::default(),
    )
}

fn custom(kind: &str, file: &[u8]) -> Result<Vec<u8>, ClaimError> {
    let kind = claim::predicate_type(kind)?;
    claim::custom(&subjects(), issued_at(), &kind, file, &Limits::default())
}

#[test]
fn a_signature_is_what_cosign_calls_one() {
    let payload = claim::signature(&subjects()[..1], issued_at()).unwrap();
    assert_eq!(
        String::from_utf8(payload).unwrap(),
        concat!(
            r#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"registry.example.test/pay/api","#,
            r#""digest":{"sha256":"1bc04b5291c26a46d918139138b992d2de976d6851d0893b0476b85bfbdfc6e6"},"#,
            r#""annotations":{"https://bulla.dev/issuedAt":"2026-11-21T22:31:07Z"}}],"#,
            r#""predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{}}"#,
        )
    );
}

#[test]
fn standard_claims_date_every_subject_and_keep_its_annotations() {
    let mut subjects = subjects();
    subjects[0]
        .annotations
        .insert("team".to_owned(), "pay".into());
    let summary = Vsa {
        verifier: vsa::Verifier {
            id: "https://bulla.dev/verifier".to_owned(),
            version: BTreeMap::new(),
        },
        time_verified: Some(issued_at()),
        resource_uri: "env://acme/pay/prod".to_owned(),
        policy: ResourceDescriptor::of(Digest::sha256(b"policy")),
        input_attestations: vec![],
        verification_result: vsa::VsaResult::Passed,
        verified_levels: vec!["SLSA_BUILD_LEVEL_2".to_owned()],
        dependency_levels: BTreeMap::new(),
        slsa_version: None,
        extra: BTreeMap::new(),
    };
    let result = TestResult {
        result: test_result::Outcome::Passed,
        configuration: vec![],
        url: None,
        passed_tests: vec!["a".to_owned()],
        warned_tests: vec![],
        failed_tests: vec![],
        extra: BTreeMap::new(),
    };
    let step = Link {
        name: "build".to_owned(),
        command: vec!["make".to_owned()],
        materials: vec![],
        byproducts: BTreeMap::new(),
        environment: BTreeMap::new(),
    };
    let at = issued_at();
    let statements = [
        claim::vsa(&subjects, at, &summary).unwrap(),
        claim::test_result(&subjects, at, &result).unwrap(),
        claim::link(&subjects, at, &step).unwrap(),
    ];
    for payload in &statements {
        let statement = parse(payload);
        assert_eq!(statement.issued_at_annotation(), Some(at));
        assert_eq!(statement.subjects()[0].annotations["team"], "pay");
        assert!(
            statement.subjects()[1]
                .annotations
                .contains_key("https://bulla.dev/issuedAt")
        );
    }
    assert_eq!(parse(&statements[0]).predicate::<Vsa>().unwrap(), summary);
    assert_eq!(
        parse(&statements[1]).predicate::<TestResult>().unwrap(),
        result
    );
    assert_eq!(parse(&statements[2]).predicate::<Link>().unwrap(), step);
}

#[test]
fn a_claim_needs_subjects_and_a_link_needs_their_names() {
    assert!(matches!(
        claim::signature(&[], issued_at()),
        Err(ClaimError::Statement(_))
    ));
    let step = Link {
        name: "build".to_owned(),
        command: vec![],
        materials: vec![],
        byproducts: BTreeMap::new(),
        environment: BTreeMap::new(),
    };
    let twice = [subjects()[0].clone(), subjects()[0].clone()];
    assert!(matches!(
        claim::link(&twice, issued_at(), &step),
        Err(ClaimError::SubjectName { index: 1 })
    ));
    let unnamed = [ResourceDescriptor::of(Digest::sha256(b"x"))];
    assert!(matches!(
        claim::link(&unnamed, issued_at(), &step),
        Err(ClaimError::SubjectName { index: 0 })
    ));
}

#[test]
fn an_sbom_stands_in_its_statement_exactly_as_given() {
    let document = r#"{ "bomFormat":"CycloneDX", "specVersion":"1.6","version":1,
        "x":[1.0, 1e2, 12345678901234567890123, "caf\u00e9 \/", -0], "z":1, "a":2 }"#;
    let payload = sbom(document).unwrap();
    let statement = parse(&payload);
    assert_eq!(statement.predicate_json(), Some(document));
    assert_eq!(
        statement.predicate_type().as_str(),
        "https://cyclonedx.org/bom"
    );
}

#[test]
fn sbom_formats_are_recognised_by_their_own_marks() {
    let kind = |document: &str| claim::detect_sbom(document.as_bytes(), &Limits::default());
    assert_eq!(
        kind(r#"{"spdxVersion":"SPDX-2.3"}"#).unwrap(),
        SbomKind::Spdx2
    );
    let context = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld";
    for document in [
        json!({"@context": context, "@graph": []}),
        json!({"@context": [context], "@graph": [{}]}),
    ] {
        assert_eq!(kind(&document.to_string()).unwrap(), SbomKind::Spdx3);
    }
    for document in [
        "{}",
        "[]",
        r#"{"bomFormat":"cyclonedx"}"#,
        r#"{"spdxVersion":"SPDX-3.0"}"#,
        r#"{"@context":{},"@graph":[]}"#,
        r#"{"bomFormat":1}"#,
    ] {
        assert!(
            matches!(kind(document), Err(ClaimError::SbomFormat)),
            "{document}"
        );
    }
    for document in ["", "SPDXVersion: SPDX-2.3", r#"{"a":1,"a":2}"#, "{} {}"] {
        assert!(
            matches!(kind(document), Err(ClaimError::Json(_))),
            "{document}"
        );
    }
}

#[test]
fn an_sbom_that_fits_can_be_read_back_and_a_deeper_one_is_refused() {
    let nested = |depth: usize| {
        format!(
            r#"{{"bomFormat":"CycloneDX","x":{}1{}}}"#,
            "[".repeat(depth),
            "]".repeat(depth)
        )
    };
    let deepest = Limits::default().json_depth - 2;
    parse(&sbom(&nested(deepest)).unwrap());
    assert!(matches!(
        sbom(&nested(deepest + 1)),
        Err(ClaimError::Json(_))
    ));
}

#[test]
fn custom_types_are_aliases_or_uris() {
    let kind = |text: &str| claim::predicate_type(text).map(|kind| kind.to_string());
    assert_eq!(kind("openvex").unwrap(), "https://openvex.dev/ns");
    assert_eq!(
        kind("https://example.test/p").unwrap(),
        "https://example.test/p"
    );
    let error = kind("opnvex\u{1b}").unwrap_err().to_string();
    assert!(
        error.starts_with(
            r"unknown predicate type `opnvex\u{1b}`, expected a URI or one of: approval, checkpoint, custom"
        ),
        "{error}"
    );
}

#[test]
fn a_custom_predicate_is_its_file() {
    let file = br#"{"b": 1.50, "a": [ ]}"#;
    let statement = parse(&custom("https://example.test/p", file).unwrap());
    assert_eq!(statement.predicate_json(), Some(r#"{"b": 1.50, "a": [ ]}"#));
    assert_eq!(statement.issued_at_annotation(), Some(issued_at()));
    for (file, found) in [("[1]", "an array"), ("\"x\"", "a scalar")] {
        let error = custom("https://example.test/p", file.as_bytes()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("a predicate is a JSON object, found {found}")
        );
    }
    assert!(matches!(
        custom("https://example.test/p", b"plain text"),
        Err(ClaimError::Json(_))
    ));
}

#[test]
fn cosigns_custom_type_wraps_any_text() {
    let statement = parse(&custom("custom", b"plain\n\"text\"").unwrap());
    let predicate: Value = serde_json::from_str(statement.predicate_json().unwrap()).unwrap();
    assert_eq!(
        predicate,
        json!({"Data": "plain\n\"text\"", "Timestamp": "2026-11-21T22:31:07Z"})
    );
    assert!(matches!(custom("custom", b"\xff"), Err(ClaimError::Text)));
}

#[test]
fn files_of_known_types_need_their_shape() {
    assert!(matches!(
        custom("slsaprovenance1", br#"{"buildDefinition":{}}"#),
        Err(ClaimError::Predicate(_))
    ));
    assert!(matches!(
        custom("spdxjson", br#"{"bomFormat":"CycloneDX"}"#),
        Err(ClaimError::SbomType {
            found: SbomKind::CycloneDx,
            ..
        })
    ));
    let provenance = br#"{"buildDefinition":{"buildType":"https://example.test/b","externalParameters":{}},"runDetails":{"builder":{"id":"https://example.test/x"}}}"#;
    let statement = parse(&custom("slsaprovenance1", provenance).unwrap());
    assert_eq!(
        statement.predicate_type(),
        &slsa_provenance::TYPE.parse::<PredicateType>().unwrap()
    );
    assert!(Provenance::of(&statement).is_ok());
}

fn approval() -> Approval {
    serde_json::from_value(json!({
        "decision": "approve",
        "service": "pay-api",
        "edge": {
            "kind": "promote",
            "from": "env://acme/pay/staging",
            "to": {"uri": "env://acme/pay/prod"},
        },
        "policy": {"name": "release", "version": 17, "digest": Digest::sha256(b"policy").to_string()},
        "issuedAt": "2026-11-21T22:31:07Z",
        "notAfter": "2026-11-28T22:31:07Z",
        "nonce": claim::nonce().unwrap(),
    }))
    .unwrap()
}

#[test]
fn our_own_claims_say_in_a_field_when_they_were_issued() {
    let approval = approval();
    let statement = parse(&claim::approval(&subjects(), &approval).unwrap());
    assert_eq!(statement.predicate::<Approval>().unwrap(), approval);
    assert_eq!(statement.issued_at_annotation(), None);

    let promotion: Promotion = serde_json::from_value(json!({
        "service": "pay-api",
        "tier": "high",
        "edge": {"kind": "promote", "to": {"uri": "env://acme/pay/dev"}},
        "chain": {"sequence": 1},
        "slot": {"sequence": 1},
        "policy": approval.policy,
        "issuedAt": "2026-11-21T22:31:07Z",
    }))
    .unwrap();
    let statement = parse(&claim::promotion(&subjects(), &promotion).unwrap());
    assert_eq!(statement.predicate::<Promotion>().unwrap(), promotion);

    let file = serde_json::to_vec(&approval).unwrap();
    let statement = parse(&custom("approval", &file).unwrap());
    assert_eq!(statement.issued_at_annotation(), None);
}

#[test]
fn what_no_reader_would_take_is_not_made() {
    let mut approval = approval();
    approval.nonce = None;
    let error = claim::approval(&subjects(), &approval).unwrap_err();
    assert!(error.to_string().contains("/predicate/nonce"), "{error}");
    let file = serde_json::to_vec(&approval).unwrap();
    let error = custom("approval", &file).unwrap_err();
    assert!(error.to_string().contains("/predicate/nonce"), "{error}");
    // A checkpoint is about its ledger, never about an image.
    let file = bulla_model::predicate::Checkpoint {
        scope: "ledger://acme/pay".parse().unwrap(),
        serial: 1,
        previous: None,
        issued_at: approval.issued_at,
        not_after: approval.not_after,
        policy_min: vec![bulla_model::predicate::checkpoint::PolicyMinimum {
            name: "release".to_owned(),
            version: 1,
            digest: Digest::sha256(b"policy"),
        }],
        freeze: None,
        revocations: Vec::new(),
        slots: Vec::new(),
        retired: Vec::new(),
        crit: Vec::new(),
    };
    let error = claim::own(&subjects(), &file).unwrap_err().to_string();
    assert!(
        error.contains("/subject: expected ledger://acme/pay alone"),
        "{error}"
    );
    claim::own(&[file.scope.subject()], &file).unwrap();
    assert_ne!(claim::nonce().unwrap(), claim::nonce().unwrap());
}

#[test]
fn an_approval_that_is_over_before_it_begins_is_refused() {
    let mut approval = approval();
    approval.not_after = approval.issued_at;
    assert!(matches!(
        claim::approval(&subjects(), &approval),
        Err(ClaimError::Window { .. })
    ));
}

#[test]
fn a_directory_is_listed_as_model_signing_lists_it() {
    let files = BTreeMap::from(
        [("b/two", b"2"), ("a", b"1")]
            .map(|(name, bytes)| (name.to_owned(), Digest::sha256(bytes))),
    );
    let ignored = ["sub/model.sig".to_owned()];
    let payload = claim::directory("model", &files, &ignored, issued_at()).unwrap();
    let value: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(
        value["predicateType"],
        "https://model_signing/signature/v1.0"
    );
    let (one, two) = (Digest::sha256(b"1"), Digest::sha256(b"2"));
    assert_eq!(
        value["predicate"],
        json!({
            "resources": [
                {"name": "a", "algorithm": "sha256", "digest": one.hex()},
                {"name": "b/two", "algorithm": "sha256", "digest": two.hex()},
            ],
            "serialization": {
                "method": "files",
                "hash_type": "sha256",
                "allow_symlinks": false,
                "ignore_paths": [".git", ".gitattributes", ".github", ".gitignore", "sub/model.sig"],
            },
        })
    );
    // SHA-256 over both digests, as `printf '%s%s' … | xxd -r -p | sha256sum` says.
    let both = hex::decode(format!("{}{}", one.hex(), two.hex())).unwrap();
    assert_eq!(value["subject"][0]["name"], "model");
    assert_eq!(
        value["subject"][0]["digest"]["sha256"],
        Digest::sha256(&both).hex()
    );
    let nothing = claim::directory("model", &BTreeMap::new(), &[], issued_at());
    assert!(matches!(nothing, Err(ClaimError::NoFiles)));
}

#[test]
fn a_reference_can_be_followed() {
    let mut document = ResourceDescriptor::of(Digest::sha256(b"sbom"));
    document.media_type = Some("application/vnd.cyclonedx+json".to_owned());
    let make = |document: &ResourceDescriptor| {
        let documents = std::slice::from_ref(document);
        claim::reference(
            &subjects(),
            issued_at(),
            "https://example.test/me",
            documents,
        )
    };
    let refused = make(&document);
    assert!(matches!(refused, Err(ClaimError::Reference { index: 0 })));
    document.download_location = Some("https://registry.example.test/blob".to_owned());
    let value: Value = serde_json::from_slice(&make(&document).unwrap()).unwrap();
    assert_eq!(
        value["predicateType"],
        "https://in-toto.io/attestation/reference/v0.1"
    );
    assert_eq!(
        value["predicate"]["attester"]["id"],
        "https://example.test/me"
    );
    assert_eq!(
        value["predicate"]["references"],
        json!([{
            "digest": {"sha256": Digest::sha256(b"sbom").hex()},
            "downloadLocation": "https://registry.example.test/blob",
            "mediaType": "application/vnd.cyclonedx+json",
        }])
    );
}
