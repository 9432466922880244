//! Members of JSON objects whose shape nobody has checked.

use serde_json::Value;

/// A text that says something.
pub(super) fn text(value: &Value, key: &str) -> Option<String> {
    let text = value.get(key)?.as_str()?.trim();
    let is_said = !["", "NOASSERTION", "NONE"].contains(&text);
    is_said.then(|| text.to_owned())
}

/// What is in a list; nothing if it is none.
pub(super) fn each<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    let list = value.get(key).and_then(Value::as_array);
    list.into_iter().flatten()
}
