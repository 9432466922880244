//! OpenVEX: whether what a scanner found concerns a product.
//!
//! Implements OpenVEX 0.2.0,
//! <https://github.com/openvex/spec/blob/v0.2.0/OPENVEX-SPEC.md>, as an in-toto predicate; read are
//! also the plain texts of version 0.0.1 in the place of vulnerabilities and products.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Predicate;
use super::check::{Checks, WORD};
use crate::descriptor::or_null;
use crate::{PredicateError, Statement, json};

/// The type's URI without a version.
pub const TYPE: &str = "https://openvex.dev/ns";

/// Statements of one document, products of a statement and subcomponents of a product. Stops a
/// document that is compared with scans without end.
pub const ITEMS: usize = 4096;

/// The justifications of `not_affected` that the specification knows.
pub const JUSTIFICATIONS: &[&str] = &[
    "component_not_present",
    "inline_mitigations_already_exist",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_not_present",
];

/// Whether this predicate type is an OpenVEX document, of any version.
pub fn is_openvex(uri: &str) -> bool {
    uri == TYPE
        || uri
            .strip_prefix(TYPE)
            .is_some_and(|rest| rest.starts_with("/v"))
}

/// When a statement's document says it was issued or last changed, also where the rest of it cannot
/// be read.
pub fn issued_at(statement: &Statement) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Dated {
        #[serde(default)]
        timestamp: Value,
        #[serde(default)]
        last_updated: Value,
    }
    let dated: Dated = json::part(statement.predicate_json()?.as_bytes()).ok()?;
    let time = |value: &Value| -> Option<Timestamp> { value.as_str()?.parse().ok() };
    time(&dated.last_updated).or_else(|| time(&dated.timestamp))
}

/// A document.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct OpenVex {
    /// What makes it an OpenVEX document.
    #[serde(rename = "@context")]
    pub context: String,
    /// When it was issued.
    #[serde(default)]
    pub timestamp: Option<Timestamp>,
    /// When it was last changed.
    #[serde(default)]
    pub last_updated: Option<Timestamp>,
    /// What it says.
    pub statements: Vec<VexStatement>,
}

/// One vulnerability, in some products.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct VexStatement {
    /// The vulnerability.
    pub vulnerability: VexVulnerability,
    /// When this was known to be true.
    #[serde(default)]
    pub timestamp: Option<Timestamp>,
    /// When it was last changed.
    #[serde(default)]
    pub last_updated: Option<Timestamp>,
    /// The products; none means what the document is about.
    #[serde(default, deserialize_with = "or_null")]
    pub products: Vec<VexProduct>,
    /// What is known.
    pub status: VexStatus,
    /// Why it is not affected, by one of [`JUSTIFICATIONS`].
    #[serde(default)]
    pub justification: Option<String>,
    /// Why it is not affected, in words.
    #[serde(default)]
    pub impact_statement: Option<String>,
}

/// What is known of a vulnerability in a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VexStatus {
    /// Nothing has to be done.
    NotAffected,
    /// Something should be done.
    Affected,
    /// It is fixed in these products.
    Fixed,
    /// Nobody knows yet.
    UnderInvestigation,
}

impl VexStatus {
    /// As documents write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotAffected => "not_affected",
            Self::Affected => "affected",
            Self::Fixed => "fixed",
            Self::UnderInvestigation => "under_investigation",
        }
    }
}

/// A vulnerability, by its ids.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "VulnerabilityWire")]
pub struct VexVulnerability {
    /// Its main id.
    pub name: String,
    /// Others.
    pub aliases: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum VulnerabilityWire {
    Name(String),
    Named {
        name: String,
        #[serde(default, deserialize_with = "or_null")]
        aliases: Vec<String>,
    },
}

impl From<VulnerabilityWire> for VexVulnerability {
    fn from(wire: VulnerabilityWire) -> Self {
        match wire {
            VulnerabilityWire::Name(name) => Self {
                name,
                aliases: Vec::new(),
            },
            VulnerabilityWire::Named { name, aliases } => Self { name, aliases },
        }
    }
}

/// A product, or a component of one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "ProductWire")]
pub struct VexProduct {
    /// Texts that may be package URLs: `@id` and `identifiers.purl`.
    pub names: Vec<String>,
    /// Digests, by the algorithm's name.
    pub hashes: BTreeMap<String, String>,
    /// The components of it that are meant; none means all.
    pub subcomponents: Vec<VexProduct>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ProductWire {
    Name(String),
    Named(Box<NamedWire>),
}

#[derive(Deserialize)]
struct NamedWire {
    #[serde(default, rename = "@id")]
    id: Option<String>,
    #[serde(default, deserialize_with = "or_null")]
    identifiers: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "or_null")]
    hashes: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "or_null")]
    subcomponents: Vec<VexProduct>,
}

impl From<ProductWire> for VexProduct {
    fn from(wire: ProductWire) -> Self {
        match wire {
            ProductWire::Name(name) => Self {
                names: vec![name],
                ..Self::default()
            },
            ProductWire::Named(named) => {
                let mut identifiers = named.identifiers;
                let purl = identifiers.remove("purl");
                Self {
                    names: named.id.into_iter().chain(purl).collect(),
                    hashes: named.hashes,
                    subcomponents: named.subcomponents,
                }
            }
        }
    }
}

impl OpenVex {
    /// When the document says it was issued or last changed.
    pub fn issued_at(&self) -> Option<Timestamp> {
        self.last_updated.or(self.timestamp)
    }

    /// When a statement of this document says it was known to be true.
    pub fn known_at(&self, statement: &VexStatement) -> Option<Timestamp> {
        let own = statement.last_updated.or(statement.timestamp);
        own.or_else(|| self.issued_at())
    }
}

impl Predicate for OpenVex {
    const TYPES: &'static [&'static str] = &[
        TYPE,
        "https://openvex.dev/ns/v0.2.0",
        "https://openvex.dev/ns/v0.0.1",
    ];

    fn check(&self, statement: &Statement) -> Result<(), PredicateError> {
        let checks = Checks::new(TYPE, statement);
        if !is_openvex(&self.context) {
            return Err(checks.refuse("/predicate/@context", TYPE));
        }
        let at_most = |pointer: &str, found: usize| {
            let expected = format_args!("at most {ITEMS} items");
            (found <= ITEMS)
                .then_some(())
                .ok_or_else(|| checks.refuse(pointer, expected))
        };
        at_most("/predicate/statements", self.statements.len())?;
        for said in &self.statements {
            let pointer = "/predicate/statements/vulnerability";
            checks.text(pointer, &said.vulnerability.name, WORD)?;
            at_most(pointer, said.vulnerability.aliases.len())?;
            at_most("/predicate/statements/products", said.products.len())?;
            let pointer = "/predicate/statements/products/subcomponents";
            let mut products = said.products.iter();
            products.try_for_each(|product| at_most(pointer, product.subcomponents.len()))?;
        }
        Ok(())
    }
}
