//! Attestations beside the platforms of an index, where the policy asks about each.

use bulla_registry::Store as _;
use bulla_verify::Evidence;
use futures_util::{StreamExt as _, stream};

use super::evidence;
use super::image::OpenImage;
use super::rules::Rules;
use crate::Failure;

/// Platforms that are asked about at the same time.
const AT_ONCE: usize = 4;

/// Adds what is beside each platform that the image lists. All platforms together may have as many
/// and as large attestations as one image.
///
/// To be called when the indexes are there.
pub async fn add(image: &OpenImage, rules: &Rules, held: &mut Evidence) -> Result<(), Failure> {
    if !rules.policy.asks_about_platforms() {
        return Ok(());
    }
    let limits = image.evidence.limits();
    let covering = held.covering();
    let platforms = held.platforms();
    let mut parts = Vec::new();
    for platform in platforms.each() {
        if !covering.contains(&platform.digest) {
            parts.push(evidence::beside(image, &platform.digest));
        }
    }
    let mut asked = stream::iter(parts).buffered(AT_ONCE);
    let (mut count, mut bytes) = (0usize, 0u64);
    while let Some(beside) = asked.next().await {
        let beside = beside?;
        held.truncated |= beside.truncated;
        held.unavailable.extend(beside.unavailable);
        held.unusable.extend(beside.unusable);
        for one in beside.attestations {
            let size = one.bytes().len() as u64;
            (count, bytes) = (count.saturating_add(1), bytes.saturating_add(size));
            if count > limits.referrers_per_digest || bytes > limits.evidence_bytes {
                let line = "more attestations beside platforms than are looked at";
                held.unavailable.push(line.to_owned());
                return Ok(());
            }
            held.attestations.push(one);
        }
    }
    Ok(())
}
