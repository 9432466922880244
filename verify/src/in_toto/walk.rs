//! Walks a layout: links of each step, who signed them, and whether the rules hold.

use std::collections::{BTreeMap, BTreeSet};

use bulla_model::KeyId;
use bulla_model::in_toto::{
    ArtifactRule, ArtifactSide, Inspection, Layout, LayoutStep, Metadata, MetadataContent, StepLink,
};

use super::check::{Checks, cut};
use super::key::LayoutKey;
use super::parameters::substitute;
use super::rules::{self, Flow};
use super::verdict::{LayoutQuestion, PARAMETERS, StepReport};
use crate::cause::Cause;

/// Where a layout stands among those that contain it.
pub(super) struct Place {
    /// Where its links are, empty or with a slash at the end.
    folder: String,
    depth: usize,
}

impl Place {
    pub(super) fn root() -> Self {
        Self {
            folder: String::new(),
            depth: 0,
        }
    }
}

pub(super) struct Walk<'q, 'c> {
    question: &'q LayoutQuestion<'q>,
    checks: &'c mut Checks,
    pub(super) steps: Vec<StepReport>,
    layouts: usize,
}

/// What counts for a step: one for each key, in the layout's order.
struct Record {
    file: String,
    signer: KeyId,
    /// None where a layout stands for the link.
    command: Option<Vec<String>>,
    flow: Flow,
}

impl<'q, 'c> Walk<'q, 'c> {
    pub(super) fn new(question: &'q LayoutQuestion<'q>, checks: &'c mut Checks) -> Self {
        Self {
            question,
            checks,
            steps: Vec::new(),
            layouts: 0,
        }
    }

    /// Judges a layout whose signature holds. What went into its first step and came out of its
    /// last, if nothing failed.
    pub(super) fn supply_chain(
        &mut self,
        layout: &Layout,
        parameters: &BTreeMap<String, String>,
        place: &Place,
    ) -> Option<Flow> {
        let of = place.folder.as_str();
        self.layouts = self.layouts.saturating_add(1);
        let few = place.depth <= MAX_DEPTH && self.layouts <= MAX_LAYOUTS;
        if !few {
            let expected = format!("{MAX_LAYOUTS} layouts, {MAX_DEPTH} deep");
            self.checks
                .step(("layout", of), false, Cause::Undetermined, expected, "more");
            return None;
        }
        let in_time = self.checks.step(
            ("expiry", of),
            !layout.is_expired(self.question.now),
            Cause::Expired,
            format!("a layout that holds at {}", self.question.now),
            format!("it ends at {}", layout.expires),
        );
        let substituted = substitute(layout, parameters);
        if let Err(reason) = &substituted {
            let expected = "every parameter of the layout";
            let found = format!("in the layout: {reason}");
            // The layout is its signer's; what is wrong is what it was to be filled in with.
            self.checks
                .step((PARAMETERS, of), false, Cause::Denied, expected, found);
        }
        let layout = substituted.ok()?;
        let mut complete = in_time;
        let mut flows = BTreeMap::new();
        for step in &layout.steps {
            match self.step(&layout, step, place) {
                Some(flow) => {
                    flows.insert(step.name.clone(), flow);
                }
                None => complete = false,
            }
        }
        // Rules compare steps with one another, so all of them have to be there.
        let complete = complete && self.rules(&layout, &mut flows, place);
        if !complete {
            return None;
        }
        let flow = |step: Option<&LayoutStep>| step.and_then(|step| flows.get(&step.name));
        let (first, last) = (flow(layout.steps.first()), flow(layout.steps.last()));
        Some(Flow {
            materials: first.map(|flow| flow.materials.clone()).unwrap_or_default(),
            products: last.map(|flow| flow.products.clone()).unwrap_or_default(),
        })
    }

    /// What went into a step and came out of it, if enough of those who may carry it out say so.
    fn step(&mut self, layout: &Layout, step: &LayoutStep, place: &Place) -> Option<Flow> {
        let of = format!("{}{}", place.folder, step.name);
        let mut records: Vec<Record> = Vec::new();
        let mut causes = Vec::new();
        let mut seen = BTreeSet::new();
        for id in &step.pubkeys {
            match self.record(layout, step, id, place) {
                Ok(Some(record)) if seen.insert(record.signer.clone()) => records.push(record),
                Ok(Some(record)) => self.checks.note(format!(
                    "{}: this key has signed another link of the step and counts once",
                    record.file
                )),
                Ok(None) => {}
                Err(cause) => causes.push(cause),
            }
        }
        if step.certificates {
            self.checks.note(format!(
                "{of}: holders of certificates may carry it out, which count for nothing here"
            ));
        }
        let cause = if causes.contains(&Cause::Undetermined) {
            Cause::Undetermined
        } else {
            Cause::best(causes)
        };
        let enough = self.checks.step(
            ("links", &of),
            records.len() >= step.threshold,
            cause,
            format!(
                "links signed by {} different keys of the step",
                step.threshold
            ),
            format!("{}", records.len()),
        );
        let agreed = enough && self.agree(&records, step, &of);
        let first = records.first().filter(|_| agreed)?;
        for record in &records {
            let command = record.command.as_ref();
            let other = command.filter(|command| **command != step.expected_command);
            if let (Some(command), false) = (other, step.expected_command.is_empty()) {
                self.checks.note(format!(
                    "{}: the command was `{}`, expected `{}`",
                    record.file,
                    command.join(" "),
                    step.expected_command.join(" ")
                ));
            }
        }
        self.steps.push(StepReport {
            name: cut(&of),
            threshold: step.threshold,
            signers: records.iter().map(|one| one.signer.clone()).collect(),
            materials: first.flow.materials.len(),
            products: first.flow.products.len(),
        });
        Some(first.flow.clone())
    }

    /// Whether those who carried out a step saw the same; where one is enough, the first that the
    /// layout names speaks.
    fn agree(&mut self, records: &[Record], step: &LayoutStep, of: &str) -> bool {
        let Some((first, others)) = records.split_first() else {
            return false;
        };
        let same = |other: &&Record| {
            other.flow.materials == first.flow.materials
                && other.flow.products == first.flow.products
        };
        let other = others.iter().find(|other| !same(other));
        if step.threshold <= 1 {
            if let Some(other) = other {
                self.checks.note(format!(
                    "{} differs from {}, which is the one that counts",
                    other.file, first.file
                ));
            }
            return true;
        }
        let found = match other {
            Some(other) => format!("{} and {} do not", first.file, other.file),
            None => format!("{} do", records.len()),
        };
        let expected = "links that agree on materials and products";
        self.checks.step(
            ("agreement", of),
            other.is_none(),
            Cause::Denied,
            expected,
            found,
        )
    }

    /// The link of one key for a step: none if there is none, the cause if it does not count.
    fn record(
        &mut self,
        layout: &Layout,
        step: &LayoutStep,
        id: &str,
        place: &Place,
    ) -> Result<Option<Record>, Cause> {
        let short: String = id.chars().take(KEY_ID_PREFIX).collect();
        let file = format!("{}{}.{short}.link", place.folder, step.name);
        let Some(bytes) = self.question.links.get(&file) else {
            return Ok(None);
        };
        if (self.question.cancelled)() {
            return Err(Cause::Undetermined);
        }
        let key = layout
            .keys
            .get(id)
            .ok_or("the layout has no such key".to_owned());
        let key = match key.and_then(|key| LayoutKey::from_layout(id, key)) {
            Ok(key) => key,
            Err(reason) => return Err(self.ignored(&file, &reason, Cause::Untrusted)),
        };
        let metadata = match Metadata::parse(bytes, self.question.limits) {
            Ok(metadata) => metadata,
            Err(error) => return Err(self.ignored(&file, &error.to_string(), Cause::Invalid)),
        };
        if let Err(cause) = key.signed(&metadata) {
            let reason = match cause {
                Cause::Invalid => "the signature does not match",
                _ => "no signature by the key it is named after",
            };
            return Err(self.ignored(&file, reason, cause));
        }
        let (flow, command) = match metadata.content() {
            MetadataContent::Link(link) if link.name != step.name => {
                let reason = format!("it is a link of step `{}`", link.name);
                return Err(self.ignored(&file, &reason, Cause::OtherSubject));
            }
            MetadataContent::Link(link) => (of_link(link), Some(link.command.clone())),
            MetadataContent::Layout(inner) => {
                let inside = Place {
                    folder: format!("{}{}.{short}/", place.folder, step.name),
                    depth: place.depth.saturating_add(1),
                };
                let flow = self.supply_chain(inner, &BTreeMap::new(), &inside);
                let failed = || self.checks.cause().unwrap_or(Cause::Denied);
                (flow.ok_or_else(failed)?, None)
            }
        };
        Ok(Some(Record {
            file,
            signer: key.key().id().clone(),
            command,
            flow,
        }))
    }

    /// Tells that a link counts for nothing.
    fn ignored(&mut self, file: &str, reason: &str, cause: Cause) -> Cause {
        self.checks.note(format!("{file} does not count: {reason}"));
        cause
    }

    /// Applies every rule; what inspections saw joins the steps once those hold.
    fn rules(
        &mut self,
        layout: &Layout,
        flows: &mut BTreeMap<String, Flow>,
        place: &Place,
    ) -> bool {
        let mut hold = true;
        for step in &layout.steps {
            let rules = [&step.expected_materials, &step.expected_products];
            hold &= self.rules_of(&step.name, rules, flows, place);
        }
        for inspection in &layout.inspections {
            match self.inspected(inspection, place) {
                Some(flow) => {
                    flows.insert(inspection.name.clone(), flow);
                }
                None => hold = false,
            }
        }
        if !hold {
            return false;
        }
        for inspection in &layout.inspections {
            let rules = [
                &inspection.expected_materials,
                &inspection.expected_products,
            ];
            hold &= self.rules_of(&inspection.name, rules, flows, place);
        }
        hold
    }

    fn rules_of(
        &mut self,
        name: &str,
        rules: [&Vec<ArtifactRule>; 2],
        flows: &BTreeMap<String, Flow>,
        place: &Place,
    ) -> bool {
        let Some(own) = flows.get(name) else {
            return false;
        };
        let of = format!("{}{name}", place.folder);
        let sides = [
            ("materials", ArtifactSide::Materials),
            ("products", ArtifactSide::Products),
        ];
        let mut hold = true;
        for (rules, (check, side)) in rules.into_iter().zip(sides) {
            for rule in rules {
                if let ArtifactRule::Match(matched) = rule
                    && !flows.contains_key(&matched.step)
                {
                    self.checks
                        .note(format!("{of}: `{rule}` names no step, so nothing matches"));
                }
            }
            let cancelled = self.question.cancelled;
            hold &= match rules::apply(rules, side, own, flows, cancelled) {
                Ok(()) => {
                    let expected = format!("{} rules to hold", rules.len());
                    let found = format!("{} artifacts", own.side(side).len());
                    self.checks
                        .step((check, &of), true, Cause::Denied, expected, found)
                }
                Err(broken) => self.checks.step(
                    (check, &of),
                    false,
                    broken.cause,
                    broken.expected,
                    broken.found,
                ),
            };
        }
        hold
    }

    /// What whoever verifies saw around an inspection's command; it is never run here.
    fn inspected(&mut self, inspection: &Inspection, place: &Place) -> Option<Flow> {
        let of = format!("{}{}", place.folder, inspection.name);
        let seen = self.question.inspected.get(&of);
        let found = match seen {
            Some(_) => "both, as the caller says".to_owned(),
            None => format!("it was not run: `{}`", inspection.run.join(" ")),
        };
        let expected = "the folder before and after the inspection's command";
        self.checks.step(
            ("inspection", &of),
            seen.is_some(),
            Cause::Undetermined,
            expected,
            found,
        );
        seen.map(|seen| Flow {
            materials: seen.materials.clone(),
            products: seen.products.clone(),
        })
    }
}

fn of_link(link: &StepLink) -> Flow {
    Flow {
        materials: link.materials.clone(),
        products: link.products.clone(),
    }
}

/// How much of a key id is in the name of a link's file.
const KEY_ID_PREFIX: usize = 8;

/// How deep layouts may lie in one another. Stops a layout that contains itself.
const MAX_DEPTH: usize = 8;

/// Layouts of one verification. Stops many steps, each of them many layouts.
const MAX_LAYOUTS: usize = 256;
