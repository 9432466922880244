//! Approvals: carried over, by the wrong people, or too few.

use bulla_model::predicate::approval::{ApprovalDecision, OnBehalfOf};
use bulla_model::predicate::slsa_provenance;
use bulla_model::{Digest, EdgeKind};

use super::story::{alice_says, into_prod, ruled, stories, verify, with};
use crate::kit::{self, Signer, World, hour, payload};
use crate::relays;

stories! {
    "approved-by-one", "Approvals",
        "As many distinct persons as the threshold says have to approve.",
        4 ApprovalsMissing => verify("prod", into_prod(World::staged(), &["alice"]));
    "approved-twice-by-one-person", "Approvals",
        "Two accounts of one person count once.",
        4 ApprovalsMissing => verify("prod", into_prod(World::staged(), &["alice", "alice-laptop"]));
    "approved-twice-by-copying", "Approvals",
        "The same statement twice counts once.",
        4 ApprovalsMissing => verify("prod", with(into_prod(World::staged(), &["alice"]), |world| {
            world.evidence.extend_from_within(..);
        }));
    "approved-by-nobody-known", "Who signed",
        "A key that the list of people does not map is nobody.",
        4 ApproverUnknown => verify("prod", into_prod(World::staged(), &["alice", "tester"]));
    "approved-by-a-machine", "Who signed",
        "A machine is no person.",
        4 ApproverUnknown => verify("prod", into_prod(World::staged(), &["alice", "promoter"]));
    "approved-without-the-role", "Approvals",
        "Whoever approves has one of the roles.",
        1 ApproverUnknown => verify("prod", into_prod(World::staged(), &["alice", "dave"]));
    "approved-by-a-stranger", "Approvals",
        "A signer whom nobody knows is no approver.",
        4 => verify("prod", into_prod(World::staged(), &["alice", "mallory"]));
    "self-approval-of-the-promoter", "Approvals",
        "Whoever promotes does not approve.",
        1 ApproverIsPromoter => verify("prod", alice_promotes(&["alice", "carol"]));
    "promoter-approved-by-others", "Approvals",
        "A person may promote what others approved.",
        0 => verify("prod", alice_promotes(&["bob", "carol"]));
    "self-approval-of-the-builder", "Approvals",
        "Whoever built does not approve.",
        1 ApproverIsBuilder => verify("prod", alice_builds(&["alice", "carol"]));
    "self-approval-of-the-author", "Approvals",
        "Whoever wrote the source does not approve.",
        1 ApproverIsAuthor => verify("prod", written_by("alice@acme.example", &["alice", "carol"]));
    "author-approved-by-others", "Approvals",
        "What one person wrote two others approve.",
        0 ApproverIsAuthor => verify("prod", written_by("alice@acme.example", &["alice", "bob", "carol"]));
    "author-unknown", "Approvals",
        "An address that is nobody's leaves separation unknown.",
        1 SeparationUnknown => verify("prod", written_by("nobody@acme.example", &["alice", "carol"]));
    "builder-unknown", "Approvals",
        "A builder whom the list of people does not map leaves separation unknown.",
        1 SeparationUnknown => verify("prod", into_prod(
            ruled("people.yaml", &kit::policy::key("builder"), &kit::policy::key("other-ci")),
            &["alice", "carol"],
        ));
    "approval-of-another-image", "Approvals",
        "An approval has the step's subject set.",
        4 SubjectMismatch => verify("prod", with(into_prod(World::staged(), &["alice", "carol"]), |world| {
            let carol = world.take("carol").remove(0);
            let statement = String::from_utf8(payload(&carol.bundle)).unwrap();
            let moved = statement.replace(kit::image().hex(), Digest::sha256(b"other").hex());
            world.add("carol approval", Signer::named("carol").seal(moved.as_bytes()));
        }));
    "approval-of-another-origin", "Approvals",
        "An approval is of the step's edge: `from`.",
        4 ApprovalMismatch => verify("prod", alice_says(|said| said.edge.from = Some("env://acme/pay/dev".parse().unwrap())));
    "approval-of-another-environment", "Approvals",
        "An approval is of the step's edge: `to`.",
        4 ApprovalMismatch => verify("prod", alice_says(|said| said.edge.to.uri = "env://acme/pay/prod-us".parse().unwrap()));
    "approval-of-another-audience", "Approvals",
        "An approval is of the step's edge: the audience.",
        4 ApprovalMismatch => verify("prod", alice_says(|said| said.edge.to.audience = vec!["prod-us-1".into()]));
    "approval-of-another-kind", "Approvals",
        "An approval is of the step's edge: the kind.",
        4 ApprovalMismatch => verify("prod", alice_says(|said| said.edge.kind = EdgeKind::Hotfix));
    "approval-under-another-version", "Approvals",
        "An approval binds the policy's version.",
        1 ApprovalMismatch => verify("prod", alice_says(|said| said.policy.version = 2));
    "approval-under-another-policy", "Approvals",
        "An approval binds the policy's digest.",
        1 ApprovalMismatch => verify("prod", alice_says(|said| said.policy.digest = Digest::sha256(b"another")));
    "approval-of-another-round", "Approvals",
        "An approval binds what the step follows.",
        1 ApprovalMismatch => verify("prod", alice_says(|said| said.previous = vec![Digest::sha256(b"another")]));
    "approval-of-another-service", "Approvals",
        "An approval binds the service.",
        1 ApprovalMismatch => verify("prod", alice_says(|said| said.service = "wiki".parse().unwrap()));
    "approval-over", "Approvals",
        "The step is before the approval's `notAfter`.",
        14 StatementStale => verify("prod", alice_says(|said| said.not_after = hour(4)));
    "approval-too-late", "Approvals",
        "An approval was there when the step was taken.",
        1 TooLate => verify("prod", alice_says(|said| said.issued_at = hour(5)));
    "approval-that-says-no", "Approvals",
        "A rejection approves nothing.",
        4 ApprovalRejected => verify("prod", alice_says(|said| said.decision = ApprovalDecision::Reject));
    "approval-relayed", "Approvals",
        "What was approved elsewhere does not count.",
        1 ApprovalRelayed => verify("prod", alice_says(|said| {
            said.on_behalf_of = Some(OnBehalfOf {
                platform: "code.example.test".into(),
                account_id: "17".into(),
                review_url: "https://code.example.test/17".into(),
                commit: "9c1e44d0".into(),
                file: None,
                reviewed_at: None,
            });
        }));
    "approval-relayed-where-relays-count", "Relays",
        "A named relay passes on a review, which counts as its person's.",
        0 => verify("prod", relays::passed_on("relay", |_, _| {}));
    "approval-relayed-and-given", "Relays",
        "Who approves also by a relay counts once.",
        4 ApprovalsMissing => verify("prod", {
            let mut world = relays::world();
            world.approve("alice", "prod");
            relays::relay(&mut world, "relay", |_, _| {});
            relays::promoted(world)
        });
    "approval-relayed-by-a-stranger", "Relays",
        "Whom the anchor does not name is no relay.",
        4 RelayUnknown => verify("prod", relays::passed_on("tester", |_, _| {}));
    "approval-relayed-of-another-platform", "Relays",
        "A relay speaks for its platform.",
        1 RelayUnknown => verify("prod", relayed(|review| review.platform = "github.com".into()));
    "approval-relayed-of-another-repository", "Relays",
        "A relay speaks for its repositories.",
        1 RelayUnknown => verify("prod", relayed(|review| {
            review.review_url = "https://code.example.test/mallory/deploy/pull/7".into();
        }));
    "approval-relayed-of-another-file", "Relays",
        "A relay finds the digest in its files.",
        1 RelayUnknown => verify("prod", relayed(|review| review.file = Some("staging/a.yaml".into())));
    "approval-relayed-of-an-account-of-nobody", "Relays",
        "An account is that of the person who lists it.",
        4 ApproverUnknown => verify("prod", relayed(|review| review.account_id = "017".into()));
    "approval-relayed-of-an-old-review", "Relays",
        "Passing a review on makes it no younger.",
        14 StatementStale => verify("prod", relayed(|review| review.reviewed_at = Some(hour(-200))));
    "approval-relayed-before-the-review", "Relays",
        "A relay does not tell of what comes later.",
        1 TimeMismatch => verify("prod", relayed(|review| review.reviewed_at = Some(hour(4))));
    "approvals-may-be-missing", "Absence and the newest",
        "What is missing may be among what was cut off.",
        3 ApprovalsMissing => verify("prod", with(into_prod(World::staged(), &["alice"]), |world| world.truncated = true));
    "approval-under-another-signature", "Step 2: verified statements",
        "Approvals are signed by their persons; a hint is never believed.",
        4 ApprovalsMissing => verify("prod", with(into_prod(World::staged(), &["alice", "carol"]), |world| {
            let carol = world.take("carol").remove(0);
            let hint = Signer::named("carol").key_id().hint();
            let kind = bulla_model::envelope::IN_TOTO;
            let forged = Signer::named("mallory").seal_as(&payload(&carol.bundle), kind, &hint);
            world.add("mallory as carol", forged);
        }));
}

/// A relay says something else of the review than it should.
fn relayed(change: impl Fn(&mut OnBehalfOf)) -> World {
    relays::passed_on("relay", |_, review| change(review))
}

/// Alice may promote too, and does.
fn alice_promotes(approvers: &[&str]) -> World {
    let own = format!("  promoter:\n    - key: {}\n", kit::policy::key("alice"));
    let mut world = into_prod(ruled("release.yaml", "  promoter:\n", &own), approvers);
    world.sign_over("promoter promotion prod", "alice");
    world
}

/// Alice builds it herself.
fn alice_builds(approvers: &[&str]) -> World {
    let mut world = World::empty();
    let own = format!("  builder:\n    - key: {}\n", kit::policy::key("alice"));
    world.edit("release.yaml", "  builder:\n", &own);
    let build = kit::provenance("https://github.com/acme/pay", &["dave@acme.example"]);
    world.attest("alice", slsa_provenance::TYPE, &build);
    world.sbom();
    world.tests();
    into_prod(world.into_staging(), approvers)
}

fn written_by(author: &str, approvers: &[&str]) -> World {
    let mut world = World::empty();
    let build = kit::provenance("https://github.com/acme/pay", &[author]);
    world.attest("builder", slsa_provenance::TYPE, &build);
    world.sbom();
    world.tests();
    into_prod(world.into_staging(), approvers)
}
