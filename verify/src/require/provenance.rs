//! Provenance, and the service it proves.

use std::collections::BTreeSet;

use jiff::Timestamp;

use bulla_model::predicate::{Provenance, slsa_provenance};
use bulla_model::{Digest, Identity, Service};

use crate::candidate::Candidate;
use crate::cause::Cause;
use crate::code::Code;
use crate::eligible::{Eligible, Wanted, match_any};
use crate::pattern::Pattern;
use crate::policy::{Matched, Policy, ServiceRule, TierRule};
use crate::question::Context;
use crate::require::{Requirements, failed};
use crate::verdict::{Finding, Outcome, Report};
use crate::verified::Verified;

mod depth;
mod level;
mod proven;
mod rule;
mod source_vsa;

pub use level::BuildVsaRule;
use level::Reached;
pub(crate) use proven::proven;
pub use rule::ProvenanceRule;
pub use source_vsa::SourceVsaRule;

const CHECK: &str = "provenance";
pub(crate) const TYPES: &[&str] = &[
    slsa_provenance::TYPE,
    slsa_provenance::TYPE_V0_2,
    slsa_provenance::TYPE_V1_0,
];

fn judge(context: &Context<'_>, at: Timestamp, rule: &ProvenanceRule, report: &mut Report) {
    let mut eligible = among(context, at, rule);
    let mut matching = Vec::new();
    for statement in eligible.statements.drain(..) {
        match fits(context, at, &statement, rule) {
            Ok(reached) => matching.push((reached, describe(statement.value()))),
            Err(finding) => {
                eligible.causes.push(Cause::Denied);
                eligible
                    .findings
                    .push(finding.at(statement.manifest(), "/predicate"));
            }
        }
    }
    // One that needs no summary of the artifact before those that do.
    matching.sort_by_key(|(reached, _)| *reached);
    if let Some((reached, summary)) = matching.into_iter().next() {
        // A summary that says that source or build failed may be missing.
        let rests_on_summary = rule.source_vsa.is_some() || reached == Reached::Summed;
        let hidden = rests_on_summary && context.question.evidence.is_incomplete();
        let outcome = if hidden {
            Outcome::Failed(Cause::Undetermined)
        } else {
            Outcome::Ok
        };
        report.check(CHECK, outcome, summary).place = Some(rule.place.clone());
        return;
    }
    let cause = Cause::best(eligible.causes);
    let finding = Finding::new(Code::ProvenanceMissing, CHECK, "no provenance that counts")
        .place(&rule.place)
        .hint(format!(
            "bulla attest {} --provenance --key KEY",
            context.question.name
        ));
    report.findings.push(finding);
    report.findings.append(&mut eligible.findings);
    report.check(CHECK, failed(context, cause), "none").place = Some(rule.place.clone());
}

/// The provenance statements that may count for this rule.
pub(crate) struct EligibleProvenance {
    pub(crate) statements: Vec<Verified<Provenance>>,
    /// Whether there is one that may count and cannot be read.
    pub(crate) has_unread: bool,
    pub(crate) causes: Vec<Cause>,
    pub(crate) findings: Vec<Finding>,
}

pub(crate) fn among(
    context: &Context<'_>,
    at: Timestamp,
    rule: &ProvenanceRule,
) -> EligibleProvenance {
    let wanted = Wanted {
        check: CHECK,
        types: TYPES,
        by: &rule.by,
        policy: context.policy,
        current: context.question.policy,
        tier: context.tier_rule,
        covering: context.covering,
        at,
        now: context.question.now,
        max_age: None,
    };
    read(wanted.among(context.candidates))
}

fn read(eligible: Eligible<'_>) -> EligibleProvenance {
    let mut out = EligibleProvenance {
        statements: Vec::new(),
        has_unread: false,
        causes: eligible.causes,
        findings: eligible.findings,
    };
    for statement in eligible.statements {
        match Provenance::of(statement.value()) {
            Ok(provenance) => out.statements.push(statement.with(provenance)),
            Err(error) => {
                out.has_unread = true;
                // By somebody who is named: no stranger's statement speaks louder.
                out.causes.push(Cause::Denied);
                let finding = Finding::new(Code::StatementUnusable, CHECK, error.to_string());
                out.findings
                    .push(finding.at(statement.manifest(), "/predicate"));
            }
        }
    }
    out
}

fn fits(
    context: &Context<'_>,
    at: Timestamp,
    statement: &Verified<Provenance>,
    rule: &ProvenanceRule,
) -> Result<Reached, Finding> {
    let provenance = statement.value();
    let demand = |patterns: &[Pattern], found: &str, what: &str| {
        if patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(found)) {
            return Ok(());
        }
        let expected: Vec<_> = patterns.iter().map(ToString::to_string).collect();
        Err(
            Finding::new(Code::ProvenanceMismatch, CHECK, format!("another {what}"))
                .expected(expected.join(", "))
                .found(found.chars().take(200).collect::<String>())
                .place(&rule.place),
        )
    };
    demand(
        &rule.build_types,
        &provenance.build_definition.build_type,
        "build type",
    )?;
    demand(
        &rule.builders,
        &provenance.run_details.builder.id,
        "builder",
    )?;
    depth::fits(statement, rule)?;
    if let Some(wanted) = &rule.source_vsa {
        source_vsa::fits(context, at, rule, wanted, statement)?;
    }
    level::fits(context, at, rule, statement)
}

fn describe(provenance: &Provenance) -> String {
    let builder = &provenance.run_details.builder.id;
    match source_of(provenance) {
        Some((repository, commit)) => {
            let commit: String = commit.chars().take(8).collect();
            format!("by {builder}, source {repository}@{commit}")
        }
        None => format!("by {builder}"),
    }
}

/// The source repository and its commit, if it names both.
fn source_of(provenance: &Provenance) -> Option<(String, String)> {
    let source = provenance.source()?;
    let digest = &source.digest;
    let commit = digest.value("gitCommit").or(digest.value("sha1"))?;
    Some((repository_of(source.uri.as_deref()?), commit.to_owned()))
}

/// Every source repository and commit that provenance names, by signers who may say so for any step
/// and at any time.
pub(crate) fn sources(context: &Context<'_>) -> BTreeSet<(String, String)> {
    let by = builders(context.policy);
    let statements = read(Wanted::of_anybody(context, TYPES, &by).among(context.candidates));
    let statements = statements.statements.iter();
    statements
        .filter_map(|statement| source_of(statement.value()))
        .collect()
}

/// The service, from the source repositories of all verified provenance about the artifact by
/// identities the policy names for provenance. Exactly one service must own them all.
pub(crate) fn service(
    policy: &Policy,
    candidates: &[Candidate],
    covering: &[Digest],
    now: Timestamp,
) -> Result<Service, (Cause, Vec<Finding>)> {
    let by = builders(policy);
    // Which times count is judged with the tier, which is only known with the service.
    let tier = TierRule {
        claimed_time: true,
        relayed_approvals: false,
        draft_predicates: true,
    };
    let wanted = Wanted {
        check: "service",
        types: TYPES,
        by: &by,
        policy,
        current: policy,
        tier,
        covering,
        at: now,
        now,
        max_age: None,
    };
    let eligible = read(wanted.among(candidates));
    let mut owners: BTreeSet<Service> = BTreeSet::new();
    let mut sources = Vec::new();
    for statement in &eligible.statements {
        let (owned, source) = says(policy, statement, now)?;
        if !owned.is_empty() {
            sources.extend(source);
            owners.extend(owned);
        }
    }
    let several = owners.len() > 1;
    match owners.pop_first() {
        Some(one) if !several => Ok(one),
        Some(_) => {
            let message = "the source repositories belong to several services";
            Err(mismatch(policy, message, sources.join(", ")))
        }
        None => {
            let message = "no provenance says which service this is";
            let mut findings = vec![Finding::new(Code::ProvenanceMissing, "service", message)];
            findings.extend(eligible.findings);
            Err((Cause::best(eligible.causes), findings))
        }
    }
}

/// The services that own what a statement was built from, and its source.
type Owned = (Vec<Service>, Option<String>);

/// What one provenance statement says about it.
fn says(
    policy: &Policy,
    statement: &Verified<Provenance>,
    now: Timestamp,
) -> Result<Owned, (Cause, Vec<Finding>)> {
    let uri = statement.value().source();
    let uri = uri.and_then(|source| source.uri.as_deref());
    let source = uri.map(repository_of);
    let (mut owned, by_base) = owners_of(policy, statement, source.as_deref(), now);
    // The certificate's word is the authority's; what provenance says, its signer may have written.
    let claim = claimed_source(statement.signer());
    if let Some(claim) = claim.filter(|claim| source.as_ref() != Some(claim)) {
        if by_base {
            let message = "provenance and its signer's certificate name different sources";
            let source = source.unwrap_or_else(|| "no source".to_owned());
            return Err(mismatch(policy, message, format!("{source}, {claim}")));
        }
        // Who speaks for one service only can neither speak for others nor block them.
        return Ok((Vec::new(), None));
    }
    if owned.is_empty() && by_base {
        let message = match source {
            Some(_) => "the source repository belongs to no service",
            None => "provenance names no source repository",
        };
        return Err(mismatch(policy, message, source.unwrap_or_default()));
    }
    // Which dependency comes first is the builder's choice: another that some service owns counts too.
    for other in statement.value().git_dependencies() {
        let other = other.uri.as_deref().map(repository_of);
        owned.extend(owners_of(policy, statement, other.as_deref(), now).0);
    }
    Ok((owned, source))
}

/// The repository that the signer's certificate says the build came from, if it says so.
fn claimed_source(signer: &Identity) -> Option<String> {
    match signer {
        Identity::Certificate(certificate) => {
            certificate.source_repository.as_deref().map(repository_of)
        }
        Identity::Key { .. } => None,
    }
}

/// The services that own this source, and whether the signer speaks for all of them. An identity
/// that only a service's own file lets sign provenance speaks for that service alone: a service
/// file tightens its own steps and says nothing about others.
fn owners_of(
    policy: &Policy,
    statement: &Verified<Provenance>,
    source: Option<&str>,
    now: Timestamp,
) -> (Vec<Service>, bool) {
    let speaks = |requirements: &mut dyn Iterator<Item = &Requirements>| {
        let by = signers(requirements);
        let (signer, time) = (statement.signer(), statement.time());
        match_any(policy, policy, &by, signer, time, now) == Matched::Yes
    };
    let by_base = speaks(&mut policy.required_by_base());
    let owns = |rule: &ServiceRule| {
        let mut patterns = rule.sources.iter();
        source.is_some_and(|source| patterns.any(|pattern| is_source(pattern, source)))
    };
    let owners = policy
        .services
        .iter()
        .filter(|(_, rule)| {
            let mut own = rule.tighten.iter().map(|rule| &rule.require);
            owns(rule) && (by_base || speaks(&mut own))
        })
        .map(|(name, _)| name.clone());
    (owners.collect(), by_base)
}

/// Every identity that some rule lets sign provenance.
pub(crate) fn builders(policy: &Policy) -> Vec<String> {
    signers(&mut policy.required())
}

fn signers(requirements: &mut dyn Iterator<Item = &Requirements>) -> Vec<String> {
    let rules = requirements.filter_map(|require| require.provenance.as_ref());
    let by: BTreeSet<String> = rules.flat_map(|rule| rule.by.iter().cloned()).collect();
    by.into_iter().collect()
}

fn mismatch(policy: &Policy, message: &str, found: String) -> (Cause, Vec<Finding>) {
    let sources = policy.services.values().flat_map(|rule| &rule.sources);
    let known: Vec<_> = sources.map(ToString::to_string).take(6).collect();
    let finding = Finding::new(Code::ServiceMismatch, "service", message)
        .expected(known.join(", "))
        .found(found);
    (Cause::Denied, vec![finding])
}

fn is_source(pattern: &Pattern, source: &str) -> bool {
    source_pattern(pattern).matches(source)
}

/// A pattern for sources as repositories are compared: without decoration.
pub(crate) fn source_pattern(pattern: &Pattern) -> Pattern {
    match pattern {
        Pattern::Exact(text) => Pattern::Exact(repository_of(text)),
        Pattern::Glob(text) => Pattern::Glob(text.strip_prefix("git+").unwrap_or(text).to_owned()),
        Pattern::Regex(_) => pattern.clone(),
    }
}

/// Whether a pattern can match no repository, whatever provenance says: what is no URL, and what ends as
/// no repository does once its decoration is gone.
pub(crate) fn names_no_source(pattern: &Pattern) -> bool {
    match pattern {
        Pattern::Exact(text) => !text.contains("://"),
        Pattern::Glob(text) => {
            let is_open = text.starts_with('*') || text.starts_with("git+*");
            let is_url = is_open || text.contains("://");
            !is_url || text.strip_suffix(".git").is_some() || text.ends_with('/')
        }
        Pattern::Regex(_) => false,
    }
}

/// `git+https://host/owner/repo.git@refs/heads/main` names the repository `https://host/owner/repo`.
fn repository_of(uri: &str) -> String {
    let uri = uri.strip_prefix("git+").unwrap_or(uri);
    let path_at = uri.find("://").map_or(0, |at| at + 3);
    let path_at = uri[path_at..]
        .find('/')
        .map_or(uri.len(), |at| path_at + at);
    let end = uri[path_at..]
        .find(['@', '#', '?'])
        .map_or(uri.len(), |at| path_at + at);
    let uri = uri[..end].trim_end_matches('/');
    uri.strip_suffix(".git").unwrap_or(uri).to_owned()
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn repositories_are_compared_without_decoration() {
        for uri in [
            "git+https://github.com/acme/pay@refs/heads/main",
            "https://github.com/acme/pay.git",
            "git+https://github.com/acme/pay/",
            "https://github.com/acme/pay#main",
        ] {
            assert_eq!(repository_of(uri), "https://github.com/acme/pay", "{uri}");
        }
        assert_ne!(
            repository_of("https://github.com/acme/pay-evil"),
            "https://github.com/acme/pay"
        );
        assert_eq!(
            repository_of("https://user@host/x"),
            "https://user@host/x",
            "user names are not refs"
        );
    }

    /// A policy of two services whose builder is a key, and a certificate.
    fn policy() -> Policy {
        let base = format!(
            "apiVersion: bulla.dev/policy/v0.1
name: release
version: 1
environments: {{dev: {{uri: 'env://acme/pay/dev', freshness: none}}}}
tiers: {{low: {{}}}}
identities:
  builder:
    - issuer: {ISSUER}
      subject: https://github.com/acme/ci/.github/workflows/a.yml@refs/heads/main
edges:
  - {{to: dev, by: [builder], require: {{provenance: {{by: [builder]}}}}}}
"
        );
        let service = |name: &str| crate::policy::PolicyFile {
            path: format!("services/{name}.yaml"),
            bytes: format!(
                "service: {name}\ntier: low\nsources: [https://github.com/acme/{name}]\n"
            )
            .into_bytes(),
        };
        let files = crate::policy::PolicyFiles {
            base: crate::policy::PolicyFile {
                path: "release.yaml".into(),
                bytes: base.into_bytes(),
            },
            services: vec![service("pay"), service("wiki")],
            ..Default::default()
        };
        Policy::parse(&files, &bulla_model::Limits::default()).unwrap()
    }

    /// What provenance with these dependencies says, signed by a workflow of `claim`.
    fn decided(dependencies: &[&str], claim: Option<&str>) -> Result<String, String> {
        let digest = Digest::sha256(b"x");
        let dependencies: Vec<_> = dependencies
            .iter()
            .map(|uri| serde_json::json!({"uri": uri, "digest": {"gitCommit": "ab".repeat(20)}}))
            .collect();
        let text = serde_json::json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "x", "digest": {"sha256": digest.hex()}}],
            "predicateType": slsa_provenance::TYPE,
            "predicate": {
                "buildDefinition": {"buildType": "t", "resolvedDependencies": dependencies},
                "runDetails": {"builder": {"id": "b"}},
            },
        })
        .to_string();
        let limits = bulla_model::Limits::default();
        let statement = bulla_model::Statement::parse(text.as_bytes(), &limits).unwrap();
        let certificate = bulla_model::CertificateIdentity {
            issuer: ISSUER.into(),
            subject: "https://github.com/acme/ci/.github/workflows/a.yml@refs/heads/main".into(),
            source_repository: claim.map(str::to_owned),
            ..Default::default()
        };
        let proof = crate::sigstore::Proof {
            signer: Identity::Certificate(Box::new(certificate)),
            records: crate::records::Records::default(),
            scheme: None,
            certificate: None,
        };
        let now = Timestamp::UNIX_EPOCH;
        let time = crate::verified::SignedTime::Proven(now, None);
        let candidate = Candidate {
            manifest: None,
            claimed_type: Some(statement.predicate_type().clone()),
            outcome: Ok(Verified::new(statement, proof, time, digest.clone(), None)),
            signature: None,
            referring: None,
            voided: None,
        };
        service(&policy(), &[candidate], &[digest], now)
            .map(|service| service.to_string())
            .map_err(|(_, findings)| {
                assert_eq!(findings[0].code, Code::ServiceMismatch);
                findings[0].message.clone()
            })
    }

    const ISSUER: &str = "https://token.actions.githubusercontent.com";

    #[test]
    fn provenance_and_certificate_must_name_the_same_source() {
        let pay = "git+https://github.com/acme/pay@refs/heads/main";
        for claim in [
            None,
            Some("https://github.com/acme/pay"),
            Some("https://github.com/acme/pay.git"),
        ] {
            assert_eq!(decided(&[pay], claim).unwrap(), "pay", "{claim:?}");
        }
        for claim in [
            "https://github.com/acme/wiki",
            "https://github.com/evil/pay",
        ] {
            let reason = decided(&[pay], Some(claim)).unwrap_err();
            assert_eq!(
                reason,
                "provenance and its signer's certificate name different sources"
            );
        }
    }

    #[test]
    fn the_order_of_dependencies_does_not_choose_the_service() {
        let [pay, wiki, other] =
            ["pay", "wiki", "lib"].map(|name| format!("git+https://github.com/acme/{name}"));
        assert_eq!(decided(&[&pay, &other], None).unwrap(), "pay");
        for order in [[&*pay, &*wiki], [&*wiki, &*pay]] {
            assert_eq!(
                decided(&order, None).unwrap_err(),
                "the source repositories belong to several services"
            );
        }
    }
}
