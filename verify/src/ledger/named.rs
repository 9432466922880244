//! Whom a policy names for what it finds in the ledger, now and in its earlier versions.

use bulla_model::Identity;
use jiff::Timestamp;

use crate::eligible::match_any;
use crate::policy::{Matched, Policy};
use crate::verified::SignedTime;

/// The identities that a version names for something, if it has the section.
pub(super) type Names = fn(&Policy) -> Option<&[String]>;

/// Whether somebody was named for it when this was signed. Whoever was stays the author of it: that
/// a key ended, or that a later version of the policy names another owner or none, changes nothing.
/// Nothing but the key may say when; whoever steals an ended one can revoke, and nothing worse.
pub(super) fn could(
    policy: &Policy,
    names: Names,
    signer: &Identity,
    time: SignedTime,
    now: Timestamp,
) -> bool {
    let then = time.existed_by();
    let matched = |policy: &Policy| {
        let Some(names) = names(policy) else {
            return Matched::No;
        };
        let matched = match_any(policy, policy, names, signer, time, then.unwrap_or(now));
        match (matched, then) {
            // Where nothing says when, it may have been in time.
            (Matched::OutOfTime, None) => Matched::Yes,
            (matched, _) => matched,
        }
    };
    let could_before = |before: &Policy| {
        let in_time = until(policy, before).zip(then);
        in_time.is_none_or(|(until, then)| then <= until) && matched(before) == Matched::Yes
    };
    // Where the current version knows the signer, its word on the key is the last one.
    match matched(policy) {
        Matched::Yes => true,
        Matched::OutOfTime => false,
        Matched::No => policy.predecessors.iter().any(could_before),
    }
}

/// Whether that is certain: more than the signer's word says that it is from their time. The current
/// version names a key that is good now, or an earlier one whose end is known named the signer and it
/// is proven to be from before that.
pub(super) fn surely(
    policy: &Policy,
    names: Names,
    signer: &Identity,
    time: SignedTime,
    now: Timestamp,
) -> bool {
    let is_named = |policy: &Policy| {
        let names = names(policy).unwrap_or_default();
        match_any(policy, policy, names, signer, time, now) == Matched::Yes
    };
    let then = time.existed_by().filter(|_| time.is_proven());
    let was_named = |before: &Policy| {
        let in_time = until(policy, before).zip(then);
        in_time.is_some_and(|(until, then)| then <= until) && is_named(before)
    };
    could(policy, names, signer, time, now)
        && (is_named(policy) || policy.predecessors.iter().any(was_named))
}

/// Whether somebody was named for it at any time, whatever became of the key.
pub(super) fn ever(
    policy: &Policy,
    names: Names,
    signer: &Identity,
    time: SignedTime,
    now: Timestamp,
) -> bool {
    let mut versions = std::iter::once(policy).chain(&policy.predecessors);
    versions.any(|policy| {
        let names = names(policy).unwrap_or_default();
        let then = time.existed_by().unwrap_or(now);
        match_any(policy, policy, names, signer, time, then) != Matched::No
    })
}

fn until(policy: &Policy, before: &Policy) -> Option<Timestamp> {
    let mut history = policy.history.iter();
    let entry = history.find(|entry| entry.version == before.version)?;
    entry.until
}
