//! RFC 3161 timestamps, for looking at.

use cms::content_info::ContentInfo;
use cms::signed_data::SignedData;
use der::asn1::{GeneralizedTime, Int, ObjectIdentifier, OctetString};
use der::{Any, Decode as _, Encode as _, Reader as _, Sequence, SliceReader};
use jiff::Timestamp;
use serde::Serialize;
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::DecodedCertificate;

/// What a timestamp says. Nothing of it is verified.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DecodedTimestamp {
    /// The time it says.
    pub time: Option<Timestamp>,
    /// Object identifier of the digest's algorithm.
    pub digest_algorithm: String,
    /// The digest it is about, hexadecimal: of a signature's bytes.
    pub digest: String,
    /// Object identifier of the authority's policy.
    pub policy: String,
    /// Its number, hexadecimal.
    pub serial: String,
    /// The certificates it carries.
    pub certificates: Vec<DecodedCertificate>,
}

/// `MessageImprint` of RFC 3161, section 2.4.1.
#[derive(Sequence)]
struct Imprint {
    algorithm: AlgorithmIdentifierOwned,
    digest: OctetString,
}

impl DecodedTimestamp {
    /// Decodes a response or a bare token, DER; `None` if it is neither.
    pub fn of_der(der: &[u8]) -> Option<Self> {
        let content = match ContentInfo::from_der(der) {
            Ok(content) => content,
            Err(_) => of_response(der)?,
        };
        let signed: SignedData = content.content.decode_as().ok()?;
        if signed.encap_content_info.econtent_type != TST_INFO {
            return None;
        }
        let info: OctetString = signed.encap_content_info.econtent?.decode_as().ok()?;
        let mut decoded = Self::of_info(info.as_bytes())?;
        if let Some(certificates) = signed.certificates {
            let der = certificates
                .0
                .iter()
                .filter_map(|choice| choice.to_der().ok());
            decoded.certificates = der
                .filter_map(|der| DecodedCertificate::of_der(&der))
                .collect();
        }
        Some(decoded)
    }

    /// The first members of `TSTInfo`, RFC 3161, section 2.4.2. What follows them is optional.
    fn of_info(der: &[u8]) -> Option<Self> {
        let info = Any::from_der(der).ok()?;
        let mut reader = SliceReader::new(info.value()).ok()?;
        let _version: u8 = reader.decode().ok()?;
        let policy: ObjectIdentifier = reader.decode().ok()?;
        let imprint: Imprint = reader.decode().ok()?;
        let serial: Int = reader.decode().ok()?;
        let time: GeneralizedTime = reader.decode().ok()?;
        let seconds = i64::try_from(time.to_unix_duration().as_secs()).ok()?;
        Some(Self {
            time: Timestamp::from_second(seconds).ok(),
            digest_algorithm: imprint.algorithm.oid.to_string(),
            digest: hex::encode(imprint.digest.as_bytes()),
            policy: policy.to_string(),
            serial: hex::encode(serial.as_bytes()),
            certificates: Vec::new(),
        })
    }
}

/// The token in a `TimeStampResp`, RFC 3161, section 2.4.2: it follows the status.
fn of_response(der: &[u8]) -> Option<ContentInfo> {
    let response = Any::from_der(der).ok()?;
    let mut reader = SliceReader::new(response.value()).ok()?;
    let _status: Any = reader.decode().ok()?;
    reader.decode().ok()
}

/// `id-ct-TSTInfo` of RFC 3161, section 2.4.2.
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
