//! Approvals: one identity says yes or no to one step of one release.
//!
//! Defined in `docs/predicates/approval.md`, version 1.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::check::{ADDRESS, Checks, TEXT, WORD};
use super::draft::{self, DraftApproval};
use super::{Predicate, own};
use crate::descriptor::present;
use crate::{Digest, Edge, Nonce, PredicateError, Service, Statement};

/// The type's URI.
pub const TYPE: &str = crate::ours!("approval/v1");

/// The members a reader of version 1 understands.
pub const MEMBERS: &[&str] = &[
    "decision",
    "service",
    "edge",
    "policy",
    "previous",
    "issuedAt",
    "notAfter",
    "nonce",
    "reason",
    "onBehalfOf",
];

/// An approval or a rejection. It binds the subject set of its statement, the step, the policy and
/// the promotions it extends, so it counts for nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// Yes or no.
    pub decision: ApprovalDecision,
    /// The service the approver saw named; the verifier computes its own.
    pub service: Service,
    /// The step.
    pub edge: Edge,
    /// The policy the approver decided under.
    pub policy: PolicyBinding,
    /// Payload digests of the promotions this step extends, sorted; none for the entry.
    #[serde(default)]
    pub previous: Vec<Digest>,
    /// When it was given.
    #[serde(deserialize_with = "crate::instant::read")]
    pub issued_at: Timestamp,
    /// Until when it may be used; not at that instant any more.
    #[serde(deserialize_with = "crate::instant::read")]
    pub not_after: Timestamp,
    /// What sets it apart from another person's; absent only in version 0.1.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub nonce: Option<Nonce>,
    /// Why, in the approver's words.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub reason: Option<String>,
    /// Whose review a relay passes on.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub on_behalf_of: Option<OnBehalfOf>,
    /// Members a reader must understand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crit: Vec<String>,
}

impl Predicate for Approval {
    const TYPES: &'static [&'static str] = &[TYPE, draft::APPROVAL];

    fn from_json(kind: &str, json: &str) -> serde_json::Result<Self> {
        if kind == draft::APPROVAL {
            return crate::json::part::<DraftApproval>(json.as_bytes()).map(Self::from);
        }
        own::read(json)
    }

    fn check(&self, statement: &Statement) -> Result<(), PredicateError> {
        if statement.predicate_type().as_str() == draft::APPROVAL {
            return draft::critical(&self.crit, draft::APPROVAL_MEMBERS);
        }
        let checks = Checks::new(TYPE, statement);
        checks.critical(&self.crit, MEMBERS)?;
        checks.about(&[])?;
        checks.edge("/predicate/edge", &self.edge)?;
        checks.policy("/predicate/policy", &self.policy)?;
        checks.sha256_set("/predicate/previous", &self.previous)?;
        checks.window(self.issued_at, self.not_after)?;
        if self.nonce.is_none() {
            return Err(checks.refuse("/predicate/nonce", "32 random hexadecimal digits"));
        }
        checks.optional("/predicate/reason", self.reason.as_deref(), TEXT)?;
        let Some(relayed) = &self.on_behalf_of else {
            return Ok(());
        };
        for (name, text, limit) in [
            ("platform", &relayed.platform, WORD),
            ("accountId", &relayed.account_id, WORD),
            ("reviewUrl", &relayed.review_url, ADDRESS),
            ("commit", &relayed.commit, WORD),
        ] {
            checks.text(format_args!("/predicate/onBehalfOf/{name}"), text, limit)?;
        }
        checks.optional(
            "/predicate/onBehalfOf/file",
            relayed.file.as_deref(),
            ADDRESS,
        )
    }
}

/// Yes or no. A rejection is advice: a registry can hide it. A veto is a revocation of the edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApprovalDecision {
    /// Yes.
    Approve,
    /// No.
    Reject,
}

/// Which policy a statement was made under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyBinding {
    /// The policy's name.
    pub name: String,
    /// Its version.
    pub version: u64,
    /// The digest over the sorted `path`, `sha256` lines of the base and the service's file.
    pub digest: Digest,
}

/// Whose review a relay passes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OnBehalfOf {
    /// The platform: its host, for example `github.com`.
    pub platform: String,
    /// The platform's immutable account id.
    pub account_id: String,
    /// Where the review can be looked at.
    pub review_url: String,
    /// The reviewed commit.
    pub commit: String,
    /// The file, among those the review was about, that names the subjects' digests.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub file: Option<String>,
    /// When it was reviewed, as the platform says.
    #[serde(
        default,
        deserialize_with = "crate::instant::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub reviewed_at: Option<Timestamp>,
}
