//! Which builder a verified signature stands for.

use bulla_model::{CertificateIdentity, Identity, KeyId};

use super::builder_id::BuilderId;
use super::builders::{Builder, Builders, Form, RefRule};
use super::check::{Checks, NOTHING, Stop};
use super::wire::SignerKind;
use crate::cause::Cause;

/// Whom the provenance may name as its builder.
pub(super) enum Expected<'a> {
    /// Exactly the workflow of the certificate, with its ref.
    Workflow(&'a str),
    /// A builder that this delegator signs for.
    Delegated(&'a Builder),
    /// One of the ids of the form, else the row's own.
    Runner(&'a str),
    /// A builder of these that signs with this key.
    Key(&'a KeyId, &'a Builders),
}

/// A builder that was recognised by its signature.
pub(super) struct Signer<'a> {
    pub(super) expected: Expected<'a>,
    pub(super) forms: Vec<&'a Form>,
    /// The certificate, if one was used.
    pub(super) certificate: Option<&'a CertificateIdentity>,
}

/// Recognises the builder behind a signature.
pub(super) fn recognise<'a>(
    checks: &mut Checks,
    identity: &'a Identity,
    builders: &'a Builders,
    wanted: Option<&BuilderId<'a>>,
) -> Result<Signer<'a>, Stop> {
    let certificate = match identity {
        // What it may have built depends on the id in the provenance.
        Identity::Key { key_id } => {
            return Ok(Signer {
                expected: Expected::Key(key_id, builders),
                forms: Vec::new(),
                certificate: None,
            });
        }
        Identity::Certificate(certificate) => certificate.as_ref(),
    };
    let subject = certificate.subject.as_str();
    let id = BuilderId::parse(subject);
    let Some((id, reference)) = id.as_ref().and_then(|id| Some((id, id.version?))) else {
        return checks.fail(
            "builder",
            Cause::Untrusted,
            "a workflow and its ref",
            subject,
        );
    };
    let runner = wanted.and_then(|id| builders.of_name(id.name, SignerKind::AnyWorkflow));
    let workflow = builders.of_workflow(id.name);
    let delegator = workflow.filter(|row| !row.delegates.is_empty());
    // A delegator signs for others, whom the provenance names; npm's runner is any workflow that is
    // no builder of its own.
    let (row, expected) = match (delegator, runner, workflow) {
        (Some(row), _, _) => (row, Expected::Delegated(row)),
        (None, Some(row), _) => (row, Expected::Runner(wanted.map_or("", |id| id.name))),
        (None, None, Some(row)) => (row, Expected::Workflow(subject)),
        (None, None, None) => {
            let expected = "a builder that is known; --builders adds others";
            return checks.fail("builder", Cause::Untrusted, expected, subject);
        }
    };
    is_asked_for(checks, (id, reference), row, &expected, wanted)?;
    certificate_fits(checks, certificate, row)?;
    Ok(Signer {
        expected,
        forms: row.forms.iter().collect(),
        certificate: Some(certificate),
    })
}

/// Whether this builder is the one wanted, at a ref that is believed.
fn is_asked_for(
    checks: &mut Checks,
    (id, reference): (&BuilderId<'_>, &str),
    row: &Builder,
    expected: &Expected<'_>,
    wanted: Option<&BuilderId<'_>>,
) -> Result<(), Stop> {
    match expected {
        Expected::Runner(name) => {
            // Nothing says which version of a runner it was, so none can be asked for.
            return match wanted.and_then(|wanted| wanted.version) {
                None => Ok(()),
                Some(version) => {
                    let expected = format!("--builder-id {name} without a version");
                    checks.fail("builder", Cause::Untrusted, expected, version)
                }
            };
        }
        Expected::Workflow(subject) => {
            let named = wanted.map_or(!row.named, |wanted| id.is_named_by(wanted));
            let what = wanted.map_or_else(
                || format!("--builder-id: {} is believed only when named", id.name),
                ToString::to_string,
            );
            checks.step("builder", named, Cause::Untrusted, what, *subject)?;
        }
        // Whom they may stand for is compared with what the provenance names.
        Expected::Delegated(_) | Expected::Key(..) => {}
    }
    checks.step(
        "builder-ref",
        row.refs.allows(reference),
        Cause::Untrusted,
        row.refs.describe(),
        reference,
    )
}

fn certificate_fits(
    checks: &mut Checks,
    certificate: &CertificateIdentity,
    row: &Builder,
) -> Result<(), Stop> {
    let issuer = row.issuer.as_deref().unwrap_or_default();
    checks.step(
        "issuer",
        certificate.issuer == issuer,
        Cause::Untrusted,
        issuer,
        certificate.issuer.as_str(),
    )?;
    let found = certificate.runner_environment.as_deref();
    // A runner of one's own is believed where its builder's row says so only. Certificates of the
    // first years do not say what ran.
    let (holds, expected) = match &row.runner {
        Some(runner) => (found == Some(runner), runner.as_str()),
        None => (
            found.is_none_or(|found| HOSTED.contains(&found)),
            "a runner of the platform",
        ),
    };
    let found = found.unwrap_or(NOTHING);
    checks.step("runner", holds, Cause::Untrusted, expected, found)
}

/// The workflow that was started is one of the source, at the commit of the source, as far as the
/// certificate says.
pub(super) fn build_config(
    checks: &mut Checks,
    certificate: &CertificateIdentity,
) -> Result<(), Stop> {
    let build = &certificate.build;
    if let (Some(config), Some(source)) = (&build.build_config, &certificate.source_repository) {
        let rest = config.strip_prefix(source.as_str());
        let path = rest.and_then(|rest| rest.strip_prefix('/')?.split_once('@'));
        let holds = path.is_some_and(|(path, reference)| {
            !path.is_empty() && !reference.is_empty() && !reference.contains('@')
        });
        let expected = format!("{source}/PATH@REF");
        checks.step(
            "certificate-workflow",
            holds,
            Cause::Denied,
            expected,
            config.as_str(),
        )?;
    }
    match (&build.build_config_digest, &certificate.source_digest) {
        (Some(config), Some(source)) => {
            checks.equal("certificate-workflow-commit", source, Some(config))
        }
        _ => Ok(()),
    }
}

/// Compares the builder that the provenance names, in a statement of this type.
pub(super) fn names_builder(
    checks: &mut Checks,
    signer: &Signer<'_>,
    (found, kind): (&str, &str),
    form: &Form,
    wanted: Option<&BuilderId<'_>>,
) -> Result<(), Stop> {
    let id = BuilderId::parse(found);
    let is_wanted = |id: &BuilderId<'_>| wanted.is_none_or(|wanted| id.is_named_by(wanted));
    let fails = |checks: &mut Checks, expected: String| {
        checks.fail("builder-id", Cause::Untrusted, expected, found)
    };
    let Some(id) = id else {
        return fails(checks, "a builder's id".to_owned());
    };
    let (holds, expected) = match &signer.expected {
        Expected::Workflow(subject) => {
            let subject_id = BuilderId::parse(subject);
            let same =
                subject_id.is_some_and(|subject| id.version.is_some() && subject.is_named_by(&id));
            (same, (*subject).to_owned())
        }
        Expected::Delegated(row) => {
            let delegate = row.delegates.iter().find(|row| row.id.matches(id.name));
            let Some(delegate) = delegate else {
                return fails(checks, "a builder this delegator signs for".to_owned());
            };
            if wanted.is_none() && delegate.named {
                let expected = format!("--builder-id: {} is believed only when named", id.name);
                return fails(checks, expected);
            }
            let refs: &RefRule = &delegate.refs;
            let allowed = id.version.is_some_and(|version| refs.allows(version));
            let expected = wanted.map_or_else(|| refs.describe(), ToString::to_string);
            (allowed && is_wanted(&id), expected)
        }
        Expected::Runner(name) => {
            let same = if form.ids.is_empty() {
                found == *name
            } else {
                form.ids.iter().any(|id| id == found)
            };
            (same, (*name).to_owned())
        }
        Expected::Key(key, builders) => {
            let known = builders.has_key(id.name, key, kind)
                && (form.ids.is_empty() || form.ids.iter().any(|id| id == found));
            let expected = wanted.map_or_else(|| form.ids.join(", "), ToString::to_string);
            (known && is_wanted(&id), expected)
        }
    };
    checks.step("builder-id", holds, Cause::Untrusted, expected, found)
}

/// Kinds of runners that belong to a platform, as certificates write them.
const HOSTED: [&str; 2] = ["github-hosted", "gitlab-hosted"];

#[cfg(test)]
mod tests {
    use bulla_model::Limits;

    use super::*;

    fn certificate() -> CertificateIdentity {
        let mut certificate = CertificateIdentity {
            subject: "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/builder_go_slsa3.yml@refs/tags/v2.0.0".into(),
            issuer: "https://token.actions.githubusercontent.com".into(),
            source_repository: Some("https://github.com/o/r".into()),
            source_digest: Some("ab".repeat(20)),
            ..CertificateIdentity::default()
        };
        certificate.build.build_config =
            Some("https://github.com/o/r/.github/workflows/a.yml@refs/heads/main".into());
        certificate.build.build_config_digest = certificate.source_digest.clone();
        certificate
    }

    /// The name of the check that failed.
    fn refused(certificate: &CertificateIdentity) -> Option<&'static str> {
        let builders = Builders::load(&[], &Limits::default()).unwrap();
        let mut checks = Checks::default();
        let identity = Identity::Certificate(Box::new(certificate.clone()));
        let outcome = recognise(&mut checks, &identity, &builders, None)
            .and_then(|_| build_config(&mut checks, certificate));
        let last = checks.into_list().pop();
        outcome.err().and(last).map(|check| check.name)
    }

    #[test]
    fn a_runner_of_ones_own_is_not_the_builders() {
        for (runner, expected) in [
            (None, None),
            (Some("github-hosted"), None),
            (Some("self-hosted"), Some("runner")),
            (Some("GitHub-hosted"), Some("runner")),
        ] {
            let mut certificate = certificate();
            certificate.runner_environment = runner.map(str::to_owned);
            assert_eq!(refused(&certificate), expected, "{runner:?}");
        }
    }

    #[test]
    fn the_workflow_that_was_started_is_one_of_the_source_at_its_commit() {
        assert_eq!(refused(&certificate()), None);
        for config in [
            "https://github.com/o/rr/.github/workflows/a.yml@refs/heads/main",
            "https://github.com/o/r/.github/workflows/a.yml",
            "https://github.com/o/r/@refs/heads/main",
            "https://github.com/o/r/a.yml@refs/heads/main@x",
            "",
        ] {
            let mut certificate = certificate();
            certificate.build.build_config = Some(config.to_owned());
            assert_eq!(
                refused(&certificate),
                Some("certificate-workflow"),
                "{config}"
            );
        }
        let mut other = certificate();
        other.build.build_config_digest = Some("cd".repeat(20));
        assert_eq!(refused(&other), Some("certificate-workflow-commit"));
        let mut old = certificate();
        old.build.build_config = None;
        old.build.build_config_digest = None;
        assert_eq!(
            refused(&old),
            None,
            "certificates of the first years do not say"
        );
    }
}
