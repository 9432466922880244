//! Short names that distributions used before they took SPDX's.
//!
//! As Fedora's list of good licences had them until 2022,
//! <https://docs.fedoraproject.org/en-US/legal/all-allowed/>, column "Fedora abbreviation". Names that
//! stand for several licences (`BSD`, `Python`, `Public Domain`) are not in it.

use spdx::Expression;

/// The SPDX expression of one in short names: `GPLv2+ and (MIT or ASL 2.0)`; `None` unless every name
/// in it is known.
pub(super) fn expression(text: &str) -> Option<String> {
    let mut spdx = String::new();
    let mut name = String::new();
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    for word in spaced.split_whitespace() {
        let operator = match word {
            "and" | "AND" | "&" => "AND",
            "or" | "OR" => "OR",
            "(" | ")" => word,
            _ => {
                push(&mut name, word);
                continue;
            }
        };
        finish(&mut spdx, &mut name)?;
        push(&mut spdx, operator);
    }
    finish(&mut spdx, &mut name)?;
    Expression::parse(&spdx).is_ok().then_some(spdx)
}

fn finish(spdx: &mut String, name: &mut String) -> Option<()> {
    if !name.is_empty() {
        push(spdx, identifier(name)?);
        name.clear();
    }
    Some(())
}

fn push(text: &mut String, word: &str) {
    if !text.is_empty() && !text.ends_with('(') && word != ")" {
        text.push(' ');
    }
    text.push_str(word);
}

fn identifier(name: &str) -> Option<&'static str> {
    let known = SHORT.binary_search_by_key(&name, |(short, _)| short);
    let known = known.ok().and_then(|index| SHORT.get(index));
    known
        .map(|(_, id)| *id)
        .or_else(|| spdx::license_id(name).map(|id| id.name))
}

/// Sorted by the short name.
const SHORT: [(&str, &str); 56] = [
    ("AGPLv3", "AGPL-3.0-only"),
    ("AGPLv3+", "AGPL-3.0-or-later"),
    ("APSL 2.0", "APSL-2.0"),
    ("ASL 1.0", "Apache-1.0"),
    ("ASL 1.1", "Apache-1.1"),
    ("ASL 2.0", "Apache-2.0"),
    ("Artistic 2.0", "Artistic-2.0"),
    ("Artistic clarified", "ClArtistic"),
    ("BSD with advertising", "BSD-4-Clause"),
    ("Beerware", "Beerware"),
    ("Boost", "BSL-1.0"),
    ("CC0", "CC0-1.0"),
    ("CC0 1.0", "CC0-1.0"),
    ("CDDL", "CDDL-1.0"),
    ("CPL", "CPL-1.0"),
    ("CeCILL", "CECILL-2.0"),
    ("CeCILL-B", "CECILL-B"),
    ("CeCILL-C", "CECILL-C"),
    ("EUPL 1.1", "EUPL-1.1"),
    ("EUPL 1.2", "EUPL-1.2"),
    ("FTL", "FTL"),
    ("GPL+", "GPL-1.0-or-later"),
    ("GPLv1", "GPL-1.0-only"),
    ("GPLv2", "GPL-2.0-only"),
    ("GPLv2+", "GPL-2.0-or-later"),
    ("GPLv3", "GPL-3.0-only"),
    ("GPLv3+", "GPL-3.0-or-later"),
    ("IJG", "IJG"),
    ("ISC", "ISC"),
    ("Inner-Net", "Inner-Net-2.0"),
    ("LGPLv2", "LGPL-2.0-only"),
    ("LGPLv2+", "LGPL-2.0-or-later"),
    ("LGPLv2.1", "LGPL-2.1-only"),
    ("LGPLv2.1+", "LGPL-2.1-or-later"),
    ("LGPLv3", "LGPL-3.0-only"),
    ("LGPLv3+", "LGPL-3.0-or-later"),
    ("LPPL", "LPPL-1.3a"),
    ("MPLv1.0", "MPL-1.0"),
    ("MPLv1.1", "MPL-1.1"),
    ("MPLv2.0", "MPL-2.0"),
    ("MS-PL", "MS-PL"),
    ("MirOS", "MirOS"),
    ("NCSA", "NCSA"),
    ("OFL", "OFL-1.1"),
    ("OpenLDAP", "OLDAP-2.8"),
    ("OpenSSL", "OpenSSL"),
    ("PHP", "PHP-3.01"),
    ("PostgreSQL", "PostgreSQL"),
    ("QPL", "QPL-1.0"),
    ("SIL", "OFL-1.1"),
    ("Sleepycat", "Sleepycat"),
    ("TCL", "TCL"),
    ("UPL", "UPL-1.0"),
    ("WTFPL", "WTFPL"),
    ("ZPLv2.1", "ZPL-2.1"),
    ("zlib", "Zlib"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_of_identifiers() {
        assert!(SHORT.is_sorted());
        for (_, id) in SHORT {
            assert!(spdx::license_id(id).is_some(), "{id}");
        }
    }

    #[test]
    fn expressions_of_short_names_are_translated_whole_or_not_at_all() {
        let translated = |text| expression(text).unwrap_or_default();
        assert_eq!(
            translated("GPLv2+ and (ASL 2.0 or MIT)"),
            "GPL-2.0-or-later AND (Apache-2.0 OR MIT)"
        );
        assert_eq!(translated("LGPLv2+"), "LGPL-2.0-or-later");
        assert_eq!(translated("GPLv2+ and BSD"), "");
        assert_eq!(translated("GPLv2+ with exceptions"), "");
        assert_eq!(translated(""), "");
        assert_eq!(translated("GPLv2 and"), "");
    }
}
