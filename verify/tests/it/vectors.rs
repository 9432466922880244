//! Public vectors through the code that checks signatures: Wycheproof, and the cases in which
//! Ed25519 implementations disagree.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bulla_verify::{PublicKey, SignatureScheme};
use serde_json::Value;

pub(crate) fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    root.unwrap().to_owned()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the crate reads no files; its tests read vectors"
)]
pub(crate) fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files and folders in a folder, sorted; none if it is not there.
pub(crate) fn entries(folder: &Path) -> Vec<PathBuf> {
    let listed = folder.read_dir().into_iter().flatten();
    let mut paths: Vec<PathBuf> = listed.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[expect(clippy::print_stdout, reason = "scores, and what was not run")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

/// What Bulla says of a signature; a key it does not take made none.
fn holds(scheme: SignatureScheme, spki: &str, message: &str, signature: &str) -> bool {
    let bytes = |hex: &str| hex::decode(hex).unwrap();
    PublicKey::from_spki(&bytes(spki))
        .is_ok_and(|key| key.made(scheme, &bytes(message), &bytes(signature)))
}

#[test]
fn the_chosen_wycheproof_cases_are_answered_as_expected() {
    let vectors = root().join("testdata/verify/wycheproof/signatures.jsonl");
    let mut schemes = BTreeMap::<String, [usize; 2]>::new();
    for line in text(&vectors).lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let field = |name: &str| case[name].as_str().unwrap();
        let scheme = SignatureScheme::named(field("alg")).unwrap();
        let expected = case["expect"].as_bool().unwrap();
        let found = holds(
            scheme,
            field("spki_der_hex"),
            field("msg_hex"),
            field("sig_hex"),
        );
        assert_eq!(found, expected, "{} with {scheme:?}", case["id"]);
        schemes.entry(field("alg").to_owned()).or_default()[usize::from(expected)] += 1;
    }
    assert!(schemes.len() >= 15, "{schemes:?}");
    for (name, [refused, accepted]) in &schemes {
        assert!(*refused > 0 && *accepted > 0, "{name} has both answers");
    }
}

/// Signature files of Wycheproof that Bulla has no scheme for, by name.
const UNSUPPORTED: [&str; 1] = ["ed448_test.json"];

#[test]
fn every_wycheproof_case_of_a_supported_scheme_is_answered_as_expected() {
    let folder = root().join("../shared/corpora/wycheproof");
    if !folder.is_dir() {
        say(&format!("SKIPPED {} is not there", folder.display()));
        return;
    }
    let mut run = 0;
    let mut skipped = 0;
    let mut wrong = Vec::new();
    for path in entries(&folder) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let document: Value = serde_json::from_str(&text(&path)).unwrap();
        for group in document["testGroups"].as_array().unwrap() {
            let Some(key) = group["publicKeyDer"].as_str() else {
                continue;
            };
            let tests = group["tests"].as_array().unwrap();
            let Some(scheme) = scheme(group) else {
                assert!(UNSUPPORTED.contains(&name.as_str()), "{name}: {group}");
                skipped += tests.len();
                continue;
            };
            for test in tests {
                let field = |name: &str| test[name].as_str().unwrap();
                let found = holds(scheme, key, field("msg"), field("sig"));
                let expected = match field("result") {
                    "valid" => true,
                    // Acceptable is a digest without its NULL in PKCS#1 v1.5; RFC 8017 wants it.
                    "invalid" | "acceptable" => false,
                    other => panic!("{other}"),
                };
                if found == expected {
                    run += 1;
                } else {
                    wrong.push(format!("{name} {}: {found}", test["tcId"]));
                }
            }
        }
    }
    let all = run + skipped + wrong.len();
    say(&format!("Wycheproof: {run} of {all}"));
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!((run, skipped), (8138 - 87, 87));
}

/// The scheme of a Wycheproof group.
fn scheme(group: &Value) -> Option<SignatureScheme> {
    let field = |name: &str| group[name].as_str().unwrap_or_default().to_owned();
    let hash = field("sha").to_lowercase().replace('-', "");
    let curve = match group["publicKey"]["curve"].as_str() {
        Some("secp256r1") => "p256",
        Some("secp384r1") => "p384",
        Some("secp521r1") => "p521",
        Some("edwards25519") => "ed25519",
        _ => "",
    };
    let name = match field("type").as_str() {
        "EcdsaVerify" => format!("ecdsa-{curve}-{hash}"),
        "EcdsaP1363Verify" => format!("ecdsa-{curve}-{hash}-p1363"),
        "EddsaVerify" => curve.to_owned(),
        "RsassaPkcs1Verify" => format!("rsa-pkcs1-{hash}"),
        "RsassaPssVerify" if field("mgfSha") == field("sha") => {
            format!("rsa-pss-{hash}-salt{}", group["sLen"])
        }
        _ => return None,
    };
    SignatureScheme::named(&name)
}

#[test]
fn tob6_a_scheme_takes_keys_of_its_own_kind_alone() {
    let vectors = root().join("testdata/verify/wycheproof/signatures.jsonl");
    for line in text(&vectors).lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let field = |name: &str| case[name].as_str().unwrap();
        if case["expect"] == false {
            continue;
        }
        let own = field("alg");
        for scheme in SignatureScheme::all().filter(|scheme| scheme.name() != own) {
            let found = holds(
                scheme,
                field("spki_der_hex"),
                field("msg_hex"),
                field("sig_hex"),
            );
            assert!(!found, "{} passes as {scheme:?}", case["id"]);
        }
    }
}

#[test]
fn f20_a_signature_in_another_encoding_is_none() {
    // The same kind of key and hash, `r` and `s` in a row where DER is expected, and the reverse.
    let vectors = root().join("testdata/verify/wycheproof/signatures.jsonl");
    let mut seen = 0;
    for line in text(&vectors).lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let field = |name: &str| case[name].as_str().unwrap();
        let own = field("alg");
        let other = own
            .strip_suffix("-p1363")
            .map_or(format!("{own}-p1363"), ToOwned::to_owned);
        let Some(other) = SignatureScheme::named(&other) else {
            continue;
        };
        let found = holds(
            other,
            field("spki_der_hex"),
            field("msg_hex"),
            field("sig_hex"),
        );
        assert!(!found, "{} passes as {other:?}", case["id"]);
        seen += usize::from(case["expect"] == true);
    }
    assert!(seen > 5, "{seen} valid signatures");
}

#[test]
fn ed25519_is_strict() {
    // A key of small order: R = identity, S = 0 is a signature over every message for those who
    // do not look (RFC 8032 with the cofactor). SPKI prefix, then the point.
    let spki = |point: &str| format!("302a300506032b6570032100{point}");
    let identity = format!("01{}", "00".repeat(31));
    let low_order = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a";
    let scheme = SignatureScheme::named("ed25519").unwrap();
    for key in [identity.as_str(), low_order] {
        let signature = format!("{identity}{}", "00".repeat(32));
        for message in ["", "00", "616263"] {
            assert!(!holds(scheme, &spki(key), message, &signature), "{key}");
        }
    }
}
