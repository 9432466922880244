//! A bill of materials, from a file or of what is listed now.

use std::path::Path;

use bulla_sbom::bill::{self, Bill};
use bulla_sbom::format::{Lifecycle, Metadata, cyclonedx};

use super::listed;
use super::source::{self, Which};
use crate::Failure;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::file;
use crate::target::Target;

/// Reads the document in a file, or lists the target.
pub(super) async fn open(
    context: &Context,
    what: &str,
    platform: Option<&str>,
) -> Result<Bill, Failure> {
    let is_input = what == "-";
    if is_input || is_document(what) {
        let path = Path::new(what.strip_prefix("file:").unwrap_or(what));
        let bytes = file::read(path, context.limits.document_bytes)?;
        return bill::read(&bytes, &context.limits).map_err(|error| {
            let message = format_args!("{what} is no bill of materials");
            Failure::new(FailureKind::Input, message).with_detail(error)
        });
    }
    let target = Target::parse(what)?;
    let opened = source::open(context, &target).await?;
    let described = opened
        .described(Which::One(platform), None, context)
        .await?;
    let Some(described) = described.into_iter().next() else {
        return Err(Failure::new(
            FailureKind::Input,
            "the image has no platform",
        ));
    };
    let inventory = listed(described.source, &target, context).await?;
    let metadata = Metadata::new(env!("CARGO_PKG_VERSION"), Lifecycle::PostBuild);
    let document = cyclonedx::write(&inventory, &described.subject, &metadata);
    own(&document, context)
}

/// What was just written, as it is read.
pub(super) fn own(document: &[u8], context: &Context) -> Result<Bill, Failure> {
    let own = bill::read(document, &context.limits);
    own.map_err(|error| Failure::new(FailureKind::Internal, error))
}

/// Whether it is a file with a document: archives, programs and lists of packages are listed.
fn is_document(what: &str) -> bool {
    let Ok(Target::File(path)) = Target::parse(what) else {
        return false;
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let ending = path.extension().unwrap_or_default();
    let is_document = ["json", "jsonld", "spdx", "xml"]
        .iter()
        .any(|one| ending.eq_ignore_ascii_case(one));
    is_document && !bulla_sbom::catalog::is_list(&name)
}
