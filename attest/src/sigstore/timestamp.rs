//! Timestamps: RFC 3161 over HTTP, <https://www.rfc-editor.org/rfc/rfc3161>.

use cms::content_info::ContentInfo;
use cms::signed_data::SignedData;
use der::asn1::{AnyRef, BitString, ObjectIdentifier, OctetString, Uint};
use der::{Any, Decode as _, Encode as _, Reader as _, Sequence, Tag, Tagged as _};
use url::Url;

use crate::http::{Call, Http, Service, ServiceError};

const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");

/// `TimeStampReq`, section 2.4.1.
#[derive(Sequence)]
struct Request {
    version: u8,
    imprint: Imprint,
    nonce: Uint,
    /// Whether the answer carries the authority's certificate.
    certificates: bool,
}

/// `MessageImprint`, section 2.4.1.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct Imprint {
    algorithm: AlgorithmIdentifier,
    hash: OctetString,
}

#[derive(Clone, Debug, Sequence)]
struct AlgorithmIdentifier {
    oid: ObjectIdentifier,
    #[asn1(optional = "true")]
    parameters: Option<Any>,
}

/// Absent parameters and NULL say the same of a hash.
impl PartialEq for AlgorithmIdentifier {
    fn eq(&self, other: &Self) -> bool {
        self.oid == other.oid
    }
}

impl Eq for AlgorithmIdentifier {}

/// `TimeStampResp`, section 2.4.2.
#[derive(Sequence)]
struct Response {
    status: StatusInfo,
    #[asn1(optional = "true")]
    token: Option<Any>,
}

/// `PKIStatusInfo`, section 2.4.2.
#[derive(Sequence)]
struct StatusInfo {
    status: u8,
    #[asn1(optional = "true")]
    text: Option<Vec<String>>,
    #[asn1(optional = "true")]
    failure: Option<BitString>,
}

/// Asks an authority when a signature existed; yields its whole answer (`TimeStampResp`, DER), as
/// bundles carry it. What the token's signature is worth is verified with the bundle.
pub(super) async fn stamp(
    http: &Http,
    url: &Url,
    signature: &[u8],
) -> Result<Vec<u8>, ServiceError> {
    let imprint = imprint(signature);
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes).map_err(|_| ServiceError::Unsupported {
        what: "no randomness from the operating system".to_owned(),
    })?;
    let encoded = Uint::new(&bytes).and_then(|nonce| {
        let request = Request {
            version: 1,
            imprint: imprint.clone(),
            nonce: nonce.clone(),
            certificates: true,
        };
        Ok((request.to_der()?, nonce))
    });
    let (request, nonce) = encoded.expect("because small numbers and hashes always encode");
    // Two timestamps do no harm.
    let call = Call::post(
        Service::TimestampAuthority,
        url.clone(),
        "application/timestamp-query",
        request,
    )
    .repeatable();
    let answer = http.send(&call).await?;
    if !matches!(answer.status, 200 | 201) {
        return Err(call.refused(&answer));
    }
    match read(&answer.body, &imprint, &nonce) {
        Ok(()) => Ok(answer.body),
        Err(reason) => Err(call.malformed(reason)),
    }
}

fn imprint(signature: &[u8]) -> Imprint {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, signature);
    Imprint {
        algorithm: AlgorithmIdentifier {
            oid: SHA256,
            parameters: Some(Any::null()),
        },
        hash: OctetString::new(hash.as_ref()).expect("because a hash is short"),
    }
}

/// Makes sure that the answer was granted, and is to this question.
fn read(answer: &[u8], imprint: &Imprint, nonce: &Uint) -> Result<(), String> {
    let wrong = |error: der::Error| error.to_string();
    let response = Response::from_der(answer).map_err(wrong)?;
    // 0 is granted, 1 granted with modifications.
    if response.status.status > 1 {
        let text = response.status.text.unwrap_or_default().join(" ");
        return Err(format!(
            "refused with status {}: {text}",
            response.status.status
        ));
    }
    let token = response.token.ok_or("no token in the answer")?;
    let content: ContentInfo = token.decode_as().map_err(wrong)?;
    let signed: SignedData = content.content.decode_as().map_err(wrong)?;
    let info = signed.encap_content_info.econtent.ok_or("an empty token")?;
    let info: OctetString = info.decode_as().map_err(wrong)?;
    let (stamped, echoed) = token_info(info.as_bytes()).map_err(wrong)?;
    if stamped != *imprint {
        return Err("the timestamp is of something else".to_owned());
    }
    if echoed.as_ref() != Some(nonce) {
        return Err("the timestamp answers another request".to_owned());
    }
    Ok(())
}

/// Imprint and nonce of a `TSTInfo`, section 2.4.2. The nonce is the only number after the time.
fn token_info(bytes: &[u8]) -> der::Result<(Imprint, Option<Uint>)> {
    AnyRef::from_der(bytes)?.sequence(|reader| {
        let _version: AnyRef<'_> = reader.decode()?;
        let _policy: AnyRef<'_> = reader.decode()?;
        let imprint = reader.decode()?;
        let (mut nonce, mut after_time) = (None, false);
        while !reader.is_finished() {
            let field: AnyRef<'_> = reader.decode()?;
            match field.tag() {
                Tag::GeneralizedTime => after_time = true,
                Tag::Integer if after_time => nonce = Some(field.decode_as()?),
                _ => {}
            }
        }
        Ok((imprint, nonce))
    })
}
