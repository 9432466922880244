//! One signature against the statement of a policy: the validations in the specification's order.

use std::collections::BTreeMap;

use jiff::Timestamp;

use bulla_model::notation::{
    EnvelopeForm, NotationAlgorithm, NotationEnvelope, SigningScheme, VerificationPlugin,
};
use bulla_model::{Descriptor, Digest, Limits};

use super::certificate::{Certificate, Purpose};
use super::chain::Chain;
use super::countersignature;
use super::level::{Action, Validation};
use super::policy::PolicyStatement;
use super::revocation::{RevocationLists, Status};
use super::trust_store::{StoreKind, TrustStores};
use super::verdict::{NotationCheck, NotationOutcome, NotationSignature};
use crate::cause::Cause;
use crate::scheme::{Checked, KeyKind, Message, SignatureScheme, rsa_bits};

/// What is asked, with everything the answer may depend on.
#[derive(Clone, Copy, Debug)]
pub struct NotationQuestion<'a> {
    /// Media type, digest and size of the artifact's manifest, from its bytes (F09).
    pub artifact: &'a Descriptor,
    /// The statement of the policy that is for the artifact.
    pub statement: &'a PolicyStatement,
    /// The stores it names.
    pub stores: &'a TrustStores,
    /// What is known about revocation.
    pub lists: &'a RevocationLists,
    /// What the signer must have said about the artifact.
    pub annotations: &'a BTreeMap<String, String>,
    /// The time to judge at.
    pub now: Timestamp,
    /// Bounds.
    pub limits: &'a Limits,
}

/// Why a validation failed.
struct Fault {
    cause: Cause,
    expected: &'static str,
    found: String,
}

/// A failure that is enforced: nothing after it is looked at.
struct Stop;

/// An envelope whose signature verifies, with the chain and the artifact it names.
struct Signed {
    envelope: NotationEnvelope,
    chain: Chain,
    target: Descriptor,
}

impl Fault {
    fn new(cause: Cause, expected: &'static str, found: impl Into<String>) -> Self {
        Self {
            cause,
            expected,
            found: found.into(),
        }
    }

    /// The same of a signature by nobody who is trusted: anybody could have made it fail so, and
    /// what was found about it says nothing better of the artifact.
    fn of_nobody(self) -> Self {
        match self.cause {
            Cause::Invalid | Cause::Untrusted => self,
            _ => Self {
                cause: Cause::Untrusted,
                found: format!("{}, by nobody who is trusted", self.found),
                ..self
            },
        }
    }
}

/// Verifies one signature: an envelope from a manifest that refers to the artifact.
pub fn verify_notation(
    question: &NotationQuestion<'_>,
    manifest: &Digest,
    form: EnvelopeForm,
    envelope: &[u8],
) -> NotationSignature {
    let mut judge = Judge {
        question,
        signature: NotationSignature::unexamined(manifest),
        trusted: false,
    };
    if let Err(Stop) = judge.all(form, envelope)
        && judge.signature.cause.is_none()
    {
        judge.signature.cause = Some(Cause::Invalid);
    }
    judge.signature
}

struct Judge<'a> {
    question: &'a NotationQuestion<'a>,
    signature: NotationSignature,
    /// Whether a trusted identity signed, whatever the policy does if not.
    trusted: bool,
}

impl Judge<'_> {
    fn all(&mut self, form: EnvelopeForm, bytes: &[u8]) -> Result<(), Stop> {
        let Signed {
            envelope,
            chain,
            target,
        } = match self.signed(form, bytes) {
            Ok(signed) => signed,
            Err(fault) => {
                self.note::<()>(Validation::Integrity, Err(fault))?;
                return Err(Stop);
            }
        };
        let attributes = envelope.attributes();
        let scheme = attributes.scheme;
        self.signature.signer = Some(chain.leaf().subject());
        self.signature.signing_time = Some(scheme.time());
        // Who signed is settled before anything else that was signed is believed: what anybody can
        // sign says nothing about the artifact.
        let authenticity = self.authenticity(&chain, scheme);
        self.trusted = authenticity.is_ok();
        let form = envelope.form().name();
        let found = format!("{form} by {}", attributes.algorithm.name());
        let integrity = self.about(attributes.plugin.as_ref(), &target);
        self.note(Validation::Integrity, integrity.map(|()| (found, ())))?;
        self.signature.annotations = target.annotations;
        self.note(Validation::Authenticity, authenticity)?;
        let expiry = self.expiry(&envelope);
        self.note(Validation::Expiry, expiry)?;
        let time = self.authentic_timestamp(&envelope, &chain);
        self.signature.timestamp = self.note(Validation::AuthenticTimestamp, time)?.flatten();
        let revocation = self.revocation(&chain);
        self.note(Validation::Revocation, revocation)?;
        Ok(())
    }

    /// Notes what came of a validation; a failure that is enforced ends the list.
    fn note<T>(
        &mut self,
        name: Validation,
        result: Result<(String, T), Fault>,
    ) -> Result<Option<T>, Stop> {
        let action = self.question.statement.level.action(name);
        let (outcome, expected, found, value) = match result {
            _ if action == Action::Skip => {
                let found = "not looked at: the policy skips it".to_owned();
                (NotationOutcome::Skipped, "nothing", found, None)
            }
            Ok((found, value)) => (NotationOutcome::Ok, expected(name), found, Some(value)),
            Err(fault) => {
                let fault = match action {
                    Action::Enforce if !self.trusted => fault.of_nobody(),
                    _ => fault,
                };
                let outcome = NotationOutcome::Failed(fault.cause);
                (outcome, fault.expected, fault.found, None)
            }
        };
        self.signature.checks.push(NotationCheck {
            name,
            action,
            outcome,
            expected: expected.to_owned(),
            found: found.chars().take(300).collect(),
        });
        match outcome {
            NotationOutcome::Failed(cause) if action == Action::Enforce => {
                self.signature.cause = Some(cause);
                Err(Stop)
            }
            _ => Ok(value),
        }
    }

    /// The envelope is whole, and its signature and chain verify.
    fn signed(&self, form: EnvelopeForm, bytes: &[u8]) -> Result<Signed, Fault> {
        let invalid = |expected, found: &dyn ToString| {
            Fault::new(Cause::Invalid, expected, found.to_string())
        };
        let limits = self.question.limits;
        let envelope = NotationEnvelope::parse(form, bytes, limits)
            .map_err(|error| invalid("a signature envelope", &error))?;
        let certificates = envelope.certificates().iter();
        let certificates = certificates
            .map(|der| Certificate::from_der(der))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| invalid("certificates", &error))?;
        let leaf = certificates.first().map(|leaf| leaf.spki().to_vec());
        let leaf = leaf.unwrap_or_default();
        let scheme = scheme(envelope.attributes().algorithm, &leaf)
            .map_err(|error| invalid("the algorithm of the certificate's key", &error))?;
        let message = Message::of(envelope.signed());
        if scheme.check(&leaf, message, envelope.signature()) != Checked::Good {
            let found = "one that does not verify";
            return Err(invalid("a valid signature", &found));
        }
        let chain = Chain::new(certificates, Purpose::CodeSigning)
            .map_err(|error| invalid("a complete chain of certificates", &error))?;
        let target = envelope
            .target(limits)
            .map_err(|error| invalid("a payload", &error))?;
        Ok(Signed {
            envelope,
            chain,
            target,
        })
    }

    /// It is about the artifact, says what was asked for, and can be understood without a plugin.
    fn about(&self, plugin: Option<&VerificationPlugin>, target: &Descriptor) -> Result<(), Fault> {
        let own = self.question.artifact;
        let same = target.digest == own.digest
            && target.size == own.size
            && target.media_type == own.media_type;
        if !same {
            let found = format!(
                "{} {} of {} bytes",
                target.media_type, target.digest, target.size
            );
            return Err(Fault::new(Cause::OtherSubject, "the artifact", found));
        }
        for (name, value) in self.question.annotations {
            let found = target.annotations.get(name);
            if found != Some(value) {
                let found = found.map_or("nothing", String::as_str);
                let found = format!("`{name}`: {found}");
                return Err(Fault::new(
                    Cause::Denied,
                    "the annotations asked for",
                    found,
                ));
            }
        }
        // What is not understood is not believed, however far below "strict" the level is.
        match plugin {
            None => Ok(()),
            Some(plugin) => Err(Fault::new(
                Cause::Undetermined,
                "a signature that needs no plugin",
                format!("one that only `{}` can verify", plugin.name.escape_debug()),
            )),
        }
    }

    /// A certificate of the chain is in a store that is for such signatures, and the leaf's name is
    /// a trusted one.
    fn authenticity(&self, chain: &Chain, scheme: SigningScheme) -> Result<(String, ()), Fault> {
        let statement = self.question.statement;
        let kind = match scheme {
            SigningScheme::X509 { .. } => StoreKind::Authority,
            SigningScheme::SigningAuthority { .. } => StoreKind::SigningAuthority,
        };
        let untrusted = |found: String| Fault::new(Cause::Untrusted, TRUSTED, found);
        let stores = statement.stores_of(kind);
        let trusted = self.question.stores.certificates(stores);
        let anchor = chain
            .certificates()
            .iter()
            .find(|one| trusted.contains(one));
        if anchor.is_none() {
            let kind = kind.name();
            let subject = chain.leaf().subject();
            return Err(untrusted(format!(
                "{subject}, whose chain is in no trust store of type {kind} that the policy names"
            )));
        }
        let Some(identities) = &statement.identities else {
            return Ok((format!("{}, as anybody is", chain.leaf().subject()), ()));
        };
        let name = chain
            .leaf()
            .name()
            .map_err(|error| untrusted(format!("{}: {error}", chain.leaf().subject())))?;
        match identities.iter().find(|trusted| trusted.is_part_of(&name)) {
            Some(trusted) => Ok((format!("{name}, as {trusted}"), ())),
            None => Err(untrusted(name.to_string())),
        }
    }

    fn expiry(&self, envelope: &NotationEnvelope) -> Result<(String, ()), Fault> {
        match envelope.attributes().expiry {
            None => Ok(("no end".to_owned(), ())),
            Some(expiry) if self.question.now < expiry => Ok((expiry.to_string(), ())),
            Some(expiry) => Err(Fault::new(
                Cause::Expired,
                expected(Validation::Expiry),
                format!("an end at {expiry}"),
            )),
        }
    }

    /// The certificates were valid when it was signed: by the word of a signing authority, of a
    /// timestamp authority, or because they still are. The latest time of the timestamp.
    fn authentic_timestamp(
        &self,
        envelope: &NotationEnvelope,
        chain: &Chain,
    ) -> Result<(String, Option<Timestamp>), Fault> {
        let now = self.question.now;
        let statement = self.question.statement;
        let outside = |what: &str, time: Timestamp| {
            let (start, end) = chain.window();
            let found = format!("{what} {time} for certificates valid from {start} to {end}");
            Fault::new(
                Cause::Expired,
                expected(Validation::AuthenticTimestamp),
                found,
            )
        };
        if let SigningScheme::SigningAuthority {
            authentic_signing_time: time,
        } = envelope.attributes().scheme
        {
            // A time to come is nobody's word (F37).
            return if chain.is_valid(time, time) && time <= now {
                Ok((format!("signing authority's time {time}"), None))
            } else {
                Err(outside("signing authority's time", time))
            };
        }
        let mut stores = statement.stores_of(StoreKind::Timestamping).peekable();
        let ended = chain.certificates().iter().any(|one| one.window().1 < now);
        if stores.peek().is_none() || (statement.timestamp_after_expiry_only && !ended) {
            return if chain.is_valid(now, now) {
                Ok((format!("certificates valid at {now}"), None))
            } else {
                Err(outside("no timestamp, and it is", now))
            };
        }
        let token = envelope
            .timestamp()
            // Nobody signed that there is one: whoever copies the signature can leave it out, so that
            // is no better a reason than a broken one.
            .ok_or_else(|| Fault::new(Cause::Invalid, "a timestamp", "none"))?;
        let roots = self.question.stores.certificates(stores);
        let stamp = countersignature::verify(token, envelope.signature(), &roots)
            .map_err(|error| Fault::new(Cause::Invalid, "a valid timestamp", error))?;
        let (earliest, latest) = stamp.range;
        if !chain.is_valid(earliest, latest) || earliest > now {
            return Err(outside("timestamp", latest));
        }
        // F57: an authority that may be revoked proves nothing.
        known(
            self.question.lists.status(&stamp.chain, now),
            "timestamp authority",
        )?;
        let authority = stamp.chain.leaf().subject();
        Ok((format!("timestamp {latest} by {authority}"), Some(latest)))
    }

    fn revocation(&self, chain: &Chain) -> Result<(String, ()), Fault> {
        let status = self.question.lists.status(chain, self.question.now);
        Ok((known(status, "signer")?, ()))
    }
}

/// What is known of a chain's revocation, if it is known and good.
fn known(status: Status, whose: &str) -> Result<String, Fault> {
    const EXPECTED: &str = "certificates that were not revoked";
    match status {
        Status::Good(reason) => Ok(reason),
        Status::Revoked => Err(Fault::new(
            Cause::Expired,
            EXPECTED,
            format!("a revoked certificate of the {whose}"),
        )),
        Status::Unknown(reason) => Err(Fault::new(
            Cause::Undetermined,
            EXPECTED,
            format!("{whose}: {reason}"),
        )),
    }
}

/// The scheme of a key, if the envelope names the same algorithm: the key decides.
fn scheme(named: NotationAlgorithm, spki: &[u8]) -> Result<SignatureScheme, String> {
    use NotationAlgorithm::{Es256, Es384, Es512, Ps256, Ps384, Ps512};
    let (own, scheme) = match (KeyKind::of_spki(spki)?, rsa_bits(spki)) {
        (KeyKind::Rsa, Some(2048)) => (Ps256, "rsa-pss-sha256-salt32"),
        (KeyKind::Rsa, Some(3072)) => (Ps384, "rsa-pss-sha384-salt48"),
        (KeyKind::Rsa, Some(4096)) => (Ps512, "rsa-pss-sha512-salt64"),
        (KeyKind::EcdsaP256, _) => (Es256, "ecdsa-p256-sha256-p1363"),
        (KeyKind::EcdsaP384, _) => (Es384, "ecdsa-p384-sha384-p1363"),
        (KeyKind::EcdsaP521, _) => (Es512, "ecdsa-p521-sha512-p1363"),
        (kind, bits) => {
            let bits = bits.map_or_else(String::new, |bits| format!(" with {bits} bits"));
            return Err(format!("a key of kind {kind:?}{bits}, which signs nothing"));
        }
    };
    if own != named {
        return Err(format!(
            "{} for a key that signs by {}",
            named.name(),
            own.name()
        ));
    }
    SignatureScheme::named(scheme).ok_or_else(|| scheme.to_owned())
}

fn expected(name: Validation) -> &'static str {
    match name {
        Validation::Integrity => "a valid signature of the artifact",
        Validation::Authenticity => TRUSTED,
        Validation::AuthenticTimestamp => "a signature made while its certificates were valid",
        Validation::Expiry => "an artifact within its time",
        Validation::Revocation => "certificates that were not revoked",
    }
}

const TRUSTED: &str = "a trusted identity";
