//! The demo, run as a newcomer would.

use std::path::Path;
use std::process::{Command, Output};

fn demo(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bulla"))
        .arg("demo")
        .args(arguments)
        .current_dir(folder)
        // Somebody's own settings must not change what it shows, nor must CI's rule about trust.
        .envs([("CI", "true"), ("BULLA_POLICY", "elsewhere")])
        .output()
        .unwrap()
}

#[test]
fn every_step_is_allowed_every_forgery_refused_and_it_runs_again() {
    let folder = tempfile::tempdir().unwrap();
    for run in ["first", "second"] {
        let output = demo(folder.path(), &[]);
        let said = String::from_utf8_lossy(&output.stdout);
        let talk = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{run}: {said}\n{talk}");
        assert!(said.contains("2 of 2: alice, carol"), "{said}");
        for code in [
            "approvals-missing",
            "signature-invalid",
            "subject-mismatch",
            "approver-is-builder",
            "edge-unknown",
            "service-mismatch",
        ] {
            assert!(said.contains(&format!("refused  {code}")), "{code}: {said}");
        }
        assert!(said.contains("done: every real step was allowed"), "{said}");
    }
    assert!(folder.path().join("bulla-demo/image/oci-layout").is_file());
}

#[test]
fn a_folder_that_is_not_the_demos_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let precious = folder.path().join("bulla-demo/precious.txt");
    std::fs::create_dir_all(precious.parent().unwrap()).unwrap();
    std::fs::write(&precious, "mine").unwrap();
    let output = demo(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("hint: name another one"));
    assert_eq!(std::fs::read_to_string(&precious).unwrap(), "mine");
}

#[test]
fn an_image_of_the_readers_own_takes_the_same_way() {
    let folder = tempfile::tempdir().unwrap();
    assert!(demo(folder.path(), &["--dir", "one"]).status.success());
    let output = demo(folder.path(), &["--dir", "two", "--image", "oci:one/image"]);
    let said = String::from_utf8_lossy(&output.stdout);
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{talk}");
    assert!(said.contains("$ bulla copy --without-referrers "), "{said}");
}
