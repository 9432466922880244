//! Secrets of Kubernetes, by its REST API v1,
//! <https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/secret-v1/>.
//!
//! A Secret made by `cosign generate-key-pair k8s://NAMESPACE/NAME` has the entries `cosign.key`,
//! `cosign.pub` and `cosign.password`.

use std::collections::BTreeMap;
use std::fmt;

use reqwest::Method;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{
    Endpoint, FromBase64, KeyServiceError, Surroundings, TlsMaterial, first, read, secret_file,
};
use crate::key::KubernetesSecret;

const SERVICE: &str = "Kubernetes";
/// Where a pod finds who it is.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// How a cluster is reached, and as whom.
#[derive(Clone, Default)]
pub struct KubernetesAccess {
    /// Address of the API server.
    pub server: String,
    /// Certificates of the cluster's authority, PEM; without them the system's count.
    pub authorities: Option<Vec<u8>>,
    /// A bearer token.
    pub token: Option<Zeroizing<String>>,
    /// A client certificate with its key, PEM.
    pub identity: Option<Zeroizing<Vec<u8>>>,
}

/// Only the server.
impl fmt::Debug for KubernetesAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KubernetesAccess")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

/// What a Secret holds of a key pair.
pub struct SecretPair {
    /// `cosign.key`, PEM.
    pub private: Option<Zeroizing<Vec<u8>>>,
    /// `cosign.pub`, PEM.
    pub public: Option<Vec<u8>>,
    /// `cosign.password`.
    pub password: Option<Zeroizing<Vec<u8>>>,
}

/// Nothing of it.
impl fmt::Debug for SecretPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretPair")
    }
}

impl KubernetesAccess {
    /// As the service account of the pod this runs in; `None` outside of pods.
    pub fn in_cluster(surroundings: &dyn Surroundings) -> Result<Option<Self>, KeyServiceError> {
        let (Some(host), Some(port)) = (
            first(surroundings, &["KUBERNETES_SERVICE_HOST"]),
            first(surroundings, &["KUBERNETES_SERVICE_PORT"]),
        ) else {
            return Ok(None);
        };
        let file = |name: &str| format!("{ACCOUNT}/{name}");
        let Some(token) = secret_file(surroundings, SERVICE, file("token").as_ref())? else {
            return Ok(None);
        };
        let host = if host.contains(':') {
            format!("[{host}]")
        } else {
            host
        };
        let authorities = surroundings.file(file("ca.crt").as_ref())?;
        Ok(Some(Self {
            server: format!("https://{host}:{port}"),
            authorities: authorities.map(|bytes| bytes.to_vec()),
            token: Some(token),
            identity: None,
        }))
    }

    /// Reads a Secret.
    pub async fn secret(
        &self,
        secret: &KubernetesSecret,
        surroundings: &dyn Surroundings,
    ) -> Result<SecretPair, KeyServiceError> {
        let tls = TlsMaterial {
            authorities: self.authorities.as_deref(),
            exclusive: self.authorities.is_some(),
            identity: self.identity.as_deref().map(Vec::as_slice),
        };
        let endpoint = Endpoint::new(SERVICE, &self.server, surroundings, &tls)?;
        let path = [
            "api",
            "v1",
            "namespaces",
            &secret.namespace,
            "secrets",
            &secret.name,
        ];
        let mut ask = endpoint
            .ask(Method::GET, "the Secret", path)
            .header("accept", "application/json");
        if let Some(token) = &self.token {
            ask = ask.secret("authorization", "Bearer ", token);
        }
        let answer = endpoint.send(&ask).await?;
        let found: Secret = read(SERVICE, "the Secret", &answer.body)?;
        let mut data = found.data;
        let mut take = |name: &str| data.remove(name).map(|entry| entry.0);
        Ok(SecretPair {
            private: take("cosign.key").map(Zeroizing::new),
            public: take("cosign.pub"),
            password: take("cosign.password").map(Zeroizing::new),
        })
    }
}

#[derive(Deserialize)]
struct Secret {
    #[serde(default)]
    data: BTreeMap<String, FromBase64>,
}
