//! Test reports.

use bulla_attest::claim::{JunitError, JunitLimits, TestReport};
use bulla_model::Digest;
use bulla_model::predicate::test_result::Outcome;
use proptest::prelude::*;

use crate::fixture;

fn read(document: &[u8]) -> Result<TestReport, JunitError> {
    let mut report = TestReport::default();
    report.read("junit.xml", document, &JunitLimits::default())?;
    Ok(report)
}

fn read_fixture(name: &str) -> TestReport {
    read(&fixture(&format!("junit/{name}.xml"))).unwrap()
}

#[test]
fn a_surefire_report_names_flaky_and_counts_skipped_tests() {
    let report = read_fixture("surefire");
    assert_eq!(
        report.passed.names,
        [
            "test.example.LedgerTest.opens",
            "test.example.LedgerTest.balances[1 < 2]",
            "test.example.LedgerTest.sums",
        ]
    );
    assert_eq!(report.flaky.names, ["test.example.LedgerTest.closes"]);
    assert_eq!((report.skipped, report.failed.count), (1, 0));
    assert_eq!(report.outcome(), Outcome::Warned);
}

#[test]
fn a_pytest_report_with_failures_and_errors_fails() {
    let report = read_fixture("pytest");
    assert_eq!(report.outcome(), Outcome::Failed);
    assert_eq!(
        report.failed.names,
        [
            "tests.test_ledger.test_balance",
            "tests.test_ledger.test_close"
        ]
    );
    assert_eq!((report.tests(), report.hidden_failures), (4, false));
}

#[test]
fn nested_suites_and_missing_names_are_read() {
    let report = read_fixture("nested");
    assert_eq!(report.passed.names, ["works", "ledger", "outer.works"]);
    assert_eq!(report.outcome(), Outcome::Passed);
}

#[test]
fn failures_outside_of_test_cases_fail_too() {
    let report = read_fixture("suite-error");
    assert_eq!(report.failed.names, ["database"]);
    assert_eq!(report.outcome(), Outcome::Failed);

    let hidden = read_fixture("hidden");
    assert_eq!(hidden.failed.count, 0);
    assert!(hidden.hidden_failures);
    assert_eq!(hidden.outcome(), Outcome::Failed);
}

#[test]
fn several_reports_make_one_result() {
    let mut report = TestReport::default();
    for name in ["nested", "pytest"] {
        let document = fixture(&format!("junit/{name}.xml"));
        report
            .read(name, &document, &JunitLimits::default())
            .unwrap();
    }
    let before = report.clone();
    report
        .read("broken", b"<testsuite>", &JunitLimits::default())
        .unwrap_err();
    assert_eq!(report, before, "a broken report adds nothing");

    let predicate = report.to_predicate(vec![], None).unwrap();
    assert_eq!(predicate.result, Outcome::Failed);
    let summary = &predicate.extra["https://bulla.dev/tests"];
    assert_eq!(summary["tests"], 7);
    assert_eq!(summary["passed"], 5);
    assert_eq!(summary["failed"], 2);
    assert_eq!(
        summary["reports"][1]["digest"]["sha256"],
        Digest::sha256(&fixture("junit/pytest.xml")).hex()
    );
}

#[test]
fn no_tests_are_no_result_and_only_skipped_tests_are_no_pass() {
    let empty = read(b"<testsuites/>").unwrap();
    assert_eq!(empty.to_predicate(vec![], None), Err(JunitError::Empty));
    let skipped = b"<testsuite><testcase name='a'><skipped/></testcase></testsuite>";
    assert_eq!(read(skipped).unwrap().outcome(), Outcome::Warned);
}

#[test]
fn a_failed_case_stays_failed_whatever_else_it_says() {
    let document =
        b"<testsuite><testcase name='a'><failure/><skipped/><flakyError/></testcase></testsuite>";
    assert_eq!(read(document).unwrap().failed.names, ["a"]);
}

#[test]
fn a_hundred_thousand_tests_are_counted_and_ten_thousand_named() {
    use std::fmt::Write as _;
    let mut document = "<testsuite name='many'>".to_owned();
    for index in 0..100_000 {
        write!(document, "<testcase classname='c' name='n{index}'/>").unwrap();
    }
    document += "</testsuite>";
    let predicate = read(document.as_bytes())
        .unwrap()
        .to_predicate(vec![], None)
        .unwrap();
    assert_eq!(predicate.passed_tests.len(), 10_000);
    let summary = &predicate.extra["https://bulla.dev/tests"];
    assert_eq!(summary["passed"], 100_000);
    assert_eq!(summary["namesOmitted"], 90_000);
}

#[test]
fn long_names_are_cut_between_characters() {
    let document = format!(
        "<testsuite><testcase name='{}'/></testsuite>",
        "é".repeat(2000)
    );
    let names = read(document.as_bytes()).unwrap().passed.names;
    assert_eq!(names[0].chars().count(), 513);
}

#[test]
fn hostile_documents_are_refused() {
    let deep = format!("<testsuite>{}", "<x>".repeat(100_000));
    let wide: Vec<_> = (0..1000).map(|index| format!("a{index}=''")).collect();
    let wide = format!("<testsuite {}/>", wide.join(" "));
    for (document, expected) in [
        (fixture("junit/entities.xml"), JunitError::DocumentType),
        (deep.into_bytes(), JunitError::Depth { limit: 32 }),
        (wide.into_bytes(), JunitError::Attributes { limit: 64 }),
        (b"".to_vec(), JunitError::Incomplete),
        (b"not XML".to_vec(), JunitError::Incomplete),
        (b"{\"json\": true}".to_vec(), JunitError::Incomplete),
        (b"<html/>".to_vec(), JunitError::Root),
        (b"<testsuite/><testsuite/>".to_vec(), JunitError::Root),
        (
            b"<testsuite><testcase name='a'/>".to_vec(),
            JunitError::Incomplete,
        ),
        (b"\xff\xfe<\0".to_vec(), JunitError::Text),
        (b"<testsuite failures='many'/>".to_vec(), JunitError::Count),
        (
            b"<testsuite name='&undefined;'/>".to_vec(),
            JunitError::Attribute,
        ),
        (
            b"<testsuite name='a' name='b'/>".to_vec(),
            JunitError::Attribute,
        ),
        (
            b"<testsuite><testcase><testcase/></testcase></testsuite>".to_vec(),
            JunitError::NestedCase,
        ),
    ] {
        let shown: String = String::from_utf8_lossy(&document)
            .chars()
            .take(60)
            .collect();
        assert_eq!(read(&document).unwrap_err(), expected, "{shown}");
    }
    assert!(matches!(
        read(b"<testsuite></testcase>"),
        Err(JunitError::Xml { .. })
    ));
    let mut small = JunitLimits::default();
    small.bytes = 10;
    let mut report = TestReport::default();
    assert!(matches!(
        report.read("r", b"<testsuites/>", &small),
        Err(JunitError::Size {
            limit: 10,
            found: 13
        })
    ));
}

proptest! {
    #[test]
    fn no_document_makes_the_reader_panic(document in "(<[/?!]?(testsuites?|testcase|failure|a)( name='[a&;]{0,3}')?/?>|[a<>&;'\\[\\]]){0,40}") {
        let _ = read(document.as_bytes()).is_ok();
    }

    #[test]
    fn a_cut_report_is_never_a_result(at in 0_usize..900) {
        let document = fixture("junit/surefire.xml");
        let end = document.len().min(at);
        prop_assert!(read(&document[..end]).is_err());
    }
}
