//! A ledger for the world: a security owner who revokes, leads who lift, and an owner who writes
//! checkpoints.

use jiff::SignedDuration;
use serde_json::{Value, json};

use bulla_model::predicate::checkpoint::PolicyMinimum;
use bulla_model::predicate::{Checkpoint, checkpoint, freeze, revocation};
use bulla_model::{Digest, ResourceDescriptor, Scope, statement};

use super::{Entry, Signer, World, hour, image, policy};

/// Where all environments of the tests belong.
pub(crate) fn scope() -> Scope {
    "ledger://acme/pay".parse().unwrap()
}

impl World {
    /// The whole journey under a policy with a security owner, prod as fresh as can be demanded; no
    /// checkpoint yet. It is hour 24. `alice` or `carol` lift, and it takes `threshold` of them.
    pub(crate) fn guarded(threshold: usize) -> Self {
        Self::owned(threshold).approved_by_two().promoted()
    }

    /// The same with a release owner, `release`, before the step into prod: it is hour 4.
    pub(crate) fn calendared() -> Self {
        Self::calendared_but(|_| {})
    }

    /// The same with another policy.
    pub(crate) fn calendared_but(change: impl FnOnce(&mut Self)) -> Self {
        Self::with_release_owner(change).approved_by_two()
    }

    /// The policy alone.
    pub(crate) fn with_release_owner(change: impl FnOnce(&mut Self)) -> Self {
        let mut world = Self::owned(1);
        let identities = format!(
            "identities:\n  release:\n    - key: {}\n",
            policy::key("release")
        );
        world.edit("release.yaml", "identities:\n", &identities);
        let rule = "freezes: {by: [release]}\nhistory: []";
        world.edit("release.yaml", "history: []", rule);
        world.edit(
            "release.yaml",
            "freshness: {promote: 1h, admit: 24h}",
            "freshness: none",
        );
        change(&mut world);
        world
    }

    /// Built, in staging and approved for prod.
    pub(crate) fn approved_by_two(mut self) -> Self {
        self.provenance();
        self.sbom();
        self.tests();
        let mut world = self.into_staging();
        world.approve("alice", "prod");
        world.approve("carol", "prod");
        world.now = hour(4);
        world
    }

    /// Into prod at this time; then it is hour 24.
    pub(crate) fn promoted(mut self) -> Self {
        self.promote("prod");
        self.now = hour(24);
        self
    }

    /// A policy with a security owner, and an anchor that names who keeps the ledger.
    pub(crate) fn owned(threshold: usize) -> Self {
        let mut world = Self::empty();
        let identities = format!(
            "identities:\n  security:\n    - key: {}\n  leads:\n    - key: {}\n    - key: {}\n    - key: {}\n    - key: {}\n",
            policy::key("security"),
            policy::key("alice"),
            policy::key("alice-laptop"),
            policy::key("carol"),
            policy::key("nobody"),
        );
        world.edit("release.yaml", "identities:\n", &identities);
        let rule = format!(
            "revocations: {{by: [security], lift: {{by: [leads], threshold: {threshold}}}}}\nhistory: []"
        );
        world.edit("release.yaml", "history: []", &rule);
        let from = "audience: [prod-eu-1], freshness: none";
        let to = "audience: [prod-eu-1], freshness: {promote: 1h, admit: 24h}";
        world.edit("release.yaml", from, to);
        let owner = policy::key("owner");
        let keeper = policy::key("keeper");
        world.anchor = Some(format!(
            "apiVersion: bulla.dev/anchor/v0.1\nowners: {{threshold: 1, keys: [{owner}]}}\n\
             environments: []\nledger: {{by: [{{key: {keeper}}}]}}\n"
        ));
        let keys = ["keeper", "mallory"].map(|name| Signer::named(name).public());
        world.more_keys.extend(keys);
        world
    }

    /// The same with a checkpoint of now.
    pub(crate) fn checked() -> Self {
        let mut world = Self::guarded(1);
        world.checkpoint(1);
        world
    }

    pub(crate) fn checkpoint(&mut self, serial: u64) -> Digest {
        self.checkpoint_with("keeper", serial, |_| {})
    }

    /// Writes a checkpoint of now that lists the revocations of the ledger, after a change.
    pub(crate) fn checkpoint_with(
        &mut self,
        who: &str,
        serial: u64,
        change: impl Fn(&mut Checkpoint),
    ) -> Digest {
        let entries = self.ledger.iter();
        let mut revocations: Vec<_> = entries
            .filter(|entry| entry.name.contains("revocation"))
            .map(|entry| Digest::sha256(&super::payload(&entry.bundle)))
            .collect();
        revocations.sort();
        revocations.dedup();
        let policy = self.parsed();
        let mut said = Checkpoint {
            scope: scope(),
            serial,
            previous: (serial > 1).then(|| Digest::sha256(b"the one before")),
            issued_at: self.now,
            not_after: self.now + SignedDuration::from_hours(48),
            policy_min: vec![PolicyMinimum {
                name: policy.name().to_owned(),
                version: policy.version(),
                digest: policy.digest(),
            }],
            freeze: None,
            revocations,
            slots: Vec::new(),
            retired: Vec::new(),
            crit: Vec::new(),
        };
        change(&mut said);
        let predicate = serde_json::to_value(&said).unwrap();
        self.record(who, "checkpoint", checkpoint::TYPE, &predicate)
    }

    /// Writes a calendar with these windows now, after the one before it.
    pub(crate) fn freeze(
        &mut self,
        serial: u64,
        previous: Option<&Digest>,
        windows: &Value,
    ) -> Digest {
        self.freeze_with("release", serial, previous, windows, |_| {})
    }

    pub(crate) fn freeze_with(
        &mut self,
        who: &str,
        serial: u64,
        previous: Option<&Digest>,
        windows: &Value,
        change: impl Fn(&mut Value),
    ) -> Digest {
        let mut predicate = json!({
            "scope": scope(), "serial": serial, "windows": windows,
            "issuedAt": self.now.to_string(),
            "notAfter": (self.now + SignedDuration::from_hours(24 * 365)).to_string(),
        });
        if let Some(previous) = previous {
            predicate["previous"] = json!(previous);
        }
        change(&mut predicate);
        self.record(who, "freeze", freeze::TYPE, &predicate)
    }

    /// Revokes these targets now, in the ledger.
    pub(crate) fn revoke(&mut self, who: &str, targets: &[Value]) -> Digest {
        self.revoke_with(who, targets, |_| {})
    }

    pub(crate) fn revoke_with(
        &mut self,
        who: &str,
        targets: &[Value],
        change: impl Fn(&mut Value),
    ) -> Digest {
        let mut predicate = json!({
            "scope": scope(), "targets": targets, "reason": "it was bad",
            "issuedAt": self.now.to_string(),
        });
        change(&mut predicate);
        self.record(who, "revocation", revocation::TYPE, &predicate)
    }

    /// Adds a statement about the ledger to it.
    pub(crate) fn record(
        &mut self,
        who: &str,
        name: &str,
        kind: &str,
        predicate: &Value,
    ) -> Digest {
        let subject: ResourceDescriptor = scope().subject();
        let bytes = statement::write(&[subject], &kind.parse().unwrap(), predicate).unwrap();
        self.ledger.push(Entry {
            name: format!("{who} {name}"),
            bundle: Signer::named(who).seal(&bytes),
        });
        Digest::sha256(&bytes)
    }

    /// Takes these entries out of the ledger, as a registry could.
    pub(crate) fn hide(&mut self, name: &str) -> Vec<Entry> {
        let (hidden, kept) = std::mem::take(&mut self.ledger)
            .into_iter()
            .partition::<Vec<_>, _>(|entry| entry.name.ends_with(name));
        self.ledger = kept;
        assert!(!hidden.is_empty(), "no `{name}`");
        hidden
    }
}

/// The image as a target.
pub(crate) fn the_image() -> Value {
    json!({"kind": "subject", "digest": image()})
}
