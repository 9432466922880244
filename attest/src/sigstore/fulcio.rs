//! Certificates for identities: Fulcio API v2,
//! <https://github.com/sigstore/fulcio/blob/v1.8.8/fulcio.proto>.

use serde::{Deserialize, Serialize};
use sigstore_types::DerCertificate;
use url::Url;

use super::content::base64;
use crate::http::{Call, Http, Service, ServiceError, below};
use crate::oidc::IdentityToken;
use crate::signer::{Blob, SignError, Signer};

/// Certificates of the longest chain that is taken.
const CHAIN_LENGTH: usize = 10;

/// A certificate for a key, with those of its authorities, leaf first. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateChain {
    certificates: Vec<DerCertificate>,
}

impl CertificateChain {
    /// The leaf, DER.
    pub fn leaf(&self) -> &[u8] {
        self.certificates[0].as_bytes()
    }

    /// The leaf, PEM.
    pub fn leaf_pem(&self) -> String {
        self.certificates[0].to_pem()
    }

    /// The authorities above the leaf, PEM, the nearest first; the whole text of cosign's chain
    /// annotation.
    pub fn authorities_pem(&self) -> String {
        let above = self.certificates.iter().skip(1);
        above.map(DerCertificate::to_pem).collect()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    credentials: Credentials<'a>,
    public_key_request: KeyRequest,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Credentials<'a> {
    oidc_identity_token: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyRequest {
    public_key: KeyText,
    proof_of_possession: String,
}

#[derive(Serialize)]
struct KeyText {
    content: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Issued {
    #[serde(default)]
    signed_certificate_embedded_sct: Option<WithChain>,
    #[serde(default)]
    signed_certificate_detached_sct: Option<WithChain>,
}

#[derive(Deserialize)]
struct WithChain {
    chain: Chain,
}

#[derive(Deserialize)]
struct Chain {
    certificates: Vec<String>,
}

/// Asks for a certificate that ties the signer's key to the token's identity.
///
/// The request is sent once: a second one would make a second certificate. Whether the certificate
/// is sound, and for this key, is verified with the first signature made with it.
pub async fn request_certificate(
    http: &Http,
    url: &Url,
    token: &IdentityToken,
    signer: &(impl Signer + Sync),
) -> Result<CertificateChain, CertificateError> {
    let challenge = Blob::new(token.identity().as_bytes())?;
    let proof = signer.sign_blob(&challenge).await?;
    let request = Request {
        credentials: Credentials {
            oidc_identity_token: token.secret(),
        },
        public_key_request: KeyRequest {
            public_key: KeyText {
                content: signer.public_key().to_pem(),
            },
            proof_of_possession: base64(&proof),
        },
    };
    let body = serde_json::to_vec(&request).expect("because strings always serialise");
    let call = Call::post(
        Service::CertificateAuthority,
        below(url, "/api/v2/signingCert"),
        "application/json",
        body,
    )
    .hide(token.secret());
    let answer = http.send(&call).await?;
    if !matches!(answer.status, 200 | 201) {
        return Err(call.refused(&answer).into());
    }
    let issued: Issued = call.json(&answer)?;
    let with_chain = match (
        issued.signed_certificate_embedded_sct,
        issued.signed_certificate_detached_sct,
    ) {
        (Some(one), None) => one,
        // The log's promise would be lost: bundles have no place for it.
        (None, Some(_)) => {
            return Err(call
                .malformed("the certificate carries no timestamp of its log (SCT)")
                .into());
        }
        _ => return Err(call.malformed("no certificate, or two").into()),
    };
    let pems = with_chain.chain.certificates;
    if pems.is_empty() || pems.len() > CHAIN_LENGTH {
        return Err(call
            .malformed(format_args!("a chain of {} certificates", pems.len()))
            .into());
    }
    let certificates = pems
        .iter()
        .map(|pem| DerCertificate::from_pem(pem.trim()))
        .collect::<Result<_, _>>()
        .map_err(|error| call.malformed(error))?;
    Ok(CertificateChain { certificates })
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The key did not sign the proof that it is held.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The authority did not issue one.
    #[error(transparent)]
    Service(#[from] ServiceError),
}
