//! Runs the vectors of promotion chains, from their files alone:
//! `cargo run -p bulla-verify --example chain_vectors -- testdata/chains`.
//!
//! Prints a line for each case as TAP does, and what differs.

#![expect(clippy::print_stdout, reason = "this program reports")]

use std::path::PathBuf;
use std::process::ExitCode;

use case::{Case, Expected, blob, cases};

mod case;

fn main() -> ExitCode {
    let folder = std::env::args_os().nth(1).map_or_else(here, PathBuf::from);
    let cases = cases(&folder);
    println!("TAP version 14\n1..{}", cases.len());
    let mut wrong = 0;
    for (number, case) in (1..).zip(&cases) {
        let found = case.answer(&|digest| blob(&folder, digest));
        if found == case.expected {
            println!("ok {number} - {}", case.name);
        } else {
            wrong += 1;
            println!("not ok {number} - {}", case.name);
            differ(case, &found);
        }
    }
    println!("# {} of {} as expected", cases.len() - wrong, cases.len());
    ExitCode::from(u8::from(wrong > 0))
}

/// The vectors of this repository.
fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../testdata/chains")
}

fn differ(case: &Case, found: &Expected) {
    println!("# {}: {}", case.section, case.about);
    let expected = &case.expected;
    if (expected.exit, &expected.decision, &expected.cause)
        != (found.exit, &found.decision, &found.cause)
    {
        println!(
            "# expected {} {:?} {:?}, found {} {:?} {:?}",
            expected.exit,
            expected.decision,
            expected.cause,
            found.exit,
            found.decision,
            found.cause
        );
    }
    for missing in expected
        .findings
        .iter()
        .filter(|one| !found.findings.contains(one))
    {
        println!("# missing: {missing:?}");
    }
    for other in found
        .findings
        .iter()
        .filter(|one| !expected.findings.contains(one))
    {
        println!("# unexpected: {other:?}");
    }
    if expected.steps != found.steps {
        println!("# other steps: {:?}", found.steps);
    }
}
