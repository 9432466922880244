//! Canonical JSON as in-toto signs it.
//!
//! Implements "Canonical JSON" of the in-toto specification v1.0, section 4.2,
//! <https://github.com/in-toto/specification/blob/v1.0/in-toto-spec.md>: members sorted by code
//! point, no white space, only quote and backslash escaped, integers and no other numbers. What is
//! written here is only ever checked against a signature. Attestations, whose bytes are signed as
//! they are, have no use for it.

use serde_json::Value;

use super::MetadataError;

/// Writes a value in canonical form. Numbers that are not integers of 64 bits have none.
pub fn canonical_json(value: &Value) -> Result<Vec<u8>, MetadataError> {
    let mut out = Vec::new();
    write(value, &mut out)?;
    Ok(out)
}

/// The nesting is that of the strict reader, which bounds it.
fn write(value: &Value, out: &mut Vec<u8>) -> Result<(), MetadataError> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => {
            if !number.is_i64() && !number.is_u64() {
                return Err(MetadataError::Number);
            }
            out.extend_from_slice(number.to_string().as_bytes());
        }
        Value::String(text) => string(text, out),
        Value::Array(elements) => {
            out.push(b'[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(element, out)?;
            }
            out.push(b']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            // The order of UTF-8's bytes is that of code points.
            members.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
            out.push(b'{');
            for (index, (name, member)) in members.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                string(name, out);
                out.push(b':');
                write(member, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

fn string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> String {
        let value = serde_json::from_str(text).unwrap();
        String::from_utf8(canonical_json(&value).unwrap()).unwrap()
    }

    #[test]
    fn the_form_is_that_of_the_reference_implementation() {
        // What securesystemslib 1.6.0 writes for the same values.
        assert_eq!(
            canonical(r#"{"b": [1, -2, true, false, null], "a": "x\"\\y", "A": {}, "é": [] }"#),
            r#"{"A":{},"a":"x\"\\y","b":[1,-2,true,false,null],"é":[]}"#
        );
        assert_eq!(
            canonical("\"\\n\\u001b\\u0000/\""),
            "\"\n\u{1b}\u{0}/\"",
            "control characters stand as they are"
        );
        assert_eq!(
            canonical(r#"{"\ud83d\ude00": 1, "\uffff": 2}"#),
            "{\"\u{ffff}\":2,\"\u{1f600}\":1}",
            "members are in the order of code points, not of UTF-16"
        );
        assert_eq!(canonical("18446744073709551615"), "18446744073709551615");
    }

    #[test]
    fn numbers_that_are_no_integers_are_refused() {
        for text in ["1.0", "1e3", "-0", "0.5", "18446744073709551616"] {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(
                canonical_json(&value).unwrap_err(),
                MetadataError::Number,
                "{text}"
            );
        }
    }
}
