//! What `bulla promote` reports, about one image and about a set.

use bulla_model::{Digest, Environment};
use bulla_verify::Verdict;
use jiff::Timestamp;
use serde::Serialize;

use super::gate::{Remarks, Taken};
use crate::Failure;
use crate::args::promote::Arguments;
use crate::failure::FailureKind;
use crate::join::rules::Source;
use crate::join::set::{self, Member};
use crate::render::{Cell, Page, Report, shorten, sources, verdict as render};

/// Of one image.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PromoteReport {
    sources: Vec<Source>,
    target: String,
    image: String,
    verdict: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    promotion: Option<Digest>,
    already: bool,
    dry_run: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    review_until: Option<Timestamp>,
    #[serde(flatten)]
    remarks: Remarks,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) copied_to: Option<String>,
    /// The environment, as it was typed.
    #[serde(skip)]
    typed: String,
    /// Where attestations are, if they are kept apart from images and so were not copied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attestations: Option<String>,
}

impl PromoteReport {
    pub(super) fn new(
        mut taken: Taken,
        arguments: &Arguments,
        target: String,
    ) -> Result<Self, Failure> {
        let member = taken.members.pop();
        let member =
            member.ok_or_else(|| Failure::new(FailureKind::Internal, "no image was looked at"))?;
        Ok(Self {
            sources: taken.sources,
            target,
            image: member.image,
            verdict: member.verdict,
            promotion: taken.promotion,
            already: taken.already,
            dry_run: arguments.dry_run,
            review_until: taken.review_until,
            remarks: taken.remarks,
            copied_to: None,
            typed: arguments.to.clone(),
            attestations: None,
        })
    }
}

impl Report for PromoteReport {
    fn human(&self, page: &mut Page) {
        sources(page, &self.sources);
        render(page, &self.target, &self.verdict, false);
        let to = self
            .verdict
            .environment
            .as_ref()
            .map_or("", |environment| environment.name());
        match (&self.promotion, self.already) {
            (Some(promotion), true) => page.labelled(
                &Cell::good("already in"),
                &format!("{to}: {}", shorten(promotion)),
            ),
            (Some(promotion), false) => page.labelled(
                &Cell::good("promoted"),
                &format!("into {to}: {}", shorten(promotion)),
            ),
            (None, _) if self.dry_run => {
                page.labelled(&Cell::strong("dry run:"), "nothing was signed");
            }
            (None, _) => {}
        }
        if let Some(until) = self.review_until {
            let target = &self.image;
            page.labelled(
                &Cell::attention("review:"),
                &format!(
                    "until {until} by somebody else: bulla review {target} --env {}",
                    self.typed
                ),
            );
        }
        record(page, &self.remarks);
        if let Some(destination) = &self.copied_to {
            let text = match &self.attestations {
                None => format!("with its attestations to {destination}"),
                Some(place) => format!("to {destination}; its attestations stay in {place}"),
            };
            page.labelled(&Cell::good("copied"), &text);
        }
    }
}

/// Of several.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SetReport {
    sources: Vec<Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<Environment>,
    members: Vec<Member>,
    #[serde(skip_serializing_if = "Option::is_none")]
    promotion: Option<Digest>,
    already: bool,
    /// Whether it was attached now to images that had lacked it.
    finished: bool,
    dry_run: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    review_until: Option<Timestamp>,
    #[serde(flatten)]
    remarks: Remarks,
    #[serde(skip)]
    names: String,
    /// The environment, as it was typed.
    #[serde(skip)]
    typed: String,
}

impl SetReport {
    pub(super) fn new(taken: Taken, arguments: &Arguments, names: &str) -> Self {
        let mut members = taken.members.iter();
        Self {
            environment: members.find_map(|one| one.verdict.environment.clone()),
            sources: taken.sources,
            members: taken.members,
            promotion: taken.promotion,
            already: taken.already,
            finished: taken.finished,
            dry_run: arguments.dry_run,
            review_until: taken.review_until,
            remarks: taken.remarks,
            names: names.to_owned(),
            typed: arguments.to.clone(),
        }
    }
}

impl Report for SetReport {
    fn human(&self, page: &mut Page) {
        sources(page, &self.sources);
        set::table(page, &self.members);
        page.gap();
        for member in set::refused(&self.members).filter(|_| !self.finished) {
            render(page, &member.image, &member.verdict, false);
            page.gap();
        }
        let to = self.environment.as_ref().map_or("", Environment::name);
        let count = self.members.len();
        match (&self.promotion, self.already) {
            (Some(promotion), _) if self.finished => page.labelled(
                &Cell::good("finished"),
                &format!("{to}, {count} together: {}", shorten(promotion)),
            ),
            (Some(promotion), true) => page.labelled(
                &Cell::good("already in"),
                &format!("{to}, {count} together: {}", shorten(promotion)),
            ),
            (Some(promotion), false) => page.labelled(
                &Cell::good("promoted"),
                &format!("{count} together into {to}: {}", shorten(promotion)),
            ),
            (None, _) if set::refused(&self.members).next().is_some() => page.labelled(
                &Cell::bad("denied:"),
                &format!("none of the {count} goes into {to} without the others"),
            ),
            (None, _) => page.labelled(&Cell::strong("dry run:"), "nothing was signed"),
        }
        if let Some(until) = self.review_until {
            let names = &self.names;
            page.labelled(
                &Cell::attention("review:"),
                &format!(
                    "until {until} by somebody else: bulla review {names} --env {}",
                    self.typed
                ),
            );
        }
        record(page, &self.remarks);
    }
}

/// Says what is still to be done, so that no registry brings back what went out of service.
fn record(page: &mut Page, remarks: &Remarks) {
    if let Some(command) = &remarks.to_record {
        let text = format!("a registry could hide this until the ledger's owner runs {command}");
        page.labelled(&Cell::strong("hint:"), &text);
    }
}
