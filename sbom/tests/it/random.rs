//! Whatever bytes stand in a package list, catalogers come back.

use bulla_model::Limits;
use bulla_sbom::format::cyclonedx;
use bulla_sbom::format::cyclonedx::{Lifecycle, Metadata, Subject};
use bulla_sbom::{Options, catalog};
use proptest::prelude::*;

use crate::archive::{Compression, Layer, image, image_of};

const LISTS: [&str; 31] = [
    "var/lib/dpkg/status",
    "usr/share/doc/a/copyright",
    "lib/apk/db/installed",
    "node_modules/a/package.json",
    "package-lock.json",
    "site-packages/a-1.dist-info/METADATA",
    "Cargo.lock",
    "etc/os-release",
    "app/pdm.lock",
    "app/pyproject.toml",
    "app/pylock.toml",
    "env/conda-meta/a-1-0.json",
    "app/conda-lock.yml",
    "app/go.mod",
    "pubspec.lock",
    "Package.resolved",
    "Podfile.lock",
    "mix.lock",
    "rebar.lock",
    "opt/a/lib/a-1/ebin/a.app",
    "cabal.project.freeze",
    "stack.yaml.lock",
    "yarn.lock",
    "pnpm-lock.yaml",
    "bun.lock",
    "bun.lockb",
    "specifications/a-1.gemspec",
    "Gemfile.lock",
    "composer.lock",
    "app/vendor/composer/installed.json",
    "app/pom.xml",
];

fn list_all(bytes: &[u8]) {
    let mut layer = Layer::new();
    for path in LISTS {
        layer = layer.file(path, bytes);
    }
    let inventory = catalog(&image(vec![layer]), &Options::default()).unwrap();
    let metadata = Metadata::new("0", Lifecycle::PostBuild);
    let document = cyclonedx::write(&inventory, &Subject::directory("x"), &metadata);
    cyclonedx::read(&document, &Limits::default()).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        list_all(&bytes);
    }

    #[test]
    fn random_fields_never_panic(
        text in "((Package|Version|Status|Depends|Name|License|Requires-Dist|P|V|D|ID)[:=][ -~äß]{0,20}\n{1,2}){0,12}"
    ) {
        list_all(text.as_bytes());
    }

    #[test]
    fn random_json_never_panics(
        name in "[ -~]{0,12}", version in "[ -~]{0,8}", key in "[a-z@/.]{0,12}"
    ) {
        let value = serde_json::json!({
            "name": name, "version": version, "url": key, "channel": name, "depends": [key],
            "files": [key], "package": [{ "name": name, "version": version, "manager": "pip",
                "platform": key, "url": key, "dependencies": { name.clone(): "" } }], "license": { "type": key },
            "dependencies": { key.clone(): version },
            "packages": { key.clone(): { "version": version, "dependencies": { name.clone(): "" } } },
        });
        list_all(value.to_string().as_bytes());
    }

    #[test]
    fn random_toml_never_panics(
        name in "[ -~]{0,12}", version in "[ -~]{0,8}", key in "[a-z@/.:]{0,12}"
    ) {
        let text = |value: &str| serde_json::to_string(value).unwrap();
        let (name, version, key) = (text(&name), text(&version), text(&key));
        list_all(format!(
            "lock-version = \"1.0\"\nextras = [{name}]\n\
             [[packages]]\nname = {name}\nversion = {version}\nmarker = {key}\nindex = {key}\n\
             dependencies = [{{name = {name}}}]\nwheels = [{{url = {key}, hashes = {{sha256 = {name}}}}}]\n\
             [metadata]\nlock_version = \"4.5\"\n[[package]]\nname = {name}\nversion = {version}\n\
             git = {key}\nrevision = {version}\ngroups = [{name}]\ndependencies = [{name}, {key}]\n"
        ).as_bytes());
    }

    #[test]
    fn random_directives_never_panic(
        text in "((module|require|exclude|replace|tool|go|require \\()( [ -~ä]{0,12}| v1\\.[0-9]\\.0| =>){0,3}\n|\\)\n){0,12}"
    ) {
        list_all(text.as_bytes());
    }

    #[test]
    fn random_archives_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
        let result = catalog(&image_of(&[bytes], Compression::None), &Options::default());
        prop_assert!(result.is_err() || result.unwrap().packages.is_empty());
    }

    #[test]
    fn damaged_archives_never_panic(position in 0usize..2560, value in any::<u8>()) {
        let mut tar = Layer::new().file("a", b"x").symbolic_link("b", "a").hard_link("c", "b").tar();
        if let Some(byte) = tar.get_mut(position) {
            *byte = value;
        }
        let result = catalog(&image_of(&[tar], Compression::None), &Options::default());
        prop_assert!(result.is_err() || result.unwrap().packages.is_empty());
    }

    #[test]
    fn random_documents_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(cyclonedx::read(&bytes, &Limits::default()).is_err());
    }
}
