//! The log: one line on standard error for each decision, JSON with `--output json`.

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::message::Judged;
use super::review::{Answer, Review};
use crate::escape::escape;
use crate::printer::{Format, Printer};

/// Writes the log.
#[derive(Clone, Debug)]
pub struct Journal {
    printer: Printer,
}

impl Journal {
    /// A log in the printer's format.
    pub fn new(printer: Printer) -> Self {
        Self { printer }
    }

    /// The server is ready.
    pub fn listening(&self, address: SocketAddr, tls: bool, environment: &str, basis: &str) {
        let scheme = if tls { "https" } else { "http" };
        let line = format!("listening on {scheme}://{address} for {environment}   {basis}");
        let fields = json!({
            "event": "listening",
            "address": format!("{scheme}://{address}"),
            "environment": environment,
            "basis": basis,
        });
        self.write(&line, fields);
    }

    /// Something changed or went wrong beside the decisions.
    pub fn event(&self, event: &str, detail: &str) {
        self.write(
            &format!("{event}: {detail}"),
            json!({"event": event, "detail": detail}),
        );
    }

    /// A review was answered.
    pub fn decided(
        &self,
        review: &Review,
        environment: &str,
        judged: &[Judged],
        answer: &Answer,
        took: Duration,
    ) {
        let answered = if answer.allowed { "allowed" } else { "denied" };
        let decisions: Vec<String> = judged
            .iter()
            .map(|image| {
                format!(
                    "{} {} {}",
                    image.decision_id(&review.uid, environment),
                    image.judgement.code,
                    image.image
                )
            })
            .collect();
        let line = format!(
            "{answered}  {} {} {}/{}  {}  {:.1} ms",
            review.operation,
            review.kind.kind,
            review.namespace,
            review.name,
            decisions.join("; "),
            took.as_secs_f64() * 1000.0
        );
        let image = |image: &Judged| {
            json!({
                "image": image.image,
                "digest": image.digest.as_ref().map(ToString::to_string),
                "decision": image.decision_id(&review.uid, environment),
                "result": image.judgement.decision,
                "code": image.judgement.code,
                "reason": image.judgement.reason,
                "service": image.judgement.service,
                "policy": image.judgement.policy,
                "remembered": image.remembered,
            })
        };
        let fields = json!({
            "event": "decision",
            "uid": review.uid,
            "allowed": answer.allowed,
            "environment": environment,
            "operation": review.operation,
            "kind": format!("{} {}", review.kind.api_version(), review.kind.kind),
            "subResource": review.sub_resource,
            "namespace": review.namespace,
            "name": review.name,
            "user": review.user,
            "dryRun": review.dry_run,
            "images": judged.iter().map(image).collect::<Vec<_>>(),
            "annotations": answer.audit_annotations,
            "milliseconds": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        });
        self.write(&line, fields);
    }

    fn write(&self, line: &str, mut fields: Value) {
        match self.printer.format() {
            Format::Human
            | Format::Github
            | Format::Gitlab
            | Format::Sarif
            | Format::Junit
            | Format::Markdown => self.printer.say(line),
            Format::Json => {
                fields["at"] = json!(Timestamp::now().to_string());
                make_safe(&mut fields);
                let line = format!("{fields}\n");
                // Nobody is left to be told that standard error is closed.
                drop(std::io::stderr().lock().write_all(line.as_bytes()));
            }
        }
    }
}

/// Escapes every text, so that a line stays a line and changes no terminal.
fn make_safe(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let std::borrow::Cow::Owned(safe) = escape(text) {
                *text = safe;
            }
        }
        Value::Array(values) => values.iter_mut().for_each(make_safe),
        Value::Object(fields) => fields.values_mut().for_each(make_safe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_cannot_forge_a_line() {
        let mut fields =
            json!({"name": "a\n{\"event\":\"decision\"}", "images": [{"image": "\u{1b}[2J"}]});
        make_safe(&mut fields);
        let line = fields.to_string();
        assert!(
            !line.contains('\n') && line.contains("\\\\u{1b}[2J"),
            "{line}"
        );
    }
}
