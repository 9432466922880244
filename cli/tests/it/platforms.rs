//! Evidence about each platform of an index, as a policy asks for it.

use crate::edges::{company, digest_of, proven, refused};
use crate::registries::registry;
use crate::sandbox::Sandbox;
use crate::summaries::with_both;

/// The company, whose step into dev takes provenance with that coverage, and an index of two platforms.
fn covered(coverage: &str) -> Sandbox {
    let sandbox = company();
    let rules = sandbox.read("policy/release.yaml").replace(
        "provenance: {by: [ci]}",
        &format!("provenance: {{by: [ci], coverage: {coverage}}}"),
    );
    sandbox.write("policy/release.yaml", &rules);
    with_both(&sandbox);
    sandbox
}

fn platform(sandbox: &Sandbox, release: &str) -> String {
    format!("oci:image@{}", digest_of(sandbox, release))
}

#[test]
fn each_platform_has_to_be_covered() {
    let sandbox = covered("platforms");
    proven(&sandbox, "image:both", "pay");
    let told = sandbox.run("promote image:both --to dev --key ci.key");
    refused(&told, 10, "linux/amd64: no provenance that counts");
    refused(&told, 10, "linux/arm64: no provenance that counts");
    proven(&sandbox, &platform(&sandbox, "1.0"), "pay");
    let told = sandbox.run("promote image:both --to dev --key ci.key");
    refused(&told, 10, "linux/arm64: no provenance that counts");
    assert!(!told.data.contains("linux/amd64: none"), "{}", told.data);
    // What is to be typed names the platform, and works.
    let second = digest_of(&sandbox, "1.1");
    let hint = format!("bulla attest oci:image@{second} --provenance");
    assert!(told.data.contains(&hint), "{}", told.data);
    proven(&sandbox, &platform(&sandbox, "1.1"), "pay");
    sandbox.done("promote image:both --to dev --key ci.key");
    let told = sandbox.done("verify --env dev image:both --output json");
    assert!(told.data.contains("each of 2 platforms"), "{}", told.data);
}

#[test]
fn platforms_are_proven_without_the_index() {
    for coverage in ["platforms", "either"] {
        let sandbox = covered(coverage);
        proven(&sandbox, &platform(&sandbox, "1.0"), "pay");
        let told = sandbox.run("verify --env dev image:both");
        refused(&told, 10, "no provenance says which service linux/arm64 is");
        proven(&sandbox, &platform(&sandbox, "1.1"), "pay");
        sandbox.done("promote image:both --to dev --key ci.key");
        sandbox.done("verify --env dev image:both");
        let listed = sandbox.done("status pay --output json");
        assert!(
            listed.data.contains(&digest_of(&sandbox, "both")),
            "{}",
            listed.data
        );
        // It goes along into a registry, and into what is proven years later.
        let host = registry();
        sandbox.done(&format!("copy image:both {host}/pay/{coverage}:both"));
        sandbox.done(&format!("verify --env dev {host}/pay/{coverage}:both"));
        sandbox.done("evidence pack image:both --env dev -o pack.tar");
        sandbox.done("evidence verify pack.tar");
    }
}

#[test]
fn one_statement_about_the_index_will_do_where_the_policy_says_so() {
    for coverage in ["index", "either"] {
        let sandbox = covered(coverage);
        proven(&sandbox, "image:both", "pay");
        sandbox.done("promote image:both --to dev --key ci.key");
        sandbox.done("verify --env dev image:both");
    }
}
