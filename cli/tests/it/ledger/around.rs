//! What status, chain and why say of what was revoked.

use bulla_model::Digest;
use serde_json::json;

use super::{company, release};

#[test]
fn what_was_revoked_is_shown_as_such_everywhere() {
    let sandbox = company();
    let file = std::fs::read_dir(sandbox.path("policy/services")).unwrap();
    let file = file.map(|entry| entry.unwrap().file_name()).next().unwrap();
    let name = format!("policy/services/{}", file.to_str().unwrap());
    let service = sandbox.read(&name);
    let kept: Vec<_> = service
        .lines()
        .filter(|line| !line.starts_with("images:"))
        .collect();
    sandbox.write(
        &name,
        &format!("{}\nimages: [\"oci:image\"]\n", kept.join("\n")),
    );
    sandbox.done("checkpoint --first --key alice.key --state keeper.json");
    release(&sandbox, "image:1.0");
    let status = |code: i32| {
        let answer = sandbox.run("status --output json");
        assert_eq!(answer.code, code, "{} {}", answer.data, answer.talk);
        answer.json()["services"][0].clone()
    };
    assert_eq!(status(0)["held"]["prod"].get("code"), None);

    let revoked = sandbox
        .done("revoke image:1.0 --reason leaks --yes --key alice.key --state keeper.json")
        .data;
    // What --lift takes is printed whole.
    let payload = revoked
        .split_whitespace()
        .find_map(|word| word.parse::<Digest>().ok());
    assert!(payload.is_some(), "{revoked}");
    assert_eq!(
        status(0)["held"]["prod"]["code"],
        "revoked",
        "{:#}",
        status(0)
    );
    let shown = sandbox.done("status").data;
    assert!(shown.contains("(revoked)"), "{shown}");
    let chain = sandbox.done("chain image:1.0 --output json").json();
    let prod = chain["environments"].as_array().unwrap();
    let prod = prod.iter().find(|it| it["environment"] == "prod").unwrap();
    assert_eq!(
        (&prod["decision"], &prod["code"]),
        (&json!("deny"), &json!("revoked"))
    );
    let why = sandbox.run("why image:1.0 --env prod --output json");
    assert_eq!(why.code, 14, "{}", why.data);
    let remedies = why.json()["answers"][0]["toAllow"].to_string();
    assert!(!remedies.contains("bulla promote"), "{remedies}");
}

#[test]
fn what_was_revoked_needs_a_lift_and_nothing_else() {
    let sandbox = company();
    let early = sandbox.run("verify --env dev image:1.0");
    assert_ne!(early.code, 0, "{}", early.data);
    assert!(
        early.talk.contains("bulla checkpoint --first"),
        "{}",
        early.talk
    );
    sandbox.done("checkpoint --first --key alice.key --state keeper.json");
    sandbox.done("revoke image:1.0 --reason leaks --yes --key alice.key --state keeper.json");
    let why = sandbox.run("why image:1.0 --env prod --output json").json();
    let remedies = why["answers"][0]["toAllow"].as_array().unwrap();
    assert_eq!(remedies.len(), 1, "{why:#}");
    assert!(remedies[0].to_string().contains("--lift"), "{why:#}");
}
