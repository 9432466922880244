//! What passing reviews on came to.

use bulla_attest::review::Review;
use bulla_model::{Digest, Person};
use bulla_verify::StepDraft;
use serde::Serialize;

use crate::join::image::OpenImage;
use crate::render::{Cell, Page, Report, shorten};

/// Everything that was read and signed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RelayReport {
    image: String,
    edge: String,
    review: String,
    pub(super) commit: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<String>,
    /// Why no review of the request counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) objection: Option<String>,
    pub(super) signed: Vec<Signed>,
    /// For whom a relay has signed before.
    pub(super) already: Vec<Person>,
    pub(super) left_out: Vec<LeftOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) approvals: Option<String>,
}

/// An approval.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Signed {
    pub(super) person: Person,
    pub(super) account: u64,
    pub(super) payload: Digest,
    pub(super) manifest: Digest,
}

/// A review that was not passed on.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LeftOut {
    account: u64,
    name: String,
    reason: &'static str,
}

impl LeftOut {
    pub(super) fn new(review: &Review, reason: &'static str) -> Self {
        Self {
            account: review.account,
            name: review.name.clone(),
            reason,
        }
    }
}

impl RelayReport {
    pub(super) fn new(image: &OpenImage, draft: &StepDraft, review: &str) -> Self {
        Self {
            image: image.pinned.clone(),
            edge: draft.edge.to_string(),
            review: review.to_owned(),
            commit: String::new(),
            file: None,
            objection: None,
            signed: Vec::new(),
            already: Vec::new(),
            left_out: Vec::new(),
            approvals: None,
        }
    }

    pub(super) fn head(&self, page: &mut Page) {
        page.indented(1, format!("{}   {}", self.edge, self.image));
        let file = self.file.as_deref().unwrap_or_default();
        page.indented(1, format!("{}   {}   {file}", self.review, self.commit));
    }

    pub(super) fn tail(&self, page: &mut Page) {
        for person in &self.already {
            page.indented(2, format!("for {person}   was passed on before"));
        }
        for one in &self.left_out {
            page.indented(
                2,
                format!("account {} ({}): {}", one.account, one.name, one.reason),
            );
        }
    }
}

impl Report for RelayReport {
    fn human(&self, page: &mut Page) {
        for one in &self.signed {
            page.indented(
                1,
                format!(
                    "approved  {}  for {}  {}",
                    self.edge,
                    one.person,
                    shorten(&one.payload)
                ),
            );
        }
        self.tail(page);
        if let Some(objection) = &self.objection {
            page.indented(1, format!("nothing was signed: {objection}"));
        } else if self.signed.is_empty() && self.already.is_empty() {
            page.indented(1, "nothing was signed: no review counts yet");
        }
        if let Some(approvals) = &self.approvals {
            page.labelled(&Cell::strong("approvals:"), approvals);
        }
    }
}
