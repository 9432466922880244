//! What went out of service, and a registry that serves it as it was before.

use super::*;

const SIGN: &str = "--key alice.key --state keeper.json";

/// In prod, where `ci` may also retire.
fn retirable() -> Sandbox {
    let sandbox = company();
    let rules = sandbox.read("policy/release.yaml");
    let rule = "edges:\n  - {to: prod, kind: retire, by: [promoter], require: {}}\n";
    let rules = rules.replacen("edges:\n", rule, 1);
    sandbox.write("policy/release.yaml", &rules);
    sandbox.done(&format!("checkpoint --first {SIGN}"));
    release(&sandbox, "image:1.0");
    sandbox
}

/// Serves the images as they were when they were copied.
fn serve(sandbox: &Sandbox, copied: &str) {
    std::fs::remove_dir_all(sandbox.path("image")).unwrap();
    copy(&sandbox.path(copied), &sandbox.path("image"));
}

fn in_prod(sandbox: &Sandbox, image: &str) -> (i32, Vec<String>) {
    let answer = sandbox.run(&format!(
        "verify --env prod {image} --state seen.json --output json"
    ));
    (answer.code, codes(&answer.json()["verdicts"][0]["verdict"]))
}

#[test]
fn an_image_that_went_out_of_service_stays_out_whatever_is_served() {
    for recorded_before in [false, true] {
        let sandbox = retirable();
        if recorded_before {
            sandbox.done(&format!("checkpoint --latest image:1.0 {SIGN}"));
        }
        copy(&sandbox.path("image"), &sandbox.path("before"));
        let retired = sandbox
            .done("promote image:1.0 --to prod --kind retire --key ci.key --output json")
            .json();
        let (code, found) = in_prod(&sandbox, "image:1.0");
        assert_eq!(
            (code, found.contains(&"promotion-retired".to_owned())),
            (1, true)
        );
        // Until then a registry could hide it, so whoever takes it out is told to have it recorded.
        let command = retired["toRecord"].as_str().unwrap();
        let command = command.strip_prefix("bulla ").unwrap();
        let written = sandbox.done(&format!("{command} {SIGN}"));
        assert!(written.data.contains("1 retired"), "{}", written.data);
        // It took the place in prod.
        let said = newest(&sandbox.path("ledger"), &the_scope());
        assert_eq!(
            said["retired"][0]["retirement"], retired["promotion"],
            "{said:#}"
        );
        let slots = said["slots"].as_array().unwrap();
        let mut slots = slots.iter();
        let prod = slots.find(|slot| slot["environment"] == "env://acme/pay/prod");
        assert_eq!(prod.unwrap()["head"], retired["promotion"], "{said:#}");
        copy(&sandbox.path("image"), &sandbox.path("after"));
        serve(&sandbox, "before");
        let (code, found) = in_prod(&sandbox, "image:1.0");
        assert_eq!(
            (code, found.contains(&"promotion-retired".to_owned())),
            (3, true)
        );
        // Where the owner is shown the image as it was, nothing of it is forgotten.
        sandbox.done(&format!("checkpoint --latest image:1.0 {SIGN}"));
        assert_eq!(in_prod(&sandbox, "image:1.0").0, 3);
        serve(&sandbox, "after");
        assert_eq!(in_prod(&sandbox, "image:1.0").0, 1);
    }
}

#[test]
fn a_later_release_in_its_place_does_not_bring_it_back() {
    let sandbox = retirable();
    copy(&sandbox.path("image"), &sandbox.path("before"));
    let retired = sandbox.done("promote image:1.0 --to prod --kind retire --key ci.key");
    let hint = "the ledger's owner runs bulla checkpoint ledger://acme/pay --latest ";
    assert!(retired.data.contains(hint), "{}", retired.data);
    sandbox.done(&format!("checkpoint --latest image:1.0 {SIGN}"));
    sandbox.add_release("2.0");
    release(&sandbox, "image:2.0");
    sandbox.done(&format!("checkpoint --latest image:2.0 --keep 0 {SIGN}"));
    assert_eq!(in_prod(&sandbox, "image:2.0").0, 0);
    assert_eq!(in_prod(&sandbox, "image:1.0").0, 1);
    serve(&sandbox, "before");
    assert_eq!(in_prod(&sandbox, "image:1.0").0, 3);
    // So does a revocation, which writes a checkpoint too.
    sandbox.done(&format!(
        "revoke --builder https://b.example --reason x --yes {SIGN}"
    ));
    assert_eq!(in_prod(&sandbox, "image:1.0").0, 3);
}

#[test]
fn an_older_release_that_was_not_retired_stays() {
    let sandbox = retirable();
    sandbox.add_release("2.0");
    release(&sandbox, "image:2.0");
    sandbox.done("promote image:2.0 --to prod --kind retire --key ci.key");
    sandbox.done(&format!("checkpoint --latest image:2.0 {SIGN}"));
    assert_eq!(in_prod(&sandbox, "image:2.0").0, 1);
    assert_eq!(in_prod(&sandbox, "image:1.0").0, 0);
    // And what comes next follows.
    sandbox.add_release("3.0");
    release(&sandbox, "image:3.0");
    assert_eq!(in_prod(&sandbox, "image:3.0").0, 0);
}
