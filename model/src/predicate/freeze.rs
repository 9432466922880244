//! Freezes: the calendar of when nothing, or only something, may be promoted.
//!
//! Defined in `docs/predicates/freeze.md`, version 1.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::check::{Checks, TEXT};
use super::{Predicate, own};
use crate::calendar::{LocalTime, Recurrence, WindowLength, ZoneName};
use crate::descriptor::present;
use crate::{Digest, EdgeKind, Environment, PredicateError, Scope, ScopeKind, Service, Statement};

/// The type's URI.
pub const TYPE: &str = crate::ours!("freeze/v1");

/// The members a reader of version 1 understands.
pub const MEMBERS: &[&str] = &[
    "scope", "serial", "previous", "windows", "issuedAt", "notAfter",
];

/// Windows of one calendar. Stops a calendar that takes longer to expand than a step may wait.
pub const WINDOWS: usize = 256;
/// Most approvals a window may ask for beyond those of the step.
pub const EXTRA_APPROVALS: u32 = 16;

/// A calendar, whole: a later serial replaces it. The only subject is its scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Freeze {
    /// The ledger it is kept in.
    pub scope: Scope,
    /// 1 in the first, else 1 + that of `previous`.
    pub serial: u64,
    /// Payload digest of the calendar it replaces; absent in the first.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub previous: Option<Digest>,
    /// The windows; none takes every earlier one back.
    pub windows: Vec<Window>,
    /// When it was made.
    #[serde(deserialize_with = "crate::instant::read")]
    pub issued_at: Timestamp,
    /// When it may no longer be used.
    #[serde(deserialize_with = "crate::instant::read")]
    pub not_after: Timestamp,
    /// Members a reader must understand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crit: Vec<String>,
}

/// A window that recurs, or does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Window {
    /// Whether steps are let through in it or outside of it.
    pub kind: WindowKind,
    /// The environments that steps lead into, sorted.
    pub environments: Vec<Environment>,
    /// The services, sorted; none means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<Service>,
    /// When it first opens, in `time_zone`.
    pub start: LocalTime,
    /// The time zone its times are in.
    pub time_zone: ZoneName,
    /// How long it stays.
    pub duration: WindowLength,
    /// How it recurs; absent if it does not.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub rrule: Option<Recurrence>,
    /// Starts that are left out, sorted (`EXDATE`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<LocalTime>,
    /// Kinds of steps that it does not hold up, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exempt_kinds: Vec<EdgeKind>,
    /// With how many approvals more than the step asks for it lets a step through, 1 to 16; absent
    /// if with none.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub extra_approvals: Option<u32>,
    /// Why.
    pub reason: String,
}

/// Whether steps are let through in a window or outside of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WindowKind {
    /// Nothing in it: beats what is open.
    Closed,
    /// Nothing outside of this and all other open ones.
    Open,
}

impl Predicate for Freeze {
    const TYPES: &'static [&'static str] = &[TYPE];

    fn from_json(_kind: &str, json: &str) -> serde_json::Result<Self> {
        own::read(json)
    }

    fn check(&self, statement: &Statement) -> Result<(), PredicateError> {
        let checks = Checks::new(TYPE, statement);
        checks.critical(&self.crit, MEMBERS)?;
        checks.is_about_scope(&self.scope, ScopeKind::Ledger)?;
        checks.number("/predicate/serial", self.serial)?;
        if self.previous.is_none() != (self.serial == 1) {
            let expected = "the calendar before, and none in serial 1";
            return Err(checks.refuse("/predicate/previous", expected));
        }
        if let Some(previous) = &self.previous {
            checks.sha256("/predicate/previous", previous)?;
        }
        if self.windows.len() > WINDOWS {
            let expected = format!("at most {WINDOWS} windows");
            return Err(checks.refuse("/predicate/windows", expected));
        }
        for (index, window) in self.windows.iter().enumerate() {
            window.check(&checks, &format!("/predicate/windows/{index}"))?;
        }
        checks.window(self.issued_at, self.not_after)
    }
}

impl Window {
    fn check(&self, checks: &Checks<'_>, pointer: &str) -> Result<(), PredicateError> {
        checks.some_sorted(format_args!("{pointer}/environments"), &self.environments)?;
        checks.sorted(format_args!("{pointer}/services"), &self.services)?;
        checks.sorted(format_args!("{pointer}/except"), &self.except)?;
        if !self.except.is_empty() && self.rrule.is_none() {
            let expected = "no exceptions, because the window does not recur";
            return Err(checks.refuse(format_args!("{pointer}/except"), expected));
        }
        checks.sorted(format_args!("{pointer}/exemptKinds"), &self.exempt_kinds)?;
        let extra = self.extra_approvals.unwrap_or(1);
        if !(1..=EXTRA_APPROVALS).contains(&extra) {
            let expected = format!("1 to {EXTRA_APPROVALS}");
            return Err(checks.refuse(format_args!("{pointer}/extraApprovals"), expected));
        }
        checks.text(format_args!("{pointer}/reason"), &self.reason, TEXT)
    }
}
