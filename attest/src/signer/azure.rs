//! Keys of Azure Key Vault and Managed HSM, by their REST API 7.4,
//! <https://learn.microsoft.com/en-us/rest/api/keyvault/keys>. References are cosign's. Without a
//! version in the reference the current one is chosen when the key is opened.

mod credentials;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::pkcs8::ObjectIdentifier;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::{Message, SignError, Signer};
use crate::key::{AzureKey, PublicKey, Schemes, SignatureScheme};
use crate::service::{
    Ask, Endpoint, KeyServiceError, Surroundings, TlsMaterial, ecdsa_der, ecdsa_spki, is_here,
    read, rsa_spki,
};

const SERVICE: &str = "Azure Key Vault";
const VERSION: &str = "7.4";

/// The clouds: a vault's host ends so, and its tokens are for this audience. Tokens go to no other
/// host, whatever a reference names.
const CLOUDS: [(&str, &str); 6] = [
    (".vault.azure.net", "https://vault.azure.net"),
    (".vault.azure.cn", "https://vault.azure.cn"),
    (
        ".vault.usgovcloudapi.net",
        "https://vault.usgovcloudapi.net",
    ),
    (".managedhsm.azure.net", "https://managedhsm.azure.net"),
    (".managedhsm.azure.cn", "https://managedhsm.azure.cn"),
    (
        ".managedhsm.usgovcloudapi.net",
        "https://managedhsm.usgovcloudapi.net",
    ),
];

/// Signs with one version of a key of Azure Key Vault.
pub struct AzureSigner {
    access: Access,
    name: String,
    version: String,
    public: PublicKey,
    schemes: Schemes,
}

super::shown_as_its_key!(AzureSigner);

struct Access {
    endpoint: Endpoint,
    token: Zeroizing<String>,
}

impl AzureSigner {
    /// Finds credentials as Azure's own libraries do and asks for the key.
    pub async fn open(
        key: &AzureKey,
        scheme: Option<SignatureScheme>,
        surroundings: &dyn Surroundings,
    ) -> Result<Self, KeyServiceError> {
        let access = Access::of(&key.host, surroundings).await?;
        let mut path = vec!["keys", key.name.as_str()];
        path.extend(key.version.as_deref());
        let ask = access.ask(Method::GET, "the key", &path);
        let answer = access.endpoint.send(&ask).await?;
        let found: Found = read(SERVICE, "the key", &answer.body)?;
        let unusable = |reason: &str| KeyServiceError::Unusable {
            service: SERVICE,
            reason: reason.to_owned(),
        };
        let spki = found
            .key
            .spki()
            .ok_or_else(|| unusable("the key is of no kind that signs"))?;
        let public = PublicKey::from_spki(spki).map_err(|error| KeyServiceError::Key {
            service: SERVICE,
            error,
        })?;
        let version = found
            .key
            .kid
            .rsplit('/')
            .next()
            .filter(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric()))
            .ok_or_else(|| unusable("the key's identifier has no version"))?
            .to_owned();
        if key
            .version
            .as_ref()
            .is_some_and(|wanted| *wanted != version)
        {
            return Err(unusable("the vault answered with another version"));
        }
        let schemes = super::service_schemes(SERVICE, &public, scheme, |_| None)?;
        Ok(Self {
            access,
            name: key.name.clone(),
            version,
            public,
            schemes,
        })
    }
}

impl Signer for AzureSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn schemes(&self) -> Schemes {
        self.schemes
    }

    async fn sign_message(&self, message: Message<'_>) -> Result<Vec<u8>, SignError> {
        let scheme = message.scheme(self.schemes);
        let (Some(algorithm), Some(hash)) = (algorithm(scheme), scheme.hash()) else {
            return Err(SignError::Key);
        };
        let path = ["keys", &self.name, &self.version, "sign"];
        let digest = URL_SAFE_NO_PAD.encode(message.digest(hash)?);
        let ask = self
            .access
            .ask(Method::POST, "the signature", &path)
            .json(&json!({ "alg": algorithm, "value": digest }));
        let answer = self.access.endpoint.send(&ask).await?;
        let signed: Signed = read(SERVICE, "the signature", &answer.body)?;
        let made = decoded(&signed.value);
        let made = match scheme {
            SignatureScheme::RsaPkcs1Sha256 | SignatureScheme::RsaPssSha256 => made,
            _ => made.and_then(|fixed| ecdsa_der(&fixed)),
        };
        made.ok_or_else(|| {
            SignError::Service(KeyServiceError::Malformed {
                service: SERVICE,
                what: "the signature",
                reason: "no signature in base64url".to_owned(),
            })
        })
    }
}

/// The service's name of a scheme.
fn algorithm(scheme: SignatureScheme) -> Option<&'static str> {
    match scheme {
        SignatureScheme::EcdsaSha256 => Some("ES256"),
        SignatureScheme::EcdsaSha384 => Some("ES384"),
        SignatureScheme::EcdsaSha512 => Some("ES512"),
        SignatureScheme::RsaPkcs1Sha256 => Some("RS256"),
        SignatureScheme::RsaPssSha256 => Some("PS256"),
        SignatureScheme::Ed25519 | SignatureScheme::Ed25519ph | SignatureScheme::MlDsa => None,
    }
}

impl Access {
    async fn of(host: &str, surroundings: &dyn Surroundings) -> Result<Self, KeyServiceError> {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let cloud = CLOUDS.iter().find(|(ending, _)| host.ends_with(ending));
        let (address, audience) = match cloud {
            Some((_, audience)) => (format!("https://{host}"), *audience),
            None if is_here(name) && surroundings.permits_plain(host) => {
                (format!("http://{host}"), CLOUDS[0].1)
            }
            None => {
                return Err(KeyServiceError::Configuration {
                    service: SERVICE,
                    reason: format!(
                        "`{}` is no vault's host, expected one such as NAME.vault.azure.net",
                        crate::service::shown(host)
                    ),
                });
            }
        };
        Ok(Self {
            endpoint: Endpoint::new(SERVICE, &address, surroundings, &TlsMaterial::default())?,
            token: credentials::token(surroundings, audience).await?,
        })
    }

    fn ask(&self, method: Method, what: &'static str, path: &[&str]) -> Ask {
        self.endpoint
            .ask(method, what, path.iter().copied())
            .query("api-version", VERSION)
            .secret("authorization", "Bearer ", &self.token)
    }
}

#[derive(Deserialize)]
struct Found {
    key: Jwk,
}

/// A JSON Web Key, RFC 7517, as far as public keys need it.
#[derive(Deserialize)]
struct Jwk {
    kid: String,
    kty: String,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

impl Jwk {
    fn spki(&self) -> Option<Vec<u8>> {
        let part = |text: &Option<String>| decoded(text.as_deref()?);
        if let "RSA" | "RSA-HSM" = self.kty.as_str() {
            return rsa_spki(&part(&self.n)?, &part(&self.e)?);
        }
        let (curve, length) = match (self.kty.as_str(), self.crv.as_deref()?) {
            ("EC" | "EC-HSM", "P-256") => ("1.2.840.10045.3.1.7", 32),
            ("EC" | "EC-HSM", "P-384") => ("1.3.132.0.34", 48),
            ("EC" | "EC-HSM", "P-521") => ("1.3.132.0.35", 66),
            _ => return None,
        };
        let (x, y) = (part(&self.x)?, part(&self.y)?);
        let sound = x.len() == length && y.len() == length;
        let point = [&[4], x.as_slice(), y.as_slice()].concat();
        let curve = ObjectIdentifier::new(curve).ok()?;
        sound.then(|| ecdsa_spki(curve, &point))?
    }
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

#[derive(Deserialize)]
struct Signed {
    value: String,
}
