//! A file of a policy as it is written: its values in their order, with what stands beside them.

/// One value.
#[derive(Debug)]
pub(super) struct Node {
    /// Where it begins in the text, its anchor and tag included.
    pub(super) start: usize,
    /// Anchor and tag, each followed by a space.
    pub(super) properties: String,
    pub(super) content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    /// A text on one line, as it is to be written, or an alias; empty where nothing is written.
    Line(String),
    /// A text over several lines: its indicator, and its lines without their indentation.
    Block(String, Vec<String>),
    Collection(Collection),
}

/// A list or a mapping.
#[derive(Debug)]
pub(super) struct Collection {
    pub(super) is_mapping: bool,
    /// Written in brackets.
    pub(super) is_flow: bool,
    /// Where it ends in the text, if it is in brackets.
    pub(super) end: usize,
    /// The column of its items.
    pub(super) column: usize,
    pub(super) items: Vec<Item>,
    /// What is below the last item, and belongs to none.
    pub(super) tail: Vec<Aside>,
}

/// An entry of a mapping, or an item of a list.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) start: usize,
    pub(super) line: usize,
    /// As it is to be written; a list's items have none.
    pub(super) key: Option<Key>,
    pub(super) value: Node,
    pub(super) above: Vec<Aside>,
    /// The comment at the end of its first line.
    pub(super) right: Option<String>,
}

#[derive(Debug)]
pub(super) struct Key {
    /// What it says.
    pub(super) name: String,
    /// How it is written.
    pub(super) text: String,
}

/// What stands between items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Aside {
    /// An empty line, or several.
    Gap,
    /// A comment with its `#`.
    Comment(String),
}

impl Node {
    /// The list or mapping that it is, if anything is in it.
    pub(super) fn collection(&self) -> Option<&Collection> {
        match &self.content {
            Content::Collection(it) if !it.items.is_empty() => Some(it),
            _ => None,
        }
    }

    /// As [`Self::collection`], to change it.
    pub(super) fn collection_mut(&mut self) -> Option<&mut Collection> {
        match &mut self.content {
            Content::Collection(it) if !it.items.is_empty() => Some(it),
            _ => None,
        }
    }
}

impl Item {
    /// Whether it is a list's item whose value begins on the line of its dash.
    pub(super) fn is_compact(&self) -> bool {
        let block = self.value.collection().filter(|it| !it.is_flow);
        self.key.is_none() && self.value.properties.is_empty() && block.is_some()
    }
}
