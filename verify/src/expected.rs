//! What is asked where no policy says it: who must have signed, and what.

use std::collections::BTreeMap;

use bulla_model::{CertificateIdentity, Identity, KeyId};

use crate::pattern::Pattern;

/// Who must have signed. There is no "anybody".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedSigner {
    /// The holder of this key.
    Key(KeyId),
    /// The holder of a certificate for this identity.
    Certificate {
        /// The OIDC issuer.
        issuer: Pattern,
        /// The subject.
        subject: Pattern,
    },
    /// The holders of so many different ones of these keys (F28).
    Keys {
        /// The keys.
        keys: Vec<KeyId>,
        /// How many of them; at least one.
        threshold: usize,
    },
    /// The holder of a certificate for this identity that claims more, too.
    Workload {
        /// The OIDC issuer.
        issuer: Pattern,
        /// The subject.
        subject: Pattern,
        /// Claims by the names they have in reports, for example `sourceRepository`. A claim the
        /// certificate lacks, or of an unknown name, never matches.
        claims: BTreeMap<String, Pattern>,
    },
}

impl ExpectedSigner {
    pub(crate) fn matches(&self, signer: &Identity) -> bool {
        match (self, signer) {
            (Self::Key(expected), Identity::Key { key_id }) => expected == key_id,
            (Self::Keys { keys, .. }, Identity::Key { key_id }) => keys.contains(key_id),
            (Self::Certificate { issuer, subject }, Identity::Certificate(certificate)) => {
                issuer.matches(&certificate.issuer) && subject.matches(&certificate.subject)
            }
            (
                Self::Workload {
                    issuer,
                    subject,
                    claims,
                },
                Identity::Certificate(certificate),
            ) => {
                issuer.matches(&certificate.issuer)
                    && subject.matches(&certificate.subject)
                    && claims_match(claims, certificate)
            }
            _ => false,
        }
    }

    /// What a certificate claims otherwise whose issuer and subject are the expected ones: the
    /// claims that were expected, and those that were found.
    pub(crate) fn other_claims(&self, signer: &Identity) -> Option<(String, String)> {
        let (
            Self::Workload {
                issuer,
                subject,
                claims,
            },
            Identity::Certificate(certificate),
        ) = (self, signer)
        else {
            return None;
        };
        if !issuer.matches(&certificate.issuer) || !subject.matches(&certificate.subject) {
            return None;
        }
        let value = serde_json::to_value(certificate).ok()?;
        let (mut expected, mut found) = (Vec::new(), Vec::new());
        for (name, pattern) in claims {
            let claim = value.get(name).and_then(serde_json::Value::as_str);
            if claim.is_none_or(|claim| !pattern.matches(claim)) {
                expected.push(format!("{name} {pattern}"));
                found.push(claim.map_or(format!("no {name}"), |claim| format!("{name} {claim}")));
            }
        }
        (!expected.is_empty()).then(|| (expected.join(", "), found.join(", ")))
    }

    /// How many different signers it takes.
    pub(crate) fn threshold(&self) -> usize {
        match self {
            Self::Keys { threshold, .. } => (*threshold).max(1),
            _ => 1,
        }
    }
}

fn claims_match(claims: &BTreeMap<String, Pattern>, certificate: &CertificateIdentity) -> bool {
    let Ok(value) = serde_json::to_value(certificate) else {
        return false;
    };
    claims.iter().all(|(name, pattern)| {
        value
            .get(name)
            .and_then(serde_json::Value::as_str)
            .is_some_and(|claim| pattern.matches(claim))
    })
}

impl std::fmt::Display for ExpectedSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key(key) => write!(f, "key {}", key.short()),
            Self::Certificate { issuer, subject } => write!(f, "{subject} ({issuer})"),
            Self::Keys { keys, .. } => {
                write!(f, "{} of the keys", self.threshold())?;
                keys.iter()
                    .try_for_each(|key| write!(f, " {}", key.short()))
            }
            Self::Workload {
                issuer,
                subject,
                claims,
            } => {
                write!(f, "{subject} ({issuer})")?;
                claims
                    .iter()
                    .try_for_each(|(name, pattern)| write!(f, ", {name} {pattern}"))
            }
        }
    }
}

/// What must have been signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedClaim {
    /// The artifact itself: its bytes, cosign's old payload about an image, or cosign's empty
    /// claim. Other attestations are not signatures (F08).
    Signature,
    /// An image, under this name: only cosign's old payloads say one.
    SignatureAs(String),
    /// A signature that carries these annotations, each with exactly this value, and for an image
    /// the name, if there is one: what `cosign verify -a` asks for.
    Annotated {
        /// As in [`Self::SignatureAs`].
        name: Option<String>,
        /// Names and values; a name that is there twice must have both, which nothing has.
        annotations: Vec<(String, String)>,
    },
    /// An attestation of this predicate type.
    Attestation(String),
    /// The artifact itself or any statement about it. For tools that ask nothing else, such as the
    /// conformance suites; what the statement says is then nobody's word but the signer's.
    Anything,
}

/// Names and values, safe to show.
pub(crate) fn show_annotations(annotations: &[(String, String)]) -> String {
    let shown = annotations.iter();
    let shown: Vec<_> = shown
        .map(|(name, value)| format!("{}={}", name.escape_debug(), value.escape_debug()))
        .collect();
    shown.join(", ")
}

impl std::fmt::Display for ExpectedClaim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Signature => f.write_str("signature"),
            Self::Annotated { name, annotations } => {
                f.write_str("signature")?;
                if let Some(name) = name {
                    write!(f, " as {}", name.escape_debug())?;
                }
                write!(f, " with {}", show_annotations(annotations))
            }
            Self::SignatureAs(name) => write!(f, "signature as {}", name.escape_debug()),
            Self::Attestation(uri) => write!(f, "attestation of type {}", uri.escape_debug()),
            Self::Anything => f.write_str("signature or attestation"),
        }
    }
}
