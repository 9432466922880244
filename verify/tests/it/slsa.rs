//! Provenance of real builders against the table, and what must be refused of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_model::{Digest, Limits};
use bulla_verify::slsa::{
    Builders, Expected, NpmExpectation, Provenance, ProvenanceQuestion, RegistryKey, SlsaArtifact,
    SlsaVerdict, verify_provenance,
};
use bulla_verify::{Attestation, Cause, Outcome, PolicyFile, PublicKey, Trust};
use jiff::Timestamp;
use serde_json::json;

use crate::kit::signer::Signer;

const ROOT: &[u8] = include_bytes!("../../../testdata/verify/sigstore/public.trusted_root.json");
const NOW: &str = "2026-06-01T00:00:00Z";
const PACKAGE: &str = "github.com/slsa-framework/example-package";

macro_rules! slsa {
    ($name:literal) => {
        include_bytes!(concat!("../../../testdata/slsa/", $name)).as_slice()
    };
}

/// Provenance, and what holds of it.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) provenance: Provenance,
    digest: &'static str,
    expected: Expected,
    builders: Vec<PolicyFile>,
    keys: Vec<PublicKey>,
}

impl Case {
    fn of(bundle: &[u8], digest: &'static str, source: &str) -> Self {
        let attestation = Attestation::bundle(bundle.to_vec(), None);
        Self::with(Provenance::Attestations(vec![attestation]), digest, source)
    }

    fn with(provenance: Provenance, digest: &'static str, source: &str) -> Self {
        Self {
            provenance,
            digest,
            expected: Expected {
                source: source.to_owned(),
                ..Expected::default()
            },
            builders: Vec::new(),
            keys: Vec::new(),
        }
    }

    fn go() -> Self {
        let digest = "sha256:f6ab7ad0c7549b5a4942c3b0690519d791c28c4c0f8b286208cb40da3322a066";
        Self::of(slsa!("go.sigstore.json"), digest, PACKAGE)
    }

    fn maven() -> Self {
        let digest = "sha256:4e313a4cd3a7ffa7ef270dd8f65a98cce9c6286c25f5898998feaed73f3ffe92";
        Self::of(slsa!("maven.sigstore.json"), digest, PACKAGE)
    }

    fn attest() -> Self {
        let digest = "sha256:06ce330900a7d6403bc8d88e5dfad6aeeb8ae40179f66bb89e69c8bf6f6b1a0b";
        let source = "github.com/aspect-build/rules_lint";
        Self::of(slsa!("attest.sigstore.json"), digest, source).builder(
            "https://github.com/bazel-contrib/publish-to-bcr/.github/workflows/publish.yaml",
        )
    }

    fn cloud_build(document: &[u8]) -> Self {
        let digest = "sha256:87db6d5226440e72f7134b71163df45282127a3f7b0600c946683cb2f43a70a9";
        let provenance = Provenance::CloudBuild(document.to_vec());
        let mut case = Self::with(provenance, digest, PACKAGE);
        case.builders = vec![PolicyFile {
            path: "cloud-build.yaml".into(),
            bytes: slsa!("cloud-build.builders.yaml").to_vec(),
        }];
        case
    }

    fn npm(document: &[u8]) -> Self {
        let digest = "sha512:8d9d7972f676516c75014aa074e11ae604d98f0b64ec6725a61e2838ff3dab162118fa71433fb31e1550d30bd0dec9d086ce032b94457b583900c507acf39c40";
        let keys = RegistryKey::read(slsa!("npm-keys.json"), &Limits::default()).unwrap();
        let public = keys.iter().map(|key| key.key().clone()).collect();
        let expected = NpmExpectation {
            keys,
            ..NpmExpectation::default()
        };
        let provenance = Provenance::Npm {
            document: document.to_vec(),
            expected,
        };
        let mut case = Self::with(
            provenance,
            digest,
            "github.com/ramonpetgrave64/gundam-visor",
        )
        .builder("https://github.com/actions/runner/github-hosted");
        case.keys = public;
        case
    }

    fn builder(mut self, id: &str) -> Self {
        self.expected.builder_id = Some(id.to_owned());
        self
    }

    fn but(mut self, change: impl FnOnce(&mut Expected)) -> Self {
        change(&mut self.expected);
        self
    }

    fn file(mut self, text: &str) -> Self {
        self.builders.push(PolicyFile {
            path: "own.yaml".into(),
            bytes: text.as_bytes().to_vec(),
        });
        self
    }

    fn container_based() -> Self {
        let digest = Digest::sha256(b"").to_string();
        let bundle = slsa!("container-based.sigstore.json");
        Self::of(bundle, digest.leak(), PACKAGE)
    }

    /// The same question about other bytes.
    pub(crate) fn of_bytes(&self, bytes: &[u8]) -> Self {
        let mut case = self.clone();
        match &mut case.provenance {
            Provenance::Attestations(list) => {
                *list = vec![Attestation::bundle(bytes.to_vec(), None)];
            }
            Provenance::Npm { document, .. } | Provenance::CloudBuild(document) => {
                *document = bytes.to_vec();
            }
        }
        case
    }

    fn verify(&self) -> SlsaVerdict {
        self.verify_with(&self.prepared())
    }

    /// Whom and which builders to believe.
    pub(crate) fn prepared(&self) -> (Trust, Builders) {
        let limits = Limits::default();
        let now = NOW.parse().unwrap();
        (
            Trust::new(self.keys.clone(), &[ROOT.to_vec()], now, &limits).unwrap(),
            Builders::load(&self.builders, &limits).unwrap(),
        )
    }

    pub(crate) fn verify_with(&self, (trust, builders): &(Trust, Builders)) -> SlsaVerdict {
        let limits = Limits::default();
        let now: Timestamp = NOW.parse().unwrap();
        verify_provenance(&ProvenanceQuestion {
            artifacts: &[SlsaArtifact::new(vec![self.digest.parse().unwrap()])],
            provenance: &self.provenance,
            expected: &self.expected,
            builders,
            trust,
            now,
            limits: &limits,
            cancelled: &|| false,
        })
    }

    #[track_caller]
    fn holds(&self) -> SlsaVerdict {
        let verdict = self.verify();
        assert_eq!(verdict.cause, None, "{:#?}", verdict.checks);
        assert_eq!(verdict.exit_code(), 0);
        assert!(verdict.payload.is_some());
        verdict
    }

    /// It is refused, by this check and no other.
    #[track_caller]
    fn fails(&self, name: &str, cause: Cause) {
        let verdict = self.verify();
        let last = verdict.checks.last().unwrap();
        assert_eq!(
            (last.name, last.outcome),
            (name, Outcome::Failed(cause)),
            "{last:?}"
        );
        assert_eq!(verdict.cause, Some(cause));
        assert_eq!(verdict.exit_code(), cause.exit_code());
        assert_eq!(
            verdict.payload, None,
            "what is refused is not shown as verified"
        );
        let before = &verdict.checks[..verdict.checks.len() - 1];
        assert!(before.iter().all(|check| check.outcome == Outcome::Ok));
    }
}

/// One of each kind of builder, which all hold.
pub(crate) fn accepted() -> Vec<(&'static str, Case)> {
    vec![
        ("slsa go", Case::go()),
        ("slsa maven", Case::maven()),
        ("slsa attest", Case::attest()),
        ("slsa container", Case::container_based()),
        (
            "slsa cloud build",
            Case::cloud_build(slsa!("cloud-build.json")),
        ),
        ("slsa npm", Case::npm(slsa!("npm.json"))),
    ]
}

#[test]
fn a_builder_is_known_by_its_workflow_and_release() {
    let go = "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/builder_go_slsa3.yml";
    let verdict = Case::go().holds();
    assert_eq!(
        verdict.builder.as_deref(),
        Some(format!("{go}@refs/tags/v2.1.0").as_str())
    );
    assert_eq!(
        verdict.commit.as_deref(),
        Some("4d329c75e7ec1725f7c9ce917a8799d408d06be3")
    );
    for id in [
        go.to_owned(),
        format!("{go}@v2.1.0"),
        format!("{go}@refs/tags/v2.1.0"),
    ] {
        Case::go().builder(&id).holds();
    }
    for id in [format!("{go}@v2.0.0"), format!("{go}x"), "a@b@c".into()] {
        Case::go().builder(&id).fails("builder", Cause::Untrusted);
    }
}

#[test]
fn another_source_is_refused_by_the_certificate() {
    for source in [
        "github.com/slsa-framework/example-packageA",
        "Agithub.com/slsa-framework/example-package",
        "github.com/slsa-framework/example-package@refs/heads/main",
        "http://github.com/slsa-framework/example-package",
    ] {
        let case = Case::go().but(|expected| expected.source = source.into());
        case.fails("certificate-source", Cause::Denied);
    }
    let case = Case::go().but(|expected| expected.source = format!("git+https://{PACKAGE}"));
    case.holds();
}

#[test]
fn branch_and_tag_are_what_was_built() {
    Case::go()
        .but(|expected| {
            expected.branch = Some("main".into());
            expected.tag = Some("v14.2".into());
        })
        .holds();
    let case = Case::go().but(|expected| expected.branch = Some("master".into()));
    case.fails("branch", Cause::Denied);
    let case = Case::go().but(|expected| expected.tag = Some("v14".into()));
    case.fails("tag", Cause::Denied);
    // Started by hand on a branch: there is no tag.
    let case = Case::maven().but(|expected| expected.tag = Some("main".into()));
    case.fails("tag", Cause::Denied);
    for (version, holds) in [
        ("v14", true),
        ("v14.2", true),
        ("v14.2.1", false),
        ("v15", false),
        ("14", false),
    ] {
        let case = Case::go().but(|expected| expected.versioned_tag = Some(version.into()));
        if holds {
            case.holds();
        } else {
            case.fails("versioned-tag", Cause::Denied);
        }
    }
}

#[test]
fn another_artifact_is_another_subject() {
    let mut case = Case::go();
    case.digest = "sha256:4e313a4cd3a7ffa7ef270dd8f65a98cce9c6286c25f5898998feaed73f3ffe92";
    case.fails("subject", Cause::OtherSubject);
}

#[test]
fn a_delegator_signs_for_the_builder_that_the_provenance_names() {
    let maven = "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/builder_maven_slsa3.yml";
    Case::maven().holds();
    Case::maven().builder(&format!("{maven}@v2.1.0")).holds();
    let other = maven.replace("maven", "gradle");
    Case::maven()
        .builder(&other)
        .fails("builder-id", Cause::Untrusted);
    // The delegator's own name is not the builder's.
    let delegator = maven.replace("builder_maven", "delegator_lowperms-generic");
    Case::maven()
        .builder(&delegator)
        .fails("builder-id", Cause::Untrusted);
}

#[test]
fn inputs_are_those_somebody_typed() {
    // No inputs at a push, and none of this name.
    for case in [Case::go(), Case::maven()] {
        let case = case.but(|expected| {
            expected.inputs.insert("release".into(), "1".into());
        });
        case.fails("workflow-input", Cause::Denied);
    }
}

#[test]
fn a_workflow_that_writes_its_own_provenance_is_believed_only_when_named() {
    Case::attest().holds();
    let case = Case::attest().but(|expected| expected.builder_id = None);
    case.fails("builder", Cause::Untrusted);
    // Another row of the table, which would take the same provenance.
    Case::attest()
        .builder("https://github.com/bazel-contrib/.github/.github/workflows/release_ruleset.yaml")
        .fails("builder", Cause::Untrusted);
}

#[test]
fn a_users_row_comes_before_those_bulla_brings() {
    let row = |refs: &str, runner: &str| {
        format!(
            "apiVersion: bulla.dev/builders/v0.1
builders:
  - id: https://github.com/bazel-contrib/publish-to-bcr/.github/workflows/publish.yaml
    issuer: https://token.actions.githubusercontent.com
    refs: {refs}
    runner: {runner}
    provenance:
      - layout: github-attest-v1
        buildTypes: [https://actions.github.io/buildtypes/workflow/v1]
"
        )
    };
    let unnamed = || Case::attest().but(|expected| expected.builder_id = None);
    unnamed().file(&row("release", "github-hosted")).holds();
    let case = unnamed().file(&row("release-rc", "github-hosted"));
    case.fails("builder-ref", Cause::Untrusted);
    let case = unnamed().file(&row("any", "self-hosted"));
    case.fails("runner", Cause::Untrusted);
    let other = row("any", "github-hosted").replace("workflow/v1", "workflow/v2");
    unnamed().file(&other).fails("build-type", Cause::Denied);
    let other = row("any", "github-hosted").replace("token.actions", "token.other");
    unnamed().file(&other).fails("issuer", Cause::Untrusted);
}

#[test]
fn a_builders_file_that_is_wrong_is_refused_with_its_place() {
    for (text, reason) in [
        ("apiVersion: x", "expected `apiVersion"),
        (
            "apiVersion: bulla.dev/builders/v0.1\nother: 1",
            "unknown field",
        ),
        (
            "apiVersion: bulla.dev/builders/v0.1\nbuilders: [{id: a, refs: any, provenance: []}]",
            "expected `issuer`",
        ),
        (
            "apiVersion: bulla.dev/builders/v0.1\nbuilders: [{id: a, issuer: b, provenance: []}]",
            "expected `refs",
        ),
        (
            "apiVersion: bulla.dev/builders/v0.1\nbuilders: [{id: a, issuer: b, refs: tags}]",
            "expected `provenance`",
        ),
        (
            "apiVersion: bulla.dev/builders/v0.1\nbuilders: [{id: a, issuer: b, refs: tags, provenance: [{layout: github-attest-v1, buildTypes: [x]}]}]",
            "no rule for refs",
        ),
        (
            "apiVersion: bulla.dev/builders/v0.1\nbuilders: [{id: a, issuer: b, refs: any, provenance: [{layout: none, buildTypes: [x]}]}]",
            "no layout `none`",
        ),
        (
            "apiVersion: bulla.dev/builders/v0.1\nlayouts: [{name: github-attest-v1, predicateType: a, builder: /b, buildType: /c, source: /d}]",
            "is there already",
        ),
        (
            "apiVersion: bulla.dev/builders/v0.1\nlayouts: [{name: own, predicateType: a, builder: b, buildType: /c, source: /d}]",
            "no JSON pointer",
        ),
        (
            "apiVersion: bulla.dev/builders/v0.1\nlayouts: [{name: own, predicateType: a, builder: /b, buildType: /c}]",
            "expected `source` or `trigger`",
        ),
    ] {
        let file = PolicyFile {
            path: "own.yaml".into(),
            bytes: text.as_bytes().to_vec(),
        };
        let error = Builders::load(&[file], &Limits::default())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(reason) && error.starts_with("own.yaml"),
            "{text}: {error}"
        );
    }
}

/// A table that reads the Maven provenance as something a workflow wrote itself.
fn forgeable(more: &str) -> String {
    format!(
        "apiVersion: bulla.dev/builders/v0.1
layouts:
  - name: own
    predicateType: https://slsa.dev/provenance/v1
    builder: /runDetails/builder/id
    buildType: /buildDefinition/buildType
    source: /buildDefinition/resolvedDependencies/0/uri
    forgeable: true
    {more}
builders:
  - id: https://github.com/slsa-framework/slsa-github-generator/.github/workflows/delegator_lowperms-generic_slsa3.yml
    issuer: https://token.actions.githubusercontent.com
    refs: release
    delegates: [{{id: https://github.com/**, refs: release}}]
    provenance: [{{layout: own, buildTypes: ['**']}}]
"
    )
}

#[test]
fn what_the_certificate_does_not_say_is_not_believed_of_a_workflow() {
    let parameters = "/buildDefinition/internalParameters";
    Case::maven().file(&forgeable("")).holds();
    let claims = format!("claims: [{{at: {parameters}/GITHUB_EVENT_NAME, claim: trigger}}]");
    Case::maven().file(&forgeable(&claims)).holds();
    for (more, check) in [
        (
            format!("claims: [{{at: {parameters}/GITHUB_EVENT_NAME, claim: run-id}}]"),
            "certificate-claim",
        ),
        (
            format!("claims: [{{at: {parameters}, claim: run-id}}]"),
            "certificate-claim",
        ),
        (format!("onlyClaims: [{parameters}]"), "unproven"),
        (format!("absent: [{parameters}]"), "unproven"),
        (format!("single: [{parameters}]"), "unproven"),
        (
            format!("equals: [{{at: {parameters}/GITHUB_EVENT_NAME, value: push}}]"),
            "fixed-value",
        ),
        (
            "trigger: {uri: /buildDefinition/resolvedDependencies/1/uri}".into(),
            "trigger",
        ),
    ] {
        Case::maven()
            .file(&forgeable(&more))
            .fails(check, Cause::Denied);
    }
}

#[test]
fn cloud_build_signs_with_the_keys_a_user_gives() {
    let document = slsa!("cloud-build.json");
    let case =
        Case::cloud_build(document).but(|expected| expected.versioned_tag = Some("v33".into()));
    case.holds();
    let mut without = Case::cloud_build(document);
    without.builders.clear();
    without.fails("signature", Cause::Untrusted);
    let worker = "https://cloudbuild.googleapis.com/GoogleHostedWorker";
    Case::cloud_build(document)
        .builder(&format!("{worker}@v0.3"))
        .holds();
    for id in [format!("{worker}@v0.4"), format!("{worker}a")] {
        Case::cloud_build(document)
            .builder(&id)
            .fails("builder-id", Cause::Untrusted);
    }
    let case = Case::cloud_build(document).but(|expected| expected.source.push('x'));
    case.fails("source", Cause::Denied);
}

/// A key's name and the statements it may sign, for a builder of a toy table.
fn toy_row(builder: &str, key: &str, types: &str) -> String {
    let pem = Signer::named(key).pem().replace('\n', "\n          ");
    format!(
        "  - id: {builder}
    signer: keys
    provenance:
      - {{layout: cloud-build-v1, buildTypes: [https://t.example/x]}}
      - {{layout: cloud-build-v0.1, buildTypes: [https://t.example/x]}}
    keys:
      - id: {key}
        predicateTypes: {types}
        publicKey: |
          {pem}
"
    )
}

/// What builder A, who signs with the key `a`, made of a predicate. B signs with `b`.
fn toy(kind: &str, predicate: &serde_json::Value) -> Case {
    let digest = format!("sha256:{}", "ab".repeat(32));
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "x", "digest": {"sha256": "ab".repeat(32)}}],
        "predicateType": kind,
        "predicate": predicate,
    })
    .to_string();
    let payload_type = "application/vnd.in-toto+json";
    let signature = Signer::named("a").signature(payload_type, statement.as_bytes());
    let named = format!("x@{digest}");
    let document = json!({
        "image_summary": {"digest": digest, "fully_qualified_digest": named},
        "provenance_summary": {"provenance": [{
            "kind": "BUILD",
            "resourceUri": named,
            "envelope": {
                "payload": STANDARD.encode(&statement),
                "payloadType": payload_type,
                "signatures": [{"keyid": "a", "sig": STANDARD.encode(signature)}],
            },
        }]},
    });
    let mut case = Case::cloud_build(document.to_string().as_bytes());
    case.digest = "sha256:abababababababababababababababababababababababababababababababab";
    "github.com/o/r".clone_into(&mut case.expected.source);
    case.builders.clear();
    let [a, b] = ["A", "B"].map(|name| format!("https://{name}.example/worker"));
    case.file(&format!(
        "apiVersion: bulla.dev/builders/v0.1\nbuilders:\n{}{}",
        toy_row(&a, "a", "[]"),
        toy_row(&b, "b", "[]")
    ))
}

fn toy_v1(builder: &str, reference: &str, substitutions: &serde_json::Value) -> serde_json::Value {
    json!({
        "buildDefinition": {
            "buildType": "https://t.example/x",
            "externalParameters": {"buildConfigSource": {
                "repository": "git+https://github.com/o/r", "ref": reference,
            }},
            "internalParameters": {"systemSubstitutions": substitutions},
        },
        "runDetails": {"builder": {"id": builder}},
    })
}

fn toy_v01(builder: &str, source: &str) -> serde_json::Value {
    json!({
        "builder": {"id": builder},
        "recipe": {"type": "https://t.example/x", "arguments": {
            "@type": "type.googleapis.com/google.devtools.cloudbuild.v1.Build",
            "substitutions": {"BRANCH_NAME": "main", "TAG_NAME": "v1.0.0"},
        }},
        "materials": [{"uri": source}],
    })
}

const V1: &str = "https://slsa.dev/provenance/v1";
const V01: &str = "https://slsa.dev/provenance/v0.1";

#[test]
fn a_builders_key_speaks_for_no_other_builder_whatever_ids_stand_elsewhere() {
    let (a, b) = ("https://A.example/worker", "https://B.example/worker");
    let of = |builder: &str| toy_v1(builder, "refs/heads/main", &json!({}));
    toy(V1, &of(a)).holds();
    toy(V1, &of(b)).fails("builder", Cause::Untrusted);
    // The id of the key's own builder where another form has it.
    let mut both = of(b);
    both["builder"] = json!({"id": a});
    toy(V1, &both).fails("builder", Cause::Untrusted);
    toy(V1, &both).builder(b).fails("builder", Cause::Untrusted);
    let mut old = toy_v01(b, "https://github.com/o/r");
    toy(V01, &old).fails("builder", Cause::Untrusted);
    old["runDetails"] = json!({"builder": {"id": a}});
    toy(V01, &old).fails("builder", Cause::Untrusted);
    toy("https://slsa.dev/provenance/v0.2", &of(a)).fails("predicate-type", Cause::Denied);
}

#[test]
fn a_key_signs_the_predicate_types_its_row_lists() {
    let a = "https://A.example/worker";
    let predicate = toy_v1(a, "refs/heads/main", &json!({}));
    let with = |types: &str| {
        let mut case = toy(V1, &predicate);
        case.builders.clear();
        case.file(&format!(
            "apiVersion: bulla.dev/builders/v0.1\nbuilders:\n{}",
            toy_row(a, "a", types)
        ))
    };
    with(&format!("[{V01}, {V1}]")).holds();
    with(&format!("[{V01}]")).fails("builder", Cause::Untrusted);
}

#[test]
fn a_substitution_names_the_branch_only_where_the_ref_does_too() {
    let a = "https://A.example/worker";
    let on = |reference: &str, substitutions: &serde_json::Value| {
        toy(V1, &toy_v1(a, reference, substitutions))
            .but(|expected| expected.branch = Some("main".to_owned()))
    };
    let main = json!({"BRANCH_NAME": "main"});
    on("refs/heads/main", &main).holds();
    for reference in ["refs/heads/evil", "refs/tags/main", "main"] {
        on(reference, &main).fails("branch", Cause::Denied);
    }
    on("refs/heads/main", &json!({})).fails("branch", Cause::Denied);
    // In the first version nothing stands beside the substitution.
    let old = |source: &str| toy(V01, &toy_v01(a, source));
    old("https://github.com/o/r").holds();
    old("https://github.com/o/r")
        .but(|expected| expected.branch = Some("main".to_owned()))
        .fails("branch", Cause::Denied);
    old("git+https://github.com/o/r@refs/heads/evil")
        .but(|expected| expected.tag = Some("v1.0.0".to_owned()))
        .fails("source-ref", Cause::Denied);
}

#[test]
fn what_people_read_beside_cloud_builds_envelope_must_be_what_is_in_it() {
    let text = std::str::from_utf8(slsa!("cloud-build.json")).unwrap();
    for (from, to, check, cause) in [
        (
            "\"kind\": \"BUILD\"",
            "\"kind\": \"BUIL\"",
            "kind",
            Cause::Invalid,
        ),
        (
            "@sha256:87db",
            "@sha256:97db",
            "document-digest",
            Cause::OtherSubject,
        ),
        (
            "\"TAG_NAME\": \"v33.0.4\"",
            "\"TAG_NAME\": \"v33.0.5\"",
            "text",
            Cause::Invalid,
        ),
        ("cryptoKeys/", "cryptoKey/", "signature", Cause::Untrusted),
    ] {
        let changed = text.replace(from, to);
        assert_ne!(changed, text, "{from}");
        Case::cloud_build(changed.as_bytes()).fails(check, cause);
    }
}

#[test]
fn f20_npms_registry_signs_with_the_key_it_names_in_its_time() {
    let document = slsa!("npm.json");
    Case::npm(document).holds();
    let text = std::str::from_utf8(slsa!("npm-keys.json")).unwrap();
    let with_keys = |text: &str| {
        let keys = RegistryKey::read(text.as_bytes(), &Limits::default()).unwrap();
        let mut case = Case::npm(document);
        if let Provenance::Npm { expected, .. } = &mut case.provenance {
            expected.keys = keys;
        }
        case
    };
    // The same key under another name, and before its time.
    with_keys(&text.replace("SHA256:jl3b", "SHA256:xxxx")).fails("registry-key", Cause::Untrusted);
    with_keys(&text.replace("2022-12-01", "2025-12-01")).fails("registry-key-time", Cause::Expired);
    // Keys for lists of packages are none for attestations.
    let other = text.replace("npm:attestations", "npm:signatures");
    assert!(RegistryKey::read(other.as_bytes(), &Limits::default()).is_err());
}

#[test]
fn a_package_is_believed_from_the_builder_that_is_named_only() {
    let case = Case::npm(slsa!("npm.json")).but(|expected| expected.builder_id = None);
    case.fails("builder", Cause::Untrusted);
    assert_eq!(case.verify().checks.len(), 1, "whichever builder it was");
}

#[test]
fn a_runner_has_no_version_that_could_be_asked_for() {
    let runner = "https://github.com/actions/runner/github-hosted";
    for version in ["v9.9.9", "refs/tags/v1"] {
        Case::npm(slsa!("npm.json"))
            .builder(&format!("{runner}@{version}"))
            .fails("builder", Cause::Untrusted);
    }
}

#[test]
fn both_attestations_of_a_package_must_hold_and_agree() {
    let set = |name: Option<&str>, version: Option<&str>| {
        let mut case = Case::npm(slsa!("npm.json"));
        if let Provenance::Npm { expected, .. } = &mut case.provenance {
            expected.name = name.map(Into::into);
            expected.version = version.map(Into::into);
        }
        case
    };
    set(Some("gundam-visor"), Some("1.0.1")).holds();
    set(Some("gundam-visorS"), None).fails("package-name", Cause::Denied);
    set(None, Some("1.0.2")).fails("package-version", Cause::Denied);
    let mut other = set(None, None);
    other.digest = "sha256:4e313a4cd3a7ffa7ef270dd8f65a98cce9c6286c25f5898998feaed73f3ffe92";
    other.fails("subject", Cause::OtherSubject);
    // One alone, or one twice, is not both.
    let document: serde_json::Value = serde_json::from_slice(slsa!("npm.json")).unwrap();
    let list = document["attestations"].as_array().unwrap();
    for list in [
        vec![&list[0]],
        vec![&list[1]],
        vec![&list[0], &list[1], &list[1]],
    ] {
        let changed = serde_json::json!({"attestations": list}).to_string();
        Case::npm(changed.as_bytes()).fails("document", Cause::Invalid);
    }
}

#[test]
fn an_entry_timestamp_alone_is_enough_in_a_bundle_of_the_first_version() {
    let case = Case::container_based();
    case.holds();
    let text = std::str::from_utf8(slsa!("container-based.sigstore.json")).unwrap();
    let changed = text.replacen("MEQCIBrvo894", "MEQCIBrvo895", 1);
    assert!(changed != text);
    let refused = case.of_bytes(changed.as_bytes()).verify();
    assert_eq!(refused.checks.last().unwrap().name, "signature");
    assert_eq!(refused.cause, Some(Cause::Invalid));
}
