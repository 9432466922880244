//! The shape of policy files. Nothing here is checked beyond its shape.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_saphyr::Spanned;

use bulla_model::{Digest, EdgeKind, Environment, Person, Role, Service, Tier};

use super::account::Account;
use super::builders::BuilderWire;
use super::duration::Age;
use super::ledger::{FreezesWire, RevocationsWire};
use crate::require::RequireWire;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Base {
    pub(super) api_version: Spanned<String>,
    pub(super) name: Spanned<String>,
    pub(super) version: Spanned<u64>,
    pub(super) environments: BTreeMap<String, EnvironmentWire>,
    pub(super) tiers: BTreeMap<Tier, TierWire>,
    pub(super) identities: BTreeMap<String, Vec<Spanned<IdentityWire>>>,
    pub(super) edges: Vec<Spanned<EdgeWire>>,
    #[serde(default)]
    pub(super) tighten: Vec<Spanned<TightenWire>>,
    #[serde(default)]
    pub(super) builders: Vec<Spanned<BuilderWire>>,
    #[serde(default)]
    pub(super) revocations: Option<Spanned<RevocationsWire>>,
    #[serde(default)]
    pub(super) freezes: Option<Spanned<FreezesWire>>,
    #[serde(default)]
    pub(super) history: Vec<PredecessorWire>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PredecessorWire {
    pub(super) version: u64,
    pub(super) digest: Digest,
    #[serde(default)]
    pub(super) until: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct EnvironmentWire {
    pub(super) uri: Spanned<Environment>,
    #[serde(default)]
    pub(super) audience: Vec<String>,
    pub(super) freshness: FreshnessWire,
}

pub(super) enum FreshnessWire {
    None,
    Within(WithinWire),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WithinWire {
    pub(super) promote: Age,
    pub(super) admit: Age,
}

impl<'de> Deserialize<'de> for FreshnessWire {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = FreshnessWire;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`none` or `{promote: 1h, admit: 24h}`")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<FreshnessWire, E> {
                match text {
                    "none" => Ok(FreshnessWire::None),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<FreshnessWire, A::Error> {
                WithinWire::deserialize(MapAccessDeserializer::new(map)).map(FreshnessWire::Within)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TierWire {
    #[serde(default)]
    pub(super) claimed_time: Permission,
    #[serde(default)]
    pub(super) relayed_approvals: Permission,
    #[serde(default = "allowed")]
    pub(super) draft_predicates: Permission,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Permission {
    Allow,
    #[default]
    Deny,
}

fn allowed() -> Permission {
    Permission::Allow
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct IdentityWire {
    #[serde(default)]
    pub(super) key: Option<String>,
    #[serde(default)]
    pub(super) not_before: Option<Timestamp>,
    #[serde(default)]
    pub(super) not_after: Option<Timestamp>,
    #[serde(default)]
    pub(super) issuer: Option<String>,
    #[serde(default)]
    pub(super) subject: Option<String>,
    #[serde(default)]
    pub(super) subject_pattern: Option<String>,
    #[serde(default)]
    pub(super) source_repository: Option<String>,
    #[serde(default)]
    pub(super) build_signer_pattern: Option<String>,
    #[serde(default)]
    pub(super) runner_environment: Option<String>,
    #[serde(default)]
    pub(super) deployment_environment: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct EdgeWire {
    #[serde(default)]
    pub(super) from: Option<String>,
    pub(super) to: String,
    #[serde(default = "promote")]
    pub(super) kind: EdgeKind,
    #[serde(default)]
    pub(super) tiers: Vec<Tier>,
    pub(super) by: Vec<String>,
    pub(super) require: RequireWire,
    #[serde(default)]
    pub(super) review_within: Option<Age>,
    #[serde(default)]
    pub(super) review_roles: Vec<Role>,
    #[serde(default)]
    pub(super) overdue_review: Overdue,
}

/// What becomes of a promotion whose review is overdue.
#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Overdue {
    Deny,
    #[default]
    Warn,
}

fn promote() -> EdgeKind {
    EdgeKind::Promote
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ServiceFile {
    pub(super) service: Spanned<Service>,
    pub(super) tier: Spanned<Tier>,
    pub(super) sources: Vec<String>,
    #[serde(default)]
    pub(super) images: Vec<String>,
    #[serde(default)]
    pub(super) owners: Vec<Person>,
    #[serde(default)]
    pub(super) tighten: Vec<Spanned<TightenWire>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TightenWire {
    pub(super) to: String,
    #[serde(default)]
    pub(super) tiers: Vec<Tier>,
    #[serde(default)]
    pub(super) kinds: Vec<EdgeKind>,
    #[serde(default)]
    pub(super) effective_from: Option<Timestamp>,
    #[serde(default)]
    pub(super) standing: bool,
    pub(super) require: RequireWire,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PeopleFile {
    pub(super) people: BTreeMap<Person, PersonWire>,
    #[serde(default)]
    pub(super) machines: BTreeMap<String, Vec<Spanned<IdentityWire>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PersonWire {
    #[serde(default)]
    pub(super) roles: Vec<Role>,
    #[serde(default)]
    pub(super) emails: Vec<String>,
    #[serde(default)]
    pub(super) accounts: Vec<Spanned<Account>>,
    pub(super) identities: Vec<Spanned<IdentityWire>>,
}
