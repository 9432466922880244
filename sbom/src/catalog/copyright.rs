//! Licences of Debian packages, from their copyright files.
//!
//! Machine-readable debian/copyright (DEP-5) 1.0, <https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/>.
//! Files in free text only show which of the common licence texts they point to; whether "or any
//! later version" applies cannot be told from that, so those stay names.

use std::collections::BTreeSet;

use super::stanza;
use crate::License;
use crate::source::View;

/// Whether this is the copyright file of a package.
pub(super) fn is_copyright(path: &str) -> bool {
    path.strip_prefix(FOLDER)
        .and_then(|rest| rest.strip_suffix("/copyright"))
        .is_some_and(|package| !package.contains('/'))
}

/// Licences of a package; none if it has no copyright file or that names none.
pub(super) fn licenses(view: &View, package: &str) -> BTreeSet<License> {
    let Some(text) = view.text(&format!("{FOLDER}{package}/copyright")) else {
        return BTreeSet::new();
    };
    if text
        .lines()
        .take(FORMAT_LINES)
        .any(|line| line.starts_with("Format"))
    {
        declared(&text)
    } else {
        referenced(&text)
    }
}

fn declared(text: &str) -> BTreeSet<License> {
    stanza::parse(text)
        .iter()
        .filter_map(|stanza| stanza.field("License")?.lines().next())
        .filter_map(|synopsis| License::parse(&spdx_expression(synopsis)))
        .collect()
}

/// Names of files in `/usr/share/common-licenses` that the text points to.
fn referenced(text: &str) -> BTreeSet<License> {
    text.split(COMMON)
        .skip(1)
        .filter_map(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"-.+".contains(c));
            let name = rest.get(..end.unwrap_or(rest.len()))?.trim_end_matches('.');
            (!name.is_empty()).then(|| License::Name(name.to_owned()))
        })
        .collect()
}

/// Writes a DEP-5 synopsis the SPDX way: `GPL-2+ and Expat` is `GPL-2.0-or-later AND MIT`.
fn spdx_expression(synopsis: &str) -> String {
    let words: Vec<String> = synopsis
        .replace(',', " ")
        .replace(" with ", " WITH ")
        .split_whitespace()
        .map(|word| match word {
            "and" => "AND".to_owned(),
            "or" | "and/or" => "OR".to_owned(),
            word => spdx_identifier(word),
        })
        .collect();
    words.join(" ")
}

/// The SPDX identifier of a DEP-5 short name, or the name itself.
fn spdx_identifier(name: &str) -> String {
    if let Some((_, identifier)) = NAMES
        .iter()
        .find(|(short, _)| short.eq_ignore_ascii_case(name))
    {
        return (*identifier).to_owned();
    }
    let (base, later) = match name.strip_suffix('+') {
        Some(base) => (base, true),
        None => (name, false),
    };
    let Some((family, version)) = base.split_once('-') else {
        return name.to_owned();
    };
    if !["GPL", "LGPL", "AGPL", "GFDL"].contains(&family) {
        return name.to_owned();
    }
    let version = if version.contains('.') {
        version.to_owned()
    } else {
        format!("{version}.0")
    };
    // Only the free documentation licence counts 1.2 and 1.3 without a zero.
    let identifier = format!(
        "{family}-{version}-{}",
        if later { "or-later" } else { "only" }
    );
    if spdx::license_id(&identifier).is_some() {
        identifier
    } else {
        name.to_owned()
    }
}

/// DEP-5 short names that SPDX calls otherwise.
const NAMES: [(&str, &str); 12] = [
    ("Expat", "MIT"),
    ("Apache-2", "Apache-2.0"),
    ("Apache", "Apache-2.0"),
    ("Artistic", "Artistic-1.0-Perl"),
    ("Artistic-2", "Artistic-2.0"),
    ("BSD-2-clause", "BSD-2-Clause"),
    ("BSD-3-clause", "BSD-3-Clause"),
    ("BSD-4-clause", "BSD-4-Clause"),
    ("CC0", "CC0-1.0"),
    ("MPL-1", "MPL-1.0"),
    ("Perl", "Artistic-1.0-Perl OR GPL-1.0-or-later"),
    ("Zlib", "Zlib"),
];

const FOLDER: &str = "usr/share/doc/";
const COMMON: &str = "/usr/share/common-licenses/";

/// DEP-5 files say so in their first field; a comment may stand before it.
const FORMAT_LINES: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_become_spdx_expressions() {
        assert_eq!(
            spdx_expression("GPL-2+ and Expat"),
            "GPL-2.0-or-later AND MIT"
        );
        assert_eq!(spdx_expression("LGPL-2.1"), "LGPL-2.1-only");
        assert_eq!(
            spdx_expression("BSD-3-clause or GPL-3"),
            "BSD-3-Clause OR GPL-3.0-only"
        );
        assert_eq!(spdx_expression("public-domain"), "public-domain");
    }

    #[test]
    fn free_text_gives_the_names_it_points_to() {
        let text = "is in `/usr/share/common-licenses/GPL-2'.\nand /usr/share/common-licenses/BSD.";
        let names: Vec<_> = referenced(text).into_iter().collect();
        assert_eq!(
            names,
            [License::Name("BSD".into()), License::Name("GPL-2".into())]
        );
    }
}
