//! Lists of referrers, whichever way they were found.
//!
//! Implements "Listing Referrers" and the "Referrers Tag Schema" of the OCI distribution
//! specification v1.1.1,
//! <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers>.

use std::collections::BTreeMap;

use bulla_model::{Descriptor, Digest, Manifest, Referrer, ReferrerList, Tag, notation};

use crate::bundles::may_be_bundle;
use crate::legacy::LegacyKind;

/// The entry of a referrers list for a manifest: its descriptor with artifact type and
/// annotations, as the specification demands of whoever writes such a list.
pub fn entry(manifest: &Manifest) -> Descriptor {
    let mut descriptor = manifest.descriptor();
    descriptor.artifact_type = manifest.artifact_type().map(str::to_owned);
    descriptor.annotations = manifest.annotations().clone();
    descriptor
}

/// The tag that lists the referrers of a digest where the API is missing: algorithm and value,
/// cut to 32 and 64 characters.
pub fn fallback_tag(digest: &Digest) -> Tag {
    let value: String = digest.hex().chars().take(64).collect();
    format!("{}-{value}", digest.algorithm())
        .parse()
        .expect("because an algorithm and 64 digits are a tag")
}

/// Sorts by digest, keeps each digest once (the entry that says more) and applies the limit: once to
/// what may be evidence, and once to all else, so that none of it crowds evidence out.
pub(crate) fn list(
    entries: impl IntoIterator<Item = Descriptor>,
    limit: usize,
    truncated: bool,
) -> ReferrerList {
    let mut unique: BTreeMap<Digest, Descriptor> = BTreeMap::new();
    for entry in entries {
        match unique.get(&entry.digest) {
            Some(kept) if says_more(kept) >= says_more(&entry) => {}
            _ => {
                unique.insert(entry.digest.clone(), entry);
            }
        }
    }
    let (mut evidence, mut others) = (0_usize, 0_usize);
    unique.retain(|_, entry| {
        let count = if may_be_evidence(entry) {
            &mut evidence
        } else {
            &mut others
        };
        *count = count.saturating_add(1);
        *count <= limit
    });
    let referrers = unique
        .into_values()
        .map(|descriptor| Referrer { descriptor })
        .collect();
    ReferrerList {
        referrers,
        truncated: truncated || evidence > limit,
        others_truncated: truncated || others > limit,
    }
}

/// Whether a list's entry can be something signed: a bundle, one of cosign's older kinds, or a
/// signature of the Notary Project.
pub(crate) fn may_be_evidence(entry: &Descriptor) -> bool {
    let artifact_type = entry.artifact_type.as_deref().unwrap_or_default();
    may_be_bundle(entry)
        || LegacyKind::of_artifact_type(artifact_type).is_some()
        || artifact_type == notation::ARTIFACT_TYPE
}

fn says_more(entry: &Descriptor) -> usize {
    usize::from(entry.artifact_type.is_some()).saturating_add(entry.annotations.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_sorted_unique_and_bounded() {
        let plain = |text: &str| Descriptor::of("m", text.as_bytes());
        let mut fuller = plain("a");
        fuller.artifact_type = Some("t".to_owned());
        let whole = list(
            [plain("a"), plain("b"), fuller.clone(), plain("a")],
            2,
            false,
        );
        assert_eq!(whole.referrers.len(), 2);
        assert!(!whole.truncated);
        assert!(whole.referrers.iter().any(|r| r.descriptor == fuller));
        assert!(whole.referrers[0].descriptor.digest < whole.referrers[1].descriptor.digest);
        assert!(list([plain("a"), plain("b")], 1, false).truncated);
    }

    #[test]
    fn f38_other_kinds_crowd_no_evidence_out() {
        let of_type = |text: &str, artifact_type: &str| {
            let mut entry = Descriptor::of("m", text.as_bytes());
            entry.artifact_type = Some(artifact_type.to_owned());
            entry
        };
        let evidence = [
            "application/vnd.dev.sigstore.bundle.v0.3+json",
            "application/vnd.dev.cosign.artifact.sig.v1+json",
            "application/vnd.cncf.notary.signature",
        ];
        let evidence = evidence.map(|kind| of_type(kind, kind));
        let junk = (0..100).map(|number| of_type(&number.to_string(), "application/x"));
        let whole = list(junk.chain(evidence.clone()), 3, false);
        assert!(!whole.truncated && whole.others_truncated);
        assert_eq!(whole.referrers.len(), 6);
        for entry in &evidence {
            assert!(whole.referrers.iter().any(|one| one.descriptor == *entry));
        }
        assert!(list(evidence, 2, false).truncated);
    }

    #[test]
    fn long_digests_are_cut_as_the_specification_says() {
        let digest = Digest::of(bulla_model::Algorithm::Sha512, b"x");
        assert_eq!(fallback_tag(&digest).as_str().len(), "sha512-".len() + 64);
    }
}
