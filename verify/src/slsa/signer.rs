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
    /// A builder that signs with this key.
    Key(&'a KeyId),
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
                expected: Expected::Key(key_id),
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
    if let Expected::Workflow(_) = expected {
        let named = wanted.map_or(!row.named, |wanted| id.is_named_by(wanted));
        let what = wanted.map_or_else(
            || format!("--builder-id: {} is believed only when named", id.name),
            ToString::to_string,
        );
        checks.step("builder", named, Cause::Untrusted, what, subject)?;
        checks.step(
            "builder-ref",
            row.refs.allows(reference),
            Cause::Untrusted,
            row.refs.describe(),
            reference,
        )?;
    } else if let Expected::Delegated(row) = expected {
        checks.step(
            "builder-ref",
            row.refs.allows(reference),
            Cause::Untrusted,
            row.refs.describe(),
            reference,
        )?;
    }
    certificate_fits(checks, certificate, row)?;
    Ok(Signer {
        expected,
        forms: row.forms.iter().collect(),
        certificate: Some(certificate),
    })
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
    if let Some(runner) = &row.runner {
        let found = certificate.runner_environment.as_deref();
        checks.step(
            "runner",
            found == Some(runner),
            Cause::Untrusted,
            runner.as_str(),
            found.unwrap_or(NOTHING),
        )?;
    }
    Ok(())
}

/// Compares the builder that the provenance names.
pub(super) fn names_builder(
    checks: &mut Checks,
    signer: &Signer<'_>,
    found: &str,
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
        Expected::Key(_) => {
            let known = form.ids.is_empty() || form.ids.iter().any(|id| id == found);
            let expected = wanted.map_or_else(|| form.ids.join(", "), ToString::to_string);
            (known && is_wanted(&id), expected)
        }
    };
    checks.step("builder-id", holds, Cause::Untrusted, expected, found)
}
