//! Packages, the system and the subject.

use bulla_model::Purl;

use super::element::{self, Kind, Part};
use super::{Graph, named};
use crate::format::spdx::document::Package as Spdx2;
use crate::format::spdx::license::Texts;
use crate::format::spdx::{NO_ASSERTION, package as spdx_2};
use crate::format::{Metadata, Subject};
use crate::{Inventory, Package};

pub(super) const SUBJECT: &str = "Subject";
pub(super) const SYSTEM: &str = "OperatingSystem";

/// The name of a package: readable, and another one for each package URL.
pub(super) fn local(purl: &Purl) -> String {
    let parts = purl.parts();
    let name: String = parts.name.chars().map(spdx_2::plain).take(NAME).collect();
    let kind = format!("Package-{}-{name}", purl.kind());
    named(&kind, purl.as_str())
}

impl Graph {
    pub(super) fn packages(
        &mut self,
        inventory: &Inventory,
        subject: &Subject,
        metadata: &Metadata,
    ) {
        let supplier = metadata.supplier.as_deref();
        let supplier = supplier.map(|name| self.agent(name));
        self.package(SUBJECT, spdx_2::subject(subject), |it| {
            it.supplier = supplier;
        });
        if let Some(system) = &inventory.operating_system {
            self.package(SYSTEM, spdx_2::operating_system(system), |_| {});
        }
        for one in &inventory.packages {
            self.listed(one);
        }
    }

    fn listed(&mut self, package: &Package) {
        let supplier = package.supplier.as_deref();
        let supplier = supplier.map(|name| self.agent(name));
        let author = package.author.as_deref();
        let author = author.map(|name| self.agent(name));
        let listed = spdx_2::package(package, &mut Texts::default());
        let id = self.package(&local(&package.purl), listed, |it| {
            it.supplier = supplier;
            it.originators = author.into_iter().collect();
        });
        let repository = package.repository.clone();
        let repository = repository.filter(|url| spdx_2::is_address(url));
        if let (Some(url), Some(element)) = (repository, self.elements.get_mut(&id)) {
            element.external_ref = vec![Part::ExternalRef {
                external_ref_type: "vcs",
                locator: [url],
            }];
        }
    }

    /// What SPDX 2 says of it, in the words of SPDX 3.
    fn package(
        &mut self,
        name: &str,
        package: Spdx2,
        change: impl FnOnce(&mut element::Package),
    ) -> String {
        let mut purl = None;
        let mut identifiers = Vec::new();
        for reference in package.external_refs {
            match reference.kind {
                "purl" => purl = Some(reference.locator),
                _ => identifiers.push(Part::ExternalIdentifier {
                    external_identifier_type: "cpe23",
                    identifier: reference.locator,
                }),
            }
        }
        let hashes = package.checksums.into_iter().map(|one| Part::Hash {
            algorithm: one.algorithm.to_lowercase(),
            hash_value: one.checksum_value,
        });
        let download = Some(package.download_location);
        let mut kind = element::Package {
            purpose: purpose(package.primary_package_purpose),
            version: package.version_info,
            purl,
            download: download.filter(|place| place != NO_ASSERTION),
            homepage: package.homepage,
            source: package.source_info,
            supplier: None,
            originators: Vec::new(),
        };
        change(&mut kind);
        let kind = Kind::Package(Box::new(kind));
        let id = self.add(name, kind, Some(&package.name));
        if let Some(element) = self.elements.get_mut(&id) {
            element.description = package.description;
            element.comment = package.comment;
            element.verified_using = hashes.collect();
            element.external_identifier = identifiers;
        }
        id
    }
}

fn purpose(spdx_2: &str) -> String {
    match spdx_2 {
        "OPERATING_SYSTEM" => "operatingSystem".to_owned(),
        word => word.to_lowercase(),
    }
}

/// Characters of a name in an identifier.
const NAME: usize = 64;
