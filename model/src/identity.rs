//! Identities: who signed.
//!
//! Certificate claims are those of Fulcio, OIDs `1.3.6.1.4.1.57264.1.*`,
//! <https://github.com/sigstore/fulcio/blob/v1.7.1/docs/oid-info.md>.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Digest, DigestError};

/// The identity behind a verified signature.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Identity {
    /// A bare key.
    #[serde(rename_all = "camelCase")]
    Key {
        /// Digest of the public key.
        key_id: KeyId,
    },
    /// A certificate issued to an OIDC identity.
    Certificate(Box<CertificateIdentity>),
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key { key_id } => write!(f, "key {}", key_id.short()),
            Self::Certificate(certificate) => {
                write!(
                    f,
                    "{} ({})",
                    certificate.subject.escape_debug(),
                    certificate.issuer.escape_debug()
                )
            }
        }
    }
}

/// What a Fulcio certificate says about its holder.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateIdentity {
    /// The OIDC issuer (`.1.8`, else `.1.1`).
    pub issuer: String,
    /// The subject alternative name: an e-mail address or a URI.
    pub subject: String,
    /// Source repository URI (`.1.12`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_repository: Option<String>,
    /// Source commit (`.1.13`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_digest: Option<String>,
    /// Source ref (`.1.14`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_ref: Option<String>,
    /// Workflow that signed (`.1.9`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_signer: Option<String>,
    /// Kind of runner (`.1.11`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runner_environment: Option<String>,
    /// Deployment environment whose protection rules the job passed (`.1.23`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_environment: Option<String>,
    /// What else it says about the build.
    #[serde(flatten)]
    pub build: BuildClaims,
}

/// What a Fulcio certificate says about the build it was issued to, besides the source. Each may
/// be absent: older certificates and other issuers carry fewer.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildClaims {
    /// Commit of the workflow that signed (`.1.10`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_signer_digest: Option<String>,
    /// The platform's lasting number of the source repository (`.1.15`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_repository_id: Option<String>,
    /// Owner of the source repository, URI (`.1.16`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_owner: Option<String>,
    /// The platform's lasting number of that owner (`.1.17`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_owner_id: Option<String>,
    /// Workflow that was started, URI with its ref (`.1.18`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_config: Option<String>,
    /// Commit of that workflow (`.1.19`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_config_digest: Option<String>,
    /// Event that started it (`.1.20`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_trigger: Option<String>,
    /// The run, URI (`.1.21`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_invocation: Option<String>,
    /// Whether the source repository was public when it was signed (`.1.22`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_visibility: Option<String>,
    /// Name of the workflow, which only certificates for GitHub's carry (`.1.4`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow_name: Option<String>,
    /// The subject of the identity token, unchanged (`.1.24`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_subject: Option<String>,
}

/// A public key's identifier: the SHA-256 digest of its SPKI DER.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(Digest);

impl KeyId {
    /// The identifier of this public key (SPKI, DER).
    pub fn of_spki(der: &[u8]) -> Self {
        Self(Digest::sha256(der))
    }

    /// The digest.
    pub fn digest(&self) -> &Digest {
        &self.0
    }

    /// The first hexadecimal digits, for people.
    pub fn short(&self) -> &str {
        self.0.short()
    }

    /// The hint that cosign and sigstore-go put into bundles: base64 of the digest's bytes.
    pub fn hint(&self) -> String {
        use base64::Engine as _;
        let bytes = hex::decode(self.0.hex()).expect("because a digest is hexadecimal");
        base64::engine::general_purpose::STANDARD.encode(bytes)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({})", self.0)
    }
}

impl FromStr for KeyId {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        text.parse().map(Self)
    }
}
