//! What a timestamp says: `TSTInfo` of RFC 3161, section 2.4.2, to its end.

use jiff::{SignedDuration, Timestamp};
use x509_cert::der::asn1::{GeneralizedTime, Int, OctetString};
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{Any, Decode, Reader as _, SliceReader, Tag, Tagged as _};
use x509_cert::ext::Extension;
use x509_cert::spki::AlgorithmIdentifierOwned;

/// `MessageImprint`, section 2.4.1.
#[derive(Debug)]
pub(super) struct Imprint {
    pub(super) algorithm: AlgorithmIdentifierOwned,
    pub(super) digest: OctetString,
}

/// What decides of a timestamp. The order of an authority's stamps (`ordering`), its name (`tsa`, a
/// hint: the certificate says who it is) and the `nonce` of whoever asked decide nothing.
#[derive(Debug)]
pub(super) struct Stamp {
    pub(super) imprint: Imprint,
    pub(super) time: Timestamp,
    pub(super) accuracy: SignedDuration,
}

impl Stamp {
    /// Reads all of it; the reason if there is something that cannot be understood.
    pub(super) fn read(der: &[u8]) -> Result<Self, String> {
        let unreadable = |error: der::Error| format!("what it says cannot be read: {error}");
        let info = sequence(der).map_err(unreadable)?;
        let mut reader = SliceReader::new(info.value()).map_err(unreadable)?;
        let version: u8 = reader.decode().map_err(unreadable)?;
        if version != 1 {
            return Err(format!("it is of version {version}, expected 1"));
        }
        let policy: ObjectIdentifier = reader.decode().map_err(unreadable)?;
        let imprint = imprint(&mut reader).map_err(unreadable)?;
        let _serial: Int = reader.decode().map_err(unreadable)?;
        let time: Any = reader.decode().map_err(unreadable)?;
        let time = generalized(&time).ok_or("its time cannot be read")?;
        let accuracy = match optional::<Any>(&mut reader, ACCURACY).map_err(unreadable)? {
            Some(accuracy) => read_accuracy(accuracy.value()).ok_or("its accuracy is not one")?,
            // RFC 3628, section 5.2: stamps under the baseline policy are accurate to a second.
            None if policy == BASELINE => SignedDuration::from_secs(1),
            None => SignedDuration::ZERO,
        };
        let _ordering = optional::<bool>(&mut reader, ORDERING).map_err(unreadable)?;
        let _nonce = optional::<Int>(&mut reader, NONCE).map_err(unreadable)?;
        let _tsa = optional::<Any>(&mut reader, TSA).map_err(unreadable)?;
        if let Some(extensions) = optional::<Any>(&mut reader, EXTENSIONS).map_err(unreadable)? {
            understood(extensions.value())?;
        }
        if !reader.is_finished() {
            return Err("it says more than a timestamp does".to_owned());
        }
        Ok(Self {
            imprint,
            time,
            accuracy,
        })
    }
}

fn sequence(der: &[u8]) -> der::Result<Any> {
    let any = Any::from_der(der)?;
    any.tag().assert_eq(Tag::Sequence)?;
    Ok(any)
}

fn imprint(reader: &mut SliceReader<'_>) -> der::Result<Imprint> {
    reader.sequence(|members| {
        Ok(Imprint {
            algorithm: members.decode()?,
            digest: members.decode()?,
        })
    })
}

/// The next member, if it has this tag.
fn optional<'a, T: Decode<'a>>(reader: &mut SliceReader<'a>, tag: u8) -> der::Result<Option<T>> {
    match reader.peek_byte() {
        Some(next) if next == tag => reader.decode().map(Some),
        _ => Ok(None),
    }
}

/// Whether nothing must be understood that is not: of extensions none is known here.
fn understood(extensions: &[u8]) -> Result<(), String> {
    let unreadable = |error: der::Error| format!("its extensions cannot be read: {error}");
    let mut reader = SliceReader::new(extensions).map_err(unreadable)?;
    while !reader.is_finished() {
        let extension: Extension = reader.decode().map_err(unreadable)?;
        if extension.critical {
            let id = extension.extn_id;
            return Err(format!("its extension {id} must be understood, and is not"));
        }
    }
    Ok(())
}

/// `GeneralizedTime` as section 2.4.2 has it: in UTC to the second, with a fraction if there is one.
fn generalized(time: &Any) -> Option<Timestamp> {
    time.tag().assert_eq(Tag::GeneralizedTime).ok()?;
    let text = std::str::from_utf8(time.value()).ok()?.strip_suffix('Z')?;
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let whole = Any::new(Tag::GeneralizedTime, format!("{whole}Z").into_bytes()).ok()?;
    let whole: GeneralizedTime = whole.decode_as().ok()?;
    let seconds = i64::try_from(whole.to_unix_duration().as_secs()).ok()?;
    let nanoseconds = match fraction {
        None => 0,
        Some(digits) => {
            let plain = digits.bytes().all(|digit| digit.is_ascii_digit());
            if !plain || !matches!(digits.len(), 1..=9) || digits.ends_with('0') {
                return None;
            }
            format!("{digits:0<9}").parse().ok()?
        }
    };
    Timestamp::new(seconds, nanoseconds).ok()
}

/// `Accuracy`: seconds, and thousandths and millionths of one with tags of their own.
fn read_accuracy(content: &[u8]) -> Option<SignedDuration> {
    let mut reader = SliceReader::new(content).ok()?;
    let mut accuracy = SignedDuration::ZERO;
    while !reader.is_finished() {
        let part: Any = reader.decode().ok()?;
        let number = part.value().iter().try_fold(0_u32, |sum, byte| {
            sum.checked_mul(256)?.checked_add(u32::from(*byte))
        })?;
        let part = match part.tag().octet() {
            0x02 => SignedDuration::from_secs(number.into()),
            0x80 => SignedDuration::from_millis(number.into()),
            0x81 => SignedDuration::from_micros(number.into()),
            _ => return None,
        };
        accuracy = accuracy.checked_add(part)?;
    }
    Some(accuracy)
}

const BASELINE: ObjectIdentifier = ObjectIdentifier::new_unwrap("0.4.0.2023.1.1");
/// Tags of the members that may be left out, in their order.
const ACCURACY: u8 = 0x30;
const ORDERING: u8 = 0x01;
const NONCE: u8 = 0x02;
/// `[0]`, with the choice of a name inside.
const TSA: u8 = 0xa0;
/// `[1]`, in place of the tag of a sequence.
const EXTENSIONS: u8 = 0xa1;
