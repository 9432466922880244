//! Values of expressions. What comes from a statement is looked at where it lies and never copied.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;

/// A length of time.
pub(super) type Duration = SignedDuration;

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Value<'v> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Text<'v>),
    List(List<'v>),
    Map(Map<'v>),
    Timestamp(Timestamp),
    Duration(Duration),
}

/// A text of a statement, of the expression, or one that was made.
#[derive(Clone, Debug)]
pub(crate) enum Text<'v> {
    Lent(&'v str),
    Made(Arc<str>),
}

#[derive(Clone, Debug)]
pub(crate) enum List<'v> {
    Lent(&'v [Json]),
    Made(Rc<Vec<Value<'v>>>),
}

#[derive(Clone, Debug)]
pub(crate) enum Map<'v> {
    Lent(&'v serde_json::Map<String, Json>),
    Made(Rc<BTreeMap<Arc<str>, Value<'v>>>),
}

impl<'v> Value<'v> {
    /// A value of a document. Whole numbers stay whole, up to those of 64 bits; `None` for a number
    /// that cannot be held at all.
    pub(crate) fn of(json: &'v Json) -> Option<Self> {
        Some(match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(int), _) => Self::Int(int),
                (None, Some(uint)) => Self::Uint(uint),
                (None, None) => Self::Double(number.as_f64()?),
            },
            Json::String(text) => Self::text(text),
            Json::Array(list) => Self::List(List::Lent(list)),
            Json::Object(map) => Self::Map(Map::Lent(map)),
        })
    }

    pub(crate) fn text(text: &'v str) -> Self {
        Self::Text(Text::Lent(text))
    }

    /// A text that is kept.
    pub(crate) fn owned(text: &str) -> Self {
        Self::Text(Text::made(text))
    }

    /// A map of what is at hand.
    pub(crate) fn map(members: impl IntoIterator<Item = (&'static str, Self)>) -> Self {
        let members = members.into_iter();
        let members = members.map(|(name, value)| (Arc::from(name), value));
        Self::Map(Map::Made(Rc::new(members.collect())))
    }

    /// What kind of value it is, as CEL calls it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::Text(_) => "string",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Timestamp(_) => "timestamp",
            Self::Duration(_) => "duration",
        }
    }

    /// How much work it is to look at all of a text, or at one other value.
    pub(super) fn cost(&self) -> u64 {
        match self {
            Self::Text(text) => text.cost(),
            _ => 1,
        }
    }

    /// Which comes first, where that can be said.
    pub(super) fn order(&self, other: &Self) -> Option<Ordering> {
        if let (Some(one), Some(other)) = (Number::of(self), Number::of(other)) {
            return one.order(other);
        }
        match (self, other) {
            (Self::Text(one), Self::Text(other)) => Some(one.as_str().cmp(other.as_str())),
            (Self::Bool(one), Self::Bool(other)) => Some(one.cmp(other)),
            (Self::Timestamp(one), Self::Timestamp(other)) => Some(one.cmp(other)),
            (Self::Duration(one), Self::Duration(other)) => Some(one.cmp(other)),
            _ => None,
        }
    }

    /// Whether they can be ordered at all; doubles can, though one may be no number.
    pub(super) fn has_order_with(&self, other: &Self) -> bool {
        let numbers = Number::of(self).is_some() && Number::of(other).is_some();
        numbers || self.order(other).is_some()
    }
}

impl Text<'_> {
    pub(super) fn made(text: impl Into<Arc<str>>) -> Self {
        Self::Made(text.into())
    }

    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Lent(text) => text,
            Self::Made(text) => text,
        }
    }

    /// The text for longer than what it was lent from.
    pub(super) fn as_kept(&self) -> Arc<str> {
        match self {
            Self::Lent(text) => Arc::from(*text),
            Self::Made(text) => Arc::clone(text),
        }
    }

    pub(super) fn cost(&self) -> u64 {
        1 + (self.as_str().len() as u64 / 16)
    }
}

impl<'v> List<'v> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Lent(list) => list.len(),
            Self::Made(list) => list.len(),
        }
    }

    /// The element at this place. Numbers that cannot be held are none.
    pub(super) fn get(&self, index: usize) -> Option<Value<'v>> {
        match self {
            Self::Lent(list) => list.get(index).and_then(Value::of),
            Self::Made(list) => list.get(index).cloned(),
        }
    }
}

impl<'v> Map<'v> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Lent(map) => map.len(),
            Self::Made(map) => map.len(),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        match self {
            Self::Lent(map) => map.contains_key(name),
            Self::Made(map) => map.contains_key(name),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<Value<'v>> {
        match self {
            Self::Lent(map) => map.get(name).and_then(Value::of),
            Self::Made(map) => map.get(name).cloned(),
        }
    }

    /// The names, sorted.
    pub(super) fn names(&self) -> Vec<Value<'v>> {
        match self {
            Self::Lent(map) => {
                let mut names: Vec<&'v str> = map.keys().map(String::as_str).collect();
                names.sort_unstable();
                names.into_iter().map(Value::text).collect()
            }
            Self::Made(map) => {
                let names = map.keys().map(Arc::clone);
                names.map(|name| Value::Text(Text::Made(name))).collect()
            }
        }
    }
}

/// A number of any kind: all are compared with each other by what they are worth.
#[derive(Clone, Copy)]
enum Number {
    Whole(i128),
    Double(f64),
}

impl Number {
    fn of(value: &Value<'_>) -> Option<Self> {
        Some(match value {
            Value::Int(int) => Self::Whole(i128::from(*int)),
            Value::Uint(uint) => Self::Whole(i128::from(*uint)),
            Value::Double(double) => Self::Double(*double),
            _ => return None,
        })
    }

    fn order(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(one), Self::Whole(other)) => Some(one.cmp(&other)),
            (Self::Double(one), Self::Double(other)) => one.partial_cmp(&other),
            (Self::Whole(whole), Self::Double(double)) => beside(whole, double),
            (Self::Double(double), Self::Whole(whole)) => {
                beside(whole, double).map(Ordering::reverse)
            }
        }
    }
}

/// A whole number beside a double, exactly: not rounded to one first.
fn beside(whole: i128, double: f64) -> Option<Ordering> {
    if double.is_nan() {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "what is beyond 128 bits becomes the largest of them, and stays larger than 64"
    )]
    let floor = double.floor() as i128;
    let has_more = double > double.floor();
    Some(match whole.cmp(&floor) {
        Ordering::Equal if has_more => Ordering::Less,
        order => order,
    })
}
