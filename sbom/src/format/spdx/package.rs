//! Packages, the system and the subject.

use bulla_model::{Algorithm, Digest, Purl};

use super::NO_ASSERTION;
use super::document::{Checksum, ExternalRef, Package};
use super::license::Texts;
use crate::cpe;
use crate::format::{Subject, SubjectKind};
use crate::{License, OperatingSystem, Package as Listed, Presence};

pub(super) const SUBJECT: &str = "SPDXRef-Subject";
pub(super) const SYSTEM: &str = "SPDXRef-OperatingSystem";

/// The identifier of a package: readable, and another one for each package URL.
pub(super) fn id(purl: &Purl) -> String {
    let digest = Digest::sha256(purl.as_str().as_bytes());
    let name: String = purl.parts().name.chars().map(plain).take(NAME).collect();
    let digest = digest.hex().get(..16).unwrap_or_default();
    format!("SPDXRef-Package-{}-{name}-{digest}", purl.kind())
}

pub(in crate::format) fn plain(character: char) -> char {
    if character.is_ascii_alphanumeric() || character == '.' {
        character
    } else {
        '-'
    }
}

pub(in crate::format) fn package(package: &Listed, texts: &mut Texts) -> Package {
    let version = &package.version;
    let declared = texts.declared(&package.licenses);
    let is_clear = License::are_clear(&package.licenses);
    Package {
        id: id(&package.purl),
        name: package.name.clone(),
        version_info: (!version.is_empty()).then(|| version.clone()),
        supplier: package.supplier.as_deref().map(organization),
        originator: package.author.as_deref().map(organization),
        download_location: download(package),
        checksums: package.hashes.iter().map(checksum).collect(),
        homepage: package.homepage.clone().filter(|url| is_address(url)),
        source_info: Some(source(package)),
        license_concluded: if is_clear {
            declared.clone()
        } else {
            NO_ASSERTION.to_owned()
        },
        license_declared: declared,
        copyright_text: NO_ASSERTION,
        description: package.description.clone(),
        comment: comment(package),
        external_refs: references(package),
        primary_package_purpose: "LIBRARY",
        ..Package::default()
    }
}

pub(in crate::format) fn operating_system(system: &OperatingSystem) -> Package {
    Package {
        id: SYSTEM.to_owned(),
        name: system.id.clone(),
        version_info: system.version.clone(),
        description: Some(system.pretty_name.clone()),
        primary_package_purpose: "OPERATING_SYSTEM",
        ..unknown()
    }
}

pub(in crate::format) fn subject(subject: &Subject) -> Package {
    let layers = subject.layers.iter().map(|layer| format!("layer {layer}"));
    let platform = subject.platform.iter().map(|it| format!("platform {it}"));
    let lines: Vec<_> = platform.chain(layers).collect();
    Package {
        id: SUBJECT.to_owned(),
        name: subject.name.clone(),
        version_info: subject.version.clone(),
        checksums: subject.digest.iter().map(checksum).collect(),
        comment: (!lines.is_empty()).then(|| lines.join("\n")),
        external_refs: subject.purl.iter().map(purl).collect(),
        primary_package_purpose: match subject.kind {
            SubjectKind::Application => "APPLICATION",
            SubjectKind::Container => "CONTAINER",
            SubjectKind::File => "FILE",
        },
        ..unknown()
    }
}

fn unknown() -> Package {
    Package {
        download_location: NO_ASSERTION.to_owned(),
        license_concluded: NO_ASSERTION.to_owned(),
        license_declared: NO_ASSERTION.to_owned(),
        copyright_text: NO_ASSERTION,
        ..Package::default()
    }
}

/// `Organization: NAME (ADDRESS)` of `NAME <ADDRESS>`. Whether it is a person nobody says.
fn organization(text: &str) -> String {
    let address = text.rsplit_once('<').and_then(|(name, rest)| {
        let address = rest.strip_suffix('>')?;
        Some(format!("{} ({address})", name.trim()))
    });
    format!(
        "Organization: {}",
        address.unwrap_or_else(|| text.to_owned())
    )
}

/// Where it is fetched from; of sources only their repository is known.
fn download(package: &Listed) -> String {
    let fetched = package.distribution.clone();
    let fetched = fetched.filter(|url| is_address(url) || url.starts_with("git+https://"));
    fetched.unwrap_or_else(|| NO_ASSERTION.to_owned())
}

pub(in crate::format) fn is_address(url: &str) -> bool {
    let is_url = ["https://", "http://"]
        .iter()
        .any(|scheme| url.starts_with(scheme));
    is_url && url.bytes().all(|byte| byte.is_ascii_graphic())
}

fn source(package: &Listed) -> String {
    let by: Vec<_> = package.found_by.iter().copied().collect();
    let paths = package.locations.iter().map(|place| match &place.layer {
        Some(layer) => format!("{} in {layer}", place.path),
        None => place.path.clone(),
    });
    let paths: Vec<_> = paths.collect();
    format!("found by {} at {}", by.join(", "), paths.join(", "))
}

fn comment(package: &Listed) -> Option<String> {
    let declared = (package.presence == Presence::Declared).then_some("declared, not installed");
    let unsure = package.confidence < 100;
    let unsure = unsure.then(|| format!("{} % sure to be this package", package.confidence));
    let lines = declared.map(str::to_owned).into_iter().chain(unsure);
    let lines: Vec<_> = lines.collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn checksum(digest: &Digest) -> Checksum {
    Checksum {
        algorithm: match digest.algorithm() {
            Algorithm::Sha256 => "SHA256",
            Algorithm::Sha384 => "SHA384",
            Algorithm::Sha512 => "SHA512",
        },
        checksum_value: digest.hex().to_owned(),
    }
}

/// Its package URL, and the names by which lists of vulnerabilities may know it.
fn references(package: &Listed) -> Vec<ExternalRef> {
    let cpes = cpe::candidates(package).into_iter();
    let cpes = cpes.map(|cpe| ExternalRef {
        category: "SECURITY",
        kind: "cpe23Type",
        locator: cpe,
    });
    std::iter::once(purl(&package.purl)).chain(cpes).collect()
}

fn purl(purl: &Purl) -> ExternalRef {
    ExternalRef {
        category: "PACKAGE-MANAGER",
        kind: "purl",
        locator: purl.to_string(),
    }
}

/// Characters of a name in an identifier.
const NAME: usize = 64;
