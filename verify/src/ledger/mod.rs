//! The ledger: what was taken back, and the proof that nothing of it was hidden.
//!
//! 1. Revocations of the policy's security owner, found in the ledger or beside the artifact, are
//!    read; lifts that enough persons gave end them. What cannot be understood leaves the answer open.
//! 2. The newest checkpoint of the ledger's owner is compared with the state, the policy and `now`.
//!    Whatever it lists has to be at hand.
//! 3. Statements that were taken back become refusals, before any requirement is judged; an artifact
//!    that was taken back is denied.
//! 4. The calendars of freezes that the release owner signed are put in order; each step of the chain
//!    is judged by the one that was there when it was taken.
//! 5. A retirement that the checkpoint lists has to be at hand for whoever asks about what it took out.
//! 6. A promotion that is newer than the checkpoint's head of its slot must follow it.

use serde::Serialize;

use bulla_model::predicate::checkpoint::{FreezeHead, Retired, SlotHead};
use bulla_model::predicate::{Checkpoint, Freeze};
use bulla_model::{Digest, Edge, Environment, Scope, Service};

use crate::candidate::Candidate;
use crate::cause::Cause;
use crate::chain::Promotions;
use crate::code::Code;
use crate::policy::EnvironmentRule;
use crate::question::{Context, Question};
use crate::reached::Reached;
use crate::signature::{Cancelled, examine, examine_ledger};
use crate::verdict::{Finding, Outcome, Report, Severity};
use crate::verified::Verified;

mod calendars;
mod checkpoint;
mod checkpoints;
mod component;
mod named;
mod reach;
mod revocations;
mod slot;

pub(crate) use calendars::{Applying, Calendar, Calendars, Moment};
use checkpoints::Checkpoints;
use revocations::Revocations;

const CHECK: &str = "revocations";

/// For what the answer is asked: how old a checkpoint may be depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To let something run.
    Admit,
    /// To take a step.
    Promote,
}

/// A checkpoint as a verifier remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SeenCheckpoint {
    /// The ledger.
    pub scope: Scope,
    /// Its serial.
    pub serial: u64,
    /// Its payload digest.
    pub payload: Digest,
}

impl SeenCheckpoint {
    /// Whether a later checkpoint may come after this one: the next one names it.
    pub fn may_precede(&self, later: &Checkpoint) -> bool {
        let is_next = self.serial.checked_add(1) == Some(later.serial);
        !is_next || later.previous.as_ref() == Some(&self.payload)
    }
}

/// What a ledger holds that counts, for whoever writes the next checkpoint or shows it.
#[derive(Debug)]
pub struct LedgerView {
    /// The checkpoints of the ledger's owner, newest first; two may have one serial.
    pub checkpoints: Vec<Verified<Checkpoint>>,
    /// Payload digests of the owner's checkpoints that this version cannot read, and that none of
    /// the others took the place of.
    pub unreadable: Vec<Digest>,
    /// Payload digests of revocations and lifts by those who may, sorted.
    pub revocations: Vec<Digest>,
    /// Whether one in force takes back a component, or may: bills of materials decide then.
    pub takes_components: bool,
    /// The newest calendars of freezes that are surely by those who may, revoked ones aside; more than
    /// one if two have one serial.
    pub calendars: Vec<Verified<Freeze>>,
    /// Those above them that only a key that has ended says to be genuine.
    pub unsure_calendars: Vec<UnsureCalendar>,
    /// Payload digests of the newest ones that this version cannot read.
    pub unreadable_calendars: Vec<Digest>,
    /// Payload digests of those that were revoked.
    pub revoked_calendars: Vec<Digest>,
    /// What the newest checkpoint lists and the ledger does not give.
    pub missing_calendar: Option<FreezeHead>,
}

/// A calendar of freezes that may not be genuine.
#[derive(Clone, Debug)]
pub struct UnsureCalendar {
    /// Its payload digest.
    pub payload: Digest,
    /// What it says, if this version can read it.
    pub said: Option<Verified<Freeze>>,
}

/// Reads a ledger as a verifier would.
pub fn read_ledger(question: &Question<'_>, scope: &Scope) -> Result<LedgerView, Cancelled> {
    let Question {
        evidence,
        trust,
        now,
        limits,
        cancelled,
        ..
    } = *question;
    let mut candidates = examine_ledger(evidence, trust, now, limits, cancelled)?;
    candidates.append(&mut examine(evidence, trust, now, limits, cancelled)?);
    let checkpoints = Checkpoints::among(question, scope, candidates.iter());
    let listed = checkpoints.listed();
    let revocations = Revocations::among(question, scope, candidates.iter(), &listed);
    let reached = evidence.reached();
    let taken = (&revocations, &reached);
    let calendars = Calendars::among(question, scope, candidates.iter(), &checkpoints, taken);
    Ok(LedgerView {
        calendars: calendars.newest(),
        unsure_calendars: calendars.doubtful(),
        unreadable_calendars: calendars.unreadable(),
        revoked_calendars: calendars.revoked(),
        missing_calendar: calendars.missing().cloned(),
        unreadable: checkpoints.open().map(|one| one.payload.clone()).collect(),
        checkpoints: checkpoints.readable,
        takes_components: revocations.take_components(),
        revocations: revocations.held().cloned().collect(),
    })
}

/// What is in force for one verdict.
#[derive(Debug, Default)]
pub(crate) struct InForce {
    revocations: Revocations,
    checkpoint: Option<Verified<Checkpoint>>,
    calendars: Calendars,
    /// The heads of slots in all checkpoints, the newest one's first.
    heads: Vec<SlotHead>,
    /// What the newest checkpoint says to be out of service, by retirements nobody took back.
    retired: Vec<Retired>,
}

impl InForce {
    /// Steps 1 and 2.
    pub(crate) fn judge(
        question: &Question<'_>,
        (rule, purpose): (&EnvironmentRule, Purpose),
        (candidates, ledger): (&[Candidate], &[Candidate]),
        report: &mut Report,
    ) -> Self {
        let scope = Scope::ledger_of(&rule.uri);
        let all = || {
            let all = ledger.iter().chain(candidates);
            all.filter(|candidate| !candidate.is_by_reference())
        };
        let checkpoints = Checkpoints::among(question, &scope, all());
        let revocations = Revocations::among(question, &scope, all(), &checkpoints.listed());
        let heads = checkpoints.heads().cloned().collect();
        let reached = question.evidence.reached();
        let taken = (&revocations, &reached);
        let calendars = Calendars::among(question, &scope, all(), &checkpoints, taken);
        let checkpoint = checkpoint::judge(question, rule, purpose, &scope, checkpoints, report);
        incomplete(question, report);
        unknown_owner(question, report);
        let listed = checkpoint.iter().flat_map(|one| &one.value().retired);
        let retired = listed.filter(|one| !revocations.of_payload(&one.retirement));
        let retired = retired.cloned().collect();
        let in_force = Self {
            revocations,
            checkpoint,
            calendars,
            heads,
            retired,
        };
        in_force.unknown(report);
        in_force
    }

    /// The retirements that have to be at hand.
    pub(crate) fn retired(&self) -> &[Retired] {
        &self.retired
    }

    /// The calendars of freezes.
    pub(crate) fn calendars(&self) -> &Calendars {
        &self.calendars
    }

    /// What is in force, and nobody here knows what it says.
    fn unknown(&self, report: &mut Report) {
        for (revocation, because) in self.revocations.open() {
            let message =
                format!("a revocation says what this version does not understand: {because}");
            let finding = Finding::new(Code::RevocationUnknown, CHECK, message)
                .found(revocation.payload.to_string())
                .at(revocation.manifest.as_ref(), "/predicate/targets")
                .hint("use a version of bulla that understands it");
            report.findings.push(finding);
            report.check(
                CHECK,
                Outcome::Failed(Cause::Undetermined),
                "not understood",
            );
        }
        let Some(checkpoint) = &self.checkpoint else {
            return;
        };
        let listed = &checkpoint.value().revocations;
        let held: std::collections::BTreeSet<_> = self.revocations.held().collect();
        let missing: Vec<_> = listed.iter().filter(|one| !held.contains(one)).collect();
        let Some(first) = missing.first() else { return };
        let message = match missing.len() {
            1 => "a revocation in force is not there, or not by who may revoke".to_owned(),
            many => format!("{many} revocations in force are not there, or not by who may revoke"),
        };
        let finding = Finding::new(Code::RevocationUnknown, CHECK, message)
            .expected(first.to_string())
            .at(checkpoint.manifest(), "/predicate/revocations")
            .hint("the registry hides it, or the ledger is kept elsewhere: --ledger PLACE");
        report.findings.push(finding);
        report.check(CHECK, Outcome::Failed(Cause::Undetermined), "not all there");
    }

    /// Step 3: what was taken back is refused.
    pub(crate) fn apply(
        &self,
        question: &Question<'_>,
        candidates: &mut [Candidate],
        reached: &Reached,
        report: &mut Report,
    ) {
        for candidate in candidates.iter_mut() {
            let statement = candidate.outcome().ok();
            let taken = statement.and_then(|one| self.revocations.voids(one, reached, None));
            if let Some(taken) = taken {
                let reason = taken.describe();
                candidate.void(reason);
            }
        }
        let subject = self.revocations.of_subject(reached);
        let subject = subject.map(|taken| (taken, "the artifact was revoked".to_owned()));
        let components = self.revocations.of_component(question, candidates, reached);
        let component = components
            .taken
            .map(|(taken, purl)| (taken, format!("it contains {purl}")));
        if let Some(doubt) = components.doubt.filter(|_| component.is_none()) {
            doubtful(&doubt, report);
        }
        for (taken, what) in subject.into_iter().chain(component) {
            deny(taken, &what, report);
        }
        if let Some(why) = reached
            .doubt()
            .filter(|_| self.revocations.name_artifacts())
        {
            unreached(why, report);
        }
    }

    /// Step 3, for a step that is about to be taken.
    pub(crate) fn edge(
        &self,
        edge: &Edge,
        service: &Service,
        reached: &Reached,
        report: &mut Report,
    ) {
        if let Some(taken) = self.revocations.of_edge(edge, service, reached) {
            deny(taken, &format!("the step {edge} was revoked"), report);
        }
    }

    /// Step 6.
    pub(crate) fn slot(
        &self,
        context: &Context<'_>,
        promotions: &Promotions,
        environment: &Environment,
        chosen: &Digest,
        report: &mut Report,
    ) {
        if let Some(checkpoint) = &self.checkpoint {
            let slots = slot::Slots {
                checkpoint,
                heads: &self.heads,
            };
            slot::judge(&slots, context, promotions, environment, chosen, report);
        }
    }
}

/// An earlier version may have said who revokes; what they revoked stays revoked.
fn unknown_owner(question: &Question<'_>, report: &mut Report) {
    let policy = question.policy;
    if policy.knows_revocations() || policy.lacks_predecessors() == 0 {
        return;
    }
    let message = format!(
        "{} earlier versions of the policy are not at hand: whoever they let revoke is not known",
        policy.lacks_predecessors()
    );
    let finding = Finding::new(Code::RevocationsUnproven, CHECK, message)
        .hint("keep the versions that `history` lists beside the policy");
    report.findings.push(finding.severity(Severity::Warning));
}

/// What cannot be had may be the revocation of what was asked about.
fn incomplete(question: &Question<'_>, report: &mut Report) {
    let unavailable = &question.evidence.ledger.unavailable;
    if unavailable.is_empty() {
        return;
    }
    for line in unavailable.iter().take(8) {
        let line: String = line.chars().take(200).collect();
        let message = format!("the ledger is not whole: {}", line.escape_debug());
        let finding = Finding::new(Code::EvidenceIncomplete, CHECK, message).hint(
            "try again, or name a ledger that can be read: --ledger PLACE; \
             what does not belong into it has to be deleted there",
        );
        report.findings.push(finding);
    }
    report.check(CHECK, Outcome::Failed(Cause::Undetermined), "not all there");
}

/// Whether something within the artifact was taken back cannot be told.
fn unreached(why: &str, report: &mut Report) {
    let message = format!("what the artifact consists of is not known whole: {why}");
    let finding = Finding::new(Code::EvidenceIncomplete, CHECK, message)
        .hint("ask about each platform by its own digest");
    report.findings.push(finding);
    report.check(CHECK, Outcome::Failed(Cause::Undetermined), "not all there");
}

/// Whether the artifact contains a component that was taken back cannot be told.
fn doubtful(doubt: &component::Doubt, report: &mut Report) {
    let finding = Finding::new(Code::ComponentUnknown, CHECK, doubt.message.clone())
        .at(doubt.manifest.as_ref(), "/predicate")
        .hint("attest a bill of materials with package URLs that can be read");
    report.findings.push(finding);
    report.check(
        CHECK,
        Outcome::Failed(Cause::Undetermined),
        "components not known",
    );
}

fn deny(taken: &revocations::Taken, what: &str, report: &mut Report) {
    let finding = Finding::new(Code::Revoked, CHECK, format!("{what}: {}", taken.reason()))
        .found(taken.payload.to_string())
        .at(taken.manifest.as_ref(), "/predicate/targets")
        .hint(format!(
            "only who may lift can take it back: bulla revoke --lift {} --reason TEXT",
            taken.payload
        ));
    report.findings.push(finding);
    report.check(CHECK, Outcome::Failed(Cause::Expired), "revoked");
}
