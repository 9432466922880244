//! Trust policies: which identities may have signed what is in which repository.

use std::collections::{BTreeMap, BTreeSet};

use bulla_model::{JsonError, Limits, json};
use serde::Deserialize;

use super::level::Level;
use super::name::{DistinguishedName, NameError};
use super::trust_store::{StoreKind, StoreName};

/// Statements of one policy, and identities of one statement: they are compared in pairs.
const ENTRIES: usize = 256;

/// A trust policy for OCI artifacts, version 1.0: `trustpolicy.oci.json`, or `trustpolicy.json`.
#[derive(Clone, Debug)]
pub struct TrustPolicy {
    statements: Vec<PolicyStatement>,
}

/// What holds for some repositories.
#[derive(Clone, Debug)]
pub struct PolicyStatement {
    name: String,
    scopes: BTreeSet<String>,
    pub(super) level: Level,
    pub(super) timestamp_after_expiry_only: bool,
    pub(super) stores: Vec<StoreName>,
    /// None: anybody whom the stores' authorities certified.
    pub(super) identities: Option<Vec<DistinguishedName>>,
}

impl TrustPolicy {
    /// Reads a policy. Whatever is not understood is refused: a restriction that is not seen would
    /// be one that does not hold (F21).
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, TrustPolicyError> {
        let wire: WirePolicy = json::read(bytes, limits.configuration_bytes, limits.json_depth)?;
        if wire.version != "1.0" {
            let found = wire.version.chars().take(40).collect();
            return Err(TrustPolicyError::Version { found });
        }
        if wire.trust_policies.is_empty() || wire.trust_policies.len() > ENTRIES {
            return Err(TrustPolicyError::Statements { limit: ENTRIES });
        }
        let mut statements = Vec::new();
        let (mut names, mut scopes) = (BTreeSet::new(), BTreeSet::new());
        for wire in wire.trust_policies {
            let statement = wire.name.chars().take(100).collect::<String>();
            let refused = |reason: String| TrustPolicyError::Statement {
                statement: statement.clone(),
                reason,
            };
            let read = PolicyStatement::of(wire).map_err(refused)?;
            if !names.insert(read.name.clone()) {
                return Err(refused("another statement has the same name".to_owned()));
            }
            for scope in &read.scopes {
                if !scopes.insert(scope.clone()) {
                    let reason = format!("another statement has the scope `{scope}` too");
                    return Err(refused(reason));
                }
            }
            statements.push(read);
        }
        Ok(Self { statements })
    }

    /// The one statement for a repository, `HOST/PATH`: the one that names it, else the one for
    /// all (`*`).
    pub fn statement_for(&self, repository: &str) -> Option<&PolicyStatement> {
        let with = |scope: &str| {
            let mut all = self.statements.iter();
            all.find(|statement| statement.scopes.contains(scope))
        };
        with(repository).or_else(|| with(ALL))
    }
}

impl PolicyStatement {
    fn of(wire: WireStatement) -> Result<Self, String> {
        if wire.name.is_empty() {
            return Err("it has no name".to_owned());
        }
        let scopes = scopes(wire.registry_scopes)?;
        let verification = wire.signature_verification;
        let mut level = Level::named(&verification.level).ok_or_else(|| {
            let level = verification.level.escape_debug();
            format!("level `{level}`: expected strict, permissive, audit or skip")
        })?;
        for (validation, action) in &verification.overrides {
            let wrong = |reason| {
                let (validation, action) = (validation.escape_debug(), action.escape_debug());
                format!("override `{validation}: {action}`: {reason}")
            };
            level = level.with(validation, action).map_err(wrong)?;
        }
        let timestamp_after_expiry_only = match verification.verify_timestamp.as_deref() {
            None | Some("always") => false,
            Some("afterCertExpiry") => true,
            Some(other) => {
                let other = other.escape_debug();
                return Err(format!(
                    "verifyTimestamp `{other}`: expected always or afterCertExpiry"
                ));
            }
        };
        let empty = wire.trust_stores.is_empty() && wire.trusted_identities.is_empty();
        if level.is_skip() {
            if !empty || scopes.contains(ALL) {
                return Err(
                    "the level skip has neither trust stores nor identities, and is not for `*`"
                        .to_owned(),
                );
            }
        } else if wire.trust_stores.is_empty() || wire.trusted_identities.is_empty() {
            return Err("it needs trustStores and trustedIdentities".to_owned());
        }
        let mut stores = Vec::new();
        for text in &wire.trust_stores {
            let store = StoreName::parse(text).ok_or_else(|| {
                let text = text.escape_debug();
                format!("trust store `{text}`: expected ca:NAME, signingAuthority:NAME or tsa:NAME")
            })?;
            if !stores.contains(&store) {
                stores.push(store);
            }
        }
        Ok(Self {
            name: wire.name,
            scopes,
            level,
            timestamp_after_expiry_only,
            stores,
            identities: identities(&wire.trusted_identities)?,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How much of what is verified is enforced.
    pub fn level(&self) -> &Level {
        &self.level
    }

    /// The trust stores it names.
    pub fn stores(&self) -> &[StoreName] {
        &self.stores
    }

    pub(super) fn stores_of(&self, kind: StoreKind) -> impl Iterator<Item = &StoreName> {
        self.stores.iter().filter(move |store| store.kind() == kind)
    }
}

fn scopes(texts: Vec<String>) -> Result<BTreeSet<String>, String> {
    let all: BTreeSet<String> = texts.into_iter().collect();
    if all.is_empty() {
        return Err("registryScopes is empty".to_owned());
    }
    if all.contains(ALL) && all.len() > 1 {
        return Err("the scope `*` stands alone".to_owned());
    }
    let repository = |scope: &&String| {
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-_/:".contains(c);
        let (host, path) = scope.split_once('/').unwrap_or_default();
        !host.is_empty()
            && !path.is_empty()
            && !path.contains(':')
            && !path.split('/').any(str::is_empty)
            && scope.chars().all(plain)
    };
    match all.iter().find(|scope| *scope != ALL && !repository(scope)) {
        Some(scope) => Err(format!(
            "scope `{}`: expected HOST/REPOSITORY without scheme and tag, or `*`",
            scope.escape_debug()
        )),
        None => Ok(all),
    }
}

fn identities(texts: &[String]) -> Result<Option<Vec<DistinguishedName>>, String> {
    if texts.iter().any(|text| text == ALL) {
        return match texts {
            [_] => Ok(None),
            _ => Err("the identity `*` stands alone".to_owned()),
        };
    }
    if texts.len() > ENTRIES {
        return Err(format!("more than {ENTRIES} trusted identities"));
    }
    let mut names: Vec<DistinguishedName> = Vec::new();
    for text in texts {
        let wrong = |reason: &dyn std::fmt::Display| {
            let text: String = text.chars().take(100).collect();
            format!("trusted identity `{}`: {reason}", text.escape_debug())
        };
        let name = text
            .strip_prefix("x509.subject:")
            .ok_or_else(|| wrong(&"expected `x509.subject: C=…, ST=…, O=…` or `*`"))?;
        let name =
            DistinguishedName::parse(name.trim()).map_err(|error: NameError| wrong(&error))?;
        let overlap = |own: &DistinguishedName| own.is_part_of(&name) || name.is_part_of(own);
        if names.iter().any(overlap) {
            return Err(wrong(&"it overlaps with another"));
        }
        names.push(name);
    }
    Ok(Some(names))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WirePolicy {
    version: String,
    trust_policies: Vec<WireStatement>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireStatement {
    name: String,
    registry_scopes: Vec<String>,
    signature_verification: WireVerification,
    #[serde(default)]
    trust_stores: Vec<String>,
    #[serde(default)]
    trusted_identities: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireVerification {
    level: String,
    #[serde(default, rename = "override")]
    overrides: BTreeMap<String, String>,
    #[serde(default)]
    verify_timestamp: Option<String>,
}

/// Why a policy was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustPolicyError {
    /// It is not JSON of the right shape.
    #[error("no trust policy: {0}")]
    Json(#[from] JsonError),
    /// It is of another version.
    #[error("trust policy of version `{}`, expected 1.0", found.escape_debug())]
    Version {
        /// The version found.
        found: String,
    },
    /// It has no statement, or too many.
    #[error("expected 1 to {limit} statements (/trustPolicies)")]
    Statements {
        /// How many there may be.
        limit: usize,
    },
    /// A statement is wrong.
    #[error("statement `{}`: {reason}", statement.escape_debug())]
    Statement {
        /// Its name, cut short.
        statement: String,
        /// What is wrong.
        reason: String,
    },
}

const ALL: &str = "*";
