//! Licences of one component, or of a document.

use spdx::expression::ExpressionReq;
use spdx::{AdditionItem, LicenseId, LicenseItem};

use crate::license_expression::{NO_LICENSES, parse};

/// What the licences of one kind say together.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an answer to a question of its own"
)]
pub(super) struct Licenses {
    pub(super) is_told: bool,
    /// All are SPDX expressions.
    pub(super) is_valid: bool,
    /// All name nothing but what SPDX lists.
    pub(super) is_listed: bool,
    /// One names an identifier that SPDX has deprecated.
    pub(super) is_deprecated: bool,
    /// One asks for more than to be named.
    pub(super) is_restrictive: bool,
}

impl Licenses {
    pub(super) fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut all = Self {
            is_told: false,
            is_valid: true,
            is_listed: true,
            is_deprecated: false,
            is_restrictive: false,
        };
        for text in texts.map(str::trim).filter(|text| says_something(text)) {
            all.is_told = true;
            if let Some(expression) = parse(text) {
                expression.requirements().for_each(|one| all.add(one));
            } else {
                all.is_valid = false;
                all.is_listed = false;
            }
        }
        all
    }

    fn add(&mut self, one: &ExpressionReq) {
        if matches!(one.req.addition, Some(AdditionItem::Other(_))) {
            self.is_listed = false;
        }
        match &one.req.license {
            LicenseItem::Spdx { id, .. } => {
                self.is_deprecated |= id.is_deprecated();
                self.is_restrictive |= is_restrictive(*id);
            }
            LicenseItem::Other(_) => self.is_listed = false,
        }
    }
}

/// Whether a text is there and not one of the words for nothing.
pub(super) fn says_something(text: &str) -> bool {
    let text = text.trim();
    let is_word = |word| text.eq_ignore_ascii_case(word);
    !text.is_empty() && !NO_LICENSES.iter().copied().any(is_word)
}

/// Copyleft of any strength, or for no commercial use.
fn is_restrictive(id: LicenseId) -> bool {
    let mut families = WEAK_COPYLEFT.iter();
    id.is_copyleft() || id.name.contains("-NC") || families.any(|start| id.name.starts_with(start))
}

/// Families whose changes have to be shared, and which the list of the `spdx` crate, made after that
/// of the Free Software Foundation, does not call copyleft.
const WEAK_COPYLEFT: &[&str] = &[
    "APSL-",
    "Artistic-",
    "CC-SA-",
    "CDLA-Sharing-",
    "CERN-OHL-S-",
    "CERN-OHL-W-",
    "CPAL-",
    "ClArtistic",
    "EPL-",
    "ErlPL-",
    "IPL-",
    "LPL-",
    "LPPL-",
    "NASA-",
    "ODbL-",
    "OFL-",
    "QPL-",
    "RPL-",
    "RPSL-",
    "Ruby",
    "Sleepycat",
    "Vim",
    "copyleft-next-",
];
