//! Notary Project signatures: recorded ones, and for each reason one that is refused for it.

mod junk;
mod policies;
mod stamps;
mod world;

use std::collections::BTreeMap;

use bulla_model::notation::EnvelopeForm;
use bulla_model::{Digest, Limits, media_type};
use bulla_verify::notation::{
    Action, NotationOutcome, NotationSignature, NotationVerdict, RevocationLists, TrustPolicy,
    Validation,
};
use bulla_verify::{Cause, Decision};
use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose,
    date_time_ymd,
};
use serde_json::{Value, json};

pub(crate) use world::Case;
use world::{Holder, authority_params, leaf_params, params, stamper_params, with_lists};

use NotationOutcome::{Failed, Ok as Holds, Skipped};

macro_rules! recorded {
    ($name:literal) => {
        include_bytes!(concat!("../../../testdata/verify/notation/", $name))
    };
}

const ROOT: &[u8] = recorded!("root.pem");
const STAMPS: &[u8] = recorded!("timestamps.der");
/// What the recorded chains of two sign.
const BUSYBOX: &str = "sha256:60043cf45eaebc4c0867fea485a039b598f52fd09fd5b07b0b2d2f88fad9d74e";
const STAMPED: &str = "sha256:c0669ef34cdc14332c0f1ab0c2c01acb91d96014b172f1a76f3a39e63d1f0bda";
const LAYOUT: &str = "sha256:19dbd2e48e921426ee8ace4dc892edfb2ecdc1d1a72d5416c83670c30acecef0";

fn busybox() -> Case {
    Case::strict(ROOT).about(BUSYBOX, 528, media_type::DOCKER_MANIFEST)
}

/// The certificate in an envelope that is its own root.
fn own_root(envelope: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    let envelope: Value = serde_json::from_slice(envelope).unwrap();
    let text = envelope["header"]["x5c"][0].as_str().unwrap();
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap()
}

fn stamped(level: &str) -> Case {
    let root = own_root(recorded!("expired-timestamped.jws.json"));
    let mut case =
        Case::strict(&root)
            .with_stamps(STAMPS)
            .about(STAMPED, 528, media_type::DOCKER_MANIFEST);
    case.statement["signatureVerification"]["level"] = level.into();
    case
}

fn outcomes(signature: &NotationSignature) -> Vec<(Validation, NotationOutcome)> {
    let checks = signature.checks.iter();
    checks.map(|check| (check.name, check.outcome)).collect()
}

/// Recorded signatures that hold, and what is asked of them.
pub(crate) fn accepted() -> Vec<(&'static str, Case, EnvelopeForm, Vec<u8>)> {
    let (jws, cose) = (recorded!("own-root.jws.json"), recorded!("own-root.cose"));
    let own = || Case::strict(&own_root(jws)).about(LAYOUT, 481, media_type::IMAGE_MANIFEST);
    // Recorded timestamps are of an authority whose revocation is unknown.
    let (root, leaf) = acme();
    let stamper = Holder::root(authority_params("stamps root")).issue(stamper_params());
    let sealed = leaf.jws(
        |_| {},
        |signature| Some(stamper.stamp(signature, "20260501000000Z")),
    );
    let ended = Case::strict(&root.chain[0])
        .with_stamps(&stamper.chain[1])
        .at("2036-01-01T00:00:00Z");
    vec![
        ("notation jws", own(), EnvelopeForm::Jws, jws.to_vec()),
        ("notation cose", own(), EnvelopeForm::Cose, cose.to_vec()),
        (
            "notation jws with a chain",
            busybox(),
            EnvelopeForm::Jws,
            recorded!("ca-valid.jws.json").to_vec(),
        ),
        (
            "notation jws with a timestamp",
            ended,
            EnvelopeForm::Jws,
            sealed,
        ),
    ]
}

/// A root, and somebody it certified.
fn acme() -> (Holder, Holder) {
    let root = Holder::root(authority_params("root"));
    let leaf = root.issue(leaf_params());
    (root, leaf)
}

/// What is said of a chain whose leaf says this.
fn of_leaf(leaf: CertificateParams) -> (NotationOutcome, String) {
    let root = Holder::root(authority_params("root"));
    let leaf = root.issue(leaf);
    Case::strict(&root.chain[0]).jws(&leaf.plain())
}

#[test]
fn recorded_signatures_of_both_forms_hold() {
    let (jws, cose) = (recorded!("own-root.jws.json"), recorded!("own-root.cose"));
    let own = Case::strict(&own_root(jws)).about(LAYOUT, 481, media_type::IMAGE_MANIFEST);
    for (form, bytes) in [
        (EnvelopeForm::Jws, &jws[..]),
        (EnvelopeForm::Cose, &cose[..]),
    ] {
        let signature = own.verify(form, bytes);
        assert_eq!(signature.cause, None, "{signature:?}");
        assert!(signature.signer.unwrap().contains("CN=alpine"));
        assert!(signature.checks.iter().all(|check| check.outcome == Holds));
        let names: Vec<_> = signature.checks.iter().map(|check| check.name).collect();
        let order = [
            Validation::Integrity,
            Validation::Authenticity,
            Validation::Expiry,
            Validation::AuthenticTimestamp,
            Validation::Revocation,
        ];
        assert_eq!(names, order);
    }
    let (outcome, found) = busybox().jws(recorded!("ca-valid.jws.json"));
    assert_eq!(
        (outcome, found.as_str()),
        (Holds, "no certificate names a place to ask")
    );
}

#[test]
fn a_signing_authority_is_looked_for_in_its_own_stores() {
    let mut case = busybox();
    let (ca, sa) = (
        recorded!("ca-valid.jws.json"),
        recorded!("sa-valid.jws.json"),
    );
    assert_eq!(case.jws(sa).0, Failed(Cause::Untrusted));
    case.statement["trustStores"] = json!(["signingAuthority:acme"]);
    assert_eq!(case.jws(sa).0, Holds);
    assert_eq!(case.jws(ca).0, Failed(Cause::Untrusted));
    // F37: the authority's time is not yet.
    let (outcome, found) = case.at("2020-10-10T00:00:00Z").jws(sa);
    assert_eq!(outcome, Failed(Cause::Expired));
    assert!(
        found.contains("signing authority's time 2020-11-09"),
        "{found}"
    );
}

#[test]
fn f33_what_was_meant_for_another_time_is_refused_unless_the_policy_only_logs_it() {
    let expired = recorded!("ca-expired.jws.json");
    let (outcome, found) = busybox().jws(expired);
    assert_eq!(outcome, Failed(Cause::Expired));
    assert_eq!(found, "an end at 2022-07-29T23:59:00Z");
    assert_eq!(busybox().at("2022-07-29T23:58:59Z").jws(expired).0, Holds);
    let end = busybox().at("2022-07-29T23:59:00Z");
    assert_eq!(end.jws(expired).0, Failed(Cause::Expired), "the end itself");
    let mut permissive = busybox();
    permissive.statement["signatureVerification"]["level"] = "permissive".into();
    let signature = permissive.verify(EnvelopeForm::Jws, expired);
    assert_eq!(signature.cause, None);
    let logged = &signature.checks[2];
    assert_eq!(logged.action, Action::Log);
    assert_eq!(logged.outcome, Failed(Cause::Expired), "it is said");
}

#[test]
fn f09_a_signature_of_another_artifact_does_not_count() {
    let valid = recorded!("ca-valid.jws.json");
    let kind = media_type::DOCKER_MANIFEST;
    let other = Digest::sha256(b"other").to_string();
    for case in [
        busybox().about(&other, 528, kind),
        busybox().about(BUSYBOX, 529, kind),
        busybox().about(BUSYBOX, 528, media_type::IMAGE_MANIFEST),
    ] {
        let mut audit = case;
        let (outcome, found) = audit.jws(valid);
        assert_eq!(outcome, Failed(Cause::OtherSubject));
        assert!(found.contains(BUSYBOX), "{found}");
        audit.statement["signatureVerification"]["level"] = "audit".into();
        assert_eq!(audit.jws(valid).0, Failed(Cause::OtherSubject), "always");
    }
}

#[test]
fn a_broken_signature_counts_at_no_level() {
    for level in ["strict", "permissive", "audit"] {
        let mut case = busybox();
        case.statement["signatureVerification"]["level"] = level.into();
        let (outcome, found) = case.jws(recorded!("ca-invalid.jws.json"));
        assert_eq!(outcome, Failed(Cause::Invalid));
        assert_eq!(found, "`payload` is not base64");
    }
    // Genuine signatures over other headers than those beside them.
    let (_, leaf) = acme();
    let (one, two) = (
        leaf.plain(),
        leaf.jws(|header| header["x"] = 1.into(), |_| None),
    );
    let mut spliced: Value = serde_json::from_slice(&one).unwrap();
    let other: Value = serde_json::from_slice(&two).unwrap();
    spliced["protected"] = other["protected"].clone();
    let case = Case::strict(&leaf.chain[1]);
    assert_eq!(case.jws(&two).0, Holds);
    let (outcome, found) = case.jws(spliced.to_string().as_bytes());
    assert_eq!(outcome, Failed(Cause::Invalid));
    assert_eq!(found, "one that does not verify");
}

#[test]
fn a_signature_that_needs_a_plugin_is_not_decided_here() {
    let (root, leaf) = acme();
    let plugin = |critical: bool| {
        leaf.jws(
            |header| {
                let name = "io.cncf.notary.verificationPlugin";
                header[name] = "example.plugin".into();
                if critical {
                    header["crit"].as_array_mut().unwrap().push(name.into());
                }
            },
            |_| None,
        )
    };
    for critical in [true, false] {
        for level in ["strict", "audit"] {
            let mut case = Case::strict(&root.chain[0]);
            case.statement["signatureVerification"]["level"] = level.into();
            let (outcome, found) = case.jws(&plugin(critical));
            assert_eq!(outcome, Failed(Cause::Undetermined));
            assert_eq!(found, "one that only `example.plugin` can verify");
        }
    }
    let (outcome, found) = busybox().jws(recorded!("ca-plugin.jws.json"));
    assert_eq!(outcome, Failed(Cause::Invalid));
    assert!(found.contains("`SomeKey` must be understood"), "{found}");
}

#[test]
fn the_key_decides_the_algorithm() {
    let (root, leaf) = acme();
    for algorithm in ["ES384", "PS256"] {
        let envelope = leaf.jws(|header| header["alg"] = algorithm.into(), |_| None);
        let (outcome, found) = Case::strict(&root.chain[0]).jws(&envelope);
        assert_eq!(outcome, Failed(Cause::Invalid));
        assert_eq!(found, format!("{algorithm} for a key that signs by ES256"));
    }
}

#[test]
fn only_named_identities_under_named_stores_are_believed() {
    let (root, leaf) = acme();
    let stranger = Holder::root(authority_params("root")).issue(leaf_params());
    let mut case = Case::strict(&root.chain[0]);
    assert_eq!(case.jws(&leaf.plain()).0, Holds);
    let (outcome, found) = case.jws(&stranger.plain());
    assert_eq!(outcome, Failed(Cause::Untrusted));
    assert!(found.contains("in no trust store of type ca"), "{found}");
    for (identity, expected) in [
        ("C=US, ST=WA, O=acme", Holds),
        ("C=US, S=WA, O=acme, CN=signer", Holds),
        ("C=US, ST=WA, O=acme, CN=Signer", Failed(Cause::Untrusted)),
        ("C=US, ST=WA, O=acme, OU=ci", Failed(Cause::Untrusted)),
    ] {
        case.statement["trustedIdentities"] = json!([format!("x509.subject: {identity}")]);
        let signature = case.verify(EnvelopeForm::Jws, &leaf.plain());
        assert_eq!(signature.checks[1].outcome, expected, "{identity}");
    }
    // A subject with the same attribute twice says two things.
    let mut twice = leaf_params();
    let unit = rcgen::DnType::CustomDnType(vec![2, 5, 4, 10]);
    twice.distinguished_name.push(unit, "other");
    let twice = root.issue(twice).plain();
    case.statement["trustedIdentities"] = json!(["x509.subject: C=US, ST=WA, O=acme"]);
    let (outcome, found) = case.jws(&twice);
    assert_eq!(outcome, Failed(Cause::Untrusted));
    assert!(found.contains("`O` occurs twice"), "{found}");
    // "audit" says it and goes on.
    case.statement["signatureVerification"]["level"] = "audit".into();
    let signature = case.verify(EnvelopeForm::Jws, &stranger.plain());
    assert_eq!(signature.cause, None);
    assert_eq!(signature.checks[1].outcome, Failed(Cause::Untrusted));
}

#[test]
fn certificates_are_what_the_specification_wants() {
    assert_eq!(of_leaf(leaf_params()).0, Holds);
    let mut without = leaf_params();
    without.extended_key_usages = Vec::new();
    assert_eq!(of_leaf(without).0, Holds, "extended usage is optional");
    let mut server = leaf_params();
    server
        .extended_key_usages
        .push(ExtendedKeyUsagePurpose::ServerAuth);
    let mut other = leaf_params();
    other.extended_key_usages = vec![ExtendedKeyUsagePurpose::Other(vec![1, 3, 6, 1, 4, 1, 9999])];
    let mut wide = leaf_params();
    wide.key_usages.push(KeyUsagePurpose::KeyEncipherment);
    let mut none = leaf_params();
    none.key_usages = Vec::new();
    let mut authority = leaf_params();
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    for (leaf, reason) in [
        (server, "not for signing code"),
        (other, "not for signing code"),
        (wide, "not for digital signatures alone"),
        (none, "has no keyUsage"),
        (authority, "is one of an authority"),
    ] {
        let (outcome, found) = of_leaf(leaf);
        assert_eq!(outcome, Failed(Cause::Invalid));
        assert!(found.contains(reason), "{found}");
    }
}

#[test]
fn chains_are_complete_in_order_and_without_strangers() {
    let root = Holder::root(authority_params("root"));
    let between = root.issue(authority_params("between"));
    let leaf = between.issue(leaf_params());
    let case = Case::strict(&root.chain[0]);
    assert_eq!(case.jws(&leaf.plain()).0, Holds);
    // A store may pin an authority below the root.
    assert_eq!(Case::strict(&between.chain[0]).jws(&leaf.plain()).0, Holds);
    let with = |chain: &[&Vec<u8>]| {
        let mut own = between.issue(leaf_params());
        let chain = chain.iter().map(|der| (*der).clone());
        own.chain.truncate(1);
        own.chain.extend(chain);
        case.jws(&own.plain())
    };
    let stranger = Holder::root(authority_params("stranger")).chain.remove(0);
    let double = root.issue(authority_params("between")).chain.remove(0);
    let (above, top) = (&between.chain[0], &root.chain[0]);
    assert_eq!(with(&[above, top]).0, Holds);
    for (index, wrong) in [
        vec![above],
        vec![top, above],
        vec![above, &stranger, top],
        vec![above, top, top],
        vec![&double, top],
        vec![top],
    ]
    .into_iter()
    .enumerate()
    {
        let (outcome, found) = with(&wrong);
        assert_eq!(outcome, Failed(Cause::Invalid), "{index}: {found}");
    }
    let mut short = authority_params("between");
    short.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let short = root.issue(short);
    assert_eq!(case.jws(&short.issue(leaf_params()).plain()).0, Holds);
    let long = short.issue(authority_params("below")).issue(leaf_params());
    let (_, found) = case.jws(&long.plain());
    assert!(found.contains("longer than it allows"), "{found}");
    let plain = root.issue(params("between", KeyUsagePurpose::KeyCertSign));
    let (_, found) = case.jws(&plain.issue(leaf_params()).plain());
    assert!(found.contains("not marked as one"), "{found}");
    let mut apart = leaf_params();
    apart.not_before = date_time_ymd(2036, 1, 1);
    apart.not_after = date_time_ymd(2037, 1, 1);
    let (_, found) = case.jws(&root.issue(apart).plain());
    assert_eq!(found, "the certificates were never valid together");
}

#[test]
fn without_a_timestamp_the_certificates_must_be_valid_now() {
    let (root, leaf) = acme();
    let case = Case::strict(&root.chain[0]).at("2036-01-01T00:00:00Z");
    let (outcome, found) = case.jws(&leaf.plain());
    assert_eq!(outcome, Failed(Cause::Expired));
    assert!(found.starts_with("no timestamp, and it is 2036"), "{found}");
    let early = Case::strict(&root.chain[0]).at("2024-01-01T00:00:00Z");
    assert_eq!(early.jws(&leaf.plain()).0, Failed(Cause::Expired));
    // A timestamp of an authority that no store names is not looked at.
    let expired = recorded!("expired-timestamped.jws.json");
    let mut case = stamped("strict");
    case.statement["trustStores"] = json!(["ca:acme"]);
    assert_eq!(case.jws(expired).0, Failed(Cause::Expired));
}

#[test]
fn a_timestamp_proves_when_it_was_signed() {
    let (root, leaf) = acme();
    let stamper = Holder::root(authority_params("stamps root")).issue(stamper_params());
    let case = || {
        Case::strict(&root.chain[0])
            .with_stamps(&stamper.chain[1])
            .at("2036-01-01T00:00:00Z")
    };
    let at = |time: &str| leaf.jws(|_| {}, |signature| Some(stamper.stamp(signature, time)));
    let good = at("20260501000000Z");
    let signature = case().verify(EnvelopeForm::Jws, &good);
    assert_eq!(signature.cause, None, "{signature:?}");
    let latest = signature.timestamp.unwrap();
    assert_eq!(
        latest.to_string(),
        "2026-05-01T00:00:01Z",
        "with its accuracy"
    );
    // Its accuracy reaches over the end; it lies outside; it is not yet.
    for (time, now) in [
        ("20350101000000Z", "2036-01-01T00:00:00Z"),
        ("20250101000000Z", "2036-01-01T00:00:00Z"),
        ("20270101000000Z", "2026-06-01T00:00:00Z"),
    ] {
        let (outcome, found) = case().at(now).jws(&at(time));
        assert_eq!(outcome, Failed(Cause::Expired), "{time}");
        assert!(found.starts_with("timestamp "), "{found}");
    }
    let about_other = leaf.jws(|_| {}, |_| Some(stamper.stamp(b"other", "20260501000000Z")));
    let (outcome, found) = case().jws(&about_other);
    assert_eq!(outcome, Failed(Cause::Invalid));
    assert_eq!(found, "it is about another signature");
    let (outcome, found) = case().jws(&leaf.plain());
    assert_eq!((outcome, found.as_str()), (Failed(Cause::Invalid), "none"));
    // Wanted only once a certificate has ended.
    let mut after = case().at("2026-06-01T00:00:00Z");
    after.statement["signatureVerification"]["verifyTimestamp"] = "afterCertExpiry".into();
    assert_eq!(after.jws(&leaf.plain()).0, Holds);
    assert_eq!(
        after.at("2036-01-01T00:00:00Z").jws(&leaf.plain()).0,
        Failed(Cause::Invalid)
    );
}

#[test]
fn timestamps_are_believed_from_trusted_authorities_that_only_stamp() {
    let (root, leaf) = acme();
    let stamps = Holder::root(authority_params("stamps root"));
    let said = |stamper: &Holder, change: &dyn Fn(&mut Vec<u8>)| {
        let envelope = leaf.jws(
            |_| {},
            |signature| {
                let mut token = stamper.stamp(signature, "20260501000000Z");
                change(&mut token);
                Some(token)
            },
        );
        Case::strict(&root.chain[0])
            .with_stamps(&stamps.chain[0])
            .jws(&envelope)
    };
    let stamper = stamps.issue(stamper_params());
    assert_eq!(said(&stamper, &|_| {}).0, Holds);
    let stranger = Holder::root(authority_params("stamps root")).issue(stamper_params());
    let (outcome, found) = said(&stranger, &|_| {});
    assert_eq!(outcome, Failed(Cause::Invalid));
    assert!(found.starts_with("its authority is not trusted"), "{found}");
    // F19: any certificate under the root is not enough.
    let (outcome, found) = said(&stamps.issue(leaf_params()), &|_| {});
    assert_eq!(outcome, Failed(Cause::Invalid));
    assert!(found.starts_with("its authority is not trusted"), "{found}");
    let mut loose = params("stamps", KeyUsagePurpose::DigitalSignature);
    loose.extended_key_usages = vec![ExtendedKeyUsagePurpose::TimeStamping];
    let (_, found) = said(&stamps.issue(loose), &|_| {});
    assert!(found.contains("extendedKeyUsage, critical"), "{found}");
    // Somebody else's certificate in the token under the same name and number.
    let (_, found) = said(&stamper, &|token| {
        let twin = stamps.issue(stamper_params()).chain.remove(0);
        let own = &stamper.chain[0];
        if twin.len() == own.len() {
            let at = token.windows(own.len()).position(|part| part == own);
            token[at.unwrap()..][..twin.len()].copy_from_slice(&twin);
        } else {
            token.clear();
        }
    });
    assert!(
        found.contains("names another certificate") || found.contains("no CMS"),
        "{found}"
    );
    for at in [60, 200, 300, 1000] {
        let (outcome, _) = said(&stamper, &|token| {
            let length = token.len();
            token[length - at % length] ^= 1;
        });
        assert_ne!(outcome, Holds, "{at}");
    }
    let (outcome, _) = said(&stamper, &|token| token.truncate(40));
    assert_eq!(outcome, Failed(Cause::Invalid));
}

#[test]
fn f57_a_timestamp_authority_that_may_be_revoked_proves_nothing() {
    let jws = recorded!("expired-timestamped.jws.json");
    // The token holds; whether its authority was revoked is what is not known.
    let (outcome, found) = stamped("strict").jws(jws);
    assert_eq!(outcome, Failed(Cause::Undetermined), "{found}");
    assert!(
        found.starts_with("timestamp authority: no revocation list"),
        "{found}"
    );
    let after = recorded!("timestamp-after.cose");
    let mut case = stamped("audit");
    let signature = case.verify(EnvelopeForm::Cose, after);
    let check = &signature.checks[3];
    assert_eq!(check.outcome, Failed(Cause::Expired));
    assert!(
        check.found.starts_with("timestamp 2024-06-"),
        "{}",
        check.found
    );
    case.statement["trustStores"] = json!(["ca:acme", "tsa:stamps"]);
    case.stamps = vec![ROOT.to_vec()];
    let signature = case.verify(EnvelopeForm::Jws, jws);
    assert_eq!(
        signature.checks[3].outcome,
        Failed(Cause::Invalid),
        "another root"
    );
    // One of our own, with lists.
    let (root, leaf) = acme();
    let stamps = Holder::root(authority_params("stamps root"));
    let stamper = stamps.issue(with_lists(stamper_params()));
    let envelope = leaf.jws(
        |_| {},
        |signature| Some(stamper.stamp(signature, "20260501000000Z")),
    );
    for (lists, expected) in [
        (vec![], Failed(Cause::Undetermined)),
        (vec![stamps.list(&[], 2026)], Holds),
        (vec![stamps.list(&[7], 2026)], Failed(Cause::Expired)),
        (vec![root.list(&[], 2026)], Failed(Cause::Undetermined)),
    ] {
        let mut case = Case::strict(&root.chain[0]).with_stamps(&stamps.chain[0]);
        case.lists = lists;
        assert_eq!(case.jws(&envelope).0, expected);
    }
}

#[test]
fn f43_revocation_is_known_from_lists_or_said_to_be_unknown() {
    let root = Holder::root(authority_params("root"));
    let leaf = root.issue(with_lists(leaf_params()));
    let envelope = leaf.plain();
    let forged = Holder::root(authority_params("root"));
    let said = |lists: &[Vec<u8>], change: &dyn Fn(&mut Case)| {
        let mut case = Case::strict(&root.chain[0]);
        case.lists = lists.to_vec();
        change(&mut case);
        case.jws(&envelope)
    };
    let unknown = Failed(Cause::Undetermined);
    let (outcome, found) = said(&[], &|_| {});
    assert_eq!(outcome, unknown);
    assert!(found.contains("no revocation list was given"), "{found}");
    assert_eq!(said(&[root.list(&[8], 2026)], &|_| {}).0, Holds);
    assert_eq!(
        said(&[root.list(&[7], 2026)], &|_| {}).0,
        Failed(Cause::Expired)
    );
    // Of two lists of one authority each is asked, in whatever order they come.
    let (clean, newer) = (root.list(&[8], 2026), root.list(&[7], 2026));
    for lists in [[clean.clone(), newer.clone()], [newer, clean]] {
        assert_eq!(said(&lists, &|_| {}).0, Failed(Cause::Expired));
    }
    // A list that is out of date says nothing good, and still says who was revoked.
    let (outcome, found) = said(&[root.list(&[8], 2026)], &|case| {
        case.now = "2027-02-01T00:00:00Z".parse().unwrap();
    });
    assert_eq!(outcome, unknown);
    assert!(found.contains("out of date"), "{found}");
    let (outcome, _) = said(&[root.list(&[7], 2026)], &|case| {
        case.now = "2027-02-01T00:00:00Z".parse().unwrap();
    });
    assert_eq!(outcome, Failed(Cause::Expired));
    // A list somebody else signed in the authority's name.
    let (outcome, found) = said(&[forged.list(&[8], 2026)], &|_| {});
    assert_eq!(outcome, unknown);
    assert!(found.contains("cannot be used"), "{found}");
    // What the policy makes of it: a failure that is logged, or nothing at all.
    for (action, expected) in [("log", unknown), ("skip", Skipped)] {
        let mut case = Case::strict(&root.chain[0]);
        case.statement["signatureVerification"]["override"] = json!({"revocation": action});
        let signature = case.verify(EnvelopeForm::Jws, &envelope);
        assert_eq!(signature.cause, None);
        assert_eq!(signature.checks.last().unwrap().outcome, expected);
    }
    // Whoever names no place is revoked all the same if a list says so.
    let silent = root.issue(leaf_params()).plain();
    let mut case = Case::strict(&root.chain[0]);
    case.lists = vec![root.list(&[7], 2026)];
    assert_eq!(case.jws(&silent).0, Failed(Cause::Expired));
}

#[test]
fn annotations_must_be_those_asked_for() {
    let (root, leaf) = acme();
    let mut case = Case::strict(&root.chain[0]);
    case.annotations = BTreeMap::from([("build".to_owned(), "123".to_owned())]);
    let signature = case.verify(EnvelopeForm::Jws, &leaf.plain());
    assert_eq!(signature.cause, None);
    assert_eq!(signature.annotations, case.annotations);
    case.annotations = BTreeMap::from([("build".to_owned(), "124".to_owned())]);
    assert_eq!(case.jws(&leaf.plain()).0, Failed(Cause::Denied));
    case.annotations = BTreeMap::from([("other".to_owned(), "1".to_owned())]);
    assert_eq!(case.jws(&leaf.plain()).0, Failed(Cause::Denied));
    let metadata = recorded!("metadata.jws.json");
    let digest = "sha256:5a07385af4e6b6af81b0ebfd435aedccdfa3507f0609c658209e1aba57159b2b";
    let case = Case::strict(&own_root(metadata))
        .about(digest, 942, media_type::DOCKER_MANIFEST)
        .at("2023-01-11T12:00:00Z");
    let signature = case.verify(EnvelopeForm::Jws, metadata);
    assert_eq!(signature.annotations["io.wabbit-networks.buildId"], "123");
}

#[test]
fn outcomes_follow_the_order_and_end_with_the_first_that_is_enforced() {
    let mut case = busybox();
    case.stores.clear();
    let signature = case.verify(EnvelopeForm::Jws, recorded!("ca-expired.jws.json"));
    let expected = [
        (Validation::Integrity, Holds),
        (Validation::Authenticity, Failed(Cause::Untrusted)),
    ];
    assert_eq!(outcomes(&signature), expected);
    assert_eq!(signature.cause, Some(Cause::Untrusted));
}

#[test]
fn f11_no_signature_is_no_success_and_missing_ones_leave_it_open() {
    let mut statement = Case::strict(ROOT).statement;
    let artifact = Digest::sha256(b"image");
    let verdict = |statement: &Value, signatures, incomplete| {
        let text = json!({"version": "1.0", "trustPolicies": [statement]}).to_string();
        let policy = TrustPolicy::parse(text.as_bytes(), &Limits::default()).unwrap();
        let statement = policy.statement_for("a.test/b");
        let verdict = NotationVerdict::new(artifact.clone(), statement, signatures, incomplete);
        (verdict.decision, verdict.exit_code())
    };
    assert_eq!(verdict(&statement, Vec::new(), false), (Decision::Deny, 10));
    assert_eq!(
        verdict(&statement, Vec::new(), true),
        (Decision::Undetermined, 3)
    );
    let good = || busybox().verify(EnvelopeForm::Jws, recorded!("ca-valid.jws.json"));
    let bad = || busybox().verify(EnvelopeForm::Jws, recorded!("ca-invalid.jws.json"));
    let old = || busybox().verify(EnvelopeForm::Jws, recorded!("ca-expired.jws.json"));
    assert_eq!(
        verdict(&statement, vec![bad()], false),
        (Decision::Deny, 12)
    );
    // Whoever can only push junk does not change the reason.
    assert_eq!(
        verdict(&statement, vec![bad(), old()], false),
        (Decision::Deny, 14)
    );
    assert_eq!(
        verdict(&statement, vec![bad(), good()], true),
        (Decision::Allow, 0)
    );
    let none = NotationVerdict::new(artifact.clone(), None, Vec::new(), false);
    assert_eq!((none.decision, none.exit_code()), (Decision::Deny, 1));
    statement["signatureVerification"]["level"] = "skip".into();
    statement["registryScopes"] = json!(["a.test/b"]);
    statement["trustStores"] = json!([]);
    statement["trustedIdentities"] = json!([]);
    assert_eq!(verdict(&statement, Vec::new(), false), (Decision::Allow, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Only what nobody signed can change: the program's name, and white space around it all.
    #[test]
    fn a_changed_envelope_is_refused(at in 0_usize..2000, byte: u8) {
        let cose = recorded!("own-root.cose");
        let root = own_root(recorded!("own-root.jws.json"));
        let case = Case::strict(&root).about(LAYOUT, 481, media_type::IMAGE_MANIFEST);
        let mut changed = cose.to_vec();
        let at = at % changed.len();
        let label = b"io.cncf.notary.signingAgent";
        let agent = changed.windows(label.len()).position(|part| part == label);
        let agent = agent.unwrap();
        // The label, a byte of length before it and after it, and the name.
        let end = agent + label.len();
        let agent = agent - 2..end + 1 + usize::from(changed[end] - 0x60);
        changed[at] = byte;
        let signature = case.verify(EnvelopeForm::Cose, &changed);
        let unsigned = changed == cose || agent.contains(&at);
        prop_assert!(signature.cause.is_some() || unsigned, "byte {at}");
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let case = busybox();
        for form in [EnvelopeForm::Jws, EnvelopeForm::Cose] {
            prop_assert!(case.verify(form, &bytes).cause.is_some());
        }
        let (_, leaf) = acme();
        let envelope = leaf.jws(|_| {}, |_| Some(bytes.clone()));
        let case = Case::strict(&leaf.chain[1]).with_stamps(STAMPS);
        prop_assert_eq!(case.jws(&envelope).0, Failed(Cause::Invalid));
        drop(TrustPolicy::parse(&bytes, &Limits::default()));
        drop(RevocationLists::default().add(&bytes));
    }
}
