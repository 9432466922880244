//! Sums and differences of numbers and times. What does not fit is no result.

use super::ast::Operator;
use super::value::Value;

/// Why there is no result.
pub(super) enum NoResult {
    /// The operator means nothing for values of these kinds.
    Meaningless,
    /// It does not fit, or divides by zero.
    Unfit,
}

pub(super) fn arithmetic<'v>(
    operator: Operator,
    left: &Value<'v>,
    right: &Value<'v>,
) -> Result<Value<'v>, NoResult> {
    use Operator::{Add, Divide, Modulo, Multiply, Subtract};
    let result = match (left, right) {
        (Value::Int(one), Value::Int(other)) => match operator {
            Add => one.checked_add(*other),
            Subtract => one.checked_sub(*other),
            Multiply => one.checked_mul(*other),
            Divide => one.checked_div(*other),
            Modulo => one.checked_rem(*other),
            _ => return Err(NoResult::Meaningless),
        }
        .map(Value::Int),
        (Value::Uint(one), Value::Uint(other)) => match operator {
            Add => one.checked_add(*other),
            Subtract => one.checked_sub(*other),
            Multiply => one.checked_mul(*other),
            Divide => one.checked_div(*other),
            Modulo => one.checked_rem(*other),
            _ => return Err(NoResult::Meaningless),
        }
        .map(Value::Uint),
        (Value::Double(one), Value::Double(other)) => Some(Value::Double(match operator {
            Add => one + other,
            Subtract => one - other,
            Multiply => one * other,
            Divide => one / other,
            _ => return Err(NoResult::Meaningless),
        })),
        (Value::Timestamp(one), Value::Timestamp(other)) if operator == Subtract => {
            Some(Value::Duration(one.duration_since(*other)))
        }
        (Value::Timestamp(time), Value::Duration(by)) => match operator {
            Add => time.checked_add(*by).ok(),
            Subtract => time.checked_sub(*by).ok(),
            _ => return Err(NoResult::Meaningless),
        }
        .map(Value::Timestamp),
        (Value::Duration(by), Value::Timestamp(time)) if operator == Add => {
            time.checked_add(*by).ok().map(Value::Timestamp)
        }
        (Value::Duration(one), Value::Duration(other)) => match operator {
            Add => one.checked_add(*other),
            Subtract => one.checked_sub(*other),
            _ => return Err(NoResult::Meaningless),
        }
        .map(Value::Duration),
        _ => return Err(NoResult::Meaningless),
    };
    result.ok_or(NoResult::Unfit)
}
