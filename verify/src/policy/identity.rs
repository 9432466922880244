//! Identities as policies describe them.

use jiff::Timestamp;

use bulla_model::{CertificateIdentity, Identity, Validity};

use crate::pattern::{Effort, Pattern};
use crate::policy::place::Place;
use crate::public_key::PublicKey;
use crate::verified::SignedTime;

/// One way to be a named identity.
#[derive(Clone, Debug)]
pub struct IdentityRule {
    pub(super) kind: Kind,
    /// Where it is written.
    pub(super) place: Place,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Key { key: PublicKey, validity: Validity },
    Certificate(Box<CertificateRule>),
}

/// What a certificate must say. Issuer and subject are mandatory.
#[derive(Clone, Debug)]
pub(super) struct CertificateRule {
    pub(super) issuer: String,
    pub(super) subject: Pattern,
    pub(super) source_repository: Option<String>,
    pub(super) build_signer: Option<Pattern>,
    pub(super) runner_environment: Option<String>,
    pub(super) deployment_environment: Option<String>,
}

/// Whether a signer is who a rule describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matched {
    /// Yes.
    Yes,
    /// Somebody else.
    No,
    /// The same key, outside the time the policy gives it.
    OutOfTime,
}

impl IdentityRule {
    /// Whether this signer, having signed at that time, is who the rule describes. A claimed time
    /// counts only if the key is valid at it and now; without any time, it must be valid now.
    pub fn matches(&self, signer: &Identity, time: SignedTime, now: Timestamp) -> Matched {
        match (&self.kind, signer) {
            (Kind::Key { key, validity }, Identity::Key { key_id }) if key.id() == key_id => {
                let in_time = match time {
                    SignedTime::Proven(at, _) => validity.contains(at),
                    SignedTime::Claimed(at) => validity.contains(at) && validity.contains(now),
                    SignedTime::Unknown => validity.contains(now),
                };
                if in_time {
                    Matched::Yes
                } else {
                    Matched::OutOfTime
                }
            }
            (Kind::Certificate(rule), Identity::Certificate(certificate)) => {
                if rule.matches(certificate) {
                    Matched::Yes
                } else {
                    Matched::No
                }
            }
            _ => Matched::No,
        }
    }

    /// Whether this signer is who the rule describes, at whatever time.
    pub(super) fn is_of(&self, signer: &Identity) -> bool {
        let any = Timestamp::UNIX_EPOCH;
        self.matches(signer, SignedTime::Unknown, any) != Matched::No
    }

    /// The key, if the identity is one.
    pub fn public_key(&self) -> Option<&PublicKey> {
        match &self.kind {
            Kind::Key { key, .. } => Some(key),
            Kind::Certificate(_) => None,
        }
    }

    /// Where it is written.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// For people.
    pub fn describe(&self) -> String {
        match &self.kind {
            Kind::Key { key, .. } => format!("key {}", key.id().short()),
            Kind::Certificate(rule) => format!("{} ({})", rule.subject, rule.issuer),
        }
    }

    /// Everything it says, for comparing.
    pub(crate) fn tell(&self) -> String {
        // Whole, and in quotes where it is odd: no two rules may read the same.
        let mut text = match &self.kind {
            Kind::Key { key, .. } => format!("key {}", key.id()),
            Kind::Certificate(rule) => {
                format!("{} ({})", tell_pattern(&rule.subject), plain(&rule.issuer))
            }
        };
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                text = format!("{text} {name} {value}");
            }
        };
        match &self.kind {
            Kind::Key { validity, .. } => {
                add("from", validity.not_before().map(|at| at.to_string()));
                add("until", validity.not_after().map(|at| at.to_string()));
            }
            Kind::Certificate(rule) => {
                let plain = |text: &Option<String>| text.as_deref().map(plain);
                add("for", plain(&rule.source_repository));
                add("by", rule.build_signer.as_ref().map(tell_pattern));
                add("on", plain(&rule.runner_environment));
                add("into", plain(&rule.deployment_environment));
            }
        }
        text
    }

    /// Whether somebody could sign as this now.
    pub(super) fn is_usable(&self, now: Timestamp) -> bool {
        match &self.kind {
            Kind::Key { validity, .. } => validity.contains(now),
            Kind::Certificate(_) => true,
        }
    }

    /// Whether no certificate can match, since issuers are URLs.
    pub(super) fn is_nobody(&self) -> bool {
        match &self.kind {
            Kind::Key { .. } => false,
            Kind::Certificate(rule) => !rule.issuer.contains("://"),
        }
    }

    /// Whether every signer that the other rule describes is one of this rule's; exact for keys, and
    /// for certificates where the other one names an exact subject.
    pub(super) fn covers(&self, other: &Self) -> bool {
        match (&self.kind, &other.kind) {
            (Kind::Key { key: a, .. }, Kind::Key { key: b, .. }) => a.id() == b.id(),
            (Kind::Certificate(a), Kind::Certificate(b)) => match &b.subject {
                Pattern::Exact(subject) => a.issuer == b.issuer && a.subject.matches(subject),
                Pattern::Glob(_) | Pattern::Regex(_) => {
                    a.issuer == b.issuer && a.subject == b.subject
                }
            },
            _ => false,
        }
    }

    /// Whether one certificate could be described by both; nothing if there is no effort left.
    pub(super) fn meets(&self, other: &Self, left: &mut Effort) -> Option<bool> {
        match (&self.kind, &other.kind) {
            (Kind::Certificate(a), Kind::Certificate(b)) => a.meets(b, left),
            _ => left.spend(1).then_some(false),
        }
    }

    /// Whether two rules could describe the same signer; exact for keys and exact subjects.
    pub(super) fn same_as(&self, other: &Self) -> bool {
        match (&self.kind, &other.kind) {
            (Kind::Key { key: a, .. }, Kind::Key { key: b, .. }) => a.id() == b.id(),
            (Kind::Certificate(a), Kind::Certificate(b)) => {
                a.issuer == b.issuer && a.subject == b.subject
            }
            _ => false,
        }
    }
}

/// A pattern, told apart from the exact text that reads the same.
fn tell_pattern(pattern: &Pattern) -> String {
    let text = plain(&pattern.to_string());
    match pattern {
        Pattern::Exact(_) => text,
        Pattern::Glob(_) => format!("like {text}"),
        Pattern::Regex(_) => format!("matching {text}"),
    }
}

fn plain(text: &str) -> String {
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '(' | ')');
    if text.is_empty() || text.contains(is_odd) {
        format!("{text:?}")
    } else {
        text.to_owned()
    }
}

impl CertificateRule {
    fn meets(&self, other: &Self, left: &mut Effort) -> Option<bool> {
        let agree = |a: &Option<String>, b: &Option<String>| a.is_none() || b.is_none() || a == b;
        let texts = self.issuer == other.issuer
            && agree(&self.source_repository, &other.source_repository)
            && agree(&self.runner_environment, &other.runner_environment)
            && agree(&self.deployment_environment, &other.deployment_environment);
        if !left.spend(1) {
            return None;
        }
        if !texts || !self.subject.meets(&other.subject, left)? {
            return Some(false);
        }
        match (&self.build_signer, &other.build_signer) {
            (Some(a), Some(b)) => a.meets(b, left),
            _ => Some(true),
        }
    }

    fn matches(&self, certificate: &CertificateIdentity) -> bool {
        let demanded =
            |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
        self.issuer == certificate.issuer
            && self.subject.matches(&certificate.subject)
            && demanded(&self.source_repository, &certificate.source_repository)
            && demanded(&self.runner_environment, &certificate.runner_environment)
            && demanded(
                &self.deployment_environment,
                &certificate.deployment_environment,
            )
            && self.build_signer.as_ref().is_none_or(|pattern| {
                certificate
                    .build_signer
                    .as_deref()
                    .is_some_and(|signer| pattern.matches(signer))
            })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bulla_model::Limits;

    use super::super::parse::read;
    use super::super::persons::identity;
    use super::super::wire::IdentityWire;
    use super::super::{PolicyError, PolicyFile};
    use super::*;
    use crate::sigstore::claimed_certificate;
    use crate::trust::Trust;

    /// A job in the deployment environment `upload`.
    const JOB: &str = include_str!("../../../testdata/verify/sigstore/environment.pem");
    const ROOT: &[u8] =
        include_bytes!("../../../testdata/verify/sigstore/public.trusted_root.json");
    const WORKFLOW: &str =
        "https://github.com/pavelzw/skill-forge/.github/workflows/package.yml@refs/heads/main";

    fn rule(more: &str) -> Result<IdentityRule, PolicyError> {
        let text = format!(
            "issuer: https://token.actions.githubusercontent.com\nsubject: {WORKFLOW}\n{more}\n"
        );
        let file = PolicyFile {
            path: "identity.yaml".to_owned(),
            bytes: text.into_bytes(),
        };
        let (path, wire): (Arc<str>, serde_saphyr::Spanned<IdentityWire>) =
            read(&file, &Limits::default())?;
        identity(&path, wire)
    }

    #[test]
    fn every_claim_that_is_named_is_the_certificates() {
        let leaf = pem::parse(JOB).unwrap();
        let read = claimed_certificate(leaf.contents()).unwrap();
        let at = read.not_before;
        let trust = Trust::new([], &[ROOT.to_vec()], at, &Limits::default()).unwrap();
        trust.vouches_for(leaf.contents(), at).unwrap();
        let matches = |more: &str, certificate: &CertificateIdentity| {
            let signer = Identity::Certificate(Box::new(certificate.clone()));
            let time = SignedTime::Proven(at, None);
            rule(more).unwrap().matches(&signer, time, at) == Matched::Yes
        };
        let job = &read.identity;
        for more in [
            "",
            "deploymentEnvironment: upload",
            "runnerEnvironment: github-hosted",
            "sourceRepository: https://github.com/pavelzw/skill-forge",
        ] {
            assert!(matches(more, job), "{more}");
        }
        for more in [
            "deploymentEnvironment: production",
            "deploymentEnvironment: Upload",
            "deploymentEnvironment: up*",
            "deploymentEnvironment: ''",
            "runnerEnvironment: self-hosted",
            "sourceRepository: https://github.com/pavelzw/other",
        ] {
            assert!(!matches(more, job), "{more}");
        }
        // Another job of the workflow, in no environment.
        let outside = CertificateIdentity {
            deployment_environment: None,
            ..job.clone()
        };
        assert!(matches("", &outside));
        assert!(!matches("deploymentEnvironment: upload", &outside));
    }
}
