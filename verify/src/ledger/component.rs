//! Components that were taken back, and the bills of materials that list them.

use serde::Deserialize;
use serde_json::Value;

use bulla_model::predicate::revocation::Target;
use bulla_model::predicate::{is_cyclonedx, is_spdx};
use bulla_model::{Digest, Purl, Statement, json};

use super::revocations::{Revocations, Taken};
use crate::candidate::Candidate;
use crate::eligible::match_any;
use crate::evidence::Evidence;
use crate::policy::Matched;
use crate::question::Question;
use crate::reached::Reached;
use crate::referenced::names_documents;
use crate::verified::Verified;

/// What the bills of materials say of revoked components.
#[derive(Debug, Default)]
pub(super) struct Components<'a> {
    /// The revocation of one that the artifact contains, and its package URL.
    pub(super) taken: Option<(&'a Taken, String)>,
    /// Why it cannot be told whether it contains one.
    pub(super) doubt: Option<Doubt>,
}

/// Why a bill of materials does not tell.
#[derive(Debug)]
pub(super) struct Doubt {
    pub(super) message: String,
    /// The manifest of the bill of materials.
    pub(super) manifest: Option<Digest>,
}

impl Revocations {
    /// Looks for revoked components of the artifact. Only whom the policy names says what is in it:
    /// strangers may list whatever they like. What such a list hides by being illegible, or by not
    /// being at hand, is not passed over.
    pub(super) fn of_component(
        &self,
        question: &Question<'_>,
        candidates: &[Candidate],
        reached: &Reached,
    ) -> Components<'_> {
        let mut out = Components::default();
        let wanted: Vec<(&Taken, &Purl)> = self
            .in_force()
            .iter()
            .flat_map(|taken| taken.targets.iter().map(move |target| (taken, target)))
            .filter_map(|(taken, target)| match target {
                Target::Component { purl } => Some((taken, purl)),
                _ => None,
            })
            .collect();
        if wanted.is_empty() {
            return out;
        }
        let policy = question.policy;
        let names: Vec<String> = policy.identities.keys().cloned().collect();
        let counts = |statement: &Verified<Statement>| {
            let (signer, time) = (statement.signer(), statement.time());
            reached.is_subject_of(statement.value())
                && match_any(policy, policy, &names, signer, time, question.now) != Matched::No
        };
        let covering = question.evidence.covering();
        // What is said of a part by naming a document is followed for nobody.
        let is_elsewhere = |statement: &Statement| {
            !Evidence::is_about(statement, &covering) && names_documents(statement, question.limits)
        };
        if question.evidence.is_incomplete() {
            let message =
                "a component was revoked, and not everything beside the artifact is there";
            out.doubt = Some(Doubt::new(message, None));
        }
        for candidate in candidates {
            let listed = match (candidate.outcome(), &candidate.referring) {
                (Ok(statement), _) if counts(statement) && is_elsewhere(statement.value()) => {
                    Err("it is beside a part of the artifact, and referred to only".to_owned())
                }
                (Ok(statement), _) if counts(statement) => components(statement.value()),
                (Err(refusal), Some(bill)) if counts(bill) && is_bill(bill.value()) => {
                    Err(refusal.to_string())
                }
                _ => continue,
            };
            let because = match listed {
                Ok(listed) => {
                    let (purls, odd) = read(&listed.purls);
                    let found = purls.into_iter().find_map(|found| {
                        let (taken, _) = wanted.iter().find(|(_, purl)| is(purl, &found))?;
                        Some((*taken, found.as_str().to_owned()))
                    });
                    if found.is_some() {
                        out.taken = found;
                        return out;
                    }
                    odd.map(|odd| format!("lists `{odd}`, which is no package URL"))
                        .or(listed.elsewhere)
                }
                Err(because) => Some(format!("cannot be read: {because}")),
            };
            if let Some(because) = because {
                let message = format!("a component was revoked, and a bill of materials {because}");
                out.doubt = Some(Doubt::new(&message, candidate.manifest()));
            }
        }
        out
    }
}

/// Package URLs, and the first text that is none.
fn read(texts: &[String]) -> (Vec<Purl>, Option<String>) {
    let mut odd = None;
    let mut purls = Vec::with_capacity(texts.len());
    for text in texts {
        if let Ok(purl) = text.parse() {
            purls.push(purl);
        } else if odd.is_none() {
            let text: String = text.chars().take(100).collect();
            odd = Some(text.escape_debug().to_string());
        }
    }
    (purls, odd)
}

impl Doubt {
    fn new(message: &str, manifest: Option<&Digest>) -> Self {
        Self {
            message: message.to_owned(),
            manifest: manifest.cloned(),
        }
    }
}

fn is_bill(statement: &Statement) -> bool {
    let kind = statement.predicate_type().as_str();
    is_cyclonedx(kind) || is_spdx(kind)
}

fn is(wanted: &Purl, found: &Purl) -> bool {
    let (wanted, found) = (wanted.parts(), found.parts());
    wanted.kind == found.kind
        && wanted.namespace == found.namespace
        && wanted.name == found.name
        && (wanted.version.is_none() || wanted.version == found.version)
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Document {
    components: Option<Vec<Component>>,
    metadata: Option<Metadata>,
    external_references: Option<Vec<Elsewhere>>,
    packages: Option<Vec<Package>>,
    external_document_refs: Option<Vec<Value>>,
    #[serde(rename = "@context")]
    context: Option<Value>,
    #[serde(rename = "@graph")]
    graph: Option<Vec<Value>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    component: Option<Component>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Component {
    purl: Option<String>,
    components: Option<Vec<Self>>,
    external_references: Option<Vec<Elsewhere>>,
}

/// An external reference of CycloneDX.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Elsewhere {
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Package {
    external_refs: Option<Vec<ExternalReference>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ExternalReference {
    reference_type: Option<String>,
    reference_locator: Option<String>,
}

/// What a bill of materials calls package URLs, as it is written.
#[derive(Default)]
struct Listed {
    purls: Vec<String>,
    /// That more of it is in another document, which nobody reads here.
    elsewhere: Option<String>,
}

impl Listed {
    fn refers(&mut self, member: &str) {
        let line = || format!("refers to another one, which is not looked at (`{member}`)");
        self.elsewhere.get_or_insert_with(line);
    }

    fn refer(&mut self, references: Option<Vec<Elsewhere>>) {
        let mut references = references.into_iter().flatten();
        if references.any(|one| one.kind.as_deref() == Some("bom")) {
            self.refers("externalReferences");
        }
    }
}

/// The package URLs of SPDX 3: elements lie in one list, or within each other. What the names of
/// their members mean is said by the context, so that only SPDX's own is believed.
/// <https://spdx.github.io/spdx-spec/v3.0.1/serializations/>
fn in_graph(context: Option<&Value>, graph: Vec<Value>) -> Result<Listed, String> {
    let context = context.and_then(Value::as_str);
    if !context.is_some_and(|context| context.starts_with("https://spdx.org/rdf/3.")) {
        return Err("gives its members meanings of its own (`@context`)".to_owned());
    }
    let mut found = Listed::default();
    let mut left = graph;
    while let Some(value) = left.pop() {
        match value {
            Value::Array(items) => left.extend(items),
            Value::Object(mut members) => {
                let kind = members.get("externalIdentifierType");
                let is_purl = kind.and_then(Value::as_str) == Some("packageUrl");
                let identifier = is_purl.then(|| members.remove("identifier")).flatten();
                let own = members.remove("software_packageUrl");
                for url in identifier.into_iter().chain(own) {
                    let Value::String(url) = url else {
                        return Err("has a package URL that is no text".to_owned());
                    };
                    found.purls.push(url);
                }
                let imported = members.get("import").and_then(Value::as_array);
                if imported.is_some_and(|list| !list.is_empty()) {
                    found.refers("import");
                }
                left.extend(members.into_iter().map(|(_, value)| value));
            }
            _ => {}
        }
    }
    Ok(found)
}

/// What a bill of materials lists; nothing in another statement.
fn components(statement: &Statement) -> Result<Listed, String> {
    if !is_bill(statement) {
        return Ok(Listed::default());
    }
    let text = statement.predicate_json().unwrap_or_default();
    let document: Document = json::part(text.as_bytes()).map_err(|error| error.to_string())?;
    let kind = statement.predicate_type().as_str();
    // A context makes it SPDX 3, whatever else is beside it.
    let packages = document.packages.is_some() && document.context.is_none();
    if is_spdx(kind) && !packages && document.graph.is_none() {
        return Err("has no list of packages that this version knows".to_owned());
    }
    let mut found = match document.graph {
        Some(graph) => in_graph(document.context.as_ref(), graph)?,
        None => Listed::default(),
    };
    found.refer(document.external_references);
    if document
        .external_document_refs
        .is_some_and(|list| !list.is_empty())
    {
        found.refers("externalDocumentRefs");
    }
    let own = document.metadata.and_then(|metadata| metadata.component);
    let mut left: Vec<Component> = document.components.unwrap_or_default();
    left.extend(own);
    while let Some(component) = left.pop() {
        found.purls.extend(component.purl);
        found.refer(component.external_references);
        left.extend(component.components.unwrap_or_default());
    }
    let references = document.packages.unwrap_or_default().into_iter();
    let references = references.flat_map(|package| package.external_refs.unwrap_or_default());
    let urls = references
        .filter(|one| {
            let kind = one.reference_type.as_deref();
            kind.is_some_and(|kind| PURL_TYPES.contains(&kind))
        })
        .filter_map(|one| one.reference_locator);
    found.purls.extend(urls);
    Ok(found)
}

/// What SPDX 2 calls a package URL: the name, or the URI that the name stands for.
/// <https://spdx.github.io/spdx-spec/v2.3/external-repository-identifiers/>
const PURL_TYPES: &[&str] = &["purl", "http://spdx.org/rdf/references/purl"];
