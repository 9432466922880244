//! Licences as documents write them: expressions of SPDX 2.3, annex D, with the list of identifiers of
//! the `spdx` crate.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use spdx::{Expression, LicenseItem, ParseMode};

/// Longer texts are whole licences, not their names.
pub(crate) const LENGTH: usize = 4096;

/// How many brackets an expression opens at most. Nobody writes a hundred; a document full of them
/// would take minutes to read.
const BRACKETS: usize = 128;

/// Identifiers as SPDX lists them, those that were replaced too, and the older way to write that
/// later versions of the GNU licences do.
const MODE: ParseMode = ParseMode {
    allow_deprecated: true,
    allow_postfix_plus_on_gpl: true,
    ..ParseMode::STRICT
};

/// What SPDX writes where a licence would stand; the `spdx` crate lists the first as one.
pub(crate) const NO_LICENSES: &[&str] = &["NOASSERTION", "NONE"];

/// The expression that a text is; identifiers have no upper and lower case.
pub(crate) fn parse(text: &str) -> Option<Expression> {
    let text = text.trim();
    let brackets = text.bytes().filter(|byte| *byte == b'(').take(BRACKETS + 1);
    if text.is_empty() || text.len() > LENGTH || brackets.count() > BRACKETS {
        return None;
    }
    let exact = Expression::parse_mode(text, MODE);
    let known = exact.or_else(|error| match spelled(text) {
        spelled if spelled == text => Err(error),
        spelled => Expression::parse_mode(&spelled, MODE),
    });
    let is_license = |license: &LicenseItem| {
        let id = license.id();
        id.is_none_or(|id| !NO_LICENSES.contains(&id.name))
    };
    known.ok().filter(|expression| {
        let mut all = expression.requirements();
        all.all(|one| is_license(&one.req.license))
    })
}

static IDENTIFIERS: LazyLock<BTreeMap<String, &'static str>> = LazyLock::new(|| {
    let names = spdx::identifiers::LICENSES.iter().map(|one| one.name);
    let all = names.chain(spdx::identifiers::EXCEPTIONS.iter().map(|one| one.name));
    all.map(|name| (name.to_ascii_lowercase(), name)).collect()
});

/// Every word of an expression as SPDX writes it, and between them nothing but spaces.
fn spelled(text: &str) -> String {
    let is_between = |letter: char| letter.is_whitespace() || "()+".contains(letter);
    let mut out = String::with_capacity(text.len());
    for piece in text.split_inclusive(is_between) {
        let word = piece.trim_end_matches(is_between);
        out.push_str(&word_spelled(word));
        let rest = piece.get(word.len()..).unwrap_or_default().chars();
        out.extend(rest.map(|letter| if letter.is_whitespace() { ' ' } else { letter }));
    }
    out
}

fn word_spelled(word: &str) -> Cow<'_, str> {
    if word.is_empty() {
        return Cow::Borrowed(word);
    }
    let folded = word.to_ascii_lowercase();
    if let Some(known) = IDENTIFIERS.get(&folded) {
        return Cow::Borrowed(known);
    }
    if ["and", "or", "with"].contains(&folded.as_str()) {
        return Cow::Owned(word.to_ascii_uppercase());
    }
    let parts = word.split(':').map(|part| {
        let prefix = PREFIXES.iter().find(|prefix| {
            let start = part.get(..prefix.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        });
        match prefix {
            Some(prefix) => format!("{prefix}{}", part.get(prefix.len()..).unwrap_or_default()),
            None => part.to_owned(),
        }
    });
    Cow::Owned(parts.collect::<Vec<_>>().join(":"))
}

pub(crate) const PREFIXES: &[&str] = &["LicenseRef-", "DocumentRef-"];
