//! What test reports say, as an in-toto test-result.
//!
//! <https://github.com/in-toto/attestation/blob/v1.1.0/spec/predicates/test-result.md>

use std::collections::BTreeMap;

use bulla_model::predicate::TestResult;
use bulla_model::predicate::test_result::Outcome;
use bulla_model::{Digest, ResourceDescriptor};
use serde_json::json;

use super::junit;

/// Bounds on test reports.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JunitLimits {
    /// Bytes of one report. Captured output makes them large.
    pub bytes: usize,
    /// Nesting of elements. Stops memory exhaustion by open elements.
    pub depth: usize,
    /// Attributes of one element.
    pub attributes: usize,
    /// Names kept of each outcome; all are counted.
    pub names: usize,
    /// Characters kept of one name.
    pub name_characters: usize,
}

impl Default for JunitLimits {
    fn default() -> Self {
        Self {
            bytes: 64 << 20,
            depth: 32,
            attributes: 64,
            names: 10_000,
            name_characters: 512,
        }
    }
}

/// What one or several test reports say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestReport {
    /// Tests that passed.
    pub passed: Tests,
    /// Tests that passed only when tried again.
    pub flaky: Tests,
    /// Tests that failed or could not run, and suites that failed as a whole.
    pub failed: Tests,
    /// How many tests were skipped.
    pub skipped: u64,
    /// Whether a suite declares more failures than its test cases show.
    pub hidden_failures: bool,
    sources: Vec<(String, Digest)>,
}

/// Tests with one outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tests {
    /// How many there are.
    pub count: u64,
    /// Their names in the order of the report, up to a limit.
    pub names: Vec<String>,
}

impl TestReport {
    /// Adds a report. `name` is for people, for example its file name.
    pub fn read(
        &mut self,
        name: &str,
        document: &[u8],
        limits: &JunitLimits,
    ) -> Result<(), JunitError> {
        if document.len() > limits.bytes {
            return Err(JunitError::Size {
                limit: limits.bytes,
                found: document.len(),
            });
        }
        let text = std::str::from_utf8(document).map_err(|_| JunitError::Text)?;
        *self = junit::read(text, self.clone(), limits)?;
        self.sources
            .push((name.to_owned(), Digest::sha256(document)));
        Ok(())
    }

    /// How many test cases there were.
    pub fn tests(&self) -> u64 {
        self.passed.count + self.flaky.count + self.failed.count + self.skipped
    }

    /// The outcome over everything: failed if anything failed, warned if something was flaky or
    /// nothing passed.
    pub fn outcome(&self) -> Outcome {
        if self.failed.count > 0 || self.hidden_failures {
            Outcome::Failed
        } else if self.flaky.count > 0 || self.passed.count == 0 {
            Outcome::Warned
        } else {
            Outcome::Passed
        }
    }

    /// The predicate. `configuration` names what was run, for example the workflow file.
    ///
    /// Counts and the digests of the reports stand under `https://bulla.dev/tests`.
    pub fn to_predicate(
        &self,
        configuration: Vec<ResourceDescriptor>,
        url: Option<String>,
    ) -> Result<TestResult, JunitError> {
        if self.tests() == 0 {
            return Err(JunitError::Empty);
        }
        let kept = self.passed.names.len() + self.flaky.names.len() + self.failed.names.len();
        let named = self.tests() - self.skipped;
        let summary = json!({
            "failed": self.failed.count,
            "flaky": self.flaky.count,
            "hiddenFailures": self.hidden_failures,
            "namesOmitted": named.saturating_sub(kept as u64),
            "passed": self.passed.count,
            "reports": self
                .sources
                .iter()
                .map(|(name, digest)| ResourceDescriptor::named(name, digest.clone()))
                .collect::<Vec<_>>(),
            "skipped": self.skipped,
            "tests": self.tests(),
        });
        Ok(TestResult {
            result: self.outcome(),
            configuration,
            url,
            passed_tests: self.passed.names.clone(),
            warned_tests: self.flaky.names.clone(),
            failed_tests: self.failed.names.clone(),
            extra: BTreeMap::from([("https://bulla.dev/tests".to_owned(), summary)]),
        })
    }
}

impl Tests {
    pub(super) fn add(&mut self, name: String, limits: &JunitLimits) {
        self.count = self.count.saturating_add(1);
        if self.names.len() < limits.names {
            let cut = name.char_indices().nth(limits.name_characters);
            self.names.push(match cut {
                Some((end, _)) => format!("{}…", &name[..end]),
                None => name,
            });
        }
    }
}

/// Why a document is no test report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JunitError {
    /// The document is too long.
    #[error("{found} bytes of test report, the limit is {limit}")]
    Size {
        /// The limit in bytes.
        limit: usize,
        /// The length in bytes.
        found: usize,
    },
    /// The document is not UTF-8.
    #[error("the test report is not UTF-8 text")]
    Text,
    /// The document is not well-formed XML.
    #[error("the test report is not well-formed XML (byte {offset})")]
    Xml {
        /// Where, in bytes from the start.
        offset: u64,
    },
    /// The document declares a type and may define entities.
    #[error("the test report has a document type declaration, which is not read")]
    DocumentType,
    /// The document ends inside an element, or has none.
    #[error("the test report is incomplete")]
    Incomplete,
    /// The document is another kind of XML.
    #[error("no JUnit report: expected one `testsuites` or `testsuite` element")]
    Root,
    /// Elements are nested too deeply.
    #[error("elements of the test report are nested deeper than {limit}")]
    Depth {
        /// The limit.
        limit: usize,
    },
    /// A test case stands inside another.
    #[error("a test case inside a test case")]
    NestedCase,
    /// An element has too many attributes.
    #[error("more than {limit} attributes in one element of the test report")]
    Attributes {
        /// The limit.
        limit: usize,
    },
    /// An attribute is malformed, occurs twice, or uses an undefined entity.
    #[error("malformed attribute in the test report")]
    Attribute,
    /// A suite's number of failures or errors is no number.
    #[error("`failures` and `errors` of a test suite are numbers")]
    Count,
    /// No report has a test case.
    #[error("no test case in the test report, so there is no result to attest")]
    Empty,
}
