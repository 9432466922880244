//! What could not be said in a policy of Bulla's, and what that comes to.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::node::{At, Member, Node, Value};

/// What becomes of a field that has no translation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Effect {
    /// Leaving it out could let more in, so a requirement that nobody can meet stands in its place.
    Denied,
    /// Left out, or said more narrowly: less is let in than there.
    Stricter,
    /// Somewhat more is let in, as is told with it.
    Wider,
    /// It belongs in another place than a policy.
    Elsewhere,
    /// It does not bear on what is let in.
    Ignored,
}

impl Effect {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Stricter => "stricter",
            Self::Wider => "wider",
            Self::Elsewhere => "elsewhere",
            Self::Ignored => "ignored",
        }
    }
}

/// A field that was not translated as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Gap {
    pub(super) file: String,
    pub(super) line: u64,
    pub(super) column: u64,
    pub(super) field: String,
    pub(super) effect: Effect,
    pub(super) why: String,
}

impl Gap {
    /// `FILE:LINE:COLUMN`.
    pub(super) fn place(&self) -> String {
        format!("{}:{}:{}", self.file, self.line, self.column)
    }
}

/// What was found of one file so far.
#[derive(Debug)]
pub(super) struct Gaps {
    file: Arc<str>,
    found: Vec<Gap>,
}

impl Gaps {
    pub(super) fn of(file: &str) -> Self {
        Self {
            file: file.into(),
            found: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, at: At, field: &str, effect: Effect, why: impl Into<String>) {
        let gap = self.gap(at, field, effect, why);
        self.found.push(gap);
    }

    /// A gap that may have to be told later.
    pub(super) fn gap(&self, at: At, field: &str, effect: Effect, why: impl Into<String>) -> Gap {
        Gap {
            file: self.file.to_string(),
            line: at.line,
            column: at.column,
            field: field.chars().take(FIELD).collect(),
            effect,
            why: why.into(),
        }
    }

    /// What is told of signers whom persons cannot say.
    pub(super) fn unsaid(&self, at: At, field: &str) -> Gap {
        let why =
            "these signers share keys or identities with others in a way that persons cannot say";
        self.gap(at, field, Effect::Denied, why)
    }

    /// How many there are, to ask later what came since.
    pub(super) fn mark(&self) -> usize {
        self.found.len()
    }

    /// What was found since.
    pub(super) fn since(&self, mark: usize) -> impl Iterator<Item = &Gap> {
        self.found.iter().skip(mark)
    }

    /// What was found since, and stands for something that would let more in.
    pub(super) fn denied_since(&self, mark: usize) -> Vec<Gap> {
        self.since(mark)
            .filter(|gap| gap.effect == Effect::Denied)
            .cloned()
            .collect()
    }

    pub(super) fn place(&self, at: At) -> String {
        format!("{}:{}", self.file, at.line)
    }

    pub(super) fn into_found(self) -> Vec<Gap> {
        self.found
    }
}

/// Characters of a field's path that are told. Stops names without an end.
const FIELD: usize = 300;

/// A field that is told and not translated, always for the same reason.
pub(super) type Told = (&'static str, Effect, &'static str);

/// The members of a map, each of which is taken or told: none is passed over in silence.
pub(super) struct Fields<'a> {
    path: String,
    at: At,
    members: &'a [Member],
    taken: BTreeSet<&'a str>,
}

impl<'a> Fields<'a> {
    /// The members of a map. What is something else is told, and has none.
    pub(super) fn of(node: &'a Node, path: &str, gaps: &mut Gaps) -> Self {
        if !matches!(node.value, Value::Map(_) | Value::Null) {
            let why = format!("{} where a map was expected", node.kind());
            gaps.add(node.at, path, Effect::Denied, why);
        }
        Self {
            path: path.to_owned(),
            at: node.at,
            members: node.members(),
            taken: BTreeSet::new(),
        }
    }

    pub(super) fn at(&self) -> At {
        self.at
    }

    /// How the map is called from the top.
    pub(super) fn own_path(&self) -> &str {
        &self.path
    }

    /// How a member is called from the top.
    pub(super) fn path(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    /// A member; what is null is not there.
    pub(super) fn take(&mut self, name: &str) -> Option<&'a Node> {
        let member = self.members.iter().find(|member| member.name == name)?;
        self.taken.insert(&member.name);
        (!matches!(member.node.value, Value::Null)).then_some(&member.node)
    }

    /// Where a member is whose name is there, whatever it is.
    pub(super) fn place(&self, name: &str) -> Option<At> {
        let member = self.members.iter().find(|member| member.name == name)?;
        Some(member.node.at)
    }

    /// A member that is a text. An empty one is not there, as for those tools; another thing is told.
    pub(super) fn text(&mut self, name: &str, gaps: &mut Gaps) -> Option<(&'a str, At)> {
        let node = self.take(name)?;
        match &node.value {
            Value::Text(text) if text.is_empty() => None,
            Value::Text(text) => Some((text, node.at)),
            _ => {
                let why = format!("{} where a text was expected", node.kind());
                gaps.add(node.at, &self.path(name), Effect::Denied, why);
                None
            }
        }
    }

    /// A member that is true or false; another thing is told.
    pub(super) fn truth(&mut self, name: &str, gaps: &mut Gaps) -> Option<(bool, At)> {
        let node = self.take(name)?;
        if let Value::Truth(truth) = node.value {
            return Some((truth, node.at));
        }
        let why = format!("{} where true or false was expected", node.kind());
        gaps.add(node.at, &self.path(name), Effect::Denied, why);
        None
    }

    /// The elements of a member that is a list, each with its path; another thing is told.
    pub(super) fn list(&mut self, name: &str, gaps: &mut Gaps) -> Vec<(&'a Node, String)> {
        let Some(node) = self.take(name) else {
            return Vec::new();
        };
        let path = self.path(name);
        if let Value::List(elements) = &node.value {
            let each = elements.iter().enumerate();
            return each
                .map(|(at, element)| (element, format!("{path}[{at}]")))
                .collect();
        }
        let why = format!("{} where a list was expected", node.kind());
        gaps.add(node.at, &path, Effect::Denied, why);
        Vec::new()
    }

    /// The texts of a member that is a list of texts; other things are told.
    pub(super) fn texts(&mut self, name: &str, gaps: &mut Gaps) -> Vec<(&'a str, At)> {
        let mut texts = Vec::new();
        for (node, path) in self.list(name, gaps) {
            if let Value::Text(text) = &node.value {
                texts.push((text.as_str(), node.at));
            } else {
                let why = format!("{} where a text was expected", node.kind());
                gaps.add(node.at, &path, Effect::Denied, why);
            }
        }
        texts
    }

    /// Tells those of these members that are there and say something.
    pub(super) fn tell(&mut self, table: &[Told], gaps: &mut Gaps) {
        for (name, effect, why) in table {
            if let Some(node) = self.take(name).filter(|node| !is_empty(node)) {
                gaps.add(node.at, &self.path(name), *effect, *why);
            }
        }
    }

    /// Tells what was neither taken nor told.
    pub(super) fn rest(self, gaps: &mut Gaps) {
        for member in self.members {
            if !self.taken.contains(member.name.as_str()) {
                let path = self.path(&member.name);
                let why = "not a field that is known here";
                gaps.add(member.node.at, &path, Effect::Denied, why);
            }
        }
    }
}

fn is_empty(node: &Node) -> bool {
    match &node.value {
        Value::Null => true,
        Value::Text(text) => text.is_empty(),
        Value::List(elements) => elements.is_empty(),
        Value::Map(members) => members.is_empty(),
        Value::Truth(_) | Value::Number(_) => false,
    }
}
