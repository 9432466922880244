//! Test reports in the JUnit XML that build tools write.
//!
//! There is no official schema; read is what Surefire, Gradle, pytest, nextest, go-junit-report and
//! Jest have in common: `testsuite` elements, nested or not, `testcase` elements in them, and
//! `failure`, `error`, `skipped`, `flakyFailure`, `flakyError` in those. The documented base is
//! <https://maven.apache.org/surefire/maven-surefire-plugin/xsd/surefire-test-report.xsd>.
//!
//! A document type declaration is refused, so there are no entities to expand and nothing to fetch.

use std::collections::BTreeMap;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::test_report::{JunitError, JunitLimits, TestReport};

/// Adds the test cases of a document to a report.
pub(super) fn read(
    text: &str,
    report: TestReport,
    limits: &JunitLimits,
) -> Result<TestReport, JunitError> {
    let mut walk = Walk {
        report,
        limits,
        open: Vec::new(),
        case: None,
    };
    walk.run(text)?;
    Ok(walk.report)
}

/// The walk over one document.
struct Walk<'a> {
    report: TestReport,
    limits: &'a JunitLimits,
    open: Vec<Element>,
    case: Option<Case>,
}

/// An element that is open.
enum Element {
    Suite {
        name: String,
        declared: u64,
        failed_before: u64,
    },
    Case,
    Other,
}

/// The test case that is open.
struct Case {
    name: String,
    outcome: CaseOutcome,
}

/// Outcomes in the order in which they win.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum CaseOutcome {
    Passed,
    Flaky,
    Skipped,
    Failed,
}

impl Walk<'_> {
    fn run(&mut self, text: &str) -> Result<(), JunitError> {
        let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
        let mut root_seen = false;
        loop {
            let event = reader.read_event().map_err(|_| JunitError::Xml {
                offset: reader.error_position(),
            })?;
            match event {
                Event::Start(start) => {
                    root_seen = self.check_root(root_seen, &start)?;
                    self.enter(&start)?;
                }
                Event::Empty(start) => {
                    root_seen = self.check_root(root_seen, &start)?;
                    self.enter(&start)?;
                    self.leave();
                }
                Event::End(_) => self.leave(),
                Event::DocType(_) => return Err(JunitError::DocumentType),
                Event::Eof if self.open.is_empty() && root_seen => return Ok(()),
                Event::Eof => return Err(JunitError::Incomplete),
                // Texts are captured output, which no claim repeats.
                Event::Text(_)
                | Event::CData(_)
                | Event::Comment(_)
                | Event::Decl(_)
                | Event::PI(_)
                | Event::GeneralRef(_) => {}
            }
        }
    }

    fn check_root(&self, seen: bool, start: &BytesStart<'_>) -> Result<bool, JunitError> {
        let suites = ["testsuites", "testsuite"].contains(&start.local_name().as_ref());
        if self.open.is_empty() && (seen || !suites) {
            return Err(JunitError::Root);
        }
        Ok(true)
    }

    fn enter(&mut self, start: &BytesStart<'_>) -> Result<(), JunitError> {
        if self.open.len() >= self.limits.depth {
            return Err(JunitError::Depth {
                limit: self.limits.depth,
            });
        }
        let element = match start.local_name().as_ref() {
            "testsuites" | "testsuite" => self.enter_suite(start)?,
            "testcase" => {
                let attributes = self.attributes(start)?;
                let name = case_name(&attributes);
                if self.case.is_some() {
                    return Err(JunitError::NestedCase);
                }
                self.case = Some(Case {
                    name,
                    outcome: CaseOutcome::Passed,
                });
                Element::Case
            }
            "failure" | "error" => self.mark(CaseOutcome::Failed),
            "skipped" => self.mark(CaseOutcome::Skipped),
            "flakyFailure" | "flakyError" => self.mark(CaseOutcome::Flaky),
            _ => Element::Other,
        };
        self.open.push(element);
        Ok(())
    }

    fn enter_suite(&self, start: &BytesStart<'_>) -> Result<Element, JunitError> {
        let mut attributes = self.attributes(start)?;
        let number = |name: &str| match attributes.get(name) {
            Some(text) => text.trim().parse::<u64>().map_err(|_| JunitError::Count),
            None => Ok(0),
        };
        Ok(Element::Suite {
            declared: number("failures")?.saturating_add(number("errors")?),
            failed_before: self.report.failed.count,
            name: attributes.remove("name").unwrap_or_default(),
        })
    }

    /// Gives the open test case an outcome; a failure outside of one is the suite's.
    fn mark(&mut self, outcome: CaseOutcome) -> Element {
        if let Some(case) = &mut self.case {
            case.outcome = case.outcome.max(outcome);
        } else if outcome == CaseOutcome::Failed {
            let suite = self.open.iter().rev().find_map(|element| match element {
                Element::Suite { name, .. } => Some(name.clone()),
                Element::Case | Element::Other => None,
            });
            self.report
                .failed
                .add(suite.unwrap_or_default(), self.limits);
        }
        Element::Other
    }

    fn leave(&mut self) {
        match self.open.pop() {
            Some(Element::Suite {
                declared,
                failed_before,
                ..
            }) => {
                let shown = self.report.failed.count.saturating_sub(failed_before);
                self.report.hidden_failures |= declared > shown;
            }
            Some(Element::Case) => {
                if let Some(Case { name, outcome }) = self.case.take() {
                    match outcome {
                        CaseOutcome::Passed => self.report.passed.add(name, self.limits),
                        CaseOutcome::Flaky => self.report.flaky.add(name, self.limits),
                        CaseOutcome::Failed => self.report.failed.add(name, self.limits),
                        CaseOutcome::Skipped => {
                            self.report.skipped = self.report.skipped.saturating_add(1);
                        }
                    }
                }
            }
            Some(Element::Other) | None => {}
        }
    }

    /// The attributes that count, each at most once.
    fn attributes(
        &self,
        start: &BytesStart<'_>,
    ) -> Result<BTreeMap<&'static str, String>, JunitError> {
        let mut found = BTreeMap::new();
        // The library's own check for duplicates compares each attribute with all before it.
        for (index, attribute) in start.attributes().with_checks(false).enumerate() {
            if index >= self.limits.attributes {
                return Err(JunitError::Attributes {
                    limit: self.limits.attributes,
                });
            }
            let attribute = attribute.map_err(|_| JunitError::Attribute)?;
            let key = attribute.key.local_name();
            let Some(name) = NAMES.iter().find(|name| **name == key.as_ref()) else {
                continue;
            };
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|_| JunitError::Attribute)?;
            if found.insert(*name, value.into_owned()).is_some() {
                return Err(JunitError::Attribute);
            }
        }
        Ok(found)
    }
}

/// `classname.name`, or what there is of it.
fn case_name(attributes: &BTreeMap<&'static str, String>) -> String {
    let part = |name| attributes.get(name).map_or("", String::as_str);
    match (part("classname"), part("name")) {
        ("", name) => name.to_owned(),
        (class, "") => class.to_owned(),
        (class, name) => format!("{class}.{name}"),
    }
}

/// The attributes that count.
const NAMES: &[&str] = &["classname", "errors", "failures", "name"];
