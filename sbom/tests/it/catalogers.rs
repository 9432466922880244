//! Each cataloger on its folder in `testdata/sbom`.

use std::fmt::Write as _;
use std::path::PathBuf;

use bulla_sbom::source::Directory;
use bulla_sbom::{Inventory, Options, Package, catalog};

use crate::archive::{Layer, image};

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata/sbom")
        .join(name)
}

pub(crate) fn list(name: &str) -> Inventory {
    catalog(
        &Directory::new(folder(name).join("input")),
        &Options::default(),
    )
    .unwrap()
}

fn show(inventory: &Inventory) -> String {
    let mut text = String::new();
    if let Some(system) = &inventory.operating_system {
        writeln!(text, "on {} {:?}\n", system.pretty_name, system.version).unwrap();
    }
    for package in &inventory.packages {
        show_package(package, &mut text);
    }
    for unknown in &inventory.unknowns {
        writeln!(text, "unknown {}: {}", unknown.path, unknown.reason).unwrap();
    }
    text
}

fn show_package(package: &Package, text: &mut String) {
    writeln!(
        text,
        "{}\n  {} {} {:?} {}",
        package.purl,
        package.name,
        package.version,
        package.scope,
        package.presence.as_str()
    )
    .unwrap();
    for license in &package.licenses {
        writeln!(text, "  licence   {license:?}").unwrap();
    }
    for (label, value) in [
        ("supplier ", &package.supplier),
        ("author   ", &package.author),
        ("about    ", &package.description),
        ("home     ", &package.homepage),
        ("sources  ", &package.repository),
        ("from     ", &package.distribution),
    ] {
        if let Some(value) = value {
            writeln!(text, "  {label} {value}").unwrap();
        }
    }
    for hash in &package.hashes {
        writeln!(text, "  hash      {}:{}", hash.algorithm(), hash.short()).unwrap();
    }
    for location in &package.locations {
        writeln!(text, "  at        {}", location.path).unwrap();
    }
    for dependency in &package.dependencies {
        writeln!(text, "  needs     {dependency}").unwrap();
    }
    text.push('\n');
}

fn check(name: &str) {
    insta::with_settings!({
        snapshot_path => folder(name),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!("expected", show(&list(name)));
    });
}

#[test]
fn dpkg_lists_what_is_installed() {
    check("dpkg");
}

#[test]
fn apk_lists_what_is_installed() {
    check("apk");
}

#[test]
fn rpm_lists_what_is_installed() {
    check("rpm");
}

#[test]
fn java_lists_archives_nested_and_shaded_ones() {
    check("java");
}

#[test]
fn maven_lists_what_projects_ask_for_with_what_their_parents_say() {
    check("maven");
}

#[test]
fn jvm_lists_runtimes_and_no_other_release() {
    check("jvm");
}

#[test]
fn poetry_lists_what_is_declared_by_group() {
    check("poetry");
}

#[test]
fn uv_lists_what_is_declared_by_who_needs_it() {
    check("uv");
}

#[test]
fn pdm_tells_groups_of_the_project_apart() {
    check("pdm");
}

#[test]
fn pylock_lists_what_is_declared_by_who_asks_for_it() {
    check("pylock");
}

#[test]
fn conda_lists_what_is_in_environments() {
    check("conda");
}

#[test]
fn conda_lock_lists_each_platform_and_what_pip_adds() {
    check("conda-lock");
}

#[test]
fn tokens_of_conda_channels_are_not_told() {
    for name in ["conda", "conda-lock"] {
        let told = format!("{:?}", list(name));
        assert!(told.contains("conda.example.test"), "{told}");
        assert!(!told.contains("s3cret"), "{told}");
    }
}

#[test]
fn go_mod_lists_what_is_selected_and_not_what_is_replaced() {
    check("go-mod");
}

#[test]
fn npm_lists_packages_and_not_their_fixtures() {
    check("npm");
}

#[test]
fn npm_lock_lists_what_is_declared_with_edges_and_hashes() {
    check("npm-lock");
}

#[test]
fn yarn_lists_what_is_declared_in_either_syntax() {
    check("yarn");
}

#[test]
fn pnpm_lists_what_is_declared_by_who_needs_it() {
    check("pnpm");
}

#[test]
fn bun_lists_what_is_declared_by_the_folder_it_lies_in() {
    check("bun");
}

#[test]
fn gem_lists_installed_gems_and_not_their_sources() {
    check("gem");
}

#[test]
fn gemfile_lock_lists_gems_by_source_and_platform() {
    check("gemfile-lock");
}

#[test]
fn composer_lists_what_is_installed() {
    check("composer");
}

#[test]
fn composer_lock_tells_what_is_for_developing() {
    check("composer-lock");
}

#[test]
fn python_lists_distributions_and_not_vendored_copies() {
    check("python");
}

#[test]
fn requirements_lists_exact_versions() {
    check("requirements");
}

#[test]
fn pipenv_lists_what_is_declared_by_category() {
    check("pipenv");
}

#[test]
fn cargo_lock_lists_what_is_declared_with_edges_and_hashes() {
    check("cargo-lock");
}

#[test]
fn dotnet_deps_lists_what_runs_and_not_what_only_compiled() {
    check("dotnet-deps");
}

#[test]
fn nuget_lock_lists_each_framework_with_its_edges() {
    check("nuget-lock");
}

#[test]
fn gradle_tells_tests_and_the_build_from_what_runs() {
    check("gradle");
}

#[test]
fn pub_lock_tells_where_packages_are_from() {
    check("pub-lock");
}

#[test]
fn swift_lists_versions_commits_and_registries() {
    check("swift");
}

#[test]
fn cocoapods_lists_subspecs_with_edges_and_origins() {
    check("cocoapods");
}

#[test]
fn mix_lock_lists_hex_and_git_with_edges_and_hashes() {
    check("mix-lock");
}

#[test]
fn rebar_lock_lists_packages_and_repositories() {
    check("rebar-lock");
}

#[test]
fn erlang_app_lists_releases_and_not_what_was_compiled() {
    check("erlang-app");
}

#[test]
fn cabal_lists_exact_versions_and_not_flags() {
    check("cabal");
}

#[test]
fn stack_lists_what_is_added_to_the_snapshot() {
    check("stack");
}

#[test]
fn github_actions_lists_actions_and_reusable_workflows() {
    check("github-actions");
}

#[test]
fn packages_of_the_default_registry_need_no_qualifier() {
    let lock = include_bytes!("../../../Cargo.lock");
    let inventory = catalog(
        &image(vec![Layer::new().file("src/Cargo.lock", lock)]),
        &Options::default(),
    )
    .unwrap();
    let this = format!("pkg:cargo/bulla-sbom@{}", env!("CARGO_PKG_VERSION"));
    let package = inventory
        .packages
        .iter()
        .find(|package| package.purl.as_str() == this)
        .unwrap();
    assert!(
        package
            .dependencies
            .iter()
            .any(|purl| purl.as_str().starts_with("pkg:cargo/tar@"))
    );
    assert!(
        inventory
            .packages
            .iter()
            .all(|package| !package.purl.as_str().contains('?'))
    );
    let tar = inventory
        .packages
        .iter()
        .find(|package| package.name == "tar")
        .unwrap();
    assert_eq!(tar.hashes.len(), 1);
}

#[test]
fn declared_and_installed_are_one_package() {
    let lock = br#"{"lockfileVersion": 3, "packages": {"node_modules/a": {"version": "1.0.0",
        "integrity": "sha256-LCa0a2j/xo/5m0U8HTBBNBNCLXBkg7+g+YpeiGJm564=", "dev": true}}}"#;
    let folder = tempfile::tempdir().unwrap();
    let modules = folder.path().join("node_modules/a");
    std::fs::create_dir_all(&modules).unwrap();
    std::fs::write(
        modules.join("package.json"),
        r#"{"name":"a","version":"1.0.0"}"#,
    )
    .unwrap();
    std::fs::write(folder.path().join("package-lock.json"), lock).unwrap();
    let inventory = catalog(&Directory::new(folder.path()), &Options::default()).unwrap();
    assert_eq!(inventory.packages.len(), 1);
    let package = &inventory.packages[0];
    assert_eq!(package.locations.len(), 2);
    assert_eq!(
        package.found_by.iter().copied().collect::<Vec<_>>(),
        ["npm", "npm-lock"]
    );
    assert_eq!(package.hashes.len(), 1);
    assert_eq!(
        package.scope,
        bulla_sbom::Scope::Required,
        "installed wins over declared"
    );
}

#[test]
fn in_an_image_what_is_installed_beside_a_lock_file_decides() {
    let lock = br#"{"lockfileVersion": 3, "packages": {
        "node_modules/a": {"version": "1.0.0"}, "node_modules/tester": {"version": "3.0.0"}}}"#;
    let names = |layer: Layer| -> Vec<String> {
        let inventory = catalog(&image(vec![layer]), &Options::default()).unwrap();
        inventory
            .packages
            .into_iter()
            .map(|package| package.name)
            .collect()
    };
    let alone = Layer::new().file("app/package-lock.json", lock);
    assert_eq!(names(alone), ["a", "tester"]);
    let beside = Layer::new().file("app/package-lock.json", lock).file(
        "app/node_modules/a/package.json",
        br#"{"name":"a","version":"1.0.0"}"#,
    );
    assert_eq!(names(beside), ["a"]);
}

#[cfg(unix)]
#[test]
fn links_out_of_a_directory_are_not_followed() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("Cargo.lock"), "version = 4\n").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("Cargo.lock");
    std::os::unix::fs::symlink(outside.path().join("Cargo.lock"), link).unwrap();
    let inventory = catalog(&Directory::new(folder.path()), &Options::default()).unwrap();
    assert_eq!(inventory.unknowns.len(), 1);
    assert_eq!(inventory.unknowns[0].path, "Cargo.lock");
    assert_eq!(inventory.files_read, 0);
}

#[test]
fn a_directory_that_is_not_there_is_an_error() {
    let source = Directory::new(folder("no-such-folder"));
    assert!(catalog(&source, &Options::default()).is_err());
}

#[test]
fn users_and_passwords_of_addresses_are_not_told() {
    let lock = b"version = 4\n\n[[package]]\nname = \"pay\"\nversion = \"1.0.0\"\n\
        source = \"git+https://me:t0ken@git.example.test/pay?rev=1#0123456789012345678901234567890123456789\"\n\n\
        [[package]]\nname = \"tax\"\nversion = \"1.0.0\"\n\
        source = \"registry+https://t0ken@index.example.test/\"\n";
    let manifest = br#"{"name":"a","version":"1.0.0","homepage":"https://me:t0ken@example.test/"}"#;
    let layer = Layer::new()
        .file("src/Cargo.lock", lock)
        .file("app/node_modules/a/package.json", manifest);
    let inventory = catalog(&image(vec![layer]), &Options::default()).unwrap();
    let purls: Vec<_> = inventory.packages.iter().map(|one| &one.purl).collect();
    assert_eq!(inventory.unknowns, []);
    assert_eq!(inventory.packages.len(), 3, "{purls:?}");
    let told = format!("{inventory:?}");
    assert!(!told.contains("t0ken"), "{told}");
    assert!(told.contains("git.example.test"), "{told}");
}

#[test]
fn a_name_that_is_locked_very_often_costs_no_more() {
    let mut lock = String::new();
    for at in 0..2000 {
        let needs = "[package.dependencies]\na = \"*\"";
        writeln!(
            lock,
            "[[package]]\nname = \"a\"\nversion = \"{at}\"\n{needs}"
        )
        .unwrap();
    }
    let layer = Layer::new().file("app/poetry.lock", lock.as_bytes());
    let inventory = catalog(&image(vec![layer]), &Options::default()).unwrap();
    assert_eq!(inventory.packages.len(), 2000);
    let edges = inventory.packages.iter().map(|one| one.dependencies.len());
    assert!(edges.sum::<usize>() <= 2000 * 64);
}

#[test]
fn what_is_installed_and_what_is_declared_from_somewhere_are_one() {
    let lock = b"version = 1\n[[package]]\nname = \"pay\"\nversion = \"1.0\"\nsource = { editable = \".\" }\n\
        dependencies = [{ name = \"tax\" }]\n[[package]]\nname = \"tax\"\nversion = \"2.0\"\n\
        source = { registry = \"https://index.example.test/simple\" }\n";
    let metadata = b"Metadata-Version: 2.1\nName: tax\nVersion: 2.0\n";
    let other = String::from_utf8_lossy(lock).replace("index.example", "other.example");
    let path = "app/site-packages/tax-2.0.dist-info/METADATA";
    let purls = |layer: Layer| -> Vec<String> {
        let inventory = catalog(&image(vec![layer]), &Options::default()).unwrap();
        let packages = inventory.packages.iter();
        let needs =
            packages.flat_map(|one| one.dependencies.iter().map(|need| format!("needs {need}")));
        let purls = inventory.packages.iter().map(|one| one.purl.to_string());
        purls.chain(needs).collect()
    };
    let layer = || Layer::new().file("app/uv.lock", lock);
    let from = |host: &str| {
        format!("pkg:pypi/tax@2.0?repository_url=https:%2F%2F{host}.example.test%2Fsimple")
    };
    let (pay, tax) = ("pkg:pypi/pay@1.0", "pkg:pypi/tax@2.0");
    let alone = purls(layer());
    assert_eq!(
        alone,
        [pay, &from("index"), &format!("needs {}", from("index"))]
    );
    let beside = purls(layer().file(path, metadata));
    assert_eq!(beside, [pay, tax, &format!("needs {tax}")]);
    // What is known of where it is from is not lost.
    let git = String::from_utf8_lossy(lock).replace(
        "registry = \"https://index.example.test/simple\"",
        "git = \"https://git.example.test/tax#0123\"",
    );
    let layer_of_git = Layer::new()
        .file("app/uv.lock", git.as_bytes())
        .file(path, metadata);
    let inventory = catalog(&image(vec![layer_of_git]), &Options::default()).unwrap();
    let tax = inventory
        .packages
        .iter()
        .find(|one| one.name == "tax")
        .unwrap();
    assert_eq!(
        tax.distribution.as_deref(),
        Some("git+https://git.example.test/tax@0123")
    );
    // From two places it is one of them.
    let two = layer()
        .file("b/uv.lock", other.as_bytes())
        .file(path, metadata);
    assert_eq!(purls(two).len(), 6);
}
