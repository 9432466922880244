//! What a server decides by, read again while it runs.

use std::sync::Arc;

use bulla_model::Digest;
use bulla_verify::{Evidence, Memory, State};
use jiff::Timestamp;

use crate::Failure;
use crate::args::decide::DecideArguments;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::rules::Rules;
use crate::join::{blocking, verdict};

/// Rules, and a digest over everything they were read from.
#[derive(Clone, Debug)]
pub struct Current {
    /// The rules.
    pub rules: Arc<Rules>,
    /// Digest over every file of the policy, anchor, trusted roots and state: answers under another
    /// one do not count.
    pub basis: Digest,
}

impl Current {
    /// Reads the rules and asks them about nothing, which fails if they do not know the
    /// environment or the anchor does not name it.
    pub async fn load(
        context: &Arc<Context>,
        decide: &DecideArguments,
        environment: &str,
    ) -> Result<Self, Failure> {
        let now = Timestamp::now();
        let (own, decide) = (Arc::clone(context), decide.clone());
        let rules = blocking(move || {
            let mut rules = Rules::load(&own, &decide, now)?;
            rules.settle(&own.limits)?;
            Ok(Arc::new(rules))
        })
        .await?;
        let nothing = Evidence {
            artifact: Some(Digest::sha256(b"")),
            ..Evidence::default()
        };
        let nothing = Arc::new(nothing);
        verdict::environment(&rules, nothing, "", environment, now, &context.limits).await?;
        let basis = basis(&rules);
        Ok(Self { rules, basis })
    }

    /// Whether `next` may take over: a policy never goes back to an older version, and never
    /// changes without a new one.
    pub fn may_become(&self, next: &Self) -> Result<(), Failure> {
        let refused = |what: String| Err(Failure::new(FailureKind::Configuration, what));
        // Without a change of its version the file is its administrator's, as everywhere.
        if let (Some(own), Some(other)) = (&self.rules.anchor, &next.rules.anchor)
            && own.name() == other.name()
            && other.version() < own.version()
        {
            return refused(format!(
                "the anchor went back from version {} to {}",
                own.version(),
                other.version()
            ));
        }
        // What its owners did not sign takes no place, and keeps none.
        if !self.rules.is_published() {
            return Ok(());
        }
        if !next.rules.is_published() {
            return refused("its owners did not sign the policy".to_owned());
        }
        let mut seen = State::default();
        self.rules.remember_in(&mut seen);
        if next.rules.is_older_than(&seen) {
            return refused("the owners signed other persons later".to_owned());
        }
        match seen.compare(&next.rules.policy) {
            Memory::Fine => Ok(()),
            Memory::Older { seen } => refused(format!(
                "the policy went back from version {seen} to {}",
                next.rules.policy.version()
            )),
            Memory::Different { seen } => refused(format!(
                "version {} of the policy was {seen} and is now {}",
                next.rules.policy.version(),
                next.rules.policy.digest()
            )),
        }
    }

    /// Policy, anchor and roots with their digests, in one line.
    pub fn describe(&self) -> String {
        let policy = &self.rules.policy;
        let others: Vec<String> = self
            .rules
            .sources
            .iter()
            .skip(1)
            .map(|source| format!(", {} {}", source.what, source.digest))
            .collect();
        format!(
            "policy {} v{} {}{}",
            policy.name(),
            policy.version(),
            policy.digest(),
            others.concat()
        )
    }
}

/// The policy's own digest leaves out persons and earlier versions, which decide all the same.
fn basis(rules: &Rules) -> Digest {
    let sources = rules.sources.iter();
    let mut lines: Vec<_> = sources
        .map(|source| format!("{} {}\n", source.what, source.digest))
        .collect();
    for files in std::iter::once(&rules.files).chain(&rules.files.predecessors) {
        let parts = std::iter::once(&files.base)
            .chain(&files.services)
            .chain(&files.people)
            .chain(&files.signatures);
        lines.extend(parts.map(|file| format!("{} {}\n", Digest::sha256(&file.bytes), file.path)));
        lines.push("\n".to_owned());
    }
    let state = rules.state.as_ref().map(State::to_json);
    lines.extend(state.map(|bytes| format!("state {}\n", Digest::sha256(&bytes))));
    Digest::sha256(lines.concat().as_bytes())
}
