//! The names that an expression may use, and what is known of them before it is evaluated.

/// Names with what they stand for.
pub(crate) type Schema = &'static [(&'static str, Shape)];

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// Whatever a statement says.
    Any,
    Bool,
    Text,
    Timestamp,
    List,
    /// These members, each of which may be absent, and no others.
    Object(Schema),
}

impl Shape {
    /// The member of this name; `Err` with the names there are, if there is none.
    pub(super) fn member(self, name: &str) -> Result<Self, String> {
        match self {
            Self::Object(members) => find(members, name).ok_or_else(|| listed(members)),
            _ => Ok(Self::Any),
        }
    }

    /// Whether it can answer yes or no.
    pub(super) fn may_be_bool(self) -> bool {
        matches!(self, Self::Any | Self::Bool)
    }
}

pub(super) fn find(schema: Schema, name: &str) -> Option<Shape> {
    let mut members = schema.iter();
    let found = members.find(|(own, _)| *own == name);
    found.map(|(_, shape)| *shape)
}

/// The names, for messages.
pub(super) fn listed(schema: Schema) -> String {
    let names: Vec<_> = schema.iter().map(|(name, _)| format!("`{name}`")).collect();
    names.join(", ")
}
