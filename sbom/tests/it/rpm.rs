//! rpm's database in each of its formats.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bulla_sbom::source::Directory;
use bulla_sbom::{Inventory, Options, catalog};
use proptest::prelude::*;

const DATABASES: [(&str, &str); 5] = [
    ("input", "rpmdb.sqlite"),
    ("sqlite-log", "rpmdb.sqlite"),
    ("bdb", "Packages"),
    ("bdb-big-endian", "Packages"),
    ("ndb", "Packages.db"),
];

fn fixture(form: &str) -> PathBuf {
    let sbom = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/sbom");
    sbom.join("rpm").join(form)
}

fn database(form: &str, name: &str) -> Vec<u8> {
    std::fs::read(fixture(form).join("var/lib/rpm").join(name)).unwrap()
}

fn list(folder: &Path) -> Inventory {
    catalog(&Directory::new(folder), &Options::default()).unwrap()
}

/// What is found if these are the files below `var/lib/rpm`.
fn found_in(files: &[(&str, &[u8])]) -> Inventory {
    let folder = tempfile::tempdir().unwrap();
    let rpm = folder.path().join("var/lib/rpm");
    std::fs::create_dir_all(&rpm).unwrap();
    for (name, bytes) in files {
        std::fs::write(rpm.join(name), bytes).unwrap();
    }
    list(folder.path())
}

fn names(inventory: &Inventory) -> BTreeSet<&str> {
    let names = inventory.packages.iter();
    names.map(|package| package.name.as_str()).collect()
}

#[test]
fn every_format_says_the_same() {
    let expected = list(&fixture("input"));
    assert_eq!(expected.packages.len(), 3);
    for (form, _) in DATABASES {
        let mut found = list(&fixture(form));
        assert_eq!(found.unknowns, [], "{form}");
        for (package, expected) in found.packages.iter_mut().zip(&expected.packages) {
            package.locations.clone_from(&expected.locations);
        }
        assert_eq!(found.packages, expected.packages, "{form}");
    }
}

#[test]
fn what_is_only_in_the_log_is_found_with_it() {
    let base = database("sqlite-log", "rpmdb.sqlite");
    let log = database("sqlite-log", "rpmdb.sqlite-wal");
    let without = found_in(&[("rpmdb.sqlite", &base)]);
    let with = found_in(&[("rpmdb.sqlite", &base), ("rpmdb.sqlite-wal", &log)]);
    assert_eq!((without.packages.len(), with.packages.len()), (2, 3));
}

#[test]
fn a_list_takes_the_place_of_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("var/lib/rpmmanifest");
    std::fs::create_dir_all(&place).unwrap();
    let lines = "acme-base\t2.4-7.az3\t1700000000\t1690000000\tAcme Ltd\t1\t812\tnoarch\t1\tacme-base-2.4-7.az3.src.rpm\n\
                 acme-tool\t0.9-1.az3\t1700000000\t1690000000\tAcme Ltd\t(none)\t99\tx86_64\t0\tacme-tool-0.9-1.az3.src.rpm\n\
                 gpg-pubkey\t1-2\t1\t1\t(none)\t(none)\t0\t(none)\t0\t(none)\n\
                 nonsense\n";
    std::fs::write(place.join("container-manifest-2"), lines).unwrap();
    let found = list(folder.path());
    let purls: Vec<_> = found.packages.iter().map(|one| one.purl.as_str()).collect();
    assert_eq!(
        purls,
        [
            "pkg:rpm/acme-base@2.4-7.az3?arch=noarch&epoch=1&upstream=acme-base-2.4-7.az3.src.rpm",
            "pkg:rpm/acme-tool@0.9-1.az3?arch=x86_64&upstream=acme-tool-0.9-1.az3.src.rpm",
        ]
    );
    assert_eq!(found.packages[0].version, "1:2.4-7.az3");
    assert_eq!(found.unknowns.len(), 1, "{:?}", found.unknowns);
}

#[test]
fn what_is_no_database_is_told() {
    for (name, bytes) in [
        ("Packages", &b"no database at all"[..]),
        ("rpmdb.sqlite", b"SQLite format 3\0and nothing more"),
        ("Packages.db", b"RpmP"),
    ] {
        let found = found_in(&[(name, bytes)]);
        assert_eq!(found.packages, [], "{name}");
        assert_eq!(found.unknowns.len(), 1, "{name}");
    }
    let empty = found_in(&[("Packages", b"")]);
    assert_eq!((empty.packages, empty.unknowns), (vec![], vec![]));
}

/// A made-up database of SQLite.
fn made(statements: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rpmdb.sqlite");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch(statements).unwrap();
    drop(connection);
    std::fs::read(path).unwrap()
}

#[test]
fn a_made_up_table_does_not_work_without_end() {
    let endless = "CREATE VIEW Packages(hnum, blob) AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                   SELECT i, x'00' FROM n";
    let column = "CREATE TABLE Packages(hnum INTEGER, blob AS (hex(zeroblob(100000000)))); INSERT INTO Packages VALUES (1)";
    let text = "CREATE TABLE Packages(hnum INTEGER, blob); INSERT INTO Packages VALUES (1, 'text')";
    let none = "CREATE TABLE Others(hnum INTEGER, blob)";
    for statements in [endless, column, text, none] {
        let found = found_in(&[("rpmdb.sqlite", &made(statements))]);
        assert_eq!(found.packages, [], "{statements}");
        assert_eq!(found.unknowns.len(), 1, "{statements}");
    }
}

#[test]
fn a_long_value_that_goes_in_a_circle_ends() {
    // Every page says that it is part of a long value and the next one of itself.
    let mut bytes = database("bdb", "Packages");
    let pages = bytes.len() / 4096;
    for page in 1..pages {
        let start = page * 4096;
        if bytes[start + 25] == 7 {
            bytes[start + 16..start + 20]
                .copy_from_slice(&u32::try_from(page).unwrap().to_le_bytes());
            bytes[start + 22..start + 24].copy_from_slice(&[0, 0]);
        }
    }
    found_in(&[("Packages", &bytes)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is changed in a database, it ends, and what was found or is missing is told.
    #[test]
    fn damaged_databases_are_survived(
        form in 0..DATABASES.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..24),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let (form, name) = DATABASES[form];
        let mut bytes = database(form, name);
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let found = found_in(&[(name, &bytes)]);
        prop_assert!(names(&found).len() <= 3);
    }
}
