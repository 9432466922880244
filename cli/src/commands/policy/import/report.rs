//! What was written, what could not be said, and what is left to do.

use serde::Serialize;

use super::attestors::ROOTS;
use super::gaps::{Effect, Gap};
use super::plan::Plan;
use super::yaml::told;
use crate::printer::Printer;
use crate::render::{Cell, Page, Report};

/// The report of `bulla policy import`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ImportReport {
    files: Vec<String>,
    services: Vec<ImportedService>,
    /// Every field that was not translated as it is.
    gaps: Vec<Gap>,
    next: Vec<String>,
}

#[derive(Serialize)]
struct ImportedService {
    service: String,
    /// `FILE:LINE` of what it was made of.
    from: Vec<String>,
    images: Vec<String>,
    sources: Vec<String>,
    /// How many requirements in it nobody can meet.
    denied: usize,
}

impl ImportReport {
    pub(super) fn new(
        files: Vec<String>,
        plan: &Plan,
        gaps: Vec<Gap>,
        sources: impl Fn(&str) -> Vec<String>,
        (policy, to): (&str, &str),
    ) -> Self {
        let services: Vec<_> = plan
            .services
            .iter()
            .map(|service| ImportedService {
                service: service.name.clone(),
                from: service.places.clone(),
                images: service.images.clone(),
                sources: sources(&service.name),
                denied: service.denied.len(),
            })
            .collect();
        let roots = gaps.iter().any(|gap| gap.why.ends_with(ROOTS));
        let roots = if roots { " --trusted-root FILE" } else { "" };
        let mut next = Vec::new();
        for service in services.iter().filter(|one| one.sources.is_empty()) {
            next.push(format!(
                "write the repositories that {} is built from into {policy}/services/{}.yaml",
                service.service, service.service
            ));
        }
        if plan.names_nobody() {
            next.push(format!(
                "look for `not-translated` in {policy}: decide, and take it out"
            ));
        }
        next.extend([
            format!("bulla policy check --policy {policy}"),
            format!("bulla policy explain --policy {policy}"),
            "bulla attest IMAGE --provenance --key KEY".to_owned(),
        ]);
        if !plan.persons.is_empty() {
            next.push(format!(
                "bulla approve IMAGE --to {to} --key KEY --policy {policy}{roots}"
            ));
        }
        next.extend([
            format!("bulla promote IMAGE --to {to} --key KEY --policy {policy}{roots}"),
            format!("bulla verify IMAGE --env {to} --policy {policy}{roots}"),
        ]);
        Self {
            files,
            services,
            gaps,
            next,
        }
    }
}

/// Says each on standard error, the most important first. What lets in more or nothing at all is said
/// also to those who want to hear little.
pub(super) fn tell(gaps: &[Gap], printer: &Printer) {
    let of = |effect| gaps.iter().filter(move |gap| gap.effect == effect);
    for effect in [Effect::Denied, Effect::Wider] {
        for gap in of(effect) {
            printer.warn(format!("{}: {}", effect.word(), told(gap)));
        }
    }
    let mut page = Page::default();
    for effect in [Effect::Stricter, Effect::Elsewhere, Effect::Ignored] {
        for gap in of(effect) {
            page.labelled(&Cell::faint(format!("{}:", effect.word())), &told(gap));
        }
    }
    printer.note(page);
}

impl Report for ImportReport {
    fn human(&self, page: &mut Page) {
        for file in &self.files {
            page.row(1, [Cell::good("wrote"), Cell::from(file)]);
        }
        page.gap();
        page.line(
            "a signature alone lets nothing in: an image needs provenance that names its source, \
             and a promotion, by those who had to sign",
        );
        page.gap();
        page.line(Cell::strong("next"));
        for step in &self.next {
            page.indented(1, step.as_str());
        }
    }
}
