//! Sealers: from what was typed to something that signs statements and can tell who it signs as.

use bulla_attest::http::service_url;
use bulla_attest::sigstore::{CertificateChain, Recorder, request_certificate};
use bulla_attest::{
    AnySigner, Backing, Http, KeyAlgorithm, MemorySigner, PrivateKey, Service, Signer as _,
};
use bulla_model::Identity;
use jiff::Timestamp;

use super::instance::{self, Instance};
use super::{consent, identity_token, key};
use crate::Failure;
use crate::args::signing::SigningArguments;
use crate::commands::Context;
use crate::settings::row;

/// A signer with everything that belongs to its signatures.
#[derive(Debug)]
pub struct Sealer {
    signer: AnySigner,
    backing: Backing,
    identity: Identity,
    roots: Vec<Vec<u8>>,
}

/// What is signed, as far as it decides where the signature is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Claims about artifacts.
    Claim,
    /// A person's decision, which goes to no public log unless that is asked for.
    Decision,
}

impl Sealer {
    /// Opens what the arguments and settings name: a key, or without one a certificate for an
    /// identity. `roots` are trusted roots from the command line.
    pub async fn open(
        context: &Context,
        arguments: &SigningArguments,
        roots: &[String],
        purpose: Purpose,
    ) -> Result<Self, Failure> {
        let identity = &arguments.identity;
        let key = arguments.key.key.as_deref();
        let keyless = key.is_none()
            && (identity_token::is_given(context, identity)?
                || context.settings.text(&row::KEY, None)?.is_none());
        let certified = keyless || identity.issue_certificate;
        let signer = if keyless {
            MemorySigner::new(PrivateKey::generate(KeyAlgorithm::EcdsaP256)?).into()
        } else {
            key::signer(context, &arguments.key).await?
        };
        if !certified && !instance::is_named(context, &arguments.recording)? {
            return Ok(signer.into());
        }
        if certified {
            identity_token::require(context, identity)?;
        }
        let now = Timestamp::now();
        let mut instance = Instance::load(context, arguments, roots, now).await?;
        let by_default = purpose == Purpose::Claim;
        if !arguments.recording.wants_log().unwrap_or(by_default) {
            instance.services.logs.clear();
        }
        check(&instance, certified)?;
        let http = instance::http(context, &arguments.recording)?;
        let (certificate, identity) = if certified {
            let (chain, identity) = certify(context, arguments, &instance, &http, &signer).await?;
            (Some(chain), identity)
        } else {
            let identity = key_identity(&signer);
            let holder = identity.to_string();
            consent::to_publish(context, &holder, None, &instance.services, arguments.yes)?;
            (None, identity)
        };
        Ok(Self {
            signer,
            backing: Backing {
                certificate,
                recorder: (!instance.services.is_empty())
                    .then(|| Recorder::new(http, instance.services)),
            },
            identity,
            roots: instance.roots,
        })
    }

    /// Whom its signatures will be verified as.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What makes the signatures.
    pub fn signer(&self) -> &AnySigner {
        &self.signer
    }

    /// The certificate, and where signatures are recorded.
    pub fn backing(&self) -> &Backing {
        &self.backing
    }

    /// The trusted roots that certificates and records are checked with.
    pub fn roots(&self) -> &[Vec<u8>] {
        &self.roots
    }

    /// Whether its signatures come with a certificate or with records.
    pub fn is_backed(&self) -> bool {
        self.backing.certificate.is_some() || self.backing.recorder.is_some()
    }
}

impl From<AnySigner> for Sealer {
    fn from(signer: AnySigner) -> Self {
        Self {
            identity: key_identity(&signer),
            signer,
            backing: Backing::default(),
            roots: Vec::new(),
        }
    }
}

fn key_identity(signer: &AnySigner) -> Identity {
    Identity::Key {
        key_id: signer.public_key().key_id(),
    }
}

/// What could be known before anything is signed is said before.
fn check(instance: &Instance, certified: bool) -> Result<(), Failure> {
    if instance.services.is_empty() && !certified {
        return Err(Failure::usage("nothing is left to record with")
            .with_hint("name a service: --rekor-url URL, --timestamp-server-url URL")
            .with_hint("or leave the flags for recording away"));
    }
    if certified && !instance.services.prove_time() {
        return Err(Failure::usage(
            "nothing would prove when the signature was made, and its certificate ends in minutes",
        )
        .with_hint("name a timestamp authority: --timestamp-server-url URL"));
    }
    if instance.roots.is_empty() {
        return Err(
            Failure::usage("no trusted root to check the new signature with")
                .with_hint("pass the instance's: --trusted-root FILE, or --trust-config FILE"),
        );
    }
    Ok(())
}

/// Gets a certificate. Its authority logs it in public, so the person is asked first.
async fn certify(
    context: &Context,
    arguments: &SigningArguments,
    instance: &Instance,
    http: &Http,
    signer: &AnySigner,
) -> Result<(CertificateChain, Identity), Failure> {
    let authority = instance.authority.as_deref().ok_or_else(|| {
        Failure::usage("no certificate authority").with_hint("pass --fulcio-url URL")
    })?;
    let authority = service_url(Service::CertificateAuthority, authority)?;
    let token =
        identity_token::identity_token(context, &arguments.identity, instance, http).await?;
    let holder = format!("{} ({})", token.identity(), token.issuer());
    consent::to_publish(
        context,
        &holder,
        Some(&authority),
        &instance.services,
        arguments.yes,
    )?;
    let chain = request_certificate(http, &authority, &token, signer).await?;
    // Said to whoever asks before the first signature; every signature is checked against it.
    let identity = bulla_verify::claimed_identity(chain.leaf()).ok_or_else(|| {
        Failure::new(
            crate::failure::FailureKind::InvalidSignature,
            "the certificate that was issued names nobody",
        )
    })?;
    Ok((chain, Identity::Certificate(Box::new(identity))))
}
