//! COSE envelopes: `COSE_Sign1` of RFC 9052, tagged, with the Notary Project's headers.

use coset::cbor::value::Value;
use coset::iana::{self, EnumI64 as _};
use coset::{
    CoseSign1, Label, RegisteredLabel, RegisteredLabelWithPrivate, TaggedCborSerializable,
};
use jiff::Timestamp;

use super::attributes::{
    AUTHENTIC_SIGNING_TIME, EXPIRY, Header, NotationAlgorithm, PLUGIN, PLUGIN_VERSION,
    SIGNING_AGENT, SIGNING_SCHEME, SIGNING_TIME, TIMESTAMP, cut,
};
use super::{NotationError, Parts};

/// Header `x5chain`, RFC 9360.
const CHAIN: i64 = 33;
/// Header of counter signatures, RFC 9052 section 3.1 (RFC 8152).
const COUNTER_SIGNATURE: i64 = 7;
/// CBOR's tag of times in seconds since 1970, RFC 8949 section 3.4.2.
const EPOCH: u64 = 1;

pub(super) fn read(bytes: &[u8]) -> Result<Parts, NotationError> {
    refuse_counter_signatures(bytes)?;
    let message = CoseSign1::from_tagged_slice(bytes).map_err(|error| NotationError::Cbor {
        reason: cut(&error.to_string()),
    })?;
    // Over the protected headers as they came: the library keeps their bytes.
    let signed = message.tbs_data(b"");
    let protected = &message.protected.header;
    let unprotected = &message.unprotected;
    let algorithm = algorithm(protected.alg.as_ref())?;
    let header = Header {
        content_type: match &protected.content_type {
            Some(RegisteredLabel::Text(text)) => Some(text.clone()),
            Some(RegisteredLabel::Assigned(format)) => Some(format.to_i64().to_string()),
            None => None,
        },
        critical: protected.crit.iter().map(label).collect(),
        scheme: text(protected, SIGNING_SCHEME)?,
        signing_time: time(protected, SIGNING_TIME)?,
        authentic_signing_time: time(protected, AUTHENTIC_SIGNING_TIME)?,
        expiry: time(protected, EXPIRY)?,
        plugin: text(protected, PLUGIN)?,
        plugin_version: text(protected, PLUGIN_VERSION)?,
    };
    let chain = Label::Int(CHAIN);
    let (protected_chain, chain) = (find(protected, &chain), find(unprotected, &chain));
    let chain = match protected_chain {
        Some(_) if chain.is_some() => None,
        Some(chain) => Some(chain),
        None => chain,
    };
    let chain = chain.ok_or(NotationError::Missing { name: "x5chain" })?;
    Ok(Parts {
        signed,
        attributes: header.settle(algorithm)?,
        certificates: certificates(chain)?,
        timestamp: find(unprotected, &Label::Text(TIMESTAMP.to_owned()))
            .map(|value| bytes_of(value, TIMESTAMP))
            .transpose()?,
        signing_agent: text(unprotected, SIGNING_AGENT)?,
        payload: message
            .payload
            .ok_or(NotationError::Missing { name: "payload" })?,
        signature: message.signature,
    })
}

/// Counter signatures, header 7 of RFC 9052, hold headers that may hold them again: the library reads
/// each level anew, so that no bound on nesting holds. The Notary Project has none of them.
fn refuse_counter_signatures(bytes: &[u8]) -> Result<(), NotationError> {
    let unreadable = |error: &dyn std::fmt::Display| NotationError::Cbor {
        reason: cut(&error.to_string()),
    };
    let read = |bytes: &[u8]| -> Result<Value, NotationError> {
        coset::cbor::de::from_reader(bytes).map_err(|error| unreadable(&error))
    };
    let has = |headers: &Value| {
        let counter = Value::from(COUNTER_SIGNATURE);
        headers
            .as_map()
            .is_some_and(|map| map.iter().any(|(label, _)| *label == counter))
    };
    let mut message = read(bytes)?;
    while let Value::Tag(_, inner) = message {
        message = *inner;
    }
    let parts = message.as_array().map_or(&[][..], Vec::as_slice);
    let mut found = parts.get(1).is_some_and(has);
    if let Some(protected) = parts.first().and_then(Value::as_bytes)
        && !protected.is_empty()
    {
        found |= has(&read(protected)?);
    }
    if found {
        return Err(unreadable(&"counter signatures are not supported"));
    }
    Ok(())
}

fn algorithm(found: Option<&coset::Algorithm>) -> Result<NotationAlgorithm, NotationError> {
    use iana::Algorithm::{ES256, ES384, ES512, PS256, PS384, PS512};
    let found = found.ok_or(NotationError::Missing { name: "alg" })?;
    match found {
        RegisteredLabelWithPrivate::Assigned(PS256) => Ok(NotationAlgorithm::Ps256),
        RegisteredLabelWithPrivate::Assigned(PS384) => Ok(NotationAlgorithm::Ps384),
        RegisteredLabelWithPrivate::Assigned(PS512) => Ok(NotationAlgorithm::Ps512),
        RegisteredLabelWithPrivate::Assigned(ES256) => Ok(NotationAlgorithm::Es256),
        RegisteredLabelWithPrivate::Assigned(ES384) => Ok(NotationAlgorithm::Es384),
        RegisteredLabelWithPrivate::Assigned(ES512) => Ok(NotationAlgorithm::Es512),
        other => Err(NotationError::Algorithm {
            found: label(other),
        }),
    }
}

/// A label as text; numbers are never names of ours.
fn label<T: iana::EnumI64 + iana::WithPrivateRange>(
    label: &RegisteredLabelWithPrivate<T>,
) -> String {
    match label {
        RegisteredLabelWithPrivate::Text(text) => text.clone(),
        RegisteredLabelWithPrivate::Assigned(number) => number.to_i64().to_string(),
        RegisteredLabelWithPrivate::PrivateUse(number) => number.to_string(),
    }
}

fn find<'a>(header: &'a coset::Header, label: &Label) -> Option<&'a Value> {
    // The library refuses labels that occur twice.
    let (_, value) = header.rest.iter().find(|(own, _)| own == label)?;
    Some(value)
}

fn text(header: &coset::Header, name: &'static str) -> Result<Option<String>, NotationError> {
    match find(header, &Label::Text(name.to_owned())) {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text.clone())),
        Some(_) => Err(NotationError::Missing { name }),
    }
}

fn time(header: &coset::Header, name: &'static str) -> Result<Option<Timestamp>, NotationError> {
    let seconds = match find(header, &Label::Text(name.to_owned())) {
        None => return Ok(None),
        Some(Value::Tag(EPOCH, time)) => time.as_integer(),
        Some(_) => None,
    };
    let time = seconds
        .and_then(|seconds| i64::try_from(seconds).ok())
        .and_then(|seconds| Timestamp::from_second(seconds).ok());
    match time {
        Some(time) => Ok(Some(time)),
        None => Err(NotationError::Missing { name }),
    }
}

fn certificates(chain: &Value) -> Result<Vec<Vec<u8>>, NotationError> {
    let chain = chain
        .as_array()
        .ok_or(NotationError::Missing { name: "x5chain" })?;
    chain.iter().map(|one| bytes_of(one, "x5chain")).collect()
}

fn bytes_of(value: &Value, name: &'static str) -> Result<Vec<u8>, NotationError> {
    match value {
        Value::Bytes(bytes) => Ok(bytes.clone()),
        _ => Err(NotationError::Missing { name }),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn counter_signatures_are_refused_before_they_are_read() {
        use coset::cbor::value::Value;
        let bytes = |value: &Value| {
            let mut bytes = Vec::new();
            coset::cbor::ser::into_writer(value, &mut bytes).unwrap();
            bytes
        };
        let empty = Value::Map(Vec::new());
        let counter = Value::Map(vec![(Value::from(7), Value::Array(Vec::new()))]);
        for (protected, unprotected) in [(&counter, &empty), (&empty, &counter)] {
            let message = Value::Array(vec![
                Value::Bytes(bytes(protected)),
                unprotected.clone(),
                Value::Bytes(b"payload".to_vec()),
                Value::Bytes(b"signature".to_vec()),
            ]);
            let message = bytes(&Value::Tag(18, Box::new(message)));
            let error = super::read(&message).err().unwrap();
            assert!(error.to_string().contains("counter signatures"), "{error}");
        }
    }
}
