//! Approvals that a relay passes on: whose they are, and whether they count.

use bulla_model::Person;
use bulla_model::predicate::Approval;
use bulla_model::predicate::approval::OnBehalfOf;

use super::{ApprovalsRule, CHECK, Excluded, Refused};
use crate::cause::Cause;
use crate::code::Code;
use crate::policy::show_duration;
use crate::question::Context;
use crate::relay::RelayRule;
use crate::require::StepAtHand;
use crate::verdict::Finding;
use crate::verified::Verified;

const POINTER: &str = "/predicate/onBehalfOf";

/// What a relay signed.
pub(super) struct Relayed<'a> {
    pub(super) approval: &'a Verified<Approval>,
    pub(super) said: &'a OnBehalfOf,
    /// The rules of the anchor that describe the relay.
    pub(super) relays: Vec<&'a RelayRule>,
}

fn deny(code: Code, message: String) -> Refused {
    Refused::definite(Cause::Denied, Finding::new(code, CHECK, message), POINTER)
}

fn not_taken(who: &str) -> Refused {
    let message = format!("{who} passed on somebody else's review");
    deny(Code::ApprovalRelayed, message)
}

/// A person who passes on reviews: no relay, whatever the anchor says.
pub(super) fn by_a_person(context: &Context<'_>, person: &Person) -> Refused {
    if context.tier_rule.relayed_approvals {
        let message = format!("{person} passed on somebody else's review and is no relay");
        deny(Code::RelayUnknown, message)
    } else {
        not_taken(person.as_str())
    }
}

impl Relayed<'_> {
    /// Whose yes it is, once the statement itself is good.
    pub(super) fn person(
        &self,
        context: &Context<'_>,
        step: &StepAtHand<'_>,
        rule: &ApprovalsRule,
        excluded: &Excluded,
    ) -> Result<Person, Refused> {
        if !context.tier_rule.relayed_approvals {
            return Err(not_taken("a relay"));
        }
        self.allowed(step)?;
        self.apart(excluded)?;
        self.recent(context, step, rule)?;
        self.holder(context)
    }

    /// Whose account it is, and was when the review was given and passed on.
    fn holder(&self, context: &Context<'_>) -> Result<Person, Refused> {
        let said = self.said;
        let unknown = |message: &str| {
            let finding = Finding::new(Code::ApproverUnknown, CHECK, message)
                .found(format!("account {} on {}", said.account_id, said.platform))
                .hint("see `accounts` in people.yaml");
            Refused::junk(finding)
        };
        let people = &context.question.policy.people;
        let Some((person, account)) = people.by_account(&said.platform, &said.account_id) else {
            let message = "a relay passed on the review of an account that is no person's";
            return Err(unknown(message));
        };
        let existed = self.approval.time().existed_by();
        let mut times = [existed.or(Some(context.question.now)), said.reviewed_at]
            .into_iter()
            .flatten();
        if times.all(|at| account.held_at(at)) {
            Ok(person.clone())
        } else {
            Err(unknown(
                "a relay passed on the review of an account that is over",
            ))
        }
    }

    /// Whether one rule of the anchor lets it pass on this review for this step.
    fn allowed(&self, step: &StepAtHand<'_>) -> Result<(), Refused> {
        let mut objection = None;
        for relay in &self.relays {
            objection = relay.objects(self.said, step.edge);
            if objection.is_none() {
                return Ok(());
            }
        }
        let what = objection.unwrap_or("another relay");
        let message = format!("a relay passed on a review that the anchor does not let it: {what}");
        let finding = Finding::new(Code::RelayUnknown, CHECK, message)
            .found(format!("{} at {}", self.said.review_url, self.said.commit));
        Err(Refused::definite(Cause::Denied, finding, POINTER))
    }

    /// What the same workflow builds or promotes, it could also say that others approved.
    fn apart(&self, excluded: &Excluded) -> Result<(), Refused> {
        for (exclusion, signer) in &excluded.hands {
            if self.relays.iter().any(|relay| relay.is_ever(signer)) {
                let (code, what) = exclusion.told();
                return Err(deny(
                    code,
                    format!("a relay passed on a review, but {what}"),
                ));
            }
        }
        Ok(())
    }

    /// Whether the review itself is young enough: passing it on makes it no younger.
    fn recent(
        &self,
        context: &Context<'_>,
        step: &StepAtHand<'_>,
        rule: &ApprovalsRule,
    ) -> Result<(), Refused> {
        let stale = |message: String| {
            let finding = Finding::new(Code::StatementStale, CHECK, message);
            Err(Refused::definite(Cause::Expired, finding, POINTER))
        };
        let Some(at) = self.said.reviewed_at else {
            return match rule.max_age {
                None => Ok(()),
                Some(_) => stale("the relay does not say when it was reviewed".to_owned()),
            };
        };
        if !self.approval.time().may_tell_of(at, context.question.now) {
            let message = format!("a relay signed before {at}, when it says it was reviewed");
            return Err(deny(Code::TimeMismatch, message));
        }
        let age = step.at.duration_since(at);
        match rule.max_age {
            Some(limit) if age > limit => stale(format!(
                "reviewed {} before, at most {} allowed",
                show_duration(age),
                show_duration(limit)
            )),
            _ => Ok(()),
        }
    }
}
