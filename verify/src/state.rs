//! The state: the highest versions of policies and anchors a verifier has seen. The caller keeps it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use bulla_model::{Digest, JsonError, Limits, Scope, json};

use crate::anchor::Anchor;
use crate::ledger::SeenCheckpoint;
use crate::policy::Policy;

/// What a verifier remembers between runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct State {
    /// Format version, 1.
    version: u32,
    policies: BTreeMap<String, Seen>,
    /// Checkpoints, by ledger; `version` is the serial.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    checkpoints: BTreeMap<Scope, Seen>,
    /// Anchors that came by rotation, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    anchors: BTreeMap<String, Seen>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Seen {
    version: u64,
    digest: Digest,
    /// When its owners signed it, the last time that was seen: its persons may change with that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    issued_at: Option<Timestamp>,
}

/// What a policy looks like next to what was seen before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Memory {
    /// New, newer, or the same.
    Fine,
    /// Older than what was seen: rollback.
    Older {
        /// The highest version seen.
        seen: u64,
    },
    /// The same version with other content: equivocation.
    Different {
        /// The digest seen before.
        seen: Digest,
    },
}

impl State {
    /// Reads a state; an empty document is a new one.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, JsonError> {
        json::read(bytes, limits.configuration_bytes, limits.json_depth)
    }

    /// Writes the state, sorted, with a final newline.
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("because the state is plain data");
        bytes.push(b'\n');
        bytes
    }

    /// Compares a policy with what was seen.
    pub fn compare(&self, policy: &Policy) -> Memory {
        match self.policies.get(policy.name()) {
            Some(seen) if policy.version() < seen.version => Memory::Older { seen: seen.version },
            Some(seen) if policy.version() == seen.version && policy.digest() != seen.digest => {
                Memory::Different {
                    seen: seen.digest.clone(),
                }
            }
            _ => Memory::Fine,
        }
    }

    /// Remembers a policy that compared fine; answers whether anything changed.
    pub fn remember(&mut self, policy: &Policy) -> bool {
        self.version = 1;
        let seen = Seen {
            version: policy.version(),
            digest: policy.digest(),
            issued_at: self.published(policy),
        };
        if self.compare(policy) != Memory::Fine {
            return false;
        }
        self.policies.insert(policy.name().to_owned(), seen.clone()) != Some(seen)
    }

    /// When the owners signed this version, the last time that was seen.
    pub fn published(&self, policy: &Policy) -> Option<Timestamp> {
        let seen = self.policies.get(policy.name())?;
        let is_it = seen.version == policy.version() && seen.digest == policy.digest();
        seen.issued_at.filter(|_| is_it)
    }

    /// Remembers when the owners signed a policy that is remembered; answers whether anything changed.
    pub fn remember_published(&mut self, policy: &Policy, issued_at: Timestamp) -> bool {
        let before = self.published(policy);
        match self.policies.get_mut(policy.name()) {
            Some(seen)
                if seen.version == policy.version()
                    && seen.digest == policy.digest()
                    && before < Some(issued_at) =>
            {
                seen.issued_at = Some(issued_at);
                true
            }
            _ => false,
        }
    }

    /// Compares an anchor with those that came by rotation.
    pub fn compare_anchor(&self, anchor: &Anchor) -> Memory {
        match self.anchors.get(anchor.name()) {
            Some(seen) if anchor.version() < seen.version => Memory::Older { seen: seen.version },
            Some(seen) if anchor.version() == seen.version && *anchor.digest() != seen.digest => {
                Memory::Different {
                    seen: seen.digest.clone(),
                }
            }
            _ => Memory::Fine,
        }
    }

    /// Remembers an anchor that came by rotation and compared fine; answers whether anything changed.
    ///
    /// Others are not remembered: the file is its administrator's, who may write it anew.
    pub fn remember_anchor(&mut self, anchor: &Anchor) -> bool {
        self.version = 1;
        if self.compare_anchor(anchor) != Memory::Fine {
            return false;
        }
        let seen = Seen {
            version: anchor.version(),
            digest: anchor.digest().clone(),
            issued_at: None,
        };
        self.anchors.insert(anchor.name().to_owned(), seen.clone()) != Some(seen)
    }

    /// Whether anchors came by rotation.
    pub fn knows_anchors(&self) -> bool {
        !self.anchors.is_empty()
    }

    /// The same without what was seen of anchors, for an anchor of another verifier.
    #[must_use]
    pub fn without_anchors(mut self) -> Self {
        self.anchors.clear();
        self
    }

    /// Compares a checkpoint with what was seen of its ledger.
    pub fn compare_checkpoint(&self, found: &SeenCheckpoint) -> Memory {
        match self.checkpoints.get(&found.scope) {
            Some(seen) if found.serial < seen.version => Memory::Older { seen: seen.version },
            Some(seen) if found.serial == seen.version && found.payload != seen.digest => {
                Memory::Different {
                    seen: seen.digest.clone(),
                }
            }
            _ => Memory::Fine,
        }
    }

    /// The last checkpoint seen of a ledger.
    pub fn last_checkpoint(&self, ledger: &Scope) -> Option<SeenCheckpoint> {
        self.checkpoints.get(ledger).map(|seen| SeenCheckpoint {
            scope: ledger.clone(),
            serial: seen.version,
            payload: seen.digest.clone(),
        })
    }

    /// Remembers a checkpoint that compared fine; answers whether anything changed.
    pub fn remember_checkpoint(&mut self, found: &SeenCheckpoint) -> bool {
        self.version = 1;
        if self.compare_checkpoint(found) != Memory::Fine {
            return false;
        }
        let seen = Seen {
            version: found.serial,
            digest: found.payload.clone(),
            issued_at: None,
        };
        self.checkpoints.insert(found.scope.clone(), seen.clone()) != Some(seen)
    }
}
