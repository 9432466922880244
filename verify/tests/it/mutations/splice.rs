//! Parts of other bundles put into one: all of the material, single records, and parts of them.

use serde_json::Value;

use super::mutate::{Mutant, Sample};

/// Parts that another document of the same kind may lend.
const PARTS: &[&str] = &[
    "verificationMaterial",
    "verificationMaterial/tlogEntries",
    "verificationMaterial/timestampVerificationData",
    "verificationMaterial/certificate",
    "verificationMaterial/x509CertificateChain",
    "verificationMaterial/publicKey",
    "dsseEnvelope",
    "dsseEnvelope/payload",
    "dsseEnvelope/signatures",
    "messageSignature",
    "messageSignature/messageDigest",
    "messageSignature/signature",
];

/// Lists that another document's elements are put into.
const LISTS: &[&str] = &[
    "verificationMaterial/tlogEntries",
    "verificationMaterial/timestampVerificationData/rfc3161Timestamps",
];

const ENTRY: &str = "verificationMaterial/tlogEntries/0";

const ENTRY_PARTS: &[&str] = &[
    "canonicalizedBody",
    "inclusionPromise",
    "inclusionProof",
    "integratedTime",
    "kindVersion",
    "logId",
    "logIndex",
];

/// Every splice of the bundles of `other` into those of `document`.
pub(super) fn splices(document: &Value, other: &Value, out: &mut Sample) {
    for into in bundles(document) {
        for from in bundles(other) {
            let other = other.pointer(&from).unwrap();
            bundle(document, &into, other, out);
        }
    }
}

/// Where the bundles of a document are: it is one, or a list of them.
fn bundles(document: &Value) -> Vec<String> {
    let Some(list) = document.get("attestations").and_then(Value::as_array) else {
        return vec![String::new()];
    };
    let with = list
        .iter()
        .enumerate()
        .filter(|(_, one)| one.get("bundle").is_some());
    with.map(|(at, _)| format!("/attestations/{at}/bundle"))
        .collect()
}

/// A bundle's signature.
fn signature(bundle: &Value) -> Option<&Value> {
    let places = [
        "/dsseEnvelope/signatures/0/sig",
        "/messageSignature/signature",
    ];
    places.iter().find_map(|place| bundle.pointer(place))
}

fn stamps(data: &Value) -> usize {
    let stamps = data.get("rfc3161Timestamps").and_then(Value::as_array);
    stamps.map_or(0, Vec::len)
}

/// Into bundles alone: elsewhere their members mean nothing.
fn bundle(document: &Value, root: &str, other: &Value, out: &mut Sample) {
    let into = document.pointer(root);
    if into.is_none_or(|into| into.get("mediaType").is_none()) {
        return;
    }
    let own = into.and_then(signature);
    let same_signature = own.is_some() && own == signature(other);
    let mut add = |place: &str, change: &str, copy: &dyn Fn() -> Value| {
        out.add(|| Mutant {
            place: place.replace("/0/", ".*.").replace('/', "."),
            change: change.to_owned(),
            same_signature,
            bytes: copy().to_string().into_bytes(),
        });
    };
    let entry_parts = ENTRY_PARTS.iter().map(|part| format!("{ENTRY}/{part}"));
    let parts = PARTS.iter().map(|part| (*part).to_owned());
    for part in parts.chain(entry_parts) {
        let (parent, name) = part.rsplit_once('/').unwrap_or(("", &part));
        let parent = match parent {
            "" => root.to_owned(),
            parent => format!("{root}/{parent}"),
        };
        let value = other.pointer(&format!("/{part}"));
        let members = document.pointer(&parent).and_then(Value::as_object);
        let (Some(value), Some(members)) = (value, members) else {
            continue;
        };
        if members.get(name) == Some(value) {
            continue;
        }
        let stampless = name == "timestampVerificationData" && stamps(value) == 0;
        let none = value.is_null() || stampless;
        let change = if none { "splice of none" } else { "splice" };
        add(&part, change, &|| {
            let mut copy = document.clone();
            copy.pointer_mut(&parent).unwrap()[name] = value.clone();
            copy
        });
    }
    for list in LISTS {
        let into = format!("{root}/{list}");
        let more = other.pointer(&format!("/{list}")).and_then(Value::as_array);
        let own = document.pointer(&into).and_then(Value::as_array);
        let (Some(more), Some(own)) = (more, own) else {
            continue;
        };
        for change in ["splice before", "splice after"] {
            add(list, change, &|| {
                let mut copy = document.clone();
                let both = match change {
                    "splice before" => [more.as_slice(), own],
                    _ => [own, more.as_slice()],
                };
                *copy.pointer_mut(&into).unwrap() = both.concat().into();
                copy
            });
        }
    }
}
