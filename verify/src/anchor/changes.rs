//! What an anchor in the place of another one changes.

use std::collections::BTreeMap;

use super::{Anchor, LedgerRule};
use crate::policy::{Change, Effect, IdentityRule, Value};
use crate::relay::RelayRule;

impl Anchor {
    /// What another anchor in the place of this one would change: each rule, and which way it goes
    /// where that is known.
    pub fn changes_to(&self, new: &Self) -> Vec<Change> {
        let (before, after) = (self.facts(new), new.facts(self));
        let mut rules: Vec<_> = before.keys().chain(after.keys()).collect();
        rules.sort();
        rules.dedup();
        let changes = rules.into_iter().filter_map(|rule| {
            let (effect, text) = match (before.get(rule), after.get(rule)) {
                (Some(old), Some(new)) => new.differs(old)?,
                (Some(old), None) => (old.coming().reversed(), format!("removed: {old}")),
                (None, Some(new)) => (new.coming(), format!("added: {new}")),
                (None, None) => return None,
            };
            Some(Change {
                effect,
                subject: "anchor".to_owned(),
                rule: rule.clone(),
                text,
                place: None,
            })
        });
        changes.collect()
    }

    /// What it says, with a minimum for each policy of which one of the two has one.
    fn facts(&self, other: &Self) -> BTreeMap<String, Value> {
        let owners: Vec<_> = self.owners.iter().map(|key| key.id().to_string()).collect();
        let relays: Vec<_> = self.relays.iter().map(RelayRule::tell).collect();
        let ledger = self.ledger.iter().flat_map(LedgerRule::owners);
        let ledger: Vec<_> = ledger.map(IdentityRule::tell).collect();
        let location = self.ledger().and_then(LedgerRule::location);
        let location = location.map_or("beside the artifact".to_owned(), |place| {
            format!("{place:?}")
        });
        let audience: Vec<_> = self.audience.iter().map(|id| format!("{id:?}")).collect();
        let mut facts = BTreeMap::from([
            ("name".to_owned(), Value::Word(self.name.clone())),
            ("owners.keys".to_owned(), Value::words(&owners)),
            ("owners.threshold".to_owned(), Value::Count(self.threshold)),
            ("environments".to_owned(), Value::limit(&self.environments)),
            ("audience".to_owned(), Value::limit(&audience)),
            // Without owners nothing is demanded of the ledger, and with more of them more may speak.
            ("ledger.by".to_owned(), Value::words(&ledger)),
            ("ledger.location".to_owned(), Value::Word(location)),
            ("relays".to_owned(), Value::any(&relays)),
        ]);
        if self.must_sign {
            let value = Value::There(Effect::Tightened, "true".to_owned());
            facts.insert("owners.mustSign".to_owned(), value);
        }
        for policy in self.minimum.keys().chain(other.minimum.keys()) {
            let least = usize::try_from(self.minimum(policy)).unwrap_or(usize::MAX);
            facts.insert(format!("minimum.{policy:?}"), Value::Count(least));
        }
        facts
    }
}
