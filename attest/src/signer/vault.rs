//! Keys in the transit engine of HashiCorp Vault and OpenBao.
//!
//! The API is <https://openbao.org/api-docs/secret/transit/>, the names and variables are cosign's
//! (`pkg/signature/kms/hashivault` of sigstore v1.10). Unlike there, the version of the key that is
//! current when it is opened is the one that signs, also if the key is rotated meanwhile.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::{Message, SignError, Signer};
use crate::key::{Hash, KeyAlgorithm, PublicKey, Schemes, SignatureScheme, VaultKey};
use crate::service::{
    Ask, Endpoint, KeyServiceError, Surroundings, TlsMaterial, base64, ed25519_spki, first, read,
    secret_file,
};

const SERVICE: &str = "Vault";

/// Signs with one version of a transit key.
pub struct VaultSigner {
    access: Access,
    name: String,
    version: u64,
    public: PublicKey,
    schemes: Schemes,
}

super::shown_as_its_key!(VaultSigner);

struct Access {
    endpoint: Endpoint,
    mount: String,
    namespace: Option<String>,
    token: Zeroizing<String>,
}

impl VaultSigner {
    /// Finds the key and its current version. Address, token, namespace and mount come from
    /// `VAULT_ADDR`, `VAULT_TOKEN` (or `~/.vault-token`), `VAULT_NAMESPACE`,
    /// `TRANSIT_SECRET_ENGINE_PATH`; OpenBao's `BAO_` variables are known too.
    pub async fn open(
        key: &VaultKey,
        scheme: Option<SignatureScheme>,
        surroundings: &dyn Surroundings,
    ) -> Result<Self, KeyServiceError> {
        let access = Access::of(surroundings)?;
        let ask = access.ask(Method::GET, "the key", &["keys", &key.name]);
        let answer = access.endpoint.send(&ask).await?;
        let found: Envelope<Found> = read(SERVICE, "the key", &answer.body)?;
        let version = found.data.latest_version;
        let half = found
            .data
            .keys
            .get(&version.to_string())
            .and_then(Half::public_key)
            .ok_or_else(|| KeyServiceError::Unusable {
                service: SERVICE,
                reason: format!(
                    "`{}` is no signing key: a key of type ecdsa-p256, ed25519 or rsa-3072 is",
                    key.name
                ),
            })?;
        let public = half.map_err(|error| KeyServiceError::Key {
            service: SERVICE,
            error,
        })?;
        let schemes = super::service_schemes(SERVICE, &public, scheme, pure_by_default)?;
        Ok(Self {
            access,
            name: key.name.clone(),
            version,
            public,
            schemes,
        })
    }
}

/// Only the enterprise editions sign with Ed25519ph.
fn pure_by_default(algorithm: KeyAlgorithm) -> Option<SignatureScheme> {
    (algorithm == KeyAlgorithm::Ed25519).then_some(SignatureScheme::Ed25519)
}

impl Access {
    fn of(surroundings: &dyn Surroundings) -> Result<Self, KeyServiceError> {
        let missing = |reason: &str| KeyServiceError::Configuration {
            service: SERVICE,
            reason: reason.to_owned(),
        };
        let address = first(surroundings, &["VAULT_ADDR", "BAO_ADDR"])
            .ok_or_else(|| missing("VAULT_ADDR is not set"))?;
        let token = match first(surroundings, &["VAULT_TOKEN", "BAO_TOKEN"]) {
            Some(token) => Zeroizing::new(token),
            None => token_file(surroundings)?
                .filter(|token| !token.is_empty())
                .ok_or_else(|| missing("VAULT_TOKEN is not set, and there is no ~/.vault-token"))?,
        };
        let authorities = match first(surroundings, &["VAULT_CACERT", "BAO_CACERT"]) {
            None => None,
            Some(path) => Some(
                surroundings
                    .file(Path::new(&path))?
                    .ok_or_else(|| missing("the file VAULT_CACERT names is not there"))?,
            ),
        };
        let tls = TlsMaterial {
            authorities: authorities.as_deref().map(Vec::as_slice),
            ..TlsMaterial::default()
        };
        Ok(Self {
            endpoint: Endpoint::new(SERVICE, &address, surroundings, &tls)?,
            mount: first(surroundings, &["TRANSIT_SECRET_ENGINE_PATH"])
                .unwrap_or_else(|| "transit".to_owned()),
            namespace: first(surroundings, &["VAULT_NAMESPACE", "BAO_NAMESPACE"]),
            token,
        })
    }

    fn ask(&self, method: Method, what: &'static str, path: &[&str]) -> Ask {
        let mount = self.mount.trim_matches('/').split('/');
        let segments = std::iter::once("v1").chain(mount);
        let ask = self
            .endpoint
            .ask(method, what, segments.chain(path.iter().copied()))
            .secret("x-vault-token", "", &self.token)
            .header("x-vault-request", "true");
        match &self.namespace {
            Some(namespace) => ask.header("x-vault-namespace", namespace),
            None => ask,
        }
    }
}

fn token_file(
    surroundings: &dyn Surroundings,
) -> Result<Option<Zeroizing<String>>, KeyServiceError> {
    let Some(home) = first(surroundings, &["HOME", "USERPROFILE"]) else {
        return Ok(None);
    };
    secret_file(
        surroundings,
        SERVICE,
        &Path::new(&home).join(".vault-token"),
    )
}

impl Signer for VaultSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn schemes(&self) -> Schemes {
        self.schemes
    }

    async fn sign_message(&self, message: Message<'_>) -> Result<Vec<u8>, SignError> {
        let scheme = message.scheme(self.schemes);
        let mut body = json!({ "key_version": self.version, "marshaling_algorithm": "asn1" });
        let mut path = vec!["sign", &self.name];
        match scheme.hash() {
            Some(hash) => {
                path.push(match hash {
                    Hash::Sha256 => "sha2-256",
                    Hash::Sha384 => "sha2-384",
                    Hash::Sha512 => "sha2-512",
                });
                body["input"] = base64(&message.digest(hash)?).into();
                body["prehashed"] = true.into();
            }
            None => body["input"] = base64(message.bytes()?).into(),
        }
        match scheme {
            SignatureScheme::RsaPkcs1Sha256 => body["signature_algorithm"] = "pkcs1v15".into(),
            SignatureScheme::RsaPssSha256 => {
                body["signature_algorithm"] = "pss".into();
                body["salt_length"] = "hash".into();
            }
            _ => {}
        }
        let ask = self
            .access
            .ask(Method::POST, "the signature", &path)
            .json(&body);
        let answer = self.access.endpoint.send(&ask).await?;
        let signed: Envelope<Signed> = read(SERVICE, "the signature", &answer.body)?;
        let prefix = format!("vault:v{}:", self.version);
        signed
            .data
            .signature
            .strip_prefix(&prefix)
            .and_then(|text| STANDARD.decode(text).ok())
            .ok_or_else(|| {
                SignError::from(KeyServiceError::Malformed {
                    service: SERVICE,
                    what: "the signature",
                    reason: format!("expected `{prefix}` and base64"),
                })
            })
    }
}

#[derive(Deserialize)]
struct Envelope<T> {
    data: T,
}

#[derive(Deserialize)]
struct Found {
    latest_version: u64,
    keys: BTreeMap<String, Half>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Half {
    Asymmetric { public_key: String },
    Other(serde::de::IgnoredAny),
}

impl Half {
    /// PEM, but for Ed25519 the bare key in base64.
    fn public_key(&self) -> Option<Result<PublicKey, crate::KeyError>> {
        let Self::Asymmetric { public_key } = self else {
            return None;
        };
        if public_key.is_empty() {
            return None;
        }
        let bare = STANDARD.decode(public_key).ok();
        Some(match bare.and_then(|bytes| ed25519_spki(&bytes)) {
            Some(spki) => PublicKey::from_spki(spki),
            None => PublicKey::from_pem(public_key.as_bytes()),
        })
    }
}

#[derive(Deserialize)]
struct Signed {
    signature: String,
}
