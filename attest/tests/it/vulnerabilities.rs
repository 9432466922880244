//! Reports of vulnerability scanners, and OpenVEX documents.

use bulla_attest::claim::{self, ScanFormat, ScanReport};
use bulla_model::predicate::Vulns;
use bulla_model::{Digest, Limits, Statement, Subject};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

fn report(name: &str) -> Vec<u8> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/vulns/");
    std::fs::read(format!("{root}{name}.json")).unwrap()
}

fn then() -> Timestamp {
    "2026-03-02T09:00:00Z".parse().unwrap()
}

fn read(document: &[u8]) -> ScanReport {
    claim::scan_report(document, None, Some(then()), &Limits::default()).unwrap()
}

/// Ids, severities, packages, fixes and aliases.
fn results(scan: &Vulns) -> Vec<Value> {
    let results = scan.scanner.result.iter();
    results
        .map(|one| {
            let severity: Vec<_> = one
                .severity
                .iter()
                .map(|said| json!([said.method, said.score]))
                .collect();
            let aliases: Vec<_> = one.aliases().collect();
            json!([
                one.id,
                severity,
                one.package_name(),
                one.fixed_versions(),
                aliases
            ])
        })
        .collect()
}

#[test]
fn trivy_s_reports_are_read() {
    let image = read(&report("trivy-image"));
    assert_eq!(image.scan.scanner.uri, "pkg:github/aquasecurity/trivy");
    assert_eq!(
        results(&image.scan),
        [json!([
            "CVE-2022-24765",
            [["trivy", "MEDIUM"]],
            "git",
            ["2.35.2-r0"],
            []
        ])]
    );
    let modules = read(&report("trivy-gomod"));
    let docker = "github.com/docker/distribution";
    let opa = "github.com/open-policy-agent/opa";
    assert_eq!(
        results(&modules.scan),
        [
            json!(["GMS-2022-20", [], docker, ["v2.8.0"], []]),
            json!(["CVE-2022-23628", [["nvd", "MEDIUM"]], opa, ["0.37.0"], []]),
        ]
    );
    // As later versions write it: package URLs, the time, what it was told to leave out. The scores
    // count where nobody rates it.
    let mut later: Value = serde_json::from_slice(&report("trivy-gomod")).unwrap();
    later["CreatedAt"] = json!("2026-03-01T09:00:00.5+01:00");
    later["Trivy"] = json!({"Version": "0.69.0"});
    later["Results"][0]["ExperimentalModifiedFindings"] = json!([
        {"Type": "vulnerability", "Status": "ignored", "Finding": {
            "VulnerabilityID": "CVE-2026-7", "PkgName": "a", "Severity": "HIGH"}},
        {"Type": "secret", "Status": "ignored", "Finding": {}},
    ]);
    let finding = &mut later["Results"][0]["Vulnerabilities"][1];
    finding["PkgIdentifier"] =
        json!({"PURL": "pkg:golang/github.com/open-policy-agent/opa@0.35.0"});
    finding["Severity"] = json!("UNKNOWN");
    let later = read(later.to_string().as_bytes());
    assert_eq!(later.ignored, 1);
    assert_eq!(
        results(&later.scan)[2][0],
        "CVE-2026-7",
        "left out, and found"
    );
    assert_eq!(later.scan.scanner.version.as_deref(), Some("0.69.0"));
    assert_eq!(
        later.scan.scanned_at().unwrap().to_string(),
        "2026-03-01T08:00:00.5Z"
    );
    let second = &results(&later.scan)[1];
    assert_eq!(second[1], json!([["CVSSv3", "5.3"]]));
    assert_eq!(
        second[2],
        "pkg:golang/github.com/open-policy-agent/opa@0.35.0"
    );
}

#[test]
fn grype_s_reports_are_read() {
    let read_one = read(&report("grype"));
    assert_eq!(
        results(&read_one.scan),
        [
            json!([
                "CVE-1999-0001",
                [["grype", "Low"]],
                "package-1",
                ["1.2.1", "2.1.3", "3.4.0"],
                []
            ]),
            json!([
                "CVE-1999-0002",
                [["grype", "Critical"]],
                "pkg:deb/package-2@2.2.2",
                null,
                []
            ]),
        ]
    );
    let mut changed: Value = serde_json::from_slice(&report("grype")).unwrap();
    changed["descriptor"]["timestamp"] = json!("2026-03-01T09:00:00Z");
    changed["descriptor"]["db"] = json!({"status": {"built": "2026-03-01T01:00:00Z"}});
    changed["ignoredMatches"] = json!([changed["matches"][0]]);
    changed["ignoredMatches"][0]["vulnerability"]["id"] = json!("CVE-2026-7");
    changed["ignoredMatches"][0]["vulnerability"]["fix"] =
        json!({"versions": [], "state": "not-fixed"});
    changed["matches"][0]["vulnerability"]["id"] = json!("GHSA-aaaa-bbbb-cccc");
    changed["matches"][0]["vulnerability"]["severity"] = json!("Unknown");
    changed["matches"][0]["relatedVulnerabilities"] = json!([{"id": "CVE-1999-0001"}]);
    // An advisory of several is none of them.
    changed["matches"][1]["vulnerability"]["id"] = json!("ELSA-1999-1");
    changed["matches"][1]["relatedVulnerabilities"] = json!([{"id": "CVE-1"}, {"id": "CVE-2"}]);
    let changed = read(changed.to_string().as_bytes());
    assert_eq!(changed.ignored, 1);
    assert_eq!(
        changed.scan.scanned_at().unwrap().to_string(),
        "2026-03-01T09:00:00Z"
    );
    let built = changed
        .scan
        .scanner
        .db
        .as_ref()
        .unwrap()
        .last_update
        .as_deref();
    assert_eq!(built, Some("2026-03-01T01:00:00Z"));
    let found = results(&changed.scan);
    assert_eq!(found[2][0], "CVE-2026-7", "left out, and found");
    assert_eq!(found[2][3], json!([]), "no version fixes it");
    assert_eq!(found[0][0], "CVE-1999-0001");
    assert_eq!(found[0][1], json!([["CVSSv3.1", "8.2"]]));
    assert_eq!(found[0][4], json!(["GHSA-aaaa-bbbb-cccc"]));
    assert_eq!(
        (&found[1][0], &found[1][4]),
        (&json!("ELSA-1999-1"), &json!([]))
    );
}

#[test]
fn osv_scanner_s_reports_are_read() {
    let read_one = read(&report("osv-scanner"));
    let protobuf = "pkg:golang/github.com/gogo/protobuf@1.3.1";
    assert_eq!(
        results(&read_one.scan),
        [
            json!([
                "CVE-2021-3121",
                [["CVSS", "8.6"]],
                protobuf,
                null,
                ["GHSA-c3h9-896r-86jm", "GO-2021-0053"]
            ]),
            json!([
                "CVE-2022-24713",
                [["osv", "HIGH"]],
                "pkg:cargo/regex@1.5.1",
                ["1.5.5"],
                ["GHSA-m5pq-gvj9-9vr8", "RUSTSEC-2022-0013"]
            ]),
        ]
    );
}

#[test]
fn a_fix_of_osv_is_one_of_the_ecosystem_and_none_where_it_is_told_otherwise() {
    let fixed = |affected: Value| {
        let report = json!({"results": [{"source": {}, "packages": [{
            "package": {"name": "a", "version": "1", "ecosystem": "Debian:12"},
            "vulnerabilities": [{"id": "CVE-2026-1", "affected": affected}],
        }]}]});
        results(&read(report.to_string().as_bytes()).scan)[0][3].clone()
    };
    let of = |ecosystem: &str, kind: &str, event: Value| {
        json!([{
            "package": {"name": "a", "ecosystem": ecosystem},
            "ranges": [{"type": kind, "events": [{"introduced": "0"}, event]}],
        }])
    };
    let fix = || json!({"fixed": "2"});
    assert_eq!(fixed(of("Debian:11", "ECOSYSTEM", fix())), json!(["2"]));
    assert_eq!(fixed(of("npm", "SEMVER", fix())), Value::Null);
    assert_eq!(fixed(of("Debian", "GIT", fix())), Value::Null);
    let last = json!({"last_affected": "1"});
    assert_eq!(fixed(of("Debian", "ECOSYSTEM", last)), Value::Null);
    let none = json!({"introduced": "1"});
    assert_eq!(fixed(of("Debian", "ECOSYSTEM", none)), json!([]));
}

#[test]
fn what_is_no_report_is_refused() {
    let limits = Limits::default();
    let refused = |document: &[u8], format, ended: Option<Timestamp>| {
        claim::scan_report(document, format, ended, &limits)
            .unwrap_err()
            .to_string()
    };
    for (document, format, expected) in [
        (&b"{}"[..], None, "no known scanner"),
        (b"[]", None, "no known scanner"),
        (b"{\"results\": [{}]}", None, "no known scanner"),
        (b"{\"results\": []}", None, "no known scanner"),
        (
            b"{\"results\": [], \"errors\": []}",
            Some(ScanFormat::Osv),
            "no known scanner",
        ),
        (
            b"{\"SchemaVersion\": 2, \"Results\": [{\"Class\": \"secret\"}]}",
            None,
            "looked for",
        ),
        (b"{\"SchemaVersion\": 2}", None, "looked for"),
        (
            b"{\"SchemaVersion\": 2, \"Results\": []}",
            None,
            "looked for",
        ),
        (
            b"{\"SchemaVersion\": 1, \"Results\": [{}]}",
            None,
            "no known scanner",
        ),
        (
            b"{\"SchemaVersion\": 2, \"matches\": []}",
            None,
            "no known scanner",
        ),
        (
            b"{\"matches\": [], \"descriptor\": {\"name\": \"x\"}}",
            None,
            "no known scanner",
        ),
        (
            b"{\"SchemaVersion\": 2, \"SchemaVersion\": 2}",
            None,
            "twice",
        ),
        (
            b"{\"SchemaVersion\": 2, \"Results\": [{\"Vulnerabilities\": [{}]}]}",
            None,
            "missing field",
        ),
        (
            b"{\"results\": []}",
            Some(ScanFormat::Trivy),
            "missing field",
        ),
    ] {
        let error = refused(document, format, Some(then()));
        assert!(error.contains(expected), "{error}");
    }
    assert!(refused(&report("grype"), None, None).contains("when the scan was made"));
    let many = vec![json!({"VulnerabilityID": "CVE-1", "PkgName": "a"}); 16_385];
    let many = json!({"SchemaVersion": 2, "Results": [{"Vulnerabilities": many}]});
    assert!(
        refused(many.to_string().as_bytes(), None, Some(then())).contains("the limit is 16384")
    );
}

#[test]
fn a_report_becomes_a_statement_that_is_read_the_same() {
    let subject = Subject::named("api", Digest::sha256(b"api"));
    for name in ["trivy-image", "trivy-gomod", "grype", "osv-scanner"] {
        let scan = read(&report(name)).scan;
        let payload =
            claim::vulnerabilities(std::slice::from_ref(&subject), then(), &scan).unwrap();
        let statement = Statement::parse(&payload, &Limits::default()).unwrap();
        assert_eq!(statement.predicate::<Vulns>().unwrap(), scan, "{name}");
    }
}

#[test]
fn only_openvex_is_signed_as_openvex() {
    let limits = Limits::default();
    let subject = Subject::named("api", Digest::sha256(b"api"));
    let write = |document: &str| {
        claim::openvex(
            std::slice::from_ref(&subject),
            then(),
            document.as_bytes(),
            &limits,
        )
    };
    let good = r#"{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "x", "author": "a", "version": 1, "timestamp": "2026-03-02T09:00:00Z", "statements": []}"#;
    let payload = write(good).unwrap();
    assert!(
        String::from_utf8(payload).unwrap().contains(good),
        "byte for byte"
    );
    for bad in [
        "{}",
        "[]",
        r#"{"@context": "https://x.example", "statements": []}"#,
    ] {
        assert!(write(bad).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn nothing_makes_a_reader_of_reports_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        name in prop::sample::select(vec!["trivy-gomod", "grype", "osv-scanner"]),
        at in any::<prop::sample::Index>(),
        put in any::<u8>(),
    ) {
        let limits = Limits::default();
        let mut near = report(name);
        let at = at.index(near.len());
        near[at] = put;
        for document in [&bytes, &near] {
            for format in [None, Some(ScanFormat::Trivy), Some(ScanFormat::Grype), Some(ScanFormat::Osv)] {
                drop(claim::scan_report(document, format, Some(then()), &limits));
            }
            let subject = Subject::named("api", Digest::sha256(b"api"));
            drop(claim::openvex(&[subject], then(), document, &limits));
        }
    }
}
