//! Changes of what a policy says about earlier versions: what was promoted under them stays by that.

use std::collections::BTreeMap;

use bulla_model::Digest;
use jiff::Timestamp;

use super::{Change, Effect};
use crate::policy::Policy;
use crate::policy::place::Place;

/// An earlier version: until when what names it had to be there, and whether its files are.
type Entry = (Option<Timestamp>, bool);

/// What another list of earlier versions changes. That the new policy lists the old one is as it has to
/// be; that either lists the other is told only where it does not.
pub(super) fn history(old: &Policy, new: &Policy) -> Vec<Change> {
    let (before, after) = (entries(old), entries(new));
    let (own, other) = (key(old), key(new));
    let mut told = Vec::new();
    match after.get(&own) {
        None if own == other => {}
        None => told.push((
            Effect::Tightened,
            format!(
                "{} is not listed: what was promoted under it is refused",
                show(&own)
            ),
        )),
        Some((_, false)) => told.push((
            Effect::Tightened,
            format!(
                "the files of {} are not there: nobody can judge what names it",
                show(&own)
            ),
        )),
        Some((Some(until), true)) => told.push((
            Effect::Tightened,
            format!(
                "{} until {until}: what names it had to be there by then",
                show(&own)
            ),
        )),
        Some((None, true)) => {}
    }
    for (key, entry) in after.iter().filter(|(key, _)| **key != own) {
        told.extend(match before.get(key) {
            None => Some((Effect::Loosened, format!("+{} {}", show(key), tell(*entry)))),
            Some(earlier) if earlier != entry => Some(moved(key, *earlier, *entry)),
            Some(_) => None,
        });
    }
    for (key, entry) in before.iter().filter(|(key, _)| **key != other) {
        if !after.contains_key(key) {
            told.push((
                Effect::Tightened,
                format!("-{} {}", show(key), tell(*entry)),
            ));
        }
    }
    let place = Place::of_file(&new.base.path.as_str().into());
    told.into_iter()
        .map(|(effect, text)| Change {
            effect,
            subject: "policy".to_owned(),
            rule: "history".to_owned(),
            text: text.trim_end().to_owned(),
            place: Some(place.clone()),
        })
        .collect()
}

/// The same version with another end, or with files that were not there.
fn moved(key: &(u64, Digest), before: Entry, after: Entry) -> (Effect, String) {
    let text = format!("{} {} -> {}", show(key), tell(before), tell(after));
    let effect = match (before, after) {
        ((was, false), (is, true)) if was == is => Effect::Loosened,
        ((was, true), (is, false)) if was == is => Effect::Tightened,
        // A later end lets more stand by its time, and less by what it says of who was dropped.
        _ => Effect::Changed,
    };
    (effect, text)
}

fn key(policy: &Policy) -> (u64, Digest) {
    (policy.version, policy.digest())
}

fn entries(policy: &Policy) -> BTreeMap<(u64, Digest), Entry> {
    let there: Vec<_> = policy.predecessors.iter().map(key).collect();
    let listed = policy.history.iter().map(|entry| {
        let key = (entry.version, entry.digest.clone());
        let is_there = there.contains(&key);
        (key, (entry.until, is_there))
    });
    listed.collect()
}

fn show((version, digest): &(u64, Digest)) -> String {
    format!("version {version} ({digest})")
}

fn tell((until, is_there): Entry) -> String {
    let until = until.map_or_else(
        || "without end".to_owned(),
        |until| format!("until {until}"),
    );
    if is_there {
        until
    } else {
        format!("{until}, without its files")
    }
}
