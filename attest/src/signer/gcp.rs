//! Keys of Google Cloud KMS, by its REST API v1,
//! <https://cloud.google.com/kms/docs/reference/rest/v1/projects.locations.keyRings.cryptoKeys.cryptoKeyVersions>.
//! References are cosign's. A key's version has one scheme; without a version in the reference the
//! newest enabled one is chosen when the key is opened.

mod credentials;

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::{Message, SignError, Signer};
use crate::key::{GcpKey, Hash, KeyError, PublicKey, Schemes, SignatureScheme};
use crate::service::{
    Ask, Endpoint, FromBase64, KeyServiceError, Surroundings, TlsMaterial, base64, first, read,
};

const SERVICE: &str = "Google Cloud KMS";
const ADDRESS: &str = "https://cloudkms.googleapis.com";
/// Pages of versions that are read: one key has a hundred versions on each.
const PAGES: usize = 20;

/// Signs with one version of a key of Google Cloud KMS.
pub struct GcpSigner {
    access: Access,
    version: String,
    public: PublicKey,
    schemes: Schemes,
}

super::shown_as_its_key!(GcpSigner);

struct Access {
    endpoint: Endpoint,
    token: Zeroizing<String>,
}

impl GcpSigner {
    /// Finds credentials as Google's own tools do and asks for the public key.
    pub async fn open(
        key: &GcpKey,
        scheme: Option<SignatureScheme>,
        surroundings: &dyn Surroundings,
    ) -> Result<Self, KeyServiceError> {
        let address = first(surroundings, &["CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS"]);
        let address = address.as_deref().unwrap_or(ADDRESS);
        let access = Access {
            endpoint: Endpoint::new(SERVICE, address, surroundings, &TlsMaterial::default())?,
            token: credentials::token(surroundings).await?,
        };
        let number = match key.version {
            Some(number) => number,
            None => access.newest(&key.name).await?,
        };
        let version = format!("{}/cryptoKeyVersions/{number}", key.name);
        let ask = access.ask(
            Method::GET,
            "the public key",
            &format!("{version}/publicKey"),
        );
        let answer = access.endpoint.send(&ask).await?;
        let found: Found = read(SERVICE, "the public key", &answer.body)?;
        let wrong = |error| KeyServiceError::Key {
            service: SERVICE,
            error,
        };
        let public = PublicKey::from_pem(found.pem.as_bytes()).map_err(wrong)?;
        let own = scheme_of(&found.algorithm).ok_or_else(|| KeyServiceError::Unusable {
            service: SERVICE,
            reason: format!(
                "keys of algorithm {} are not supported: other tools could not verify what they sign",
                super::word(&found.algorithm)
            ),
        })?;
        if let Some(scheme) = scheme.filter(|wanted| *wanted != own) {
            let algorithm = public.algorithm();
            return Err(wrong(KeyError::Mismatch { algorithm, scheme }));
        }
        let schemes = super::service_schemes(SERVICE, &public, Some(own), |_| None)?;
        Ok(Self {
            access,
            version,
            public,
            schemes,
        })
    }
}

/// The scheme of a version's algorithm, where Sigstore's formats know it.
fn scheme_of(algorithm: &str) -> Option<SignatureScheme> {
    Some(match algorithm {
        "EC_SIGN_P256_SHA256" => SignatureScheme::EcdsaSha256,
        "EC_SIGN_P384_SHA384" => SignatureScheme::EcdsaSha384,
        "EC_SIGN_ED25519" => SignatureScheme::Ed25519,
        "RSA_SIGN_PKCS1_2048_SHA256"
        | "RSA_SIGN_PKCS1_3072_SHA256"
        | "RSA_SIGN_PKCS1_4096_SHA256" => SignatureScheme::RsaPkcs1Sha256,
        "RSA_SIGN_PSS_2048_SHA256" | "RSA_SIGN_PSS_3072_SHA256" | "RSA_SIGN_PSS_4096_SHA256" => {
            SignatureScheme::RsaPssSha256
        }
        _ => return None,
    })
}

impl Signer for GcpSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn schemes(&self) -> Schemes {
        self.schemes
    }

    async fn sign_message(&self, message: Message<'_>) -> Result<Vec<u8>, SignError> {
        let body = match message.scheme(self.schemes).hash() {
            Some(hash) => {
                let name = match hash {
                    Hash::Sha256 => "sha256",
                    Hash::Sha384 => "sha384",
                    Hash::Sha512 => "sha512",
                };
                json!({ "digest": { name: base64(&message.digest(hash)?) } })
            }
            None => json!({ "data": base64(message.bytes()?) }),
        };
        let path = format!("{}:asymmetricSign", self.version);
        let ask = self
            .access
            .ask(Method::POST, "the signature", &path)
            .json(&body);
        let answer = self.access.endpoint.send(&ask).await?;
        let signed: Signed = read(SERVICE, "the signature", &answer.body)?;
        Ok(signed.signature.0)
    }
}

impl Access {
    fn ask(&self, method: Method, what: &'static str, path: &str) -> Ask {
        self.endpoint
            .ask(method, what, std::iter::once("v1").chain(path.split('/')))
            .secret("authorization", "Bearer ", &self.token)
    }

    /// The highest number of an enabled version.
    async fn newest(&self, key: &str) -> Result<u64, KeyServiceError> {
        let mut page = String::new();
        let mut newest = None;
        for _ in 0..PAGES {
            let mut ask = self
                .ask(
                    Method::GET,
                    "the versions",
                    &format!("{key}/cryptoKeyVersions"),
                )
                .query("filter", "state=ENABLED");
            if !page.is_empty() {
                ask = ask.query("pageToken", &page);
            }
            let answer = self.endpoint.send(&ask).await?;
            let listed: Versions = read(SERVICE, "the versions", &answer.body)?;
            let numbers = listed
                .crypto_key_versions
                .iter()
                .filter_map(|version| version.name.rsplit('/').next()?.parse().ok());
            newest = numbers.chain(newest).max();
            page = listed.next_page_token;
            if page.is_empty() {
                return newest.ok_or_else(|| KeyServiceError::Unusable {
                    service: SERVICE,
                    reason: "the key has no enabled version".to_owned(),
                });
            }
        }
        Err(KeyServiceError::Unusable {
            service: SERVICE,
            reason: "too many versions: name one with /cryptoKeyVersions/N".to_owned(),
        })
    }
}

#[derive(Deserialize)]
struct Found {
    pem: String,
    algorithm: String,
}

#[derive(Deserialize)]
struct Signed {
    signature: FromBase64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Versions {
    #[serde(default)]
    crypto_key_versions: Vec<Version>,
    #[serde(default)]
    next_page_token: String,
}

#[derive(Deserialize)]
struct Version {
    name: String,
}
