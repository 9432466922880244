//! The answers, in the order of what was named.

use std::path::{Path, PathBuf};

use bulla_verify::Verdict;
use serde::Serialize;

use super::forms;
use crate::escape::escape;
use crate::join::rules::Source;
use crate::join::unsigned::Unsigned;
use crate::printer::Form;
use crate::render::{Cell, Page, Report, explain, outcome, shorten, sources, verdict as render};
use crate::{Exit, Failure};

/// Everything that was found out in one call.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VerifyReport {
    #[serde(skip)]
    shown: Shown,
    #[serde(skip)]
    audit: bool,
    /// The number the process ends with.
    pub(super) exit: u8,
    pub(super) sources: Vec<Source>,
    pub(super) verdicts: Vec<Judged>,
    /// The folder that relative paths are relative to.
    #[serde(skip)]
    pub(super) directory: PathBuf,
}

/// How much people are shown.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shown {
    /// Notes, and the checks of what is allowed.
    pub(super) verbose: bool,
    /// Every check of every signature.
    pub(super) explain: bool,
}

/// One item and what was found out about it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Judged {
    /// What it was called.
    pub(super) target: String,
    /// What to type to mean exactly this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) image: Option<String>,
    /// Whether that holds it, a file.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) holds: bool,
    /// Where manifests name it: object, field, file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) places: Vec<String>,
    /// Whether manifests name it by a tag alone, which may move before anybody pulls it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_tag: bool,
    /// Files beside it that attestations were read from without being named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) beside: Vec<String>,
    /// Bundles that were named for it.
    #[serde(skip)]
    pub(super) named: Vec<String>,
    /// Names of files beside it that were looked for in vain.
    #[serde(skip)]
    pub(super) absent: Option<String>,
    /// What was found that nobody signed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) unsigned: Vec<Unsigned>,
    /// The answer, as `verdict`; or why there is none, as `error`.
    #[serde(flatten, serialize_with = "outcome")]
    pub(super) outcome: Result<Verdict, Failure>,
}

impl Judged {
    /// An item about which nothing is known yet.
    pub(super) fn named(target: String) -> Self {
        Self {
            target,
            image: None,
            holds: false,
            places: Vec::new(),
            is_tag: false,
            beside: Vec::new(),
            named: Vec::new(),
            absent: None,
            unsigned: Vec::new(),
            outcome: Err(Failure::new(
                crate::failure::FailureKind::Internal,
                "it was not looked at",
            )),
        }
    }

    /// In a dry run an answer is no failure; that there is none still is.
    pub(super) fn exit(&self, audit: bool) -> Exit {
        match &self.outcome {
            Ok(_) if audit => Exit::Success,
            Ok(verdict) => Exit::of_verdict(verdict),
            Err(failure) => failure.kind().exit(),
        }
    }
}

impl VerifyReport {
    /// Sums up the answers; with `audit` denials do not count.
    pub(super) fn new(
        shown: Shown,
        sources: Vec<Source>,
        verdicts: Vec<Judged>,
        audit: bool,
    ) -> Self {
        let exits: Vec<Exit> = verdicts.iter().map(|judged| judged.exit(audit)).collect();
        Self {
            shown,
            audit,
            exit: Exit::overall(&exits).code(),
            sources,
            verdicts,
            directory: PathBuf::new(),
        }
    }

    /// The same, of a call in this folder.
    pub(super) fn called_in(mut self, directory: &Path) -> Self {
        directory.clone_into(&mut self.directory);
        self
    }

    /// The code of all answers together.
    pub(super) fn exit(&self) -> Exit {
        let exits: Vec<Exit> = self
            .verdicts
            .iter()
            .map(|judged| judged.exit(self.audit))
            .collect();
        Exit::overall(&exits)
    }
}

impl Report for VerifyReport {
    fn human(&self, page: &mut Page) {
        sources(page, &self.sources);
        for (at, judged) in self.verdicts.iter().enumerate() {
            if at > 0 {
                page.gap();
            }
            judged.human(page, self.shown);
        }
        if self.verdicts.len() > 1 {
            page.gap();
            let good = self
                .verdicts
                .iter()
                .filter(|judged| judged.exit(false) == Exit::Success)
                .count();
            let text = format!("{good} of {} allowed", self.verdicts.len());
            page.line(if good == self.verdicts.len() {
                Cell::good(text)
            } else {
                Cell::bad(text)
            });
        }
    }

    fn outputs(&self) -> Vec<(&'static str, String)> {
        let mut outputs = vec![
            ("decision", forms::together(self).to_owned()),
            ("exit", self.exit.to_string()),
        ];
        if let [only] = self.verdicts.as_slice()
            && let Ok(verdict) = &only.outcome
        {
            let image = only.image.clone().filter(|name| escape(name) == *name);
            outputs.extend(image.map(|image| ("image", image)));
            outputs.push(("digest", verdict.subject.to_string()));
            let leading = verdict.leading().map(|finding| finding.code.to_string());
            outputs.extend(leading.map(|code| ("finding", code)));
        }
        outputs
    }

    fn document(&self, form: Form) -> Option<String> {
        Some(match form {
            Form::Sarif => forms::sarif(self),
            Form::Junit => forms::junit(self),
            Form::Markdown => forms::markdown(self),
        })
    }
}

impl Judged {
    fn human(&self, page: &mut Page, shown: Shown) {
        match &self.outcome {
            Ok(verdict) => {
                let verbose = shown.verbose || shown.explain;
                render(page, &self.target, verdict, verbose);
                if shown.explain {
                    explain(page, verdict);
                }
            }
            Err(failure) => {
                if self.places.is_empty() {
                    page.line(Cell::strong(&self.target));
                } else {
                    // What manifests say begins no line: a pipeline may take it for its own words.
                    page.labelled(&Cell::strong("image:"), &self.target);
                }
                page.labelled(&Cell::bad("error:"), failure.message());
                for detail in failure.details() {
                    page.indented(1, detail);
                }
                for hint in failure.hints() {
                    page.labelled(&Cell::strong("hint:"), hint);
                }
            }
        }
        self.say_where(page);
        for path in &self.beside {
            page.labelled(&Cell::faint("used:"), path);
        }
        if let Ok(verdict) = &self.outcome
            && verdict.exit_code() != 0
        {
            for path in self.beside.iter().chain(&self.named) {
                let text = format!("bulla inspect {path} shows who signed what");
                page.labelled(&Cell::strong("hint:"), &text);
            }
        }
        if let Some(names) = &self.absent {
            page.labelled(
                &Cell::strong("hint:"),
                &format!("nothing is beside the file ({names}); name what holds its signature: --bundle FILE"),
            );
        }
        for unsigned in &self.unsigned {
            page.labelled(&Cell::attention("unsigned:"), &uncounted(unsigned));
        }
    }
}

impl Judged {
    /// Where manifests name the image, or the artifact that holds the file.
    fn say_where(&self, page: &mut Page) {
        for place in self.places.iter().take(PLACES) {
            page.labelled(&Cell::faint("in:"), place);
        }
        if self.places.len() > PLACES {
            let more = self.places.len() - PLACES;
            page.labelled(&Cell::faint("in:"), &format!("{more} more places"));
        }
        if let (true, Some(image)) = (self.holds, &self.image) {
            page.labelled(&Cell::faint("in:"), image);
        }
        if let Some(text) = self.may_move() {
            page.labelled(&Cell::attention("warning:"), &text);
        }
    }

    /// That another image may be pulled than the one judged here.
    pub(super) fn may_move(&self) -> Option<String> {
        let image = self.image.as_ref().filter(|_| self.is_tag)?;
        Some(format!("a tag can move before it is pulled: name {image}"))
    }
}

/// What is said of a claim that nobody signed.
pub(super) fn uncounted(unsigned: &Unsigned) -> String {
    let about = unsigned.about.as_ref();
    let about = about.map_or_else(String::new, |digest| format!(" about {}", shorten(digest)));
    let manifest = shorten(&unsigned.manifest);
    format!("{} {manifest}{about}: shown, never counted", unsigned.what)
}

/// Places shown to people; all are in the JSON.
const PLACES: usize = 5;
