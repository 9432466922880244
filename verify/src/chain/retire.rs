//! Promotions out of service: what a verified one of kind `retire` follows holds no longer.

use bulla_model::EdgeKind;
use bulla_model::predicate::Promotion;

use super::link::is_by_promoter;
use super::walk::Walk;
use super::{CHECK, Promotions};
use crate::cause::Cause;
use crate::code::Code;
use crate::question::Context;
use crate::verdict::{Finding, Outcome, Report};
use crate::verified::Verified;

/// Whether the head was taken out of service by a step that holds itself. One that is refused
/// changes nothing.
pub(super) fn judge(
    context: &Context<'_>,
    promotions: &Promotions,
    head: &Verified<Promotion>,
    report: &mut Report,
) {
    for retirement in of(context, promotions, head) {
        let mut attempt = Report::default();
        let depth = context.question.limits.chain_length;
        Walk::new(context, promotions, &mut attempt).step(retirement, depth);
        let cause = match Cause::overall(&attempt.causes()) {
            None => Cause::Denied,
            Some(Cause::Undetermined) => Cause::Undetermined,
            Some(_) => continue,
        };
        let name = head.value().edge.to.uri.name();
        let message = format!("it was taken out of service in {name}");
        let finding = Finding::new(Code::PromotionRetired, CHECK, message)
            .found(retirement.payload().to_string())
            .at(retirement.manifest(), "/predicate/edge/kind")
            .hint(format!(
                "to bring it back: bulla promote {} --to {name}",
                context.question.name
            ));
        report.findings.push(finding);
        report.check(CHECK, Outcome::Failed(cause), "out of service");
        return;
    }
}

/// The retirements of this promotion, by somebody who may retire.
pub(super) fn of<'a>(
    context: &'a Context<'_>,
    promotions: &'a Promotions,
    head: &'a Verified<Promotion>,
) -> impl Iterator<Item = &'a Verified<Promotion>> {
    promotions.verified.iter().filter(move |other| {
        let said = other.value();
        said.edge.kind == EdgeKind::Retire
            && said.edge.to.uri == head.value().edge.to.uri
            && said.chain.previous.contains(head.payload())
            && is_by_promoter(context, other)
    })
}
