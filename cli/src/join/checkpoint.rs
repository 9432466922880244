//! The next checkpoint of a ledger: what was in force, what is new, one serial more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bulla_attest::claim;
use bulla_model::predicate::Checkpoint;
use bulla_model::predicate::checkpoint::{FreezeHead, PolicyMinimum, Retired, SlotHead};
use bulla_model::{Digest, Environment, Limits, Scope, Service};
use bulla_registry::AnyStore;
use bulla_verify::{Evidence, LedgerView, SeenCheckpoint, Verified};
use jiff::Timestamp;

use super::ledger::{collect, publish};
use super::rules::Rules;
use super::sealer::Sealer;
use super::{seal, verdict};
use crate::Failure;
use crate::args::memory::MemoryArguments;
use crate::commands::Context;
use crate::failure::FailureKind;

/// The ledger that was named, or the only one of the policy's environments.
pub fn scope(rules: &Rules, named: Option<&Scope>) -> Result<Scope, Failure> {
    let environments = rules.policy.environments();
    let known: BTreeSet<Scope> = environments
        .map(|(_, rule)| Scope::ledger_of(&rule.uri))
        .collect();
    let list = || {
        let known: Vec<_> = known.iter().map(Scope::to_string).collect();
        known.join(", ")
    };
    match (named, known.len()) {
        (Some(named), _) if known.contains(named) => Ok(named.clone()),
        (Some(named), _) => Err(Failure::usage(format_args!(
            "the policy has no environment of {named}: expected one of {}",
            list()
        ))),
        (None, 1) => known
            .first()
            .cloned()
            .ok_or_else(|| Failure::usage("the policy has no environment")),
        (None, _) => Err(Failure::usage(format_args!(
            "the policy's environments belong to several ledgers: say which of {}",
            list()
        ))),
    }
}

/// A ledger as it is now, and what was seen of it before.
#[derive(Debug)]
pub struct Current {
    /// What counts of it.
    pub view: LedgerView,
    /// How many statements there are, whoever signed them.
    pub statements: usize,
    seen: Vec<SeenCheckpoint>,
}

impl Current {
    /// The newest checkpoint; of two with its serial the one that was seen before.
    pub fn newest(&self) -> Option<&Verified<Checkpoint>> {
        let first = self.view.checkpoints.first()?;
        let serial = first.value().serial;
        let is_seen = |one: &&Verified<Checkpoint>| {
            self.seen.iter().any(|seen| seen.payload == *one.payload())
        };
        let mut twins = self.view.checkpoints.iter();
        let seen = twins.find(|one| one.value().serial == serial && is_seen(one));
        Some(seen.unwrap_or(first))
    }

    /// The referrers that earlier checkpoints are in, newest first. The first one that lists a calendar
    /// of freezes proves when that was there, so it stays.
    pub fn superseded(&self) -> Vec<Digest> {
        let newest = self.newest().map(|newest| newest.value().serial);
        let mut first: BTreeMap<&Digest, (Timestamp, u64, &Digest)> = BTreeMap::new();
        for one in &self.view.checkpoints {
            if let Some(head) = &one.value().freeze {
                let this = (one.value().issued_at, one.value().serial, one.payload());
                let held = first.entry(&head.digest).or_insert(this);
                *held = this.min(*held);
            }
        }
        let stay: BTreeSet<&Digest> = first.into_values().map(|(.., payload)| payload).collect();
        let checkpoints = self.view.checkpoints.iter();
        let earlier = checkpoints.filter(|one| Some(one.value().serial) < newest);
        let earlier = earlier.filter(|one| !stay.contains(one.payload()));
        let manifests = earlier.filter_map(|one| one.manifest().cloned());
        manifests.collect()
    }
}

/// What the next checkpoint lists besides what the ledger holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct News<'a> {
    /// A revocation that was just put into the ledger.
    pub revoked: Option<&'a Digest>,
    /// A calendar of freezes that was.
    pub freeze: Option<&'a FreezeHead>,
    /// The latest promotions into places.
    pub latest: &'a [SlotHead],
    /// What was taken out of service.
    pub retired: &'a [Retired],
}

/// Refuses to write where nobody says what the ledger's last checkpoint was: whoever serves the
/// ledger could leave out the end of it, and what follows would seal the gap.
pub fn must_remember(
    rules: &Rules,
    scope: &Scope,
    memory: &MemoryArguments,
    limits: &Limits,
) -> Result<(), Failure> {
    let state = rules.seen(limits)?;
    let seen = state.and_then(|state| state.last_checkpoint(scope));
    if seen.is_some() || memory.after.is_some() || memory.first {
        return Ok(());
    }
    Err(Failure::usage(format_args!(
        "nothing says what the last checkpoint of {scope} was, so nobody would notice if the \
         registry left it out"
    ))
    .with_hint(
        "pass --state FILE that remembers it, --after SERIAL@DIGEST as it was printed, or --first \
         if there is none",
    ))
}

/// Reads a ledger anew. One that cannot be read whole is none to go on from.
pub async fn read(
    context: &Context,
    rules: &Arc<Rules>,
    store: &AnyStore,
    scope: &Scope,
    memory: &MemoryArguments,
    now: Timestamp,
) -> Result<Current, Failure> {
    let evidence = Evidence {
        ledger: collect(store, scope).await?,
        ..Evidence::default()
    };
    if let Some(line) = evidence.ledger.unavailable.first() {
        return Err(Failure::new(
            FailureKind::Unavailable,
            format_args!("the ledger is not whole: {}", line.escape_debug()),
        )
        .with_hint(
            "a checkpoint would leave out what cannot be read; try again, and delete from the \
             ledger what does not belong into it",
        ));
    }
    let statements = evidence.ledger.attestations.len();
    let evidence = Arc::new(evidence);
    let (view, seen) = verdict::ledger(rules, evidence, scope, now, &context.limits).await?;
    if let Some(unreadable) = view.unreadable.first() {
        return Err(Failure::new(
            FailureKind::Unavailable,
            format_args!("this version cannot read checkpoint {unreadable} of the ledger's owner"),
        )
        .with_hint("use a version of bulla that understands it"));
    }
    let after = memory.after.iter().map(|after| SeenCheckpoint {
        scope: scope.clone(),
        serial: after.serial,
        payload: after.payload.clone(),
    });
    let current = Current {
        view,
        statements,
        seen: seen.into_iter().chain(after).collect(),
    };
    for seen in &current.seen {
        not_lost(&current, seen)?;
    }
    match current.newest().filter(|_| memory.first) {
        None => Ok(current),
        Some(newest) => Err(Failure::usage(format_args!(
            "{scope} has checkpoint {} already",
            newest.value().serial
        ))
        .with_hint(format_args!(
            "if that is the last one you know of: --after {}@{}",
            newest.value().serial,
            newest.payload()
        ))),
    }
}

/// What the next checkpoint says, with what has just been put into the ledger.
pub fn next(
    rules: &Rules,
    current: &Current,
    scope: &Scope,
    news: News<'_>,
    (now, not_after): (Timestamp, Timestamp),
) -> Result<Checkpoint, Failure> {
    let before = current.newest();
    let said: Vec<&Checkpoint> = current
        .view
        .checkpoints
        .iter()
        .map(Verified::value)
        .collect();
    let serial = before.map_or(0, |before| before.value().serial);
    // Nothing that ever was in force is dropped, also where the registry does not give it, and where
    // two checkpoints of one serial list different things.
    let revocations: BTreeSet<Digest> = said
        .iter()
        .flat_map(|said| &said.revocations)
        .chain(&current.view.revocations)
        .chain(news.revoked)
        .cloned()
        .collect();
    let heads = said.iter().rev().flat_map(|said| &said.slots);
    let retired = retired(
        said.iter()
            .flat_map(|said| &said.retired)
            .chain(news.retired),
    );
    // Who passes over what went out of service would let it in.
    let crit = (!retired.is_empty()).then(|| "retired".to_owned());
    Ok(Checkpoint {
        scope: scope.clone(),
        serial: serial.saturating_add(1),
        previous: before.map(|before| before.payload().clone()),
        issued_at: now,
        not_after,
        policy_min: policy_min(rules, &said)?,
        freeze: freeze(&current.view, &said, news.freeze),
        revocations: revocations.into_iter().collect(),
        slots: slots(heads.chain(news.latest)),
        retired,
        crit: crit.into_iter().collect(),
    })
}

/// All that any checkpoint listed, and what is new: what went out once is never forgotten.
fn retired<'a>(all: impl Iterator<Item = &'a Retired>) -> Vec<Retired> {
    let places = all.map(|one| ((&one.environment, &one.retirement), one));
    let places: BTreeMap<_, _> = places.collect();
    places.into_values().cloned().collect()
}

/// The calendar in force: the highest that any checkpoint listed, that the ledger holds, or that has
/// just been put there. One that was revoked is none.
fn freeze(view: &LedgerView, said: &[&Checkpoint], new: Option<&FreezeHead>) -> Option<FreezeHead> {
    let listed = said.iter().rev().filter_map(|said| said.freeze.clone());
    let listed = listed.filter(|head| !view.revoked_calendars.contains(&head.digest));
    // Whether one that only an ended key signed is genuine, nobody said.
    let held = view.calendars.iter().map(|one| FreezeHead {
        serial: one.value().serial,
        digest: one.payload().clone(),
    });
    let all = held.chain(listed).chain(new.cloned());
    all.max_by_key(|head| head.serial)
}

/// Nothing may follow a ledger that lost what was seen of it: what that listed would be gone.
fn not_lost(current: &Current, seen: &SeenCheckpoint) -> Result<(), Failure> {
    let newest = current.newest();
    let serial = newest.map_or(0, |newest| newest.value().serial);
    let is_held = |one: &Verified<Checkpoint>| *one.payload() == seen.payload;
    let goes_on = newest.is_some_and(|newest| seen.may_precede(newest.value()));
    if (serial > seen.serial && goes_on)
        || (serial == seen.serial && current.view.checkpoints.iter().any(is_held))
    {
        return Ok(());
    }
    let message = match newest {
        None => "the ledger has no checkpoint".to_owned(),
        Some(newest) => format!(
            "the ledger's newest checkpoint is {serial} ({})",
            newest.payload()
        ),
    };
    Err(Failure::new(
        FailureKind::Tampered,
        format_args!(
            "{message}, and {} ({}) was seen before",
            seen.serial, seen.payload
        ),
    )
    .with_hint("restore the ledger from a copy that has it; what it lists would be lost"))
}

/// This policy, if the ledger does not demand a later one, and what it demands of others.
fn policy_min(rules: &Rules, said: &[&Checkpoint]) -> Result<Vec<PolicyMinimum>, Failure> {
    let own = PolicyMinimum {
        name: rules.policy.name().to_owned(),
        version: rules.policy.version(),
        digest: rules.policy.digest(),
    };
    let mut minimums = BTreeMap::from([(own.name.clone(), own.clone())]);
    for before in said.iter().flat_map(|said| &said.policy_min) {
        if before.name != own.name {
            let held = minimums.entry(before.name.clone());
            let held = held.or_insert_with(|| before.clone());
            if before.version > held.version {
                held.clone_from(before);
            }
            continue;
        }
        if before.version > own.version {
            return Err(Failure::usage(format_args!(
                "the policy is version {}, and the ledger demands {} or later",
                own.version, before.version
            )));
        }
        if before.version == own.version && before.digest != own.digest {
            return Err(Failure::usage(format_args!(
                "the ledger knows version {} of the policy with other content",
                own.version
            ))
            .with_hint("raise `version` with every change of the policy"));
        }
    }
    Ok(minimums.into_values().collect())
}

/// The latest of each place, the earliest word first; one that is not later changes nothing.
fn slots<'a>(heads: impl Iterator<Item = &'a SlotHead>) -> Vec<SlotHead> {
    let mut places: BTreeMap<(Service, Environment), SlotHead> = BTreeMap::new();
    for head in heads {
        let place = (head.service.clone(), head.environment.clone());
        let held = places.get(&place).map_or(0, |held| held.sequence);
        if head.sequence >= held {
            places.insert(place, head.clone());
        }
    }
    places.into_values().collect()
}

/// Signs the next checkpoint, puts it into the ledger and remembers it.
pub async fn write(
    context: &Context,
    rules: &Rules,
    signer: &Sealer,
    store: &AnyStore,
    checkpoint: &Checkpoint,
) -> Result<Digest, Failure> {
    let payload = claim::own(&[checkpoint.scope.subject()], checkpoint)?;
    let sealed = seal::seal(context, signer, payload).await?;
    publish(store, &checkpoint.scope, &sealed).await?;
    let seen = SeenCheckpoint {
        scope: checkpoint.scope.clone(),
        serial: checkpoint.serial,
        payload: sealed.payload.clone(),
    };
    rules.remember(&seen, &context.limits)?;
    Ok(sealed.payload)
}

/// Whether this signer owns the ledger.
pub fn is_owner(rules: &Rules, signer: &Sealer, now: Timestamp) -> bool {
    rules
        .owner()
        .is_some_and(|owner| owner.is_owner(signer.identity(), now))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        let key = "MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=";
        let text = format!(
            "apiVersion: bulla.dev/policy/v0.1\nname: release\nversion: 1\n\
             environments:\n  dev: {{uri: \"env://acme/pay/dev\", freshness: none}}\n\
             tiers:\n  high: {{claimedTime: allow}}\n\
             identities:\n  builder:\n    - key: |\n        -----BEGIN PUBLIC KEY-----\n        \
             {key}\n        -----END PUBLIC KEY-----\n\
             edges:\n  - to: dev\n    by: [builder]\n    require:\n      \
             provenance: {{by: [builder]}}\nhistory: []\n"
        );
        let base = bulla_verify::PolicyFile {
            path: "release.yaml".to_owned(),
            bytes: text.into_bytes(),
        };
        let files = bulla_verify::PolicyFiles {
            base,
            ..bulla_verify::PolicyFiles::default()
        };
        let now = Timestamp::UNIX_EPOCH;
        Rules::assemble(files, None, Vec::new(), now, &Limits::default()).unwrap()
    }

    fn view(revocations: Vec<Digest>) -> LedgerView {
        LedgerView {
            checkpoints: Vec::new(),
            unreadable: Vec::new(),
            revocations,
            takes_components: false,
            calendars: Vec::new(),
            unsure_calendars: Vec::new(),
            unreadable_calendars: Vec::new(),
            revoked_calendars: Vec::new(),
            missing_calendar: None,
        }
    }

    fn saying(policy_min: Vec<PolicyMinimum>) -> Checkpoint {
        Checkpoint {
            scope: "ledger://acme/pay".parse().unwrap(),
            serial: 1,
            previous: None,
            issued_at: Timestamp::UNIX_EPOCH,
            not_after: Timestamp::MAX,
            policy_min,
            freeze: None,
            revocations: Vec::new(),
            slots: Vec::new(),
            retired: Vec::new(),
            crit: Vec::new(),
        }
    }

    #[test]
    fn a_calendar_that_was_listed_stays_listed() {
        let head = |serial: u64| FreezeHead {
            serial,
            digest: Digest::sha256(&serial.to_be_bytes()),
        };
        let listing = |serial| Checkpoint {
            freeze: Some(head(serial)),
            ..saying(Vec::new())
        };
        let (newest, before, none) = (listing(2), listing(3), saying(Vec::new()));
        let mut view = view(Vec::new());
        assert_eq!(freeze(&view, &[&none], None), None);
        assert_eq!(freeze(&view, &[&none, &newest], None), Some(head(2)));
        assert_eq!(freeze(&view, &[&newest, &before], None), Some(head(3)));
        let new = head(4);
        assert_eq!(freeze(&view, &[&newest], Some(&new)), Some(head(4)));
        view.revoked_calendars.push(head(3).digest);
        assert_eq!(freeze(&view, &[&newest, &before], None), Some(head(2)));
    }

    #[test]
    fn what_was_just_revoked_is_listed_also_if_the_registry_is_slow() {
        let held = Digest::sha256(b"held");
        let current = Current {
            view: view(vec![held.clone()]),
            statements: 1,
            seen: Vec::new(),
        };
        let scope = "ledger://acme/pay".parse().unwrap();
        let revoked = Digest::sha256(b"revoked");
        let times = (Timestamp::UNIX_EPOCH, Timestamp::MAX);
        let news = News {
            revoked: Some(&revoked),
            ..News::default()
        };
        let said = next(&rules(), &current, &scope, news, times).unwrap();
        assert_eq!((said.serial, said.previous), (1, None));
        let mut both = vec![held, revoked];
        both.sort();
        assert_eq!(said.revocations, both);
    }

    #[test]
    fn what_is_demanded_of_other_policies_stays() {
        let rules = rules();
        let demand = |name: &str, version: u64, digest: &[u8]| PolicyMinimum {
            name: name.to_owned(),
            version,
            digest: Digest::sha256(digest),
        };
        let (six, nine) = (demand("other", 6, b"6"), demand("other", 9, b"9"));
        let own = policy_min(&rules, &[]).unwrap().remove(0);
        for said in [[six.clone(), nine.clone()], [nine.clone(), six]] {
            let said = said.map(|one| saying(vec![one]));
            let said: Vec<_> = said.iter().collect();
            assert_eq!(
                policy_min(&rules, &said).unwrap(),
                [nine.clone(), own.clone()]
            );
        }
        let later = saying(vec![demand("release", 2, b"later")]);
        policy_min(&rules, &[&later]).unwrap_err();
    }

    #[test]
    fn the_latest_promotion_of_each_place_is_kept() {
        let head = |service: &str, sequence: u64, head: &[u8]| SlotHead {
            service: service.parse().unwrap(),
            environment: "env://acme/pay/prod".parse().unwrap(),
            sequence,
            head: Digest::sha256(head),
        };
        let before = [head("a", 3, b"3"), head("c", 1, b"1")];
        let latest = [head("b", 1, b"b"), head("a", 2, b"2"), head("c", 2, b"2")];
        let found = slots(before.iter().chain(&latest));
        assert_eq!(
            found,
            [head("a", 3, b"3"), head("b", 1, b"b"), head("c", 2, b"2")]
        );
        assert_eq!(slots(found.iter().chain(&latest)), found);
    }
}
