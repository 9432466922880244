//! What revocations reach: statements, artifacts and steps.

use std::collections::BTreeSet;

use jiff::Timestamp;

use bulla_model::predicate::revocation::{Range, RevokedSigner, Target};
use bulla_model::predicate::{
    Predicate as _, Promotion, Provenance, checkpoint, policy, revocation,
};
use bulla_model::{Digest, Edge, Identity, Service, Statement, SubjectSet};

use super::revocations::{Revocations, Taken, is_any_version};
use crate::reached::Reached;
use crate::require::provenance;
use crate::verified::Verified;

/// Predicates that nothing takes back but a statement of their own kind.
const EXEMPT: &[&str] = &[checkpoint::TYPE, policy::TYPE, revocation::TYPE];

impl Revocations {
    fn find(&self, reaches: impl Fn(&Target, &Taken) -> bool) -> Option<&Taken> {
        self.in_force()
            .iter()
            .find(|taken| taken.targets.iter().any(|target| reaches(target, taken)))
    }

    /// Whether the statement with this payload digest is taken back, whoever signed it.
    pub(super) fn of_payload(&self, payload: &Digest) -> bool {
        let found = self.find(
            |target, _| matches!(target, Target::Attestation { payload: one } if one == payload),
        );
        found.is_some()
    }

    /// The revocation that takes back this statement, which somebody else may have `seen` at a time.
    pub(super) fn voids(
        &self,
        statement: &Verified<Statement>,
        reached: &Reached,
        seen: Option<Timestamp>,
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
            Target::Signer { .. } => is_of_signer(
                target,
                statement.signer(),
                Signing::of(statement).seen(seen),
            ),
            Target::Builder { id, version, range } => {
                provenance::TYPES.contains(&kind)
                    && is_in(range, Signing::of(statement))
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
                !was_before(Signing::of(statement), taken.since)
                    && promotion().is_some_and(|said| {
                        let holds = |digest: &Digest| holds(statement.subjects(), reached, digest);
                        is_of_edge(target, &said.edge, &said.service, holds)
                    })
            }
            _ => false,
        })
    }

    /// The revocation that takes back one of these digests.
    pub(super) fn of_subject(&self, reached: &Reached) -> Option<&Taken> {
        self.find(
            |target, _| matches!(target, Target::Subject { digest } if reached.contains(digest)),
        )
    }

    /// Whether any of them depends on what the artifact consists of.
    pub(super) fn name_artifacts(&self) -> bool {
        let names = |target: &Target, _: &Taken| match target {
            Target::Subject { .. } | Target::Component { .. } => true,
            Target::Edge { subjects, .. } => !subjects.is_empty(),
            _ => false,
        };
        self.find(names).is_some()
    }

    /// The revocation that holds up this step of what has these digests.
    pub(super) fn of_edge(
        &self,
        edge: &Edge,
        service: &Service,
        reached: &Reached,
    ) -> Option<&Taken> {
        self.find(|target, _| is_of_edge(target, edge, service, |one| reached.contains(one)))
    }
}

/// Whether a promotion is of this digest: one of its subjects, and where the artifact is one of them,
/// whatever the artifact is reached by. A platform is promoted by itself also where its index is held
/// up. Of anything, if its subjects are not known.
fn holds(subjects: Option<&SubjectSet>, reached: &Reached, digest: &Digest) -> bool {
    subjects.is_none_or(|subjects| {
        let is_of = |is: &dyn Fn(&Digest) -> bool| subjects.iter().any(is);
        is_of(&|own| own == digest)
            || (reached.contains(digest) && is_of(&|own| reached.contains(own)))
    })
}

/// What is certain about when something was signed. A log or a timestamp only proves that it was
/// there by then: anybody can have an old signature recorded once more, later. That it was not there
/// earlier follows from nothing but a certificate that did not exist before.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Signing {
    not_before: Option<Timestamp>,
    by: Option<Timestamp>,
}

impl Signing {
    pub(super) fn of<T>(statement: &Verified<T>) -> Self {
        let time = statement.time();
        Self {
            not_before: statement.certificate_validity().map(|(from, _)| from),
            by: time.is_proven().then(|| time.existed_by()).flatten(),
        }
    }

    /// The same of what somebody else has seen at a time.
    pub(super) fn seen(self, at: Option<Timestamp>) -> Self {
        let by = self.by.into_iter().chain(at).min();
        Self { by, ..self }
    }
}

/// Whether a step had been taken when it was held up. Anybody can claim an earlier time.
fn was_before(signing: Signing, since: Option<Timestamp>) -> bool {
    signing.by.zip(since).is_some_and(|(by, since)| by < since)
}

fn is_of_edge(
    target: &Target,
    edge: &Edge,
    service: &Service,
    holds: impl Fn(&Digest) -> bool,
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
        && (those.is_empty() || those.iter().any(holds))
}

/// Whether a target reaches what somebody signed then. A stolen key can say any time, so only what is
/// certain keeps a statement out of the span.
pub(super) fn is_of_signer(target: &Target, who: &Identity, when: Signing) -> bool {
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
    same && is_in(range, when)
}

fn is_in(range: &Range, when: Signing) -> bool {
    let before = was_before(when, range.not_before);
    let after = when.not_before.zip(range.not_after);
    !before && after.is_none_or(|(from, end)| from < end)
}

#[cfg(test)]
mod tests {
    use bulla_model::{KeyId, Limits};

    use super::*;
    use crate::records::Records;
    use crate::sigstore::Proof;
    use crate::verified::SignedTime;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Seconds that are certain: not before, and by then.
    fn when(not_before: Option<i64>, by: Option<i64>) -> Signing {
        Signing {
            not_before: not_before.map(at),
            by: by.map(at),
        }
    }

    #[test]
    fn only_a_proven_time_was_before_a_veto() {
        for (by, before) in [(Some(99), true), (Some(100), false), (None, false)] {
            assert_eq!(was_before(when(None, by), Some(at(100))), before, "{by:?}");
            assert_eq!(was_before(when(Some(1), by), Some(at(100))), before);
            assert!(!was_before(when(None, by), None), "{by:?}");
        }
    }

    #[test]
    fn only_what_is_certain_keeps_out_of_the_span() {
        let key_id = KeyId::of_spki(b"key");
        let who = Identity::Key {
            key_id: key_id.clone(),
        };
        let range = Range {
            not_before: Some(at(100)),
            not_after: Some(at(200)),
        };
        let target = Target::Signer {
            signer: RevokedSigner::Key { key_id },
            range,
        };
        for (not_before, by, reached) in [
            (None, Some(99), false),
            (None, Some(100), true),
            (None, Some(199), true),
            // Recorded after the end: that says nothing about when it was signed.
            (None, Some(200), true),
            (None, Some(900), true),
            (Some(50), Some(900), true),
            (Some(199), Some(900), true),
            // The certificate did not exist before the end.
            (Some(200), Some(900), false),
            (Some(200), None, false),
            (Some(50), Some(99), false),
            (None, None, true),
        ] {
            let when = when(not_before, by);
            assert_eq!(is_of_signer(&target, &who, when), reached, "{when:?}");
            assert_eq!(is_in(&range, when), reached, "{when:?}");
        }
        let key_id = KeyId::of_spki(b"other");
        let other = Identity::Key { key_id };
        assert!(!is_of_signer(&target, &other, when(None, None)));
    }

    #[test]
    fn the_word_of_a_signer_is_nothing_certain() {
        let signed = |time, certificate| {
            let text = serde_json::json!({
                "_type": "https://in-toto.io/Statement/v1",
                "subject": [{"name": "x", "digest": {"sha256": "ab".repeat(32)}}],
                "predicateType": "https://example.test/x",
            });
            let text = text.to_string();
            let statement = Statement::parse(text.as_bytes(), &Limits::default()).unwrap();
            let proof = Proof {
                signer: Identity::Certificate(Box::default()),
                records: Records::default(),
                scheme: None,
                certificate,
            };
            let signed = Verified::new(statement, proof, time, Digest::sha256(b"x"), None);
            let Signing { not_before, by } = Signing::of(&signed);
            (not_before, by)
        };
        assert_eq!(signed(SignedTime::Claimed(at(1)), None), (None, None));
        assert_eq!(signed(SignedTime::Unknown, None), (None, None));
        let proven = SignedTime::Proven(at(9), Some(at(1)));
        let certificate = Some((at(5), at(15)));
        assert_eq!(signed(proven, None), (None, Some(at(9))));
        assert_eq!(signed(proven, certificate), (Some(at(5)), Some(at(9))));
    }
}
