//! Every finding code: one change that produces it, one neighbour that does not.

use std::collections::BTreeSet;

use serde_json::json;

use bulla_model::predicate::approval::{ApprovalDecision, OnBehalfOf};
use bulla_model::predicate::{CYCLONEDX, reference, slsa_provenance, test_result};
use bulla_model::{Digest, EdgeKind};
use bulla_verify::{Code, Document, ExpectedClaim, State, StepRequest, Thresholds, Verdict};

use crate::edges::{broken_glass, soaking};
use crate::freeze;
use crate::gates_scores;
use crate::kit::{self, Signer, World, assert_found, codes, hour, show, tampered};
use crate::relays;
use crate::signed::Ask;
use crate::vulnerabilities;

/// For each code: the change that produces it, then the neighbour.
macro_rules! produced {
    ($($test:ident: $code:ident = $with:expr, not $without:expr;)*) => {
        const COVERED: &[Code] = &[$(Code::$code),*];
        $(
            #[test]
            fn $test() {
                let (with, without): (Verdict, Verdict) = ($with, $without);
                assert_found(&with, Code::$code);
                assert!(!codes(&without).contains(&Code::$code), "{}", show(&without));
            }
        )*
    };
}

produced! {
    approval_mismatch: ApprovalMismatch =
        approved_by_alice(|approval| approval.policy.version = 2),
        not approved_by_alice(|_| {});
    approval_rejected: ApprovalRejected =
        approved_by_alice(|approval| approval.decision = ApprovalDecision::Reject),
        not approved_by_alice(|_| {});
    approval_relayed: ApprovalRelayed =
        approved_by_alice(|approval| {
            approval.on_behalf_of = Some(OnBehalfOf {
                platform: "code.example.test".into(),
                account_id: "17".into(),
                review_url: "https://code.example.test/17".into(),
                commit: "9c1e44d0".into(),
                file: None,
                reviewed_at: None,
            });
        }),
        not approved_by_alice(|_| {});
    approvals_missing: ApprovalsMissing =
        approvers(&["alice"]),
        not approvers(&["alice", "carol"]);
    approver_is_author: ApproverIsAuthor =
        peopled("emails: [carol@acme.example]", "emails: [carol@acme.example, dora@acme.example]"),
        not approvers(&["alice", "carol"]);
    approver_is_builder: ApproverIsBuilder =
        alice_builds_and(&["alice", "carol"]),
        not alice_builds_and(&["bob", "carol"]);
    approver_is_promoter: ApproverIsPromoter =
        alice_promotes_and(&["alice", "carol"]),
        not alice_promotes_and(&["bob", "carol"]);
    approver_unknown: ApproverUnknown =
        approvers(&["alice", "dave"]),
        not approvers(&["alice", "carol"]);
    attestation_missing: AttestationMissing =
        asked_for("https://openvex.dev/ns"),
        not asked_for(slsa_provenance::TYPE);
    audience_mismatch: AudienceMismatch =
        anchored("audience: [prod-us-1]"),
        not anchored("audience: [prod-eu-1]");
    base_image_denied: BaseImageDenied =
        crate::gates_images::built_on(&["pkg:docker/mallory/alpine@3"]),
        not crate::gates_images::built_on(&["pkg:docker/alpine@3"]);
    base_image_unknown: BaseImageUnknown =
        crate::gates_images::built_on(&[]),
        not crate::gates_images::built_on(&["pkg:docker/alpine@3"]);
    chain_broken: ChainBroken =
        promoted_into_prod(|said| said.chain.sequence = 7),
        not promoted_into_prod(|_| {});
    chain_forked: ChainForked = forked(1), not forked(2);
    checkpoint_equivocation: CheckpointEquivocation =
        checked(|world| drop(world.checkpoint_with("keeper", 1, |said| said.not_after = hour(80)))),
        not checked(|_| {});
    checkpoint_rollback: CheckpointRollback =
        checked(|world| {
            let mut later = World::guarded(1);
            later.checkpoint(2);
            let mut state = State::default();
            state.remember_checkpoint(&later.verify("prod").checkpoint.unwrap());
            world.state = Some(state);
        }),
        not checked(|_| {});
    checkpoint_stale: CheckpointStale = checked(|world| world.now = hour(49)), not checked(|_| {});
    checkpoint_unknown: CheckpointUnknown =
        checked(|world| drop(world.checkpoint_with("keeper", 2, |said| said.crit = vec!["x".into()]))),
        not checked(|world| drop(world.checkpoint_with("mallory", 2, |said| said.crit = vec!["x".into()])));
    component_unknown: ComponentUnknown = component_beside("pkg:npm/"), not component_beside("pkg:npm/a@1");
    condition_error: ConditionError = condition(json!({})), not condition(json!({"ok": true}));
    condition_failed: ConditionFailed = condition(json!({"ok": false})), not condition(json!({"ok": true}));
    condition_missing: ConditionMissing =
        crate::gates_conditions::said("", "predicate.ok", &[]),
        not condition(json!({"ok": true}));
    document_mismatch: DocumentMismatch =
        referring_to(br#"{"bomFormat":"CycloneDX","components":[]}"#),
        not referring_to(DOCUMENT);
    draft_predicate: DraftPredicate =
        drafted("high: {claimedTime: allow, draftPredicates: deny}"),
        not drafted("high: {claimedTime: allow, draftPredicates: allow}");
    edge_unknown: EdgeUnknown = from_dev_straight("prod"), not from_dev_straight("staging");
    evidence_incomplete: EvidenceIncomplete =
        gathered(|world| world.truncated = true),
        not gathered(|_| {});
    freshness_unproven: FreshnessUnproven =
        freshness("{promote: 1h, admit: 24h}"),
        not freshness("none");
    freeze_equivocation: FreezeEquivocation = freeze::twins(true), not freeze::twins(false);
    freeze_expired: FreezeExpired = freeze::over_at(4), not freeze::over_at(5);
    freeze_unknown: FreezeUnknown = freeze::critical(false), not freeze::critical(true);
    frozen: Frozen = freeze::frozen(), not freeze::thawed();
    incident_missing: IncidentMissing =
        broken_glass("reviewWithin: 24h", |said| said.tickets.clear()).0.verify("prod"),
        not broken_glass("reviewWithin: 24h", |_| {}).0.verify("prod");
    key_expired: KeyExpired =
        promoter_until("2026-03-02T12:30:00Z"),
        not promoter_until("2026-12-31T00:00:00Z");
    license_denied: LicenseDenied = crate::gates_bills::with_license("ISC"), not crate::gates_bills::with_license("MIT");
    never_there: NeverThere = back_in("prod"), not back_in("staging");
    package_denied: PackageDenied =
        crate::gates_bills::with_package("pkg:npm/event-stream@3.3.6"),
        not crate::gates_bills::with_package("pkg:npm/event-stream@3.3.7");
    policy_rollback: PolicyRollback =
        anchored("minimum: {release: 4}"),
        not anchored("minimum: {release: 3}");
    policy_equivocation: PolicyEquivocation =
        remembering(|world| world.edit("release.yaml", "72h", "71h")),
        not remembering(|_| {});
    policy_changed: PolicyChanged =
        owned(|world| world.edit("release.yaml", "maxAge: 7d", "maxAge: 8d")),
        not owned(|_| {});
    policy_expired: PolicyExpired = owned(|world| world.now = hour(48)), not owned(|world| world.now = hour(47));
    policy_unsigned: PolicyUnsigned =
        owned(|world| drop(world.files.signatures.pop())),
        not owned(|_| {});
    policy_not_loaded: PolicyNotLoaded =
        succeeded(|world| world.files.predecessors.clear()),
        not succeeded(|_| {});
    policy_unknown: PolicyUnknown =
        promoted_into_prod(|said| said.policy.name = "other".into()),
        not promoted_into_prod(|_| {});
    promotion_expired: PromotionExpired =
        promoted_into_prod(|said| said.not_after = Some(hour(24))),
        not promoted_into_prod(|said| said.not_after = Some(hour(25)));
    promotion_missing: PromotionMissing = World::approved().verify("prod"), not World::journey().verify("prod");
    promotion_record_mismatch: PromotionRecordMismatch =
        copied_into("evil.example/pay/api"),
        not copied_into("registry.example.test/pay/api");
    promotion_record_missing: PromotionRecordMissing =
        copied_into("evil.example/pay/api"),
        not copied_into("registry.example.test/pay/api");
    promotion_retired: PromotionRetired = retired(true), not retired(false);
    provenance_missing: ProvenanceMissing = staged_without("builder provenance"), not World::staged().verify("staging");
    provenance_mismatch: ProvenanceMismatch =
        built_as("https://example.test/elsewhere/v1"),
        not built_as("https://example.test/build/v2");
    records_missing: RecordsMissing = recorded_in(1), not recorded_in(0);
    relay_unknown: RelayUnknown =
        relays::passed_on("relay", |_, review| review.file = None).verify("prod"),
        not relays::passed_on("relay", |_, _| {}).verify("prod");
    review_overdue: ReviewOverdue = reviewed_by("nobody", 27), not reviewed_by("nobody", 26);
    review_rejected: ReviewRejected = reviewed("bob", "rejected", 27), not reviewed("bob", "accepted", 27);
    reviewer_involved: ReviewerInvolved = reviewed_by("alice", 27), not reviewed_by("bob", 27);
    reviewer_unknown: ReviewerUnknown = reviewed_by("builder", 27), not reviewed_by("bob", 27);
    revocations_unproven: RevocationsUnproven =
        freshness("none"),
        not freshness("{promote: 1h, admit: 24h}");
    revocation_unknown: RevocationUnknown =
        checked(|world| drop(world.revoke("security", &[json!({"kind": "colour"})]))),
        not checked(|world| drop(world.revoke("mallory", &[json!({"kind": "colour"})])));
    revoked: Revoked =
        checked(|world| drop(world.revoke("security", &[kit::ledger::the_image()]))),
        not checked(|world| drop(world.revoke("mallory", &[kit::ledger::the_image()])));
    sbom_missing: SbomMissing = staged_without("builder sbom"), not World::staged().verify("staging");
    sbom_empty: SbomEmpty = listing(&json!([])), not listing(&json!([{"name": "zlib"}]));
    sbom_score_low: SbomScoreLow = gates_scores::scored("6.1"), not gates_scores::scored("6");
    scan_missing: ScanMissing = scanned(|_| {}), not scanned(|world| world.scan(&[]));
    scan_stale: ScanStale =
        scanned(|world| { world.scan(&[]); world.now = hour(27); }),
        not scanned(|world| { world.scan(&[]); world.now = hour(26); });
    separation_unknown: SeparationUnknown =
        peopled("  ci:\n    - key: ", "  ci:\n    - notAfter: 2026-01-01T00:00:00Z\n      key: "),
        not approvers(&["alice", "carol"]);
    service_mismatch: ServiceMismatch =
        built_from("https://github.com/mallory/pay"),
        not built_from("https://github.com/acme/pay");
    set_mismatch: SetMismatch = crate::sets::with_another(2), not crate::sets::with_another(3);
    signature_invalid: SignatureInvalid = tampering(true), not tampering(false);
    signer_untrusted: SignerUntrusted = promoted_by("builder"), not promoted_by("promoter");
    soak_broken: SoakBroken = soaked(&["succeeded", "failed"], 100), not soaked(&["failed", "succeeded"], 100);
    soak_missing: SoakMissing = soaked(&["started"], 100), not soaked(&["succeeded"], 100);
    soak_short: SoakShort = soaked(&["succeeded"], 26), not soaked(&["succeeded"], 27);
    statement_stale: StatementStale = tested_at(-80), not tested_at(-60);
    statement_unusable: StatementUnusable =
        promoted_into_prod(|said| said.crit = vec!["colour".into()]),
        not promoted_into_prod(|said| said.crit = vec!["edge".into()]);
    subject_mismatch: SubjectMismatch = promoted_for(b"another image"), not promoted_for(b"the image");
    tests_failed: TestsFailed = tested("FAILED"), not tested("WARNED");
    tests_missing: TestsMissing = staged_without("tester tests"), not World::staged().verify("staging");
    ticket_missing: TicketMissing = crate::gates::ticketed(&["CHG-1"]), not crate::gates::ticketed(&["CHG-1", "CHG-2"]);
    tier_mismatch: TierMismatch =
        promoted_into_prod(|said| said.tier = "low".parse().unwrap()),
        not promoted_into_prod(|_| {});
    time_mismatch: TimeMismatch = dated(25), not dated(4);
    time_unproven: TimeUnproven = with_tier("high: {claimedTime: deny}"), not with_tier("high: {claimedTime: allow}");
    too_late: TooLate = tested_at(3), not tested_at(1);
    vulnerabilities_found: VulnerabilitiesFound = finding("high", |_| {}), not finding("medium", |_| {});
    waiver_expired: WaiverExpired =
        finding("high", |world| { world.waive("alice", &["CVE-2026-1"]); world.now = hour(26); }),
        not finding("high", |world| { world.waive("alice", &["CVE-2026-1"]); world.now = hour(25); });
    waiver_unusable: WaiverUnusable =
        finding("high", |world| world.waive("bob", &["CVE-2026-1"])),
        not finding("high", |world| world.waive("carol", &["CVE-2026-1"]));
}

/// Prod after a change of a policy that two owners have to sign and signed.
fn owned(change: impl Fn(&mut World)) -> Verdict {
    let mut world = crate::owners::signed();
    change(&mut world);
    world.verify("prod")
}

#[test]
fn every_code_is_produced_by_a_test_and_explained_by_the_guide() {
    let covered: BTreeSet<_> = COVERED.iter().copied().collect();
    let all: BTreeSet<_> = Code::ALL.iter().copied().collect();
    assert_eq!(covered, all);
    let guide = include_str!("../../../docs/findings.md");
    let headings: Vec<_> = guide
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .collect();
    let mut texts: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    texts.sort_unstable();
    let listed: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(listed, texts, "sorted");
    assert_eq!(headings, texts, "one heading for each code, sorted");
    for section in guide.split("\n## ").skip(1) {
        for part in ["**Means.** ", "**Do.** ", "**Example.** "] {
            assert!(section.contains(part), "{part} in {section}");
        }
    }
}

/// Before staging, where a scan of a day is asked for.
fn scanned(change: impl Fn(&mut World)) -> Verdict {
    let mut world = vulnerabilities::world(vulnerabilities::RULE);
    change(&mut world);
    world.gate()
}

/// The same with something found.
fn finding(severity: &str, change: impl Fn(&mut World)) -> Verdict {
    scanned(|world| {
        world.scan(&[vulnerabilities::found("CVE-2026-1", severity)]);
        change(world);
    })
}

/// Whether it can go back there; it is in staging.
fn back_in(environment: &str) -> Verdict {
    let mut world = World::built();
    let steps = "edges:\n  - {to: prod, kind: rollback, by: [promoter], require: {}}\n  - {to: staging, kind: rollback, by: [promoter], require: {}}\n";
    world.edit("release.yaml", "edges:\n", steps);
    let world = world.into_staging();
    let request = StepRequest {
        to: environment,
        from: None,
        kind: EdgeKind::Rollback,
        promoter: None,
        tickets: None,
        set: None,
        names: None,
    };
    world.judge_request(&request).0
}

fn retired(really: bool) -> Verdict {
    let (mut world, _) = broken_glass("reviewWithin: 24h", |_| {});
    if really {
        world.take_step(EdgeKind::Retire, "prod", |_| {});
    }
    world.verify("prod")
}

/// Broken into prod at hour 2 with a day for the review.
fn reviewed(who: &str, outcome: &str, now: i64) -> Verdict {
    let (mut world, promotion) = broken_glass("reviewWithin: 24h", |_| {});
    world.now = hour(now);
    world.review(who, &promotion, outcome);
    world.verify("prod")
}

fn reviewed_by(who: &str, now: i64) -> Verdict {
    reviewed(who, "accepted", now)
}

/// These events in staging from hour 3 on, one an hour, with a day to soak.
fn soaked(events: &[&str], now: i64) -> Verdict {
    let mut world = soaking("{in: staging, min: 24h, by: [deployer]}");
    for event in events {
        world.deployed("deployer", event);
        world.now += jiff::SignedDuration::from_hours(1);
    }
    world.now = hour(now);
    world.judge("prod", None).0
}

fn checked(change: impl Fn(&mut World)) -> Verdict {
    let mut world = World::checked();
    change(&mut world);
    world.verify("prod")
}

/// A step whose condition is that the tester said `ok`.
fn condition(predicate: serde_json::Value) -> Verdict {
    crate::gates_conditions::said("", "predicate.ok", &[(predicate, 1)])
}

fn copied_into(repository: &str) -> Verdict {
    crate::gates_records::said("", |said| {
        said["dstRef"] = repository.into();
        said["destination"]["name"] = repository.into();
    })
}

fn approved_by_alice(change: impl Fn(&mut bulla_model::predicate::Approval)) -> Verdict {
    let mut world = World::staged();
    world.approve_with("alice", "prod", change);
    world.approve("carol", "prod");
    world.now = hour(4);
    world.judge("prod", None).0
}

fn approvers(who: &[&str]) -> Verdict {
    in_prod_by(World::staged(), who)
}

fn in_prod_by(mut world: World, who: &[&str]) -> Verdict {
    for name in who {
        world.approve(name, "prod");
    }
    world.now = hour(4);
    world.promote("prod");
    world.now = hour(24);
    world.verify("prod")
}

/// A build by dora, and one change to the list of persons; alice and carol approve.
fn peopled(from: &str, to: &str) -> Verdict {
    let mut world = World::empty();
    world.edit("people.yaml", from, to);
    let build = kit::provenance("https://github.com/acme/pay", &["dora@acme.example"]);
    world.attest("builder", slsa_provenance::TYPE, &build);
    world.sbom();
    world.tests();
    in_prod_by(world.into_staging(), &["alice", "carol"])
}

fn alice_builds_and(approve: &[&str]) -> Verdict {
    let mut world = World::empty();
    let alice = format!("  builder:\n    - key: {}\n", kit::policy::key("alice"));
    world.edit("release.yaml", "  builder:\n", &alice);
    let build = kit::provenance("https://github.com/acme/pay", &["dave@acme.example"]);
    world.attest("alice", slsa_provenance::TYPE, &build);
    world.sbom();
    world.tests();
    in_prod_by(world.into_staging(), approve)
}

fn alice_promotes_and(approve: &[&str]) -> Verdict {
    let mut world = World::built();
    let alice = format!("  promoter:\n    - key: {}\n", kit::policy::key("alice"));
    world.edit("release.yaml", "  promoter:\n", &alice);
    let mut world = world.into_staging();
    for name in approve {
        world.approve(name, "prod");
    }
    world.now = hour(4);
    let alice = Signer::named("alice").identity();
    let (_, draft) = world.judge("prod", Some(&alice));
    let said = world.promotion(draft.unwrap());
    world.seal_promotion("alice", "prod", &said, &[kit::image()]);
    world.verify("prod")
}

fn anchored(line: &str) -> Verdict {
    let mut world = World::journey();
    let owner = kit::policy::key("owner");
    world.anchor = Some(format!(
        "apiVersion: bulla.dev/anchor/v0.1\nowners: {{threshold: 1, keys: [{owner}]}}\nenvironments: []\n{line}\n"
    ));
    world.verify("prod")
}

fn promoted_into_prod(change: impl Fn(&mut bulla_model::predicate::Promotion)) -> Verdict {
    let mut world = World::approved();
    world.promote_with("prod", change);
    world.now = hour(24);
    world.verify("prod")
}

/// Two promotions into dev, of which the second follows slot entry 1 or another.
fn forked(follows: u8) -> Verdict {
    let mut world = World::built();
    let slot = |number: u8| Some(Digest::sha256(&[number]));
    world.promote_with("dev", |said| said.slot.previous = slot(1));
    world.now = hour(2);
    world.promote_with("dev", |said| said.slot.previous = slot(follows));
    world.verify("dev")
}

fn with_tier(tier: &str) -> Verdict {
    let mut world = World::built();
    world.edit("release.yaml", "high: {claimedTime: allow}", tier);
    world.promote("dev");
    world.verify("dev")
}

fn drafted(tier: &str) -> Verdict {
    let mut world = World::built();
    world.edit("release.yaml", "high: {claimedTime: allow}", tier);
    world.promote("dev");
    world.redraft("promoter");
    world.verify("dev")
}

fn from_dev_straight(to: &str) -> Verdict {
    let mut world = World::built();
    world.promote("dev");
    let request = StepRequest {
        to,
        from: Some("dev"),
        kind: EdgeKind::Promote,
        promoter: None,
        tickets: None,
        set: None,
        names: None,
    };
    world.judge_request(&request).0
}

fn gathered(change: impl Fn(&mut World)) -> Verdict {
    let mut world = World::journey();
    change(&mut world);
    world.verify("prod")
}

/// A bill of materials by reference, and what was found under its digest.
/// An attestation of this type by the builder, without a policy.
fn asked_for(kind: &str) -> Verdict {
    let mut ask = Ask::new(World::built().gathered());
    ask.claim = ExpectedClaim::Attestation(kind.to_owned());
    ask.verdict()
}

/// The builder's provenance, which so many logs must have.
fn recorded_in(logs: usize) -> Verdict {
    let mut ask = Ask::new(World::built().gathered());
    ask.claim = ExpectedClaim::Anything;
    ask.thresholds = Thresholds {
        logs,
        timestamps: 0,
    };
    ask.verdict()
}

fn referring_to(found: &[u8]) -> Verdict {
    let mut world = World::staged();
    world.take("builder sbom");
    world.now = hour(0);
    let digest = Digest::sha256(DOCUMENT);
    let named =
        json!({"mediaType": "application/vnd.cyclonedx+json", "digest": {"sha256": digest.hex()}});
    let predicate = json!({"attester": {"id": "x:y"}, "references": [named]});
    world.attest("builder", reference::TYPE, &predicate);
    world
        .documents
        .insert(digest, Document::Bytes(found.into()));
    world.now = hour(3);
    world.verify("staging")
}

const DOCUMENT: &[u8] = br#"{"bomFormat":"CycloneDX","components":[{"name":"zlib"}]}"#;

fn freshness(demand: &str) -> Verdict {
    let mut world = World::built();
    let text = format!("dev\", freshness: {demand}}}");
    world.edit("release.yaml", "dev\", freshness: none}", &text);
    world.promote("dev");
    world.verify("dev")
}

fn promoter_until(end: &str) -> Verdict {
    let mut world = World::empty();
    let text = format!("  promoter:\n    - notAfter: {end}\n      key: ");
    world.edit("release.yaml", "  promoter:\n    - key: ", &text);
    world.provenance();
    world.now = hour(1);
    world.promote("dev");
    world.now = hour(24);
    world.verify("dev")
}

fn remembering(change: impl Fn(&mut World)) -> Verdict {
    let mut world = World::built();
    let mut state = State::default();
    state.remember(&world.parsed());
    world.state = Some(state);
    change(&mut world);
    world.verify("dev")
}

fn succeeded(change: impl Fn(&mut World)) -> Verdict {
    let mut world = World::journey();
    world.next_policy();
    change(&mut world);
    world.verify("prod")
}

/// Staging once this evidence has gone.
fn staged_without(entry: &str) -> Verdict {
    let mut world = World::staged();
    world.take(entry);
    world.verify("staging")
}

/// A bill of materials lists this, and another component was revoked.
fn component_beside(purl: &str) -> Verdict {
    checked(|world| {
        let bom = json!({"bomFormat": "CycloneDX", "components": [{"name": "a", "purl": purl}]});
        world.attest("builder", CYCLONEDX, &bom);
        world.revoke(
            "security",
            &[json!({"kind": "component", "purl": "pkg:npm/left-pad"})],
        );
    })
}

fn built_as(build_type: &str) -> Verdict {
    let mut world = World::empty();
    let mut build = kit::provenance("https://github.com/acme/pay", &["dave@acme.example"]);
    build["buildDefinition"]["buildType"] = json!(build_type);
    world.attest("builder", slsa_provenance::TYPE, &build);
    world.sbom();
    world.tests();
    in_prod_by(world.into_staging(), &["alice", "carol"])
}

fn listing(components: &serde_json::Value) -> Verdict {
    let mut world = World::empty();
    world.provenance();
    world.tests();
    let document = json!({"bomFormat": "CycloneDX", "components": components});
    world.attest("builder", CYCLONEDX, &document);
    world.into_staging().verify("staging")
}

fn built_from(source: &str) -> Verdict {
    let mut world = World::empty();
    let build = kit::provenance(source, &["dave@acme.example"]);
    world.attest("builder", slsa_provenance::TYPE, &build);
    world.verify("dev")
}

fn tampering(really: bool) -> Verdict {
    let mut world = World::staged();
    let sbom = world.take("builder sbom").remove(0).bundle;
    let to = if really { "bzip" } else { "zlib" };
    world.add("builder sbom", tampered(&sbom, "zlib", to));
    world.verify("staging")
}

fn promoted_by(who: &str) -> Verdict {
    let mut world = World::built();
    let said = world.promotion(world.judge("dev", None).1.unwrap());
    world.seal_promotion(who, "dev", &said, &[kit::image()]);
    world.verify("dev")
}

/// Staging with tests run so many hours after the start of the story; it is entered at hour 2.
fn tested_at(hours: i64) -> Verdict {
    let mut world = World::empty();
    world.provenance();
    world.sbom();
    let passed = json!({"result": "PASSED", "configuration": []});
    world.attest_at("tester", test_result::TYPE, &passed, Some(hour(hours)));
    let mut world = world.into_staging();
    world.now = hour(4);
    world.verify("staging")
}

fn promoted_for(bytes: &[u8]) -> Verdict {
    let mut world = World::built();
    let said = world.promotion(world.judge("dev", None).1.unwrap());
    world.seal_promotion("promoter", "dev", &said, &[Digest::sha256(bytes)]);
    world.verify("dev")
}

fn tested(result: &str) -> Verdict {
    let mut world = World::empty();
    world.provenance();
    world.sbom();
    let run = json!({"result": result, "configuration": []});
    world.attest("tester", test_result::TYPE, &run);
    world.into_staging().verify("staging")
}

/// Prod, promoted at hour 4 by a statement that says it was this hour; it is hour 24.
fn dated(hours: i64) -> Verdict {
    promoted_into_prod(|said| said.issued_at = hour(hours))
}
