//! Scopes: what a statement is about that is about no artifact.
//!
//! A checkpoint, a freeze, a policy, and the revocation of a signer have no digest of their own. Their
//! subject is a URI, known by the SHA-256 digest of `bulla-scope-v1`, a line feed and the URI. They
//! are stored as referrers of a manifest that everybody can compute from the URI, in the ledger's
//! repository. Defined in `docs/predicates/scope.md`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::descriptor::media_type;
use crate::environment::is_component;
use crate::{Annotations, Descriptor, Digest, Environment, ImageManifest, Service, Subject};

/// What the digest of a scope begins with, so that no file has it by chance.
const DOMAIN: &str = "bulla-scope-v1\n";
/// The artifact type of scope manifests.
pub const ARTIFACT_TYPE: &str = "application/vnd.bulla.scope.v1";
/// The annotation of a scope manifest that holds the URI, for people.
pub const ANNOTATION: &str = "dev.bulla.scope";
/// The only blob of a scope manifest, twice: as its configuration and as its layer.
pub const BLOB: &[u8] = b"{}";

/// What a statement about no artifact is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope(String);

/// What kinds of scopes there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScopeKind {
    /// An environment: `env://org/app-scope/name`.
    Environment,
    /// Everything one ledger owner answers for: `ledger://org/app-scope`.
    Ledger,
    /// A policy, all its versions: `policy://org/app-scope/name`.
    Policy,
    /// A service, all its artifacts: `service://org/app-scope/service`.
    Service,
}

/// Each kind with the scheme of its URIs.
const SCHEMES: &[(&str, ScopeKind)] = &[
    ("env://", ScopeKind::Environment),
    ("ledger://", ScopeKind::Ledger),
    ("policy://", ScopeKind::Policy),
    ("service://", ScopeKind::Service),
];

impl Scope {
    /// The ledger that answers for an environment: the one of its organisation and app scope.
    pub fn ledger_of(environment: &Environment) -> Self {
        let path = environment.as_str().trim_start_matches("env://");
        let ledger = path.rsplit_once('/').map_or(path, |(ledger, _)| ledger);
        Self(format!("ledger://{ledger}"))
    }

    /// A policy of an environment's organisation and app scope.
    pub fn policy_of(environment: &Environment, name: &str) -> Result<Self, ScopeError> {
        let path = environment.as_str().trim_start_matches("env://");
        let owner = path.rsplit_once('/').map_or(path, |(owner, _)| owner);
        format!("policy://{owner}/{name}").parse()
    }

    /// The URI.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What kind of scope it is.
    pub fn kind(&self) -> ScopeKind {
        scheme(&self.0).map_or(ScopeKind::Ledger, |(_, kind)| kind)
    }

    /// The last component: of a policy or service its name.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The digest that stands for it as a subject.
    pub fn digest(&self) -> Digest {
        Digest::sha256(format!("{DOMAIN}{}", self.0).as_bytes())
    }

    /// The subject of statements about it.
    pub fn subject(&self) -> Subject {
        Subject::named(&self.0, self.digest())
    }

    /// The manifest that statements about it are referrers of: the bytes to store, which are the
    /// same everywhere. Its blob is [`BLOB`].
    pub fn manifest(&self) -> Vec<u8> {
        let empty = Descriptor::of(media_type::EMPTY, BLOB);
        let manifest = ImageManifest {
            schema_version: 2,
            media_type: Some(media_type::IMAGE_MANIFEST.to_owned()),
            artifact_type: Some(ARTIFACT_TYPE.to_owned()),
            config: empty.clone(),
            layers: vec![empty],
            subject: None,
            annotations: Annotations::from([(ANNOTATION.to_owned(), self.0.clone())]),
        };
        serde_json::to_vec(&manifest).expect("because its members are texts and numbers")
    }

    /// Describes [`Scope::manifest`]: whose referrers to list.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::of(media_type::IMAGE_MANIFEST, &self.manifest())
    }
}

fn scheme(uri: &str) -> Option<(&str, ScopeKind)> {
    SCHEMES
        .iter()
        .find_map(|(scheme, kind)| Some((uri.strip_prefix(scheme)?, *kind)))
}

/// Whether a subject's name claims to be a scope, by its scheme.
pub(crate) fn is_claimed(name: &str) -> bool {
    scheme(name).is_some()
}

impl fmt::Display for ScopeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Environment => "env://org/app-scope/name",
            Self::Ledger => "ledger://org/app-scope",
            Self::Policy => "policy://org/app-scope/name",
            Self::Service => "service://org/app-scope/service",
        })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let is_scope = scheme(text).is_some_and(|(path, kind)| {
            let parts: Vec<&str> = path.splitn(4, '/').collect();
            match (kind, parts.as_slice()) {
                (ScopeKind::Ledger, [org, app]) => is_component(org) && is_component(app),
                (ScopeKind::Environment | ScopeKind::Policy, [org, app, name]) => {
                    is_component(org) && is_component(app) && is_component(name)
                }
                (ScopeKind::Service, [org, app, name]) => {
                    is_component(org) && is_component(app) && name.parse::<Service>().is_ok()
                }
                _ => false,
            }
        });
        if is_scope {
            Ok(Self(text.to_owned()))
        } else {
            Err(ScopeError {
                found: text.chars().take(100).collect(),
            })
        }
    }
}

impl TryFrom<String> for Scope {
    type Error = ScopeError;

    fn try_from(text: String) -> Result<Self, ScopeError> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(value: Scope) -> Self {
        value.0
    }
}

impl From<&Environment> for Scope {
    fn from(environment: &Environment) -> Self {
        Self(environment.as_str().to_owned())
    }
}

/// Why a text is no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is no scope: expected `{}`, `{}`, `{}` or `{}`",
    found.escape_debug(),
    ScopeKind::Ledger,
    ScopeKind::Policy,
    ScopeKind::Service,
    ScopeKind::Environment
)]
pub struct ScopeError {
    found: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, Manifest};

    #[test]
    fn scopes_are_known_by_a_digest_anybody_can_compute() {
        // printf 'bulla-scope-v1\nledger://acme/pay' | sha256sum
        let scope: Scope = "ledger://acme/pay".parse().unwrap();
        assert_eq!(scope.digest().hex(), LEDGER);
        assert_eq!(scope.subject().name.as_deref(), Some("ledger://acme/pay"));
        let environment: Environment = "env://acme/pay/prod".parse().unwrap();
        assert_eq!(Scope::ledger_of(&environment), scope);
        assert_eq!(Scope::from(&environment).kind(), ScopeKind::Environment);
    }

    #[test]
    fn a_scope_s_manifest_is_the_same_everywhere() {
        let scope: Scope = "ledger://acme/pay".parse().unwrap();
        let bytes = scope.manifest();
        assert_eq!(String::from_utf8(bytes.clone()).unwrap(), MANIFEST);
        let manifest = Manifest::parse(bytes, &Limits::default()).unwrap();
        assert_eq!(manifest.artifact_type(), Some(ARTIFACT_TYPE));
        assert_eq!(manifest.descriptor(), scope.descriptor());
        assert_ne!(*manifest.digest(), scope.digest());
    }

    #[test]
    fn what_is_no_scope_is_refused() {
        for (uri, kind) in [
            ("ledger://acme/pay", ScopeKind::Ledger),
            ("policy://acme/pay/release", ScopeKind::Policy),
            ("service://acme/pay/Pay+API@2", ScopeKind::Service),
            ("env://acme/pay/prod", ScopeKind::Environment),
        ] {
            assert_eq!(uri.parse::<Scope>().map(|scope| scope.kind()), Ok(kind));
        }
        for uri in [
            "",
            "ledger://",
            "ledger://acme",
            "ledger://acme/pay/",
            "ledger://acme/pay/prod",
            "ledger://Acme/pay",
            "policy://acme/pay",
            "policy://acme/pay/a b",
            "service://acme/pay/",
            "service://acme/pay/a/b",
            "env://acme/prod",
            "https://acme/pay",
            "LEDGER://acme/pay",
        ] {
            let error = uri.parse::<Scope>().unwrap_err().to_string();
            assert!(
                error.contains("is no scope: expected `ledger://"),
                "{error}"
            );
        }
    }

    const LEDGER: &str = "c6e893ed49a4adfcbba1fdf4e6322cfe8de9b3b99eb52f4ed4e6f9b57f827ce8";
    const MANIFEST: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/vnd.bulla.scope.v1","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2}],"annotations":{"dev.bulla.scope":"ledger://acme/pay"}}"#;
}
