//! What holds what, what needs what, and under which licence it is.

use std::collections::BTreeSet;

use super::element::{Kind, Relationship};
use super::package::{self, local};
use super::{Graph, named};
use crate::format::completeness;
use crate::{Inventory, License, Package, Scope};

impl Graph {
    /// Every package hangs on the subject. The same list is as complete as the whole is.
    pub(super) fn relationships(&mut self, inventory: &Inventory) {
        let whole = completeness::whole(inventory);
        let of_scope = |graph: &Self, scope| {
            let packages = inventory.packages.iter();
            let packages = packages.filter(move |one| one.scope == scope);
            packages
                .map(|one| graph.id(&local(&one.purl)))
                .collect::<BTreeSet<_>>()
        };
        let subject = package::SUBJECT;
        let mut contained = of_scope(self, Scope::Required);
        if inventory.operating_system.is_some() {
            contained.insert(self.id(package::SYSTEM));
        }
        if contained.is_empty() {
            let known = if whole == "complete" { NONE } else { UNKNOWN };
            contained.insert(known.to_owned());
        }
        self.relate(subject, "contains", contained, Some(whole), None);
        let optional = of_scope(self, Scope::Optional);
        let runtime = Some("runtime");
        self.relate(
            subject,
            "hasOptionalDependency",
            optional,
            Some(whole),
            runtime,
        );
        let developing = of_scope(self, Scope::Excluded);
        let development = Some("development");
        self.relate(subject, "dependsOn", developing, Some(whole), development);
        for one in &inventory.packages {
            self.needs(one, whole);
            if let Some(license) = self.declared(&one.licenses) {
                let license = BTreeSet::from([license]);
                let from = local(&one.purl);
                if License::are_clear(&one.licenses) {
                    self.relate(&from, "hasConcludedLicense", license.clone(), None, None);
                }
                self.relate(&from, "hasDeclaredLicense", license, None, None);
            }
        }
    }

    /// What a package needs. That it needs nothing is said only where all would be known.
    fn needs(&mut self, package: &Package, whole: &'static str) {
        let needed = package.dependencies.iter();
        let mut needed: BTreeSet<_> = needed.map(|purl| self.id(&local(purl))).collect();
        let completeness = if completeness::knows_needs(package) {
            whole
        } else {
            "noAssertion"
        };
        if needed.is_empty() && completeness == "complete" {
            needed.insert(NONE.to_owned());
        }
        let from = local(&package.purl);
        self.relate(&from, "dependsOn", needed, Some(completeness), None);
    }

    fn relate(
        &mut self,
        from: &str,
        kind: &'static str,
        to: BTreeSet<String>,
        completeness: Option<&'static str>,
        scope: Option<&'static str>,
    ) {
        if to.is_empty() {
            return;
        }
        let word = format!("Relationship-{kind}");
        let name = named(&word, &format!("{}{from}", scope.unwrap_or_default()));
        let relationship = Relationship {
            kind,
            from: self.id(from),
            to,
            completeness,
        };
        let kind = match scope {
            Some(scope) => Kind::Scoped {
                relationship,
                scope,
            },
            None => Kind::Relationship(relationship),
        };
        self.add(&name, kind, None);
    }
}

/// What stands for something of which nobody says what it is.
const UNKNOWN: &str = "https://spdx.org/rdf/3.0.1/terms/Core/NoAssertionElement";

/// What stands for nothing at all.
const NONE: &str = "https://spdx.org/rdf/3.0.1/terms/Core/NoneElement";
