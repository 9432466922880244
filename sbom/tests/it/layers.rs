//! Layers are merged as an unpacker would, and checked while they are read.

use bulla_sbom::format::{Base, BaseKnown, Lifecycle, Metadata, Subject, cyclonedx};
use bulla_sbom::{Inventory, Options, catalog};
use serde_json::Value;

use crate::archive::{Compression, Layer, image, image_of};

fn status(packages: &[&str]) -> Vec<u8> {
    let entry = |name: &&str| {
        format!("Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n")
    };
    packages
        .iter()
        .map(entry)
        .collect::<Vec<_>>()
        .join("\n")
        .into_bytes()
}

fn names(inventory: &Inventory) -> Vec<&str> {
    inventory
        .packages
        .iter()
        .map(|package| package.name.as_str())
        .collect()
}

fn list(layers: Vec<Layer>) -> Inventory {
    catalog(&image(layers), &Options::default()).unwrap()
}

fn module(name: &str) -> Vec<u8> {
    format!("{{\"name\":\"{name}\",\"version\":\"1.0.0\"}}").into_bytes()
}

#[test]
fn every_compression_gives_the_same_list() {
    let tar = Layer::new()
        .file("./var/lib/dpkg/status", &status(&["a", "b"]))
        .tar();
    let lists: Vec<Inventory> = [Compression::Gzip, Compression::Zstandard, Compression::None]
        .into_iter()
        .map(|compression| {
            catalog(
                &image_of(std::slice::from_ref(&tar), compression),
                &Options::default(),
            )
            .unwrap()
        })
        .collect();
    for inventory in &lists {
        assert_eq!(names(inventory), ["a", "b"]);
        assert_eq!(inventory.unknowns, []);
    }
}

#[test]
fn the_padding_after_the_last_file_may_be_missing_but_none_of_its_contents() {
    let content = status(&["curl"]);
    let end = 512 + content.len();
    let tar = Layer::new().file("var/lib/dpkg/status", &content).tar();
    let cut = |end: usize| {
        let tars = [tar[..end].to_vec()];
        catalog(&image_of(&tars, Compression::None), &Options::default())
    };
    assert_eq!(names(&cut(end).unwrap()), ["curl"]);
    assert!(cut(end - 1).is_err());
}

#[test]
fn a_file_twice_in_one_layer_is_listed_as_the_later_one() {
    let layer = Layer::new()
        .file("var/lib/dpkg/status", &status(&["old"]))
        .file("var/lib/dpkg/status", &status(&["new"]));
    assert_eq!(names(&list(vec![layer])), ["new"]);
    let layer = Layer::new()
        .file("var/lib/dpkg/status", &status(&["hidden"]))
        .symbolic_link("var/lib/dpkg/status", "list")
        .file("var/lib/dpkg/list", &status(&["linked"]));
    assert_eq!(names(&list(vec![layer])), ["linked"]);
}

#[test]
fn later_layers_replace_files() {
    let inventory = list(vec![
        Layer::new().file("var/lib/dpkg/status", &status(&["old"])),
        Layer::new().file("var/lib/dpkg/status", &status(&["new"])),
    ]);
    assert_eq!(names(&inventory), ["new"]);
    let layer = inventory.packages[0]
        .locations
        .first()
        .unwrap()
        .layer
        .clone();
    assert!(layer.is_some());
}

#[test]
fn whiteouts_hide_files_and_folders_of_lower_layers_only() {
    let inventory = list(vec![
        Layer::new()
            .file("app/node_modules/a/package.json", &module("a"))
            .file("app/node_modules/b/package.json", &module("b"))
            .file("app/node_modules/bb/package.json", &module("bb")),
        Layer::new()
            .file("app/node_modules/.wh.b", b"")
            .file("app/node_modules/b/package.json", &module("b2"))
            .file("app/node_modules/a/.wh.package.json", b""),
    ]);
    assert_eq!(names(&inventory), ["b2", "bb"]);
}

#[test]
fn opaque_whiteouts_hide_what_is_below_wherever_they_stand() {
    let inventory = list(vec![
        Layer::new()
            .file("app/node_modules/a/package.json", &module("a"))
            .file("app2/node_modules/c/package.json", &module("c")),
        Layer::new()
            .file("app/node_modules/b/package.json", &module("b"))
            .file("app/.wh..wh..opq", b""),
    ]);
    assert_eq!(names(&inventory), ["b", "c"]);
}

#[test]
fn a_file_replaces_a_folder_and_a_folder_a_link() {
    let inventory = list(vec![
        Layer::new()
            .file("app/node_modules/a/package.json", &module("a"))
            .symbolic_link("srv", "app"),
        Layer::new()
            .file("app/node_modules", b"not a folder any more")
            .directory("srv/")
            .file("srv/node_modules/b/package.json", &module("b")),
    ]);
    assert_eq!(names(&inventory), ["b"]);
    assert_eq!(
        inventory.packages[0].locations.first().unwrap().path,
        "srv/node_modules/b/package.json"
    );
}

#[test]
fn hard_links_to_wanted_files_are_read() {
    let inventory = list(vec![
        Layer::new()
            .file("app/node_modules/a/package.json", &module("a"))
            .hard_link(
                "app/node_modules/copy/package.json",
                "app/node_modules/a/package.json",
            ),
    ]);
    assert_eq!(names(&inventory), ["a"]);
    assert_eq!(inventory.packages[0].locations.len(), 2);
}

#[test]
fn hard_links_to_files_nobody_asked_for_are_read_in_a_second_pass() {
    let inventory = list(vec![
        Layer::new()
            .file("blob", &status(&["a"]))
            .hard_link("var/lib/dpkg/status", "blob"),
    ]);
    assert_eq!(names(&inventory), ["a"]);
    assert_eq!(inventory.unknowns, []);
}

#[test]
fn merged_usr_is_followed_across_layers() {
    let inventory = list(vec![
        Layer::new()
            .symbolic_link("lib", "usr/lib")
            .file("usr/lib/apk/db/installed", b"P:old\nV:1\nA:x86_64\n"),
        Layer::new().file("lib/apk/db/installed", b"P:new\nV:2\nA:x86_64\n"),
    ]);
    assert_eq!(names(&inventory), ["new"]);
}

#[test]
fn a_package_list_behind_links_is_found() {
    let inventory = list(vec![
        Layer::new()
            .symbolic_link("var/lib/dpkg", "../../usr/lib/sysimage/dpkg")
            .file("usr/lib/sysimage/dpkg/status", &status(&["a"])),
    ]);
    assert_eq!(names(&inventory), ["a"]);
    assert_eq!(
        inventory.packages[0].locations.first().unwrap().path,
        "var/lib/dpkg/status"
    );
}

#[test]
fn a_link_out_of_the_root_stays_inside() {
    let inventory = list(vec![
        Layer::new()
            .symbolic_link("etc/os-release", "../../../../usr/lib/os-release")
            .file(
                "usr/lib/os-release",
                b"ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian\"\n",
            ),
    ]);
    assert_eq!(inventory.operating_system.unwrap().pretty_name, "Debian");
}

#[test]
fn a_link_to_nothing_is_said() {
    let inventory = list(vec![
        Layer::new().symbolic_link("var/lib/dpkg/status", "/nowhere"),
    ]);
    assert_eq!(inventory.unknowns.len(), 1);
    assert_eq!(inventory.unknowns[0].path, "var/lib/dpkg/status");
}

#[test]
fn what_came_inside_a_system_package_hangs_below_it() {
    let metadata = b"Metadata-Version: 2.1\nName: Inner\nVersion: 3\n";
    let inventory = list(vec![
        Layer::new()
            .file("var/lib/dpkg/status", &status(&["python3-inner", "other"]))
            .file(
                "var/lib/dpkg/info/python3-inner.list",
                b"/.\n/usr\n/usr/lib/python3/dist-packages/inner.egg-info\n",
            )
            .file("usr/lib/python3/dist-packages/inner.egg-info", metadata)
            .file("opt/site-packages/inner-3.dist-info/METADATA", metadata),
    ]);
    assert_eq!(names(&inventory), ["other", "python3-inner", "Inner"]);
    let below = |index: usize| -> Vec<&str> {
        let dependencies = &inventory.packages[index].dependencies;
        dependencies.iter().map(bulla_model::Purl::as_str).collect()
    };
    assert_eq!(below(0), Vec::<&str>::new());
    assert_eq!(below(1), ["pkg:pypi/inner@3"]);
}

#[test]
fn packages_of_a_database_are_of_the_layer_that_installed_them() {
    let apk = |names: &[&str]| -> Vec<u8> {
        let stanzas = names
            .iter()
            .map(|name| format!("P:{name}\nV:1\nA:x86_64\n\n"));
        stanzas.collect::<String>().into_bytes()
    };
    let inventory = list(vec![
        Layer::new()
            .file("var/lib/dpkg/status", &status(&["base", "gone", "back"]))
            .symbolic_link("lib", "usr/lib")
            .file("lib/apk/db/installed", &apk(&["musl"])),
        Layer::new().file("etc/motd", b""),
        Layer::new()
            .file("var/lib/dpkg/status", &status(&["base", "curl"]))
            .file("app/node_modules/a/package.json", &module("a")),
        Layer::new()
            .file("var/lib/dpkg/status", &status(&["base", "curl", "back"]))
            .file("usr/lib/apk/db/installed", &apk(&["musl", "zlib"])),
    ]);
    let layers = inventory.packages.iter();
    let layers: Vec<_> = layers.map(|one| (one.name.as_str(), one.layer)).collect();
    assert_eq!(
        layers,
        [
            ("musl", Some(0)),
            ("zlib", Some(3)),
            ("back", Some(3)),
            ("base", Some(0)),
            ("curl", Some(2)),
            ("a", Some(2)),
        ]
    );
}

#[test]
fn one_blob_may_be_two_layers() {
    let twice = || Layer::new().file("var/lib/dpkg/status", &status(&["a"]));
    let other = Layer::new().file("var/lib/dpkg/status", &status(&["b"]));
    let inventory = list(vec![twice(), other, twice()]);
    assert_eq!(names(&inventory), ["a"]);
    assert_eq!(inventory.packages[0].layer, Some(2));
}

#[test]
fn packages_of_the_base_are_told_from_those_of_the_application() {
    let image = image(vec![
        Layer::new().file("var/lib/dpkg/status", &status(&["base"])),
        Layer::new().file("app/node_modules/a/package.json", &module("a")),
    ]);
    let inventory = catalog(&image, &Options::default()).unwrap();
    let digest = bulla_model::Digest::sha256(b"image");
    let mut subject = Subject::image("example.test/pay", &digest)
        .unwrap()
        .with_image(&image);
    let written = |subject: &Subject| -> Value {
        let metadata = Metadata::new("0", Lifecycle::PostBuild);
        serde_json::from_slice(&cyclonedx::write(&inventory, subject, &metadata)).unwrap()
    };
    let said = |document: &Value, at: usize| -> Vec<(String, String)> {
        let properties = document["components"][at]["properties"].as_array().unwrap();
        let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
        let properties = properties.iter();
        properties
            .map(|one| (text(one, "name"), text(one, "value")))
            .collect()
    };
    let layer = |at: usize| ("bulla:layer".to_owned(), subject.layers[at].to_string());
    let expected = [layer(0), layer(1)];
    let document = written(&subject);
    assert_eq!(said(&document, 0), [expected[0].clone()]);
    subject.base = Some(Base::new(1, BaseKnown::History));
    let document = written(&subject);
    let origin = |word: &str| ("bulla:origin".to_owned(), word.to_owned());
    assert_eq!(said(&document, 0), [expected[0].clone(), origin("base")]);
    assert_eq!(
        said(&document, 1),
        [expected[1].clone(), origin("application")]
    );
    let root = document["metadata"]["component"]["properties"].to_string();
    assert!(
        root.contains("bulla:base:known-by") && root.contains("history"),
        "{root}"
    );
}
