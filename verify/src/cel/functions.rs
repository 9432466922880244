//! Functions and conversions.

use jiff::{SignedDuration, Timestamp};

use super::ast::{Function, Literal};
use super::value::{Text, Value};

/// What a conversion makes of a literal; `None` if it is to be looked at when it is evaluated.
pub(super) fn fold(function: Function, literal: &Literal) -> Option<Result<Literal, String>> {
    let is_time = matches!(function, Function::Timestamp | Function::Duration);
    let Literal::Text(text) = literal else {
        return None;
    };
    if !is_time {
        return None;
    }
    Some(match convert(function, &Value::Text(text.clone())) {
        Ok(Value::Timestamp(time)) => Ok(Literal::Timestamp(time)),
        Ok(Value::Duration(time)) => Ok(Literal::Duration(time)),
        Ok(_) => return None,
        Err(reason) => Err(reason),
    })
}

/// A value as another kind; the reason if that cannot be.
pub(super) fn convert<'v>(function: Function, value: &Value<'v>) -> Result<Value<'v>, String> {
    let (kind, name) = (value.kind(), function.as_str());
    let wrong = || format!("`{name}` of this {kind} cannot be told");
    let made = match function {
        Function::Int => int(value).map(Value::Int),
        Function::Uint => uint(value).map(Value::Uint),
        Function::Double => double(value).map(Value::Double),
        Function::Bool => match value {
            Value::Bool(value) => Some(Value::Bool(*value)),
            Value::Text(text) => truth(text.as_str()).map(Value::Bool),
            _ => None,
        },
        Function::String => string(value).map(Value::Text),
        Function::Timestamp => match value {
            Value::Timestamp(time) => Some(Value::Timestamp(*time)),
            Value::Int(second) => Timestamp::from_second(*second).ok().map(Value::Timestamp),
            Value::Text(text) => instant(text.as_str()).map(Value::Timestamp),
            _ => None,
        },
        Function::Duration => match value {
            Value::Duration(time) => Some(Value::Duration(*time)),
            Value::Text(text) => duration(text.as_str()).map(Value::Duration),
            _ => None,
        },
        Function::Size | Function::Contains | Function::StartsWith | Function::EndsWith => None,
    };
    made.ok_or_else(wrong)
}

fn int(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Int(int) => Some(*int),
        Value::Uint(uint) => i64::try_from(*uint).ok(),
        Value::Double(double) => {
            let whole = double.trunc();
            let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&whole);
            #[expect(
                clippy::cast_possible_truncation,
                reason = "it was compared with the ends"
            )]
            fits.then_some(whole as i64)
        }
        Value::Text(text) => text.as_str().parse().ok(),
        Value::Timestamp(time) => Some(time.as_second()),
        _ => None,
    }
}

fn uint(value: &Value<'_>) -> Option<u64> {
    match value {
        Value::Int(int) => u64::try_from(*int).ok(),
        Value::Uint(uint) => Some(*uint),
        Value::Double(double) => {
            let whole = double.trunc();
            let fits = *double >= 0.0 && (0.0..18_446_744_073_709_551_616.0).contains(&whole);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it was compared with the ends"
            )]
            fits.then_some(whole as u64)
        }
        Value::Text(text) => text.as_str().parse().ok(),
        _ => None,
    }
}

fn double(value: &Value<'_>) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "as the language says")]
    match value {
        Value::Int(int) => Some(*int as f64),
        Value::Uint(uint) => Some(*uint as f64),
        Value::Double(double) => Some(*double),
        Value::Text(text) => text.as_str().parse().ok(),
        _ => None,
    }
}

fn truth(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" | "t" | "T" | "1" => Some(true),
        "false" | "False" | "FALSE" | "f" | "F" | "0" => Some(false),
        _ => None,
    }
}

fn string<'v>(value: &Value<'v>) -> Option<Text<'v>> {
    let made = match value {
        Value::Text(text) => return Some(text.clone()),
        Value::Bool(value) => value.to_string(),
        Value::Int(int) => int.to_string(),
        Value::Uint(uint) => uint.to_string(),
        Value::Double(double) => double.to_string(),
        Value::Timestamp(time) => time.to_string(),
        Value::Duration(time) => {
            let (seconds, nanos) = (time.as_secs(), time.subsec_nanos().unsigned_abs());
            let sign = if time.is_negative() && seconds == 0 {
                "-"
            } else {
                ""
            };
            let part = format!("{nanos:09}");
            match part.trim_end_matches('0') {
                "" => format!("{seconds}s"),
                part => format!("{sign}{seconds}.{part}s"),
            }
        }
        Value::Null | Value::List(_) | Value::Map(_) => return None,
    };
    Some(Text::made(made))
}

/// RFC 3339, <https://www.rfc-editor.org/rfc/rfc3339#section-5.6>, with a capital `T` and `Z` and no
/// leap second, and nothing else that the library would take.
fn instant(text: &str) -> Option<Timestamp> {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00";
    let is_shaped = |text: &str, shape: &[u8]| {
        let mut pairs = text.bytes().zip(shape);
        text.len() == shape.len()
            && pairs.all(|(found, wanted)| match wanted {
                b'0' => found.is_ascii_digit(),
                wanted => found == *wanted,
            })
    };
    let (local, rest) = text.split_at_checked(SHAPE.len())?;
    let (fraction, offset) = rest.split_at_checked(rest.find(['Z', '+', '-'])?)?;
    let fraction = fraction.strip_prefix('.').map_or_else(
        || fraction.is_empty(),
        |part| (1..=9).contains(&part.len()) && digits(part).1.is_empty(),
    );
    let offset = match offset.strip_prefix(['+', '-']) {
        Some(offset) => is_shaped(offset, b"00:00") && offset.get(..2)? <= "23",
        None => offset == "Z",
    };
    let has_leap_second = local.ends_with(":60");
    let is_instant = is_shaped(local, SHAPE) && fraction && offset && !has_leap_second;
    is_instant.then(|| text.parse().ok()).flatten()
}

/// Numbers with units, `1h30m` or `-1.5s`.
fn duration(text: &str) -> Option<SignedDuration> {
    const UNITS: &[(&str, i128)] = &[
        ("ns", 1),
        ("us", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1_i128, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(SignedDuration::ZERO);
    }
    let mut total = 0_i128;
    loop {
        let (whole, after) = digits(rest);
        let (part, after) = match after.strip_prefix('.') {
            Some(after) => digits(after),
            None => ("", after),
        };
        let is_letter = |char: char| char.is_ascii_alphabetic();
        let end = after.find(|char| !is_letter(char)).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(end)?;
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit)?;
        if (whole.is_empty() && part.is_empty()) || whole.len() > 18 || part.len() > 9 {
            return None;
        }
        let number = |digits: &str| match digits {
            "" => Some(0),
            digits => digits.parse::<i128>().ok(),
        };
        let scale = 10_i128.checked_pow(u32::try_from(part.len()).ok()?)?;
        let parts = number(part)?.checked_mul(*unit)?.checked_div(scale)?;
        let nanos = number(whole)?.checked_mul(*unit)?.checked_add(parts)?;
        total = total.checked_add(nanos)?;
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    let total = total.checked_mul(sign)?;
    let seconds = i64::try_from(total.checked_div(1_000_000_000)?).ok()?;
    let nanos = i32::try_from(total.checked_rem(1_000_000_000)?).ok()?;
    Some(SignedDuration::new(seconds, nanos))
}

fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|char: char| !char.is_ascii_digit());
    text.split_at_checked(end.unwrap_or(text.len()))
        .unwrap_or((text, ""))
}
