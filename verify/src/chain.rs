//! The chain: promotions from the entry to an environment, each link and each gate judged again.
//!
//! For a promotion into the environment, and then for each it follows:
//!
//! 1. Its signer is one the step's rule names, under the policy version the promotion names.
//! 2. It says what the verifier computed: service, tier, audience.
//! 3. Its time is acceptable and not over.
//! 4. The requirements of the step held at that time.
//!    What the current version asks of earlier steps too holds as well, and what it asks at every
//!    moment of the promotion into the environment that is asked about.
//! 5. It continues those it follows: environments join, sequence and first promotion agree, the
//!    subject set is the same, neither time nor the policy's version runs backwards.

use bulla_model::predicate::{Predicate as _, Promotion};
use bulla_model::{Digest, EdgeKind, Environment, SubjectSet};

use crate::candidate::Candidate;
use crate::cause::Cause;
use crate::code::Code;
use crate::eligible::{refused, show_digests};
use crate::evidence::Evidence;
use crate::question::Context;
use crate::require;
use crate::typed;
use crate::verdict::{Finding, Outcome, Report, Severity};
use crate::verified::{Verified, best_copies};

mod later;
mod link;
mod retire;
mod review;
mod terms;
mod walk;

pub(crate) use link::{find_edge, is_by_promoter, requirements};
pub(crate) use review::{Involved, judge_reviewer};
use walk::Walk;

const CHECK: &str = "promotion";

/// Verified promotions about the artifact, and what is to be said about the rest.
pub(crate) struct Promotions {
    pub(crate) verified: Vec<Verified<Promotion>>,
    causes: Vec<Cause>,
    findings: Vec<Finding>,
    /// Those that were taken back, with what is to be said about it.
    voided: Vec<(Verified<Promotion>, Finding)>,
}

impl Promotions {
    /// Those that were taken back.
    pub(crate) fn taken_back_ones(&self) -> impl Iterator<Item = &Verified<Promotion>> {
        self.voided.iter().map(|(promotion, _)| promotion)
    }

    /// What is to be said about a promotion that was taken back. A promoter's is missed; what became
    /// of a stranger's is nobody's business.
    fn taken_back<'a>(
        &'a self,
        context: &Context<'_>,
        is: impl Fn(&Verified<Promotion>) -> bool,
    ) -> Option<&'a Finding> {
        let mut voided = self.voided.iter();
        let (_, finding) = voided.find(|(one, _)| is(one) && is_by_promoter(context, one))?;
        Some(finding)
    }

    /// The promotion with this payload. Others may have signed the same bytes too; the promoter's
    /// signature counts, and of several the one whose time is known best.
    pub(crate) fn find(
        &self,
        context: &Context<'_>,
        digest: &Digest,
    ) -> Option<&Verified<Promotion>> {
        let signed = self.verified.iter();
        let signed = signed.filter(|promotion| promotion.payload() == digest);
        best(signed, |promotion| is_by_promoter(context, promotion))
    }
}

fn best<'a>(
    signed: impl Iterator<Item = &'a Verified<Promotion>>,
    is_by_promoter: impl Fn(&Verified<Promotion>) -> bool,
) -> Option<&'a Verified<Promotion>> {
    signed.min_by_key(|promotion| (!is_by_promoter(promotion), promotion.doubt()))
}

pub(crate) fn promotions(candidates: &[Candidate], covering: &[Digest]) -> Promotions {
    let mut out = Promotions {
        verified: Vec::new(),
        causes: Vec::new(),
        findings: Vec::new(),
        voided: Vec::new(),
    };
    for candidate in candidates {
        if candidate
            .claimed_type()
            .is_none_or(|kind| !Promotion::TYPES.contains(&kind.as_str()))
        {
            continue;
        }
        if let (Err(refusal), Some(voided)) = (candidate.outcome(), &candidate.voided) {
            let finding = refused(CHECK, refusal, candidate.manifest()).severity(Severity::Note);
            let about = Evidence::is_about(voided.value(), covering);
            let promotion = voided.predicate::<Promotion>().ok().filter(|_| about);
            out.voided
                .extend(promotion.map(|promotion| (promotion, finding)));
            continue;
        }
        let judged = match candidate.outcome() {
            Err(refusal) => Err((
                refusal.cause(),
                refused(CHECK, refusal, candidate.manifest()),
            )),
            Ok(statement) if !Evidence::is_about(statement.value(), covering) => {
                let finding = Finding::new(
                    Code::SubjectMismatch,
                    CHECK,
                    "the promotion is of another artifact",
                )
                .expected(show_digests(covering));
                Err((
                    Cause::OtherSubject,
                    finding.at(candidate.manifest(), "/subject"),
                ))
            }
            Ok(statement) => statement.predicate::<Promotion>().map_err(|error| {
                let finding = Finding::new(Code::StatementUnusable, CHECK, error.to_string());
                (
                    Cause::Invalid,
                    finding.at(candidate.manifest(), "/predicate"),
                )
            }),
        };
        match judged {
            Ok(promotion) => out.verified.push(promotion),
            Err((cause, finding)) => {
                out.causes.push(cause);
                out.findings.push(finding.severity(Severity::Note));
            }
        }
    }
    best_copies(&mut out.verified);
    // Newest first.
    out.verified.sort_by(|a, b| {
        let key = |one: &Verified<Promotion>| {
            let said = one.value();
            (said.slot.sequence, said.chain.sequence, said.issued_at)
        };
        key(b)
            .cmp(&key(a))
            .then_with(|| a.payload().cmp(b.payload()))
            .then_with(|| a.signer().cmp(b.signer()))
    });
    out
}

/// Which promotions into an environment may be the head.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    environment: &'a Environment,
    /// The set they are of, exactly; of any set that has the artifact without.
    set: Option<&'a SubjectSet>,
    /// How people write all of the set, where that is known.
    names: Option<&'a str>,
    /// Whether this cluster is to be meant.
    is_here: bool,
}

impl<'a> Wanted<'a> {
    /// Those that let the artifact in here, alone or with others.
    pub(crate) fn here(environment: &'a Environment) -> Self {
        Self {
            environment,
            set: None,
            names: None,
            is_here: true,
        }
    }

    /// Those into the environment that a step comes from, which other clusters may stand for.
    pub(crate) fn before(environment: &'a Environment) -> Self {
        Self {
            is_here: false,
            ..Self::here(environment)
        }
    }

    /// Of these those of exactly this set.
    pub(crate) fn of(self, set: &'a SubjectSet, names: Option<&'a str>) -> Self {
        Self {
            set: Some(set),
            names,
            ..self
        }
    }

    fn fits(&self, promotion: &Verified<Promotion>) -> bool {
        let is_of = |set: &SubjectSet| promotion.subjects() == Some(set);
        promotion.value().edge.to.uri == *self.environment && self.set.is_none_or(is_of)
    }
}

/// Finds a promotion into the environment whose whole chain holds. Leaves the checks of the one
/// that does, or of the promoter's that came nearest, the newest of several: others' statements
/// must not change the answer.
pub(crate) fn find(
    context: &Context<'_>,
    promotions: &Promotions,
    wanted: Wanted<'_>,
    report: &mut Report,
) -> Option<Digest> {
    let environment = wanted.environment;
    let mut heads: Vec<_> = promotions
        .verified
        .iter()
        .filter(|promotion| wanted.fits(promotion))
        // Out of service is no way in.
        .filter(|p| p.value().edge.kind != EdgeKind::Retire)
        .collect();
    // A stranger's never holds, and is nearest only where there is no other: walking many of them
    // must not come before the one that does.
    heads.sort_by_key(|head| !is_by_promoter(context, head));
    let retirements = retire::all(context, promotions);
    let mut nearest: Option<((bool, u8), Report)> = None;
    for head in heads {
        let is_stranger = !is_by_promoter(context, head);
        if is_stranger && nearest.as_ref().is_some_and(|((stranger, _), _)| !stranger) {
            break;
        }
        let mut attempt = Report::default();
        let depth = context.question.limits.chain_length;
        let mut walk = Walk::new(context, promotions, Some(&retirements), &mut attempt);
        if wanted.is_here {
            walk.begin_here(head);
        }
        walk.step(head, depth);
        forks(context, promotions, head, &mut attempt);
        if attempt.causes().is_empty() {
            let names = wanted.names;
            retire::judge(
                context,
                promotions,
                (&retirements, names),
                head,
                &mut attempt,
            );
        }
        if attempt.causes().is_empty() {
            report.absorb(attempt);
            return Some(head.payload().clone());
        }
        let distance = (
            is_stranger,
            Cause::overall(&attempt.causes()).map_or(u8::MAX, Cause::distance),
        );
        if nearest.as_ref().is_none_or(|(held, _)| distance < *held) {
            nearest = Some((distance, attempt));
        }
    }
    let revoked = promotions.taken_back(context, |one| {
        wanted.fits(one) && one.value().edge.kind != EdgeKind::Retire
    });
    // A stranger's is no nearer than the promoter's that was taken back.
    let nearest = nearest.filter(|((stranger, _), _)| revoked.is_none() || !stranger);
    if let Some((_, attempt)) = nearest {
        report.absorb(attempt);
        return None;
    }
    let name = environment.name();
    let cause = Cause::best(promotions.causes.iter().copied());
    // With other promotions in hand, the missing one is a matter of policy, not of tampering.
    let cause = match revoked {
        Some(_) => Cause::Expired,
        None if promotions.verified.is_empty() => cause,
        None => Cause::Denied,
    };
    let finding = Finding::new(
        Code::PromotionMissing,
        CHECK,
        format!("not promoted into {name}"),
    )
    .hint(context.command((wanted.names, None), typed::bring(context, environment)));
    report.findings.push(finding);
    report.findings.extend(revoked.cloned());
    report.findings.extend(promotions.findings.iter().cloned());
    report.check(
        CHECK,
        require::failed(context, cause),
        format!("none into {name}"),
    );
    None
}

/// The steps out of service in an environment that hold, or may, each with what follows from it.
pub(crate) fn retirements<'a>(
    context: &Context<'_>,
    promotions: &'a Promotions,
    environment: &Environment,
) -> Vec<(&'a Verified<Promotion>, Cause)> {
    let all = retire::all(context, promotions);
    let steps = all.iter().filter_map(retire::Retirement::holding);
    let is_there = |step: &Verified<Promotion>| step.value().edge.to.uri == *environment;
    steps.filter(|(step, _)| is_there(step)).collect()
}

/// Whether a verified promotion says that the artifact was there; whether it holds is not judged.
pub(crate) fn was_in(promotions: &Promotions, environment: &Environment) -> bool {
    let mut verified = promotions.verified.iter();
    verified
        .any(|p| p.value().edge.to.uri == *environment && p.value().edge.kind != EdgeKind::Retire)
}

/// Two promotions with the same predecessor in a slot claim the same place.
fn forks(
    context: &Context<'_>,
    promotions: &Promotions,
    head: &Verified<Promotion>,
    report: &mut Report,
) {
    let twins = promotions.verified.iter().filter(|other| {
        other.payload() != head.payload()
            && other.value().edge.to.uri == head.value().edge.to.uri
            && other.value().slot.previous.is_some()
            && other.value().slot.previous == head.value().slot.previous
            && is_by_promoter(context, other)
    });
    // Of several the one that decides: another release's.
    let Some(twin) = twins.min_by_key(|twin| twin.subjects() == head.subjects()) else {
        return;
    };
    let message = format!(
        "two promotions follow the same one in {}",
        head.value().edge.to.uri.name()
    );
    let finding = Finding::new(Code::ChainForked, CHECK, message)
        .found(format!("{} and {}", head.payload(), twin.payload()))
        .at(head.manifest(), "/predicate/slot/previous");
    if twin.subjects() == head.subjects() {
        report.findings.push(finding.severity(Severity::Warning));
    } else {
        report.findings.push(finding);
        report.check(CHECK, Outcome::Failed(Cause::Denied), "forked");
    }
}

#[cfg(test)]
mod tests {
    use bulla_model::{Identity, Limits, Statement};
    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::records::Records;
    use crate::sigstore::Proof;
    use crate::verified::SignedTime;

    /// A promotion that says that it was signed at minute 100.
    fn signed(time: SignedTime) -> Verified<Statement> {
        let text = include_bytes!("../../testdata/predicates/promotion/v1/valid/step.json");
        let statement = Statement::parse(text, &Limits::default()).unwrap();
        let proof = Proof {
            signer: Identity::Certificate(Box::default()),
            records: Records::default(),
            scheme: None,
            certificate: None,
        };
        Verified::new(statement, proof, time, Digest::sha256(text), None)
    }

    #[test]
    fn f36_whoever_has_a_promotion_recorded_once_more_takes_nothing_from_it() {
        let at = |minutes| Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes);
        let own = SignedTime::Claimed(at(100));
        let late = SignedTime::Proven(at(700), Some(at(100)));
        for times in [[own, late], [late, own]] {
            let candidates = times.map(|time| Candidate::by_value(signed(time)));
            let covering = signed(own).subjects().unwrap().iter().cloned().collect();
            let covering: Vec<Digest> = covering;
            let found = promotions(&candidates, &covering);
            let kept: Vec<_> = found.verified.iter().map(Verified::time).collect();
            assert_eq!(kept, [own]);
            // Also where both are of promoters.
            let both = times.map(|time| signed(time).predicate::<Promotion>().unwrap());
            assert_eq!(best(both.iter(), |_| true).unwrap().time(), own);
            let promoter = |one: &Verified<Promotion>| one.time() == late;
            assert_eq!(best(both.iter(), promoter).unwrap().time(), late);
        }
    }
}
