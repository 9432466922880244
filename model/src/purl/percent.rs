//! Percent-encoding of components: everything but letters, digits and `.-_~:` is encoded.

use super::PurlError;

/// Appends a component; `/` is written as it is where the component is a path.
pub(super) fn encode(component: &str, slash: Slash, out: &mut String) {
    for byte in component.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'.' | b'-' | b'_' | b'~' | b':' => {
                out.push(char::from(byte));
            }
            b'/' if matches!(slash, Slash::Separates) => out.push('/'),
            _ => {
                out.push('%');
                out.push(char::from(HEX[usize::from(byte >> 4)]));
                out.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
}

/// What `/` means in a component.
#[derive(Clone, Copy)]
pub(super) enum Slash {
    /// It separates segments.
    Separates,
    /// It is a character like others.
    IsEncoded,
}

/// Decodes a component; a `%` without two hexadecimal digits, and bytes that are not UTF-8, are
/// refused.
pub(super) fn decode(component: &str) -> Result<String, PurlError> {
    let mut bytes = Vec::with_capacity(component.len());
    let mut rest = component.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        let value = digit(rest.next()).zip(digit(rest.next()));
        let value = value.and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        bytes.push(value.ok_or_else(|| {
            PurlError::syntax("two hexadecimal digits are expected after `%`".to_owned())
        })?);
    }
    String::from_utf8(bytes).map_err(|_| PurlError::syntax("a component is not UTF-8"))
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";
