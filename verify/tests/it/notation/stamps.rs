//! Timestamps, member by member, and certificates that never end.

use bulla_model::notation::EnvelopeForm;
use bulla_verify::Cause;
use bulla_verify::notation::{NotationSignature, RevocationListError, RevocationLists};
use rcgen::{CertificateParams, date_time_ymd};

use super::world::{
    Case, Holder, authority_params, leaf_params, oid, seq, stamper_params, tlv, with_lists,
};
use super::{Failed, Holds, NotationOutcome, acme};

/// A signature whose timestamp says this.
fn stamped(time: &str, members: &[Vec<u8>]) -> NotationSignature {
    let (root, leaf) = acme();
    let stamper = Holder::root(authority_params("stamps root")).issue(stamper_params());
    let envelope = leaf.jws(
        |_| {},
        |signature| Some(stamper.stamp_saying(signature, time, members)),
    );
    Case::strict(&root.chain[0])
        .with_stamps(&stamper.chain[1])
        .verify(EnvelopeForm::Jws, &envelope)
}

/// What becomes of it.
fn said(time: &str, members: &[Vec<u8>]) -> (NotationOutcome, String) {
    let signature = stamped(time, members);
    let last = signature.checks.last().unwrap();
    (last.outcome, last.found.clone())
}

const TIME: &str = "20260501000000Z";

fn accuracy() -> Vec<u8> {
    seq(&[vec![2, 1, 1], vec![0x80, 1, 250]])
}

const ORDERING: [u8; 3] = [1, 1, 0xff];
const NONCE: [u8; 4] = [2, 2, 0x12, 0x34];

fn authority() -> Vec<u8> {
    // `dNSName`
    tlv(0xa0, &tlv(0x82, b"stamps.example.test"))
}

fn extensions(critical: &[u8]) -> Vec<u8> {
    let other = seq(&[oid("1.3.6.1.5.5.7.1.3"), tlv(4, &seq(&[]))]);
    let own = seq(&[oid("1.3.6.1.4.1.9999.1"), critical.to_vec(), tlv(4, b"x")]);
    tlv(0xa1, &[other, own].concat())
}

#[test]
fn timestamps_are_read_to_their_end() {
    let (ordering, nonce) = (ORDERING.to_vec(), NONCE.to_vec());
    let all = [accuracy(), ordering, nonce, authority(), extensions(&[])];
    for left_out in 0..32_usize {
        let members = all.iter().enumerate();
        let members = members.filter(|(index, _)| left_out >> index & 1 == 0);
        let members: Vec<_> = members.map(|(_, member)| member.clone()).collect();
        let (outcome, found) = said(TIME, &members);
        assert_eq!(outcome, Holds, "{left_out:b}: {found}");
    }
    let [accuracy, ordering, nonce, authority, extensions] = all;
    for (name, wrong) in [
        ("out of order", vec![nonce.clone(), ordering.clone()]),
        ("twice", vec![nonce.clone(), nonce]),
        ("accuracy late", vec![authority.clone(), accuracy]),
        ("after the end", vec![extensions.clone(), ordering]),
        ("extensions before", vec![extensions, authority]),
        ("a member of its own", vec![tlv(0xa2, &[])]),
        ("a boolean that is none", vec![vec![1, 1, 7]]),
        ("no number", vec![vec![2, 0]]),
        ("extensions that are none", vec![tlv(0xa1, b"xyz")]),
    ] {
        let (outcome, found) = said(TIME, &wrong);
        assert_eq!(outcome, Failed(Cause::Invalid), "{name}: {found}");
    }
}

#[test]
fn what_must_be_understood_of_a_timestamp_and_is_not_is_refused() {
    let (outcome, found) = said(TIME, &[accuracy(), extensions(&[1, 1, 0xff])]);
    assert_eq!(outcome, Failed(Cause::Invalid));
    let expected = "its extension 1.3.6.1.4.1.9999.1 must be understood, and is not";
    assert_eq!(found, expected);
}

#[test]
fn timestamps_may_have_fractions_of_seconds() {
    let signature = stamped("20260501000000.25Z", &[accuracy()]);
    assert_eq!(signature.cause, None, "{signature:?}");
    // With its accuracy, a second and a quarter.
    let latest = signature.timestamp.unwrap().to_string();
    assert_eq!(latest, "2026-05-01T00:00:01.5Z");
    for wrong in [
        "20260501000000.Z",
        "20260501000000.250Z",
        "20260501000000.2x5Z",
        "20260501000000.1234567891Z",
        "20260501000000,25Z",
        "20260501000000.25",
        "20260501000000.25+0100",
        "202605010000Z",
    ] {
        let (outcome, found) = said(wrong, &[]);
        assert_eq!(outcome, Failed(Cause::Invalid), "{wrong}");
        assert_eq!(found, "its time cannot be read", "{wrong}");
    }
}

#[test]
fn certificates_without_an_end_are_valid_as_long_as_there_is_time() {
    let endless = |mut params: CertificateParams| {
        let end = date_time_ymd(9999, 12, 31);
        let end = end.replace_hour(23).and_then(|end| end.replace_minute(59));
        params.not_after = end.and_then(|end| end.replace_second(59)).unwrap();
        params
    };
    let root = Holder::root(endless(authority_params("root")));
    let leaf = root.issue(endless(leaf_params()));
    let stamps = Holder::root(endless(authority_params("stamps root")));
    let stamper = stamps.issue(endless(with_lists(stamper_params())));
    assert!(
        leaf.chain[0]
            .windows(15)
            .any(|part| part == b"99991231235959Z")
    );
    let case = || Case::strict(&root.chain[0]);
    assert_eq!(case().jws(&leaf.plain()).0, Holds);
    let last = case().at("9999-12-30T21:59:59Z");
    assert_eq!(last.jws(&leaf.plain()).0, Holds);
    let early = case().at("2024-01-01T00:00:00Z");
    assert_eq!(early.jws(&leaf.plain()).0, Failed(Cause::Expired));
    // Another's end is still the chain's.
    let short = root.issue(leaf_params());
    let after = case().at("2036-01-01T00:00:00Z");
    assert_eq!(after.jws(&short.plain()).0, Failed(Cause::Expired));
    // Authorities of timestamps do not end either; lists must.
    let stamp = |signature: &[u8]| Some(stamper.stamp(signature, TIME));
    let mut case = case().with_stamps(&stamps.chain[0]);
    case.lists = vec![stamps.list(&[8], 9000)];
    let envelope = leaf.jws(|_| {}, stamp);
    let (outcome, found) = case.jws(&envelope);
    assert_eq!(outcome, Holds, "{found}");
    let mut lists = RevocationLists::default();
    let endless = lists.add(&stamps.list(&[8], 9999)).unwrap_err();
    assert!(matches!(endless, RevocationListError::Endless), "{endless}");
}
