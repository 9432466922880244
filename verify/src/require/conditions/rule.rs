//! A condition as a policy writes it.

use std::fmt;

use jiff::SignedDuration;
use serde::Deserialize;
use serde_saphyr::Spanned;

use bulla_model::PredicateType;
use bulla_model::predicate::{KNOWN, is_cyclonedx, is_spdx, own, slsa_provenance};

use super::aged;
use super::words::Words;
use crate::policy::{Age, Place, PolicyError, Scope};

/// Characters of a name.
const NAME: usize = 100;

/// An expression that statements of one type have to fulfil.
#[derive(Clone, Debug)]
pub struct ConditionRule {
    /// What people call it.
    pub name: String,
    /// The predicate type.
    pub kind: PredicateType,
    /// Identities whose statements are asked.
    pub by: Vec<String>,
    /// Which of them have to fulfil it.
    pub matching: ConditionMatch,
    /// How old they may be.
    pub max_age: Option<SignedDuration>,
    pub(crate) words: Words,
    /// Where it is written.
    pub place: Place,
}

/// Which statements have to fulfil an expression.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum ConditionMatch {
    /// One at least.
    #[default]
    Any,
    /// One at least, and every one.
    All,
    /// The newest one.
    Newest,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Wire {
    name: String,
    r#type: String,
    by: Vec<String>,
    #[serde(default)]
    r#match: ConditionMatch,
    #[serde(default)]
    max_age: Option<Age>,
    #[serde(default)]
    cel: Option<Spanned<String>>,
    #[serde(default)]
    rego: Option<Spanned<String>>,
}

impl ConditionRule {
    pub(super) fn read(wire: Wire, place: Place, scope: &Scope<'_>) -> Result<Self, PolicyError> {
        let wrong = |place: &Place, reason: String| PolicyError::Rule {
            place: place.clone(),
            reason,
        };
        let is_word = |char: char| !char.is_control() && char != '`';
        let length = wire.name.chars().count();
        if !(1..=NAME).contains(&length) || !wire.name.chars().all(is_word) {
            let reason =
                format!("`name` has 1 to {NAME} characters, and no line breaks or backquotes");
            return Err(wrong(&place, reason));
        }
        let kind = kind(&wire.r#type).map_err(|reason| wrong(&place, reason))?;
        let words = Words::read(wire.cel, wire.rego, &place, scope)?;
        Ok(Self {
            name: wire.name,
            kind,
            by: scope.names(wire.by, &place)?,
            matching: wire.r#match,
            max_age: wire.max_age.map(|age| age.0),
            words,
            place,
        })
    }

    /// Every spelling of its type.
    pub(crate) fn types(&self) -> Vec<&str> {
        match self.kind.as_str() {
            slsa_provenance::TYPE | slsa_provenance::TYPE_V1_0 => {
                vec![slsa_provenance::TYPE, slsa_provenance::TYPE_V1_0]
            }
            kind => vec![kind],
        }
    }

    /// Whether it is about bills of materials, which may lie where a reference says.
    pub(crate) fn is_about_bills(&self) -> bool {
        is_cyclonedx(self.kind.as_str()) || is_spdx(self.kind.as_str())
    }

    /// What it asks for, cut short.
    pub(super) fn shown(&self) -> String {
        self.words.shown()
    }

    /// What it says, without its place.
    pub(super) fn text(&self) -> String {
        let (kind, by) = (&self.kind, self.by.join(" or "));
        let which = match self.matching {
            ConditionMatch::Any => "some",
            ConditionMatch::All => "every",
            ConditionMatch::Newest => "the newest",
        };
        let (name, age) = (&self.name, aged(self.max_age));
        let source = self.words.source();
        format!("{name}: {which} {kind} signed by {by}{age} fulfils {source}")
    }
}

impl fmt::Display for ConditionRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}   [{}]", self.text(), self.place)
    }
}

/// The predicate type that a URI or a short name means.
fn kind(text: &str) -> Result<PredicateType, String> {
    let mut known = KNOWN.iter();
    let uri = known
        .find(|known| known.alias == text)
        .map_or(text, |known| known.uri);
    if own::is_own(uri) {
        let reason = format!(
            "`{text}` binds a step, which an expression would not compare: ask with `approvals`, `soak` or the like"
        );
        return Err(reason);
    }
    uri.parse().map_err(|_| {
        format!(
            "`{}` is no predicate type: expected a URI, or a short name like `slsaprovenance1`",
            text.escape_debug()
        )
    })
}
