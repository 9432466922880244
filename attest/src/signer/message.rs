//! What is signed: an envelope's encoding, or an artifact, at hand or hashed while it was read.

use std::fmt;

use bulla_model::{Algorithm, Digest, Pae};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::SignError;
use crate::key::{Hash, Schemes, SignatureScheme};

/// How every encoding of an envelope begins, DSSE v1.0.2.
const ENCODING: &[u8] = b"DSSEv1 ";

/// An artifact to be signed as it is: anything but an envelope's encoding.
#[derive(Clone, Copy, Debug)]
pub struct Blob<'a>(Source<'a>);

#[derive(Clone, Copy)]
enum Source<'a> {
    Bytes(&'a [u8]),
    Hashed(&'a HashedBlob),
}

impl fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Hashed(_) => f.write_str("hashed"),
        }
    }
}

impl<'a> Blob<'a> {
    /// Refuses bytes that begin like an envelope's encoding: a signature over them would be a
    /// signature over a statement nobody meant to sign.
    pub fn new(bytes: &'a [u8]) -> Result<Self, SignError> {
        if bytes.starts_with(ENCODING) {
            return Err(SignError::Encoding);
        }
        Ok(Self(Source::Bytes(bytes)))
    }

    /// An artifact too large to be held, hashed by a [`BlobHasher`].
    pub fn hashed(blob: &'a HashedBlob) -> Self {
        Self(Source::Hashed(blob))
    }

    /// The SHA-256 digest.
    pub fn digest(&self) -> Digest {
        match self.0 {
            Source::Bytes(bytes) => Digest::sha256(bytes),
            Source::Hashed(blob) => blob.digest(),
        }
    }
}

/// An artifact's hashes: its SHA-256 and the one its signature scheme signs.
#[derive(Clone)]
pub struct HashedBlob {
    sha256: [u8; 32],
    state: State,
}

impl HashedBlob {
    /// The SHA-256 digest.
    pub fn digest(&self) -> Digest {
        Digest::new(Algorithm::Sha256, &hex::encode(self.sha256))
            .expect("because 32 bytes are a SHA-256 digest")
    }
}

impl fmt::Debug for HashedBlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HashedBlob({})", self.digest())
    }
}

/// Hashes an artifact while it is read, so that it is never held as a whole.
#[derive(Clone)]
pub struct BlobHasher {
    /// The first bytes, until it is known whether they are an encoding's.
    head: Vec<u8>,
    sha256: Sha256,
    state: State,
}

impl fmt::Debug for BlobHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlobHasher")
    }
}

#[derive(Clone)]
enum State {
    Sha256,
    Sha384(Sha384),
    Sha512(Sha512),
}

impl BlobHasher {
    /// For a scheme that signs hashes; `None` for the others, which need the bytes.
    pub fn new(scheme: SignatureScheme) -> Option<Self> {
        Some(Self {
            head: Vec::with_capacity(ENCODING.len()),
            sha256: Sha256::new(),
            state: match scheme.hash()? {
                Hash::Sha256 => State::Sha256,
                Hash::Sha384 => State::Sha384(Sha384::new()),
                Hash::Sha512 => State::Sha512(Sha512::new()),
            },
        })
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        let missing = ENCODING.len() - self.head.len();
        self.head.extend(bytes.iter().take(missing));
        self.sha256.update(bytes);
        match &mut self.state {
            State::Sha256 => {}
            State::Sha384(hasher) => hasher.update(bytes),
            State::Sha512(hasher) => hasher.update(bytes),
        }
    }

    /// Ends; refuses what [`Blob::new`] refuses.
    pub fn finish(self) -> Result<HashedBlob, SignError> {
        if self.head == ENCODING {
            return Err(SignError::Encoding);
        }
        Ok(HashedBlob {
            sha256: self.sha256.finalize().into(),
            state: self.state,
        })
    }
}

/// A message for a signer. It can only be made of a [`Pae`] or a [`Blob`], so that nobody signs
/// bare payloads.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    source: Source<'a>,
    is_envelope: bool,
}

impl<'a> From<&'a Pae> for Message<'a> {
    fn from(pae: &'a Pae) -> Self {
        Self {
            source: Source::Bytes(pae.as_bytes()),
            is_envelope: true,
        }
    }
}

impl<'a> From<&Blob<'a>> for Message<'a> {
    fn from(blob: &Blob<'a>) -> Self {
        Self {
            source: blob.0,
            is_envelope: false,
        }
    }
}

impl<'a> Message<'a> {
    /// Which of a key's schemes is for this message.
    pub(crate) fn scheme(&self, schemes: Schemes) -> SignatureScheme {
        if self.is_envelope {
            schemes.envelope
        } else {
            schemes.blob
        }
    }

    /// The whole message.
    pub(crate) fn bytes(&self) -> Result<&'a [u8], SignError> {
        match self.source {
            Source::Bytes(bytes) => Ok(bytes),
            Source::Hashed(_) => Err(SignError::BytesNeeded),
        }
    }

    /// Its digest.
    pub(crate) fn digest(&self, hash: Hash) -> Result<Vec<u8>, SignError> {
        match (self.source, hash) {
            (Source::Bytes(bytes), Hash::Sha256) => Ok(Sha256::digest(bytes).to_vec()),
            (Source::Bytes(bytes), Hash::Sha384) => Ok(Sha384::digest(bytes).to_vec()),
            (Source::Bytes(bytes), Hash::Sha512) => Ok(Sha512::digest(bytes).to_vec()),
            (Source::Hashed(blob), Hash::Sha256) => Ok(blob.sha256.to_vec()),
            (Source::Hashed(blob), hash) => match (&blob.state, hash) {
                (State::Sha384(state), Hash::Sha384) => Ok(state.clone().finalize().to_vec()),
                (State::Sha512(state), Hash::Sha512) => Ok(state.clone().finalize().to_vec()),
                _ => Err(SignError::BytesNeeded),
            },
        }
    }

    /// Its SHA-512, not yet ended, as Ed25519ph takes it.
    pub(crate) fn sha512(&self) -> Result<Sha512, SignError> {
        match self.source {
            Source::Bytes(bytes) => Ok(Sha512::new_with_prefix(bytes)),
            Source::Hashed(HashedBlob {
                state: State::Sha512(state),
                ..
            }) => Ok(state.clone()),
            Source::Hashed(_) => Err(SignError::BytesNeeded),
        }
    }
}
