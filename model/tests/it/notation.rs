//! Notary Project envelopes: what is read, and each reason for which one is not.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bulla_model::notation::{
    self, EnvelopeForm, NotationAlgorithm, NotationEnvelope, NotationError, SigningScheme,
};
use bulla_model::{Descriptor, Digest, Limits, Manifest, media_type};
use coset::cbor::value::Value as Cbor;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::files::{bytes, root};

fn fixture(name: &str) -> Vec<u8> {
    bytes(&root().join("testdata/verify/notation").join(name))
}

fn jws(bytes: &[u8]) -> Result<NotationEnvelope, NotationError> {
    NotationEnvelope::parse(EnvelopeForm::Jws, bytes, &Limits::default())
}

fn cose(bytes: &[u8]) -> Result<NotationEnvelope, NotationError> {
    NotationEnvelope::parse(EnvelopeForm::Cose, bytes, &Limits::default())
}

/// The reason for which an envelope with changed signed headers is refused.
fn refused(change: impl FnOnce(&mut Value)) -> String {
    let mut envelope: Value = serde_json::from_slice(&fixture("ca-valid.jws.json")).unwrap();
    let protected = envelope["protected"].as_str().unwrap();
    let mut header: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(protected).unwrap()).unwrap();
    change(&mut header);
    envelope["protected"] = URL_SAFE_NO_PAD.encode(header.to_string()).into();
    jws(envelope.to_string().as_bytes())
        .unwrap_err()
        .to_string()
}

/// The same with the envelope itself changed.
fn refused_around(change: impl FnOnce(&mut Value)) -> String {
    let mut envelope: Value = serde_json::from_slice(&fixture("ca-valid.jws.json")).unwrap();
    change(&mut envelope);
    jws(envelope.to_string().as_bytes())
        .unwrap_err()
        .to_string()
}

#[test]
fn both_forms_say_the_same() {
    for (name, form) in [
        ("timestamped.jws.json", EnvelopeForm::Jws),
        ("timestamped.cose", EnvelopeForm::Cose),
    ] {
        let limits = Limits::default();
        let envelope = NotationEnvelope::parse(form, &fixture(name), &limits).unwrap();
        assert_eq!(envelope.form(), form);
        assert_eq!(envelope.attributes().algorithm, NotationAlgorithm::Ps256);
        let SigningScheme::X509 { signing_time } = envelope.attributes().scheme else {
            panic!("{name} is of scheme notary.x509");
        };
        assert!(signing_time.to_string().starts_with("2024-06-18T06:"));
        assert_eq!(envelope.certificates().len(), 1);
        assert_eq!(envelope.signature().len(), 256);
        assert!(envelope.timestamp().unwrap().len() > 5000);
        assert!(envelope.signing_agent().unwrap().contains("otation"));
        let target = envelope.target(&limits).unwrap();
        assert_eq!(target.size, 528);
        assert!(target.digest.to_string().contains("c0669ef34cdc14332c0f"));
    }
    let authority = jws(&fixture("sa-valid.jws.json")).unwrap();
    assert_eq!(
        authority.attributes().scheme.name(),
        "notary.x509.signingAuthority"
    );
    assert!(authority.attributes().expiry.is_some());
}

#[test]
fn what_must_be_understood_and_is_not_known_is_refused() {
    let other = refused(|header| {
        header["crit"].as_array_mut().unwrap().push("other".into());
        header["other"] = 1.into();
    });
    assert_eq!(
        other,
        "`other` must be understood (`crit`), and is not known"
    );
    let registered = refused(|header| header["crit"].as_array_mut().unwrap().push("alg".into()));
    assert!(registered.contains("`alg` must be understood"));
    let absent = refused(|header| {
        let name = "io.cncf.notary.verificationPlugin";
        header["crit"].as_array_mut().unwrap().push(name.into());
    });
    assert!(absent.ends_with("and is not there"));
    let twice = refused(|header| {
        let name = "io.cncf.notary.expiry";
        header["crit"].as_array_mut().unwrap().push(name.into());
    });
    assert!(twice.ends_with("and is listed twice"));
    // A genuine one, which has a header of its own besides.
    let plugin = jws(&fixture("ca-plugin.jws.json")).unwrap_err();
    assert!(matches!(plugin, NotationError::Critical { name, .. } if name == "SomeKey"));
}

#[test]
fn headers_that_are_not_marked_and_times_that_do_not_fit_are_refused() {
    assert!(refused(|header| header["crit"] = json!([])).contains("is not listed in `crit`"));
    let expiry = refused(|header| header["crit"] = json!(["io.cncf.notary.signingScheme"]));
    assert_eq!(expiry, "`io.cncf.notary.expiry` is not listed in `crit`");
    let early = refused(|header| header["io.cncf.notary.expiry"] = "2020-11-09T07:00:00Z".into());
    assert_eq!(early, "the signature expires no later than it was made");
    let misplaced = refused(|header| {
        header["io.cncf.notary.authenticSigningTime"] = "2020-11-09T07:00:00Z".into();
    });
    assert!(misplaced.contains("has no place in a signature of scheme notary.x509"));
    let timeless = refused(|header| {
        let header = header.as_object_mut().unwrap();
        header.remove("io.cncf.notary.signingTime").unwrap();
    });
    assert!(timeless.contains("signingTime` is missing"));
    let authority = refused(|header| {
        header["io.cncf.notary.signingScheme"] = "notary.x509.signingAuthority".into();
    });
    assert!(authority.contains("`io.cncf.notary.signingTime` has no place"));
    let scheme = refused(|header| header["io.cncf.notary.signingScheme"] = "x".into());
    assert!(scheme.starts_with("signing scheme `x`"));
    let loose = refused(|header| header["io.cncf.notary.expiry"] = "next year".into());
    assert!(loose.contains("line 1"), "{loose}");
    for algorithm in ["none", "HS256", "RS256", "PS1024"] {
        let found = refused(|header| header["alg"] = algorithm.into());
        assert!(found.starts_with(&format!("signature algorithm {algorithm}:")));
    }
    let content = refused(|header| header["cty"] = "text/plain".into());
    assert!(content.starts_with("signed content of type `text/plain`"));
}

#[test]
fn a_jws_holds_one_signature_and_nothing_else() {
    let unknown = refused_around(|envelope| envelope["signatures"] = json!([]));
    assert!(unknown.contains("unknown field"), "{unknown}");
    let padded = refused_around(|envelope| {
        let signature = format!("{}==", envelope["signature"].as_str().unwrap());
        envelope["signature"] = signature.into();
    });
    assert_eq!(padded, "`signature` is not base64");
    let url = refused_around(|envelope| envelope["header"]["x5c"][0] = "_-8".into());
    assert_eq!(url, "`x5c` is not base64");
    let none = refused_around(|envelope| envelope["header"]["x5c"] = json!([]));
    assert!(none.starts_with("0 certificates"));
    let many = vec![STANDARD.encode("x"); 17];
    let many = refused_around(|envelope| envelope["header"]["x5c"] = many.into());
    assert!(many.starts_with("17 certificates"));
    let empty = refused_around(|envelope| envelope["payload"] = "".into());
    assert_eq!(empty, "`payload` is missing or not of its type");
    let twice = br#"{"payload":"","payload":""}"#;
    assert!(jws(twice).unwrap_err().to_string().contains("occurs twice"));
}

#[test]
fn f48_a_long_envelope_is_refused_before_it_is_read() {
    // A list of small numbers takes up thirty times its length once it is read.
    let mut long = vec![0xd2, 0x9a, 0x00, 0xff, 0xff, 0xff];
    long.resize(usize::try_from(notation::ENVELOPE_BYTES).unwrap() + 1, 0);
    assert!(matches!(cose(&long), Err(NotationError::Size { .. })));
    assert!(matches!(jws(&long), Err(NotationError::Size { .. })));
    // Lengths that nothing follows reserve no memory.
    assert!(cose(&[0xd2, 0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).is_err());
    assert!(cose(&[0xd2, 0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).is_err());
    // Nor does nesting exhaust the stack.
    let deep = [vec![0xd2], vec![0x81; 1 << 19], vec![0x00]].concat();
    assert!(cose(&deep).is_err());
}

/// A changed COSE envelope: its parts as CBOR, the signed headers decoded.
fn changed(change: impl FnOnce(&mut Vec<(Cbor, Cbor)>, &mut Vec<Cbor>)) -> Vec<u8> {
    let bytes = fixture("timestamped.cose");
    let message: Cbor = coset::cbor::de::from_reader(bytes.as_slice()).unwrap();
    let Cbor::Tag(tag, inner) = message else {
        panic!("tagged");
    };
    let Cbor::Array(mut parts) = *inner else {
        panic!("a list");
    };
    let protected = parts[0].as_bytes().unwrap();
    let header: Cbor = coset::cbor::de::from_reader(protected.as_slice()).unwrap();
    let mut header = header.into_map().unwrap();
    change(&mut header, &mut parts);
    let mut protected = Vec::new();
    coset::cbor::ser::into_writer(&Cbor::Map(header), &mut protected).unwrap();
    parts[0] = Cbor::Bytes(protected);
    let mut bytes = Vec::new();
    coset::cbor::ser::into_writer(&Cbor::Tag(tag, Box::new(Cbor::Array(parts))), &mut bytes)
        .unwrap();
    bytes
}

#[test]
fn cose_headers_are_held_to_the_same() {
    assert!(cose(&changed(|_, _| {})).is_ok());
    let set = |name: &'static str, value: Cbor| {
        changed(move |header, _| header.push((Cbor::Text(name.into()), value)))
    };
    // A header that is there twice, whole numbers without the tag of times, fractions.
    let twice = set("io.cncf.notary.signingScheme", "notary.x509".into());
    assert!(matches!(cose(&twice), Err(NotationError::Cbor { .. })));
    for time in [
        Cbor::Integer(1.into()),
        Cbor::Tag(1, Box::new(Cbor::Float(1.5))),
        Cbor::Tag(0, Box::new("2030-01-01T00:00:00Z".into())),
        Cbor::Tag(1, Box::new(Cbor::Integer(i64::MAX.into()))),
    ] {
        let expiry = cose(&set("io.cncf.notary.expiry", time)).unwrap_err();
        assert!(matches!(
            expiry,
            NotationError::Missing {
                name: "io.cncf.notary.expiry"
            }
        ));
    }
    let late = Cbor::Tag(1, Box::new(Cbor::Integer(4_000_000_000_u64.into())));
    assert!(matches!(
        cose(&set("io.cncf.notary.expiry", late)),
        Err(NotationError::NotCritical { .. })
    ));
    let critical = |label: Cbor| {
        changed(move |header, _| {
            let crit = header
                .iter_mut()
                .find(|(name, _)| *name == Cbor::Integer(2.into()));
            crit.unwrap().1.as_array_mut().unwrap().push(label);
        })
    };
    for label in [Cbor::Text("other".into()), Cbor::Integer(4.into())] {
        let refused = cose(&critical(label)).unwrap_err();
        assert!(
            matches!(refused, NotationError::Critical { .. }),
            "{refused}"
        );
    }
    let plain = changed(|_, parts| parts[1] = Cbor::Map(Vec::new()));
    assert!(matches!(
        cose(&plain),
        Err(NotationError::Missing { name: "x5chain" })
    ));
    let detached = changed(|_, parts| parts[2] = Cbor::Null);
    assert!(matches!(
        cose(&detached),
        Err(NotationError::Missing { name: "payload" })
    ));
    let mut longer = fixture("timestamped.cose");
    longer.push(0);
    assert!(matches!(cose(&longer), Err(NotationError::Cbor { .. })));
    let untagged = &fixture("timestamped.cose")[1..];
    assert!(matches!(cose(untagged), Err(NotationError::Cbor { .. })));
}

#[test]
fn f13_the_headers_are_signed_as_they_came() {
    // The same headers in another order mean the same, and are other bytes.
    let other = changed(|header, _| header.reverse());
    let (other, own) = (
        cose(&other).unwrap(),
        cose(&fixture("timestamped.cose")).unwrap(),
    );
    assert_eq!(other.attributes(), own.attributes());
    assert_ne!(other.signed(), own.signed());
}

#[test]
fn f09_a_manifest_is_a_signature_of_what_it_refers_to() {
    let subject = Digest::sha256(b"image");
    let manifest = |change: &dyn Fn(&mut Value)| {
        let mut document = json!({
            "schemaVersion": 2,
            "mediaType": media_type::IMAGE_MANIFEST,
            "artifactType": notation::ARTIFACT_TYPE,
            "config": Descriptor::of(media_type::EMPTY, b"{}"),
            "layers": [Descriptor::of(notation::COSE, b"envelope")],
            "subject": Descriptor::of(media_type::IMAGE_MANIFEST, b"image"),
            "annotations": {"io.cncf.notary.x509chain.thumbprint#S256": "[\"AB\"]"},
        });
        change(&mut document);
        Manifest::parse(document.to_string().into_bytes(), &Limits::default()).unwrap()
    };
    let refused = |change: &dyn Fn(&mut Value)| {
        let manifest = manifest(change);
        notation::signature_layer(&manifest, &subject)
            .unwrap_err()
            .to_string()
    };
    let good = manifest(&|_| {});
    let (layer, form) = notation::signature_layer(&good, &subject).unwrap();
    assert_eq!((layer.size, form), (8, EnvelopeForm::Cose));
    let listed = notation::thumbprints(&good, &Limits::default());
    assert_eq!(listed.unwrap(), ["AB"]);
    let older = manifest(&|document| {
        let members = document.as_object_mut().unwrap();
        members.remove("artifactType").unwrap();
        document["config"]["mediaType"] = notation::ARTIFACT_TYPE.into();
    });
    assert!(notation::signature_layer(&older, &subject).is_ok());
    let other = Digest::sha256(b"other image").to_string();
    assert!(refused(&|d| d["subject"]["digest"] = other.clone().into()).contains("something else"));
    assert!(refused(&|d| d["subject"] = Value::Null).contains("something else"));
    assert!(refused(&|d| d["artifactType"] = "x/y".into()).contains("another artifact type"));
    assert!(refused(&|d| d["config"]["mediaType"] = "x/y".into()).contains("empty one"));
    assert!(refused(&|d| d["layers"] = json!([])).contains("exactly one layer"));
    assert!(refused(&|d| d["layers"][0]["mediaType"] = "x/y".into()).contains("x/y"));
}

proptest! {
    #[test]
    fn changed_envelopes_are_refused_or_read(at in 0_usize..8000, byte: u8, cut in 0_usize..8000) {
        for (name, form) in [
            ("own-root.jws.json", EnvelopeForm::Jws),
            ("own-root.cose", EnvelopeForm::Cose),
        ] {
            let mut bytes = fixture(name);
            let length = bytes.len();
            bytes[at % length] = byte;
            drop(NotationEnvelope::parse(form, &bytes, &Limits::default()));
            bytes.truncate(cut % length);
            prop_assert!(NotationEnvelope::parse(form, &bytes, &Limits::default()).is_err());
        }
    }

    #[test]
    fn any_bytes_are_no_envelope(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(jws(&bytes));
        drop(cose(&bytes));
        drop(cose(&[&[0xd2, 0x84], bytes.as_slice()].concat()));
    }
}
