//! Judges one verified provenance statement.

use serde_json::Value;

use bulla_model::{Digest, KeyId, Statement};

use super::ProvenanceQuestion;
use super::builder_id::BuilderId;
use super::builders::{Builders, Form};
use super::check::{Checks, NOTHING, Stop};
use super::git::{self, GitUri};
use super::signer::{self, Expected, Signer};
use super::view::{View, is_nothing, scalar};
use super::wire::Presence;
use crate::cause::Cause;
use crate::verified::Verified;

/// What provenance was found to say.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    pub(super) builder: Option<String>,
    pub(super) reference: Option<String>,
    pub(super) commit: Option<String>,
}

/// Checks everything asked about, in an order in which a failure names what is really wrong.
pub(super) fn judge<'a>(
    question: &'a ProvenanceQuestion<'a>,
    statement: &'a Verified<Statement>,
    checks: &mut Checks,
) -> Result<Said, Stop> {
    let expected = question.expected;
    let wanted = match expected.builder_id.as_deref().map(BuilderId::parse) {
        None => None,
        Some(Some(wanted)) => Some(wanted),
        Some(None) => {
            let text = expected.builder_id.as_deref().unwrap_or_default();
            return checks.fail("builder", Cause::Untrusted, "NAME or NAME@VERSION", text);
        }
    };
    let source = git::normalised(&expected.source);
    let signer = signer::recognise(
        checks,
        statement.signer(),
        question.builders,
        wanted.as_ref(),
    )?;
    if let Some(certificate) = signer.certificate {
        let found = certificate.source_repository.as_deref();
        checks.equal("certificate-source", &source, found)?;
        signer::build_config(checks, certificate)?;
    }
    let predicate: Value = statement
        .value()
        .predicate_json()
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or(Value::Null);
    let kind = statement.value().predicate_type().as_str();
    let form = find_form(&signer, kind, &predicate, checks)?;
    let view = View {
        predicate: &predicate,
        layout: &form.layout,
    };
    let found = view.builder().unwrap_or(NOTHING);
    signer::names_builder(checks, &signer, (found, kind), form, wanted.as_ref())?;
    sources(&view, &source, checks)?;
    about(question, statement.value(), checks)?;
    refs(question, &view, checks)?;
    inputs(question, &view, checks)?;
    claims(&view, &signer, checks)?;
    let commit = signer
        .certificate
        .and_then(|certificate| certificate.source_digest.clone());
    Ok(Said {
        builder: Some(found.to_owned()),
        reference: view.reference(),
        commit,
    })
}

/// The form whose predicate type and build type the provenance has.
fn find_form<'a>(
    signer: &Signer<'a>,
    kind: &str,
    predicate: &Value,
    checks: &mut Checks,
) -> Result<&'a Form, Stop> {
    let mut forms = signer.forms.clone();
    if let Expected::Key(key, builders) = signer.expected {
        forms = forms_of_key(builders, key, kind, predicate, checks)?;
    }
    forms.retain(|form| form.layout.places.predicate_type == kind);
    let holds = !forms.is_empty();
    let expected = "one this builder writes";
    checks.step("predicate-type", holds, Cause::Denied, expected, kind)?;
    let at = |pointer: &str| predicate.pointer(pointer).and_then(Value::as_str);
    let build_type = |form: &&Form| {
        at(&form.layout.places.build_type)
            .is_some_and(|found| form.build_types.iter().any(|wanted| wanted.matches(found)))
    };
    let lists_id = |form: &&Form| {
        form.ids.is_empty()
            || at(&form.layout.places.builder)
                .is_some_and(|found| form.ids.iter().any(|id| id == found))
    };
    let mut fitting = forms.iter().copied().filter(build_type);
    let first = fitting.next();
    // Of several with this build type, the one that lists the id.
    let best = first
        .filter(lists_id)
        .or_else(|| fitting.find(lists_id))
        .or(first);
    let expected: Vec<String> = forms
        .iter()
        .flat_map(|form| form.build_types.iter().map(ToString::to_string))
        .collect();
    let found = forms
        .first()
        .and_then(|form| at(&form.layout.places.build_type));
    let found = found.unwrap_or(NOTHING);
    checks.step(
        "build-type",
        best.is_some(),
        Cause::Denied,
        expected.join(", "),
        found,
    )?;
    best.ok_or(Stop)
}

/// The forms that this key may sign. Whose they are is read at each form's own place and nowhere
/// else, so that an id at the place of another form cannot lend its builder's key.
fn forms_of_key<'a>(
    builders: &'a Builders,
    key: &KeyId,
    kind: &str,
    predicate: &Value,
    checks: &mut Checks,
) -> Result<Vec<&'a Form>, Stop> {
    if builders.forms_by_key(kind).next().is_none() {
        // The next check says that nobody writes this type.
        return Ok(Vec::new());
    }
    let named = |form: &Form| {
        let id = predicate.pointer(&form.layout.places.builder)?.as_str()?;
        BuilderId::parse(id).map(|id| id.name.to_owned())
    };
    let of_key = builders.forms_by_key(kind).filter(|(id, form)| {
        named(form).is_some_and(|name| id.matches(&name) && builders.has_key(&name, key, kind))
    });
    let forms: Vec<_> = of_key.map(|(_, form)| form).collect();
    let name = builders
        .forms_by_key(kind)
        .find_map(|(_, form)| named(form));
    let expected = "a builder that signs with this key";
    checks.step(
        "builder",
        !forms.is_empty(),
        Cause::Untrusted,
        expected,
        name.unwrap_or_else(|| NOTHING.to_owned()),
    )?;
    Ok(forms)
}

/// The source the provenance names, where it says it came from and what started the build.
fn sources(view: &View<'_>, source: &str, checks: &mut Checks) -> Result<(), Stop> {
    let places = &view.layout.places;
    let named = view.source();
    if places.source.is_some() {
        let found = named.as_ref().map(|uri| uri.repository);
        checks.equal("source", source, found)?;
    }
    if places.source_ref == Presence::Absent {
        let reference = named.as_ref().and_then(|uri| uri.reference);
        let found = reference.unwrap_or(NOTHING);
        let holds = reference.is_none();
        checks.step("source-ref", holds, Cause::Denied, NOTHING, found)?;
    }
    if places.trigger.is_none() {
        return Ok(());
    }
    let trigger = view.trigger();
    let (repository, reference) = match &trigger {
        Some((repository, reference)) => (Some(repository.as_str()), reference.as_str()),
        None => (None, NOTHING),
    };
    checks.equal("trigger", source, repository)?;
    let Some(GitUri {
        reference: of_source,
        ..
    }) = named
    else {
        return Ok(());
    };
    let holds = match of_source {
        Some(of_source) => of_source == reference,
        None => places.source_ref != Presence::Required,
    };
    let found = of_source.unwrap_or(NOTHING);
    checks.step("source-ref", holds, Cause::Denied, reference, found)
}

/// Every artifact is among the subjects, by every digest that both sides know.
fn about(
    question: &ProvenanceQuestion<'_>,
    statement: &Statement,
    checks: &mut Checks,
) -> Result<(), Stop> {
    for artifact in question.artifacts {
        let is_subject = statement
            .subjects()
            .iter()
            .any(|subject| artifact.is(&subject.digest));
        let found = if is_subject {
            "a subject".to_owned()
        } else {
            format!("{} other subjects", statement.subjects().len())
        };
        let expected = artifact.digests().first().map(Digest::to_string);
        let expected = expected.unwrap_or_default();
        checks.step("subject", is_subject, Cause::OtherSubject, expected, found)?;
    }
    checks.step(
        "subjects",
        !question.artifacts.is_empty(),
        Cause::Undetermined,
        "an artifact",
        question.artifacts.len().to_string(),
    )
}

fn refs(
    question: &ProvenanceQuestion<'_>,
    view: &View<'_>,
    checks: &mut Checks,
) -> Result<(), Stop> {
    let expected = question.expected;
    if let Some(branch) = &expected.branch {
        checks.equal("branch", branch, view.branch().as_deref())?;
    }
    if let Some(tag) = &expected.tag {
        checks.equal("tag", tag, view.tag().as_deref())?;
    }
    if let Some(wanted) = &expected.versioned_tag {
        let tag = view.tag();
        let covered = tag
            .as_deref()
            .is_some_and(|tag| git::covers(wanted, tag) == Some(true));
        let found = tag.as_deref().unwrap_or(NOTHING);
        checks.step(
            "versioned-tag",
            covered,
            Cause::Denied,
            wanted.as_str(),
            found,
        )?;
    }
    Ok(())
}

fn inputs(
    question: &ProvenanceQuestion<'_>,
    view: &View<'_>,
    checks: &mut Checks,
) -> Result<(), Stop> {
    if question.expected.inputs.is_empty() {
        return Ok(());
    }
    let inputs = view.inputs().unwrap_or_default();
    for (name, wanted) in &question.expected.inputs {
        let found = inputs.get(name.as_str());
        let holds = found == Some(wanted);
        let found = found.map_or_else(|| NOTHING.to_owned(), |found| format!("{name}={found}"));
        let expected = format!("{name}={wanted}");
        checks.step("workflow-input", holds, Cause::Denied, expected, found)?;
    }
    Ok(())
}

/// What the provenance says of the build and the certificate says too must be the same. Where the
/// workflow could write what it likes, nothing else may be said.
fn claims(view: &View<'_>, signer: &Signer<'_>, checks: &mut Checks) -> Result<(), Stop> {
    let places = &view.layout.places;
    for equals in &places.equals {
        checks.equal("fixed-value", &equals.value, view.text(&equals.at))?;
    }
    if let Some(certificate) = signer.certificate {
        if let (Some((_, reference)), Some(source_ref)) = (view.trigger(), &certificate.source_ref)
        {
            checks.equal("certificate-ref", source_ref, Some(&reference))?;
        }
        for place in &places.claims {
            let Some(value) = view.value(&place.at) else {
                continue;
            };
            let said = scalar(value);
            let proven = place.claim.of(certificate);
            if proven.is_none() && !places.forgeable {
                continue;
            }
            let holds = said.is_some() && said == proven;
            let expected = format!("{}: {}", place.at, proven.as_deref().unwrap_or(NOTHING));
            let found = said.unwrap_or_else(|| "no text".to_owned());
            checks.step("certificate-claim", holds, Cause::Denied, expected, found)?;
        }
    }
    for pointer in &places.only_claims {
        let members = view.value(pointer).and_then(Value::as_object);
        let unproven = members.into_iter().flatten().find(|(name, _)| {
            let at = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
            !places.claims.iter().any(|place| place.at == at)
        });
        let found = unproven.map_or(NOTHING, |(name, _)| name.as_str());
        let expected = format!("{pointer}: nothing the certificate cannot prove");
        checks.step(
            "unproven",
            unproven.is_none(),
            Cause::Denied,
            expected,
            found,
        )?;
    }
    for pointer in &places.absent {
        let holds = is_nothing(view.value(pointer));
        let expected = format!("{pointer}: nothing, since nothing could prove it");
        checks.step(
            "unproven",
            holds,
            Cause::Denied,
            expected,
            if holds { NOTHING } else { "a value" },
        )?;
    }
    for pointer in &places.single {
        let count = view
            .value(pointer)
            .and_then(Value::as_array)
            .map_or(0, Vec::len);
        let expected = format!("{pointer}: 1");
        checks.step(
            "unproven",
            count == 1,
            Cause::Denied,
            expected,
            count.to_string(),
        )?;
    }
    Ok(())
}
