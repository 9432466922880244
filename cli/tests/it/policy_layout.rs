//! `bulla policy fmt`: one layout, nothing lost, nothing written that is not wanted.

use crate::sandbox::{Answer, Sandbox};

fn company() -> Sandbox {
    Sandbox::new()
        .with_image()
        .with_keys(&["alice", "ci"])
        .initialised()
}

/// Another layout, with a comment that has to stay.
fn shuffle(sandbox: &Sandbox) -> String {
    let text = sandbox.read("policy/release.yaml");
    let other = text
        .replace(
            "apiVersion: bulla.dev/policy/v0.1\nname: release\n",
            "name:   'release'   # ours\napiVersion: bulla.dev/policy/v0.1\n",
        )
        .replace("\n\n", "\n\n\n");
    assert_ne!(text, other);
    sandbox.write("policy/release.yaml", &other);
    other
}

fn piped(sandbox: &Sandbox, arguments: &str, input: &str) -> Answer {
    let mut command = sandbox.command(arguments);
    Answer::of(&command.write_stdin(input).output().unwrap())
}

#[test]
fn what_bulla_writes_is_in_the_layout() {
    let sandbox = company();
    let told = sandbox.done("policy fmt policy --check").data;
    assert!(told.contains("nothing to change"), "{told}");
    sandbox.done("policy add-service wiki --source https://github.com/acme/wiki --owner alice");
    sandbox.done("policy fmt --check");
    let before = sandbox.read("policy/release.yaml");
    sandbox.done("policy fmt");
    assert_eq!(sandbox.read("policy/release.yaml"), before);
}

#[test]
fn a_policy_is_laid_out_once_and_says_the_same() {
    let sandbox = company();
    let original = sandbox.read("policy/release.yaml");
    let other = shuffle(&sandbox);
    let explained = sandbox.done("policy explain").data;
    let refused = sandbox.run("policy fmt --check");
    assert_eq!(refused.code, 1, "{}", refused.talk);
    for line in [
        "policy/release.yaml",
        "-name:   'release'   # ours",
        "+name: \"release\"  # ours",
        "raise `version`",
    ] {
        assert!(refused.data.contains(line), "{line}: {}", refused.data);
    }
    assert_eq!(
        sandbox.read("policy/release.yaml"),
        other,
        "--check writes nothing"
    );
    let json = sandbox.run("policy fmt --check --output json");
    assert_eq!(json.code, 1);
    let json = json.json();
    assert_eq!(json["files"].as_array().unwrap().len(), 1, "{json}");
    assert_eq!(json["written"], false);
    let told = sandbox.done("policy fmt --output json").json();
    assert_eq!(
        (&told["written"], &told["signed"]),
        (&true.into(), &false.into())
    );
    let now = sandbox.read("policy/release.yaml");
    assert_eq!(
        now,
        original.replace("name: release\n", "name: \"release\"  # ours\n")
    );
    assert_eq!(
        sandbox
            .names()
            .iter()
            .filter(|name| name.contains("partial"))
            .count(),
        0
    );
    sandbox.done("policy fmt --check");
    // But for the places, which are others.
    let words = |text: &str| {
        let lines = text
            .lines()
            .map(|line| line.split("   [").next().unwrap_or_default().to_owned());
        lines
            .filter(|line| !line.contains("sha256"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        words(&explained),
        words(&sandbox.done("policy explain").data)
    );
}

#[test]
fn what_is_no_policy_is_left_as_it_is() {
    let sandbox = company();
    let other = shuffle(&sandbox);
    sandbox.write(
        "policy/people.yaml",
        "people:\n  alice:\n    identities: [\n",
    );
    let refused = sandbox.run("policy fmt");
    assert_eq!(refused.code, 2, "{}", refused.data);
    assert!(refused.talk.contains("people.yaml:3:"), "{}", refused.talk);
    assert_eq!(sandbox.read("policy/release.yaml"), other);
    assert_eq!(sandbox.run("policy fmt --check").code, 2);
    assert_eq!(sandbox.run("policy fmt nowhere").code, 2);
}

#[test]
fn one_file_goes_through_a_pipe() {
    let sandbox = company();
    let answer = piped(
        &sandbox,
        "policy fmt -",
        "tier:  high\n# who\nservice: a\nsources: [ b ]\n",
    );
    assert_eq!(answer.code, 0, "{}", answer.talk);
    assert_eq!(
        answer.data,
        "tier: high\n".replace(
            "tier: high\n",
            "# who\nservice: a\ntier: high\nsources: [b]\n"
        )
    );
    let refused = piped(&sandbox, "policy fmt - --check", "a:   1\n");
    assert_eq!(refused.code, 1, "{}", refused.talk);
    assert!(refused.data.contains("+a: 1"), "{}", refused.data);
    let json = piped(&sandbox, "policy fmt - --output json", "a:   1\n").json();
    assert_eq!(json["text"], "a: 1\n");
    for (wrong, place) in [
        ("a: 1\na: 2\n", "standard input:2"),
        ("a: [\n", "standard input:1"),
    ] {
        let refused = piped(&sandbox, "policy fmt -", wrong);
        assert_eq!((refused.code, refused.data.as_str()), (2, ""), "{wrong}");
        assert!(refused.talk.contains(place), "{}", refused.talk);
    }
}

#[test]
fn signed_files_are_changed_only_when_that_is_wanted() {
    let sandbox = company();
    let other = shuffle(&sandbox);
    sandbox.done("policy sign --key alice.key --yes");
    let refused = sandbox.run("policy fmt");
    assert_eq!(refused.code, 2, "{}", refused.data);
    assert!(refused.talk.contains("--yes"), "{}", refused.talk);
    assert_eq!(sandbox.read("policy/release.yaml"), other);
    let told = sandbox.run("policy fmt --check");
    assert_eq!(told.code, 1);
    assert!(told.data.contains("bulla policy sign"), "{}", told.data);
    let told = sandbox.done("policy fmt --yes").data;
    assert!(told.contains("bulla policy sign"), "{told}");
    assert_ne!(sandbox.read("policy/release.yaml"), other);
    // No signature is about what is there now.
    sandbox.done("policy fmt");
}

#[test]
fn earlier_versions_are_left_as_they_are() {
    let sandbox = company();
    let other = shuffle(&sandbox);
    let before = sandbox.done("policy check --output json").json();
    let digest = before["sources"][0]["digest"].as_str().unwrap().to_owned();
    for file in ["release.yaml", "people.yaml"] {
        let text = sandbox.read(&format!("policy/{file}"));
        sandbox.write(&format!("policy/history/v1/{file}"), &text);
    }
    for file in std::fs::read_dir(sandbox.path("policy/services")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let text = sandbox.read(&format!("policy/services/{name}"));
        sandbox.write(&format!("policy/history/v1/services/{name}"), &text);
    }
    let next = other.replace(
        "version: 1\n",
        &format!("version: 2\nhistory:\n- digest: {digest}\n  version: 1\n"),
    );
    sandbox.write("policy/release.yaml", &next);
    sandbox.done("policy fmt");
    assert_eq!(sandbox.read("policy/history/v1/release.yaml"), other);
    let text = sandbox.read("policy/release.yaml");
    assert!(
        text.contains(&format!("history:\n  - version: 1\n    digest: {digest}\n")),
        "{text}"
    );
    sandbox.done("policy check");
}
