//! `bulla in-toto` on the recorded demonstration of in-toto.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_model::in_toto::canonical_json;
use serde_json::{Value, json};

use crate::sandbox::{Answer, Sandbox};
use crate::signers::signature;

macro_rules! recorded {
    ($name:literal) => {
        include_str!(concat!("../../../testdata/verify/in-toto/", $name))
    };
}

/// A layout in an envelope, its links in a folder, its owner's key.
fn enveloped() -> Sandbox {
    let sandbox = Sandbox::new();
    for (name, text) in [
        ("root.layout", recorded!("envelope/root.layout")),
        ("alice.pub", recorded!("envelope/alice.pub")),
        (
            "links/clone-dsse.776a00e2.link",
            recorded!("envelope/clone-dsse.776a00e2.link"),
        ),
        (
            "links/update-version-dsse.776a00e2.link",
            recorded!("envelope/update-version-dsse.776a00e2.link"),
        ),
        (
            "links/package-dsse.2f89b927.link",
            recorded!("envelope/package-dsse.2f89b927.link"),
        ),
    ] {
        sandbox.write(name, text);
    }
    sandbox
}

/// The same as it was before envelopes, with an inspection.
fn traditional() -> Sandbox {
    let sandbox = Sandbox::new();
    for (name, text) in [
        ("root.layout", recorded!("traditional/root.layout")),
        ("alice.pub", recorded!("traditional/alice.pub")),
        (
            "links/clone.776a00e2.link",
            recorded!("traditional/clone.776a00e2.link"),
        ),
        (
            "links/update-version.776a00e2.link",
            recorded!("traditional/update-version.776a00e2.link"),
        ),
        (
            "links/package.2f89b927.link",
            recorded!("traditional/package.2f89b927.link"),
        ),
    ] {
        sandbox.write(name, text);
    }
    sandbox
}

const VERIFY: &str =
    "in-toto verify --layout root.layout --key alice.pub --links links --at 2026-03-01T00:00:00Z";

fn refused(answer: &Answer, code: i32, text: &str) {
    assert_eq!(answer.code, code, "{}{}", answer.data, answer.talk);
    let said = format!("{}{}", answer.data, answer.talk);
    assert!(said.contains(text), "{said}");
}

#[test]
fn a_layout_that_was_followed_is_verified() {
    let sandbox = enveloped();
    let answer = sandbox.done(VERIFY);
    assert!(answer.data.contains("VERIFIED made as the layout says"));
    assert!(answer.data.contains("no file was compared"));
    let answer = sandbox.done(&format!("{VERIFY} --explain"));
    assert!(
        answer.data.contains("expected a signature by sha256:"),
        "{}",
        answer.data
    );
    let json = sandbox.done(&format!("{VERIFY} --output json")).json();
    assert_eq!(json["verdict"]["decision"], "allow");
    assert_eq!(json["verdict"]["steps"][2]["name"], "package-dsse");
}

#[test]
fn every_refusal_has_its_exit_code() {
    let sandbox = enveloped();
    let later = VERIFY.replace("2026", "2031");
    refused(&sandbox.run(&later), 14, "it ends at 2030-06-03");
    sandbox.write("app.tar.gz", "tampered");
    let product = format!("{VERIFY} --product demo-project.tar.gz=app.tar.gz");
    refused(&sandbox.run(&product), 13, "with another digest");
    refused(
        &sandbox.run(&format!("{VERIFY} --product app.tar.gz")),
        13,
        "no product of this name",
    );
    sandbox.done("key generate --out other");
    let other = VERIFY.replace("alice.pub", "other.pub");
    refused(&sandbox.run(&other), 11, "none by this key");
    let both = format!("{VERIFY} --key other.pub");
    refused(&sandbox.run(&both), 11, "none by this key");
    let link = "links/package-dsse.2f89b927.link";
    let text = sandbox.read(link);
    let at = text.find("\"sig\": \"").unwrap() + 12;
    let flipped = if &text[at..=at] == "A" { "B" } else { "A" };
    sandbox.write(
        link,
        &format!("{}{flipped}{}", &text[..at], &text[at + 1..]),
    );
    refused(&sandbox.run(VERIFY), 12, "the signature does not match");
    std::fs::remove_file(sandbox.path(link)).unwrap();
    refused(
        &sandbox.run(VERIFY),
        10,
        "hint: pass the folder that has package-dsse.KEYID.link",
    );
    refused(
        &sandbox.run(&VERIFY.replace("--links links", "--links none")),
        2,
        "none",
    );
    refused(
        &sandbox.run(&format!("{VERIFY} --parameter x")),
        2,
        "expected NAME=VALUE",
    );
    refused(
        &sandbox.run(&format!("{VERIFY} --inspected x=y")),
        2,
        "NAME=BEFORE,AFTER",
    );
    // Not whole is not tampered with.
    let layout = sandbox.read("root.layout");
    sandbox.write("cut.layout", &layout[..layout.len() / 2]);
    let cut = VERIFY.replace("root.layout", "cut.layout");
    refused(&sandbox.run(&cut), 2, "cut.layout: no layout: line ");
}

#[test]
fn a_layout_that_was_not_filled_in_is_a_mistake_of_the_call() {
    let sandbox = enveloped().with_key();
    let recorded: Value = serde_json::from_str(&sandbox.read("root.layout")).unwrap();
    let payload = STANDARD.decode(recorded["payload"].as_str().unwrap());
    let mut layout: Value = serde_json::from_slice(&payload.unwrap()).unwrap();
    layout["steps"][0]["expected_products"] = json!([["ALLOW", "{WHERE}/*"], ["ALLOW", "*"]]);
    let signature = signature(&sandbox, &canonical_json(&layout).unwrap());
    let signatures = json!([{"keyid": "", "sig": hex::encode(signature)}]);
    let signed = json!({"signed": layout, "signatures": signatures});
    sandbox.write("root.layout", &signed.to_string());
    let ask = VERIFY.replace("alice.pub", "bulla.pub");
    refused(
        &sandbox.run(&format!("{ask} --parameter WHAT=src")),
        2,
        "in the layout: `WHERE`, which was not given",
    );
    sandbox.done(&format!("{ask} --parameter WHERE=src"));
}

#[test]
fn an_inspection_is_judged_by_the_folders_around_it() {
    let sandbox = traditional();
    let verify = VERIFY.replace("2026-03-01", "2022-11-20");
    let answer = sandbox.run(&verify);
    refused(&answer, 3, "it was not run: `tar xzf demo-project.tar.gz`");
    assert!(
        answer
            .data
            .contains("hint: run its command, then pass --inspected untar=BEFORE,AFTER")
    );

    // What the reference implementation leaves out is left out.
    sandbox.write("before/.keep", "");
    sandbox.write("before/untar.link", "");
    sandbox.write("after/.keep", "");
    sandbox.write("after/code.pyc", "");
    let asked = format!("{verify} --inspected untar=before,after");
    assert!(sandbox.done(&asked).data.contains("VERIFIED"));
    sandbox.write("after/demo-project/foo.py", "print('hacked')\n");
    refused(&sandbox.run(&asked), 1, "`demo-project/foo.py`");
}

#[test]
fn layouts_and_links_are_shown_unverified() {
    let sandbox = traditional();
    let answer = sandbox.done("inspect root.layout");
    for text in [
        "in-toto layout",
        "unverified",
        "2022-12-02T18:41:07Z",
        "update-version",
        "tar xzf",
    ] {
        assert!(answer.data.contains(text), "{text}: {}", answer.data);
    }
    let answer = sandbox.done("inspect links/package.2f89b927.link");
    assert!(
        answer.data.contains("demo-project.tar.gz"),
        "{}",
        answer.data
    );
    let sandbox = enveloped();
    let json = sandbox.done("inspect root.layout --output json").json();
    assert_eq!(json["content"]["kind"], "in-toto-layout");
    assert_eq!(json["verified"], false);
}

#[test]
fn f25_what_attestors_say_is_shown_as_claimed() {
    let sandbox = Sandbox::new();
    let collection = include_str!("../../../testdata/verify/witness/collection.json");
    sandbox.write("collection.json", collection);
    let answer = sandbox.done("inspect collection.json");
    let aws = answer
        .data
        .lines()
        .find(|line| line.contains("attestations/aws/v0.1"));
    assert!(
        aws.unwrap().contains("claimed, unverified"),
        "{}",
        answer.data
    );
    for text in ["spiffe://example.test/build", "2026-03-01T12:00:00Z"] {
        assert!(answer.data.contains(text), "{text}: {}", answer.data);
    }
    let json = sandbox.done("inspect collection.json --output json").json();
    assert_eq!(json["content"]["certificates"].as_array().unwrap().len(), 2);
}

#[test]
fn collections_are_verified_by_key() {
    let sandbox = Sandbox::new();
    for (name, text) in [
        (
            "collection.json",
            include_str!("../../../testdata/verify/witness/collection.json"),
        ),
        (
            "leaf.pub",
            include_str!("../../../testdata/verify/witness/leaf.pub"),
        ),
        ("app", include_str!("../../../testdata/verify/witness/app")),
    ] {
        sandbox.write(name, text);
    }
    let verify = "verify --key leaf.pub --bundle collection.json app --type";
    sandbox.done(&format!("{verify} witness-collection"));
    refused(&sandbox.run(&format!("{verify} slsaprovenance1")), 10, "");
}
