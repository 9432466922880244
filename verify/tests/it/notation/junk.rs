//! What anybody who may push can put beside an image, and the reason of a refusal.

use bulla_model::Digest;
use bulla_model::notation::EnvelopeForm;
use bulla_verify::Cause;
use bulla_verify::notation::{NotationSignature, NotationVerdict, TrustPolicy};
use serde_json::{Value, json};

use super::acme;
use super::world::{Case, Holder, authority_params, leaf_params};
use bulla_model::Limits;

const PLUGIN: &str = "io.cncf.notary.verificationPlugin";
const EXPIRY: &str = "io.cncf.notary.expiry";

fn needs_plugin(header: &mut Value) {
    header[PLUGIN] = "example.plugin".into();
}

fn ended(header: &mut Value) {
    header[EXPIRY] = "2026-05-02T00:00:00Z".into();
    header["crit"].as_array_mut().unwrap().push(EXPIRY.into());
}

/// The reason of a refusal under the policy of this case.
fn cause(case: &Case, signatures: Vec<NotationSignature>) -> Option<Cause> {
    let policy = json!({"version": "1.0", "trustPolicies": [case.statement]}).to_string();
    let policy = TrustPolicy::parse(policy.as_bytes(), &Limits::default()).unwrap();
    let statement = policy.statement_for("registry.example.test/app");
    NotationVerdict::new(Digest::sha256(b"image"), statement, signatures, false).cause
}

#[test]
fn what_nobody_trusted_signed_is_untrusted_whatever_it_says() {
    let (root, own) = acme();
    let stranger = Holder::root(authority_params("root")).issue(leaf_params());
    let asked = |signer: &Holder, change: fn(&mut Value), of: fn(&mut Case)| {
        let mut case = Case::strict(&root.chain[0]);
        of(&mut case);
        let envelope = signer.jws(change, |_| None);
        case.verify(EnvelopeForm::Jws, &envelope).cause
    };
    let elsewhere: fn(&mut Case) = |case| case.artifact.size += 1;
    let annotated: fn(&mut Case) = |case| {
        case.annotations.insert("build".into(), "124".into());
    };
    let plain: fn(&mut Case) = |_| {};
    let nothing: fn(&mut Value) = |_| {};
    for (change, of, trusted) in [
        (nothing, elsewhere, Cause::OtherSubject),
        (nothing, annotated, Cause::Denied),
        (needs_plugin, plain, Cause::Undetermined),
        (ended, plain, Cause::Expired),
    ] {
        assert_eq!(asked(&own, change, of), Some(trusted));
        assert_eq!(asked(&stranger, change, of), Some(Cause::Untrusted));
    }
    // Nor does it where the policy only logs who signed, or trusts the authority and not the name.
    let logged: fn(&mut Case) = |case| {
        let level = &mut case.statement["signatureVerification"];
        level["override"] = json!({"authenticity": "log"});
        case.artifact.size += 1;
    };
    assert_eq!(asked(&own, nothing, logged), Some(Cause::OtherSubject));
    assert_eq!(asked(&stranger, nothing, logged), Some(Cause::Untrusted));
    let late: fn(&mut Case) = |case| {
        let level = &mut case.statement["signatureVerification"];
        level["override"] = json!({"authenticity": "log"});
    };
    assert_eq!(asked(&own, ended, late), Some(Cause::Expired));
    assert_eq!(asked(&stranger, ended, late), Some(Cause::Untrusted));
    let named: fn(&mut Case) = |case| {
        case.statement["trustedIdentities"] = json!(["x509.subject: C=US, ST=WA, O=other"]);
        case.artifact.size += 1;
    };
    assert_eq!(asked(&own, nothing, named), Some(Cause::Untrusted));
}

#[test]
fn junk_beside_a_signature_does_not_change_why_it_is_refused() {
    let (root, own) = acme();
    let stranger = Holder::root(authority_params("root")).issue(leaf_params());
    let mut case = Case::strict(&root.chain[0]);
    let verify = |case: &Case, envelope: &[u8]| case.verify(EnvelopeForm::Jws, envelope);
    let junk = {
        let mut other = Case::strict(&root.chain[0]);
        other.artifact.size += 1;
        vec![
            verify(&case, b"junk"),
            verify(&case, &stranger.plain()),
            verify(&other, &stranger.plain()),
            verify(&case, &stranger.jws(needs_plugin, |_| None)),
            verify(&case, &stranger.jws(ended, |_| None)),
            NotationSignature::refused(&Digest::sha256(b"junk"), "junk".to_owned()),
        ]
    };
    let mut genuine = vec![
        (Cause::Expired, verify(&case, &own.jws(ended, |_| None))),
        (
            Cause::Undetermined,
            verify(&case, &own.jws(needs_plugin, |_| None)),
        ),
    ];
    case.annotations.insert("build".into(), "124".into());
    genuine.push((Cause::Denied, verify(&case, &own.plain())));
    case.artifact.size += 1;
    genuine.push((Cause::OtherSubject, verify(&case, &own.plain())));
    for (expected, signature) in genuine {
        let alone = cause(&case, vec![signature.clone()]);
        assert_eq!(alone, Some(expected));
        for one in &junk {
            let (one, own) = (one.clone(), signature.clone());
            assert_eq!(cause(&case, vec![one.clone(), own.clone()]), alone);
            assert_eq!(cause(&case, vec![own, one]), alone);
        }
    }
    // Without any, junk is what it is, and never "could not find out".
    let alone = |index: usize| cause(&case, vec![junk[index].clone()]);
    assert_eq!(alone(0), Some(Cause::Invalid));
    for index in 1..5 {
        assert_eq!(alone(index), Some(Cause::Untrusted), "{index}");
    }
    assert_eq!(cause(&case, junk), Some(Cause::Untrusted));
}

#[test]
fn leaving_out_a_timestamp_gives_no_better_reason() {
    // Revoked, and a copy of the same without its timestamp, which nobody signed.
    let (root, own) = acme();
    let authority = Holder::root(authority_params("stamps root"));
    let authority = authority.issue(super::stamper_params());
    let mut case = Case::strict(&root.chain[0]).with_stamps(&authority.chain[1]);
    case.lists = vec![root.list(&[7], 2026)];
    let stamped = own.jws(
        |_| {},
        |signature| Some(authority.stamp(signature, "20260501000000Z")),
    );
    let mut copy: Value = serde_json::from_slice(&stamped).unwrap();
    let unsigned = copy["header"].as_object_mut().unwrap();
    unsigned
        .remove("io.cncf.notary.timestampSignature")
        .unwrap();
    let verify = |envelope: &[u8]| case.verify(EnvelopeForm::Jws, envelope);
    let (genuine, copy) = (verify(&stamped), verify(copy.to_string().as_bytes()));
    assert_eq!(genuine.cause, Some(Cause::Expired));
    assert_eq!(copy.cause, Some(Cause::Invalid));
    assert_eq!(cause(&case, vec![copy, genuine]), Some(Cause::Expired));
}
