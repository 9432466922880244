//! Members of JSON objects whose shape nobody has checked.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

/// A text that says something.
pub(super) fn text(value: &Value, key: &str) -> Option<String> {
    said(value, key).map(str::to_owned)
}

/// The same, where it stands.
pub(super) fn said<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    let text = value.get(key)?.as_str()?.trim();
    let is_said = !["", "NOASSERTION", "NONE"].contains(&text);
    is_said.then_some(text)
}

/// What is in a list; nothing if it is none.
pub(super) fn each<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    let list = value.get(key).and_then(Value::as_array);
    list.into_iter().flatten()
}

/// Texts of which each is kept once, however often it is told.
#[derive(Default)]
pub(super) struct Shared(BTreeSet<Arc<str>>);

impl Shared {
    pub(super) fn of(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let text: Arc<str> = text.into();
        self.0.insert(Arc::clone(&text));
        text
    }
}
