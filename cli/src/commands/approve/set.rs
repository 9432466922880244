//! An approval of several images at once: one statement, attached to each.

use std::sync::Arc;

use bulla_attest::claim;
use bulla_model::Digest;
use bulla_model::predicate::approval::ApprovalDecision;
use serde::Serialize;

use super::{approval, approvals, consent, from_name, person};
use crate::args::approve::Arguments;
use crate::commands::Context;
use crate::join::rules::Rules;
use crate::join::sealer::{Purpose, Sealer};
use crate::join::set::{self, Member, ReleaseSet};
use crate::join::verdict::StepName;
use crate::join::{seal, step};
use crate::render::{Cell, Page, Report, shorten, verdict as render};
use crate::{Exit, Failure};

/// Signs one approval of all of them and attaches it to each.
pub(super) async fn run(
    arguments: Arguments,
    names: &[String],
    context: &Context,
) -> Result<Exit, Failure> {
    let now = step::whole_second(jiff::Timestamp::now());
    let not_after = step::until(now, &arguments.valid_for)?;
    let rules = Arc::new(Rules::load(context, &arguments.decide, now)?);
    rules.must_be_published()?;
    let set = ReleaseSet::open(context, names).await?;
    let edge = StepName {
        kind: arguments.kind.into(),
        to: &arguments.to,
        from: arguments.from.as_deref(),
        tickets: None,
        together: None,
    };
    let judged = set.judge(context, &rules, edge, None, now).await?;
    let Some(draft) = set::settle(&judged)? else {
        let mut page = Page::default();
        for one in judged.iter().filter(|one| one.draft.is_none()) {
            render(&mut page, &one.image, &one.verdict, true);
        }
        context.printer.page(page)?;
        return Ok(set::exit(&judged));
    };
    let prepared = Sealer::prepare(
        context,
        &arguments.signing,
        &arguments.decide.trusted_root,
        Purpose::Decision,
    )
    .await?;
    let mut page = Page::default();
    let policy = &draft.policy;
    let to = draft.edge.to.uri.name();
    page.indented(
        1,
        format!(
            "{}   {} -> {to}   {} together",
            draft.service,
            from_name(&draft),
            set.members.len()
        ),
    );
    page.indented(
        1,
        format!(
            "policy {} v{} ({})   to be used until {not_after}",
            policy.name, policy.version, policy.digest
        ),
    );
    let members: Vec<_> = judged.into_iter().map(Member::from).collect();
    set::checks(&mut page, &members);
    consent(&arguments, context, &rules, &prepared, page, now)?;
    let known = prepared.identity().is_some();
    let signer = prepared.finish(context, &arguments.signing).await?;
    if !known {
        person(context, &rules, signer.identity(), now);
    }
    let said = approval(&arguments, &draft, (now, not_after))?;
    let payload = claim::approval(&set.subjects(), &said)?;
    let sealed = seal::seal(context, &signer, payload).await?;
    let mut manifests = Vec::new();
    for (done, image) in set.members.iter().enumerate() {
        let attached = seal::publish(image, &sealed).await;
        let attached = attached.map_err(|failure| set.unfinished(failure, done))?;
        manifests.push(attached.descriptor.digest);
    }
    let after = set.judge(context, &rules, edge, None, now).await?;
    let veto = arguments.reject.then(|| set.members.first()).flatten();
    let report = SetReport {
        veto: veto.map(|image| super::veto(&rules, &draft.edge, &image.pinned)),
        images: members.into_iter().map(|member| member.image).collect(),
        decision: said.decision,
        edge: draft.edge.to_string(),
        payload: sealed.payload,
        manifests,
        approvals: after.iter().find_map(|one| approvals(&one.verdict)),
    };
    context.printer.report(&report)?;
    Ok(Exit::Success)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SetReport {
    images: Vec<String>,
    decision: ApprovalDecision,
    edge: String,
    payload: Digest,
    manifests: Vec<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approvals: Option<String>,
    /// What stops the step for all of them, where a rejection only advises.
    #[serde(skip_serializing_if = "Option::is_none")]
    veto: Option<String>,
}

impl Report for SetReport {
    fn human(&self, page: &mut Page) {
        let word = match self.decision {
            ApprovalDecision::Approve => "approved",
            ApprovalDecision::Reject => "rejected",
        };
        let approvals = self
            .approvals
            .as_ref()
            .map_or_else(String::new, |text| format!("   {text}"));
        page.indented(
            1,
            format!(
                "{word}  {}  {} together  {}{approvals}",
                self.edge,
                self.images.len(),
                shorten(&self.payload)
            ),
        );
        if let Some(veto) = &self.veto {
            let text = format!("this warns and stops nothing; a veto is {veto}");
            page.labelled(&Cell::strong("hint:"), &text);
        }
    }
}
