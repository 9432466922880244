//! SPDX 2.3 as tag-value, written: the document that is also written as JSON.
//!
//! <https://spdx.github.io/spdx-spec/v2.3/>, clauses 6, 7, 10 and 11. Tag-value has no escapes. What
//! would end a value too early is therefore replaced by characters that look alike: control
//! characters by their pictures (`␊`), and the marks `<text>` and `</text>` by `‹text›` and `‹/text›`.

use super::document::{CreationInfo, Document, ExtractedLicense, Package};
use crate::Inventory;
use crate::format::{Metadata, Subject};

/// The document of [SPDX as JSON](super::write) as tag-value. The same arguments give the same bytes.
pub fn write(inventory: &Inventory, subject: &Subject, metadata: &Metadata) -> Vec<u8> {
    let mut lines = Lines::default();
    lines.document(&super::document(inventory, subject, metadata));
    lines.0.into_bytes()
}

#[derive(Default)]
struct Lines(String);

// Structures are taken apart whole, so that what is added to one is missed here.
impl Lines {
    fn document(&mut self, document: &Document) {
        let Document {
            spdx_version,
            data_license,
            id,
            name,
            namespace,
            creation_info,
            comment,
            packages,
            has_extracted_licensing_infos,
            relationships,
        } = document;
        self.line("SPDXVersion", spdx_version);
        self.line("DataLicense", data_license);
        self.line("SPDXID", id);
        self.line("DocumentName", name);
        self.lines("DocumentNamespace", namespace.as_ref());
        self.creation(creation_info);
        self.texts("DocumentComment", comment.as_ref());
        for package in packages {
            self.package(package);
        }
        for license in has_extracted_licensing_infos {
            self.license(license);
        }
        self.0.push('\n');
        for one in relationships {
            let ends = format!("{} {} {}", one.from, one.kind, one.to);
            self.line("Relationship", &ends);
        }
    }

    fn creation(&mut self, creation: &CreationInfo) {
        let CreationInfo {
            created,
            creators,
            comment,
        } = creation;
        for creator in creators {
            self.line("Creator", creator);
        }
        self.line("Created", created);
        self.texts("CreatorComment", comment.as_ref());
    }

    fn package(&mut self, package: &Package) {
        let Package {
            id,
            name,
            version_info,
            supplier,
            originator,
            download_location,
            files_analyzed,
            checksums,
            homepage,
            source_info,
            license_concluded,
            license_declared,
            copyright_text,
            description,
            comment,
            external_refs,
            primary_package_purpose,
        } = package;
        self.0.push('\n');
        self.line("PackageName", name);
        self.line("SPDXID", id);
        self.lines("PackageVersion", version_info.as_ref());
        self.lines("PackageSupplier", supplier.as_ref());
        self.lines("PackageOriginator", originator.as_ref());
        self.line("PackageDownloadLocation", download_location);
        self.line("FilesAnalyzed", &files_analyzed.to_string());
        for one in checksums {
            let checksum = format!("{}: {}", one.algorithm, one.checksum_value);
            self.line("PackageChecksum", &checksum);
        }
        self.lines("PackageHomePage", homepage.as_ref());
        self.texts("PackageSourceInfo", source_info.as_ref());
        self.line("PackageLicenseConcluded", license_concluded);
        self.line("PackageLicenseDeclared", license_declared);
        self.line("PackageCopyrightText", copyright_text);
        self.texts("PackageDescription", description.as_ref());
        self.texts("PackageComment", comment.as_ref());
        for one in external_refs {
            let reference = format!("{} {} {}", one.category, one.kind, one.locator);
            self.line("ExternalRef", &reference);
        }
        // Clause 7.24: a dash here, a low line in JSON.
        let purpose = primary_package_purpose.replace('_', "-");
        self.line("PrimaryPackagePurpose", &purpose);
    }

    fn license(&mut self, license: &ExtractedLicense) {
        let ExtractedLicense {
            license_id,
            extracted_text,
            name,
        } = license;
        self.0.push('\n');
        self.line("LicenseID", license_id);
        self.text("ExtractedText", extracted_text);
        self.line("LicenseName", name);
    }

    fn lines(&mut self, tag: &str, value: Option<&String>) {
        if let Some(value) = value {
            self.line(tag, value);
        }
    }

    fn texts<T: AsRef<str>>(&mut self, tag: &str, value: Option<&T>) {
        if let Some(value) = value {
            self.text(tag, value.as_ref());
        }
    }

    /// A value of one line.
    fn line(&mut self, tag: &str, value: &str) {
        let value: String = value.chars().map(picture).collect();
        self.push(tag, &unmarked(&value));
    }

    /// A value of several lines between marks.
    fn text(&mut self, tag: &str, value: &str) {
        let shown = |character| match character {
            '\n' | '\t' => character,
            _ => picture(character),
        };
        let value: String = value.replace("\r\n", "\n").chars().map(shown).collect();
        self.push(tag, &format!("<text>{}</text>", unmarked(&value)));
    }

    fn push(&mut self, tag: &str, value: &str) {
        for part in [tag, ": ", value, "\n"] {
            self.0.push_str(part);
        }
    }
}

/// What is seen in place of a character that moves, ends or hides a line.
fn picture(character: char) -> char {
    match character {
        '\u{7f}' => '\u{2421}',
        // All of these break lines somewhere.
        '\u{85}' | '\u{2028}' | '\u{2029}' => '\u{2424}',
        _ if character.is_ascii_control() => {
            let picture = u32::from(character).saturating_add(0x2400);
            char::from_u32(picture).unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        _ if character.is_control() => char::REPLACEMENT_CHARACTER,
        _ => character,
    }
}

/// The value without marks of texts, in any letter case.
fn unmarked(value: &str) -> String {
    let mut unmarked = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('<') {
        unmarked.push_str(before);
        let name = MARKS.iter().find_map(|mark| {
            let name = after.get(..mark.len())?;
            name.eq_ignore_ascii_case(mark).then_some(name)
        });
        if let Some(name) = name {
            let name = name.trim_end_matches('>');
            unmarked.extend(["‹", name, "›"]);
        } else {
            unmarked.push('<');
        }
        rest = match name {
            Some(name) => after.get(name.len()..).unwrap_or_default(),
            None => after,
        };
    }
    unmarked.push_str(rest);
    unmarked
}

const MARKS: [&str; 2] = ["text>", "/text>"];

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Lines)) -> String {
        let mut lines = Lines::default();
        write(&mut lines);
        lines.0
    }

    #[test]
    fn a_value_never_ends_its_line_or_text() {
        let hostile = "a</text>\r\nSPDXID: b\u{2028}\r<TEXT>\u{0}<</Text> <p>";
        let line = written(|lines| lines.line("T", hostile));
        assert_eq!(line, "T: a‹/text›␍␊SPDXID: b␤␍‹TEXT›␀<‹/Text› <p>\n");
        let text = written(|lines| lines.text("T", hostile));
        let shown = "a‹/text›\nSPDXID: b␤␍‹TEXT›␀<‹/Text› <p>";
        assert_eq!(text, format!("T: <text>{shown}</text>\n"));
    }

    #[test]
    fn what_is_replaced_forms_no_other_mark() {
        let text = unmarked("<<text>text> </te</text>xt>");
        assert_eq!(text, "<‹text›text> </te‹/text›xt>");
    }
}
