//! Executables built by `cargo auditable`, found in layers and directories.

use std::io::Write;

use bulla_sbom::source::Directory;
use bulla_sbom::{Inventory, Options, catalog};

use crate::archive::{Layer, image};

/// A 64-bit ELF file as small as one can be that has the section `.dep-v0`.
pub(crate) fn executable(list: &str) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(list.as_bytes()).unwrap();
    let data = encoder.finish().unwrap();
    let names = b"\0.shstrtab\0.dep-v0\0";
    let mut file = vec![0; 64];
    file[..6].copy_from_slice(b"\x7fELF\x02\x01");
    file[16] = 2;
    let data_start = file.len() as u64;
    file.extend_from_slice(&data);
    let names_start = file.len() as u64;
    file.extend_from_slice(names);
    let headers = file.len() as u64;
    for (name, offset) in [(0u32, 0u64), (1, names_start), (11, data_start)] {
        let mut entry = [0; 64];
        entry[..4].copy_from_slice(&name.to_le_bytes());
        entry[24..32].copy_from_slice(&offset.to_le_bytes());
        file.extend_from_slice(&entry);
    }
    file[40..48].copy_from_slice(&headers.to_le_bytes());
    file[58..64].copy_from_slice(&[64, 0, 3, 0, 1, 0]);
    file
}

const LIST: &str = r#"{"packages":[
    {"name":"app","version":"0.1.0","source":"local","dependencies":[1,2],"root":true},
    {"name":"cc","version":"1.0.0","source":"crates.io","kind":"build"},
    {"name":"memchr","version":"2.7.4","source":"crates.io"}]}"#;

fn purls(inventory: &Inventory) -> Vec<&str> {
    inventory
        .packages
        .iter()
        .map(|package| package.purl.as_str())
        .collect()
}

const EXPECTED: [&str; 2] = ["pkg:cargo/app@0.1.0", "pkg:cargo/memchr@2.7.4"];

#[test]
fn runtime_packages_of_an_executable_in_a_layer_are_listed() {
    // Its own list begins with another text than the one that is searched for.
    let list = LIST.replacen("{\"packages\":[\n    ", "{\"packages\":[", 1);
    let layer = Layer::new()
        .program("usr/bin/app", &executable(&list))
        .hard_link("app", "usr/bin/app");
    let inventory = catalog(&image(vec![layer]), &Options::default()).unwrap();
    assert_eq!(purls(&inventory), EXPECTED);
    let app = &inventory.packages[0];
    assert_eq!(
        app.dependencies
            .iter()
            .map(bulla_model::Purl::as_str)
            .collect::<Vec<_>>(),
        EXPECTED[1..]
    );
    assert_eq!(app.locations.len(), 2);
}

#[test]
fn a_replaced_executable_is_gone() {
    let layers = vec![
        Layer::new().program("usr/bin/app", &executable(LIST)),
        Layer::new().program("usr/bin/app", b"#!/bin/sh\n"),
    ];
    let inventory = catalog(&image(layers), &Options::default()).unwrap();
    assert_eq!(inventory.packages, []);
}

#[test]
fn a_damaged_list_is_said() {
    let layer = Layer::new().program("usr/bin/app", &executable("{\"packages\":[{\"name\":1}]}"));
    let inventory = catalog(&image(vec![layer]), &Options::default()).unwrap();
    assert_eq!(inventory.packages, []);
    assert_eq!(inventory.unknowns.len(), 1);
    assert_eq!(inventory.unknowns[0].path, "usr/bin/app");
}

#[cfg(unix)]
#[test]
fn executables_in_a_directory_are_listed() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app");
    std::fs::write(&path, executable(LIST)).unwrap();
    let source = Directory::new(folder.path());
    assert_eq!(catalog(&source, &Options::default()).unwrap().packages, []);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(
        purls(&catalog(&source, &Options::default()).unwrap()),
        EXPECTED
    );
}

/// A program as the Go linker leaves it: the magic at a multiple of 16, then both texts.
fn go_program(version: &str, modules: &str) -> Vec<u8> {
    let begin = b"\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6";
    let end = b"\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2";
    let framed = [&begin[..], modules.as_bytes(), &end[..]].concat();
    let mut file = b"MZ".to_vec();
    file.resize(4096, 0);
    file.extend_from_slice(b"\xff Go buildinf:\x08\x02");
    file.resize(file.len() + 16, 0);
    for text in [version.as_bytes(), &framed] {
        // A varint of two bytes.
        let length = u8::try_from(text.len() & 0x7f).unwrap() | 0x80;
        file.extend([length, u8::try_from(text.len() >> 7).unwrap()]);
        file.extend_from_slice(text);
    }
    file.resize(file.len() + 512, 0);
    file
}

#[test]
fn modules_of_a_go_program_are_listed_with_the_go_that_linked_them() {
    let modules = "path\tgithub.com/Acme/pay/cmd/pay\n\
                   mod\tgithub.com/Acme/pay\t(devel)\t\n\
                   dep\tgolang.org/x/text\tv0.3.0\th1:abc=\n\
                   dep\texample.test/old\tv1.0.0\n\
                   =>\texample.test/new\tv1.0.1\th1:def=\n\
                   dep\texample.test/local\tv2.0.0\n\
                   =>\t../local\t\n\
                   build\t-ldflags=-X main.version=v1.4.0\n";
    let program = go_program("go1.23.4", modules);
    let layer = Layer::new().program("usr/bin/pay", &program);
    let inventory = catalog(&image(vec![layer]), &Options::default()).unwrap();
    assert_eq!(inventory.unknowns, []);
    assert_eq!(
        purls(&inventory),
        [
            "pkg:golang/example.test/local@v2.0.0",
            "pkg:golang/example.test/new@v1.0.1",
            "pkg:golang/github.com/acme/pay@v1.4.0",
            "pkg:golang/golang.org/x/text@v0.3.0",
            "pkg:golang/stdlib@1.23.4",
        ]
    );
    let main = &inventory.packages[2];
    assert_eq!(main.name, "github.com/Acme/pay");
    assert_eq!(main.dependencies.len(), 4);
    assert_eq!(
        main.repository.as_deref(),
        Some("https://github.com/Acme/pay")
    );
}

/// A program that says its version among other texts.
fn saying(text: &str) -> Vec<u8> {
    let mut file = b"\x7fELF\x02\x01".to_vec();
    file.resize(200, 0);
    file.extend_from_slice(text.as_bytes());
    file.resize(400, 0);
    file
}

#[test]
fn well_known_programs_are_known_by_what_they_say() {
    for (path, text, expected) in [
        (
            "bin/bash",
            "@(#)Bash version 5.2.15(1) release GNU",
            "bash@5.2.15",
        ),
        ("bin/busybox", "BusyBox v1.36.1 (Acme)", "busybox@1.36.1"),
        (
            "usr/sbin/apache2",
            "Apache/2.4\0Apache/2.4.58 (Unix)",
            "httpd@2.4.58",
        ),
        (
            "usr/bin/memcached",
            "memcached 1.6.18\0",
            "memcached@1.6.18",
        ),
        ("opt/nginx", "nginx version: nginx/1.22.1\0", "nginx@1.22.1"),
        ("usr/local/bin/node", "node.js/v20.20.2\0", "node@20.20.2"),
        (
            "usr/bin/openssl",
            "OpenSSL 3.0.22 25 Aug 2026",
            "openssl@3.0.22",
        ),
        ("usr/bin/php8.2", "X-Powered-By: PHP/8.2.36\0", "php@8.2.36"),
        (
            "bin/postgres",
            "postgres (PostgreSQL) 15.20 (Acme)",
            "postgresql@15.20",
        ),
        ("bin/python3.11", "\x003.11.2\0", "python@3.11.2"),
        (
            "bin/ruby3.1",
            "ruby 3.1.7p261 (2025-03-26)",
            "ruby@3.1.7p261",
        ),
    ] {
        let layer = Layer::new().program(path, &saying(text));
        let inventory = catalog(&image(vec![layer]), &Options::default()).unwrap();
        assert_eq!(
            purls(&inventory),
            [format!("pkg:generic/{expected}")],
            "{path}"
        );
    }
}

#[test]
fn a_program_that_a_package_put_there_is_that_package() {
    let status =
        b"Package: nginx\nStatus: install ok installed\nVersion: 1.22.1-9\nArchitecture: amd64\n";
    let nginx = saying("nginx version: nginx/1.22.1\0");
    let packaged = || {
        Layer::new()
            .file("var/lib/dpkg/status", status)
            .file(
                "var/lib/dpkg/info/nginx.list",
                b"/.\n/usr\n/usr/sbin/nginx\n",
            )
            .program("usr/sbin/nginx", &nginx)
    };
    let inventory = catalog(&image(vec![packaged()]), &Options::default()).unwrap();
    assert_eq!(
        purls(&inventory),
        ["pkg:deb/debian/nginx@1.22.1-9?arch=amd64"]
    );
    // Lists of packages name what lies behind links of folders.
    let merged = Layer::new().symbolic_link("sbin", "usr/sbin");
    let listed = Layer::new()
        .file("var/lib/dpkg/status", status)
        .file("var/lib/dpkg/info/nginx.list", b"/.\n/sbin/nginx\n")
        .program("usr/sbin/nginx", &nginx);
    let inventory = catalog(&image(vec![merged, listed]), &Options::default()).unwrap();
    assert_eq!(inventory.packages.len(), 1);
    // Another one beside it is another one.
    let both = packaged().program("opt/nginx/nginx", &nginx);
    let inventory = catalog(&image(vec![both]), &Options::default()).unwrap();
    assert_eq!(inventory.packages.len(), 2);
}
