//! Gathers what a pack holds: from the image's store, the rules and the verdict.

use std::collections::BTreeMap;

use bulla_model::evidence_pack::{API_VERSION, AbsentDocument, Incomplete, MEDIA_TYPE, PackTool};
use bulla_model::{
    Descriptor, Digest, EvidencePack, Limits, Manifest, PackFile, PackRole, media_type,
};
use bulla_registry::{AnyStore, Store as _, StoreError};
use bulla_verify::{Attestation, Document, Evidence, PolicyFile, PolicyFiles, Verdict};

use super::{Contents, EMPTY_CONFIG, VERDICT, largest};
use crate::Failure;
use crate::failure::FailureKind;
use crate::join::image::OpenImage;
use crate::join::rules::Rules;
use crate::render::to_json;

/// What was judged, and how.
pub(super) struct Judged<'a> {
    pub(super) image: &'a OpenImage,
    pub(super) ledger: &'a AnyStore,
    pub(super) name: &'a str,
    pub(super) rules: &'a Rules,
    pub(super) evidence: &'a Evidence,
    pub(super) verdict: &'a Verdict,
    pub(super) with_layers: bool,
}

/// Gathers everything but the bytes of layers.
pub(super) async fn gather(judged: &Judged<'_>, limits: &Limits) -> Result<Contents, Failure> {
    let environment =
        judged.verdict.environment.clone().ok_or_else(|| {
            Failure::new(FailureKind::Internal, "a verdict without an environment")
        })?;
    let mut basket = Basket {
        limits,
        with_layers: judged.with_layers,
        files: Vec::new(),
        blobs: BTreeMap::new(),
        left_out: Vec::new(),
        left: largest(false, limits),
    };
    basket.image(judged.image, judged.evidence).await?;
    basket
        .attestations(&judged.image.evidence, &judged.evidence.attestations)
        .await?;
    basket
        .attestations(judged.ledger, &judged.evidence.ledger.attestations)
        .await?;
    let absent = basket.documents(judged.evidence)?;
    basket.policy(&judged.rules.files)?;
    basket.trust(judged.rules)?;
    let verdict = to_json(judged.verdict).into_bytes();
    basket.named(PackRole::Verdict, VERDICT, "verdict.json", verdict)?;
    let document = EvidencePack {
        api_version: API_VERSION.to_owned(),
        media_type: MEDIA_TYPE.to_owned(),
        tool: PackTool {
            name: "bulla".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        now: judged.verdict.now,
        environment,
        image: judged.name.to_owned(),
        subject: judged.verdict.subject.clone(),
        incomplete: Incomplete {
            truncated: judged.evidence.truncated,
            unavailable: judged.evidence.unavailable.clone(),
            unusable: judged.evidence.unusable.clone(),
            ledger: judged.evidence.ledger.unavailable.clone(),
            documents: absent,
            left_out: basket.left_out,
        },
        files: basket.files,
    };
    let document_bytes = document.to_json();
    // What could not be read again must not be written.
    EvidencePack::parse(&document_bytes, limits)
        .map_err(|error| Failure::new(FailureKind::Configuration, error))?;
    Ok(Contents {
        document,
        document_bytes,
        blobs: basket.blobs,
    })
}

struct Basket<'a> {
    limits: &'a Limits,
    with_layers: bool,
    files: Vec<PackFile>,
    blobs: BTreeMap<Digest, Vec<u8>>,
    left_out: Vec<String>,
    /// Bytes that still fit.
    left: u64,
}

impl Basket<'_> {
    /// The manifests of the image, what lists it, what it lists, and their configurations.
    async fn image(&mut self, image: &OpenImage, evidence: &Evidence) -> Result<(), Failure> {
        let subject = image.store.manifest(&image.descriptor.digest).await?;
        self.manifest(PackRole::Subject, &subject)?;
        // What is in the pack in another role is not there twice.
        let entries = subject.index().map_or(&[][..], |index| &index.manifests);
        let own: Vec<_> = entries.iter().map(|entry| &entry.digest).collect();
        for index in &evidence.indexes {
            if index.digest() == subject.digest() || own.contains(&index.digest()) {
                continue;
            }
            self.manifest(PackRole::Index, index)?;
        }
        let mut images = Vec::new();
        match subject.index() {
            None => images.push(subject),
            Some(index) => {
                for platform in &index.manifests {
                    match image.store.manifest(&platform.digest).await {
                        Ok(manifest) => {
                            self.manifest(PackRole::Platform, &manifest)?;
                            images.push(manifest);
                        }
                        Err(error) => self.without("platform manifest", &platform.digest, error)?,
                    }
                }
            }
        }
        for manifest in images.iter().filter_map(Manifest::image) {
            self.blob(&image.store, PackRole::Config, &manifest.config)
                .await?;
            if !self.with_layers {
                continue;
            }
            for layer in &manifest.layers {
                if image.store.has_blob(&layer.digest).await? {
                    self.file(PackFile {
                        size: layer.size,
                        digest: layer.digest.clone(),
                        ..PackFile::of(PackRole::Layer, &layer.media_type, &[])
                    });
                } else {
                    self.left_out
                        .push(format!("layer {}: not in the store", layer.digest));
                }
            }
        }
        Ok(())
    }

    /// Every attestation with the manifest it came in, in the order in which they were judged.
    async fn attestations(
        &mut self,
        store: &AnyStore,
        attestations: &[Attestation],
    ) -> Result<(), Failure> {
        let mut bundles = Vec::new();
        for attestation in attestations {
            let Some(referrer) = &attestation.manifest else {
                continue;
            };
            let manifest = store.manifest(referrer).await?;
            self.manifest(PackRole::Referrer, &manifest)?;
            let Some(image) = manifest.image() else {
                continue;
            };
            self.blob(store, PackRole::Config, &image.config).await?;
            let digest = Digest::sha256(attestation.bytes());
            let layer = image.layers.iter().find(|layer| layer.digest == digest);
            let kind = layer.map_or(media_type::BUNDLE, |layer| layer.media_type.as_str());
            let mut file = PackFile::of(PackRole::Attestation, kind, attestation.bytes());
            file.referrer = Some(referrer.clone());
            self.keep(&file, attestation.bytes().to_vec())?;
            bundles.push(file);
        }
        self.files.append(&mut bundles);
        Ok(())
    }

    /// The documents that attestations refer to; those that are not there are told apart.
    fn documents(&mut self, evidence: &Evidence) -> Result<Vec<AbsentDocument>, Failure> {
        let mut absent = Vec::new();
        for (digest, document) in &evidence.documents {
            let (altered, reason) = match document {
                Document::Bytes(bytes) => {
                    let file = PackFile::of(PackRole::Document, OCTETS, bytes);
                    self.keep(&file, bytes.to_vec())?;
                    self.file(file);
                    continue;
                }
                Document::Altered(reason) => (true, reason.clone()),
                Document::Unavailable(reason) => (false, reason.clone()),
            };
            absent.push(AbsentDocument {
                digest: digest.clone(),
                altered,
                reason,
            });
        }
        Ok(absent)
    }

    fn policy(&mut self, files: &PolicyFiles) -> Result<(), Failure> {
        for (file, bytes) in policy_files(files) {
            self.keep(&file, bytes.to_vec())?;
            self.file(file);
        }
        Ok(())
    }

    fn trust(&mut self, rules: &Rules) -> Result<(), Failure> {
        if let Some(anchor) = &rules.anchor_file {
            // Its local path says nothing about trust and something about the machine.
            self.named(PackRole::Anchor, YAML, "anchor.yaml", anchor.bytes.clone())?;
        }
        for (number, root) in rules.trusted_roots.iter().enumerate() {
            let path = format!("trusted-root-{number}.json");
            self.named(PackRole::TrustedRoot, JSON, &path, root.clone())?;
        }
        if let Some(state) = &rules.state {
            self.named(PackRole::State, JSON, "state.json", state.to_json())?;
        }
        Ok(())
    }

    fn named(
        &mut self,
        role: PackRole,
        media_type: &str,
        path: &str,
        bytes: Vec<u8>,
    ) -> Result<(), Failure> {
        let mut file = PackFile::of(role, media_type, &bytes);
        file.path = Some(path.to_owned());
        self.keep(&file, bytes)?;
        self.file(file);
        Ok(())
    }

    fn manifest(&mut self, role: PackRole, manifest: &Manifest) -> Result<(), Failure> {
        let file = PackFile::of(role, manifest.media_type(), manifest.bytes());
        self.keep(&file, manifest.bytes().to_vec())?;
        self.file(file);
        Ok(())
    }

    /// A small blob that no verdict needs; absent is noted, unknown is a failure.
    async fn blob(
        &mut self,
        store: &AnyStore,
        role: PackRole,
        descriptor: &Descriptor,
    ) -> Result<(), Failure> {
        if descriptor.digest == Digest::sha256(EMPTY_CONFIG) {
            return Ok(());
        }
        match store.blob(descriptor, self.limits.manifest_bytes).await {
            Ok(bytes) => {
                let file = PackFile::of(role, &descriptor.media_type, &bytes);
                self.keep(&file, bytes)?;
                self.file(file);
                Ok(())
            }
            Err(error) => self.without("configuration", &descriptor.digest, error),
        }
    }

    fn without(&mut self, what: &str, digest: &Digest, error: StoreError) -> Result<(), Failure> {
        if !error.is_not_found() {
            return Err(error.into());
        }
        self.left_out
            .push(format!("{what} {digest}: not in the store"));
        Ok(())
    }

    /// Lists a file, once for each thing it is.
    fn file(&mut self, file: PackFile) {
        if !self.files.contains(&file) {
            self.files.push(file);
        }
    }

    fn keep(&mut self, file: &PackFile, bytes: Vec<u8>) -> Result<(), Failure> {
        if self.blobs.contains_key(&file.digest) {
            return Ok(());
        }
        self.left = self.left.checked_sub(file.size).ok_or_else(|| {
            Failure::new(
                FailureKind::Unavailable,
                format_args!(
                    "the evidence is larger than the limit of {} bytes",
                    largest(false, self.limits)
                ),
            )
        })?;
        self.blobs.insert(file.digest.clone(), bytes);
        Ok(())
    }
}

/// The files of a policy and of its earlier versions, as packs name them.
pub(super) fn policy_files(files: &PolicyFiles) -> Vec<(PackFile, &[u8])> {
    let earlier = files.predecessors.iter().enumerate();
    let earlier = earlier.map(|(number, files)| (Some(number), files));
    let mut found = Vec::new();
    for (predecessor, files) in std::iter::once((None, files)).chain(earlier) {
        let base = std::iter::once((PackRole::PolicyBase, &files.base));
        let services = files.services.iter();
        let services = services.map(|file| (PackRole::PolicyService, file));
        let people = files.people.iter();
        let people = people.map(|file| (PackRole::PolicyPeople, file));
        for (role, PolicyFile { path, bytes }) in base.chain(services).chain(people) {
            let mut file = PackFile::of(role, YAML, bytes);
            file.path = Some(path.clone());
            file.predecessor = predecessor;
            found.push((file, bytes.as_slice()));
        }
    }
    let signatures = files.signatures.iter();
    found.extend(signatures.map(|PolicyFile { path, bytes }| {
        let mut file = PackFile::of(PackRole::PolicySignature, media_type::BUNDLE, bytes);
        file.path = Some(path.clone());
        (file, bytes.as_slice())
    }));
    found
}

/// What statements call a document is in the statements.
const OCTETS: &str = "application/octet-stream";
const YAML: &str = "application/yaml";
const JSON: &str = "application/json";
