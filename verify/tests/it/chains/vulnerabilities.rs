//! What scanners find, what clears it and who waives it.

use bulla_model::predicate::vulns;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::story::{Told, step, stories, verify, with};
use crate::kit::{World, hour, image};
use crate::vulnerabilities::{RULE, TRIVY, found, found_in, scan_at, world};

const ID: &str = "CVE-2026-1";

stories! {
    "scanned-clean", "Vulnerabilities",
        "What is found is less than what is denied.",
        0 => scanned(&[found(ID, "medium")]);
    "scan-missing", "Vulnerabilities",
        "The step needs a scan.",
        10 ScanMissing => step("staging", world(RULE));
    "scan-by-a-stranger", "Vulnerabilities",
        "A scan by somebody whom nobody names is none.",
        11 ScanMissing SignerUntrusted => step("staging", with(world(RULE), |world| {
            let scan = scan_at(TRIVY, Some(hour(2)), &[]);
            world.attest("tester", vulns::TYPE, &scan);
        }));
    "scan-stale", "Vulnerabilities",
        "A scan is not older than `maxAge` when the step is taken.",
        14 ScanStale => at(27, scanned(&[]));
    "scan-old-and-signed-anew", "Vulnerabilities",
        "A scan is as old as it says, however late it is signed.",
        14 ScanStale => step("staging", with(world(RULE), |world| {
            world.now = hour(30);
            let scan = scan_at(TRIVY, Some(hour(2)), &[]);
            world.attest("scanner", vulns::TYPE, &scan);
        }));
    "scan-unreadable", "Vulnerabilities",
        "A scan by somebody who is named that cannot be read may say anything.",
        1 StatementUnusable => at(2, with_told(scanned(&[]), |world| {
            world.attest("scanner", vulns::TYPE, &json!({"scanner": {"uri": TRIVY, "result": "none"}}));
        }));
    "vulnerabilities-found", "Vulnerabilities",
        "One that is as bad as what is denied is neither cleared nor waived.",
        1 VulnerabilitiesFound => scanned(&[found(ID, "high")]);
    "vulnerabilities-of-unknown-severity", "Vulnerabilities",
        "An unknown severity is critical.",
        1 VulnerabilitiesFound => scanned(&[json!({"id": ID})]);
    "vulnerabilities-found-later-by-the-scanner", "Vulnerabilities",
        "An old clean scan does not hide a newer dirty one.",
        1 VulnerabilitiesFound => with_told(scanned(&[]), |world| {
            world.now = hour(3);
            world.scan(&[found(ID, "high")]);
        });
    "vulnerabilities-without-a-fix", "Vulnerabilities",
        "With `fixedOnly` what has no fix denies nothing.",
        0 => step("staging", with(world("{by: [scanner], fixedOnly: true}"), |world| {
            world.scan(&[found_in(ID, "critical", "pkg:deb/debian/zlib@1", &[])]);
        }));
    "vulnerabilities-found-after-the-step", "Vulnerabilities",
        "What is found later takes nothing back.",
        0 => {
            let mut world = scanned(&[]).world;
            world.promote("staging");
            world.now = hour(5);
            world.scan(&[found(ID, "critical")]);
            verify("staging", world)
        };
    "vex-clears", "Vulnerabilities",
        "A statement that says why the artifact is not affected clears what was found.",
        0 => with_told(scanned(&[found(ID, "high")]), |world| world.vex("vexer", &json!([cleared()])));
    "vex-of-a-stranger", "Vulnerabilities",
        "Only those whom `vex.by` names clear anything.",
        1 VulnerabilitiesFound => with_told(scanned(&[found(ID, "high")]), |world| world.vex("scanner", &json!([cleared()])));
    "vex-without-a-reason", "Vulnerabilities",
        "`not_affected` has a reason.",
        1 VulnerabilitiesFound => with_told(scanned(&[found(ID, "high")]), |world| {
            let mut said = cleared();
            said.as_object_mut().unwrap().remove("justification");
            world.vex("vexer", &json!([said]));
        });
    "vex-taken-back", "Vulnerabilities",
        "A clearance stands until the same people say otherwise.",
        1 VulnerabilitiesFound => with_told(scanned(&[found(ID, "high")]), |world| {
            world.vex("vexer", &json!([cleared()]));
            world.now = hour(3);
            world.vex("vexer", &json!([{"vulnerability": {"name": ID}, "status": "affected"}]));
        });
    "vex-may-be-taken-back", "Vulnerabilities",
        "What OpenVEX cleared is undetermined while evidence is incomplete.",
        3 => with_told(scanned(&[found(ID, "high")]), |world| {
            world.vex("vexer", &json!([cleared()]));
            world.truncated = true;
        });
    "waived", "Vulnerabilities",
        "A waiver overlooks what it names.",
        0 => waived(|_| {});
    "waiver-expired", "Vulnerabilities",
        "A waiver ends.",
        1 VulnerabilitiesFound WaiverExpired => at(26, waived(|_| {}));
    "waiver-of-another-environment", "Vulnerabilities",
        "A waiver names the environment.",
        1 VulnerabilitiesFound WaiverUnusable => waived(|said| {
            said.environments = vec!["env://acme/pay/prod".parse().unwrap()];
        });
    "waiver-for-too-long", "Vulnerabilities",
        "A waiver is for no longer than `maxTerm`.",
        1 VulnerabilitiesFound WaiverUnusable => waived(|said| {
            said.not_after = said.issued_at + SignedDuration::from_hours(30 * 24 + 1);
        });
    "waiver-by-somebody-else", "Vulnerabilities",
        "Whoever waives is named and holds a role.",
        1 VulnerabilitiesFound WaiverUnusable => with_told(scanned(&[found(ID, "high")]), |world| world.waive("bob", &[ID]));
    "waiver-of-something-else", "Vulnerabilities",
        "A waiver overlooks nothing that it does not name.",
        1 VulnerabilitiesFound => with_told(scanned(&[found(ID, "high")]), |world| world.waive("alice", &["CVE-2026-9"]));
}

/// The step into staging, after a scan of now.
fn scanned(results: &[Value]) -> Told {
    step("staging", with(world(RULE), |world| world.scan(results)))
}

fn with_told(told: Told, change: impl FnOnce(&mut World)) -> Told {
    Told {
        world: with(told.world, change),
        asked: told.asked,
    }
}

fn at(hours: i64, told: Told) -> Told {
    with_told(told, |world| world.now = hour(hours))
}

/// Found, and waived by alice after a change.
fn waived(change: impl Fn(&mut bulla_model::predicate::Waiver)) -> Told {
    with_told(scanned(&[found(ID, "high")]), |world| {
        world.waive_with("alice", &[ID], change);
    })
}

fn cleared() -> Value {
    json!({
        "vulnerability": {"name": ID}, "status": "not_affected",
        "justification": "vulnerable_code_not_in_execute_path",
        "products": [{"hashes": {"sha-256": image().hex()}}],
    })
}
