//! Chains, drawn.

use std::collections::BTreeSet;

use bulla_model::Digest;
use bulla_verify::{Decision, Step};

use super::ChainReport;
use crate::render::{Cell, Page, others, shorten, way};

/// The build at the root, and below each promotion those that follow it.
pub(super) fn tree(page: &mut Page, chain: &ChainReport) {
    head(page, chain);
    page.cells(1, vec!["build".into()]);
    let roots = chain.steps.iter().filter(|step| step.previous.is_empty());
    let mut drawn = BTreeSet::new();
    branch(page, chain, &roots.collect::<Vec<_>>(), "", &mut drawn);
}

/// Draws steps and what follows them. What follows several is drawn once, below the first.
fn branch(
    page: &mut Page,
    chain: &ChainReport,
    steps: &[&Step],
    indent: &str,
    drawn: &mut BTreeSet<Digest>,
) {
    for (at, step) in steps.iter().enumerate() {
        if !drawn.insert(step.promotion.clone()) {
            continue;
        }
        let is_last = at + 1 == steps.len();
        let (corner, further) = if is_last {
            ("└─ ", "   ")
        } else {
            ("├─ ", "│  ")
        };
        let mut cells = vec![Cell::from(format!("{indent}{corner}{}", name(step)))];
        cells.extend(row(chain, step));
        page.cells(1, cells);
        let next = chain.steps.iter();
        let next: Vec<_> = next
            .filter(|it| it.previous.contains(&step.promotion))
            .collect();
        branch(page, chain, &next, &format!("{indent}{further}"), drawn);
    }
}

/// One line for each promotion, in their order.
pub(super) fn table(page: &mut Page, chain: &ChainReport) {
    head(page, chain);
    for step in &chain.steps {
        let mut cells = vec![name(step).into()];
        cells.extend(row(chain, step));
        cells.push(Cell::faint(shorten(&step.promotion)));
        page.cells(1, cells);
    }
}

fn head(page: &mut Page, chain: &ChainReport) {
    page.line(Cell::strong(&chain.image));
    if let (Some(service), Some(tier)) = (&chain.service, &chain.tier) {
        page.indented(1, Cell::faint(format!("{service}   tier {tier}")));
    }
    page.gap();
}

fn name(step: &Step) -> String {
    format!("{}{}{}", step.environment, way(step), others(step))
}

fn row(chain: &ChainReport, step: &Step) -> Vec<Cell> {
    let mut environments = chain.environments.iter();
    let is_head = environments.any(|it| it.head.as_ref() == Some(&step.promotion));
    let standing = if is_head {
        Cell::good("allowed")
    } else {
        Cell::faint("passed")
    };
    vec![
        standing,
        Cell::faint(time(step)),
        step.version.clone().unwrap_or_default().into(),
        approvers(step).into(),
        Cell::faint(format!("by {}", step.by)),
    ]
}

fn time(step: &Step) -> String {
    let local = step.at.to_zoned(jiff::tz::TimeZone::system());
    local.strftime("%a %d %b %Y %H:%M %Z").to_string()
}

fn approvers(step: &Step) -> String {
    let names: Vec<_> = step.approved_by.iter().map(ToString::to_string).collect();
    if names.is_empty() {
        "no approval needed".to_owned()
    } else {
        format!("approved by {}", names.join(", "))
    }
}

/// The environments in which it may not be, with the reason.
pub(super) fn refusals(page: &mut Page, chain: &ChainReport) {
    page.gap();
    let refused = chain.environments.iter();
    for standing in refused.filter(|it| it.decision != Decision::Allow) {
        let answer = match standing.decision {
            Decision::Undetermined => Cell::attention("could not find out"),
            _ => Cell::bad("not allowed"),
        };
        let code = standing.code.map_or("", |code| code.as_str());
        page.cells(
            1,
            vec![
                standing.environment.as_str().into(),
                answer,
                code.into(),
                standing.reason.clone().unwrap_or_default().into(),
            ],
        );
    }
}

/// A flowchart, <https://mermaid.js.org/syntax/flowchart.html>.
pub(super) fn mermaid(page: &mut Page, chain: &ChainReport) {
    page.line("flowchart LR");
    page.indented(1, "build([build])");
    for (at, step) in chain.steps.iter().enumerate() {
        let mut lines = vec![name(step)];
        lines.extend(step.version.clone());
        lines.extend([time(step), approvers(step)]);
        let lines: Vec<_> = lines.iter().map(|line| label(line)).collect();
        page.indented(1, format!("p{at}[\"{}\"]", lines.join("<br/>")));
        let mut before: Vec<_> = step
            .previous
            .iter()
            .filter_map(|it| place(chain, it))
            .collect();
        if before.is_empty() {
            before.push("build".to_owned());
        }
        for before in before {
            page.indented(1, format!("{before} --> p{at}"));
        }
    }
    let refused = chain.environments.iter().enumerate();
    for (at, standing) in refused.filter(|(_, it)| it.decision != Decision::Allow) {
        let reason = standing.code.map_or("", |code| code.as_str());
        let text = format!("{}<br/>{reason}", label(&standing.environment));
        page.indented(1, format!("e{at}[\"{text}\"]"));
        page.indented(1, format!("style e{at} stroke-dasharray: 5 5"));
    }
}

fn place(chain: &ChainReport, promotion: &Digest) -> Option<String> {
    let at = chain
        .steps
        .iter()
        .position(|it| it.promotion == *promotion)?;
    Some(format!("p{at}"))
}

/// Text that means nothing to Mermaid, to Markdown or to HTML: what is no letter, digit or harmless sign
/// becomes its number.
fn label(text: &str) -> String {
    let harmless = |it: char| it.is_alphanumeric() || " .,:+-()/_".contains(it);
    let written = |it: char| {
        if harmless(it) {
            it.to_string()
        } else {
            format!("#{};", u32::from(it))
        }
    };
    text.chars().map(written).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_label_is_markup() {
        let text = label("1.8\"] --> x<script>\n%%{init}");
        assert!(
            !text.contains(['"', ']', '<', '>', '\n', '%', '{', '}']),
            "{text}"
        );
        assert_eq!(label("prod (hotfix)"), "prod (hotfix)");
    }
}
