//! Environments and steps in the words that commands take, for hints.

use bulla_model::{Edge, EdgeKind, Environment};

use crate::policy::EdgeRule;
use crate::question::Context;

/// An environment as `--env`, `--to` and `--from` take it: by the policy in force, which is the one that
/// a command typed now is asked by.
pub(crate) fn environment<'u>(context: &'u Context<'_>, uri: &'u Environment) -> &'u str {
    context.question.policy.typed(uri)
}

/// The flags that name this step, as `promote` and `approve` take them.
pub(crate) fn step(context: &Context<'_>, edge: &Edge) -> String {
    flags(context, edge.kind, edge.from.as_ref(), &edge.to.uri)
}

/// The command that takes this step, and its flags.
pub(crate) fn take(context: &Context<'_>, edge: &Edge) -> (&'static str, String) {
    command(context, edge.kind, edge.from.as_ref(), &edge.to.uri)
}

/// The command that brings the artifact into this environment, and its flags: by an ordinary step,
/// where there is one.
pub(crate) fn bring(context: &Context<'_>, into: &Environment) -> (&'static str, String) {
    let steps = || {
        let edges = context.question.policy.edges().iter();
        edges.filter(|rule| rule.to == *into && is_for(context, rule))
    };
    let ordinary = steps().find(|rule| rule.kind == EdgeKind::Promote);
    let goes_in = |rule: &&EdgeRule| !matches!(rule.kind, EdgeKind::Rollback | EdgeKind::Retire);
    match ordinary.or_else(|| steps().find(goes_in)) {
        Some(rule) => command(context, rule.kind, rule.from.as_ref(), into),
        None => command(context, EdgeKind::Promote, None, into),
    }
}

fn command(
    context: &Context<'_>,
    kind: EdgeKind,
    from: Option<&Environment>,
    to: &Environment,
) -> (&'static str, String) {
    if kind == EdgeKind::Rollback {
        return ("rollback", format!("--env {}", environment(context, to)));
    }
    let needs = match kind {
        EdgeKind::Hotfix => " --reason TEXT",
        EdgeKind::BreakGlass => " --reason TEXT --incident ID",
        _ => "",
    };
    let flags = flags(context, kind, from, to);
    ("promote", format!("{flags}{needs}"))
}

/// `--to`, and what else is needed to mean no other step.
fn flags(
    context: &Context<'_>,
    kind: EdgeKind,
    from: Option<&Environment>,
    to: &Environment,
) -> String {
    let edges = context.question.policy.edges().iter();
    let same = edges.filter(|rule| rule.to == *to && rule.kind == kind && is_for(context, rule));
    let from = match from.filter(|_| same.count() > 1) {
        Some(from) => format!(" --from {}", environment(context, from)),
        None => String::new(),
    };
    let kind = match kind {
        EdgeKind::Promote => String::new(),
        kind => format!(" --kind {kind}"),
    };
    format!("--to {}{from}{kind}", environment(context, to))
}

/// Whether a step of the policy in force is for the service's tier under it.
fn is_for(context: &Context<'_>, rule: &EdgeRule) -> bool {
    let service = context.question.policy.services.get(context.service);
    let tier = service.map_or(context.tier, |service| &service.tier);
    rule.tiers.is_empty() || rule.tiers.contains(tier)
}
