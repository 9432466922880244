//! Layouts and links for people.

use bulla_model::in_toto::{ArtifactRule, Artifacts};

use super::{heading, row};
use crate::join::decode::{DecodedLayout, DecodedLink};
use crate::render::{Cell, Page};

pub(super) fn layout(page: &mut Page, decoded: &DecodedLayout) {
    let layout = &decoded.layout;
    heading(page, "in-toto layout");
    signatures(page, &decoded.signatures);
    row(page, "ends", layout.expires.to_string());
    if !layout.readme.is_empty() {
        row(page, "says", &layout.readme);
    }
    for (id, key) in &layout.keys {
        row(page, "key", format!("{id} ({})", key.scheme));
    }
    for step in &layout.steps {
        page.indented(1, Cell::strong(format!("step {}", step.name)));
        let keys = step.pubkeys.join(", ");
        row(page, "by", format!("{} of: {keys}", step.threshold));
        if !step.expected_command.is_empty() {
            row(page, "command", step.expected_command.join(" "));
        }
        rules(page, "materials", &step.expected_materials);
        rules(page, "products", &step.expected_products);
    }
    for inspection in &layout.inspections {
        page.indented(1, Cell::strong(format!("inspection {}", inspection.name)));
        row(page, "command", inspection.run.join(" "));
        rules(page, "materials", &inspection.expected_materials);
        rules(page, "products", &inspection.expected_products);
    }
}

pub(super) fn link(page: &mut Page, decoded: &DecodedLink) {
    let link = &decoded.link;
    heading(page, "in-toto link");
    signatures(page, &decoded.signatures);
    row(page, "step", &link.name);
    row(page, "command", link.command.join(" "));
    artifacts(page, "material", &link.materials);
    artifacts(page, "product", &link.products);
}

fn signatures(page: &mut Page, ids: &[String]) {
    for id in ids {
        row(page, "signature (claimed)", id);
    }
    if ids.is_empty() {
        row(page, "signature", "none");
    }
}

fn rules(page: &mut Page, label: &str, rules: &[ArtifactRule]) {
    for rule in rules {
        row(page, label, rule.to_string());
    }
}

fn artifacts(page: &mut Page, label: &str, artifacts: &Artifacts) {
    for (path, digests) in artifacts.iter() {
        let digests: Vec<String> = digests
            .iter()
            .map(|(algorithm, hex)| format!("{algorithm}:{hex}"))
            .collect();
        page.row(
            1,
            [label.into(), path.into(), Cell::faint(digests.join(", "))],
        );
    }
}
