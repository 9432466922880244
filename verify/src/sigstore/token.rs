//! The shape of timestamp tokens where `sigstore-tsa` reads more than RFC 3161 section 2.4.2 and
//! RFC 5652 section 5.1 write: it takes the first of several signers, and any kind of content.
//!
//! Versions, lists of algorithms, certificates and revocation lists inside a token are signed by
//! nobody, and nothing reads them: the authority's certificates are the trusted root's.

use der::asn1::{ObjectIdentifier, OctetStringRef, SetOfVec};
use der::{AnyRef, Decode as _, Sequence};

use crate::candidate::Refusal;

/// `TimeStampResp`, RFC 3161 section 2.4.2.
#[derive(Sequence)]
struct Response<'a> {
    status: AnyRef<'a>,
    #[asn1(optional = "true")]
    token: Option<AnyRef<'a>>,
}

/// `ContentInfo`, RFC 5652 section 3.
#[derive(Sequence)]
struct Content<'a> {
    kind: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    content: AnyRef<'a>,
}

/// `SignedData`, RFC 5652 section 5.1. What is not looked at here is left unread: `sigstore-tsa`
/// reads all of it.
#[derive(Sequence)]
struct Signed<'a> {
    version: u8,
    digest_algorithms: AnyRef<'a>,
    content: Encapsulated<'a>,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    certificates: Option<SetOfVec<AnyRef<'a>>>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    revocations: Option<SetOfVec<AnyRef<'a>>>,
    signers: SetOfVec<AnyRef<'a>>,
}

/// `EncapsulatedContentInfo`, RFC 5652 section 5.2.
#[derive(Sequence)]
struct Encapsulated<'a> {
    kind: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    content: Option<AnyRef<'a>>,
}

/// Refuses a token, bare or in its response, that has not one signer over one octet string.
pub(super) fn check(token: &[u8]) -> Result<(), Refusal> {
    let wrong = |error: der::Error| Refusal::invalid(&format!("timestamp: {error}"));
    let content = if let Ok(content) = Content::from_der(token) {
        content
    } else {
        let response = Response::from_der(token).map_err(wrong)?;
        let token = response
            .token
            .ok_or_else(|| Refusal::invalid("timestamp: a response without a token"))?;
        token.decode_as().map_err(wrong)?
    };
    let signed: Signed<'_> = content.content.decode_as().map_err(wrong)?;
    let signers = signed.signers.len();
    if signers != 1 {
        return Err(Refusal::invalid(&format!(
            "timestamp: {signers} signers, expected one"
        )));
    }
    let content = signed.content.content;
    let content = content.ok_or_else(|| Refusal::invalid("timestamp: it is about nothing"))?;
    content.decode_as::<OctetStringRef<'_>>().map_err(wrong)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use cms::content_info::ContentInfo;
    use cms::signed_data::{SignedData, SignerInfos};
    use der::asn1::OctetString;
    use der::{Any, Encode as _, Tag, Tagged as _};

    use super::*;

    fn real() -> Vec<u8> {
        let text = include_str!("../../../testdata/verify/sigstore/github.sigstore.json");
        let bundle: serde_json::Value = serde_json::from_str(text).unwrap();
        let place =
            "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp";
        let token = bundle.pointer(place).unwrap().as_str().unwrap();
        let standard = base64::engine::general_purpose::STANDARD;
        standard.decode(token).unwrap()
    }

    /// The token in the response, changed; both forms must be answered alike.
    fn changed(change: impl FnOnce(&mut SignedData)) -> Result<(), Refusal> {
        let real = real();
        let response = Response::from_der(&real).unwrap();
        let mut content: ContentInfo = response.token.unwrap().decode_as().unwrap();
        let mut signed: SignedData = content.content.decode_as().unwrap();
        change(&mut signed);
        content.content = Any::encode_from(&signed).unwrap();
        let bare = content.to_der().unwrap();
        let wrapped = Response {
            status: response.status,
            token: Some(AnyRef::from_der(&bare).unwrap()),
        };
        let answer = check(&wrapped.to_der().unwrap());
        assert_eq!(check(&bare), answer);
        answer
    }

    #[test]
    fn f28_a_timestamp_has_one_signer() {
        assert_eq!(check(&real()), Ok(()));
        assert_eq!(changed(|_| ()), Ok(()));
        let two = changed(|signed| {
            let mut signers: Vec<_> = signed.signer_infos.0.iter().cloned().collect();
            let mut second = signers[0].clone();
            second.signature = OctetString::new([1, 2, 3]).unwrap();
            signers.push(second);
            signed.signer_infos = SignerInfos(SetOfVec::try_from(signers).unwrap());
        });
        assert!(two.unwrap_err().to_string().contains("2 signers"));
        let none = changed(|signed| signed.signer_infos = SignerInfos(SetOfVec::new()));
        assert!(none.unwrap_err().to_string().contains("0 signers"));
    }

    #[test]
    fn a_timestamp_is_of_an_octet_string() {
        changed(|signed| {
            let content = signed.encap_content_info.econtent.take().unwrap();
            assert_eq!(content.tag(), Tag::OctetString);
            let other = Any::new(Tag::Utf8String, content.value()).unwrap();
            signed.encap_content_info.econtent = Some(other);
        })
        .unwrap_err();
        changed(|signed| signed.encap_content_info.econtent = None).unwrap_err();
        check(&[real(), vec![0]].concat()).unwrap_err();
    }
}
