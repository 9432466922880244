//! What `bulla policy fmt` says.

use std::fmt::Write as _;
use std::path::Path;

use bulla_model::Digest;
use bulla_verify::PolicyFile;
use serde::Serialize;
use similar::{ChangeTag, TextDiff};

use crate::render::{Cell, Page, Report, count};

/// Lines around a change.
const AROUND: usize = 3;

/// What was changed, or would be.
#[derive(Debug, Serialize)]
pub(super) struct FmtReport {
    pub(super) policy: String,
    /// The files that were not in the layout.
    pub(super) files: Vec<Formatted>,
    pub(super) written: bool,
    /// The policy's digest before, if it is another one after.
    #[serde(rename = "digestBefore", skip_serializing_if = "Option::is_none")]
    pub(super) digest: Option<Digest>,
    /// Whether a signature is about what is changed.
    pub(super) signed: bool,
    /// What standard input becomes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
}

/// A file that was not in the layout.
#[derive(Debug, Serialize)]
pub(super) struct Formatted {
    file: String,
    /// Unified.
    diff: String,
}

impl Formatted {
    pub(super) fn of(place: &Path, old: &PolicyFile, new: &PolicyFile) -> Self {
        let before = String::from_utf8_lossy(&old.bytes);
        let after = String::from_utf8_lossy(&new.bytes);
        let diff = TextDiff::from_lines(before.as_ref(), after.as_ref());
        let mut out = String::new();
        for hunk in diff.unified_diff().context_radius(AROUND).iter_hunks() {
            let _ = writeln!(out, "{}", hunk.header());
            for change in hunk.iter_changes() {
                let sign = match change.tag() {
                    ChangeTag::Equal => ' ',
                    ChangeTag::Delete => '-',
                    ChangeTag::Insert => '+',
                };
                let _ = writeln!(out, "{sign}{}", change.value().trim_end_matches('\n'));
            }
        }
        Self {
            file: place.display().to_string(),
            diff: out,
        }
    }
}

impl Report for FmtReport {
    fn human(&self, page: &mut Page) {
        if self.files.is_empty() {
            page.labelled(
                &Cell::good("formatted"),
                &format!("{}: nothing to change", self.policy),
            );
            return;
        }
        for file in &self.files {
            if self.written {
                page.labelled(&Cell::good("written"), &file.file);
                continue;
            }
            page.labelled(&Cell::bad("differs"), &file.file);
            for line in file.diff.lines() {
                page.indented(
                    1,
                    match line.chars().next() {
                        Some('+') => Cell::good(line),
                        Some('-') => Cell::bad(line),
                        _ => Cell::faint(line),
                    },
                );
            }
        }
        if !self.written {
            page.line(format!(
                "{} not in the layout",
                count(self.files.len(), "file")
            ));
        }
        self.hints(page);
    }
}

impl FmtReport {
    fn hints(&self, page: &mut Page) {
        let hint = Cell::strong("hint:");
        if self.digest.is_some() {
            page.labelled(
                &hint,
                "the policy's digest is another one: where this version is in use, raise `version`, and \
                 list the one before under `history`",
            );
        }
        if self.signed {
            page.labelled(
                &hint,
                "its signatures are about other bytes now: bulla policy sign",
            );
        }
    }
}
