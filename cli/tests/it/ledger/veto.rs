//! A rejection and the veto it tells of.

use super::{codes, company};
use crate::company::{COMMIT, provenance};

#[test]
fn a_rejection_warns_and_the_command_it_tells_of_stops() {
    let sandbox = company();
    sandbox.done("checkpoint --first --key alice.key --state keeper.json");
    let unsaid = sandbox.run("reject image:1.0 --to prod --key alice.key --yes");
    assert_eq!(unsaid.code, 2, "{}", unsaid.talk);
    assert!(unsaid.talk.contains("--reason"), "{}", unsaid.talk);
    sandbox.attest_build("image:1.0", &provenance("pay", COMMIT), "");
    for step in [
        "sbom image:1.0 -o sbom.json",
        "attest image:1.0 --sbom sbom.json --key ci.key",
        "promote image:1.0 --to dev --key ci.key",
        "approve image:1.0 --to prod --key alice.key --yes",
    ] {
        sandbox.done(step);
    }
    let rejected = sandbox
        .done("reject image:1.0 --to prod --reason canary --key alice.key --yes --output json")
        .json();
    assert_eq!(rejected["decision"], "reject");
    let told = sandbox.done("reject image:1.0 --to prod --reason canary --key alice.key --yes");
    assert!(
        told.data.contains("warns and stops nothing"),
        "{}",
        told.data
    );
    // Whoever judges the step is told, and not stopped.
    let dry = sandbox.done("promote image:1.0 --to prod --key ci.key --dry-run --output json");
    let warned = codes(&dry.json()["verdict"]);
    assert!(
        warned.contains(&"approval-rejected".to_owned()),
        "{warned:?}"
    );
    // The veto is typed as it is told.
    let veto = rejected["veto"].as_str().unwrap();
    let veto = veto.trim_start_matches("bulla ");
    sandbox.done(&format!("{veto} --key alice.key --state keeper.json --yes"));
    let stopped = sandbox.run("promote image:1.0 --to prod --key ci.key --output json");
    assert_eq!(stopped.code, 14, "{}{}", stopped.data, stopped.talk);
}
