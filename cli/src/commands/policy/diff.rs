//! `bulla policy diff`: what one policy in the place of another changes.

use bulla_model::Digest;
use bulla_verify::Decision;
use bulla_verify::policy::{Change, Effect};
use jiff::Timestamp;
use serde::Serialize;

use super::markdown;
use crate::args::decide::DecideArguments;
use crate::args::policy::{Diff, DiffForm};
use crate::commands::Context;
use crate::commands::exhibit::{Asked, Exhibit, Short};
use crate::failure::FailureKind;
use crate::join::rules::Rules;
use crate::printer::Format;
use crate::render::{Cell, Page, Report, count, shorten};
use crate::{Exit, Failure};

/// Compares the rules, then asks both policies about every piece of evidence.
pub(super) async fn run(arguments: Diff, context: &Context) -> Result<Exit, Failure> {
    let now = Timestamp::now();
    let load = |policy: &String| {
        let decide = DecideArguments {
            policy: Some(policy.clone()),
            anchor: arguments.anchor.clone(),
            trusted_root: arguments.trusted_root.clone(),
            ledger: arguments.ledger.clone(),
            state: None,
        };
        Rules::load(context, &decide, now)
    };
    let (old, new) = (load(&arguments.old)?, load(&arguments.new)?);
    let changes = old.policy.changes_to(&new.policy);
    let mut verdicts = Vec::new();
    let mut exits = vec![Exit::Success];
    for evidence in &arguments.evidence {
        let progress = context.printer.progress("judging");
        let asked = Asked::Environment(arguments.env.clone());
        let both = both(context, evidence, (&old, &new), &asked, arguments.at).await;
        drop(progress);
        let (verdict, exit) = both.unwrap_or_else(|failure| {
            let exit = failure.kind().exit();
            (Compared::failed(evidence, &failure), exit)
        });
        verdicts.push(verdict);
        exits.push(exit);
    }
    let report = DiffReport {
        old: Side::of(&arguments.old, &old),
        new: Side::of(&arguments.new, &new),
        changes,
        verdicts,
    };
    if arguments.form == DiffForm::Markdown && context.printer.format() != Format::Json {
        context.printer.data(markdown::page(&report).as_bytes())?;
    } else {
        context.printer.report(&report)?;
    }
    Ok(Exit::overall(&exits))
}

async fn both(
    context: &Context,
    evidence: &str,
    (old, new): (&Rules, &Rules),
    asked: &Asked,
    at: Option<Timestamp>,
) -> Result<(Compared, Exit), Failure> {
    let exhibit = Exhibit::open(context, evidence).await?;
    let now = at.unwrap_or_else(|| exhibit.now());
    // An environment that one of the two does not have is an answer too.
    let ask = async |rules| {
        let judged = exhibit.judge(context, rules, asked, Some(now)).await;
        judged.map(|verdict| Short::of(&verdict))
    };
    let (before, after) = match (ask(old).await, ask(new).await) {
        (Err(failure), Err(_)) => return Err(failure),
        (before, after) => (Told::of(before)?, Told::of(after)?),
    };
    let exit = if before.is_open() || after.is_open() {
        Exit::Undetermined
    } else {
        Exit::Success
    };
    let compared = Compared {
        evidence: evidence.to_owned(),
        environment: exhibit.environment(asked).ok().map(ToOwned::to_owned),
        at: Some(now),
        effect: before.turns(&after),
        before: Some(before),
        after: Some(after),
        reason: None,
    };
    Ok((compared, exit))
}

/// One side's answer.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Told {
    /// An answer.
    Answer(Short),
    /// The question cannot be asked.
    NoQuestion {
        /// Why.
        reason: String,
    },
}

impl Told {
    /// What was answered. That a policy does not know what is asked about is an answer; that evidence
    /// could not be had is none.
    fn of(answer: Result<Short, Failure>) -> Result<Self, Failure> {
        match answer {
            Ok(short) => Ok(Self::Answer(short)),
            Err(failure) if failure.kind() == FailureKind::Usage => Ok(Self::NoQuestion {
                reason: failure.message().to_owned(),
            }),
            Err(failure) => Err(failure),
        }
    }

    /// Whether it could not be found out.
    fn is_open(&self) -> bool {
        matches!(self, Self::Answer(short) if short.decision == Decision::Undetermined)
    }

    fn allows(&self) -> bool {
        matches!(self, Self::Answer(short) if short.decision == Decision::Allow)
    }

    fn turns(&self, after: &Self) -> Turn {
        if self.is_open() || after.is_open() {
            return Turn::NotJudged;
        }
        match (self.allows(), after.allows()) {
            (false, true) => Turn::NewlyAllowed,
            (true, false) => Turn::NewlyRefused,
            _ if self == after => Turn::Same,
            _ => Turn::OtherReason,
        }
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Answer(short) => short.text(),
            Self::NoQuestion { reason } => format!("cannot be asked: {reason}"),
        }
    }
}

/// How an answer turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Turn {
    /// It was refused, and is allowed.
    NewlyAllowed,
    /// It was allowed, and is refused.
    NewlyRefused,
    /// It stays, for another reason.
    OtherReason,
    /// It stays.
    Same,
    /// Nobody knows.
    NotJudged,
}

impl Turn {
    /// For people.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::NewlyAllowed => "newly allowed",
            Self::NewlyRefused => "newly refused",
            Self::OtherReason => "other reason",
            Self::Same => "same",
            Self::NotJudged => "not judged",
        }
    }
}

/// Two answers about one piece of evidence.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Compared {
    pub(super) evidence: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) environment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
    pub(super) effect: Turn,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) before: Option<Told>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<Told>,
    /// Why there are no answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
}

impl Compared {
    fn failed(evidence: &str, failure: &Failure) -> Self {
        Self {
            evidence: evidence.to_owned(),
            environment: None,
            at: None,
            effect: Turn::NotJudged,
            before: None,
            after: None,
            reason: Some(failure.message().to_owned()),
        }
    }
}

impl Compared {
    fn put(&self, page: &mut Page) {
        let evidence = self.evidence.as_str();
        if let Some(reason) = &self.reason {
            page.row(1, [Cell::bad("????"), evidence.into()]);
            page.indented(2, format!("could not be judged: {reason}"));
            return;
        }
        let turn = self.effect.text();
        let turn = match self.effect {
            Turn::NewlyAllowed | Turn::NotJudged => Cell::attention(turn),
            Turn::NewlyRefused => Cell::bad(turn),
            Turn::OtherReason | Turn::Same => Cell::faint(turn),
        };
        let environment = self.environment.as_deref().unwrap_or_default();
        page.row(1, [turn, evidence.into(), environment.into()]);
        for (label, told) in [("before", &self.before), ("after", &self.after)] {
            let text = told.as_ref().map(Told::text).unwrap_or_default();
            page.row(2, [label.into(), text.into()]);
        }
    }
}

/// One of the policies.
#[derive(Debug, Serialize)]
pub(super) struct Side {
    path: String,
    pub(super) name: String,
    pub(super) version: u64,
    digest: Digest,
}

impl Side {
    fn of(path: &str, rules: &Rules) -> Self {
        Self {
            path: path.to_owned(),
            name: rules.policy.name().to_owned(),
            version: rules.policy.version(),
            digest: rules.policy.digest(),
        }
    }
}

/// What changes.
#[derive(Debug, Serialize)]
pub(super) struct DiffReport {
    pub(super) old: Side,
    pub(super) new: Side,
    pub(super) changes: Vec<Change>,
    pub(super) verdicts: Vec<Compared>,
}

/// What an effect is called.
pub(super) fn word(effect: Effect) -> &'static str {
    match effect {
        Effect::Tightened => "tightened",
        Effect::Loosened => "loosened",
        Effect::Changed => "changed",
    }
}

impl Report for DiffReport {
    fn human(&self, page: &mut Page) {
        for (label, side) in [("old", &self.old), ("new", &self.new)] {
            let policy = format!("{} v{}", side.name, side.version);
            let digest = shorten(&side.digest);
            page.row(
                1,
                [
                    label.into(),
                    policy.into(),
                    digest.into(),
                    side.path.as_str().into(),
                ],
            );
        }
        page.gap();
        for change in &self.changes {
            put_change(page, change);
        }
        if self.changes.is_empty() {
            page.indented(1, "the rules are the same");
        }
        for verdict in &self.verdicts {
            page.gap();
            verdict.put(page);
        }
        page.gap();
        let of = |effect: Effect| self.changes.iter().filter(|it| it.effect == effect).count();
        let (loosened, tightened) = (of(Effect::Loosened), of(Effect::Tightened));
        let turned = |turn: Turn| self.verdicts.iter().filter(|it| it.effect == turn).count();
        let mut text = format!(
            "{}: {loosened} loosened, {tightened} tightened",
            count(self.changes.len(), "change")
        );
        if !self.verdicts.is_empty() {
            text = format!(
                "{text}; {}: {} newly allowed, {} newly refused",
                count(self.verdicts.len(), "verdict"),
                turned(Turn::NewlyAllowed),
                turned(Turn::NewlyRefused)
            );
            let open = turned(Turn::NotJudged);
            if open > 0 {
                text = format!("{text}, {open} not judged");
            }
        }
        page.line(text);
    }
}

/// One rule that is another one.
pub(in crate::commands) fn put_change(page: &mut Page, change: &Change) {
    let text = word(change.effect);
    let effect = match change.effect {
        Effect::Tightened => Cell::good(text),
        Effect::Loosened => Cell::attention(text),
        Effect::Changed => Cell::from(text),
    };
    let place = change.place.as_ref().map(ToString::to_string);
    page.row(
        1,
        [
            effect,
            change.subject.as_str().into(),
            change.rule.as_str().into(),
            Cell::faint(place.unwrap_or_default()),
            change.text.as_str().into(),
        ],
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_that_could_not_be_had_is_no_answer() {
        let failed = |kind| Told::of(Err(Failure::new(kind, "429")));
        failed(FailureKind::Unavailable).unwrap_err();
        failed(FailureKind::Tampered).unwrap_err();
        let asked = failed(FailureKind::Usage).unwrap();
        assert!(!asked.allows() && !asked.is_open());
    }
}
