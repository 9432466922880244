//! Documents that are written from the code.

use std::path::Path;

use bulla_sbom::catalog::table;

/// `BULLA_WRITE_TABLES=1` writes it.
#[test]
fn the_table_of_catalogers_is_that_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/catalogers.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once("<!-- table -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- end -->").unwrap();
    let expected = format!("{before}<!-- table -->\n{}<!-- end -->{after}", table());
    if std::env::var_os("BULLA_WRITE_TABLES").is_some() {
        std::fs::write(&path, &expected).unwrap();
    } else {
        assert_eq!(page, expected, "write it with BULLA_WRITE_TABLES=1");
    }
}
