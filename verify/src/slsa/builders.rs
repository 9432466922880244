//! The table of builders: what Bulla brings, and what a user adds in front of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bulla_model::{KeyId, Limits};
use serde_saphyr::Spanned;

use super::git::is_release;
use super::wire::{BuilderWire, FormWire, LayoutWire, Over, SignerKind, Wire};
use crate::named_key::{NamedKey, own_schemes};
use crate::pattern::Pattern;
use crate::policy::{Place, PolicyError, PolicyFile};
use crate::public_key::PublicKey;
use crate::scheme::KeyKind;

/// The `apiVersion` of builders files.
pub const API_VERSION: &str = "bulla.dev/builders/v0.1";

/// What Bulla brings.
const OWN: &[u8] = include_bytes!("builders.yaml");

/// Builders, the first that fits an id speaking for it.
#[derive(Clone, Debug)]
pub struct Builders {
    rows: Vec<Builder>,
}

/// A builder and how its provenance is read.
#[derive(Clone, Debug)]
pub(super) struct Builder {
    pub(super) id: Pattern,
    pub(super) issuer: Option<String>,
    pub(super) signer: SignerKind,
    pub(super) refs: RefRule,
    pub(super) named: bool,
    pub(super) runner: Option<String>,
    pub(super) delegates: Vec<Delegate>,
    pub(super) forms: Vec<Form>,
    pub(super) keys: Vec<BuilderKey>,
}

/// A key that a builder signs with.
#[derive(Clone, Debug)]
pub(super) struct BuilderKey {
    named: NamedKey,
    /// What it signs; empty for everything its builder writes.
    predicate_types: Vec<String>,
}

impl BuilderKey {
    fn signs(&self, key: &KeyId, kind: &str) -> bool {
        let types = &self.predicate_types;
        self.named.key.id() == key && (types.is_empty() || types.iter().any(|one| one == kind))
    }
}

/// Builders that a delegator signs for.
#[derive(Clone, Debug)]
pub(super) struct Delegate {
    pub(super) id: Pattern,
    pub(super) refs: RefRule,
    pub(super) named: bool,
}

/// Provenance that a builder writes.
#[derive(Clone, Debug)]
pub(super) struct Form {
    pub(super) layout: Arc<Layout>,
    pub(super) build_types: Vec<Pattern>,
    pub(super) ids: Vec<String>,
}

/// A layout, and its pattern prepared.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) places: LayoutWire,
    pub(super) suffix: Option<Pattern>,
}

/// Which refs of a builder are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RefRule {
    /// All, also branches: whoever can push to the builder's repository is the builder.
    Any,
    /// Tags `vX.Y.Z`, with this pre-release if it is not empty.
    Release(String),
}

impl RefRule {
    pub(super) fn allows(&self, reference: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Release(pre_release) => reference
                .strip_prefix("refs/tags/")
                .is_some_and(|tag| is_release(tag, pre_release)),
        }
    }

    pub(super) fn describe(&self) -> String {
        match self {
            Self::Any => "any ref".to_owned(),
            Self::Release(pre) if pre.is_empty() => "a tag vX.Y.Z".to_owned(),
            Self::Release(pre) => format!("a tag vX.Y.Z-{pre}"),
        }
    }
}

impl Builders {
    /// The builders of these files in their order, then those Bulla brings.
    pub fn load(files: &[PolicyFile], limits: &Limits) -> Result<Self, PolicyError> {
        let own = PolicyFile {
            path: "the builders Bulla brings".to_owned(),
            bytes: OWN.to_vec(),
        };
        let mut layouts = BTreeMap::new();
        let mut read = Vec::new();
        // Layouts of every file may be named by every other, and none is replaced; so what Bulla
        // brings is read first, for a message about the user's file, and asked last.
        for file in std::iter::once(&own).chain(files) {
            let (path, wire) = crate::policy::read::<Wire>(file, limits)?;
            if wire.api_version.value != API_VERSION {
                return Err(PolicyError::Rule {
                    place: Place::new(&path, wire.api_version.referenced),
                    reason: format!("expected `apiVersion: {API_VERSION}`"),
                });
            }
            for layout in &wire.layouts {
                let place = Place::new(&path, layout.referenced);
                let name = layout.value.name.clone();
                let prepared = Arc::new(prepare(&layout.value, &place)?);
                if layouts.insert(name.clone(), prepared).is_some() {
                    return Err(refuse(&place, format!("layout `{name}` is there already")));
                }
            }
            read.push((path, wire.builders));
        }
        read.rotate_left(1);
        let mut rows = Vec::new();
        for (path, builders) in &read {
            for builder in builders {
                rows.push(row(builder, path, &layouts)?);
            }
        }
        Ok(Self { rows })
    }

    /// The builder whose workflow signs under this name: an exact row before a pattern.
    pub(super) fn of_workflow(&self, name: &str) -> Option<&Builder> {
        let rows = || {
            self.rows
                .iter()
                .filter(|row| row.signer == SignerKind::Workflow)
        };
        rows()
            .find(|row| matches!(&row.id, Pattern::Exact(id) if id == name))
            .or_else(|| rows().find(|row| row.id.matches(name)))
    }

    /// The builder of this name that any workflow, or a key, signs for.
    pub(super) fn of_name(&self, name: &str, signer: SignerKind) -> Option<&Builder> {
        self.rows
            .iter()
            .find(|row| row.signer == signer && row.id.matches(name))
    }

    /// Every key by which some builder signs.
    pub(super) fn keys(&self) -> Vec<NamedKey> {
        let keys = self.rows.iter().flat_map(|row| &row.keys);
        keys.map(|key| key.named.clone()).collect()
    }

    /// Whether the builder of this name signs statements of this type with this key.
    pub(super) fn has_key(&self, name: &str, key: &KeyId, kind: &str) -> bool {
        self.by_key()
            .filter(|row| row.id.matches(name))
            .any(|row| row.keys.iter().any(|own| own.signs(key, kind)))
    }

    /// The forms that builders who sign with keys write in statements of this type, each with its
    /// builder's own id.
    pub(super) fn forms_by_key(&self, kind: &str) -> impl Iterator<Item = (&Pattern, &Form)> {
        self.by_key()
            .flat_map(|row| row.forms.iter().map(|form| (&row.id, form)))
            .filter(move |(_, form)| form.layout.places.predicate_type == kind)
    }

    fn by_key(&self) -> impl Iterator<Item = &Builder> {
        let rows = self.rows.iter();
        rows.filter(|row| row.signer == SignerKind::Keys)
    }
}

fn refuse(place: &Place, reason: String) -> PolicyError {
    PolicyError::Rule {
        place: place.clone(),
        reason,
    }
}

fn prepare(layout: &LayoutWire, place: &Place) -> Result<Layout, PolicyError> {
    let rule = |reason: String| Err(refuse(place, reason));
    if let Some(pointer) = layout.pointers().find(|pointer| !pointer.starts_with('/')) {
        return rule(format!(
            "`{pointer}` is no JSON pointer: expected it to begin with `/`"
        ));
    }
    if layout.source.is_none() && layout.trigger.is_none() {
        return rule(
            "expected `source` or `trigger`: provenance without a source proves none".into(),
        );
    }
    if let Some(trigger) = &layout.trigger {
        let forms = [
            trigger.uri.is_some(),
            trigger.repository.is_some() && trigger.reference.is_some(),
            trigger.workflow.is_some() && trigger.host.is_some(),
        ];
        if forms.into_iter().filter(|form| *form).count() != 1 {
            return rule(
                "expected one of `uri`, `repository` with `ref`, `workflow` with `host` in `trigger`"
                    .into(),
            );
        }
    }
    let suffix = layout.source_suffix.as_deref().map(Pattern::regex);
    Ok(Layout {
        suffix: suffix
            .transpose()
            .map_err(|error| refuse(place, format!("`sourceSuffix`: {error}")))?,
        places: layout.clone(),
    })
}

fn row(
    wire: &Spanned<BuilderWire>,
    path: &Arc<str>,
    layouts: &BTreeMap<String, Arc<Layout>>,
) -> Result<Builder, PolicyError> {
    let place = Place::new(path, wire.referenced);
    let wire = &wire.value;
    let by_key = wire.signer == SignerKind::Keys;
    if by_key != wire.issuer.is_none() {
        return Err(refuse(
            &place,
            format!("`{}`: expected `issuer`, or `signer: keys`", wire.id),
        ));
    }
    if wire.signer == SignerKind::Workflow && wire.refs.is_none() {
        let reason = format!("`{}`: expected `refs: release` or `refs: any`", wire.id);
        return Err(refuse(&place, reason));
    }
    if !by_key && !wire.keys.is_empty() {
        let reason = format!("`{}`: `keys` without `signer: keys`", wire.id);
        return Err(refuse(&place, reason));
    }
    let mut delegates = Vec::new();
    for delegate in &wire.delegates {
        delegates.push(Delegate {
            id: pattern(&delegate.id),
            refs: refs(&delegate.refs, &place)?,
            named: delegate.named,
        });
    }
    let mut keys = Vec::new();
    for key in &wire.keys {
        let wrong = |error: String| refuse(&place, format!("key `{}`: {error}", key.id));
        let public =
            PublicKey::from_pem(&key.public_key).map_err(|error| wrong(error.to_string()))?;
        let named = NamedKey {
            id: Some(key.id.clone()),
            or_unnamed: false,
            schemes: own_schemes(KeyKind::of_spki(public.spki()).map_err(wrong)?),
            key: public,
            bare_payload: key.over == Over::Payload,
        };
        keys.push(BuilderKey {
            named,
            predicate_types: key.predicate_types.clone(),
        });
    }
    // Keys may be given alone, for a builder that another file describes.
    if wire.provenance.is_empty() && wire.keys.is_empty() {
        let reason = format!("`{}`: expected `provenance` or `keys`", wire.id);
        return Err(refuse(&place, reason));
    }
    let forms = wire
        .provenance
        .iter()
        .map(|form| read_form(form, &place, layouts))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Builder {
        id: pattern(&wire.id),
        issuer: wire.issuer.clone(),
        signer: wire.signer,
        refs: wire
            .refs
            .as_deref()
            .map_or(Ok(RefRule::Any), |text| refs(text, &place))?,
        named: wire.named,
        runner: wire.runner.clone(),
        delegates,
        forms,
        keys,
    })
}

fn read_form(
    form: &FormWire,
    place: &Place,
    layouts: &BTreeMap<String, Arc<Layout>>,
) -> Result<Form, PolicyError> {
    let layout = layouts
        .get(&form.layout)
        .ok_or_else(|| refuse(place, format!("no layout `{}`", form.layout)))?;
    if form.build_types.is_empty() {
        return Err(refuse(place, "expected `buildTypes`".to_owned()));
    }
    Ok(Form {
        layout: Arc::clone(layout),
        build_types: form.build_types.iter().map(|text| pattern(text)).collect(),
        ids: form.ids.clone(),
    })
}

fn refs(text: &str, place: &Place) -> Result<RefRule, PolicyError> {
    match text {
        "any" => Ok(RefRule::Any),
        "release" => Ok(RefRule::Release(String::new())),
        _ => match text.strip_prefix("release-") {
            Some(pre) if !pre.is_empty() => Ok(RefRule::Release(pre.to_owned())),
            _ => Err(refuse(
                place,
                format!(
                    "`{text}` is no rule for refs: expected `release`, `release-NAME` or `any`"
                ),
            )),
        },
    }
}

fn pattern(text: &str) -> Pattern {
    if text.contains('*') {
        Pattern::Glob(text.to_owned())
    } else {
        Pattern::Exact(text.to_owned())
    }
}
