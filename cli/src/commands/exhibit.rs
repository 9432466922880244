//! Evidence that rules are tried on: out of a pack, or from beside an image. Nothing that is found out
//! is remembered.

use std::path::Path;
use std::sync::Arc;

use bulla_model::EdgeKind;
use bulla_verify::{Decision, Evidence, Severity, Verdict};
use jiff::Timestamp;
use serde::Serialize;

use super::evidence::{self, Stored};
use crate::commands::Context;
use crate::join::image::{self, OpenImage};
use crate::join::rules::Rules;
use crate::join::verdict::{self, StepName};
use crate::join::{ledger, step};
use crate::target::{Found, Target};
use crate::{Exit, Failure};

/// Where evidence is.
#[derive(Debug)]
pub(super) enum Exhibit {
    /// In a pack.
    Pack(Box<Stored>),
    /// Beside an image.
    Image(Box<OpenImage>),
}

/// What is asked about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// May it be in this environment? A pack says for which it was made.
    Environment(Option<String>),
    /// May it take this step?
    Step {
        /// Where to.
        to: String,
        /// Where from, if that has to be said.
        from: Option<String>,
        /// What kind of step.
        kind: EdgeKind,
    },
}

impl Exhibit {
    /// Opens a pack, if a file has this name, and an image otherwise.
    pub(super) async fn open(context: &Context, name: &str) -> Result<Self, Failure> {
        let path = Path::new(name);
        if Found::at(path) == Found::File {
            Self::pack(context, path).await
        } else {
            Self::image(context, &Target::parse(name)?).await
        }
    }

    /// Opens a pack.
    pub(super) async fn pack(context: &Context, path: &Path) -> Result<Self, Failure> {
        let stored = evidence::stored(path, &context.limits).await?;
        Ok(Self::Pack(Box::new(stored)))
    }

    /// Opens an image.
    pub(super) async fn image(context: &Context, target: &Target) -> Result<Self, Failure> {
        let image = image::open(context, target).await?;
        Ok(Self::Image(Box::new(image)))
    }

    /// What it is about.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Pack(stored) => &stored.image,
            Self::Image(image) => &image.pinned,
        }
    }

    /// The time it is judged at where none is said.
    pub(super) fn now(&self) -> Timestamp {
        match self {
            Self::Pack(stored) => stored.now,
            Self::Image(_) => step::whole_second(Timestamp::now()),
        }
    }

    /// These rules, with what else a pack brings along, as of a time.
    pub(super) fn rules(
        &self,
        base: &Rules,
        now: Timestamp,
        context: &Context,
    ) -> Result<Arc<Rules>, Failure> {
        let (mut anchor, mut roots) = (base.anchor_file.clone(), base.trusted_roots.clone());
        if let Self::Pack(stored) = self {
            anchor = anchor.or_else(|| stored.anchor.clone());
            if roots.is_empty() {
                roots.clone_from(&stored.trusted_roots);
            }
        }
        let limits = &context.limits;
        let mut rules = Rules::assemble(base.files.clone(), anchor, roots, now, limits)?;
        rules.ledger.clone_from(&base.ledger);
        Ok(Arc::new(rules))
    }

    /// The environment that a question is about.
    pub(super) fn environment<'a>(&'a self, asked: &'a Asked) -> Result<&'a str, Failure> {
        match (asked, self) {
            (Asked::Step { to, .. }, _) => Ok(to),
            (Asked::Environment(Some(name)), _) => Ok(name),
            (Asked::Environment(None), Self::Pack(stored)) => Ok(&stored.environment),
            (Asked::Environment(None), Self::Image(image)) => Err(Failure::usage(format_args!(
                "nobody said which environment {} is for",
                image.pinned
            ))),
        }
    }

    /// The evidence for a question.
    pub(super) async fn evidence(
        &self,
        context: &Context,
        rules: &Arc<Rules>,
        asked: &Asked,
        now: Timestamp,
    ) -> Result<Arc<Evidence>, Failure> {
        let environment = self.environment(asked)?;
        match self {
            Self::Image(image) => ledger::beside(context, rules, environment, image, now).await,
            Self::Pack(stored) => {
                let mut evidence = stored.evidence.clone();
                if rules.has_ledger() && !stored.has_ledger {
                    let line = "the pack was made where nobody may revoke, so no ledger was asked";
                    evidence.ledger.unavailable.push(line.to_owned());
                }
                Ok(Arc::new(evidence))
            }
        }
    }

    /// Answers a question from evidence that was fetched.
    pub(super) async fn answer(
        &self,
        context: &Context,
        rules: &Arc<Rules>,
        evidence: Arc<Evidence>,
        asked: &Asked,
        now: Timestamp,
    ) -> Result<Verdict, Failure> {
        let (name, limits) = (self.name(), &context.limits);
        if let Asked::Step { to, from, kind } = asked {
            let step = StepName {
                kind: *kind,
                to,
                from: from.as_deref(),
                tickets: None,
                together: None,
            };
            let judged = verdict::step(rules, evidence, name, step, None, now, limits);
            return Ok(judged.await?.0);
        }
        let environment = self.environment(asked)?;
        verdict::environment(rules, evidence, name, environment, now, limits).await
    }

    /// Asks as of a time.
    pub(super) async fn judge(
        &self,
        context: &Context,
        base: &Rules,
        asked: &Asked,
        at: Option<Timestamp>,
    ) -> Result<Verdict, Failure> {
        let now = at.unwrap_or_else(|| self.now());
        let rules = self.rules(base, now, context)?;
        let evidence = self.evidence(context, &rules, asked, now).await?;
        self.answer(context, &rules, evidence, asked, now).await
    }
}

/// A verdict in short: what tests compare and people look at first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Short {
    /// The answer.
    pub(super) decision: Decision,
    /// The exit code it stands for.
    pub(super) exit: u8,
    /// Codes of its errors, sorted.
    pub(super) codes: Vec<&'static str>,
    /// Codes of its warnings, sorted.
    pub(super) warnings: Vec<&'static str>,
}

impl Short {
    pub(super) fn of(verdict: &Verdict) -> Self {
        let of = |severity: Severity| {
            let findings = verdict.findings.iter();
            let mut codes: Vec<_> = findings
                .filter(|finding| finding.severity == severity)
                .map(|finding| finding.code.as_str())
                .collect();
            codes.sort_unstable();
            codes.dedup();
            codes
        };
        Self {
            decision: verdict.decision,
            exit: Exit::of_verdict(verdict).code(),
            codes: of(Severity::Error),
            warnings: of(Severity::Warning),
        }
    }

    /// `denied, exit 4: approvals-missing`.
    pub(super) fn text(&self) -> String {
        let codes = self.codes.join(", ");
        match self.decision {
            Decision::Allow => "allowed".to_owned(),
            Decision::Deny => format!("denied, exit {}: {codes}", self.exit),
            Decision::Undetermined => format!("could not find out: {codes}"),
        }
    }
}
