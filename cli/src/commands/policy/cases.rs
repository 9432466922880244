//! Cases of policy tests, from files.

use std::path::{Path, PathBuf};

use bulla_model::{EdgeKind, Limits};
use bulla_verify::Code;
use jiff::Timestamp;
use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::Failure;
use crate::commands::exhibit::Asked;
use crate::failure::FailureKind;
use crate::join::{file, rules};
use crate::target::Target;

/// The `apiVersion` of files of cases.
const API_VERSION: &str = "bulla.dev/policy-test/v0.1";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FileWire {
    api_version: Spanned<String>,
    cases: Vec<Spanned<CaseWire>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CaseWire {
    name: String,
    #[serde(default)]
    pack: Option<PathBuf>,
    #[serde(default)]
    image: Option<String>,
    #[serde(default)]
    env: Option<String>,
    #[serde(default)]
    to: Option<String>,
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    kind: Option<EdgeKind>,
    #[serde(default)]
    at: Option<Timestamp>,
    expect: ExpectWire,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ExpectWire {
    #[serde(default)]
    decision: Option<Answer>,
    #[serde(default)]
    exit: Option<u8>,
    #[serde(default)]
    codes: Option<Vec<String>>,
    #[serde(default)]
    warnings: Option<Vec<String>>,
}

/// The answers, as verdicts in JSON name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Answer {
    /// Yes.
    Allow,
    /// No.
    Deny,
    /// Could not find out.
    Undetermined,
}

/// A case.
#[derive(Debug)]
pub(super) struct Case {
    /// Its name, for people.
    pub(super) name: String,
    /// Where it is written: `policy/tests/prod.yaml:3:5`.
    pub(super) place: String,
    /// The evidence.
    pub(super) evidence: Evidence,
    /// The question.
    pub(super) asked: Asked,
    /// The time it is asked for; without it the pack's own, or now.
    pub(super) at: Option<Timestamp>,
    /// What the answer has to be.
    pub(super) expected: Expected,
}

/// Where a case's evidence is.
#[derive(Debug)]
pub(super) enum Evidence {
    /// In a pack.
    Pack(PathBuf),
    /// Beside an image.
    Image(Target),
}

/// What an answer has to be; what is not said may be anything.
#[derive(Debug)]
pub(super) struct Expected {
    /// The answer itself.
    pub(super) decision: Option<Answer>,
    /// The exit code.
    pub(super) exit: Option<u8>,
    /// The codes of all its errors, sorted.
    pub(super) codes: Option<Vec<&'static str>>,
    /// The codes of all its warnings, sorted.
    pub(super) warnings: Option<Vec<&'static str>>,
}

/// The cases of files, and of the files in folders, in the order of their names.
pub(super) fn read(paths: &[PathBuf], limits: &Limits) -> Result<Vec<Case>, Failure> {
    let mut cases = Vec::new();
    for path in paths {
        if !path.is_dir() {
            cases.extend(of_file(path, limits)?);
            continue;
        }
        for entry in rules::entries(path)? {
            if rules::is_yaml(&entry) {
                cases.extend(of_file(&entry, limits)?);
            }
        }
    }
    if cases.is_empty() {
        // Tests that are not found must not look like tests that passed.
        let named: Vec<_> = paths
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        return Err(
            Failure::usage(format_args!("no cases in {}", named.join(", ")))
                .with_hint("bulla policy test --help shows one"),
        );
    }
    Ok(cases)
}

fn of_file(path: &Path, limits: &Limits) -> Result<Vec<Case>, Failure> {
    let refuse = |at: Option<serde_saphyr::Location>, reason: &str| {
        let at = at.map_or_else(String::new, |at| format!(":{}:{}", at.line(), at.column()));
        let text = format!("{}{at}: {reason}", path.display());
        Failure::new(FailureKind::Configuration, text)
    };
    let bytes = file::read(path, limits.configuration_bytes)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| refuse(None, "not UTF-8"))?;
    let wire: FileWire = bulla_verify::policy::from_yaml(text).map_err(|error| {
        let reason = error.without_snippet().to_string();
        let reason = reason.lines().next().unwrap_or_default();
        let reason = reason.split(" at line ").next().unwrap_or_default();
        let reason = reason.strip_prefix("error: ").unwrap_or(reason);
        refuse(error.location(), reason)
    })?;
    if wire.api_version.value != API_VERSION {
        let reason = format!("expected `apiVersion: {API_VERSION}`");
        return Err(refuse(Some(wire.api_version.referenced), &reason));
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut cases = Vec::new();
    for case in wire.cases {
        let at = case.referenced;
        let place = format!("{}:{}:{}", path.display(), at.line(), at.column());
        let case = case.value.read(place, folder);
        cases.push(case.map_err(|reason| refuse(Some(at), &reason))?);
    }
    Ok(cases)
}

impl CaseWire {
    /// Checks a case. Paths in it are relative to its file.
    fn read(self, place: String, folder: &Path) -> Result<Case, String> {
        let evidence = match (self.pack, self.image) {
            (Some(pack), None) => Evidence::Pack(folder.join(pack)),
            (None, Some(image)) => Evidence::Image(image_in(folder, &image)?),
            _ => return Err("expected `pack` or `image`, one of them".to_owned()),
        };
        let asked = match (self.env, self.to) {
            (Some(_), Some(_)) => {
                return Err(
                    "`env` asks about an environment, `to` about a step: one of them".into(),
                );
            }
            (None, Some(to)) => Asked::Step {
                to,
                from: self.from,
                kind: self.kind.unwrap_or(EdgeKind::Promote),
            },
            (_, None) if self.from.is_some() || self.kind.is_some() => {
                return Err("`from` and `kind` are about a step: say where `to`".to_owned());
            }
            (env, None) => {
                if env.is_none() && matches!(evidence, Evidence::Image(_)) {
                    return Err("an image needs `env` or `to`".to_owned());
                }
                Asked::Environment(env)
            }
        };
        let expected = Expected {
            decision: self.expect.decision,
            exit: self.expect.exit,
            codes: self.expect.codes.as_deref().map(codes).transpose()?,
            warnings: self.expect.warnings.as_deref().map(codes).transpose()?,
        };
        let says_nothing = expected.decision.is_none()
            && expected.exit.is_none()
            && expected.codes.is_none()
            && expected.warnings.is_none();
        if says_nothing {
            return Err("`expect` is empty: name decision, exit, codes or warnings".to_owned());
        }
        Ok(Case {
            name: self.name,
            place,
            evidence,
            asked,
            at: self.at,
            expected,
        })
    }
}

fn image_in(folder: &Path, image: &str) -> Result<Target, String> {
    let target = Target::parse(image).map_err(|failure| failure.message().to_owned())?;
    Ok(match target {
        Target::Layout {
            directory,
            selector,
        } => Target::Layout {
            directory: folder.join(directory),
            selector,
        },
        Target::OciArchive(path) => Target::OciArchive(folder.join(path)),
        other => other,
    })
}

/// Codes as findings name them. A misspelt one would be one that never comes.
fn codes(names: &[String]) -> Result<Vec<&'static str>, String> {
    let known = |name: &String| {
        let mut all = Code::ALL.iter().map(|code| code.as_str());
        let found = all.find(|code| code == name);
        found.ok_or_else(|| format!("`{name}` is no code of a finding: see docs/findings.md"))
    };
    let mut found: Vec<_> = names.iter().map(known).collect::<Result<_, _>>()?;
    found.sort_unstable();
    found.dedup();
    Ok(found)
}
