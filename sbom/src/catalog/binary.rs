//! Well-known programs that no package manager put there, by the version that they say themselves.

use bulla_model::Purl;

use super::{Capability, Cataloger, Context, Edges, Found, ListFile, Technique};
use crate::source::Content;
use crate::{Package, Presence};

#[derive(Debug)]
pub(super) struct Binary;

impl Cataloger for Binary {
    fn name(&self) -> &'static str {
        "binary"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "programs",
            reads: "bash, busybox, httpd, memcached, nginx, node, openssl, php, postgresql, python, ruby",
            presence: Presence::Installed,
            technique: Technique::Binary,
            edges: Edges::None,
            licenses: false,
            hashes: false,
            files: false,
        }
    }

    /// No path: programs are recognised by their names and contents while a source is read.
    fn wants(&self, _path: &str) -> bool {
        false
    }

    /// What a package put there is that package.
    fn yields(&self) -> bool {
        true
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        for (path, file) in context.view.files() {
            let Content::Program(program) = &file.content else {
                continue;
            };
            if let Some(known) = &program.known {
                let purl = Purl::builder("generic", known.name).with_version(&known.version);
                let package = purl.build().map(|purl| {
                    let mut package = Package::new(known.name, &known.version, purl);
                    package.confidence = 80;
                    package
                });
                let bytes = &[];
                found.add(ListFile { path, file, bytes }, package);
            }
        }
        found
    }
}
