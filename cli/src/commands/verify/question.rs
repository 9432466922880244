//! What is asked of each item: an environment's policy, or a signature by one signer.

use std::sync::Arc;

use bulla_model::predicate::{is_cyclonedx, is_spdx};
use bulla_verify::{
    Evidence, ExpectedClaim, ExpectedSigner, SignedQuestion, Thresholds, Trust, Verdict,
    verify_signed,
};
use jiff::Timestamp;

use super::gather::AtHand;
use super::signer;
use crate::Failure;
use crate::args::verify::Arguments;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::follow::Followed;
use crate::join::rules::{self, Rules, Source};
use crate::join::{blocking, ledger, verdict};
use crate::trust::plain::PlainFiles;
use crate::trust::{Freshness, Wanted, instance};

/// What is asked, prepared once for all items.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    /// May it be in this environment?
    Environment {
        /// Policy, anchor, trust and state.
        rules: Arc<Rules>,
        /// The environment's name.
        name: String,
    },
    /// Did this signer sign this claim?
    Signer {
        /// Keys and trusted roots.
        trust: Arc<Trust>,
        /// Who must have signed.
        signer: Box<ExpectedSigner>,
        /// What must have been signed.
        claim: ExpectedClaim,
        /// What it rests on.
        sources: Vec<Source>,
    },
}

impl Asked {
    /// Reads policy, keys and roots. Saying nothing about who must have signed is an error.
    pub(super) async fn of(
        arguments: &Arguments,
        context: &Context,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        if let Some(name) = &arguments.env {
            let rules = Arc::new(Rules::load(context, &arguments.decide, now)?);
            return Ok(Self::Environment {
                rules,
                name: name.clone(),
            });
        }
        let claim = match (&arguments.kind, &arguments.signed_as) {
            (None, name) if !arguments.annotations.is_empty() => ExpectedClaim::Annotated {
                name: name.clone(),
                annotations: arguments.annotations.clone(),
            },
            (None, None) => ExpectedClaim::Signature,
            (None, Some(name)) => ExpectedClaim::SignatureAs(name.clone()),
            (Some(kind), _) => {
                let kind = bulla_attest::claim::predicate_type(kind)
                    .map_err(|error| Failure::usage(format_args!("--type: {error}")))?;
                ExpectedClaim::Attestation(kind.as_str().to_owned())
            }
        };
        let mut sources = Vec::new();
        let (keys, signer) = signer::expected(arguments, context).await?;
        let files = PlainFiles {
            roots: &arguments.plain.ca_roots,
            intermediates: &arguments.plain.ca_intermediates,
            timestamp_chains: &arguments.plain.timestamp_certificate_chain,
            log_keys: &arguments.plain.log_key,
            certificate_log_keys: &arguments.plain.certificate_log_key,
        };
        // A key needs nobody else's word; a certificate needs somebody's who issues them.
        let roots = if let Some(root) = files.trusted_root(&context.limits)? {
            sources.extend(root.sources);
            vec![root.bytes]
        } else if keys.is_empty() {
            let wanted = Wanted {
                trusted_root: &arguments.decide.trusted_root,
                signing_config: None,
                name: arguments.instance.as_deref(),
                freshness: Freshness::Offline,
                now,
            };
            let found = instance(context, &wanted).await?;
            sources.extend(found.sources);
            found.trusted_roots
        } else {
            rules::trusted_roots(context, &arguments.decide.trusted_root, &mut sources)?
        };
        let trust = Trust::new(keys, &roots, now, &context.limits)
            .map_err(|error| Failure::new(FailureKind::Configuration, error))?
            .with_legacy_schemes(arguments.allow_legacy_schemes)
            .with_thresholds(Thresholds {
                logs: arguments.log_threshold,
                timestamps: arguments.timestamp_threshold.max(usize::from(
                    arguments.cosign.use_signed_timestamps == Some(true),
                )),
            });
        Ok(Self::Signer {
            trust: Arc::new(trust),
            signer: Box::new(signer),
            claim,
            sources,
        })
    }

    /// Whose references to documents are followed, if the answer may lie in one: where bills of
    /// materials are asked for.
    pub(super) fn follows(&self) -> Option<Followed> {
        match self {
            Self::Environment { rules, .. } => Some(Followed::Rules(Arc::clone(rules))),
            Self::Signer {
                trust,
                signer,
                claim: ExpectedClaim::Attestation(kind),
                ..
            } if is_cyclonedx(kind) || is_spdx(kind) => Some(Followed::Signer(
                Arc::clone(trust),
                ExpectedSigner::clone(signer),
            )),
            Self::Signer { .. } => None,
        }
    }

    /// What the answers rest on.
    pub(super) fn sources(&self) -> Vec<Source> {
        match self {
            Self::Environment { rules, .. } => rules.sources.clone(),
            Self::Signer { sources, .. } => sources.clone(),
        }
    }

    /// Answers for one item, on a thread that may compute.
    pub(super) async fn judge(
        &self,
        context: &Context,
        name: &str,
        at_hand: AtHand,
        evidence: Evidence,
        now: Timestamp,
    ) -> Result<Verdict, Failure> {
        match self {
            Self::Environment {
                rules,
                name: environment,
            } => {
                let evidence = match at_hand {
                    AtHand::Yes => evidence,
                    AtHand::Not(place) => {
                        ledger::add(context, rules, environment, place.as_deref(), evidence).await?
                    }
                };
                let evidence = Arc::new(evidence);
                verdict::environment(rules, evidence, name, environment, now, &context.limits).await
            }
            Self::Signer {
                trust,
                signer,
                claim,
                ..
            } => {
                let signer = ExpectedSigner::clone(signer);
                let (trust, claim) = (Arc::clone(trust), claim.clone());
                let (name, limits) = (name.to_owned(), context.limits.clone());
                blocking(move || {
                    Ok(verify_signed(&SignedQuestion {
                        name: &name,
                        evidence: &evidence,
                        trust: &trust,
                        signer: &signer,
                        claim: &claim,
                        now,
                        limits: &limits,
                        cancelled: &verdict::deadline(limits.deadline),
                    }))
                })
                .await
            }
        }
    }
}
