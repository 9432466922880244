//! Sealers: from what was typed to something that signs statements and can tell who it signs as.

use bulla_attest::http::service_url;
use bulla_attest::sigstore::{CertificateChain, Recorder, request_certificate};
use bulla_attest::{
    AnySigner, Backing, Http, KeyAlgorithm, MemorySigner, PrivateKey, Service, Signer as _,
};
use bulla_model::Identity;
use bulla_verify::{ClaimedCertificate, Trust, claimed_certificate};
use jiff::{SignedDuration, Timestamp};

use super::instance::{self, Instance};
use super::{consent, identity_token, key};
use crate::Failure;
use crate::args::signing::SigningArguments;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::settings::row;

/// A signer with everything that belongs to its signatures.
#[derive(Debug)]
pub struct Sealer {
    signer: AnySigner,
    backing: Backing,
    identity: Identity,
    roots: Vec<Vec<u8>>,
    /// When its certificate ends.
    ends: Option<Timestamp>,
}

/// What is signed, as far as it decides where the signature is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Claims about artifacts.
    Claim,
    /// A person's decision, which goes to no public log unless that is asked for.
    Decision,
}

/// A signer that is there, without what ends after minutes: the certificate.
#[derive(Debug)]
pub struct Prepared {
    signer: AnySigner,
    /// Whether it needs a certificate.
    certified: bool,
    /// What records its signatures and certifies its key, if anything does.
    services: Option<(Instance, Http)>,
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
        let prepared = Self::prepare(context, arguments, roots, purpose).await?;
        prepared.finish(context, arguments).await
    }

    /// Does of [`open`](Self::open) what can be done long before something is signed.
    pub async fn prepare(
        context: &Context,
        arguments: &SigningArguments,
        roots: &[String],
        purpose: Purpose,
    ) -> Result<Prepared, Failure> {
        let identity = &arguments.identity;
        let keyless = Self::is_keyless(context, arguments)?;
        let certified = Self::is_certified(context, arguments)?;
        let signer = if keyless {
            MemorySigner::new(PrivateKey::generate(KeyAlgorithm::EcdsaP256)?).into()
        } else {
            key::signer(context, &arguments.key).await?
        };
        if !certified && !instance::is_named(context, &arguments.recording)? {
            return Ok(Prepared {
                signer,
                certified,
                services: None,
            });
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
        Ok(Prepared {
            signer,
            certified,
            services: Some((instance, http)),
        })
    }

    /// Whether a key is made for the occasion: none was typed, and an identity was, or no setting
    /// names a key.
    fn is_keyless(context: &Context, arguments: &SigningArguments) -> Result<bool, Failure> {
        Ok(arguments.key.key.is_none()
            && (identity_token::is_given(context, &arguments.identity)?
                || context.settings.text(&row::KEY, None)?.is_none()))
    }

    /// Whether its signatures will come with a certificate.
    pub fn is_certified(context: &Context, arguments: &SigningArguments) -> Result<bool, Failure> {
        Ok(arguments.identity.issue_certificate || Self::is_keyless(context, arguments)?)
    }

    /// Refuses to sign when the certificate has ended: the record, which stays, would be of a
    /// signature that nobody accepts.
    pub fn check_time(&self, now: Timestamp) -> Result<(), Failure> {
        match self.ends {
            Some(ends) if ends <= now.saturating_add(RECORDING).unwrap_or(now) => {
                Err(Failure::new(
                    FailureKind::Unavailable,
                    format_args!(
                        "the certificate ended at {ends}, before this was signed: nothing more was signed or recorded"
                    ),
                )
                .with_hint("run it again: a new certificate is issued"))
            }
            _ => Ok(()),
        }
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

impl Prepared {
    /// Whether a certificate is still to come, which is best done when signing starts.
    pub fn is_certified(&self) -> bool {
        self.certified
    }

    /// Whom its signatures will be verified as; of a certificate that is known when it is there.
    pub fn identity(&self) -> Option<Identity> {
        (!self.certified).then(|| key_identity(&self.signer))
    }

    /// Asks for consent where something becomes public, and for the certificate.
    pub async fn finish(
        self,
        context: &Context,
        arguments: &SigningArguments,
    ) -> Result<Sealer, Failure> {
        let signer = self.signer;
        let Some((instance, http)) = self.services else {
            return Ok(signer.into());
        };
        let (certificate, identity, ends) = if self.certified {
            let (chain, claimed) = certify(context, arguments, &instance, &http, &signer).await?;
            let identity = Identity::Certificate(Box::new(claimed.identity));
            (Some(chain), identity, Some(claimed.not_after))
        } else {
            let identity = key_identity(&signer);
            let holder = identity.to_string();
            consent::to_publish(context, &holder, None, &instance.services, arguments.yes)?;
            (None, identity, None)
        };
        Ok(Sealer {
            signer,
            backing: Backing {
                certificate,
                recorder: (!instance.services.is_empty())
                    .then(|| Recorder::new(http, instance.services)),
            },
            identity,
            roots: instance.roots,
            ends,
        })
    }
}

impl From<AnySigner> for Sealer {
    fn from(signer: AnySigner) -> Self {
        Self {
            identity: key_identity(&signer),
            signer,
            backing: Backing::default(),
            roots: Vec::new(),
            ends: None,
        }
    }
}

/// Time a signature may take from when it is begun until it is recorded, in which its certificate
/// must not end.
const RECORDING: SignedDuration = SignedDuration::from_secs(10);

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

/// Gets a certificate. Its authority logs it in public, so the person is asked first; nothing is
/// signed with one for another key or somebody else, because what is recorded stays.
async fn certify(
    context: &Context,
    arguments: &SigningArguments,
    instance: &Instance,
    http: &Http,
    signer: &AnySigner,
) -> Result<(CertificateChain, ClaimedCertificate), Failure> {
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
    let host = authority.host_str().unwrap_or_default();
    let unusable = |what: std::fmt::Arguments<'_>| {
        Failure::new(
            FailureKind::InvalidSignature,
            format_args!(
                "the certificate that {host} issued {what}, so nothing was signed with it"
            ),
        )
    };
    // Every signature is checked against it, whole; this is what can be known before the first.
    let claimed =
        claimed_certificate(chain.leaf()).ok_or_else(|| unusable(format_args!("names nobody")))?;
    if claimed.spki != signer.public_key().spki() {
        return Err(unusable(format_args!("is for another key")));
    }
    let subject = &claimed.identity.subject;
    if !token.may_become(subject) {
        return Err(unusable(format_args!(
            "is for `{}`, not for {holder}",
            subject.escape_debug()
        )));
    }
    Trust::new(None, &instance.roots, Timestamp::now(), &context.limits)
        .map_err(|error| error.to_string())
        .and_then(|trust| {
            let vouched = trust.vouches_for(chain.leaf(), claimed.not_before);
            vouched.map_err(|refusal| refusal.to_string())
        })
        .map_err(|error| {
            unusable(format_args!("cannot be verified ({error})"))
                .with_hint("is the trusted root that of these services? pass --trusted-root FILE")
        })?;
    if subject != token.identity() {
        context.printer.say(format!(
            "  signing as {subject} ({})",
            claimed.identity.issuer
        ));
    }
    Ok((chain, claimed))
}
