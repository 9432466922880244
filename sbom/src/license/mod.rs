//! Licences as SPDX expressions, where they are ones.
//!
//! SPDX specification 2.3 annex D, <https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/>,
//! through the `spdx` crate and its licence list.

mod short;

use std::collections::BTreeSet;

use spdx::{Expression, ParseMode};

/// A declared licence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum License {
    /// One identifier of the SPDX list: `MIT`.
    Id(String),
    /// A valid SPDX expression of several: `MIT OR Apache-2.0`.
    Expression(String),
    /// Free text that is no SPDX expression.
    Name(String),
}

impl License {
    /// Reads what a package declares. Empty text, `UNKNOWN` and `NOASSERTION` declare nothing.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() || NOTHING.iter().any(|word| text.eq_ignore_ascii_case(word)) {
            return None;
        }
        if text.len() > NAME_LENGTH {
            return Some(Self::Name(shorten(text)));
        }
        if let Some(id) = spdx::license_id(text) {
            return Some(Self::Id(id.name.to_owned()));
        }
        if VAGUE.iter().any(|word| text.eq_ignore_ascii_case(word)) {
            return Some(Self::Name(text.to_owned()));
        }
        // Imprecise names ("GPLv3", "Apache 2") are read, but a strict expression is written.
        let canonical = Expression::canonicalize(text)
            .ok()
            .flatten()
            .filter(|canonical| Expression::parse(canonical).is_ok());
        let known = ParseMode {
            allow_deprecated: true,
            ..ParseMode::STRICT
        };
        if let Some(canonical) = canonical {
            return Some(Self::spdx(canonical));
        }
        if Expression::parse_mode(text, known).is_ok() {
            return Some(Self::Expression(text.to_owned()));
        }
        let short = short::expression(text).map(Self::spdx);
        Some(short.unwrap_or_else(|| Self::Name(text.to_owned())))
    }

    fn spdx(expression: String) -> Self {
        match spdx::license_id(&expression) {
            Some(id) => Self::Id(id.name.to_owned()),
            None => Self::Expression(expression),
        }
    }

    /// Whether it is clear what these come to, taken together: there is one, and all of them are
    /// made of identifiers that SPDX lists. Free text and references to texts need somebody who
    /// reads them.
    pub(crate) fn are_clear(all: &BTreeSet<Self>) -> bool {
        let is_clear = |license: &Self| match license {
            Self::Id(text) => text != "NOASSERTION",
            Self::Expression(text) => !text.contains("LicenseRef-"),
            Self::Name(_) => false,
        };
        !all.is_empty() && all.iter().all(is_clear)
    }

    /// The text of the identifier, expression or name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Id(text) | Self::Expression(text) | Self::Name(text) => text,
        }
    }
}

/// The first line of a licence text put where a name belongs.
fn shorten(text: &str) -> String {
    let line = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or_default();
    line.chars().take(NAME_LENGTH).collect()
}

/// Words that fill a field which says nothing.
const NOTHING: [&str; 3] = ["unknown", "none", "noassertion"];

/// Names of families, which the `spdx` crate would take for one certain member.
const VAGUE: [&str; 8] = [
    "agpl", "apache", "artistic", "bsd", "cc", "gpl", "lgpl", "mpl",
];

/// Longer values are whole licence texts, not names.
const NAME_LENGTH: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_expressions_and_names_are_told_apart() {
        let cases = [
            ("MIT", Some(License::Id("MIT".into()))),
            (
                "mit OR Apache-2.0",
                Some(License::Expression("MIT OR Apache-2.0".into())),
            ),
            (
                "MIT/Apache-2.0",
                Some(License::Expression("MIT OR Apache-2.0".into())),
            ),
            ("GPL-2.0", Some(License::Id("GPL-2.0".into()))),
            (
                "See LICENCE.txt",
                Some(License::Name("See LICENCE.txt".into())),
            ),
            (" UNKNOWN ", None),
            ("NOASSERTION", None),
            ("Apache 2.0", Some(License::Id("Apache-2.0".into()))),
            ("BSD", Some(License::Name("BSD".into()))),
            ("LGPLv2+", Some(License::Id("LGPL-2.0-or-later".into()))),
            (
                "GPLv2+ and LGPLv2+",
                Some(License::Expression(
                    "GPL-2.0-or-later AND LGPL-2.0-or-later".into(),
                )),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(License::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn a_whole_text_is_shortened_to_its_first_line() {
        let text = format!("\n  The Example Licence\n{}", "x".repeat(10_000));
        assert_eq!(
            License::parse(&text),
            Some(License::Name("The Example Licence".into()))
        );
    }
}
