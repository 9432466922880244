//! Signed attributes: what a signer says about a signature, and which of it must be understood.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{NotationError, PAYLOAD};

/// Header: the signing scheme.
pub(super) const SIGNING_SCHEME: &str = "io.cncf.notary.signingScheme";
/// Header: when it was signed, as the signer says.
pub(super) const SIGNING_TIME: &str = "io.cncf.notary.signingTime";
/// Header: when it was signed, as a signing authority says.
pub(super) const AUTHENTIC_SIGNING_TIME: &str = "io.cncf.notary.authenticSigningTime";
/// Header: until when it is meant to be used.
pub(super) const EXPIRY: &str = "io.cncf.notary.expiry";
/// Header: the program that must take part in verifying.
pub(super) const PLUGIN: &str = "io.cncf.notary.verificationPlugin";
/// Header: the version it must have.
pub(super) const PLUGIN_VERSION: &str = "io.cncf.notary.verificationPluginMinVersion";
/// Unsigned header: the timestamp countersignature.
pub(super) const TIMESTAMP: &str = "io.cncf.notary.timestampSignature";
/// Unsigned header: the program that signed.
pub(super) const SIGNING_AGENT: &str = "io.cncf.notary.signingAgent";

/// The algorithms of the specification. Each goes with one kind and size of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotationAlgorithm {
    /// RSASSA-PSS with SHA-256, keys of 2048 bits.
    Ps256,
    /// RSASSA-PSS with SHA-384, keys of 3072 bits.
    Ps384,
    /// RSASSA-PSS with SHA-512, keys of 4096 bits.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
}

impl NotationAlgorithm {
    /// Its name in RFC 7518.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
        }
    }

    pub(super) fn of_name(name: &str) -> Option<Self> {
        let all = [
            Self::Ps256,
            Self::Ps384,
            Self::Ps512,
            Self::Es256,
            Self::Es384,
            Self::Es512,
        ];
        all.into_iter().find(|one| one.name() == name)
    }
}

/// Who vouches for the time of signing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SigningScheme {
    /// `notary.x509`: nobody but a timestamp; the signer's time is its own word.
    X509 {
        /// When the signer says it signed.
        signing_time: Timestamp,
    },
    /// `notary.x509.signingAuthority`: the authority that signed.
    SigningAuthority {
        /// When the authority says it signed.
        authentic_signing_time: Timestamp,
    },
}

impl SigningScheme {
    /// Its name in envelopes.
    pub fn name(self) -> &'static str {
        match self {
            Self::X509 { .. } => X509,
            Self::SigningAuthority { .. } => SIGNING_AUTHORITY,
        }
    }

    /// When it was signed, in whoever's word.
    pub fn time(self) -> Timestamp {
        match self {
            Self::X509 { signing_time } => signing_time,
            Self::SigningAuthority {
                authentic_signing_time,
            } => authentic_signing_time,
        }
    }
}

/// A program that must take part in verifying the signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerificationPlugin {
    /// Its name.
    pub name: String,
    /// The version it must have at least.
    pub min_version: Option<String>,
}

/// The attributes of a signature, checked against one another.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignedAttributes {
    /// The algorithm it names. The certificate's key decides; the two must agree.
    pub algorithm: NotationAlgorithm,
    /// The scheme, with the time of signing.
    pub scheme: SigningScheme,
    /// Until when the artifact is meant to be used.
    pub expiry: Option<Timestamp>,
    /// What else must take part in verifying.
    pub plugin: Option<VerificationPlugin>,
}

/// Signed headers as a reader found them.
#[derive(Default)]
pub(super) struct Header {
    pub(super) content_type: Option<String>,
    pub(super) critical: Vec<String>,
    pub(super) scheme: Option<String>,
    pub(super) signing_time: Option<Timestamp>,
    pub(super) authentic_signing_time: Option<Timestamp>,
    pub(super) expiry: Option<Timestamp>,
    pub(super) plugin: Option<String>,
    pub(super) plugin_version: Option<String>,
}

impl Header {
    /// Checks the headers against one another; those that must be understood are known here, or the
    /// envelope is refused.
    pub(super) fn settle(
        self,
        algorithm: NotationAlgorithm,
    ) -> Result<SignedAttributes, NotationError> {
        match self.content_type.as_deref() {
            Some(PAYLOAD) => {}
            Some(other) => {
                return Err(NotationError::ContentType { found: cut(other) });
            }
            None => return Err(NotationError::Missing { name: "cty" }),
        }
        let scheme = self.scheme()?;
        if self.expiry.is_some_and(|expiry| expiry <= scheme.time()) {
            return Err(NotationError::Expiry);
        }
        self.critical(scheme)?;
        let plugin = match (self.plugin, self.plugin_version) {
            (Some(name), min_version) => Some(VerificationPlugin { name, min_version }),
            (None, Some(_)) => return Err(NotationError::Missing { name: PLUGIN }),
            (None, None) => None,
        };
        Ok(SignedAttributes {
            algorithm,
            scheme,
            expiry: self.expiry,
            plugin,
        })
    }

    fn scheme(&self) -> Result<SigningScheme, NotationError> {
        let misplaced = |name, scheme| Err(NotationError::Misplaced { name, scheme });
        match self.scheme.as_deref() {
            Some(X509) if self.authentic_signing_time.is_some() => {
                misplaced(AUTHENTIC_SIGNING_TIME, X509)
            }
            Some(X509) => match self.signing_time {
                Some(signing_time) => Ok(SigningScheme::X509 { signing_time }),
                None => Err(NotationError::Missing { name: SIGNING_TIME }),
            },
            Some(SIGNING_AUTHORITY) if self.signing_time.is_some() => {
                misplaced(SIGNING_TIME, SIGNING_AUTHORITY)
            }
            Some(SIGNING_AUTHORITY) => match self.authentic_signing_time {
                Some(authentic_signing_time) => Ok(SigningScheme::SigningAuthority {
                    authentic_signing_time,
                }),
                None => Err(NotationError::Missing {
                    name: AUTHENTIC_SIGNING_TIME,
                }),
            },
            Some(other) => Err(NotationError::Scheme { found: cut(other) }),
            None => Err(NotationError::Missing {
                name: SIGNING_SCHEME,
            }),
        }
    }

    fn critical(&self, scheme: SigningScheme) -> Result<(), NotationError> {
        let mut must = vec![SIGNING_SCHEME];
        if matches!(scheme, SigningScheme::SigningAuthority { .. }) {
            must.push(AUTHENTIC_SIGNING_TIME);
        }
        if self.expiry.is_some() {
            must.push(EXPIRY);
        }
        let known = [
            (SIGNING_SCHEME, true),
            (
                AUTHENTIC_SIGNING_TIME,
                self.authentic_signing_time.is_some(),
            ),
            (SIGNING_TIME, self.signing_time.is_some()),
            (EXPIRY, self.expiry.is_some()),
            (PLUGIN, self.plugin.is_some()),
            (PLUGIN_VERSION, self.plugin_version.is_some()),
        ];
        let mut seen = BTreeSet::new();
        for name in &self.critical {
            let reason = match known.iter().find(|(known, _)| known == name) {
                None => Some("is not known"),
                Some((_, false)) => Some("is not there"),
                Some(_) => (!seen.insert(name.as_str())).then_some("is listed twice"),
            };
            if let Some(reason) = reason {
                return Err(NotationError::Critical {
                    name: cut(name),
                    reason,
                });
            }
        }
        match must.into_iter().find(|name| !seen.contains(name)) {
            Some(name) => Err(NotationError::NotCritical { name }),
            None => Ok(()),
        }
    }
}

pub(super) fn cut(text: &str) -> String {
    text.chars().take(100).collect()
}

const X509: &str = "notary.x509";
const SIGNING_AUTHORITY: &str = "notary.x509.signingAuthority";
