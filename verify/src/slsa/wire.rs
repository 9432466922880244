//! The shape of a builders file.

use serde::Deserialize;
use serde_saphyr::Spanned;

/// A builders file as written.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Wire {
    pub(super) api_version: Spanned<String>,
    #[serde(default)]
    pub(super) layouts: Vec<Spanned<LayoutWire>>,
    #[serde(default)]
    pub(super) builders: Vec<Spanned<BuilderWire>>,
}

/// Where a kind of provenance keeps what is looked at: JSON pointers into the predicate.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LayoutWire {
    pub(super) name: String,
    pub(super) predicate_type: String,
    pub(super) builder: String,
    pub(super) build_type: String,
    #[serde(default)]
    pub(super) source: Option<String>,
    #[serde(default)]
    pub(super) source_suffix: Option<String>,
    #[serde(default)]
    pub(super) source_ref: Presence,
    #[serde(default)]
    pub(super) ref_from: RefFrom,
    #[serde(default)]
    pub(super) trigger: Option<Trigger>,
    #[serde(default)]
    pub(super) branch: Option<String>,
    #[serde(default)]
    pub(super) tag: Option<String>,
    #[serde(default)]
    pub(super) event: Option<String>,
    #[serde(default)]
    pub(super) base_ref: Option<String>,
    #[serde(default)]
    pub(super) payload: Option<String>,
    #[serde(default)]
    pub(super) inputs: Option<String>,
    #[serde(default)]
    pub(super) claims: Vec<ClaimAt>,
    #[serde(default)]
    pub(super) forgeable: bool,
    #[serde(default)]
    pub(super) only_claims: Vec<String>,
    #[serde(default)]
    pub(super) absent: Vec<String>,
    #[serde(default)]
    pub(super) single: Vec<String>,
    #[serde(default)]
    pub(super) equals: Vec<EqualsAt>,
}

impl LayoutWire {
    /// Every pointer, to be checked once.
    pub(super) fn pointers(&self) -> impl Iterator<Item = &str> {
        let trigger = self.trigger.as_ref();
        let single = [
            Some(&self.builder),
            Some(&self.build_type),
            self.source.as_ref(),
            self.branch.as_ref(),
            self.tag.as_ref(),
            self.event.as_ref(),
            self.base_ref.as_ref(),
            self.payload.as_ref(),
            self.inputs.as_ref(),
            trigger.and_then(|trigger| trigger.uri.as_ref()),
            trigger.and_then(|trigger| trigger.repository.as_ref()),
            trigger.and_then(|trigger| trigger.reference.as_ref()),
            trigger.and_then(|trigger| trigger.workflow.as_ref()),
        ];
        single
            .into_iter()
            .flatten()
            .chain(self.claims.iter().map(|claim| &claim.at))
            .chain(&self.only_claims)
            .chain(&self.absent)
            .chain(&self.single)
            .chain(self.equals.iter().map(|equals| &equals.at))
            .map(String::as_str)
    }
}

/// Whether something must be there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Presence {
    /// Without it the provenance is refused.
    #[default]
    Required,
    /// It may be missing.
    Optional,
    /// With it the provenance is refused.
    Absent,
}

/// Which ref was built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RefFrom {
    /// The one the build was started for.
    #[default]
    Trigger,
    /// The one the source names; without one, nothing is known of branch and tag.
    Source,
}

/// Where the provenance says what the build was started for.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Trigger {
    /// A URI with a ref.
    #[serde(default)]
    pub(super) uri: Option<String>,
    /// A repository's URI.
    #[serde(default)]
    pub(super) repository: Option<String>,
    /// A ref.
    #[serde(default, rename = "ref")]
    pub(super) reference: Option<String>,
    /// `OWNER/REPO/PATH@REF` on `host`.
    #[serde(default)]
    pub(super) workflow: Option<String>,
    /// The start of the repository's URI, for `workflow`.
    #[serde(default)]
    pub(super) host: Option<String>,
}

/// A place that must agree with a claim of the certificate.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ClaimAt {
    pub(super) at: String,
    pub(super) claim: super::claim::Claim,
}

/// A place that must hold a text.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct EqualsAt {
    pub(super) at: String,
    pub(super) value: String,
}

/// A builder.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BuilderWire {
    pub(super) id: String,
    #[serde(default)]
    pub(super) issuer: Option<String>,
    #[serde(default)]
    pub(super) signer: SignerKind,
    #[serde(default)]
    pub(super) refs: Option<String>,
    #[serde(default)]
    pub(super) named: bool,
    #[serde(default)]
    pub(super) runner: Option<String>,
    #[serde(default)]
    pub(super) delegates: Vec<DelegateWire>,
    #[serde(default)]
    pub(super) provenance: Vec<FormWire>,
    #[serde(default)]
    pub(super) keys: Vec<KeyWire>,
}

/// Who signs for a builder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SignerKind {
    /// The workflow that the id names.
    #[default]
    Workflow,
    /// Any workflow of the source repository.
    AnyWorkflow,
    /// The holder of one of the keys.
    Keys,
}

/// Builders that a delegator signs for.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DelegateWire {
    pub(super) id: String,
    pub(super) refs: String,
    #[serde(default)]
    pub(super) named: bool,
}

/// Provenance that a builder writes.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct FormWire {
    pub(super) layout: String,
    pub(super) build_types: Vec<String>,
    #[serde(default)]
    pub(super) ids: Vec<String>,
}

/// A key that a builder signs with.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct KeyWire {
    pub(super) id: String,
    #[serde(default)]
    pub(super) over: Over,
    #[serde(default)]
    pub(super) predicate_types: Vec<String>,
    pub(super) public_key: String,
}

/// What a key's signatures are over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Over {
    /// DSSE's pre-authentication encoding.
    #[default]
    Pae,
    /// The payload alone, as Cloud Build's regional keys sign.
    Payload,
}
