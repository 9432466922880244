//! New bundles beside a file that has some: what is there stays.
//!
//! `FILE.sigstore.json` holds one bundle, since other clients read no more from it. What comes after
//! that goes where one stands on each line, `FILE.intoto.jsonl`. Only the same signer's signature of
//! other bytes, from before the file was built again, is replaced. A file that was named with
//! `--bundle` is none of this: it is written anew, as cosign does.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bulla_model::{Bundle, BundleContent, Digest, KeyMaterial, Limits, Statement};
use bulla_verify::claimed_identity;

use super::{documents, file, publish};
use crate::Failure;
use crate::failure::FailureKind;
use crate::lock::Lock;
use crate::output::write_atomic;

/// Which file the first bundles go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// `FILE.sigstore.json`, which holds one.
    Alone,
    /// `FILE.intoto.jsonl`, one to a line.
    Listed,
}

/// Adds bundles about `artifact`, a file or folder, and answers where they are. Nothing in a bundle
/// that is there was verified, so only one with the same bytes makes a new one needless.
pub fn add(
    artifact: &Path,
    beside: Beside,
    bundles: &[&Bundle],
    limits: &Limits,
) -> Result<PathBuf, Failure> {
    let _lock = Lock::beside(artifact);
    let alone = publish::beside(artifact, ".sigstore.json");
    let listed = publish::beside(artifact, ".intoto.jsonl");
    if let (Beside::Alone, [bundle]) = (beside, bundles) {
        let held = held(&alone, limits)?;
        if held.iter().any(|one| line(one) == line(bundle.bytes())) {
            return Ok(alone);
        }
        if held
            .iter()
            .all(|one| is_outdated(one, bundle, artifact, limits))
        {
            countable(1, &listed, &listed, limits)?;
            write_atomic(&alone, &line(bundle.bytes()))?;
            return Ok(alone);
        }
    }
    let mut all = held(&listed, limits)?;
    for bundle in bundles {
        if !all.iter().any(|one| line(one) == line(bundle.bytes())) {
            all.push(bundle.bytes().to_vec());
        }
    }
    let bytes: Vec<u8> = all.iter().flat_map(|one| line(one)).collect();
    countable(all.len(), &listed, &alone, limits)?;
    if bytes.len() as u64 > limits.bundle_bytes {
        return Err(too_many(&listed));
    }
    write_atomic(&listed, &bytes)?;
    Ok(listed)
}

/// Whoever verifies reads both files, so that no more may be in one than leaves room for what is in
/// the other; `full` is the one that is named then. One that cannot be read is no reason to lose a
/// new signature; it says so to them.
fn countable(number: usize, full: &Path, other: &Path, limits: &Limits) -> Result<(), Failure> {
    let beside = held(other, limits).map_or(0, |all| all.len());
    if number.saturating_add(beside) > limits.referrers_per_digest {
        return Err(too_many(full));
    }
    Ok(())
}

fn too_many(path: &Path) -> Failure {
    Failure::new(
        FailureKind::Unavailable,
        format_args!("{} would hold more than is read again", path.display()),
    )
    .with_hint("move it away, or name another file: --bundle FILE")
}

/// The documents in a file, none if there is no such file. One that cannot be read is not replaced.
fn held(path: &Path, limits: &Limits) -> Result<Vec<Vec<u8>>, Failure> {
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let documents = documents::read(&[path.to_owned()], limits).map_err(|failure| {
        failure.with_hint("move it away, or name another file: --bundle FILE")
    })?;
    Ok(documents.into_iter().map(|one| one.bytes).collect())
}

/// A document as one line: in strict JSON a line only ends between values.
fn line(document: &[u8]) -> Vec<u8> {
    let flat = document.trim_ascii().iter().map(|byte| match byte {
        b'\n' | b'\r' => b' ',
        other => *other,
    });
    flat.chain([b'\n']).collect()
}

/// Whether two bundles say that one signer made them, of one kind: nothing else replaces a bundle.
fn is_successor(held: &Bundle, bundle: &Bundle, limits: &Limits) -> bool {
    let kind = |bundle: &Bundle| match bundle.content() {
        BundleContent::Dsse(envelope) => {
            let statement = Statement::parse(envelope.payload(), limits).ok()?;
            Some(Some(statement.predicate_type().clone()))
        }
        BundleContent::Message { .. } => Some(None),
    };
    let same_signer = match (held.key(), bundle.key()) {
        (KeyMaterial::PublicKey { .. }, KeyMaterial::PublicKey { .. }) => {
            held.key() == bundle.key()
        }
        (KeyMaterial::Certificate(one), KeyMaterial::Certificate(other)) => {
            let (one, other) = (claimed_identity(one), claimed_identity(other));
            one.is_some() && one == other
        }
        _ => false,
    };
    same_signer && kind(held).is_some() && kind(held) == kind(bundle)
}

/// Whether a document is about other bytes than a file or folder has, of which a bundle was just
/// made. Of what does not say so, nobody knows.
fn is_outdated(document: &[u8], bundle: &Bundle, artifact: &Path, limits: &Limits) -> bool {
    let held = Bundle::parse(document.to_vec(), limits).ok();
    let held = held.filter(|held| is_successor(held, bundle, limits));
    let held = held.and_then(|held| subjects(&held, limits));
    let (Some(held), Some(new)) = (held, subjects(bundle, limits)) else {
        return false;
    };
    // Keys of other kinds sign other digests of the same bytes.
    let is_other = |digest: &Digest| {
        let algorithm = digest.algorithm();
        if new.iter().any(|one| one.algorithm() == algorithm) {
            return !new.contains(digest);
        }
        file::digests(artifact, [algorithm]).is_ok_and(|[own]| own != *digest)
    };
    held.iter().all(is_other)
}

/// The digests a bundle says that it is about, one of each subject.
fn subjects(bundle: &Bundle, limits: &Limits) -> Option<BTreeSet<Digest>> {
    match bundle.content() {
        BundleContent::Dsse(envelope) => {
            let statement = Statement::parse(envelope.payload(), limits).ok()?;
            let subjects = statement.subjects().iter();
            subjects.map(|one| one.digest.sha256()).collect()
        }
        BundleContent::Message { .. } => bundle.named_digest().map(|one| BTreeSet::from([one])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beside_a_file_is_no_more_than_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let artifact = folder.path().join("a.txt");
        std::fs::write(&artifact, "a").unwrap();
        let mut limits = Limits::default();
        let bundle = |name: &str| {
            let testdata = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/verify/sigstore");
            let bytes = std::fs::read(format!("{testdata}/{name}.sigstore.json")).unwrap();
            Bundle::parse(bytes, &Limits::default()).unwrap()
        };
        let (one, two, three) = (bundle("keyed"), bundle("rekor1"), bundle("rekor2"));
        limits.referrers_per_digest = 2;
        add(&artifact, Beside::Alone, &[&one], &limits).unwrap();
        add(&artifact, Beside::Listed, &[&two], &limits).unwrap();
        let failure = add(&artifact, Beside::Listed, &[&three], &limits).unwrap_err();
        assert!(
            failure.message().contains("than is read again"),
            "{failure:?}"
        );
        let other = folder.path().join("b.txt");
        std::fs::write(&other, "b").unwrap();
        add(&other, Beside::Listed, &[&one, &two], &limits).unwrap();
        add(&other, Beside::Alone, &[&three], &limits).unwrap_err();
        let files = [".sigstore.json", ".intoto.jsonl"];
        let files = files.map(|ending| publish::beside(&artifact, ending));
        assert_eq!(documents::read(&files, &limits).unwrap().len(), 2);
    }
}
