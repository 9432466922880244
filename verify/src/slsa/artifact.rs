//! Artifacts, known by their digests.

use bulla_model::{Algorithm, Digest, DigestSet};

/// An artifact that provenance is to be about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlsaArtifact {
    digests: Vec<Digest>,
}

impl SlsaArtifact {
    /// An artifact with these digests, each of another algorithm; none makes it match nothing.
    pub fn new(digests: Vec<Digest>) -> Self {
        Self { digests }
    }

    /// Its digests.
    pub fn digests(&self) -> &[Digest] {
        &self.digests
    }

    /// Whether a subject with this set is the artifact: some algorithm is known to both sides, and
    /// all such agree.
    pub(super) fn is(&self, set: &DigestSet) -> bool {
        let known = |algorithm: Algorithm| {
            let own = self
                .digests
                .iter()
                .find(|own| own.algorithm() == algorithm)?;
            Some(set.known(algorithm)? == *own)
        };
        let all = [Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512].map(known);
        let mut compared = all.into_iter().flatten().peekable();
        compared.peek().is_some() && compared.all(|same| same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_shared_algorithm_is_enough_and_all_must_agree() {
        let of = |algorithm| Digest::of(algorithm, b"x");
        let both = SlsaArtifact::new(vec![of(Algorithm::Sha256), of(Algorithm::Sha512)]);
        assert!(both.is(&of(Algorithm::Sha512).into()));
        assert!(!both.is(&Digest::sha256(b"y").into()));
        let set = DigestSet::from(of(Algorithm::Sha256));
        let other = Digest::of(Algorithm::Sha512, b"y");
        assert!(!both.is(&set.with_value("sha512", other.hex())));
        let weak = DigestSet::default().with_value("sha1", "aa");
        assert!(!both.is(&weak), "nothing was compared");
        assert!(!SlsaArtifact::new(Vec::new()).is(&of(Algorithm::Sha256).into()));
    }
}
