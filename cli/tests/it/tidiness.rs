//! Files: none forgotten, none too long, none with a name that says nothing.

use crate::layering::{root, sources};

const PACKAGES: [&str; 6] = ["attest", "cli", "model", "registry", "sbom", "verify"];
const LINES: usize = 800;
const BANNED: [&str; 6] = [
    "common.rs",
    "errors.rs",
    "helpers.rs",
    "imp.rs",
    "misc.rs",
    "utils.rs",
];

#[test]
fn every_test_file_is_part_of_its_test_binary() {
    for package in PACKAGES {
        let folder = root().join(package).join("tests/it");
        let main = std::fs::read_to_string(folder.join("main.rs")).unwrap();
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let is_module = path.extension().is_some_and(|ending| ending == "rs");
            if is_module && name != "main" {
                let line = format!("mod {name};");
                let named = main
                    .lines()
                    .any(|own| own.trim_start_matches("pub(crate) ") == line);
                assert!(named, "{package}/tests/it/main.rs forgets `{line}`");
            }
        }
        let manifest = std::fs::read_to_string(root().join(package).join("Cargo.toml")).unwrap();
        assert!(
            manifest.contains("autotests = false"),
            "{package} has one test binary"
        );
        let loose = std::fs::read_dir(root().join(package).join("tests")).unwrap();
        for entry in loose {
            let path = entry.unwrap().path();
            assert!(
                path.extension().is_none_or(|ending| ending != "rs"),
                "{} never runs",
                path.display()
            );
        }
    }
}

#[test]
fn no_file_is_too_long_or_badly_named() {
    for package in PACKAGES {
        for file in sources(&root().join(package).join("src")) {
            let lines = std::fs::read_to_string(&file).unwrap().lines().count();
            assert!(lines <= LINES, "{} has {lines} lines", file.display());
            let name = file.file_name().unwrap().to_str().unwrap();
            assert!(
                !BANNED.contains(&name),
                "{} needs a name that says what is in it",
                file.display()
            );
        }
    }
}

#[test]
fn only_one_place_reads_the_environment() {
    for file in sources(&root().join("cli/src")) {
        let text = std::fs::read_to_string(&file).unwrap();
        let reads = text.contains("clippy::disallowed_methods");
        assert!(
            !reads || file.ends_with("settings/environment.rs"),
            "{}",
            file.display()
        );
    }
}
