//! Keys of AWS KMS, by its JSON protocol 1.1, API version 2014-11-01,
//! <https://docs.aws.amazon.com/kms/latest/APIReference/>. References are cosign's.
//!
//! Requests are signed by `aws-sigv4`. An alias is followed once, when the key is opened: the key
//! it named then is the one that signs.

mod credentials;

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Message, SignError, Signer};
use crate::key::{AwsKey, PublicKey, Schemes, SignatureScheme};
use crate::service::{
    Ask, Endpoint, FromBase64, KeyServiceError, Surroundings, TlsMaterial, base64, first, read,
};

const SERVICE: &str = "AWS KMS";
const GET_PUBLIC_KEY: &str = "TrentService.GetPublicKey";
const SIGN: &str = "TrentService.Sign";
/// Bytes of the longest message KMS hashes itself.
const MESSAGE_BYTES: usize = 4096;

/// Signs with a key of AWS KMS.
pub struct AwsSigner {
    access: Access,
    /// The key's ARN, as the service said it.
    key: String,
    public: PublicKey,
    schemes: Schemes,
}

super::shown_as_its_key!(AwsSigner);

struct Access {
    endpoint: Endpoint,
    region: String,
    credentials: Credentials,
    opened: (Timestamp, std::time::Instant),
}

impl AwsSigner {
    /// Finds credentials as AWS's own tools do and asks for the public key.
    pub async fn open(
        key: &AwsKey,
        scheme: Option<SignatureScheme>,
        surroundings: &dyn Surroundings,
    ) -> Result<Self, KeyServiceError> {
        let access = Access::of(key, surroundings).await?;
        let found: Found = access
            .call(
                GET_PUBLIC_KEY,
                "the public key",
                &json!({ "KeyId": key.id }),
            )
            .await?;
        if found.key_usage != "SIGN_VERIFY" {
            return Err(KeyServiceError::Unusable {
                service: SERVICE,
                reason: format!(
                    "the key is for {}, not for signing",
                    super::word(&found.key_usage)
                ),
            });
        }
        let public =
            PublicKey::from_spki(found.public_key.0).map_err(|error| KeyServiceError::Key {
                service: SERVICE,
                error,
            })?;
        let schemes = super::service_schemes(SERVICE, &public, scheme, |_| None)?;
        for scheme in [schemes.envelope, schemes.blob] {
            if !found
                .signing_algorithms
                .iter()
                .any(|name| name == algorithm(scheme))
            {
                return Err(KeyServiceError::Unusable {
                    service: SERVICE,
                    reason: format!("the key does not sign with {scheme}"),
                });
            }
        }
        Ok(Self {
            access,
            key: found.key_id,
            public,
            schemes,
        })
    }
}

impl Signer for AwsSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn schemes(&self) -> Schemes {
        self.schemes
    }

    async fn sign_message(&self, message: Message<'_>) -> Result<Vec<u8>, SignError> {
        let scheme = message.scheme(self.schemes);
        let bytes = message
            .bytes()
            .ok()
            .filter(|bytes| bytes.len() <= MESSAGE_BYTES);
        let (kind, data) = match (scheme, bytes) {
            (SignatureScheme::Ed25519ph, _) | (_, None) => {
                let hash = scheme.hash().ok_or_else(|| KeyServiceError::Unusable {
                    service: SERVICE,
                    reason: format!(
                        "with {scheme} it signs at most {MESSAGE_BYTES} bytes: use an ECDSA or RSA key"
                    ),
                })?;
                ("DIGEST", message.digest(hash)?)
            }
            // Short messages are hashed by the service, so that it sees what it signs.
            (_, Some(bytes)) => ("RAW", bytes.to_vec()),
        };
        let body = json!({
            "KeyId": self.key,
            "Message": base64(&data),
            "MessageType": kind,
            "SigningAlgorithm": algorithm(scheme),
        });
        let signed: Signed = self.access.call(SIGN, "the signature", &body).await?;
        Ok(signed.signature.0)
    }
}

/// The service's name of a scheme.
fn algorithm(scheme: SignatureScheme) -> &'static str {
    match scheme {
        SignatureScheme::EcdsaSha256 => "ECDSA_SHA_256",
        SignatureScheme::EcdsaSha384 => "ECDSA_SHA_384",
        SignatureScheme::EcdsaSha512 => "ECDSA_SHA_512",
        SignatureScheme::Ed25519 => "ED25519_SHA_512",
        SignatureScheme::Ed25519ph => "ED25519_PH_SHA_512",
        SignatureScheme::MlDsa => "ML_DSA_SHAKE_256",
        SignatureScheme::RsaPkcs1Sha256 => "RSASSA_PKCS1_V1_5_SHA_256",
        SignatureScheme::RsaPssSha256 => "RSASSA_PSS_SHA_256",
    }
}

impl Access {
    async fn of(key: &AwsKey, surroundings: &dyn Surroundings) -> Result<Self, KeyServiceError> {
        let region = match key.region() {
            Some(region) => region.to_owned(),
            None => credentials::region(surroundings)?,
        };
        let host = |region: &str| match region {
            region if region.starts_with("cn-") => format!("https://kms.{region}.amazonaws.com.cn"),
            region => format!("https://kms.{region}.amazonaws.com"),
        };
        let address = match &key.endpoint {
            Some(endpoint) => format!("https://{endpoint}"),
            None => first(surroundings, &["AWS_ENDPOINT_URL_KMS", "AWS_ENDPOINT_URL"])
                .unwrap_or_else(|| host(&region)),
        };
        let bundle = match first(surroundings, &["AWS_CA_BUNDLE"]) {
            Some(path) => surroundings.file(path.as_ref())?,
            None => None,
        };
        let tls = TlsMaterial {
            authorities: bundle.as_deref().map(Vec::as_slice),
            ..TlsMaterial::default()
        };
        Ok(Self {
            endpoint: Endpoint::new(SERVICE, &address, surroundings, &tls)?,
            credentials: credentials::find(surroundings, &region).await?,
            region,
            opened: (surroundings.now(), std::time::Instant::now()),
        })
    }

    async fn call<T: DeserializeOwned>(
        &self,
        target: &'static str,
        what: &'static str,
        body: &Value,
    ) -> Result<T, KeyServiceError> {
        let ask = self
            .endpoint
            .ask(Method::POST, what, [])
            .body("application/x-amz-json-1.1", body.to_string().into_bytes())
            .header("x-amz-target", target);
        // A repeated signature is another one; a repeated question is the same.
        let ask = if target == SIGN {
            ask
        } else {
            ask.repeatable()
        };
        let answer = self.endpoint.send(&self.signed(ask)?).await?;
        read(SERVICE, what, &answer.body)
    }

    fn signed(&self, ask: Ask) -> Result<Ask, KeyServiceError> {
        let wrong = |reason: String| KeyServiceError::Configuration {
            service: SERVICE,
            reason,
        };
        let identity = self.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("kms")
            .time(self.now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| wrong(error.to_string()))?
            .into();
        let instructions = {
            let (method, url, body) = ask.parts();
            let request =
                SignableRequest::new(method, url, ask.headers(), SignableBody::Bytes(body))
                    .map_err(|error| wrong(error.to_string()))?;
            sign(request, &parameters)
                .map_err(|_| wrong("the request cannot be signed".to_owned()))?
                .into_parts()
                .0
        };
        Ok(instructions
            .headers()
            .fold(ask, |ask, (name, value)| ask.any_header(name, value))
            .hide(self.credentials.secret_access_key()))
    }

    /// The time when it was opened, and what has passed since.
    fn now(&self) -> SystemTime {
        SystemTime::from(self.opened.0) + self.opened.1.elapsed()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Found {
    key_id: String,
    key_usage: String,
    public_key: FromBase64,
    signing_algorithms: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Signed {
    signature: FromBase64,
}
