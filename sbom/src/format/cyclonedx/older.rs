//! What older versions spell otherwise, or do not know.
//!
//! A document is made in the newest spelling and taken back from there. What has no place in an
//! older version is left out: evidence and the phase of life before 1.5, how a licence is known
//! before 1.6, and before 1.7 that a concluded expression is declared too.

use super::Version;
use super::component::CONCLUDED;
use super::document::{Bom, Component, Identities, LicenseChoice, Named, OldTool, Tools};

/// Makes a document one of an older version.
pub(super) fn take_back(bom: &mut Bom, version: Version) {
    bom.schema = version.schema();
    bom.spec_version = version.as_str();
    let metadata = &mut bom.metadata;
    let tools = metadata.tools.components_mut().into_iter().flatten();
    let own = std::iter::once(&mut metadata.component).chain(tools);
    for component in bom.components.iter_mut().chain(own) {
        take_back_component(component, version);
    }
    take_back_licenses(&mut metadata.licenses, version);
    if version < Version::V1_5 {
        metadata.lifecycles.clear();
        metadata.tools = old_tools(&mut metadata.tools);
    }
}

fn take_back_component(component: &mut Component, version: Version) {
    take_back_licenses(&mut component.licenses, version);
    if version < Version::V1_6 {
        let authors = std::mem::take(&mut component.authors);
        let names: Vec<String> = authors.into_iter().map(|Named { name }| name).collect();
        component.author = (!names.is_empty()).then(|| names.join(", "));
        if let Some(evidence) = &mut component.evidence {
            evidence.identity.keep_one();
        }
    }
    if version < Version::V1_5 {
        component.evidence = None;
    }
}

fn take_back_licenses(licenses: &mut Vec<LicenseChoice>, version: Version) {
    if version >= Version::V1_7 {
        return;
    }
    if version >= Version::V1_6 {
        // An expression stands alone. Of one that is both, what is concluded says more.
        let concluded = licenses
            .iter()
            .position(LicenseChoice::is_concluded_expression);
        if let Some(concluded) = concluded {
            *licenses = vec![licenses.swap_remove(concluded)];
        }
        return;
    }
    licenses.retain(|choice| choice.acknowledgement() != CONCLUDED);
    for choice in licenses {
        match choice {
            LicenseChoice::License { license } => license.acknowledgement = None,
            LicenseChoice::Expression {
                acknowledgement, ..
            } => *acknowledgement = None,
        }
    }
}

impl LicenseChoice {
    fn acknowledgement(&self) -> Option<&'static str> {
        match self {
            Self::License { license } => license.acknowledgement,
            Self::Expression {
                acknowledgement, ..
            } => *acknowledgement,
        }
    }

    fn is_concluded_expression(&self) -> bool {
        matches!(self, Self::Expression { .. }) && self.acknowledgement() == CONCLUDED
    }
}

/// Programs as a list of their own kind, not of components.
fn old_tools(tools: &mut Tools) -> Tools {
    let components = tools.components_mut().map(std::mem::take);
    let old = components.unwrap_or_default().into_iter();
    let old = old.map(|Component { name, version, .. }| OldTool { name, version });
    Tools::Old(old.collect())
}

impl Tools {
    fn components_mut(&mut self) -> Option<&mut Vec<Component>> {
        match self {
            Self::Components { components } => Some(components),
            Self::Old(_) => None,
        }
    }
}

impl Identities {
    /// The first one, alone: all that 1.5 has a place for.
    fn keep_one(&mut self) {
        if let Self::Many(many) = self
            && !many.is_empty()
        {
            *self = Self::One(many.swap_remove(0));
        }
    }
}
