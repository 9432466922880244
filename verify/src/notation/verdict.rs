//! The answer about an artifact's Notary Project signatures.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use bulla_model::Digest;

use super::level::{Action, Validation};
use super::policy::PolicyStatement;
use crate::cause::Cause;
use crate::verdict::Decision;

/// What came of a validation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotationOutcome {
    /// It holds.
    Ok,
    /// It does not hold. What that means depends on the action.
    Failed(Cause),
    /// The policy does not want it looked at.
    Skipped,
}

/// A validation of a signature.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NotationCheck {
    /// What was validated.
    pub name: Validation,
    /// What a failure does.
    pub action: Action,
    /// What came of it.
    pub outcome: NotationOutcome,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
}

/// A signature that was looked at.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NotationSignature {
    /// The manifest it is in.
    pub manifest: Digest,
    /// Why it does not count; absent if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The subject of the signing certificate, once the signature was verified with its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// When it was signed, as the signer says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_time: Option<Timestamp>,
    /// The latest moment at which it was signed, as a trusted timestamp authority says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Timestamp>,
    /// What the signer says about the artifact.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// What was validated, in order, up to the first failure that is enforced.
    pub checks: Vec<NotationCheck>,
}

impl NotationSignature {
    /// A manifest that says it is a signature, and is none.
    pub fn refused(manifest: &Digest, reason: String) -> Self {
        let mut signature = Self::unexamined(manifest);
        signature.cause = Some(Cause::Invalid);
        signature.checks.push(NotationCheck {
            name: Validation::Integrity,
            action: Action::Enforce,
            outcome: NotationOutcome::Failed(Cause::Invalid),
            expected: "a signature envelope".to_owned(),
            found: reason,
        });
        signature
    }

    pub(super) fn unexamined(manifest: &Digest) -> Self {
        Self {
            manifest: manifest.clone(),
            cause: None,
            signer: None,
            signing_time: None,
            timestamp: None,
            annotations: BTreeMap::new(),
            checks: Vec::new(),
        }
    }
}

/// The answer.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NotationVerdict {
    /// The answer.
    pub decision: Decision,
    /// Why it is not "allow".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The artifact.
    pub artifact: Digest,
    /// The statement of the policy that was applied; absent if none is for the repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// The statement's level. With `skip`, nothing was verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<&'static str>,
    /// The signatures that were looked at; the last one counts if the answer is "allow".
    pub signatures: Vec<NotationSignature>,
}

impl NotationVerdict {
    /// The answer from the signatures that were looked at: one that counts is enough. If some may
    /// have been missed, or a trusted signer's could not be decided, a "no" is none. Otherwise the
    /// best of them says why: of signatures that nobody trusted made there are only two causes, and
    /// they speak last.
    pub fn new(
        artifact: Digest,
        statement: Option<&PolicyStatement>,
        signatures: Vec<NotationSignature>,
        incomplete: bool,
    ) -> Self {
        let skip = statement.is_some_and(|statement| statement.level().is_skip());
        let counts = signatures.iter().any(|one| one.cause.is_none());
        let open = signatures
            .iter()
            .any(|one| one.cause == Some(Cause::Undetermined));
        let cause = match statement {
            None => Some(Cause::Denied),
            Some(_) if skip || counts => None,
            Some(_) if incomplete || open => Some(Cause::Undetermined),
            Some(_) => Some(Cause::best(signatures.iter().filter_map(|one| one.cause))),
        };
        Self {
            decision: match cause {
                None => Decision::Allow,
                Some(Cause::Undetermined) => Decision::Undetermined,
                Some(_) => Decision::Deny,
            },
            cause,
            artifact,
            statement: statement.map(|statement| statement.name().to_owned()),
            level: statement.map(|statement| statement.level().name()),
            signatures,
        }
    }

    /// The process exit code: 0 only for "allow".
    pub fn exit_code(&self) -> u8 {
        self.cause.map_or(0, Cause::exit_code)
    }
}
