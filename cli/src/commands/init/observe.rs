//! What an image and the things attached to it say. Nothing here is verified or believed.

use bulla_model::predicate::Provenance;
use bulla_model::{
    Bundle, CertificateIdentity, Digest, KeyMaterial, Limits, Manifest, Statement, Tag,
};
use bulla_registry::{Store as _, Target as Selector, read_bundles};
use bulla_verify::claimed_identity;
use serde::Serialize;

use crate::Failure;
use crate::commands::Context;
use crate::join::image::{self, OpenImage};
use crate::join::labels;
use crate::target::Target;

/// Something that was read and has to be confirmed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Guess {
    /// What it would be.
    pub(super) what: &'static str,
    /// What was read: printable ASCII, one line.
    pub(super) value: String,
    /// Where.
    pub(super) from: String,
}

impl Guess {
    /// Keeps only what can stand in a file and on a terminal as it is.
    pub(super) fn new(what: &'static str, value: &str, from: &str) -> Option<Self> {
        let plain = value.chars().all(|c| c.is_ascii_graphic() || c == ' ');
        let kept = plain && !value.is_empty() && value.len() <= LONGEST;
        kept.then(|| Self {
            what,
            value: value.to_owned(),
            from: from.to_owned(),
        })
    }
}

/// What was seen, without repetition and in a fixed order.
#[derive(Debug, Default)]
pub(super) struct Observation {
    /// What to type to mean the image.
    pub(super) image: Option<String>,
    pub(super) source: Option<Guess>,
    pub(super) builders: Vec<Guess>,
    pub(super) build_types: Vec<Guess>,
    pub(super) keys: Vec<Guess>,
    pub(super) certificates: Vec<(CertificateIdentity, String)>,
    /// Labels and tags worth knowing.
    pub(super) notes: Vec<Guess>,
}

impl Observation {
    /// Everything, for people.
    pub(super) fn guesses(&self) -> Vec<Guess> {
        let certificates = self.certificates.iter().filter_map(|(identity, from)| {
            let text = format!("{} ({})", identity.subject, identity.issuer);
            Guess::new("signer", &text, from)
        });
        let lists = [&self.builders, &self.build_types, &self.keys, &self.notes];
        let lists = lists.into_iter().flatten().cloned();
        self.source
            .iter()
            .cloned()
            .chain(lists)
            .chain(certificates)
            .collect()
    }
}

/// Looks at an image.
pub(super) async fn image(context: &Context, target: &str) -> Result<Observation, Failure> {
    let image = image::open(context, &Target::parse(target)?).await?;
    let mut seen = Observation {
        image: Some(image.pinned.clone()),
        ..Observation::default()
    };
    let manifest = image.store.manifest(&image.descriptor.digest).await?;
    let first = match manifest.index() {
        None => Some(manifest),
        Some(index) => {
            let mut platforms = index.manifests.iter();
            match platforms.find(|entry| !entry.is_buildkit_attestation()) {
                Some(platform) => Some(image.store.manifest(&platform.digest).await?),
                None => None,
            }
        }
    };
    if let Some(manifest) = first {
        read_labels(&image, &manifest, &context.limits, &mut seen).await?;
    }
    let set = read_bundles(&image.evidence, &image.descriptor.digest).await?;
    for found in set.bundles {
        let from = format!("an unverified attestation {}", found.manifest.digest());
        if let Ok(bundle) = Bundle::parse(found.bytes, &context.limits) {
            bundle_says(&bundle, &from, &context.limits, &mut seen);
        }
    }
    legacy(&image, &mut seen).await?;
    for list in [&mut seen.builders, &mut seen.build_types, &mut seen.keys] {
        list.sort_by(|a, b| (&a.value, &a.from).cmp(&(&b.value, &b.from)));
        list.dedup_by(|a, b| a.value == b.value);
        list.truncate(MOST);
    }
    seen.certificates.sort();
    seen.certificates.dedup_by(|a, b| a.0 == b.0);
    seen.certificates.truncate(MOST);
    Ok(seen)
}

async fn read_labels(
    image: &OpenImage,
    manifest: &Manifest,
    limits: &Limits,
    seen: &mut Observation,
) -> Result<(), Failure> {
    let Some(labels) = labels::of(image, manifest, limits).await? else {
        return Ok(());
    };
    let label = |what, name: &str| {
        let value = labels.get(name)?.as_str()?;
        Guess::new(what, value, &format!("the image's label {name}"))
    };
    seen.source = label("source repository", "org.opencontainers.image.source");
    seen.notes
        .extend(label("version", "org.opencontainers.image.version"));
    seen.notes
        .extend(label("base image", "org.opencontainers.image.base.name"));
    Ok(())
}

fn bundle_says(bundle: &Bundle, from: &str, limits: &Limits, seen: &mut Observation) {
    match bundle.key() {
        KeyMaterial::PublicKey { hint } => seen.keys.extend(key(hint, from)),
        KeyMaterial::Certificate(der) => {
            let named = claimed_identity(der);
            let printable = |text: &str| Guess::new("signer", text, from).is_some();
            let named = named.filter(|named| printable(&named.subject) && printable(&named.issuer));
            seen.certificates
                .extend(named.map(|named| (named, from.to_owned())));
        }
    }
    let statement = bundle
        .envelope()
        .map(|envelope| Statement::parse(envelope.payload(), limits));
    let Some(Ok(statement)) = statement else {
        return;
    };
    if !Provenance::is_type(statement.predicate_type().as_str()) {
        return;
    }
    let Ok(provenance) = Provenance::of(&statement) else {
        return;
    };
    let builder = &provenance.run_details.builder.id;
    seen.builders.extend(Guess::new("builder", builder, from));
    let kind = &provenance.build_definition.build_type;
    seen.build_types
        .extend(Guess::new("build type", kind, from));
    if let Some(uri) = provenance.source().and_then(|source| source.uri.as_deref()) {
        // What the build says about its source beats what the image says about itself.
        let earlier = seen.source.take();
        let said = Guess::new("source repository", uri, from);
        let keep = earlier.filter(|guess| guess.from.starts_with("an unverified"));
        seen.source = keep.or(said);
    }
}

/// A key's digest from the hint in a bundle; the key itself is not in it.
fn key(hint: &str, from: &str) -> Option<Guess> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(hint).ok();
    let text = match bytes {
        Some(bytes) if bytes.len() == 32 => format!("sha256:{}", hex::encode(bytes)),
        _ => hint.to_owned(),
    };
    Guess::new("key", &text, from)
}

/// Signatures as older versions of cosign keep them.
async fn legacy(image: &OpenImage, seen: &mut Observation) -> Result<(), Failure> {
    let digest: &Digest = &image.descriptor.digest;
    for (suffix, what) in [
        (".sig", "cosign signature"),
        (".att", "cosign attestation"),
        (".sbom", "cosign SBOM"),
    ] {
        let Ok(tag) = format!("{}{suffix}", digest.referrers_tag()).parse::<Tag>() else {
            continue;
        };
        match image.evidence.resolve(&Selector::Tag(tag.clone())).await {
            Ok(_) => seen
                .notes
                .extend(Guess::new(what, tag.as_str(), "the tags beside the image")),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The longest text that is taken over.
const LONGEST: usize = 300;
/// How many suggestions of a kind are worth reading.
const MOST: usize = 8;
