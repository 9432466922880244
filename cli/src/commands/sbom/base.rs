//! The image that another one was built on: as it was named, as annotations name it, or by history.
//!
//! Annotations `org.opencontainers.image.base.name` and `.digest` of the OCI image specification v1.1.1,
//! <https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md>. Whoever built the image
//! wrote them: they are followed only to where the image is from, and count only where the layers
//! there are the first ones of the image.

use bulla_model::{Annotations, Digest, Reference};
use bulla_sbom::format::{Base, BaseKnown};
use bulla_sbom::source::Image;

use crate::Failure;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::image::{self, OpenImage};
use crate::join::layers::{self, Listed};
use crate::target::Target;

/// The base, if one is known.
pub(super) async fn find(
    context: &Context,
    open: &OpenImage,
    listed: &Listed,
    given: Option<&str>,
) -> Result<Option<Base>, Failure> {
    let Listed { image, annotations } = listed;
    if let Some(given) = given {
        return named(context, image, given).await.map(Some);
    }
    if let Some(base) = annotated(context, open, image, annotations).await {
        return Ok(Some(base));
    }
    let layers = image.base_by_history();
    let mut base = layers.map(|layers| Base::new(layers, BaseKnown::History));
    if let Some(base) = &mut base {
        (base.name, base.digest) = claimed(annotations);
    }
    Ok(base)
}

/// The base that was named, whose layers have to be the first ones of the image.
async fn named(context: &Context, image: &Image, given: &str) -> Result<Base, Failure> {
    let target = Target::parse(given)?;
    let open = image::open(context, &target).await?;
    let Some(layers) = shared(&open, image).await? else {
        let failure = Failure::new(
            FailureKind::Input,
            format_args!("the image is not built on {given}"),
        );
        return Err(failure.with_detail("the layers of one are not the first layers of the other"));
    };
    let mut base = Base::new(layers, BaseKnown::Given);
    base.name = Some(open.name.clone());
    base.digest = Some(open.descriptor.digest.clone());
    Ok(base)
}

/// The base that annotations name, if it is beside the image; what cannot be had is no base.
async fn annotated(
    context: &Context,
    open: &OpenImage,
    image: &Image,
    annotations: &Annotations,
) -> Option<Base> {
    let (name, digest) = claimed(annotations);
    let (Some(claimed_name), Some(claimed_digest)) = (&name, &digest) else {
        return None;
    };
    let reference: Reference = claimed_name.parse().ok()?;
    let own: Reference = open.name.parse().ok()?;
    let is_near = reference.repository().host() == own.repository().host();
    let pinned = reference.repository().pinned(claimed_digest.clone());
    let target = Target::named(&pinned.to_string())
        .ok()
        .filter(|_| is_near)?;
    let base = image::open(context, &target).await.ok()?;
    let layers = shared(&base, image).await.ok().flatten()?;
    let mut base = Base::new(layers, BaseKnown::Annotation);
    (base.name, base.digest) = (name, digest);
    Some(base)
}

fn claimed(annotations: &Annotations) -> (Option<String>, Option<Digest>) {
    let value = |key: &str| annotations.get(key).map(ToString::to_string);
    let name = value("org.opencontainers.image.base.name");
    let digest = value("org.opencontainers.image.base.digest");
    (name, digest.and_then(|digest| digest.parse().ok()))
}

/// How many layers an image has of this base, for its own platform.
async fn shared(base: &OpenImage, image: &Image) -> Result<Option<usize>, Failure> {
    let platform = image.platform();
    let platform = platform.as_deref();
    // An index may name its platforms without the variant that the image itself tells.
    let plain = platform.and_then(
        |platform| match platform.split('/').collect::<Vec<_>>()[..] {
            [system, architecture, _] => Some(format!("{system}/{architecture}")),
            _ => None,
        },
    );
    let listed = match (layers::image(base, platform).await, plain) {
        (Err(_), Some(plain)) => layers::image(base, Some(&plain)).await?,
        (listed, _) => listed?,
    };
    let diff_ids = listed.image.diff_ids();
    Ok(image.is_built_on(diff_ids).then_some(diff_ids.len()))
}
