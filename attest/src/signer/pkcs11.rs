//! Keys on PKCS#11 tokens: smart cards, hardware modules, SoftHSM.
//!
//! PKCS#11 v2.40 and v3.0, <https://docs.oasis-open.org/pkcs11/pkcs11-base/v3.0/>. Messages are
//! hashed here and their digests signed, because few tokens hash as well, and because files are
//! larger than a bus is fast.
//!
//! A module is a library inside this process: no call of it can be given up, so there is no time
//! limit, unlike with services and programs.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsPssParams};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use ed25519_dalek::pkcs8::ObjectIdentifier;
use ed25519_dalek::pkcs8::spki::der::asn1::AnyRef;
use ed25519_dalek::pkcs8::spki::der::{Decode as _, Tag, Tagged as _};
use zeroize::Zeroizing;

use super::{Message, SignError, Signer};
use crate::key::{Hash, KeyAlgorithm, Pkcs11Key, PublicKey, Schemes, SignatureScheme};
use crate::service::{
    KeyServiceError, Surroundings, ecdsa_der, ecdsa_spki, ed25519_spki, first, rsa_spki,
    secret_file, shown,
};

const SERVICE: &str = "PKCS#11";
const PIN_VARIABLES: [&str; 2] = ["BULLA_PIN", "COSIGN_PKCS11_PIN"];
const MODULE_VARIABLES: [&str; 2] = ["BULLA_PKCS11_MODULE", "COSIGN_PKCS11_MODULE_PATH"];

/// Signs with a key on a token.
pub struct Pkcs11Signer {
    token: Arc<Mutex<Token>>,
    public: PublicKey,
    schemes: Schemes,
}

super::shown_as_its_key!(Pkcs11Signer);

/// An open session. Sessions are not for several threads at once.
struct Token {
    session: Session,
    key: ObjectHandle,
    pin: Option<AuthPin>,
    /// Whether the PIN is needed again for each signature.
    asks_each_time: bool,
}

impl Pkcs11Signer {
    /// Logs in and finds the key. The module comes from the location or
    /// `BULLA_PKCS11_MODULE`, the PIN from the location, its file or `BULLA_PIN`; cosign's
    /// variables are known too. Without a PIN nobody is logged in.
    pub async fn open(
        key: &Pkcs11Key,
        scheme: Option<SignatureScheme>,
        surroundings: &dyn Surroundings,
    ) -> Result<Self, KeyServiceError> {
        let module = key
            .module
            .clone()
            .or_else(|| first(surroundings, &MODULE_VARIABLES).map(Into::into))
            .filter(|path| path.is_absolute())
            .ok_or_else(|| KeyServiceError::Configuration {
                service: SERVICE,
                reason: "the module's absolute path is missing: set BULLA_PKCS11_MODULE, or write ?module-path=/… after the key".to_owned(),
            })?;
        let pin = pin(key, surroundings)?;
        let key = key.clone();
        let (token, public) = blocking(move || Token::open(&key, &module, pin)).await?;
        let schemes = super::service_schemes(SERVICE, &public, scheme, pure_by_default)?;
        Ok(Self {
            token: Arc::new(Mutex::new(token)),
            public,
            schemes,
        })
    }
}

/// Tokens that know Ed25519ph are rare.
fn pure_by_default(algorithm: KeyAlgorithm) -> Option<SignatureScheme> {
    (algorithm == KeyAlgorithm::Ed25519).then_some(SignatureScheme::Ed25519)
}

fn pin(
    key: &Pkcs11Key,
    surroundings: &dyn Surroundings,
) -> Result<Option<Zeroizing<String>>, KeyServiceError> {
    if let Some(pin) = &key.pin {
        return Ok(Some(pin.clone()));
    }
    let Some(path) = &key.pin_source else {
        return Ok(first(surroundings, &PIN_VARIABLES).map(Zeroizing::new));
    };
    secret_file(surroundings, SERVICE, path)?
        .map(Some)
        .ok_or_else(|| KeyServiceError::Configuration {
            service: SERVICE,
            reason: format!("the PIN's file {} is not there", path.display()),
        })
}

impl Signer for Pkcs11Signer {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn schemes(&self) -> Schemes {
        self.schemes
    }

    async fn sign_message(&self, message: Message<'_>) -> Result<Vec<u8>, SignError> {
        let scheme = message.scheme(self.schemes);
        let data = match (scheme, scheme.hash()) {
            (SignatureScheme::RsaPkcs1Sha256, _) => {
                [SHA256_INFO, &message.digest(Hash::Sha256)?].concat()
            }
            (_, Some(hash)) => message.digest(hash)?,
            (_, None) => message.bytes()?.to_vec(),
        };
        let token = Arc::clone(&self.token);
        let signature = blocking(move || {
            let token = token.lock().unwrap_or_else(PoisonError::into_inner);
            token.sign(scheme, &data)
        })
        .await?;
        Ok(signature)
    }
}

/// How a SHA-256 digest is wrapped before it is padded, RFC 8017 section 9.2 note 1.
const SHA256_INFO: &[u8] = &[
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0x04, 0x20,
];

impl Token {
    fn open(
        key: &Pkcs11Key,
        module: &Path,
        pin: Option<Zeroizing<String>>,
    ) -> Result<(Self, PublicKey), KeyServiceError> {
        let library = Pkcs11::new(module)
            .map_err(|error| wrong(format!("{} is no module: {error}", module.display())))?;
        match library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            // Another key of the same module is open.
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(failed("start the module", &error)),
        }
        let slot = slot(&library, key)?;
        let session = library
            .open_ro_session(slot)
            .map_err(|error| failed("open a session", &error))?;
        let pin = pin.map(|pin| AuthPin::new(pin.as_str().into()));
        if pin.is_some() {
            match session.login(UserType::User, pin.as_ref()) {
                Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
                // A wrong PIN is never tried again: three of them lock a card.
                Err(error) => return Err(failed("log in", &error)),
            }
        }
        let private = find(&session, key, ObjectClass::PRIVATE_KEY)?.ok_or_else(|| {
            let hint = if pin.is_some() {
                ""
            } else {
                ": without a PIN it may be hidden, set BULLA_PIN"
            };
            wrong(format!("no such private key on the token{hint}"))
        })?;
        let public = public_key(&session, key, private)?;
        let asked = session.get_attributes(private, &[AttributeType::AlwaysAuthenticate]);
        let asks_each_time = matches!(
            asked.unwrap_or_default().as_slice(),
            [Attribute::AlwaysAuthenticate(true)]
        );
        let token = Self {
            session,
            key: private,
            pin,
            asks_each_time,
        };
        Ok((token, public))
    }

    fn sign(&self, scheme: SignatureScheme, data: &[u8]) -> Result<Vec<u8>, KeyServiceError> {
        let mechanism = match scheme {
            SignatureScheme::EcdsaSha256
            | SignatureScheme::EcdsaSha384
            | SignatureScheme::EcdsaSha512 => Mechanism::Ecdsa,
            SignatureScheme::Ed25519 => {
                Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519))
            }
            SignatureScheme::RsaPkcs1Sha256 => Mechanism::RsaPkcs,
            SignatureScheme::RsaPssSha256 => Mechanism::RsaPkcsPss(PkcsPssParams {
                hash_alg: MechanismType::SHA256,
                mgf: PkcsMgfType::MGF1_SHA256,
                s_len: 32.into(),
            }),
            SignatureScheme::Ed25519ph | SignatureScheme::MlDsa => {
                return Err(wrong(format!("no token signs with {scheme} here")));
            }
        };
        let made = if self.asks_each_time {
            self.session.sign_init(&mechanism, self.key).and_then(|()| {
                self.session
                    .login(UserType::ContextSpecific, self.pin.as_ref())?;
                self.session.sign_update(data)?;
                self.session.sign_final()
            })
        } else {
            self.session.sign(&mechanism, self.key, data)
        };
        let signature = made.map_err(|error| failed("sign", &error))?;
        if let Mechanism::Ecdsa = mechanism {
            return ecdsa_der(&signature).ok_or_else(|| wrong("no ECDSA signature".to_owned()));
        }
        Ok(signature)
    }
}

fn slot(library: &Pkcs11, key: &Pkcs11Key) -> Result<Slot, KeyServiceError> {
    let slots = library
        .get_slots_with_token()
        .map_err(|error| failed("list the tokens", &error))?;
    let mut found = slots.into_iter().filter(|slot| {
        key.slot.is_none_or(|number| slot.id() == number)
            && key.token.as_ref().is_none_or(|label| {
                library
                    .get_token_info(*slot)
                    .is_ok_and(|info| info.label().trim_end() == label)
            })
    });
    match (found.next(), found.next()) {
        (Some(slot), None) => Ok(slot),
        (None, _) => Err(wrong("no such token".to_owned())),
        // Either could be meant, and only one has the key that should sign.
        (Some(_), Some(_)) => Err(wrong("several such tokens: add ;slot-id=N".to_owned())),
    }
}

fn find(
    session: &Session,
    key: &Pkcs11Key,
    class: ObjectClass,
) -> Result<Option<ObjectHandle>, KeyServiceError> {
    let mut template = vec![Attribute::Class(class)];
    template.extend(key.id.clone().map(Attribute::Id));
    let label = key.object.as_ref().map(|label| label.as_bytes().to_vec());
    template.extend(label.map(Attribute::Label));
    let found = session
        .find_objects(&template)
        .map_err(|error| failed("find the key", &error))?;
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        _ => Err(wrong("several such keys: name it by ;id= too".to_owned())),
    }
}

/// From the public key's own object, where there is one, else from what the private key's tells.
fn public_key(
    session: &Session,
    key: &Pkcs11Key,
    private: ObjectHandle,
) -> Result<PublicKey, KeyServiceError> {
    let object = find(session, key, ObjectClass::PUBLIC_KEY)?.unwrap_or(private);
    let wanted = [
        AttributeType::Modulus,
        AttributeType::PublicExponent,
        AttributeType::EcParams,
        AttributeType::EcPoint,
    ];
    let (mut modulus, mut exponent, mut parameters, mut point) = (None, None, None, None);
    for kind in wanted {
        // One by one: a token may refuse a list because of one that is not there.
        for attribute in session.get_attributes(object, &[kind]).unwrap_or_default() {
            match attribute {
                Attribute::Modulus(bytes) => modulus = Some(bytes),
                Attribute::PublicExponent(bytes) => exponent = Some(bytes),
                Attribute::EcParams(bytes) => parameters = Some(bytes),
                Attribute::EcPoint(bytes) => point = Some(bytes),
                _ => {}
            }
        }
    }
    let spki = match (modulus, exponent, parameters, point) {
        (Some(modulus), Some(exponent), ..) => rsa_spki(&modulus, &exponent),
        (_, _, Some(parameters), Some(point)) => elliptic(&parameters, &point),
        _ => None,
    };
    let spki = spki.ok_or_else(|| {
        wrong("the token shows no public key of a known kind beside the private one".to_owned())
    })?;
    PublicKey::from_spki(spki).map_err(|error| KeyServiceError::Key {
        service: SERVICE,
        error,
    })
}

/// The point is wrapped in an octet string, but some tokens forget that.
fn elliptic(parameters: &[u8], point: &[u8]) -> Option<Vec<u8>> {
    let point = match AnyRef::from_der(point) {
        Ok(wrapped) if wrapped.tag() == Tag::OctetString => wrapped.value(),
        _ => point,
    };
    if let Ok(curve) = ObjectIdentifier::from_der(parameters) {
        if curve.to_string() == "1.3.101.112" {
            return ed25519_spki(point);
        }
        return ecdsa_spki(curve, point);
    }
    // SoftHSM names the curve by a PrintableString.
    let name = AnyRef::from_der(parameters).ok()?;
    (name.value() == b"edwards25519").then(|| ed25519_spki(point))?
}

fn wrong(reason: String) -> KeyServiceError {
    KeyServiceError::Unusable {
        service: SERVICE,
        reason,
    }
}

fn failed(doing: &str, error: &Error) -> KeyServiceError {
    wrong(format!("failed to {doing}: {}", shown(&error.to_string())))
}

/// Tokens are slow, and their modules wait.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KeyServiceError> + Send + 'static,
) -> Result<T, KeyServiceError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(wrong("the module made the thread end".to_owned())))
}
