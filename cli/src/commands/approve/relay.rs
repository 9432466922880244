//! `bulla approve --review`: what others said to a request, passed on by a relay.

use std::sync::Arc;

use bulla_attest::claim;
use bulla_attest::review::{Request, Review};
use bulla_model::predicate::Approval;
use bulla_model::predicate::approval::{ApprovalDecision, OnBehalfOf};
use bulla_model::{Person, ResourceDescriptor};
use bulla_verify::policy::Matched;
use bulla_verify::relay::{self, RelayRule};
use bulla_verify::{Evidence, SignedTime, StepDraft, Verified, examine};
use jiff::Timestamp;

use super::relay_report::{LeftOut, RelayReport, Signed};
use crate::args::approve::Arguments;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::image::OpenImage;
use crate::join::rules::Rules;
use crate::join::sealer::{Prepared, Purpose, Sealer};
use crate::join::{blocking, consent, review, seal};
use crate::render::Page;
use crate::{Exit, Failure};

/// What is passed on, and how.
pub(super) struct Relay<'a> {
    pub(super) arguments: &'a Arguments,
    pub(super) context: &'a Context,
    pub(super) rules: &'a Arc<Rules>,
    pub(super) image: &'a OpenImage,
    pub(super) evidence: Arc<Evidence>,
    pub(super) draft: &'a StepDraft,
    pub(super) now: Timestamp,
    pub(super) not_after: Timestamp,
}

/// A review that becomes an approval.
struct Passed<'a> {
    review: &'a Review,
    person: Person,
    said: OnBehalfOf,
}

impl Relay<'_> {
    /// Signs one approval for each review that counts and was not passed on yet.
    pub(super) async fn run(&self, url: &str) -> Result<Exit, Failure> {
        let relays = self.relays(url)?;
        let Some(first) = relays.first() else {
            return Err(unnamed("this review for this environment"));
        };
        self.check_tier();
        let recording = &self.arguments.signing.recording;
        let request = review::read(self.context, recording, first, url).await?;
        let mut report = RelayReport::new(self.image, self.draft, review::page(url));
        report.commit.clone_from(&request.commit);
        let Some(file) = self.file(&request, &relays, &mut report)? else {
            self.context.printer.report(&report)?;
            return Ok(Exit::Denied);
        };
        let passed = self.persons(&request, first, &file, &mut report);
        // One entry has to allow all of it: who signs, and what was looked into.
        let relays = relays.iter().filter(|rule| rule.looks_into(&file));
        let relays: Vec<&RelayRule> = relays.copied().collect();
        report.file = Some(file);
        let passed = self.without_known(passed, &relays, &mut report).await?;
        if passed.is_empty() {
            self.context.printer.report(&report)?;
            return Ok(if report.already.is_empty() {
                Exit::NotYet
            } else {
                Exit::Success
            });
        }
        let signer = self.signer(&relays, &passed, &report).await?;
        for one in passed {
            report.signed.push(self.sign(&signer, one).await?);
        }
        let (arguments, now) = (self.arguments, self.now);
        let judged = super::judge(arguments, self.context, self.rules, self.image, now);
        let (_, after, _) = judged.await?;
        report.approvals = super::approvals(&after);
        self.context.printer.report(&report)?;
        Ok(Exit::Success)
    }

    /// The entries of the anchor that let reviews of this request count for this step.
    fn relays(&self, url: &str) -> Result<Vec<&RelayRule>, Failure> {
        let Some(anchor) = &self.rules.anchor else {
            return Err(Failure::usage("--review needs an anchor that names relays")
                .with_hint("name it: --anchor FILE"));
        };
        let reads = |rule: &&RelayRule| {
            let repository = relay::repository(rule.platform(), url);
            let step = &self.draft.edge;
            repository.is_some_and(|repository| rule.reads(repository))
                && rule.environments().contains(&step.to.uri)
                && rule.is_for(step.kind)
        };
        Ok(anchor.relays().iter().filter(reads).collect())
    }

    fn check_tier(&self) {
        let tier = &self.draft.tier;
        let mut tiers = self.rules.policy.tiers();
        let takes = tiers.any(|(name, rule)| name == tier && rule.relayed_approvals);
        if !takes {
            self.context.printer.warn(format!(
                "tier {tier} takes no relayed approvals: these will not count"
            ));
        }
    }

    /// The file by which the request is about this image; otherwise the report says what it lacks.
    fn file(
        &self,
        request: &Request,
        relays: &[&RelayRule],
        report: &mut RelayReport,
    ) -> Result<Option<String>, Failure> {
        if let Some(objection) = &request.objection {
            report.objection = Some(objection.clone());
            return Ok(None);
        }
        let digest = &self.image.descriptor.digest;
        let looks_into = |path: &str| relays.iter().any(|rule| rule.looks_into(path));
        let found = request.file_with(digest, looks_into).map_err(|error| {
            Failure::new(FailureKind::Unavailable, error)
                .with_hint("split the request, so that the platform shows all of it")
        })?;
        if found.is_none() {
            report.objection = Some(format!(
                "it adds {digest} to no file that the anchor's relays look into"
            ));
        }
        Ok(found.map(str::to_owned))
    }

    /// The reviews that count, by their persons.
    fn persons<'r>(
        &self,
        request: &'r Request,
        rule: &RelayRule,
        file: &str,
        report: &mut RelayReport,
    ) -> Vec<Passed<'r>> {
        let judged = request.judge();
        let left_out = judged.left_out.iter();
        report
            .left_out
            .extend(left_out.map(|(review, reason)| LeftOut::new(review, reason)));
        let platform = rule.platform().as_str();
        let mut passed = Vec::new();
        for (review, at) in judged.good {
            let id = review.account.to_string();
            match self.rules.policy.people().by_account(platform, &id) {
                Some((person, account)) if account.held_at(self.now) => passed.push(Passed {
                    review,
                    person: person.clone(),
                    said: OnBehalfOf {
                        platform: platform.to_owned(),
                        account_id: id,
                        review_url: review.page.clone(),
                        commit: request.commit.clone(),
                        file: Some(file.to_owned()),
                        reviewed_at: Some(at),
                    },
                }),
                Some(_) => report.left_out.push(LeftOut::new(review, "has left")),
                None => report
                    .left_out
                    .push(LeftOut::new(review, "is nobody's account in people.yaml")),
            }
        }
        passed
    }

    /// Takes out what a relay has signed already, for this very step, and what still holds.
    async fn without_known<'r>(
        &self,
        passed: Vec<Passed<'r>>,
        relays: &[&RelayRule],
        report: &mut RelayReport,
    ) -> Result<Vec<Passed<'r>>, Failure> {
        let (evidence, rules) = (Arc::clone(&self.evidence), Arc::clone(self.rules));
        let (now, limits) = (self.now, self.context.limits.clone());
        let known = blocking(move || {
            let examined = examine(&evidence, &rules.trust, now, &limits, &|| false);
            let candidates = examined
                .map_err(|_| Failure::new(FailureKind::Unavailable, "the work was ended"))?;
            let statements = candidates.iter().filter_map(|one| one.outcome().ok());
            let approvals = statements.filter_map(|one| one.predicate::<Approval>().ok());
            Ok(approvals.collect::<Vec<Verified<Approval>>>())
        })
        .await?;
        let is_known = |said: &OnBehalfOf| {
            known.iter().any(|one| {
                let by = |rule: &&RelayRule| {
                    rule.is_by(one.signer(), one.time(), self.now) == Matched::Yes
                };
                relays.iter().any(by) && self.is_this_step(one) && is_same(one.value(), said)
            })
        };
        let (already, new): (Vec<_>, Vec<_>) =
            passed.into_iter().partition(|one| is_known(&one.said));
        report.already = already.into_iter().map(|one| one.person).collect();
        Ok(new)
    }

    fn is_this_step(&self, known: &Verified<Approval>) -> bool {
        let said = known.value();
        let digest = &self.image.descriptor.digest;
        let is_image = known
            .subjects()
            .is_some_and(|subjects| subjects.iter().eq([digest]));
        let mut previous = self.draft.chain.previous.clone();
        previous.sort();
        is_image
            && said.decision == ApprovalDecision::Approve
            && said.service == self.draft.service
            && said.edge == self.draft.edge
            && said.policy == self.draft.policy
            && said.previous == previous
            && self.now < said.not_after
    }

    /// Who signs, once it is clear what.
    async fn signer(
        &self,
        relays: &[&RelayRule],
        passed: &[Passed<'_>],
        report: &RelayReport,
    ) -> Result<Sealer, Failure> {
        let signing = &self.arguments.signing;
        let roots = &self.arguments.decide.trusted_root;
        let prepared = Sealer::prepare(self.context, signing, roots, Purpose::Decision).await?;
        if let Some(identity) = prepared.identity() {
            self.check_signer(relays, &identity)?;
        }
        self.confirm(passed, report, &prepared)?;
        let signer = prepared.finish(self.context, signing).await?;
        self.check_signer(relays, signer.identity())?;
        Ok(signer)
    }

    /// What anybody else signs here would count for nothing.
    fn check_signer(
        &self,
        relays: &[&RelayRule],
        identity: &bulla_model::Identity,
    ) -> Result<(), Failure> {
        let time = SignedTime::Claimed(self.now);
        let is = |rule: &&RelayRule| rule.is_by(identity, time, self.now) == Matched::Yes;
        if relays.iter().any(is) {
            Ok(())
        } else {
            Err(unnamed(&identity.to_string()))
        }
    }

    fn confirm(
        &self,
        passed: &[Passed<'_>],
        report: &RelayReport,
        prepared: &Prepared,
    ) -> Result<(), Failure> {
        let mut page = Page::default();
        report.head(&mut page);
        for one in passed {
            let said = &one.said;
            page.indented(
                2,
                format!(
                    "for {}   account {} ({})   {}",
                    one.person, said.account_id, one.review.name, said.review_url
                ),
            );
        }
        report.tail(&mut page);
        let until = self.not_after;
        page.indented(1, format!("to be used until {until}"));
        if self.arguments.signing.yes {
            self.context.printer.note(page);
            return Ok(());
        }
        self.context.printer.announce(page);
        consent::answerable(self.context)?;
        let who = prepared.identity();
        let who = who.map_or_else(|| "the relay".to_owned(), |identity| identity.to_string());
        let who = crate::escape::escape(&who);
        consent::ask(&format!("sign for them as {who}? [y/N] "))
    }

    async fn sign(&self, signer: &Sealer, one: Passed<'_>) -> Result<Signed, Failure> {
        let draft = self.draft;
        let approval = Approval {
            decision: ApprovalDecision::Approve,
            service: draft.service.clone(),
            edge: draft.edge.clone(),
            policy: draft.policy.clone(),
            previous: draft.chain.previous.clone(),
            issued_at: self.now,
            not_after: self.not_after,
            nonce: Some(claim::nonce()?),
            reason: self.arguments.message.clone(),
            on_behalf_of: Some(one.said),
            crit: Vec::new(),
        };
        let digest = self.image.descriptor.digest.clone();
        let subject = ResourceDescriptor::named(&self.image.name, digest);
        let payload = claim::approval(&[subject], &approval)?;
        let sealed = seal::seal(self.context, signer, payload).await?;
        let attached = seal::publish(self.image, &sealed).await?;
        Ok(Signed {
            person: one.person,
            account: one.review.account,
            payload: sealed.payload,
            manifest: attached.descriptor.digest,
        })
    }
}

fn is_same(known: &Approval, said: &OnBehalfOf) -> bool {
    known.on_behalf_of.as_ref().is_some_and(|known| {
        known.platform == said.platform
            && known.account_id == said.account_id
            && known.commit == said.commit
            && review::page(&known.review_url) == review::page(&said.review_url)
    })
}

fn unnamed(what: &str) -> Failure {
    Failure::new(
        FailureKind::Configuration,
        format_args!("the anchor names no relay that may pass this on: {what}"),
    )
    .with_hint("see `relays` in the anchor: platform, repositories, environments and identities")
}
