//! What a command signed, and where it went: one report for everything that signs.

use std::path::{Path, PathBuf};

use bulla_model::{Digest, Limits};
use bulla_registry::Attached;
use bulla_registry::legacy::LegacyAdded;
use serde::Serialize;

use crate::Failure;
use crate::join::artifact::Artifact;
use crate::join::image::OpenImage;
use crate::join::kept::{self, Beside};
use crate::join::seal::Sealed;
use crate::output::write_atomic;
use crate::render::{Cell, Page, Report, shorten};

/// What was signed, and where it went.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Published {
    signed: Vec<Signed>,
    attached: Vec<AttachedTo>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    legacy: Vec<AddedTo>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    written: Vec<WrittenTo>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Signed {
    predicate_type: String,
    payload: Digest,
    /// The one artifact it is about; statements about several leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AttachedTo {
    target: String,
    predicate_type: String,
    payload: Digest,
    manifest: Digest,
    existed: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AddedTo {
    target: String,
    tag: String,
    manifest: Digest,
    existed: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenTo {
    target: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<Digest>,
    file: PathBuf,
}

impl WrittenTo {
    fn of(artifact: &Artifact, file: PathBuf) -> Self {
        Self {
            target: artifact.label(),
            digest: match artifact {
                Artifact::File(file) => Some(file.digest.clone()),
                Artifact::Image(_) | Artifact::Directory(_) => None,
            },
            file,
        }
    }
}

impl Published {
    pub(super) fn add(&mut self, sealed: &Sealed, note: Option<String>) {
        self.signed.push(Signed {
            predicate_type: sealed.predicate_type.as_str().to_owned(),
            payload: sealed.payload.clone(),
            target: None,
            note,
        });
    }

    /// A signature of one artifact.
    pub(super) fn add_of(&mut self, sealed: &Sealed, artifact: &Artifact) {
        self.signed.push(Signed {
            predicate_type: sealed.predicate_type.as_str().to_owned(),
            payload: sealed.payload.clone(),
            target: Some(artifact.label()),
            note: None,
        });
    }

    pub(super) fn attached(&mut self, image: &OpenImage, sealed: &Sealed, attached: &Attached) {
        self.attached.push(AttachedTo {
            target: image.pinned.clone(),
            predicate_type: sealed.predicate_type.as_str().to_owned(),
            payload: sealed.payload.clone(),
            manifest: attached.descriptor.digest.clone(),
            existed: attached.existed,
        });
    }

    pub(super) fn legacy(&mut self, image: &OpenImage, added: &LegacyAdded) {
        self.legacy.push(AddedTo {
            target: image.pinned.clone(),
            tag: added.tag.to_string(),
            manifest: added.manifest.digest.clone(),
            existed: added.existed,
        });
    }

    /// Adds bundles to those that are beside a file or directory.
    pub(super) fn keep(
        &mut self,
        artifact: &Artifact,
        path: &Path,
        beside: Beside,
        sealed: &[&Sealed],
        limits: &Limits,
    ) -> Result<(), Failure> {
        let bundles: Vec<_> = sealed.iter().map(|one| &one.bundle).collect();
        let file = kept::add(path, beside, &bundles, limits)?;
        self.written.push(WrittenTo::of(artifact, file));
        Ok(())
    }

    /// Writes bundles of a file or directory to the file that was named for them.
    pub(super) fn write(
        &mut self,
        artifact: &Artifact,
        file: &Path,
        sealed: &[&Sealed],
    ) -> Result<(), Failure> {
        write_bundles(file, sealed)?;
        self.written.push(WrittenTo::of(artifact, file.to_owned()));
        Ok(())
    }
}

/// Writes bundles to the file that was named for them, one to a line if there are several. What is
/// there is replaced, as cosign does.
pub(super) fn write_bundles(file: &Path, sealed: &[&Sealed]) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    for one in sealed {
        bytes.extend_from_slice(one.bundle.bytes());
        bytes.push(b'\n');
    }
    write_atomic(file, &bytes)
}

impl Report for Published {
    fn human(&self, page: &mut Page) {
        for signed in &self.signed {
            page.row(
                1,
                [
                    Cell::good("signed"),
                    Cell::from(&signed.predicate_type),
                    Cell::from(shorten(&signed.payload)),
                    Cell::from(
                        signed
                            .target
                            .as_deref()
                            .or(signed.note.as_deref())
                            .unwrap_or_default(),
                    ),
                ],
            );
        }
        let mut last = None;
        for attached in &self.attached {
            if last == Some(&attached.target) {
                continue;
            }
            last = Some(&attached.target);
            let count = self
                .attached
                .iter()
                .filter(|other| other.target == attached.target)
                .count();
            let noun = if count == 1 {
                "attestation"
            } else {
                "attestations"
            };
            page.indented(1, format!("attached {count} {noun} to {}", attached.target));
        }
        for added in &self.legacy {
            let done = if added.existed { "is at" } else { "added to" };
            page.indented(1, format!("{done} the tag {} too", added.tag));
        }
        for written in &self.written {
            page.indented(1, format!("wrote {}", written.file.display()));
        }
    }

    /// What the next step of a pipeline asks for: names that GitHub and GitLab both take.
    fn outputs(&self) -> Vec<(&'static str, String)> {
        let mut targets: Vec<&str> = Vec::new();
        for attached in &self.attached {
            if !targets.contains(&attached.target.as_str()) {
                targets.push(&attached.target);
            }
        }
        let manifests: Vec<_> = self.attached.iter().map(|one| &one.manifest).collect();
        let files: Vec<_> = self
            .written
            .iter()
            .map(|one| one.file.display().to_string())
            .collect();
        let list = |value: serde_json::Value| value.to_string();
        let mut outputs = Vec::new();
        if let Some(first) = targets.first() {
            let digest = first.rsplit_once('@').map_or("", |(_, digest)| digest);
            outputs.push(("image", (*first).to_owned()));
            outputs.push(("digest", digest.to_owned()));
            outputs.push(("images", list(serde_json::json!(targets))));
            outputs.push(("attestations", list(serde_json::json!(manifests))));
        }
        if targets.is_empty()
            && let Some(digest) = self.written.iter().find_map(|one| one.digest.as_ref())
        {
            outputs.push(("digest", digest.to_string()));
        }
        if let Some(first) = files.first() {
            outputs.push(("bundle", first.clone()));
            outputs.push(("bundles", list(serde_json::json!(files))));
        }
        outputs
    }
}
