//! The rule on vulnerabilities, as policies write it.

use std::fmt;

use jiff::SignedDuration;
use serde::Deserialize;

use bulla_model::Role;

use super::Rating;
use crate::pattern::Pattern;
use crate::policy::{Age, Place, PolicyError, Scope, pattern};
use crate::question::Context;
use crate::require::{Coverage, Requirement, StepAtHand, any_of, at_most};
use crate::verdict::Report;

/// How long waivers may be given for where the policy says nothing: 90 days.
const MAX_TERM: SignedDuration = SignedDuration::from_hours(90 * 24);

/// What scanners may find.
#[derive(Clone, Debug)]
pub struct VulnerabilitiesRule {
    /// Identities that may sign scans.
    pub by: Vec<String>,
    /// Scanners, by their URIs; empty means any.
    pub scanners: Vec<Pattern>,
    /// How old a scan may be.
    pub max_age: Option<SignedDuration>,
    /// This and everything worse is denied.
    pub deny: Rating,
    /// Whether only what has a known fix is denied.
    pub fixed_only: bool,
    /// Identities whose OpenVEX documents clear findings; none if nobody's do.
    pub vex: Vec<String>,
    /// Whose waivers count; none if nobody's do.
    pub waivers: Option<WaiversRule>,
    /// What of an image it has to be about.
    pub coverage: Coverage,
    /// Where it is written.
    pub place: Place,
}

/// Whose waivers count.
#[derive(Clone, Debug)]
pub struct WaiversRule {
    /// Identities that may sign them; empty means those of any person with one of the roles.
    pub by: Vec<String>,
    /// Roles of which each signer must hold one; empty means any person who is named.
    pub roles: Vec<Role>,
    /// How many distinct persons.
    pub threshold: usize,
    /// How long a waiver may be given for.
    pub max_term: SignedDuration,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Wire {
    by: Vec<String>,
    #[serde(default)]
    scanners: Vec<String>,
    #[serde(default)]
    max_age: Option<Age>,
    #[serde(default)]
    deny: Option<Vec<Rating>>,
    #[serde(default)]
    max_severity: Option<Rating>,
    #[serde(default)]
    fixed_only: bool,
    #[serde(default)]
    vex: Option<VexWire>,
    #[serde(default)]
    waivers: Option<WaiversWire>,
    #[serde(default)]
    coverage: Coverage,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VexWire {
    by: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WaiversWire {
    #[serde(default)]
    by: Vec<String>,
    #[serde(default)]
    roles: Vec<Role>,
    #[serde(default)]
    threshold: Option<usize>,
    #[serde(default)]
    max_term: Option<Age>,
}

impl Requirement for VulnerabilitiesRule {
    type Wire = Wire;

    fn read(wire: Wire, place: Place, scope: &Scope<'_>) -> Result<Self, PolicyError> {
        let deny = denied(wire.deny, wire.max_severity).map_err(|reason| PolicyError::Rule {
            place: place.clone(),
            reason,
        })?;
        let waivers = wire.waivers.map(|waivers| waivers.read(&place, scope));
        let vex = wire.vex.map(|vex| scope.names(vex.by, &place));
        Ok(Self {
            by: scope.names(wire.by, &place)?,
            scanners: wire.scanners.iter().map(|text| pattern(text)).collect(),
            max_age: wire.max_age.map(|age| age.0),
            deny,
            fixed_only: wire.fixed_only,
            vex: vex.transpose()?.unwrap_or_default(),
            waivers: waivers.transpose()?,
            coverage: wire.coverage,
            place,
        })
    }

    fn coverage(&self) -> Coverage {
        self.coverage
    }

    fn judge(&self, context: &Context<'_>, step: &StepAtHand<'_>, report: &mut Report) {
        super::judge(context, step, self, report);
    }
}

/// The least of what is denied; by default what is high or critical.
fn denied(deny: Option<Vec<Rating>>, max: Option<Rating>) -> Result<Rating, String> {
    let listed = match (deny, max) {
        (Some(_), Some(_)) => {
            return Err("expected `deny` or `maxSeverity`, one of them".to_owned());
        }
        (None, None) => return Ok(Rating::High),
        (None, Some(max)) => {
            let worse = Rating::ALL.iter().copied().find(|one| *one > max);
            return worse.ok_or_else(|| format!("`maxSeverity: {max}` denies nothing"));
        }
        (Some(listed), None) => listed,
    };
    let Some(least) = listed.iter().copied().min() else {
        return Err("`deny` is empty: name at least `critical`".to_owned());
    };
    // A list with a gap is a slip: nobody denies what is bad and lets in what is worse.
    let mut worse = Rating::ALL.iter().filter(|one| **one > least);
    match worse.find(|one| !listed.contains(one)) {
        Some(left_out) => Err(format!(
            "`deny` names {least} and leaves out {left_out}, which is worse"
        )),
        None => Ok(least),
    }
}

impl WaiversWire {
    fn read(self, place: &Place, scope: &Scope<'_>) -> Result<WaiversRule, PolicyError> {
        let refuse = |reason: &str| PolicyError::Rule {
            place: place.clone(),
            reason: reason.to_owned(),
        };
        if self.by.is_empty() && self.roles.is_empty() {
            return Err(refuse(
                "`waivers` names nobody: write `by`, `roles` or both",
            ));
        }
        if self.threshold == Some(0) {
            return Err(refuse("`threshold` is 0: expected at least one person"));
        }
        let by = if self.by.is_empty() {
            self.by
        } else {
            scope.names(self.by, place)?
        };
        Ok(WaiversRule {
            by,
            roles: self.roles,
            threshold: self.threshold.unwrap_or(1),
            max_term: self.max_term.map_or(MAX_TERM, |term| term.0),
        })
    }
}

impl fmt::Display for VulnerabilitiesRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = self.by.join(" or ");
        let scanners = any_of(&self.scanners, "any scanner");
        let age = at_most(self.max_age);
        let least = self.deny;
        let fixed = if self.fixed_only { " with a fix" } else { "" };
        write!(
            f,
            "newest scan signed by {by}, {scanners}, {age}, finds nothing of severity {least} or worse{fixed}"
        )?;
        if !self.vex.is_empty() {
            write!(
                f,
                ", but what OpenVEX signed by {} clears",
                self.vex.join(" or ")
            )?;
        }
        if let Some(waivers) = &self.waivers {
            write!(f, ", but what {waivers} waive")?;
        }
        write!(f, "{}   [{}]", self.coverage.told(), self.place)
    }
}

impl fmt::Display for WaiversRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let roles: Vec<_> = self.roles.iter().map(Role::as_str).collect();
        let who = match (roles.is_empty(), self.by.is_empty()) {
            (true, _) => self.by.join(" or "),
            (false, true) => roles.join(" or "),
            (false, false) => format!("{} ({})", self.by.join(" or "), roles.join(" or ")),
        };
        let (threshold, term) = (self.threshold, self.max_term);
        let persons = if threshold == 1 { "person" } else { "persons" };
        write!(f, "{threshold} {persons} ({who}) for at most {term:#}")
    }
}
