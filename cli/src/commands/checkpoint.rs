//! `bulla checkpoint`: what is in force in a ledger, sealed by its owner.

use std::sync::Arc;

use bulla_model::predicate::checkpoint::{Retired, SlotHead};
use bulla_model::{Digest, Environment, Scope};
use bulla_verify::{Cause, Check, Outcome, Retirement, Verdict};
use jiff::Timestamp;
use serde::Serialize;

use crate::args::checkpoint::Arguments;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::rules::Rules;
use crate::join::sealer::{Purpose, Sealer};
use crate::join::{checkpoint, image, ledger, step, verdict};
use crate::render::{Cell, Page, Report, count};
use crate::target::Target;
use crate::{Exit, Failure};

/// Reads the ledger and writes its next checkpoint.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let now = step::whole_second(Timestamp::now());
    let not_after = step::until(now, &arguments.valid_for)?;
    let rules = Arc::new(Rules::load(context, &arguments.decide, now)?);
    rules.must_be_published()?;
    let scope = checkpoint::scope(&rules, arguments.scope.as_ref())?;
    checkpoint::must_remember(&rules, &scope, &arguments.memory, &context.limits)?;
    let mut place = None;
    let mut places = Vec::new();
    let mut retired = Vec::new();
    for name in &arguments.latest {
        let image = image::open(context, &Target::parse(name)?).await?;
        let found = found(context, &rules, &scope, &image, now).await?;
        let heads = decided(found.heads, arguments.decide_forks, &image.pinned)?;
        if heads.is_empty() && found.retired.is_empty() {
            context.printer.warn(format!(
                "{} holds no place in an environment of {scope}, so none is recorded",
                image.pinned
            ));
        }
        places.extend(heads);
        retired.extend(found.retired);
        place.get_or_insert(image.evidence);
    }
    let latest = latest(places)?;
    let store = ledger::open_to_write(context, &rules, place.as_ref()).await?;
    let memory = &arguments.memory;
    let current = checkpoint::read(context, &rules, &store, &scope, memory, now).await?;
    if !arguments.decide_forks {
        let before = current.newest();
        one_by_one(before.map_or(&[], |one| &one.value().slots), &latest)?;
    }
    let news = checkpoint::News {
        latest: &latest,
        retired: &retired,
        ..checkpoint::News::default()
    };
    let next = checkpoint::next(&rules, &current, &scope, news, (now, not_after))?;
    for (head, recorded) in behind(&latest, &next.slots) {
        context.printer.warn(format!(
            "promotion {} (sequence {}) is not recorded: {} is later in {} (sequence {})",
            head.head, head.sequence, recorded.head, head.environment, recorded.sequence
        ));
    }
    let mut report = CheckpointReport {
        scope: scope.clone(),
        serial: next.serial,
        payload: None,
        revocations: next.revocations.len(),
        slots: next.slots.len(),
        retired: next.retired.len(),
        freeze: next.freeze.as_ref().map(|head| head.serial),
        removed: 0,
    };
    if let (Some(age), Some(before)) = (arguments.renew, current.newest()) {
        let said = before.value();
        let same = said.revocations == next.revocations
            && said.slots == next.slots
            && said.retired == next.retired
            && said.freeze == next.freeze
            && said.policy_min == next.policy_min;
        if same && now.duration_since(said.issued_at) < age {
            report.serial = said.serial;
            context.printer.report(&report)?;
            return Ok(Exit::Success);
        }
    }
    let missing = next.revocations.iter();
    let missing = missing.filter(|one| !current.view.revocations.contains(one));
    for digest in missing {
        context.printer.warn(format!(
            "{digest} is in force and not in the ledger: nobody can decide until it is there again"
        ));
    }
    if let Some(head) = &current.view.missing_calendar {
        context.printer.warn(format!(
            "calendar {} ({}) is in force and not in the ledger: nobody can decide until it is there \
             again",
            head.serial, head.digest
        ));
    }
    let signer = Sealer::open(
        context,
        &arguments.signing,
        &arguments.decide.trusted_root,
        Purpose::Decision,
    )
    .await?;
    if !checkpoint::is_owner(&rules, &signer, now) {
        return Err(not_the_owner(&signer));
    }
    let superseded = current.superseded();
    let old = superseded.get(arguments.keep..).unwrap_or_default();
    // Nothing reads them any more, so they may go before the new one is there.
    report.removed = ledger::prune(&store, old).await;
    room(context, &current, report.removed, old.len())?;
    report.payload = Some(checkpoint::write(context, &rules, &signer, &store, &next).await?);
    context.printer.report(&report)?;
    Ok(Exit::Success)
}

/// Refuses to fill a ledger that verifiers would then no longer read whole, and warns in time.
fn room(
    context: &Context,
    current: &checkpoint::Current,
    removed: usize,
    old: usize,
) -> Result<(), Failure> {
    let most = context.limits.referrers_per_digest;
    let held = current.statements.saturating_sub(removed);
    let hint = "let the registry delete old checkpoints, renew less often, or begin a new ledger: \
                --ledger PLACE";
    if held >= most {
        return Err(Failure::new(
            FailureKind::Unavailable,
            format_args!("the ledger holds {held} statements, and verifiers read {most}"),
        )
        .with_hint(hint));
    }
    if removed < old && held >= most / 2 {
        context.printer.warn(format!(
            "the registry deletes nothing, and the ledger holds {held} statements of {most} that \
             verifiers read; {hint}"
        ));
    }
    Ok(())
}

fn not_the_owner(signer: &Sealer) -> Failure {
    Failure::usage(format_args!(
        "the anchor does not name {} as the ledger's owner: no verifier would believe it",
        signer.identity()
    ))
    .with_hint("name the owner in the anchor: ledger: {by: [{key: …}]}")
}

/// What the next checkpoint says of an image.
#[derive(Default)]
struct Found {
    heads: Vec<(SlotHead, Option<Digest>, Place)>,
    retired: Vec<Retired>,
}

/// The promotions of an image that hold their places in this ledger's environments, and what went out
/// of service there.
async fn found(
    context: &Context,
    rules: &Arc<Rules>,
    scope: &Scope,
    image: &image::OpenImage,
    now: Timestamp,
) -> Result<Found, Failure> {
    let mut found = Found::default();
    let environments = rules.policy.environments();
    for (name, rule) in environments.filter(|(_, rule)| Scope::ledger_of(&rule.uri) == *scope) {
        let collected = ledger::beside(context, rules, name, image, now).await?;
        let evidence = Arc::clone(&collected);
        let limits = &context.limits;
        let judged =
            verdict::environment(rules, evidence, &image.pinned, name, now, limits).await?;
        let retirements = verdict::retirements(rules, collected, name, now, limits).await?;
        if let Some(open) = retirements.iter().find(|one| !one.is_certain) {
            return Err(Failure::new(
                FailureKind::Unavailable,
                format_args!(
                    "{}: whether {} took it out of service in {name} cannot be known",
                    image.pinned, open.head.head
                ),
            )
            .with_hint(
                "a checkpoint would leave it out; try again where all of the image can be read",
            ));
        }
        found.heads.extend(head(&judged, &rule.uri, &retirements));
        found
            .retired
            .extend(retirements.into_iter().map(|one| one.said));
    }
    Ok(found)
}

/// Which step holds the place: the promotion that lets the image in, or what took it out after that.
/// What went out is listed for itself, so it need not win its place.
fn head(
    judged: &Verdict,
    environment: &Environment,
    retirements: &[Retirement],
) -> Option<(SlotHead, Option<Digest>, Place)> {
    let step = judged.steps.last().zip(judged.service.as_ref());
    let step = step.zip(holds(&judged.checks));
    let promotion = step.map(|((step, service), place)| {
        let named = SlotHead {
            service: service.clone(),
            environment: environment.clone(),
            sequence: step.slot.sequence,
            head: step.promotion.clone(),
        };
        (named, step.slot.previous.clone(), place)
    });
    let retirements = retirements.iter().filter(|one| !one.is_contested);
    let retirement = retirements.max_by_key(|one| one.head.sequence);
    let retirement = retirement.map(|one| (one.head.clone(), one.previous.clone(), Place::Open));
    // Of two with one number the promotion counts.
    let both = retirement.into_iter().chain(promotion);
    both.max_by_key(|(head, ..)| head.sequence)
}

/// What was named, in the order of its places, each with the one that it follows. The owner decides
/// which of two that claim one place stays, by naming only that one.
fn latest(mut places: Vec<(SlotHead, Option<Digest>)>) -> Result<Vec<SlotHead>, Failure> {
    let place = |head: &SlotHead| (head.service.clone(), head.environment.clone());
    places.sort_by_key(|(head, _)| (place(head), head.sequence, head.head.clone()));
    places.dedup();
    for pair in places.windows(2) {
        let [(before, _), (head, previous)] = pair else {
            continue;
        };
        let gap = head.sequence.saturating_sub(before.sequence);
        let follows = gap > 1 || (gap == 1 && previous.as_ref() == Some(&before.head));
        if place(before) == place(head) && !follows {
            return Err(Failure::usage(format_args!(
                "{} and {} both claim to be the latest promotion of {} into {}",
                before.head, head.head, head.service, head.environment
            ))
            .with_hint("name with --latest only the image that is to stay"));
        }
    }
    Ok(places.into_iter().map(|(head, _)| head).collect())
}

/// How a promotion stands to the heads that were recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// It may be the next one, as far as is known.
    Open,
    /// It is against them.
    Contested,
}

/// The promotion's place, if nothing is wrong but what the checkpoint that is about to be written
/// decides: how old the last one is, and which promotion is the latest. Those between that and the
/// one that was named may be of other images.
fn holds(checks: &[Check]) -> Option<Place> {
    let mut place = Place::Open;
    for check in checks {
        match (check.outcome, check.name) {
            (Outcome::Ok, _)
            | (Outcome::Failed(_), "freshness")
            | (Outcome::Failed(Cause::Undetermined), "slot") => {}
            (Outcome::Failed(_), "slot") => place = Place::Contested,
            (Outcome::Failed(_), _) => return None,
        }
    }
    Some(place)
}

/// Takes the side of a fork only if the owner says so: anybody who promotes can open one.
fn decided(
    heads: Vec<(SlotHead, Option<Digest>, Place)>,
    decides: bool,
    name: &str,
) -> Result<Vec<(SlotHead, Option<Digest>)>, Failure> {
    let mut contested = heads.iter();
    let contested = contested.find(|(_, _, place)| !decides && *place == Place::Contested);
    if let Some((head, _, _)) = contested {
        return Err(Failure::usage(format_args!(
            "{name}: its promotion {} of {} into {} (sequence {}) does not follow the one that is \
             recorded",
            head.head, head.service, head.environment, head.sequence
        ))
        .with_hint(
            "revoke the side of the fork that must not count: bulla revoke --attestation DIGEST \
             --reason TEXT; if this one is to stay, repeat with --decide-forks",
        ));
    }
    let heads = heads.into_iter();
    Ok(heads.map(|(head, previous, _)| (head, previous)).collect())
}

/// Refuses a number far ahead of the recorded one: a promoter may write any, and after the highest
/// nothing could follow.
fn one_by_one(before: &[SlotHead], latest: &[SlotHead]) -> Result<(), Failure> {
    for head in latest {
        let mut before = before.iter();
        let before = before
            .find(|one| one.service == head.service && one.environment == head.environment)
            .map_or(0, |before| before.sequence);
        if head.sequence.saturating_sub(before) > AHEAD {
            return Err(Failure::usage(format_args!(
                "promotion {} of {} into {} has sequence {}, and the recorded one has {before}",
                head.head, head.service, head.environment, head.sequence
            ))
            .with_hint("if there were so many since, repeat with --decide-forks"));
        }
    }
    Ok(())
}

/// What was named and has a later one recorded that was not, beside that one.
fn behind<'a>(
    latest: &'a [SlotHead],
    slots: &'a [SlotHead],
) -> impl Iterator<Item = (&'a SlotHead, &'a SlotHead)> {
    latest.iter().filter_map(|head| {
        let mut recorded = slots.iter();
        let recorded = recorded
            .find(|one| one.service == head.service && one.environment == head.environment)?;
        (!latest.contains(recorded)).then_some((head, recorded))
    })
}

/// How many promotions into one place there may be between two checkpoints without a word of the
/// owner.
const AHEAD: u64 = 1000;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CheckpointReport {
    scope: Scope,
    serial: u64,
    /// Absent where the newest one is young enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Digest>,
    revocations: usize,
    slots: usize,
    /// How many steps out of service it lists.
    retired: usize,
    /// Serial of the calendar of freezes it lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    freeze: Option<u64>,
    removed: usize,
}

impl Report for CheckpointReport {
    fn human(&self, page: &mut Page) {
        let (label, payload) = match &self.payload {
            Some(payload) => ("checkpoint", format!("  {}@{payload}", self.serial)),
            None => ("still fresh: checkpoint", String::new()),
        };
        let freeze = self
            .freeze
            .map_or_else(String::new, |serial| format!(", calendar {serial}"));
        let retired = match self.retired {
            0 => String::new(),
            some => format!(", {some} retired"),
        };
        page.labelled(
            &Cell::good(label),
            &format!(
                "{} of {}{payload}  {}, {}{retired}{freeze}",
                self.serial,
                self.scope,
                count(self.revocations, "revocation"),
                count(self.slots, "slot")
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_checkpoint_decides_may_have_failed() {
        let check = |(name, cause): (&'static str, Option<Cause>)| Check {
            name,
            step: None,
            outcome: cause.map_or(Outcome::Ok, Outcome::Failed),
            summary: String::new(),
            place: None,
        };
        let open = Some(Cause::Undetermined);
        let denied = Some(Cause::Denied);
        for (failed, expected) in [
            (&[("approvals", None)][..], Some(Place::Open)),
            (&[("freshness", open), ("slot", open)], Some(Place::Open)),
            (&[("freshness", denied)], Some(Place::Open)),
            (&[("slot", denied)], Some(Place::Contested)),
            (
                &[("slot", denied), ("freshness", open)],
                Some(Place::Contested),
            ),
            (&[("slot", denied), ("approvals", denied)], None),
            (&[("revocations", open)], None),
        ] {
            let checks: Vec<Check> = failed.iter().copied().map(check).collect();
            assert_eq!(holds(&checks), expected, "{failed:?}");
        }
    }

    #[test]
    fn a_place_that_is_contested_or_far_ahead_is_recorded_by_no_accident() {
        let head = |sequence: u64| SlotHead {
            service: "pay".parse().unwrap(),
            environment: "env://acme/pay/prod".parse().unwrap(),
            sequence,
            head: Digest::sha256(b"x"),
        };
        let heads = |place| vec![(head(1), None, Place::Open), (head(2), None, place)];
        assert_eq!(decided(heads(Place::Open), false, "x").unwrap().len(), 2);
        decided(heads(Place::Contested), false, "x").unwrap_err();
        assert_eq!(
            decided(heads(Place::Contested), true, "x").unwrap().len(),
            2
        );
        // The highest number there is: nothing could follow it.
        let last = (1 << 53) - 1;
        for (before, next, good) in [
            (None, 1, true),
            (None, last, false),
            (Some(7), 8, true),
            (Some(7), 1007, true),
            (Some(7), 1008, false),
            (Some(7), last, false),
            (Some(last), 7, true),
        ] {
            let before: Vec<_> = before.map(head).into_iter().collect();
            assert_eq!(one_by_one(&before, &[head(next)]).is_ok(), good, "{next}");
        }
    }

    #[test]
    fn promotions_of_several_images_are_recorded_together() {
        let head = |sequence: u64, head: &[u8], previous: Option<&[u8]>| {
            let named = SlotHead {
                service: "pay".parse().unwrap(),
                environment: "env://acme/pay/prod".parse().unwrap(),
                sequence,
                head: Digest::sha256(head),
            };
            (named, previous.map(Digest::sha256))
        };
        let (six, seven) = (head(6, b"a", Some(b"5")), head(7, b"b", Some(b"a")));
        let found = latest(vec![seven.clone(), six.clone(), six.clone()]).unwrap();
        assert_eq!(found, [six.0.clone(), seven.0.clone()]);
        // What lies between need not be named.
        latest(vec![six.clone(), head(9, b"d", Some(b"c"))]).unwrap();
        // Two sides of a fork.
        for other in [
            head(6, b"x", Some(b"5")),
            head(7, b"x", Some(b"5")),
            head(7, b"x", None),
        ] {
            latest(vec![six.clone(), other.clone()]).unwrap_err();
            latest(vec![other]).unwrap();
        }
        let elsewhere = SlotHead {
            service: "web".parse().unwrap(),
            ..head(6, b"x", None).0
        };
        latest(vec![six, (elsewhere, None)]).unwrap();
    }
}
