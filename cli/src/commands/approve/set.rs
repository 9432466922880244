//! An approval of several images at once: one statement, attached to each.

use std::sync::Arc;

use bulla_attest::claim;
use bulla_model::Digest;
use bulla_model::predicate::approval::ApprovalDecision;
use serde::Serialize;

use super::{advice, approval, approvals, checks, consent, from_name, person, told};
use crate::args::approve::Arguments;
use crate::commands::Context;
use crate::join::changes::{self, Changes};
use crate::join::image::OpenImage;
use crate::join::rules::Rules;
use crate::join::sealer::{Purpose, Sealer};
use crate::join::set::{self, ReleaseSet};
use crate::join::slot::Asked;
use crate::join::verdict::StepName;
use crate::join::{seal, step};
use crate::render::{self, Page, Report, shorten};
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
            render::verdict(&mut page, &one.image, &one.verdict, true);
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
    let asked = Asked {
        context,
        rules: &rules,
        service: &draft.service,
        environment: &arguments.to,
        now,
    };
    let places: Vec<_> = set.members.iter().map(OpenImage::place).collect();
    let mut members = Vec::new();
    for (image, one) in set.members.iter().zip(judged) {
        let step = (&draft, &one.verdict);
        let member = (image, &places[..]);
        let changes = changes::of_member(&asked, member, &one.evidence, step).await?;
        let releases = render::changes::releases(&changes);
        page.indented(1, format!("{releases}   {}", one.image));
        render::changes::rows(&mut page, 2, &changes);
        checks(&mut page, 2, &one.verdict);
        members.push(Member {
            image: one.image,
            changes,
        });
    }
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
        members,
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
    members: Vec<Member>,
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

/// One of the images.
#[derive(Serialize)]
struct Member {
    image: String,
    /// What the step changes in the environment.
    changes: Changes,
}

impl Report for SetReport {
    fn human(&self, page: &mut Page) {
        let count = self.members.len();
        let what = format!(
            "{}  {count} together  {}",
            self.edge,
            shorten(&self.payload)
        );
        told(page, self.decision, &what, self.approvals.as_deref());
        advice(page, self.veto.as_deref());
    }
}
