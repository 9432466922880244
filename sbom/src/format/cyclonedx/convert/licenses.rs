//! Lists of licences, of which older versions have stricter ones.

use serde_json::{Map, Value};

/// Makes a list of licences one that `version` can hold, and tells what is lost.
///
/// Before 1.7 an expression stands alone: of the same one that is declared and concluded the latter is
/// kept. Before 1.6 nothing says which a licence is, so that one that is both is told once.
pub(super) fn to_older(
    object: &mut Map<String, Value>,
    version: &str,
    place: &str,
    left_out: &mut Vec<String>,
) {
    let Some(Value::Array(licenses)) = object.get_mut("licenses") else {
        return;
    };
    if version < "1.7"
        && let Some(kept) = one_expression(licenses)
    {
        let others = (0..licenses.len()).filter(|number| *number != kept);
        left_out.extend(others.map(|number| format!("{place}/licenses/{number}")));
        *licenses = vec![licenses.swap_remove(kept)];
    }
    if version < "1.6" {
        for (number, choice) in licenses.iter_mut().enumerate() {
            let place = format!("{place}/licenses/{number}");
            if take_acknowledgement(choice) {
                left_out.push(format!("{place}/acknowledgement"));
            }
            if choice.get_mut("license").is_some_and(take_acknowledgement) {
                left_out.push(format!("{place}/license/acknowledgement"));
            }
        }
        let mut told = Vec::new();
        licenses.retain(|choice| {
            // Work is bounded: in longer lists what is equal may be there twice.
            let is_new = !told.contains(choice);
            if is_new && told.len() < FEW {
                told.push(choice.clone());
            }
            is_new
        });
    }
}

/// Which of several, that are all the same expression, is kept.
fn one_expression(licenses: &[Value]) -> Option<usize> {
    let first = licenses.first()?.get("expression")?;
    let is_same = |choice: &Value| choice.get("expression") == Some(first);
    if licenses.len() < 2 || !licenses.iter().all(is_same) {
        return None;
    }
    let is_concluded =
        |choice: &Value| choice.get("acknowledgement").and_then(Value::as_str) == Some("concluded");
    Some(licenses.iter().position(is_concluded).unwrap_or_default())
}

fn take_acknowledgement(value: &mut Value) -> bool {
    let members = value.as_object_mut();
    members.is_some_and(|members| members.remove("acknowledgement").is_some())
}

/// So many licences of a list are compared with each other.
const FEW: usize = 32;
