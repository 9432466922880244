//! `bulla approve`: a person's yes or no to one step of one image, or of a set of them.

mod set;

use std::sync::Arc;

use bulla_attest::claim;
use bulla_model::predicate::Approval;
use bulla_model::predicate::approval::ApprovalDecision;
use bulla_model::{Digest, Edge, EdgeKind, Identity, ResourceDescriptor};
use bulla_verify::policy::Actor;
use bulla_verify::{Evidence, Outcome, StepDraft, Verdict};
use jiff::Timestamp;
use serde::Serialize;

use crate::args::approve::Arguments;
use crate::commands::Context;
use crate::join::changes::{self, Changes};
use crate::join::image::{self, OpenImage};
use crate::join::rules::Rules;
use crate::join::sealer::{Prepared, Purpose, Sealer};
use crate::join::slot::Asked;
use crate::join::verdict::StepName;
use crate::join::{self, identity_token, ledger, seal, step, verdict};
use crate::render::{self, Cell, Page, Report, shorten};
use crate::target::Target;
use crate::{Exit, Failure};

mod relay;
mod relay_report;

/// Signs an approval and attaches it to the image, or to each of several.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let names = join::set::names(
        &arguments.targets.images,
        arguments.targets.set.as_deref(),
        &context.limits,
    )?;
    match &names[..] {
        [target] => Box::pin(one(arguments, target, context)).await,
        _ if arguments.review.is_some() => Err(Failure::usage(
            "--review passes on what was said of one image, and several are named",
        )),
        _ => Box::pin(set::run(arguments, &names, context)).await,
    }
}

async fn one(arguments: Arguments, target: &str, context: &Context) -> Result<Exit, Failure> {
    let now = step::whole_second(Timestamp::now());
    let not_after = step::until(now, &arguments.valid_for)?;
    let rules = Arc::new(Rules::load(context, &arguments.decide, now)?);
    rules.must_be_published()?;
    let image = image::open(context, &Target::parse(target)?)
        .await?
        .writable()?;
    let (collected, before, draft) = judge(&arguments, context, &rules, &image, now).await?;
    let Some(draft) = draft else {
        let mut page = Page::default();
        render::verdict(&mut page, target, &before, true);
        context.printer.page(page)?;
        return Ok(Exit::of_verdict(&before));
    };
    if let Some(url) = &arguments.review {
        let relay = relay::Relay {
            arguments: &arguments,
            context,
            rules: &rules,
            image: &image,
            evidence: collected,
            draft: &draft,
            now,
            not_after,
        };
        return relay.run(url).await;
    }
    let asked = Asked {
        context,
        rules: &rules,
        service: &draft.service,
        environment: &arguments.to,
        now,
    };
    let changes = changes::of(&asked, &image, &collected, (&draft, &before)).await?;
    // The certificate comes after the answer: nobody logs in, and no authority logs a name, for a
    // question that is then answered with no.
    let prepared = Sealer::prepare(
        context,
        &arguments.signing,
        &arguments.decide.trusted_root,
        Purpose::Decision,
    )
    .await?;
    confirm(
        &arguments,
        context,
        &image,
        &draft,
        (&before, &changes),
        &rules,
        &prepared,
        (now, not_after),
    )?;
    let known = prepared.identity().is_some();
    let signer = prepared.finish(context, &arguments.signing).await?;
    if !known {
        person(context, &rules, signer.identity(), now);
    }
    let approval = approval(&arguments, &draft, (now, not_after))?;
    let subject = ResourceDescriptor::named(&image.name, image.descriptor.digest.clone());
    let payload = claim::approval(&[subject], &approval)?;
    let sealed = seal::seal(context, &signer, payload).await?;
    let attached = seal::publish(&image, &sealed).await?;
    let (_, after, _) = judge(&arguments, context, &rules, &image, now).await?;
    let report = ApproveReport {
        veto: arguments
            .reject
            .then(|| veto(&rules, &draft.edge, &image.pinned)),
        image: image.pinned,
        decision: approval.decision,
        edge: draft.edge.to_string(),
        changes,
        payload: sealed.payload,
        manifest: attached.descriptor.digest,
        approvals: approvals(&after),
    };
    context.printer.report(&report)?;
    Ok(Exit::Success)
}

/// What is beside the image, and what the gate of the step says of it.
async fn judge(
    arguments: &Arguments,
    context: &Context,
    rules: &Arc<Rules>,
    image: &OpenImage,
    now: Timestamp,
) -> Result<(Arc<Evidence>, Verdict, Option<StepDraft>), Failure> {
    let collected = ledger::beside(context, rules, &arguments.to, image, now).await?;
    let edge = StepName {
        kind: arguments.kind.into(),
        to: &arguments.to,
        from: arguments.from.as_deref(),
        tickets: None,
        together: None,
    };
    let evidence = Arc::clone(&collected);
    let (name, limits) = (&image.pinned, &context.limits);
    let judged = verdict::step(rules, evidence, name, edge, None, now, limits);
    let (verdict, draft) = judged.await?;
    Ok((collected, verdict, draft))
}

/// What the approver says of what was drafted.
fn approval(
    arguments: &Arguments,
    draft: &StepDraft,
    (now, not_after): (Timestamp, Timestamp),
) -> Result<Approval, Failure> {
    Ok(Approval {
        decision: if arguments.reject {
            ApprovalDecision::Reject
        } else {
            ApprovalDecision::Approve
        },
        service: draft.service.clone(),
        edge: draft.edge.clone(),
        policy: draft.policy.clone(),
        previous: draft.chain.previous.clone(),
        issued_at: now,
        not_after,
        nonce: Some(claim::nonce()?),
        reason: arguments.message.clone(),
        on_behalf_of: None,
        crit: Vec::new(),
    })
}

#[expect(
    clippy::too_many_arguments,
    reason = "everything a person should see before signing"
)]
fn confirm(
    arguments: &Arguments,
    context: &Context,
    image: &OpenImage,
    draft: &StepDraft,
    (before, changes): (&Verdict, &Changes),
    rules: &Rules,
    prepared: &Prepared,
    (now, not_after): (Timestamp, Timestamp),
) -> Result<(), Failure> {
    let mut page = Page::default();
    page.indented(
        1,
        format!(
            "{} {}   {} -> {}   {}",
            draft.service,
            render::changes::releases(changes),
            from_name(draft),
            draft.edge.to.uri.name(),
            image.descriptor.digest
        ),
    );
    let policy = &draft.policy;
    page.indented(
        1,
        format!(
            "policy {} v{} ({})   to be used until {not_after}",
            policy.name, policy.version, policy.digest
        ),
    );
    render::changes::rows(&mut page, 1, changes);
    checks(&mut page, 1, before);
    consent(arguments, context, rules, prepared, page, now)
}

fn checks(page: &mut Page, indent: usize, verdict: &Verdict) {
    for check in &verdict.checks {
        let outcome = match check.outcome {
            Outcome::Ok => Cell::good("ok"),
            Outcome::Failed(_) => Cell::attention("--"),
        };
        page.row(
            indent,
            [outcome, check.name.into(), check.summary.as_str().into()],
        );
    }
}

/// Shows what is to be signed, and asks.
fn consent(
    arguments: &Arguments,
    context: &Context,
    rules: &Rules,
    prepared: &Prepared,
    page: Page,
    now: Timestamp,
) -> Result<(), Failure> {
    if arguments.signing.yes {
        context.printer.note(page);
    } else {
        context.printer.announce(page);
    }
    let who = match prepared.identity() {
        Some(identity) => person(context, rules, &identity, now),
        None => identity_token::announced(context, &arguments.signing.identity)?,
    };
    if arguments.signing.yes {
        return Ok(());
    }
    join::consent::answerable(context)?;
    let word = if arguments.reject {
        "reject"
    } else {
        "approve"
    };
    let who = crate::escape::escape(&who);
    join::consent::ask(&format!("{word} as {who}? [y/N] "))
}

/// What the policy calls an identity; says so if it knows no person with it.
fn person(context: &Context, rules: &Rules, identity: &Identity, now: Timestamp) -> String {
    let time = bulla_verify::SignedTime::Claimed(now);
    if let Actor::Person(person) = rules.policy.people().actor(identity, time, now) {
        return person.to_string();
    }
    context.printer.warn(format!(
        "the policy knows no person with {identity}: this will not count"
    ));
    identity.to_string()
}

fn from_name(draft: &StepDraft) -> &str {
    draft
        .edge
        .from
        .as_ref()
        .map_or("build", bulla_model::Environment::name)
}

/// What stops the step, where a rejection only advises.
fn veto(rules: &Rules, edge: &Edge, image: &str) -> String {
    let name = |uri| rules.policy.name_of(uri).unwrap_or_default();
    let from = edge.from.as_ref().map_or("", name);
    let kind = match edge.kind {
        EdgeKind::Promote => String::new(),
        kind => format!(" --kind {kind}"),
    };
    let to = name(&edge.to.uri);
    format!("bulla revoke {image} --edge {from}..{to}{kind} --reason TEXT")
}

fn approvals(verdict: &Verdict) -> Option<String> {
    verdict
        .checks
        .iter()
        .rev()
        .find(|check| check.name == "approvals")
        .map(|check| check.summary.clone())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApproveReport {
    image: String,
    decision: ApprovalDecision,
    edge: String,
    /// What the step changes in the environment.
    changes: Changes,
    payload: Digest,
    manifest: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    approvals: Option<String>,
    /// What would stop the step.
    #[serde(skip_serializing_if = "Option::is_none")]
    veto: Option<String>,
}

impl Report for ApproveReport {
    fn human(&self, page: &mut Page) {
        let what = format!("{}  {}", self.edge, shorten(&self.payload));
        told(page, self.decision, &what, self.approvals.as_deref());
        advice(page, self.veto.as_deref());
    }
}

fn told(page: &mut Page, decision: ApprovalDecision, what: &str, approvals: Option<&str>) {
    let word = match decision {
        ApprovalDecision::Approve => "approved",
        ApprovalDecision::Reject => "rejected",
    };
    let approvals = approvals.map_or_else(String::new, |text| format!("   {text}"));
    page.indented(1, format!("{word}  {what}{approvals}"));
}

/// What to do where a rejection only advises.
fn advice(page: &mut Page, veto: Option<&str>) {
    if let Some(veto) = veto {
        let text = format!("this warns and stops nothing; a veto is {veto}");
        page.labelled(&Cell::strong("hint:"), &text);
    }
}
