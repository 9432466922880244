//! The service that an artifact belongs to, by the sources that its provenance names.

use std::collections::BTreeSet;

use jiff::Timestamp;

use bulla_model::predicate::Provenance;
use bulla_model::{Digest, Identity, Service};

use super::{TYPES, read};
use crate::cause::Cause;
use crate::code::Code;
use crate::decide::Known;
use crate::eligible::{Wanted, match_any};
use crate::pattern::Pattern;
use crate::policy::{Matched, Policy, ServiceRule, TierRule};
use crate::require::Requirements;
use crate::verdict::Finding;
use crate::verified::Verified;

/// The service, from the source repositories of all verified provenance about the artifact by
/// identities the policy names for provenance. Exactly one service must own them all.
///
/// Where some rule takes provenance of platforms, that is heard too: then either the index or each
/// platform has to have some.
pub(crate) fn service(
    policy: &Policy,
    known: &Known,
    now: Timestamp,
) -> Result<Service, (Cause, Vec<Finding>)> {
    let mut found = owners(policy, known, &known.covering, now)?;
    let is_whole = !found.services.is_empty();
    if policy.asks_for_builds_of_platforms() {
        for platform in known.platforms.each() {
            let mut own = owners(policy, known, std::slice::from_ref(&platform.digest), now)?;
            if own.services.is_empty() && !is_whole {
                let which = format!("no provenance says which service {} is", platform.name);
                found.causes.append(&mut own.causes);
                found.findings.append(&mut own.findings);
                return Err(found.missing(which));
            }
            found.services.append(&mut own.services);
            found.sources.append(&mut own.sources);
        }
        if let Some(doubt) = known.platforms.doubt().filter(|_| !is_whole) {
            let message = format!("its platforms are not known whole: {doubt}");
            let finding = Finding::new(Code::EvidenceIncomplete, SERVICE, message);
            return Err((Cause::Undetermined, vec![finding]));
        }
    }
    let several = found.services.len() > 1;
    match found.services.pop_first() {
        Some(one) if !several => Ok(one),
        Some(_) => {
            let message = "the source repositories belong to several services";
            Err(mismatch(policy, message, found.sources.join(", ")))
        }
        None => Err(found.missing("no provenance says which service this is".to_owned())),
    }
}

const SERVICE: &str = "service";

/// Who owns what some of an artifact was built from.
struct Owners {
    services: BTreeSet<Service>,
    sources: Vec<String>,
    causes: Vec<Cause>,
    findings: Vec<Finding>,
}

impl Owners {
    fn missing(self, message: String) -> (Cause, Vec<Finding>) {
        let mut findings = vec![Finding::new(Code::ProvenanceMissing, SERVICE, message)];
        findings.extend(self.findings);
        (Cause::best(self.causes), findings)
    }
}

/// The owners that provenance about these digests names.
fn owners(
    policy: &Policy,
    known: &Known,
    about: &[Digest],
    now: Timestamp,
) -> Result<Owners, (Cause, Vec<Finding>)> {
    let by = builders(policy);
    // Which times count is judged with the tier, which is only known with the service.
    let tier = TierRule {
        claimed_time: true,
        relayed_approvals: false,
        draft_predicates: true,
    };
    let wanted = Wanted {
        check: SERVICE,
        types: TYPES,
        by: &by,
        policy,
        current: policy,
        tier,
        about,
        aside: &known.bearing,
        at: now,
        now,
        max_age: None,
    };
    let eligible = read(wanted.among(&known.candidates));
    let mut found = Owners {
        services: BTreeSet::new(),
        sources: Vec::new(),
        causes: eligible.causes,
        findings: eligible.findings,
    };
    for statement in &eligible.statements {
        let (owned, source) = says(policy, statement, now)?;
        if !owned.is_empty() {
            found.sources.extend(source);
            found.services.extend(owned);
        }
    }
    Ok(found)
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
    let finding = Finding::new(Code::ServiceMismatch, SERVICE, message)
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
pub(super) fn repository_of(uri: &str) -> String {
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
            "predicateType": bulla_model::predicate::slsa_provenance::TYPE,
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
        let candidate = crate::Candidate {
            manifest: None,
            claimed_type: Some(statement.predicate_type().clone()),
            outcome: Ok(Verified::new(statement, proof, time, digest.clone(), None)),
            signature: None,
            referring: None,
            voided: None,
        };
        let known = Known {
            artifact: digest.clone(),
            covering: vec![digest.clone()],
            bearing: vec![digest],
            candidates: vec![candidate],
            platforms: crate::Platforms::default(),
            promotions: crate::chain::promotions(&[], &[]),
            reached: crate::Reached::default(),
            in_force: crate::ledger::InForce::default(),
        };
        service(&policy(), &known, now)
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
