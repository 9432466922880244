//! SARIF 2.1.0, for code scanning.
//!
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/sarif-v2.1.0-os.html>

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bulla_model::Digest;
use bulla_verify::{Finding, Severity};
use serde_json::{Map, Value, json};

use super::super::report::{Judged, VerifyReport};
use super::{TAG, answer, causes, facts, reason};
use crate::Exit;
use crate::escape::escape;
use crate::render::to_json;

/// The rule of an answer that is no yes and has no finding that says why.
const NOT_ALLOWED: (&str, &str) = ("not-allowed", "The answer is not yes.");

/// The document: one run, a rule for each code that was found.
pub(in crate::commands::verify) fn sarif(report: &VerifyReport) -> String {
    let folder = report.policy_folder();
    let verdicts = report.verdicts.iter();
    let found: Vec<Found<'_>> = verdicts
        .flat_map(|judged| Found::all(judged, folder.as_deref()))
        .collect();
    let rules: BTreeMap<&str, &str> = found.iter().map(Found::rule).collect();
    let names: Vec<&str> = rules.keys().copied().collect();
    let described = rules
        .iter()
        .map(|(id, about)| json!({"id": id, "shortDescription": {"text": message(about)}}));
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "bulla",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": described.collect::<Vec<_>>(),
            }},
            "invocations": [{
                "executionSuccessful": report.verdicts.iter().all(|one| one.outcome.is_ok()),
                "exitCode": report.exit,
            }],
            "columnKind": "unicodeCodePoints",
            "results": results(&found, &names),
        }],
    });
    to_json(&document)
}

/// Each result; of those that look the same each has a fingerprint of its own.
fn results(found: &[Found<'_>], rules: &[&str]) -> Vec<Value> {
    let mut often: BTreeMap<String, usize> = BTreeMap::new();
    let mut numbered = |one: &Found<'_>| {
        let (id, _) = one.rule();
        let print = one.fingerprint(id);
        let number = often.entry(print.clone()).or_default();
        *number = number.saturating_add(1);
        one.result(rules, &format!("{print}:{number}"))
    };
    found.iter().map(&mut numbered).collect()
}

/// What a result says.
#[derive(Clone, Copy)]
enum About<'a> {
    Finding(&'a Finding),
    /// The answer is no yes, and nothing else says why.
    Answer,
    /// It is named by a tag alone.
    Tag,
}

/// One result.
struct Found<'a> {
    judged: &'a Judged,
    about: About<'a>,
    /// Where the policy is in the checkout, if it is.
    folder: Option<&'a str>,
}

impl<'a> Found<'a> {
    fn all(judged: &'a Judged, folder: Option<&'a str>) -> Vec<Self> {
        let of = |about| Self {
            judged,
            about,
            folder,
        };
        let findings = judged.outcome.iter().flat_map(|verdict| &verdict.findings);
        let is_error = |finding: &Finding| finding.severity == Severity::Error;
        let is_explained = findings.clone().any(is_error);
        let mut all: Vec<_> = findings.map(|one| of(About::Finding(one))).collect();
        if judged.exit(false) != Exit::Success && !is_explained {
            all.push(of(About::Answer));
        }
        if judged.is_tag {
            all.push(of(About::Tag));
        }
        all
    }

    fn finding(&self) -> Option<&'a Finding> {
        match self.about {
            About::Finding(finding) => Some(finding),
            About::Answer | About::Tag => None,
        }
    }

    fn rule(&self) -> (&'static str, &'static str) {
        match self.about {
            About::Finding(finding) => (finding.code.as_str(), finding.code.about()),
            About::Answer => NOT_ALLOWED,
            About::Tag => TAG,
        }
    }

    fn result(&self, rules: &[&str], fingerprint: &str) -> Value {
        let (id, about) = self.rule();
        let (level, text) = match self.about {
            About::Finding(finding) => {
                let level = match finding.severity {
                    Severity::Error => "error",
                    Severity::Warning => "warning",
                    Severity::Note => "note",
                };
                (level, finding.message.clone())
            }
            About::Answer => {
                let (answer, reason) = (answer(self.judged), reason(self.judged));
                ("error", format!("{answer}: {reason}"))
            }
            About::Tag => ("warning", about.to_owned()),
        };
        json!({
            "ruleId": id,
            "ruleIndex": rules.binary_search(&id).ok(),
            "level": level,
            "message": {"text": message(&text)},
            "locations": [self.location()],
            "partialFingerprints": {"primaryLocationLineHash": fingerprint},
            "properties": self.properties(),
        })
    }

    /// The place in the policy, if one is known, else what was asked about. Code scanning takes paths
    /// within the checkout alone: another scheme has the whole document refused.
    fn location(&self) -> Value {
        let name = escape(self.target());
        let logical = json!([{"fullyQualifiedName": name, "kind": "resource"}]);
        let place = self.finding().and_then(|finding| finding.place.as_ref());
        let physical = match place {
            Some(place) => json!({
                "artifactLocation": {"uri": within(&self.policy_file(place.file()))},
                "region": {"startLine": place.line(), "startColumn": place.column()},
            }),
            None => json!({
                "artifactLocation": {"uri": within(self.thing())},
                "region": {"startLine": 1},
            }),
        };
        json!({"physicalLocation": physical, "logicalLocations": logical})
    }

    fn policy_file(&self, file: &str) -> String {
        let folder = self.folder.filter(|folder| !folder.is_empty());
        folder.map_or_else(|| file.to_owned(), |folder| format!("{folder}/{file}"))
    }

    fn target(&self) -> &str {
        let image = self.judged.image.as_deref();
        image.unwrap_or(&self.judged.target)
    }

    /// Repository, layout or file, without what changes from build to build.
    fn thing(&self) -> &str {
        let target = self.target();
        let target = target.split_once('@').map_or(target, |(name, _)| name);
        let kinds = ["oci:", "oci-archive:", "docker-archive:", "file:", "dir:"];
        let bare = kinds.iter().find_map(|kind| target.strip_prefix(kind));
        let name = bare.unwrap_or(target);
        let last = name.rfind('/').map_or(0, |at| at.saturating_add(1));
        match name.get(last..).and_then(|last| last.split_once(':')) {
            Some((own, _)) => name.get(..last.saturating_add(own.len())).unwrap_or(name),
            None => name,
        }
    }

    /// The same for the same finding about the same thing, wherever the line moved, whatever the build
    /// is, and however old something is by now.
    fn fingerprint(&self, id: &str) -> String {
        let finding = self.finding();
        let place = finding.and_then(|one| one.place.as_ref());
        let parts = [
            self.thing(),
            id,
            finding.map_or("", |finding| finding.check),
            place.map_or("", |place| place.file()),
            finding.and_then(|one| one.pointer).unwrap_or_default(),
        ];
        Digest::sha256(parts.join("\0").as_bytes()).hex().to_owned()
    }

    fn properties(&self) -> Value {
        let mut properties = Map::new();
        properties.insert("target".to_owned(), json!(self.judged.target));
        for (name, value) in causes(self.judged) {
            let told = properties.entry(name).or_insert_with(|| json!([]));
            told.as_array_mut()
                .into_iter()
                .for_each(|all| all.push(json!(value)));
        }
        if let Some(finding) = self.finding() {
            properties.insert("check".to_owned(), json!(finding.check));
            for (name, value) in facts(finding) {
                properties.insert(name.to_owned(), json!(value));
            }
        }
        Value::Object(properties)
    }
}

/// A plain text message, in which brackets would be links and braces placeholders (sections 3.11.5 and
/// 3.11.6).
fn message(text: &str) -> String {
    let mut out = String::new();
    for character in escape(text).chars() {
        if matches!(character, '\\' | '[' | ']') {
            out.push('\\');
        }
        if matches!(character, '{' | '}') {
            out.push(character);
        }
        out.push(character);
    }
    out
}

/// A path within the checkout as a reference of RFC 3986: what could be taken for a scheme, a query or a
/// fragment is written by its bytes, and nothing leads out of it.
fn within(path: &str) -> String {
    let parts = path.split('/');
    let parts = parts.filter(|part| !matches!(*part, "" | "." | ".."));
    let parts: Vec<String> = parts.map(encoded).collect();
    if parts.is_empty() {
        return "unnamed".to_owned();
    }
    parts.join("/")
}

fn encoded(part: &str) -> String {
    let mut out = String::new();
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-~+=@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("because writing to a string cannot fail");
        }
    }
    out
}
