//! `bulla sign`: a statement that says no more than that its signer vouches for an image.

use bulla_attest::claim;
use bulla_model::Subject;
use jiff::Timestamp;

use crate::args::sign::Arguments;
use crate::commands::Context;
use crate::commands::attest::{Published, write_bundles};
use crate::join::sealer::{Purpose, Sealer};
use crate::join::{image, seal};
use crate::target::Target;
use crate::{Exit, Failure};

/// Signs each image and attaches the signature to it.
///
/// Everything that can fail without the signature is done first, for all images.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    if arguments.publish.bundle.is_some() && arguments.targets.len() > 1 {
        return Err(Failure::usage("--bundle holds the signature of one image")
            .with_hint("sign the images one by one"));
    }
    let mut images = Vec::new();
    for target in &arguments.targets {
        let target = Target::parse(target)?;
        images.push(image::open(context, &target).await?.writable()?);
    }
    let signer = Sealer::open(
        context,
        &arguments.signing,
        &arguments.roots.trusted_root,
        Purpose::Claim,
    )
    .await?;
    let mut sealed = Vec::new();
    for image in &images {
        let subject = Subject::of(image.descriptor.digest.clone());
        let payload = claim::signature(&[subject], Timestamp::now())?;
        sealed.push(seal::seal(context, &signer, payload).await?);
    }
    write_bundles(arguments.publish.bundle.as_deref(), &sealed)?;
    let mut published = Published::default();
    for (image, sealed) in images.iter().zip(&sealed) {
        published.add(sealed, None);
        published.attached(image, sealed, &seal::publish(image, sealed).await?);
    }
    context.printer.report(&published)?;
    Ok(Exit::Success)
}
