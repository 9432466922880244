//! The direction of dependencies: pure crates reach no network, siblings never see each other.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

const PURE: [&str; 3] = ["model", "sbom", "verify"];
const SIBLINGS: [&str; 4] = ["attest", "registry", "sbom", "verify"];
const NETWORK: [&str; 7] = [
    "axum",
    "hyper",
    "oci-client",
    "reqwest",
    "rustls",
    "tokio",
    "ureq",
];

#[test]
fn f55_pure_crates_reach_no_network() {
    for package in PURE {
        let reached = tree(package, "normal");
        let forbidden: Vec<&str> = NETWORK
            .into_iter()
            .filter(|name| reached.contains(*name))
            .collect();
        assert!(
            forbidden.is_empty(),
            "bulla-{package} reaches {forbidden:?}"
        );
        assert!(
            reached.contains("serde"),
            "the tree of bulla-{package} was read"
        );
    }
}

#[test]
fn siblings_never_see_each_other_and_the_model_sees_nobody() {
    let others = |package: &str| -> BTreeSet<String> {
        let tree = tree(package, "normal,build,dev");
        let own = format!("bulla-{package}");
        tree.into_iter()
            .filter(|name| name.starts_with("bulla-") && *name != own)
            .collect()
    };
    for package in SIBLINGS {
        assert_eq!(
            others(package),
            BTreeSet::from(["bulla-model".to_owned()]),
            "bulla-{package}"
        );
    }
    assert_eq!(others("model"), BTreeSet::new());
}

#[test]
fn the_verifier_fetches_no_trust() {
    let features = run_tree("verify", "features");
    for forbidden in [
        "sigstore-trust-root feature \"tuf\"",
        "regorus feature \"time\"",
        "regorus feature \"http\"",
    ] {
        assert!(
            !features.contains(forbidden),
            "bulla-verify has {forbidden}"
        );
    }
    assert!(
        features.contains("sigstore-trust-root"),
        "the tree was read"
    );
}

#[test]
fn only_the_command_prints() {
    for package in ["model", "sbom", "attest", "verify", "registry"] {
        let manifest = std::fs::read_to_string(root().join(package).join("Cargo.toml")).unwrap();
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{package} has the workspace's lints"
        );
        for file in sources(&root().join(package).join("src")) {
            let text = std::fs::read_to_string(&file).unwrap();
            for exception in [
                "clippy::print_stdout",
                "clippy::print_stderr",
                "clippy::exit",
            ] {
                assert!(
                    !text.contains(exception),
                    "{} prints or exits",
                    file.display()
                );
            }
        }
    }
}

/// The names of the packages in a tree, the package's own included.
fn tree(package: &str, edges: &str) -> BTreeSet<String> {
    let text = run_tree(package, edges);
    text.lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

fn run_tree(package: &str, edges: &str) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--prefix", "none", "-p"])
        .arg(format!("bulla-{package}"))
        .args(["-e", edges])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// The Rust files below a folder.
pub(crate) fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
