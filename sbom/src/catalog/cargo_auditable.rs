//! Rust packages compiled into executables built by `cargo auditable`.
//!
//! <https://github.com/rust-secure-code/cargo-auditable/blob/v0.7.0/PARSING.md>, read by `auditable-serde`.

use auditable_serde::{DependencyKind, Package as Compiled, Source, VersionInfo};
use bulla_model::{Purl, PurlError};

use super::{Capability, Cataloger, Context, Edges, Found, ListFile, Technique};
use crate::source::Content;
use crate::{Package, Presence};

#[derive(Debug)]
pub(super) struct CargoAuditable;

impl Cataloger for CargoAuditable {
    fn name(&self) -> &'static str {
        "cargo-auditable"
    }

    /// No path: executables are recognised by their contents while a source is read.
    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "Rust",
            reads: "programs built by `cargo auditable`",
            presence: Presence::Installed,
            technique: Technique::Binary,
            edges: Edges::All,
            licenses: false,
            hashes: false,
            files: false,
        }
    }

    fn wants(&self, _path: &str) -> bool {
        false
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        for (path, file) in context.view.files() {
            let Content::Program(program) = &file.content else {
                continue;
            };
            let Some(bytes) = program.audit_data.as_deref() else {
                continue;
            };
            let file = ListFile { path, file, bytes };
            match file.read_json::<VersionInfo>() {
                Ok(list) => read(file, &list, &mut found),
                Err(error) => {
                    found.unknown(path, &format!("its .dep-v0 section is not valid: {error}"));
                }
            }
        }
        found
    }
}

fn read(list: ListFile<'_>, compiled: &VersionInfo, found: &mut Found) {
    // What only ran at build time (build scripts, procedural macros) is not in the executable.
    let positions: Vec<Option<usize>> = compiled
        .packages
        .iter()
        .map(|compiled| match compiled.kind {
            DependencyKind::Runtime => found.add(list, package(compiled)),
            DependencyKind::Build => None,
        })
        .collect();
    let position = |index: usize| positions.get(index).copied().flatten();
    for (index, compiled) in compiled.packages.iter().enumerate() {
        let Some(from) = position(index) else {
            continue;
        };
        let targets = compiled.dependencies.iter().filter_map(|to| position(*to));
        found.edges.extend(targets.map(|to| (from, to)));
    }
}

fn package(compiled: &Compiled) -> Result<Package, PurlError> {
    let version = compiled.version.to_string();
    let purl = Purl::builder("cargo", &compiled.name).with_version(&version);
    // The list does not say which repository or registry, only that it is not the default one.
    let origin = match &compiled.source {
        Source::CratesIo | Source::Local => "",
        Source::Git => "git",
        Source::Registry => "registry",
        _ => "other",
    };
    Ok(Package::new(
        &compiled.name,
        &version,
        purl.with_qualifier("source", origin).build()?,
    ))
}
