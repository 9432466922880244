//! What revocations reach: statements, artifacts and steps.

use std::collections::BTreeSet;

use jiff::Timestamp;

use bulla_model::predicate::revocation::{Range, RevokedSigner, Target};
use bulla_model::predicate::{
    Predicate as _, Promotion, Provenance, checkpoint, policy, revocation,
};
use bulla_model::{Digest, Edge, Identity, Service, Statement, SubjectSet};

use super::revocations::{Revocations, Taken, is_any_version};
use crate::require::provenance;
use crate::verified::{SignedTime, Verified};

/// Predicates that nothing takes back but a statement of their own kind.
const EXEMPT: &[&str] = &[checkpoint::TYPE, policy::TYPE, revocation::TYPE];

impl Revocations {
    fn find(&self, reaches: impl Fn(&Target, &Taken) -> bool) -> Option<&Taken> {
        self.in_force()
            .iter()
            .find(|taken| taken.targets.iter().any(|target| reaches(target, taken)))
    }

    /// The revocation that takes back this statement.
    pub(super) fn voids(
        &self,
        statement: &Verified<Statement>,
        covering: &[Digest],
    ) -> Option<&Taken> {
        let kind = statement.value().predicate_type().as_str();
        if EXEMPT.iter().any(|own| is_any_version(kind, own)) {
            return None;
        }
        let promotion = || {
            let is = Promotion::TYPES.contains(&kind);
            is.then(|| statement.value().predicate::<Promotion>().ok())?
        };
        self.find(|target, taken| match target {
            Target::Attestation { payload } => payload == statement.payload(),
            Target::Signer { .. } => is_of_signer(target, statement.signer(), statement.time()),
            Target::Builder { id, version, range } => {
                provenance::TYPES.contains(&kind)
                    && is_in(range, statement.time())
                    && Provenance::of(statement.value()).is_ok_and(|made| {
                        let builder = &made.run_details.builder;
                        // A part that is not told may have been it.
                        let same = |(part, wanted): (&String, _)| {
                            let told = builder.version.get(part);
                            told.is_none_or(|told| told == wanted)
                        };
                        builder.id == *id && version.iter().all(same)
                    })
            }
            Target::Edge { .. } => {
                !was_before(statement.time(), taken.since)
                    && promotion().is_some_and(|said| {
                        let subjects = with_index(statement.subjects(), covering);
                        is_of_edge(target, &said.edge, &said.service, subjects.as_deref())
                    })
            }
            _ => false,
        })
    }

    /// The revocation that takes back one of these digests.
    pub(super) fn of_subject(&self, covering: &[Digest]) -> Option<&Taken> {
        self.find(
            |target, _| matches!(target, Target::Subject { digest } if covering.contains(digest)),
        )
    }

    /// The revocation that holds up this step of what has these digests.
    pub(super) fn of_edge(
        &self,
        edge: &Edge,
        service: &Service,
        covering: &[Digest],
    ) -> Option<&Taken> {
        self.find(|target, _| is_of_edge(target, edge, service, Some(covering)))
    }
}

/// The subjects of a promotion, and where the artifact is one of them, what lists the artifact: a
/// platform is promoted by itself also where its index is held up. `None` if they are not known.
fn with_index(subjects: Option<&SubjectSet>, covering: &[Digest]) -> Option<Vec<Digest>> {
    let mut digests: Vec<Digest> = subjects?.iter().cloned().collect();
    if digests.iter().any(|digest| covering.contains(digest)) {
        digests.extend(covering.iter().cloned());
    }
    Some(digests)
}

/// Whether a step had been taken when it was held up. Anybody can claim an earlier time.
fn was_before(time: SignedTime, since: Option<Timestamp>) -> bool {
    proven(time)
        .zip(since)
        .is_some_and(|(at, since)| at < since)
}

fn proven(time: SignedTime) -> Option<Timestamp> {
    time.is_proven().then(|| time.existed_by()).flatten()
}

fn is_of_edge(
    target: &Target,
    edge: &Edge,
    service: &Service,
    subjects: Option<&[Digest]>,
) -> bool {
    let Target::Edge {
        edge: revoked,
        service: of,
        subjects: those,
    } = target
    else {
        return false;
    };
    let set = |list: &[String]| list.iter().cloned().collect::<BTreeSet<_>>();
    let audience = &revoked.to.audience;
    revoked.kind == edge.kind
        && revoked.from == edge.from
        && revoked.to.uri == edge.to.uri
        && (audience.is_empty() || set(audience) == set(&edge.to.audience))
        && of.as_ref().is_none_or(|of| of == service)
        && (those.is_empty()
            || subjects.is_none_or(|digests| digests.iter().any(|digest| those.contains(digest))))
}

/// Whether a target reaches what somebody signed then. A stolen key can say any time, so only a
/// proven one keeps a statement out of the span.
pub(super) fn is_of_signer(target: &Target, who: &Identity, time: SignedTime) -> bool {
    let Target::Signer { signer, range } = target else {
        return false;
    };
    let same = match (signer, who) {
        (RevokedSigner::Key { key_id }, Identity::Key { key_id: found }) => key_id == found,
        (RevokedSigner::Certificate { issuer, subject }, Identity::Certificate(found)) => {
            *issuer == found.issuer && *subject == found.subject
        }
        _ => false,
    };
    same && is_in(range, time)
}

fn is_in(range: &Range, time: SignedTime) -> bool {
    proven(time).is_none_or(|at| range.contains(at))
}

#[cfg(test)]
mod tests {
    use bulla_model::KeyId;

    use super::*;

    #[test]
    fn only_a_proven_time_was_before_a_veto() {
        let at = |second| Timestamp::from_second(second).unwrap();
        for (time, before) in [
            (SignedTime::Proven(at(99), None), true),
            (SignedTime::Proven(at(99), Some(at(101))), true),
            (SignedTime::Proven(at(100), Some(at(1))), false),
            (SignedTime::Claimed(at(1)), false),
            (SignedTime::Unknown, false),
        ] {
            assert_eq!(was_before(time, Some(at(100))), before, "{time:?}");
            assert!(!was_before(time, None), "{time:?}");
        }
    }

    #[test]
    fn only_a_proven_time_keeps_out_of_a_builders_span() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let range = Range {
            not_before: Some(at(100)),
            not_after: None,
        };
        assert!(!is_in(&range, SignedTime::Proven(at(99), None)));
        assert!(is_in(&range, SignedTime::Proven(at(100), Some(at(1)))));
        assert!(is_in(&range, SignedTime::Claimed(at(1))));
        assert!(is_in(&range, SignedTime::Unknown));
    }

    #[test]
    fn only_a_proven_time_keeps_out_of_the_span() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let key_id = KeyId::of_spki(b"key");
        let who = Identity::Key {
            key_id: key_id.clone(),
        };
        let target = Target::Signer {
            signer: RevokedSigner::Key { key_id },
            range: Range {
                not_before: Some(at(100)),
                not_after: Some(at(200)),
            },
        };
        for (time, reached) in [
            (SignedTime::Proven(at(99), None), false),
            // The signer's word is nothing beside the proof.
            (SignedTime::Proven(at(100), Some(at(99))), true),
            (SignedTime::Proven(at(199), None), true),
            (SignedTime::Proven(at(200), Some(at(150))), false),
            (SignedTime::Claimed(at(99)), true),
            (SignedTime::Claimed(at(300)), true),
            (SignedTime::Unknown, true),
        ] {
            assert_eq!(is_of_signer(&target, &who, time), reached, "{time:?}");
        }
        let key_id = KeyId::of_spki(b"other");
        assert!(!is_of_signer(
            &target,
            &Identity::Key { key_id },
            SignedTime::Unknown
        ));
    }
}
