//! Signers: what holds a key and makes signatures with it.
//!
//! A signer is only ever given a [`Message`], which is made of a [`Pae`] or a [`Blob`], so nobody
//! signs bare payloads, and a blob can never be mistaken for an envelope's encoding.

mod aws;
mod azure;
mod gcp;
mod memory;
mod message;
mod pkcs11;
mod plugin;
mod vault;

use std::future::Future;

use bulla_model::Pae;

use crate::key::{KeyAlgorithm, KeyError, KeyLocation, PublicKey, Schemes, SignatureScheme};
use crate::service::{KeyServiceError, Surroundings};

pub use aws::AwsSigner;
pub use azure::AzureSigner;
pub use gcp::GcpSigner;
pub use memory::MemorySigner;
pub use message::{Blob, BlobHasher, HashedBlob, Message};
pub use pkcs11::Pkcs11Signer;
pub use plugin::PluginSigner;
pub use vault::VaultSigner;

/// Something that signs.
pub trait Signer {
    /// The public key signatures are checked with.
    fn public_key(&self) -> &PublicKey;

    /// The schemes it signs with.
    fn schemes(&self) -> Schemes;

    /// Signs a message in the scheme for it.
    fn sign_message(
        &self,
        message: Message<'_>,
    ) -> impl Future<Output = Result<Vec<u8>, SignError>> + Send;

    /// Signs an envelope's encoding.
    fn sign(&self, pae: &Pae) -> impl Future<Output = Result<Vec<u8>, SignError>> + Send {
        self.sign_message(Message::from(pae))
    }

    /// Signs an artifact.
    fn sign_blob(
        &self,
        blob: &Blob<'_>,
    ) -> impl Future<Output = Result<Vec<u8>, SignError>> + Send {
        self.sign_message(Message::from(blob))
    }
}

macro_rules! signers {
    ($($(#[$about:meta])* $variant:ident($signer:ty),)*) => {
        /// Every signer there is, so that callers need no type parameter. No signature leaves it
        /// that its public key does not verify.
        #[derive(Debug)]
        #[non_exhaustive]
        pub enum AnySigner {
            $($(#[$about])* $variant($signer),)*
        }

        impl AnySigner {
            async fn sign_unchecked(&self, message: Message<'_>) -> Result<Vec<u8>, SignError> {
                match self {
                    $(Self::$variant(signer) => signer.sign_message(message).await,)*
                }
            }
        }

        impl Signer for AnySigner {
            fn public_key(&self) -> &PublicKey {
                match self {
                    $(Self::$variant(signer) => signer.public_key(),)*
                }
            }

            fn schemes(&self) -> Schemes {
                match self {
                    $(Self::$variant(signer) => signer.schemes(),)*
                }
            }

            async fn sign_message(&self, message: Message<'_>) -> Result<Vec<u8>, SignError> {
                let signature = self.sign_unchecked(message).await?;
                let scheme = message.scheme(self.schemes());
                if self.public_key().made(scheme, &message, &signature)? {
                    Ok(signature)
                } else {
                    Err(SignError::Wrong)
                }
            }
        }

        $(impl From<$signer> for AnySigner {
            fn from(signer: $signer) -> Self {
                Self::$variant(signer)
            }
        })*
    };
}

signers! {
    /// A key of AWS KMS.
    Aws(AwsSigner),
    /// A key of Azure Key Vault.
    Azure(AzureSigner),
    /// A key of Google Cloud KMS.
    Gcp(GcpSigner),
    /// A key in memory.
    Memory(MemorySigner),
    /// A key on a PKCS#11 token.
    Pkcs11(Pkcs11Signer),
    /// A key that a program has.
    Plugin(PluginSigner),
    /// A key of Vault or OpenBao.
    Vault(VaultSigner),
}

impl AnySigner {
    /// Opens a key that never leaves its place: finds it, fetches its public key, and settles what
    /// it signs with. `None` for locations that hold the private key itself, which the caller reads.
    pub async fn open(
        location: &KeyLocation,
        scheme: Option<SignatureScheme>,
        surroundings: &dyn Surroundings,
    ) -> Result<Option<Self>, KeyServiceError> {
        Ok(Some(match location {
            KeyLocation::Aws(key) => AwsSigner::open(key, scheme, surroundings).await?.into(),
            KeyLocation::Azure(key) => AzureSigner::open(key, scheme, surroundings).await?.into(),
            KeyLocation::Gcp(key) => GcpSigner::open(key, scheme, surroundings).await?.into(),
            KeyLocation::Pkcs11(key) => Pkcs11Signer::open(key, scheme, surroundings).await?.into(),
            KeyLocation::Plugin(key) => PluginSigner::open(key, scheme, surroundings).await?.into(),
            KeyLocation::Vault(key) => VaultSigner::open(key, scheme, surroundings).await?.into(),
            KeyLocation::Environment { .. } | KeyLocation::File(_) | KeyLocation::Kubernetes(_) => {
                return Ok(None);
            }
        }))
    }
}

/// The schemes a service's key signs with: the one asked for, else the service's habit, else the
/// key's.
fn service_schemes(
    service: &'static str,
    key: &PublicKey,
    wanted: Option<SignatureScheme>,
    habit: impl Fn(KeyAlgorithm) -> Option<SignatureScheme>,
) -> Result<Schemes, KeyServiceError> {
    let algorithm = key.algorithm();
    match wanted.or_else(|| habit(algorithm)) {
        None => Ok(algorithm.schemes()),
        Some(scheme) => Schemes::only(scheme, algorithm).ok_or(KeyServiceError::Key {
            service,
            error: KeyError::Mismatch { algorithm, scheme },
        }),
    }
}

/// A word a service said, fit for a message.
fn word(text: &str) -> String {
    crate::service::shown(&text.chars().take(60).collect::<String>())
}

/// `Debug` of a signer: its kind and its key's id, so that no credential is ever shown.
macro_rules! shown_as_its_key {
    ($signer:ident) => {
        impl std::fmt::Debug for $signer {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let key = self.public.key_id();
                write!(f, concat!(stringify!($signer), "({})"), key)
            }
        }
    };
}
use shown_as_its_key;

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The bytes begin like an envelope's encoding.
    #[error("refused to sign bytes that begin with `DSSEv1 `: they could pass for an attestation")]
    Encoding,
    /// The payload is no statement a verifier would read.
    #[error("refused to sign the payload: {0}")]
    Statement(#[from] bulla_model::StatementError),
    /// The key made no signature.
    #[error("the key made no signature")]
    Key,
    /// The scheme signs messages, and only the artifact's hash is at hand.
    #[error("the key's scheme signs the bytes themselves, and only their hash is at hand")]
    BytesNeeded,
    /// The signature that came back is not the key's, or not over the message.
    #[error("the signature that was made does not match the public key")]
    Wrong,
    /// The key's service made no signature.
    #[error(transparent)]
    Service(#[from] KeyServiceError),
    /// The bundle would be too large for its readers.
    #[error("the signed bundle has {found} bytes, the limit is {limit}")]
    Size {
        /// The limit in bytes.
        limit: u64,
        /// The length in bytes.
        found: u64,
    },
    /// The bundle cannot be read back.
    #[error("the signed bundle cannot be read back: {0}")]
    Bundle(#[from] bulla_model::BundleError),
}
