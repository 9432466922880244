//! Provenance, read at the places its layout names.

use std::collections::BTreeMap;

use serde_json::Value;

use super::builders::Layout;
use super::git::{GitUri, Ref};
use super::wire::RefFrom;

/// A predicate and where things are in it.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) predicate: &'a Value,
    pub(super) layout: &'a Layout,
}

impl<'a> View<'a> {
    /// The value at a place; `null` is nothing.
    pub(super) fn value(&self, pointer: &str) -> Option<&'a Value> {
        self.predicate
            .pointer(pointer)
            .filter(|value| !value.is_null())
    }

    /// The text at a place.
    pub(super) fn text(&self, pointer: &str) -> Option<&'a str> {
        self.value(pointer)?
            .as_str()
            .filter(|text| !text.is_empty())
    }

    fn optional(&self, pointer: Option<&String>) -> Option<&'a str> {
        self.text(pointer?)
    }

    pub(super) fn builder(&self) -> Option<&'a str> {
        self.text(&self.layout.places.builder)
    }

    /// The source, with a suffix the layout knows taken away.
    pub(super) fn source(&self) -> Option<GitUri<'a>> {
        let text = self.optional(self.layout.places.source.as_ref())?;
        let mut uri = GitUri::parse(text);
        if let Some(suffix) = &self.layout.suffix {
            let starts = uri.repository.match_indices(['/', '#']);
            if let Some((at, _)) = starts
                .into_iter()
                .find(|(at, _)| suffix.matches(&uri.repository[*at..]))
            {
                uri.repository = &uri.repository[..at];
            }
        }
        Some(uri)
    }

    /// What the build was started for: a repository's URI and a ref.
    pub(super) fn trigger(&self) -> Option<(String, String)> {
        let trigger = self.layout.places.trigger.as_ref()?;
        if let Some(uri) = &trigger.uri {
            let uri = GitUri::parse(self.text(uri)?);
            return Some((uri.repository.to_owned(), uri.reference?.to_owned()));
        }
        if let (Some(repository), Some(reference)) = (&trigger.repository, &trigger.reference) {
            let repository = GitUri::parse(self.text(repository)?).repository;
            return Some((repository.to_owned(), self.text(reference)?.to_owned()));
        }
        let (workflow, reference) = self.optional(trigger.workflow.as_ref())?.split_once('@')?;
        if reference.contains('@') {
            return None;
        }
        let mut parts = workflow.splitn(3, '/');
        let (owner, repository) = (parts.next()?, parts.next()?);
        let host = trigger.host.as_deref()?;
        Some((format!("{host}/{owner}/{repository}"), reference.to_owned()))
    }

    /// The ref that was built.
    pub(super) fn reference(&self) -> Option<String> {
        match self.layout.places.ref_from {
            RefFrom::Trigger => self.trigger().map(|(_, reference)| reference),
            RefFrom::Source => self.source()?.reference.map(str::to_owned),
        }
    }

    /// The tag that was built. A tag that is named twice must be named the same.
    pub(super) fn tag(&self) -> Option<String> {
        let named = self.layout.places.tag.as_ref();
        let reference = self.reference();
        let of_ref = reference
            .as_deref()
            .and_then(|reference| match Ref::parse(reference) {
                Some(Ref::Tag(tag)) => Some(tag),
                _ => None,
            });
        let Some(pointer) = named else {
            return of_ref.map(str::to_owned);
        };
        let tag = self.text(pointer)?;
        (reference.is_none() || of_ref == Some(tag)).then(|| tag.to_owned())
    }

    /// The branch that was built, or that the tag was made on, as far as the event says. A branch
    /// that is named twice must be named the same.
    pub(super) fn branch(&self) -> Option<String> {
        let reference = self.reference();
        if let Some(pointer) = &self.layout.places.branch {
            // A substitution is what somebody typed: the ref must say the same.
            let branch = self.text(pointer)?;
            let of_ref = reference.as_deref().and_then(Ref::parse);
            let same = of_ref == Some(Ref::Branch(branch));
            return (reference.is_none() || same).then(|| branch.to_owned());
        }
        match Ref::parse(&reference?)? {
            Ref::Branch(branch) => Some(branch.to_owned()),
            Ref::Tag(_) => self.branch_of_tag(),
        }
    }

    fn branch_of_tag(&self) -> Option<String> {
        let places = &self.layout.places;
        let branch = |reference: &str| match Ref::parse(reference) {
            Some(Ref::Branch(branch)) => Some(branch.to_owned()),
            _ => None,
        };
        if let Some(base) = self.optional(places.base_ref.as_ref()) {
            return branch(base);
        }
        let payload = self.value(places.payload.as_ref()?)?;
        match self.optional(places.event.as_ref())? {
            "push" => branch(payload.get("base_ref")?.as_str()?),
            "release" => {
                let release = payload.get("release")?;
                Some(release.get("target_commitish")?.as_str()?.to_owned())
            }
            _ => None,
        }
    }

    /// What somebody typed when starting the build, if that is how it was started.
    pub(super) fn inputs(&self) -> Option<BTreeMap<&'a str, String>> {
        let places = &self.layout.places;
        if self.optional(places.event.as_ref())? != "workflow_dispatch" {
            return None;
        }
        let inputs = self.value(places.inputs.as_ref()?)?.as_object()?;
        let scalars = inputs
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), scalar(value)?)));
        Some(scalars.collect())
    }
}

/// A text, number or truth value as text; numbers as they are written.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

/// Whether a value says nothing: absent, `null`, `false`, or empty.
pub(super) fn is_nothing(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null | Value::Bool(false)) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(list)) => list.is_empty(),
        Some(Value::Object(members)) => members.is_empty(),
        Some(_) => false,
    }
}
