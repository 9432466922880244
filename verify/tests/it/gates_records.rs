//! Promotion records of kpromo: an image was copied into a repository.

use serde_json::{Value, json};

use bulla_model::predicate::promotion_record::TYPE;
use bulla_model::{Digest, EdgeKind, ResourceDescriptor};
use bulla_verify::{Cause, Code, Outcome, Verdict};

use crate::gates::{asking, outcome, refused, require};
use crate::kit::{
    World, assert_exit, assert_found, codes, hour, image, index, index_entry, payload, tampered,
};

const CHECK: &str = "promotion-record";

/// The tester's records of copies into one registry count.
pub(crate) fn rule(more: &str) -> String {
    format!("promotionRecord: {{by: [tester], destinations: ['registry.example.test/**']{more}}}")
}

/// A record of a copy, with every member that kpromo writes.
pub(crate) fn record(digest: &Digest) -> Value {
    let (from, to) = (
        "staging.example.test/pay/api",
        "registry.example.test/pay/api",
    );
    json!({
        "srcRef": format!("{from}@{digest}"),
        "dstRef": to,
        "digest": digest.to_string(),
        "timestamp": hour(1).to_string(),
        "builderId": "https://example.test/promoter@v4.6.0",
        "tags": ["v1.0.0"],
        "source": {"name": from, "digest": {"sha256": digest.hex()}},
        "destination": {"name": to, "digest": {"sha256": digest.hex()}},
        "manifest": {"name": "images.yaml", "digest": {"gitCommit": "0123456789abcdef0123456789abcdef01234567"}},
        "promoter": {"version": "v4.6.0"},
        "job": {"name": "promote", "type": "postsubmit"},
    })
}

/// Adds a record about the image, as its promoter writes it: with no annotation.
pub(crate) fn recorded(world: &mut World, who: &str, change: impl Fn(&mut Value)) {
    let mut said = record(&image());
    change(&mut said);
    let name = said["dstRef"].as_str().unwrap_or_default();
    let subject = ResourceDescriptor::named(name, image());
    world.attest_about(who, TYPE, &said, &[subject]);
}

/// The step into dev at hour 10.
pub(crate) fn asked(more: &str, change: impl Fn(&mut World)) -> World {
    let mut world = asking(&rule(more));
    change(&mut world);
    world.now = hour(10);
    world
}

fn judged(more: &str, change: impl Fn(&mut World)) -> Verdict {
    asked(more, change).judge("dev", None).0
}

/// The step with one record by who may sign it.
pub(crate) fn said(more: &str, change: impl Fn(&mut Value)) -> Verdict {
    judged(more, |world| recorded(world, "tester", &change))
}

const FROM: &str = ", sources: ['staging.example.test/**']";

#[test]
fn a_record_of_the_copy_is_enough() {
    for more in ["", FROM, ", maxAge: 9h"] {
        assert_exit(&said(more, |_| {}), 0);
    }
    let verdict = said("", |_| {});
    let check = verdict.checks.iter().find(|check| check.name == CHECK);
    assert_eq!(
        check.unwrap().summary,
        "copied into registry.example.test/pay/api"
    );
    // What kpromo wrote before it wrote more, and what it writes of copies it finds.
    let less = |said: &mut Value| {
        let members = said.as_object_mut().unwrap();
        members.retain(|name, _| {
            ["dstRef", "digest", "timestamp", "builderId"].contains(&name.as_str())
        });
    };
    assert_exit(&said("", less), 0);
    // What nothing looks at may be anything.
    let odd = |said: &mut Value| {
        said["tags"] = json!(7);
        said["job"] = json!([]);
        said["manifest"] = json!(null);
        said["destination"] = json!(null);
        said["later"] = json!({"x": 1});
        said["dstRef"] = json!("registry.example.test/pay/api:v1");
    };
    assert_exit(&said("", odd), 0);
}

#[test]
fn another_copy_is_none() {
    let elsewhere = |said: &mut Value| {
        said["dstRef"] = json!("registry.example.test.evil.example/pay/api");
        said["destination"]["name"] = said["dstRef"].clone();
    };
    let from_elsewhere = |said: &mut Value| {
        said["srcRef"] = json!(format!("evil.example/pay/api@{}", image()));
        said["source"]["name"] = json!("evil.example/pay/api");
    };
    let from_nowhere = |said: &mut Value| {
        let members = said.as_object_mut().unwrap();
        members.retain(|name, _| !["srcRef", "source"].contains(&name.as_str()));
    };
    for (more, verdict) in [
        ("", said("", elsewhere)),
        (FROM, said(FROM, from_elsewhere)),
        (FROM, said(FROM, from_nowhere)),
    ] {
        assert_exit(&verdict, 1);
        assert_found(&verdict, Code::PromotionRecordMissing);
        assert_found(&verdict, Code::PromotionRecordMismatch);
        assert!(
            !more.is_empty()
                || verdict
                    .findings
                    .iter()
                    .any(|finding| finding.found.as_deref()
                        == Some("into registry.example.test.evil.example/pay/api"))
        );
    }
    assert_exit(&said("", from_elsewhere), 0);
    // Another image's record, and one about this image that tells of another.
    let other = Digest::sha256(b"another image");
    let verdict = judged("", |world| {
        let subject = ResourceDescriptor::named("registry.example.test/pay/api", other.clone());
        world.attest_about("tester", TYPE, &record(&other), &[subject]);
    });
    assert_exit(&verdict, 13);
    assert_found(&verdict, Code::SubjectMismatch);
    let verdict = said("", |said| *said = record(&other));
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::StatementUnusable);
}

#[test]
fn what_tells_one_thing_twice_tells_the_same() {
    let other = Digest::sha256(b"another image");
    for (pointer, value) in [
        ("/digest", json!(format!("sha512:{}", "a".repeat(128)))),
        ("/digest", json!("sha256:1")),
        ("/dstRef", json!("pay/api")),
        ("/dstRef", json!("")),
        ("/dstRef", json!(null)),
        (
            "/dstRef",
            json!(format!("registry.example.test/pay/api@{other}")),
        ),
        (
            "/srcRef",
            json!(format!("staging.example.test/pay/api@{other}")),
        ),
        ("/srcRef", json!("x y")),
        ("/srcRef", json!(null)),
        ("/source/name", json!("evil.example/pay/api")),
        ("/source/digest/sha256", json!(other.hex())),
        ("/destination/name", json!("registry.example.test/pay/web")),
        ("/destination/name", json!("")),
        ("/destination/digest/sha256", json!(other.hex())),
        (
            "/destination/digest/sha256",
            json!(image().hex().to_uppercase()),
        ),
        ("/destination", json!("registry.example.test/pay/api")),
        ("/timestamp", json!("yesterday")),
    ] {
        let verdict = said("", |said| {
            *said.pointer_mut(pointer).unwrap() = value.clone();
        });
        assert_exit(&verdict, 1);
        assert_found(&verdict, Code::StatementUnusable);
    }
    // A record is of one image.
    let verdict = judged("", |world| {
        let both = [image(), Digest::sha256(b"more")].map(ResourceDescriptor::of);
        world.attest_about("tester", TYPE, &record(&image()), &both);
    });
    assert_exit(&verdict, 1);
}

#[test]
fn only_who_is_named_records() {
    let verdict = judged("", |_| {});
    assert_exit(&verdict, 10);
    assert_found(&verdict, Code::PromotionRecordMissing);
    for who in ["mallory", "builder", "promoter"] {
        let verdict = judged("", |world| recorded(world, who, |_| {}));
        assert_exit(&verdict, 11);
    }
    let verdict = judged("", |world| recorded(world, "builder", |_| {}));
    assert_found(&verdict, Code::SignerUntrusted);
    let verdict = judged("", |world| {
        recorded(world, "tester", |_| {});
        let changed = tampered(
            &world.evidence.last().unwrap().bundle,
            "registry",
            "registrz",
        );
        world.take("tester");
        world.add("tampered", changed);
    });
    assert_eq!(outcome(&verdict, CHECK), Outcome::Failed(Cause::Invalid));
}

#[test]
fn junk_beside_a_record_changes_nothing() {
    let junk = |world: &mut World| {
        for who in ["mallory", "builder"] {
            recorded(world, who, |_| {});
            recorded(world, who, |said| said["dstRef"] = json!("evil.example/x"));
            recorded(world, who, |said| *said = json!({"digest": []}));
        }
        // Whoever has a copy may attach it again, recorded later or without its record.
        let copies = world.evidence.clone();
        world.evidence.extend(copies);
    };
    for change in [
        |_: &mut Value| {},
        |said: &mut Value| said["dstRef"] = json!("evil.example/x"),
    ] {
        let clean = judged("", |world| recorded(world, "tester", change));
        let dirty = judged("", |world| {
            recorded(world, "tester", change);
            world.now = hour(9);
            world.record_again("tester");
            junk(world);
        });
        assert_eq!(clean.cause, dirty.cause);
        assert_eq!(outcome(&clean, CHECK), outcome(&dirty, CHECK));
        assert_eq!(
            codes(&clean).contains(&Code::StatementUnusable),
            codes(&dirty).contains(&Code::StatementUnusable)
        );
    }
    // Of two copies into different places one is enough.
    let verdict = judged("", |world| {
        recorded(world, "tester", |said| {
            said["dstRef"] = json!("mirror.example.test/pay/api");
            said["destination"]["name"] = said["dstRef"].clone();
        });
        recorded(world, "tester", |_| {});
    });
    assert_exit(&verdict, 0);
}

#[test]
fn the_time_of_a_record_is_its_promoter_s_word_unless_it_is_proven() {
    // It says hour 1; a record that somebody makes later makes it no younger.
    assert_exit(&said(", maxAge: 8h", |_| {}), 14);
    for record_only in [false, true] {
        let verdict = judged(", maxAge: 8h", |world| {
            recorded(world, "tester", |_| {});
            world.now = hour(9);
            if record_only {
                world.record_only("tester");
            } else {
                world.record_again("tester");
            }
        });
        assert_exit(&verdict, 14);
        assert_found(&verdict, Code::StatementStale);
    }
    let untimed = |said: &mut Value| drop(said.as_object_mut().unwrap().remove("timestamp"));
    assert_exit(&said("", untimed), 0);
    assert_exit(&said(", maxAge: 8h", untimed), 14);
    let ahead = |said: &mut Value| said["timestamp"] = json!(hour(30).to_string());
    let verdict = said("", ahead);
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::TimeMismatch);
    let mut strict = asked("", |world| recorded(world, "tester", |_| {}));
    strict.edit(
        "release.yaml",
        "high: {claimedTime: allow}",
        "high: {claimedTime: deny}",
    );
    let verdict = strict.judge("dev", None).0;
    assert_eq!(outcome(&verdict, CHECK), Outcome::Failed(Cause::Denied));
    assert!(
        verdict
            .findings
            .iter()
            .any(|one| one.check == CHECK && one.code == Code::TimeUnproven)
    );
    strict.now = hour(2);
    strict.record_only("tester");
    strict.now = hour(10);
    assert_eq!(outcome(&strict.judge("dev", None).0, CHECK), Outcome::Ok);
}

#[test]
fn a_record_from_after_the_step_comes_too_late() {
    let mut world = asked("", |world| recorded(world, "tester", |_| {}));
    world.now = hour(2);
    world.promote("dev");
    world.now = hour(10);
    assert_exit(&world.verify("dev"), 0);
    world.take("tester");
    recorded(&mut world, "tester", |said| {
        said["timestamp"] = json!(hour(5).to_string());
    });
    let verdict = world.verify("dev");
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::TooLate);
}

#[test]
fn a_record_can_be_taken_back() {
    let mut world = World::owned(1);
    world.provenance();
    require(&mut world, &rule(""));
    recorded(&mut world, "tester", |_| {});
    world.now = hour(2);
    assert_exit(&world.judge("dev", None).0, 0);
    let taken = Digest::sha256(&payload(&world.evidence.last().unwrap().bundle));
    world.revoke(
        "security",
        &[json!({"kind": "attestation", "payload": taken})],
    );
    let verdict = world.judge("dev", None).0;
    assert_exit(&verdict, 14);
    assert_found(&verdict, Code::Revoked);
}

#[test]
fn what_may_be_missing_is_no_denial() {
    for (change, exit) in [(true, 3), (false, 0)] {
        let verdict = judged("", |world| {
            world.truncated = true;
            if !change {
                recorded(world, "tester", |_| {});
            }
        });
        assert_exit(&verdict, exit);
    }
}

#[test]
fn what_kpromo_let_in_is_imported() {
    let import = format!(
        "edges:\n  - {{to: staging, kind: import, by: [promoter], require: {{provenance: {{by: [builder]}}, {}}}}}\n",
        rule("")
    );
    let mut world = World::built();
    world.edit("release.yaml", "edges:\n", &import);
    world.now = hour(2);
    assert_exit(&world.step(EdgeKind::Import, "staging").0, 10);
    recorded(&mut world, "tester", |_| {});
    world.take_step(EdgeKind::Import, "staging", |_| {});
    assert_exit(&world.verify("staging"), 0);
    // It opens no other way.
    assert_exit(&world.verify("prod"), 1);
}

#[test]
fn a_record_of_an_index_is_one_of_its_platforms() {
    let list = index(&[index_entry(&image())]);
    let digest = list.digest().clone();
    for (received, exit) in [(true, 0), (false, 13)] {
        let verdict = judged("", |world| {
            let subject = ResourceDescriptor::of(digest.clone());
            world.attest_about("tester", TYPE, &record(&digest), &[subject]);
            if received {
                world.indexes.push(list.clone());
            }
        });
        assert_exit(&verdict, exit);
    }
}

#[test]
fn slips_are_refused() {
    for (wrong, told) in [
        ("promotionRecord: {by: [tester]}", "destinations"),
        (
            "promotionRecord: {by: [tester], destinations: []}",
            "`destinations` names nothing",
        ),
        (
            "promotionRecord: {by: [tester], destinations: ['']}",
            "`destinations` names nothing",
        ),
        (
            "promotionRecord: {by: [tester], destinations: [a], sources: []}",
            "`sources` names nothing",
        ),
        (
            "promotionRecord: {by: [], destinations: [a]}",
            "`by` is empty",
        ),
        (
            "promotionRecord: {by: [nobody], destinations: [a]}",
            "no identity `nobody`",
        ),
        (
            "promotionRecord: {by: [tester], destinations: [a], to: prod}",
            "to",
        ),
    ] {
        let error = refused(wrong);
        assert!(error.contains(told), "{error}");
    }
}
