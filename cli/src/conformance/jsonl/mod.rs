//! Small vectors: one JSON request a line in, one JSON answer a line out, in order.
//!
//! A request has an `id`, an operation in `op` and the operation's own fields; the answer is
//! `{"id", "ok", "output"}`, or `{"id", "skip": true}` for an operation or an algorithm that is not
//! known.

mod dsse;
mod jcs;
mod merkle;
mod purl;
mod signature;

use std::io::{BufRead, Read as _, Write};

use bulla_model::json;
use serde_json::{Map, Value};

use crate::Failure;
use crate::failure::FailureKind;

/// The operations: name and what answers it.
const OPERATIONS: &[(&str, Operation)] = &[
    ("dsse-pae", dsse::pae),
    ("jcs", jcs::canonical),
    ("merkle-consistency", merkle::consistency),
    ("merkle-inclusion", merkle::inclusion),
    ("purl-build", purl::build),
    ("purl-parse", purl::parse),
    ("purl-roundtrip", purl::roundtrip),
    ("sig-verify", signature::verify),
];

type Operation = fn(&Request<'_>) -> Answer;

/// A request's fields.
struct Request<'a>(&'a Map<String, Value>);

impl Request<'_> {
    /// A field that is a string.
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// A field's bytes, written in standard base64.
    fn base64(&self, name: &str) -> Option<Vec<u8>> {
        use base64::Engine as _;
        let text = self.text(name)?;
        base64::engine::general_purpose::STANDARD.decode(text).ok()
    }

    /// A field's bytes, written in hex.
    fn hex(&self, name: &str) -> Option<Vec<u8>> {
        hex::decode(self.text(name)?).ok()
    }
}

/// What an operation found.
#[derive(Debug)]
enum Answer {
    /// It could be read or made; this came out.
    Output(Value),
    /// It holds.
    Yes,
    /// It does not hold, or cannot be read.
    No,
    /// The operation is known, but not what it was asked to work with.
    Skip,
}

impl Answer {
    fn output(output: impl Into<Value>) -> Self {
        Self::Output(output.into())
    }

    fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

/// Answers every line until the input ends.
pub(super) fn run(input: impl BufRead, mut output: impl Write) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(FailureKind::Input, error);
    let mut input = input;
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut bounded = input.by_ref().take(LONGEST_LINE + 1);
        if bounded.read_until(b'\n', &mut line).map_err(failed)? == 0 {
            return Ok(());
        }
        if line.len() as u64 > LONGEST_LINE {
            return Err(Failure::new(
                FailureKind::Input,
                format_args!("a request is longer than {LONGEST_LINE} bytes"),
            ));
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let mut answer = answer(&line)?.to_string();
        answer.push('\n');
        output.write_all(answer.as_bytes()).map_err(failed)?;
        // The other side waits for each answer before it asks again.
        output.flush().map_err(failed)?;
    }
}

fn answer(line: &[u8]) -> Result<Value, Failure> {
    let request: Map<String, Value> = json::read(line, LONGEST_LINE, LINE_DEPTH)
        .map_err(|error| Failure::new(FailureKind::Input, format_args!("no request: {error}")))?;
    let mut answer = Map::new();
    answer.insert(
        "id".to_owned(),
        request.get("id").cloned().unwrap_or_default(),
    );
    let name = ["op", "operation"]
        .into_iter()
        .find_map(|field| request.get(field)?.as_str());
    let operation = OPERATIONS
        .iter()
        .find(|(known, _)| Some(*known) == name)
        .map(|(_, operation)| operation);
    let found = operation.map_or(Answer::Skip, |operation| operation(&Request(&request)));
    let mut set = |name: &str, value: Value| answer.insert(name.to_owned(), value);
    match found {
        Answer::Skip => set("skip", Value::Bool(true)),
        Answer::No => set("ok", Value::Bool(false)),
        Answer::Yes => set("ok", Value::Bool(true)),
        Answer::Output(output) => {
            set("ok", Value::Bool(true));
            set("output", output)
        }
    };
    Ok(Value::Object(answer))
}

/// A request holds a message, a key and a signature; more is an attempt to fill the memory.
const LONGEST_LINE: u64 = 64 << 20;
/// Nesting of a request. Stops stack exhaustion.
const LINE_DEPTH: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_answered_in_order_and_unknown_operations_are_skipped() {
        let input = concat!(
            r#"{"id":1,"op":"dsse-pae","payload_type":"a","payload_b64":"Yg=="}"#,
            "\n\n",
            r#"{"id":"x","op":"nonsense"}"#,
            "\n",
            r#"{"id":2,"op":"dsse-pae","payload_type":"a","payload_b64":"*"}"#,
            "\n",
        );
        let mut output = Vec::new();
        run(input.as_bytes(), &mut output).unwrap();
        let pae = hex::encode("DSSEv1 1 a 1 b");
        assert_eq!(
            String::from_utf8(output).unwrap(),
            format!(
                "{{\"id\":1,\"ok\":true,\"output\":\"{pae}\"}}\n{}\n{}\n",
                r#"{"id":"x","skip":true}"#, r#"{"id":2,"ok":false}"#
            )
        );
    }

    #[test]
    fn what_is_no_request_ends_the_run() {
        run("[]\n".as_bytes(), &mut Vec::new()).unwrap_err();
        let hidden = r#"{"id":{"$serde_json::private::RawValue":"1"},"op":"x"}"#;
        run(hidden.as_bytes(), &mut Vec::new()).unwrap_err();
    }
}
