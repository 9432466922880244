//! Accounts and relays that policies and anchors may not have.

use bulla_model::Limits;
use bulla_verify::{Anchor, Policy};

use super::anchor;
use crate::kit::{self, World};

#[test]
fn an_account_is_one_person_s() {
    let twice = |line: &str| {
        let mut world = World::empty();
        let emails = "    emails: [bob@acme.example]\n";
        world.edit("people.yaml", emails, &format!("{emails}    {line}\n"));
        let emails = "    emails: [carol@acme.example]\n";
        let account = "accounts: [{platform: github.com, id: 17}]";
        world.edit("people.yaml", emails, &format!("{emails}    {account}\n"));
        match Policy::parse(&world.files, &Limits::default()) {
            Ok(_) => "accepted".to_owned(),
            Err(error) => error.to_string(),
        }
    };
    for line in [
        "accounts: []",
        "accounts: [{platform: github.com, id: 18}]",
        "accounts: [{platform: gitlab.com, id: 17}]",
    ] {
        assert_eq!(twice(line), "accepted", "{line}");
    }
    let said = twice("accounts: [{platform: github.com, id: 17}]");
    let expected = "account 17 on github.com is listed for `bob` and for `carol`";
    assert!(said.contains(expected), "{said}");
    for line in [
        "accounts: [{platform: GitHub.com, id: 17}]",
        "accounts: [{platform: https://github.com, id: 17}]",
        "accounts: [{platform: github.com, id: 0}]",
        "accounts: [{platform: github.com, id: -17}]",
        "accounts: [{platform: github.com, id: alice}]",
        "accounts: [{platform: github.com}]",
        "accounts: [{platform: github.com, id: 1, login: bob}]",
        "accounts: [{platform: github.com, id: 17, notAfter: 2026-03-02T11:00:00Z}]",
        "accounts: [{platform: github.com, id: 1}, {platform: github.com, id: 1}]",
    ] {
        assert_ne!(twice(line), "accepted", "{line}");
    }
}

#[test]
fn a_relay_that_could_say_anything_is_refused() {
    let read = |from: &str, to: &str| {
        let text = anchor("relay");
        assert!(text.contains(from), "{from}");
        let text = text.replace(from, to);
        match Anchor::parse("anchor.yaml", text.as_bytes(), &Limits::default()) {
            Ok(_) => "accepted".to_owned(),
            Err(error) => error.to_string(),
        }
    };
    assert_eq!(read("files", "files"), "accepted");
    let repository = "[\"https://code.example.test/acme/deploy\"]";
    let by = format!("[{{key: {}}}]", kit::policy::key("relay"));
    for (from, to, expected) in [
        (repository, "[]", "`repositories` is empty"),
        (repository, "[\"**\"]", "no repository of code.example.test"),
        (
            repository,
            "[\"https://code.example.test/**\"]",
            "no repository of code.example.test",
        ),
        (
            repository,
            "[\"https://github.com/acme/deploy\"]",
            "no repository of code.example.test",
        ),
        ("[\"prod/*.yaml\"]", "[\"**\"]", "matches every file"),
        ("[\"prod/*.yaml\"]", "[]", "`files` is empty"),
        ("[\"env://acme/pay/prod\"]", "[]", "`environments` is empty"),
        ("platform: code", "platform: https://code", "is no platform"),
        ("    files", "    paths", "unknown field `paths`"),
        (&by, "[]", "`by` is empty"),
        (
            &by,
            "[{issuer: \"https://i.example.test\"}]",
            "expected `subject`",
        ),
    ] {
        let said = read(from, to);
        assert!(said.contains(expected), "{to}: {said}");
    }
}
