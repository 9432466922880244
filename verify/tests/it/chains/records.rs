//! Promotion records of kpromo.

use serde_json::{Value, json};

use bulla_model::predicate::promotion_record::TYPE;
use bulla_model::{Digest, EdgeKind, ResourceDescriptor};

use super::story::{step, stories, take, verify, with};
use crate::gates_records::{asked, record, recorded, rule};
use crate::kit::{World, hour, payload};

stories! {
    "promotion-record-of-the-copy", "Step 8: requirements",
        "One record by who is named, of a copy into one of the repositories, is enough.",
        0 => step("dev", said("", |_| {}));
    "promotion-record-of-another-copy", "Step 8: requirements",
        "A copy into another repository is none.",
        1 PromotionRecordMissing PromotionRecordMismatch => step("dev", said("", |said| into(said, "evil.example/pay/api")));
    "promotion-record-without-a-source", "Step 8: requirements",
        "With `sources` a record has to say from where.",
        1 PromotionRecordMissing PromotionRecordMismatch => step("dev", said(", sources: ['staging.example.test/**']", |said| {
            let members = said.as_object_mut().unwrap();
            members.retain(|name, _| !["srcRef", "source"].contains(&name.as_str()));
        }));
    "promotion-record-by-a-stranger", "Step 8: requirements",
        "What somebody else records does not count.",
        11 PromotionRecordMissing SignerUntrusted => step("dev", asked("", |world| recorded(world, "builder", |_| {})));
    "promotion-record-of-another-image", "Step 8: requirements",
        "A record of another image is about another subject.",
        13 PromotionRecordMissing SubjectMismatch => step("dev", asked("", |world| {
            let other = Digest::sha256(b"another image");
            let subject = ResourceDescriptor::of(other.clone());
            world.attest_about("tester", TYPE, &record(&other), &[subject]);
        }));
    "promotion-record-that-contradicts-itself", "Step 8: requirements",
        "A record about this image that tells of another cannot be used.",
        1 PromotionRecordMissing StatementUnusable => step("dev", said("", |said| *said = record(&Digest::sha256(b"another image"))));
    "promotion-record-too-old", "Step 8: requirements",
        "A record is as old as its promoter says.",
        14 PromotionRecordMissing StatementStale => step("dev", said(", maxAge: 8h", |_| {}));
    "promotion-record-of-another-time", "Step 8: requirements",
        "A record says no time that lies ahead.",
        1 PromotionRecordMissing TimeMismatch => step("dev", said("", |said| said["timestamp"] = json!(hour(30).to_string())));
    "promotion-record-may-be-missing", "Step 8: requirements",
        "What may be missing is not absent.",
        3 PromotionRecordMissing => step("dev", asked("", |world| world.truncated = true));
    "promotion-record-taken-back", "3.4 What is taken back",
        "A record can be revoked as any attestation.",
        14 PromotionRecordMissing Revoked => step("dev", taken_back());
    "promotion-record-beside-junk", "Step 8: requirements",
        "Copies and other people's records change nothing.",
        0 => step("dev", with(said("", |_| {}), |world| {
            recorded(world, "mallory", |said| into(said, "evil.example/pay/api"));
            let copies = world.evidence.clone();
            world.evidence.extend(copies);
        }));
    "promotion-record-lets-nothing-in-by-itself", "Step 5: promotions",
        "A record is no promotion: without a step into it the image is not there.",
        10 PromotionMissing => verify("dev", said("", |_| {}));
    "import-with-a-promotion-record", "Step 8: requirements",
        "An image that was copied from elsewhere enters by a step of its own.",
        0 => take(EdgeKind::Import, "staging", importing(true));
    "import-without-a-promotion-record", "Step 8: requirements",
        "Without the record the step is not open.",
        10 PromotionRecordMissing => take(EdgeKind::Import, "staging", importing(false));
}

fn said(more: &str, change: impl Fn(&mut Value)) -> World {
    asked(more, |world| recorded(world, "tester", &change))
}

fn into(said: &mut Value, repository: &str) {
    said["dstRef"] = json!(repository);
    said["destination"]["name"] = json!(repository);
}

fn taken_back() -> World {
    let mut world = World::owned(1);
    world.provenance();
    crate::gates::require(&mut world, &rule(""));
    recorded(&mut world, "tester", |_| {});
    world.now = hour(2);
    let taken = Digest::sha256(&payload(&world.evidence.last().unwrap().bundle));
    world.revoke(
        "security",
        &[json!({"kind": "attestation", "payload": taken})],
    );
    world
}

fn importing(with_record: bool) -> World {
    let import = format!(
        "edges:\n  - {{to: staging, kind: import, by: [promoter], require: {{provenance: {{by: [builder]}}, {}}}}}\n",
        rule("")
    );
    let mut world = World::built();
    world.edit("release.yaml", "edges:\n", &import);
    world.now = hour(2);
    if with_record {
        recorded(&mut world, "tester", |_| {});
    }
    world
}
