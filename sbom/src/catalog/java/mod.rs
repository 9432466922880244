//! Java libraries: archives, those inside them, and those whose classes were put into them.

mod identity;
mod manifest;
mod pom;
mod project;
mod well_known;

use std::collections::BTreeMap;

use bulla_model::{Purl, PurlError};

use self::identity::{Identity, Module};
pub(super) use self::project::MavenProject;
use super::{Capability, Cataloger, Context, Edges, Found, ListFile, Technique, file_name};
use crate::source::{Content, Jar};
use crate::{License, Package, Presence};

#[derive(Debug)]
pub(super) struct Java;

impl Cataloger for Java {
    fn name(&self) -> &'static str {
        "java-archive"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "Java",
            reads: "`*.jar`, `*.war`, `*.ear` and the like, nested and shaded: `pom.properties`, `pom.xml`, manifest, file name",
            presence: Presence::Installed,
            technique: Technique::Manifest,
            edges: Edges::Some,
            licenses: true,
            hashes: true,
            files: false,
        }
    }

    /// No path: archives are read where they lie, and not kept.
    fn wants(&self, _path: &str) -> bool {
        false
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut listing = Listing::default();
        for (path, file) in context.view.files() {
            if let Content::Jar(jar) = &file.content {
                let bytes = &[];
                listing.archive(ListFile { path, file, bytes }, jar, file_name(path));
            }
        }
        listing.connect();
        listing.found
    }
}

#[derive(Default)]
struct Listing {
    found: Found,
    /// Positions of modules, by group and artifact.
    modules: BTreeMap<(String, String), usize>,
    /// What each of them says that it needs.
    needs: Vec<(usize, (String, String))>,
}

impl Listing {
    /// Lists an archive and what is inside it; where it is itself among the packages.
    fn archive(&mut self, list: ListFile<'_>, jar: &Jar, name: &str) -> Option<usize> {
        for (member, reason) in &jar.faults {
            self.unknown(list.path, member, reason);
        }
        // A name alone makes no package of what nothing could be read of.
        if jar.is_unread() {
            return None;
        }
        let identity = Identity::of(jar, name);
        for (member, reason) in &identity.faults {
            self.unknown(list.path, member, reason);
        }
        let own = identity.own.and_then(|own| self.module(list, own, jar));
        let mut parts = Vec::new();
        for part in identity.parts {
            let path = format!("{}!/{}", list.path, part.member);
            let inside = ListFile {
                path: &path,
                ..list
            };
            parts.extend(self.module(inside, part, &Jar::default()));
        }
        for (path, inner) in &jar.inner {
            let name = file_name(path);
            let path = format!("{}!/{path}", list.path);
            let inside = ListFile {
                path: &path,
                ..list
            };
            parts.extend(self.archive(inside, inner, name));
        }
        let edges = own.into_iter().flat_map(|own| {
            let parts = parts.iter();
            parts.map(move |part| (own, *part))
        });
        self.found.edges.extend(edges);
        own.or_else(|| parts.first().copied())
    }

    fn module(&mut self, list: ListFile<'_>, module: Module, jar: &Jar) -> Option<usize> {
        let index = self.found.add(list, package(&module, jar))?;
        let Module {
            group,
            artifact,
            pom,
            ..
        } = module;
        self.modules.entry((group, artifact)).or_insert(index);
        let needed = pom.dependencies.into_iter();
        let needed = needed.filter(pom::Dependency::is_needed);
        let needed = needed.map(|one| (index, (one.group, one.artifact)));
        self.needs.extend(needed);
        Some(index)
    }

    /// What modules say they need, where it was found.
    fn connect(&mut self) {
        let met = self.needs.iter().filter_map(|(from, needed)| {
            let to = self.modules.get(needed)?;
            (from != to).then_some((*from, *to))
        });
        self.found.edges.extend(met);
    }

    fn unknown(&mut self, path: &str, member: &str, reason: &str) {
        if member.is_empty() {
            self.found.unknown(path, reason);
        } else {
            self.found.unknown(&format!("{path}!/{member}"), reason);
        }
    }
}

fn package(module: &Module, jar: &Jar) -> Result<Package, PurlError> {
    let purl = Purl::builder("maven", &module.artifact)
        .with_namespace(&module.group)
        .with_version(&module.version)
        .build()?;
    let name = format!("{}:{}", module.group, module.artifact);
    let mut package = Package::new(&name, &module.version, purl);
    let pom = &module.pom;
    package.confidence = module.confidence;
    package
        .licenses
        .extend(pom.licenses.iter().filter_map(|name| License::parse(name)));
    package.description.clone_from(&pom.description);
    package.homepage.clone_from(&pom.homepage);
    package.repository.clone_from(&pom.repository);
    package.supplier.clone_from(&pom.organization);
    let manifest = jar.members.get("META-INF/MANIFEST.MF");
    if let Some(manifest) = manifest.map(|bytes| manifest::Manifest::parse(bytes)) {
        let text = |names: &[&str]| manifest.first(names).map(str::to_owned);
        if package.licenses.is_empty() {
            let stated = manifest.first(&["bundle-license"]);
            package.licenses.extend(stated.and_then(bundle_license));
        }
        let vendor = || {
            text(&[
                "implementation-vendor",
                "bundle-vendor",
                "specification-vendor",
            ])
        };
        package.supplier = package.supplier.take().or_else(vendor);
        let about = || text(&["bundle-description"]);
        package.description = package.description.take().or_else(about);
    }
    package.hashes.extend(jar.digests.iter().cloned());
    Ok(package)
}

/// A licence of OSGi: a name or the address of a text, and attributes.
fn bundle_license(stated: &str) -> Option<License> {
    let first = stated.split([',', ';']).next()?.trim().trim_matches('"');
    let address = first
        .trim_start_matches("https://")
        .trim_start_matches("http://")
        .trim_start_matches("www.")
        .trim_end_matches('/');
    let known = ADDRESSES.iter().find(|(known, _)| *known == address);
    License::parse(known.map_or(first, |(_, license)| license))
}

/// Addresses of texts, without scheme, `www.` and a slash at the end.
const ADDRESSES: [(&str, &str); 12] = [
    ("apache.org/licenses/LICENSE-2.0", "Apache-2.0"),
    ("apache.org/licenses/LICENSE-2.0.html", "Apache-2.0"),
    ("apache.org/licenses/LICENSE-2.0.txt", "Apache-2.0"),
    ("eclipse.org/legal/epl-2.0", "EPL-2.0"),
    ("eclipse.org/legal/epl-v10.html", "EPL-1.0"),
    ("eclipse.org/legal/epl-v20.html", "EPL-2.0"),
    ("opensource.org/licenses/Apache-2.0", "Apache-2.0"),
    ("opensource.org/licenses/BSD-3-Clause", "BSD-3-Clause"),
    ("opensource.org/licenses/MIT", "MIT"),
    ("opensource.org/licenses/apache2.0.php", "Apache-2.0"),
    ("opensource.org/licenses/mit-license.php", "MIT"),
    ("repository.jboss.org/licenses/apache-2.0.txt", "Apache-2.0"),
];
