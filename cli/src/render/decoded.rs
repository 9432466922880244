//! What was decoded, for people. Everything is marked as what it is: unverified.

mod in_toto;

use bulla_model::predicate::witness;
use serde_json::Value;

use super::{Cell, Page, to_json};
use crate::join::decode::{
    Decoded, DecodedBundle, DecodedCertificate, DecodedCosign, DecodedEnvelope, DecodedLogEntry,
    DecodedNotation, DecodedPayload, DecodedStatement, DecodedTimestamp,
};

/// Writes a document.
pub fn decoded(page: &mut Page, content: &Decoded) {
    match content {
        Decoded::Bundle(bundle) => show_bundle(page, bundle),
        Decoded::Certificates { certificates } => {
            for one in certificates {
                heading(page, "certificate");
                certificate(page, one);
            }
        }
        Decoded::Cosign(signature) => show_cosign(page, signature),
        Decoded::Documents { documents } => {
            for (index, document) in documents.iter().enumerate() {
                page.line(Cell::strong(format!("#{}", index.saturating_add(1))));
                decoded(page, document);
            }
        }
        Decoded::Envelope(envelope) => show_envelope(page, envelope),
        Decoded::InTotoLayout(layout) => in_toto::layout(page, layout),
        Decoded::InTotoLink(link) => in_toto::link(page, link),
        Decoded::Statement(statement) => {
            heading(page, "statement, unsigned");
            show_statement(page, statement);
        }
        Decoded::Manifest(manifest) => {
            heading(page, &manifest.media_type);
            page.indented(1, manifest.digest.to_string());
            json(page, &manifest.document);
        }
        Decoded::Notation(signature) => show_notation(page, signature),
        Decoded::PublicKey { algorithm, key_id } => {
            row(page, "public key", algorithm);
            row(page, "key id", key_id.to_string());
        }
        Decoded::PrivateKey { encrypted } => {
            let state = if *encrypted {
                "encrypted"
            } else {
                "NOT encrypted"
            };
            page.indented(1, format!("private key, {state}; nothing of it is shown"));
        }
        Decoded::SimpleSigning(signed) => {
            heading(page, "simple signing payload, unsigned");
            payload(page, signed);
        }
        Decoded::Timestamp(token) => {
            heading(page, "RFC 3161 timestamp");
            timestamp(page, token);
        }
        Decoded::Trust { what, document } => {
            heading(page, &format!("Sigstore {what}"));
            json(page, document);
        }
        Decoded::Json { document } => {
            heading(page, "JSON");
            json(page, document);
        }
    }
}

fn heading(page: &mut Page, what: &str) {
    page.row(1, [Cell::from(what), Cell::attention("unverified")]);
}

fn row(page: &mut Page, label: &str, text: impl AsRef<str>) {
    page.row(1, [Cell::from(label), Cell::from(text)]);
}

fn show_bundle(page: &mut Page, bundle: &DecodedBundle) {
    heading(page, &format!("Sigstore bundle {}", bundle.version));
    row(page, "signer (claimed)", &bundle.signer);
    for one in &bundle.certificates {
        certificate(page, one);
    }
    for entry in &bundle.log_entries {
        log_entry(page, entry);
    }
    if bundle.log_entries.is_empty() {
        row(page, "log entries", "none");
    }
    for stamp in &bundle.timestamps {
        match stamp {
            Some(stamp) => timestamp(page, stamp),
            None => row(page, "timestamp", "not readable"),
        }
    }
    if let Some(blob) = &bundle.blob {
        row(page, "signed blob", blob);
    }
    if let Some(envelope) = &bundle.envelope {
        show_envelope(page, envelope);
    }
}

fn show_notation(page: &mut Page, signature: &DecodedNotation) {
    heading(
        page,
        &format!("Notary Project signature, {}", signature.form),
    );
    for (label, text) in [
        ("signer (claimed)", signature.signer()),
        ("algorithm", signature.algorithm.to_owned()),
        ("scheme", signature.scheme.to_owned()),
        ("signed (claimed)", signature.signing_time.to_string()),
    ] {
        row(page, label, text);
    }
    for (label, text) in [
        (
            "to be used until",
            signature.expiry.map(|end| end.to_string()),
        ),
        ("needs the plugin", signature.plugin.clone()),
        ("made by", signature.signing_agent.clone()),
    ] {
        if let Some(text) = text {
            row(page, label, text);
        }
    }
    match &signature.target {
        Some(target) => {
            row(page, "artifact", target.digest.to_string());
            for (name, value) in &target.annotations {
                row(page, name, value);
            }
        }
        None => row(page, "artifact", "not readable"),
    }
    for one in &signature.certificates {
        certificate(page, one);
    }
    if let Some(stamp) = &signature.timestamp {
        timestamp(page, stamp);
    }
}

fn show_cosign(page: &mut Page, signature: &DecodedCosign) {
    heading(page, "signature of cosign's older format");
    row(page, "signer (claimed)", &signature.signer);
    for one in &signature.certificates {
        certificate(page, one);
    }
    if let Some(entry) = &signature.log_entry {
        log_entry(page, entry);
    }
    if let Some(stamp) = &signature.timestamp {
        timestamp(page, stamp);
    }
    if let Some(problem) = &signature.problem {
        page.row(1, [Cell::from("problem"), Cell::bad(problem)]);
    }
    if let Some(signed) = &signature.payload {
        payload(page, signed);
    }
    if let Some(envelope) = &signature.envelope {
        show_envelope(page, envelope);
    }
}

fn certificate(page: &mut Page, one: &DecodedCertificate) {
    row(page, "certificate", one.digest.to_string());
    let kind = if one.authority {
        "authority"
    } else {
        "subject"
    };
    for (label, text) in [(kind, &one.subject), ("issued by", &one.issuer)] {
        if !text.is_empty() {
            row(page, label, text);
        }
    }
    row(page, "serial", &one.serial);
    let time = |time: Option<jiff::Timestamp>| {
        time.map_or_else(|| "?".to_owned(), |time| time.to_string())
    };
    let window = format!("{} to {}", time(one.not_before), time(one.not_after));
    row(page, "valid", window);
    for name in &one.alternative_names {
        row(page, "for", name);
    }
    row(page, "key id", one.key_id.to_string());
    if let Some(identity) = &one.identity {
        let claims = serde_json::to_value(identity).unwrap_or(Value::Null);
        for (name, value) in claims.as_object().into_iter().flatten() {
            if let Some(text) = value.as_str().filter(|_| name != "subject") {
                row(page, name, text);
            }
        }
    }
}

fn log_entry(page: &mut Page, entry: &DecodedLogEntry) {
    let index = entry
        .log_index
        .map_or_else(String::new, |index| format!(" {index}"));
    let time = entry
        .integrated_time
        .map_or_else(String::new, |time| format!(", {time}"));
    let log: String = entry.log_id.chars().take(8).collect();
    let proof = match (entry.promise, entry.inclusion_proof) {
        (true, true) => "promise and proof",
        (true, false) => "promise only",
        (false, true) => "proof only",
        (false, false) => "neither promise nor proof",
    };
    let text = format!("{}{index} of log {log}{time}, {proof}", entry.kind);
    row(page, "log entry", text);
}

fn timestamp(page: &mut Page, stamp: &DecodedTimestamp) {
    let time = stamp
        .time
        .map_or_else(|| "no time".to_owned(), |time| time.to_string());
    let authority = stamp
        .certificates
        .first()
        .map_or_else(String::new, |one| format!(" by {}", one.holder()));
    row(page, "timestamp", format!("{time}{authority}"));
    row(page, "of digest", &stamp.digest);
}

fn payload(page: &mut Page, signed: &DecodedPayload) {
    row(page, "image", signed.digest.to_string());
    if !signed.docker_reference.is_empty() {
        row(page, "under the name", &signed.docker_reference);
    }
    for (name, value) in &signed.optional {
        row(page, name, value.to_string());
    }
}

fn show_envelope(page: &mut Page, envelope: &DecodedEnvelope) {
    let count = envelope.signatures.len();
    let plural = if count == 1 { "" } else { "s" };
    heading(page, &format!("DSSE envelope, {count} signature{plural}"));
    row(page, "payload", envelope.payload.to_string());
    row(page, "payload type", &envelope.payload_type);
    for one in &envelope.certificates {
        certificate(page, one);
    }
    for stamp in &envelope.timestamps {
        match stamp {
            Some(stamp) => timestamp(page, stamp),
            None => row(page, "timestamp", "not readable"),
        }
    }
    if let Some(statement) = &envelope.statement {
        show_statement(page, statement);
    }
}

fn show_statement(page: &mut Page, statement: &DecodedStatement) {
    row(page, "predicate type", &statement.predicate_type);
    for subject in &statement.subjects {
        for (algorithm, value) in subject.digest.iter() {
            let name = subject.name.as_deref().unwrap_or_default();
            let digest = Cell::from(format!("{algorithm}:{value}"));
            page.row(1, ["subject".into(), digest, name.into()]);
        }
    }
    if statement.predicate_type == witness::TYPE {
        attestors(page, &statement.predicate);
    }
    json(page, &statement.predicate);
}

/// Whose words a collection is: identity documents inside it are nobody's proof here (F25).
fn attestors(page: &mut Page, collection: &Value) {
    let entries = collection.get("attestations").and_then(Value::as_array);
    for entry in entries.into_iter().flatten() {
        let kind = entry.get("type").and_then(Value::as_str);
        let claimed = Cell::attention("claimed, unverified");
        page.row(
            1,
            ["attestor".into(), kind.unwrap_or_default().into(), claimed],
        );
    }
}

fn json(page: &mut Page, document: &Value) {
    for line in to_json(document).lines() {
        page.indented(2, line);
    }
}
