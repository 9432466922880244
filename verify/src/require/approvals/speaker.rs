//! Who signed an approval: a person for himself, or a relay for somebody.

use std::fmt;

use bulla_model::Person;
use bulla_model::predicate::Approval;
use bulla_model::predicate::approval::OnBehalfOf;

use super::{CHECK, Refused};
use crate::anchor::Anchor;
use crate::code::Code;
use crate::policy::{Actor, Matched};
use crate::question::Context;
use crate::relay::RelayRule;
use crate::verdict::Finding;
use crate::verified::Verified;

/// Who speaks.
pub(super) enum Speaker<'a> {
    Person(Person),
    /// By each rule of the anchor that describes the signer.
    Relay(Vec<&'a RelayRule>, &'a OnBehalfOf),
}

impl fmt::Display for Speaker<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(person) => person.fmt(f),
            Self::Relay(..) => f.write_str("a relay"),
        }
    }
}

/// Persons are looked up in the current list, so that a joiner or leaver voids nothing.
pub(super) fn speaker<'a>(
    context: &Context<'a>,
    approval: &'a Verified<Approval>,
) -> Result<Speaker<'a>, Refused> {
    let people = &context.question.policy.people;
    let actor = people.actor(approval.signer(), approval.time(), context.question.now);
    let (code, message) = match (actor, &approval.value().on_behalf_of) {
        (Actor::Person(person), _) => return Ok(Speaker::Person(person)),
        (Actor::OutOfTime, _) => (
            Code::KeyExpired,
            "the approver's key was valid at another time",
        ),
        (_, Some(said)) => match relay(context, approval) {
            Ok(relays) => return Ok(Speaker::Relay(relays, said)),
            Err(refused) => refused,
        },
        (_, None) => (
            Code::ApproverUnknown,
            "the approver is no person the policy knows",
        ),
    };
    let finding = Finding::new(code, CHECK, message).found(approval.signer().to_string());
    Err(Refused::junk(finding))
}

/// The relay that signed. A person is none: whoever approves and relays could be two.
fn relay<'a>(
    context: &Context<'a>,
    approval: &Verified<Approval>,
) -> Result<Vec<&'a RelayRule>, (Code, &'static str)> {
    let signer = approval.signer();
    let mut known = Vec::new();
    let mut out_of_time = false;
    let anchor = context.question.anchor.into_iter();
    for rule in anchor.flat_map(Anchor::relays) {
        match rule.is_by(signer, approval.time(), context.question.now) {
            Matched::Yes => known.push(rule),
            Matched::OutOfTime => out_of_time = true,
            Matched::No => {}
        }
    }
    let persons = context.question.policy.people.at_any_time(signer);
    if !persons.is_empty() || known.is_empty() && !out_of_time {
        return Err((
            Code::RelayUnknown,
            "the review was passed on by no relay that the anchor names",
        ));
    }
    if known.is_empty() {
        let message = "the relay's key was valid at another time";
        return Err((Code::KeyExpired, message));
    }
    Ok(known)
}
