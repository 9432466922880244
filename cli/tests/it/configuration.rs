//! Settings: where they come from, and who may set what.

use crate::sandbox::{Answer, Sandbox};

#[test]
fn every_setting_names_its_source() {
    let sandbox = Sandbox::new();
    sandbox.write("bulla.yaml", "key: keys/a.key\nquiet: true\n");
    sandbox.write("inner/.keep", "");
    sandbox.write(".config/bulla/bulla.yaml", "quiet: false\ncolor: never\n");
    let mut command = sandbox.command("settings --output json --timeout 5s");
    command
        .current_dir(sandbox.path("inner"))
        .env("COSIGN_REPOSITORY", "a.test/sigs");
    let shown = Answer::of(&command.output().unwrap()).json();
    let origin = |name: &str| {
        let all = shown["settings"].as_array().unwrap().iter();
        let one = all.clone().find(|one| one["name"] == name).unwrap();
        (
            one["value"].as_str().unwrap().to_owned(),
            one["origin"].as_str().unwrap().to_owned(),
        )
    };
    assert_eq!(
        origin("timeout"),
        ("5s".to_owned(), "command line".to_owned())
    );
    assert_eq!(origin("repository").1, "variable COSIGN_REPOSITORY");
    assert!(origin("key").0.ends_with("keys/a.key"));
    assert!(
        origin("key").1.ends_with("bulla.yaml:1:6"),
        "{:?}",
        origin("key")
    );
    assert_eq!(origin("quiet").0, "true", "the nearer file wins");
    assert!(
        origin("color").1.contains(".config"),
        "{:?}",
        origin("color")
    );
    assert_eq!(origin("policy").1, "default");
}

#[test]
fn unknown_settings_are_refused_with_their_place() {
    let sandbox = Sandbox::new();
    sandbox.write("bulla.yaml", "quiet: true\ncolour: never\n");
    let answer = sandbox.run("settings");
    assert_eq!(answer.code, 2);
    assert!(answer.talk.contains("bulla.yaml:2:1"), "{}", answer.talk);
}

#[test]
fn in_ci_the_checkout_does_not_decide_what_is_believed() {
    let sandbox = Sandbox::new();
    sandbox.write("bulla.yaml", "policy: policy\n");
    assert_eq!(sandbox.run("settings").code, 0);
    let output = sandbox
        .command("settings")
        .env("CI", "true")
        .output()
        .unwrap();
    let answer = Answer::of(&output);
    assert_eq!(answer.code, 2);
    assert!(
        answer.talk.contains("may be part of the change under test"),
        "{}",
        answer.talk
    );
    sandbox.write("trusted.yaml", "policy: policy\n");
    let named = sandbox
        .command("settings --config trusted.yaml")
        .env("CI", "true")
        .output()
        .unwrap();
    assert_eq!(
        named.status.code(),
        Some(0),
        "a file that was named is no discovery"
    );
}

#[test]
fn the_checkout_names_no_module_to_load_and_its_key_is_named() {
    let sandbox = Sandbox::new().with_key();
    sandbox.write("artifact", "x");
    sandbox.write("bulla.yaml", "quiet: true\nkey: bulla.key\n");
    let answer = sandbox.done("sign artifact --bundle out.json");
    let place = format!("({}:2:6)", sandbox.path("bulla.yaml").display());
    assert!(answer.talk.contains(&place), "{}", answer.talk);
    sandbox.write(
        "bulla.yaml",
        "key: pkcs11:token=t;object=o?module-path=/proc/self/cwd/evil.so\n",
    );
    let answer = sandbox.run("sign artifact --bundle other.json");
    assert_eq!(answer.code, 2, "{}", answer.talk);
    assert!(answer.talk.contains("but a file"), "{}", answer.talk);
}

#[test]
fn settings_show_no_pin_and_no_password() {
    let sandbox = Sandbox::new();
    let output = sandbox
        .command("settings")
        .env("BULLA_KEY", "pkcs11:token=t;object=o?pin-value=hunter2")
        .env("BULLA_REKOR_URL", "https://user:hunter2@rekor.example.test")
        .output()
        .unwrap();
    let answer = Answer::of(&output);
    assert!(answer.data.contains("token=t;object=o"), "{}", answer.data);
    assert!(
        answer.data.contains("rekor.example.test"),
        "{}",
        answer.data
    );
    assert!(!answer.data.contains("hunter2"), "{}", answer.data);
}

#[test]
fn colour_is_never_forced_on_anybody() {
    let sandbox = Sandbox::new();
    let escapes = |arguments: &str| sandbox.run(arguments).data.contains('\u{1b}');
    assert!(!escapes("settings"), "no colour into a pipe");
    assert!(escapes("settings --color always"));
    assert!(!escapes("settings --color never"));
}

#[test]
fn quiet_keeps_data_and_errors() {
    let sandbox = Sandbox::new().with_image();
    let quiet = sandbox.run("sbom image --quiet");
    assert_eq!(quiet.talk, "");
    assert!(quiet.data.contains("CycloneDX"));
    assert!(sandbox.run("sbom absent --quiet").talk.contains("error:"));
}
