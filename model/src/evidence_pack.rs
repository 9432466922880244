//! The index document of evidence packs: what a pack holds, and which question it answers.
//!
//! Specified in `docs/evidence.md`. A pack is an OCI image layout,
//! <https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md>, in one archive; its
//! index document names every file in it by digest.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::json::{self, JsonError};
use crate::{Algorithm, Descriptor, Digest, Environment, Limits};

/// The media type of the document and the artifact type of the pack.
pub const MEDIA_TYPE: &str = "application/vnd.bulla.evidence-pack.v0.1+json";
/// The `apiVersion` of the document.
pub const API_VERSION: &str = "bulla.dev/evidence-pack/v0.1";

/// The index document. Nothing in it is believed: it only says where things are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EvidencePack {
    /// Always [`API_VERSION`].
    pub api_version: String,
    /// Always [`MEDIA_TYPE`].
    pub media_type: String,
    /// What wrote the pack.
    pub tool: PackTool,
    /// The time the question was asked for; replaying asks for the same.
    pub now: Timestamp,
    /// The environment asked about.
    pub environment: Environment,
    /// What the image was called: repository and digest.
    pub image: String,
    /// The digest asked about.
    pub subject: Digest,
    /// What kept the evidence from being whole.
    pub incomplete: Incomplete,
    /// Every file of the pack. Attestations are in the order in which they were found.
    pub files: Vec<PackFile>,
}

/// What wrote a pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PackTool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What kept the evidence from being whole, and what is not in the pack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Incomplete {
    /// Whether referrers beyond the limit were left out when the verdict was made.
    pub truncated: bool,
    /// Referrers that could not be fetched when the verdict was made, one line each.
    pub unavailable: Vec<String>,
    /// What was beside the image and could be no evidence, one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unusable: Vec<String>,
    /// What of the ledger could not be had when the verdict was made, one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ledger: Vec<String>,
    /// Documents that attestations refer to, as far as they were not there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<AbsentDocument>,
    /// Things no verdict needs that were not where the image is, one line each.
    pub left_out: Vec<String>,
}

/// A document that an attestation refers to and that the pack does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AbsentDocument {
    /// The digest it is named by.
    pub digest: Digest,
    /// Whether other bytes were in its place, which is tampering and no doubt.
    pub altered: bool,
    /// What was found, for people.
    pub reason: String,
}

/// A file of a pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PackFile {
    /// What it is.
    pub role: PackRole,
    /// Its path, for files that have one: relative, with forward slashes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// For a policy's file: which earlier version it belongs to, from 0; absent for the current.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predecessor: Option<usize>,
    /// For an attestation: the referrer manifest it was found in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referrer: Option<Digest>,
    /// Media type.
    pub media_type: String,
    /// SHA-256 digest of the bytes.
    pub digest: Digest,
    /// Length in bytes.
    pub size: u64,
}

/// What a file of a pack is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PackRole {
    /// The manifest or index asked about.
    Subject,
    /// An index that lists the subject, so that statements about it count.
    Index,
    /// A manifest that the subject lists.
    Platform,
    /// A configuration that a manifest names.
    Config,
    /// An image layer.
    Layer,
    /// A manifest that brought an attestation.
    Referrer,
    /// A bundle.
    Attestation,
    /// A document that an attestation refers to instead of holding it.
    Document,
    /// The policy's base file.
    PolicyBase,
    /// The policy's file for a service.
    PolicyService,
    /// The policy's persons.
    PolicyPeople,
    /// A bundle in which an owner signs the policy.
    PolicySignature,
    /// The anchor.
    Anchor,
    /// A Sigstore trusted root.
    TrustedRoot,
    /// What the verifier had seen before.
    State,
    /// The verdict, as it was recorded.
    Verdict,
}

impl EvidencePack {
    /// Reads an index document and checks that it can be used.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, EvidencePackError> {
        let pack: Self = json::read(bytes, limits.manifest_bytes, limits.json_depth)?;
        if pack.api_version != API_VERSION || pack.media_type != MEDIA_TYPE {
            return Err(EvidencePackError::Version {
                found: pack.api_version.chars().take(80).collect(),
            });
        }
        for file in &pack.files {
            file.check()?;
        }
        for (role, least) in [
            (PackRole::Subject, 1),
            (PackRole::PolicyBase, 1),
            (PackRole::Verdict, 1),
            (PackRole::PolicyPeople, 0),
            (PackRole::Anchor, 0),
            (PackRole::State, 0),
        ] {
            let found = pack.current(role).count();
            if found < least || found > 1 {
                return Err(EvidencePackError::Count { role, found });
            }
        }
        if pack
            .current(PackRole::Subject)
            .any(|file| file.digest != pack.subject)
        {
            return Err(EvidencePackError::OtherSubject);
        }
        let named = pack.image.rsplit_once('@');
        let named = named.and_then(|(_, digest)| digest.parse::<Digest>().ok());
        if named.as_ref() != Some(&pack.subject) {
            return Err(EvidencePackError::OtherImage);
        }
        Ok(pack)
    }

    /// Writes the document, with a final newline.
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("because it is plain data");
        bytes.push(b'\n');
        bytes
    }

    /// The files of a role, in order; of a policy's files only those of the current version.
    pub fn current(&self, role: PackRole) -> impl Iterator<Item = &PackFile> {
        self.files
            .iter()
            .filter(move |file| file.role == role && file.predecessor.is_none())
    }

    /// The digest of the whole policy, by [`policy_digest`].
    pub fn policy_digest(&self) -> Digest {
        policy_digest(&self.files)
    }
}

/// SHA-256 over the lines `<sha256 hex>  <path>\n`, sorted by path, of every file of a policy: also
/// of the persons and the earlier versions, which the digest in approvals leaves out. Whoever knows
/// this number knows the whole policy.
pub fn policy_digest(files: &[PackFile]) -> Digest {
    let mut lines: Vec<_> = files
        .iter()
        .filter(|file| file.role.is_policy())
        .map(|file| (file.policy_path(), file.digest.hex()))
        .collect();
    lines.sort();
    let mut hasher = crate::Hasher::new(Algorithm::Sha256);
    for (path, hex) in lines {
        hasher.update(format!("{hex}  {path}\n").as_bytes());
    }
    hasher.finish()
}

impl PackFile {
    /// Names these bytes.
    pub fn of(role: PackRole, media_type: &str, bytes: &[u8]) -> Self {
        Self {
            role,
            path: None,
            predecessor: None,
            referrer: None,
            media_type: media_type.to_owned(),
            digest: Digest::sha256(bytes),
            size: bytes.len() as u64,
        }
    }

    /// Media type, digest and size.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::new(&self.media_type, self.digest.clone(), self.size)
    }

    /// What the file is called when the pack is taken apart: `policy/release.yaml`,
    /// `verdict.json`. Files that are parts of images have no name.
    pub fn title(&self) -> Option<String> {
        let path = self.path.as_ref()?;
        Some(
            if self.role.is_policy() || self.role == PackRole::PolicySignature {
                format!("policy/{}", self.policy_path())
            } else {
                path.clone()
            },
        )
    }

    fn policy_path(&self) -> String {
        let path = self.path.as_deref().unwrap_or_default();
        match self.predecessor {
            None => path.to_owned(),
            Some(number) => format!("history/{number}/{path}"),
        }
    }

    fn check(&self) -> Result<(), EvidencePackError> {
        let wrong = |reason| EvidencePackError::File {
            role: self.role,
            digest: self.digest.clone(),
            reason,
        };
        if self.digest.algorithm() != Algorithm::Sha256 {
            return Err(wrong("its digest is not a sha256 digest"));
        }
        if self.path.is_some() != self.role.has_path() {
            return Err(wrong("a path is missing, or there is one too many"));
        }
        if self.path.as_deref().is_some_and(|path| !is_plain(path)) {
            return Err(wrong("its path is not relative and plain"));
        }
        if !self
            .role
            .may_be_at(self.path.as_deref().unwrap_or_default())
        {
            return Err(wrong("its path is that of another part of a policy"));
        }
        if self.predecessor.is_some() && !self.role.is_policy() {
            return Err(wrong("only a policy has predecessors"));
        }
        if self.referrer.is_some() != (self.role == PackRole::Attestation) {
            return Err(wrong("attestations have a referrer, and nothing else has"));
        }
        Ok(())
    }
}

impl PackRole {
    /// Whether it is a file of a policy.
    pub fn is_policy(self) -> bool {
        matches!(
            self,
            Self::PolicyBase | Self::PolicyService | Self::PolicyPeople
        )
    }

    /// The digest of a policy is over paths, so a path has to say which part of it a file is.
    fn may_be_at(self, path: &str) -> bool {
        match self {
            Self::PolicyBase => !path.contains('/') && path != PEOPLE,
            Self::PolicyPeople => path == PEOPLE,
            Self::PolicyService => path
                .strip_prefix("services/")
                .is_some_and(|name| !name.contains('/')),
            Self::PolicySignature => path
                .strip_prefix("signatures/")
                .is_some_and(|name| !name.contains('/')),
            _ => true,
        }
    }

    fn has_path(self) -> bool {
        self.is_policy()
            || matches!(
                self,
                Self::PolicySignature
                    | Self::Anchor
                    | Self::TrustedRoot
                    | Self::State
                    | Self::Verdict
            )
    }
}

impl std::fmt::Display for PackRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.serialize(f)
    }
}

/// The path of a policy's persons.
const PEOPLE: &str = "people.yaml";

/// Paths in packs lead nowhere else on any platform, and can be shown as they are.
fn is_plain(path: &str) -> bool {
    let plain = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part
                .chars()
                .all(|c| !c.is_control() && !matches!(c, '\\' | ':'))
    };
    path.len() <= 255 && path.split('/').all(plain)
}

/// Why a document is no index of an evidence pack.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvidencePackError {
    /// It is not JSON of the right shape.
    #[error("no index document: {0}")]
    Json(#[from] JsonError),
    /// It is of another version.
    #[error("index document of version `{}`: expected {API_VERSION}", found.escape_debug())]
    Version {
        /// The version found, cut short.
        found: String,
    },
    /// A role that occurs once occurs never, or several times.
    #[error("the index document names {found} files as {role}")]
    Count {
        /// The role.
        role: PackRole,
        /// How often it occurs.
        found: usize,
    },
    /// A file is described in a way that contradicts its role.
    #[error("{role} {digest}: {reason}")]
    File {
        /// The role.
        role: PackRole,
        /// The file.
        digest: Digest,
        /// What is wrong.
        reason: &'static str,
    },
    /// The manifest in the pack is not that of the subject.
    #[error("the pack holds another manifest than that of its subject")]
    OtherSubject,
    /// The image's name ends with another digest than the subject's, or with none.
    #[error("the pack names another image than its subject")]
    OtherImage,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(role: PackRole, path: Option<&str>, bytes: &[u8]) -> PackFile {
        PackFile {
            path: path.map(str::to_owned),
            ..PackFile::of(role, "m", bytes)
        }
    }

    fn pack() -> EvidencePack {
        EvidencePack {
            api_version: API_VERSION.to_owned(),
            media_type: MEDIA_TYPE.to_owned(),
            tool: PackTool {
                name: "bulla".to_owned(),
                version: "0".to_owned(),
            },
            now: Timestamp::UNIX_EPOCH,
            environment: "env://acme/pay/prod".parse().unwrap(),
            image: format!("pay@{}", Digest::sha256(b"s")),
            subject: Digest::sha256(b"s"),
            incomplete: Incomplete::default(),
            files: vec![
                file(PackRole::Subject, None, b"s"),
                file(PackRole::PolicyBase, Some("release.yaml"), b"p"),
                file(PackRole::Verdict, Some("verdict.json"), b"v"),
            ],
        }
    }

    fn refused(change: impl Fn(&mut EvidencePack)) -> EvidencePackError {
        let mut pack = pack();
        change(&mut pack);
        EvidencePack::parse(&pack.to_json(), &Limits::default()).unwrap_err()
    }

    #[test]
    fn a_document_round_trips() {
        let bytes = pack().to_json();
        let again = EvidencePack::parse(&bytes, &Limits::default()).unwrap();
        assert_eq!(again, pack());
        assert_eq!(again.to_json(), bytes);
    }

    #[test]
    fn contradictory_documents_are_refused() {
        let version = refused(|pack| pack.api_version = "x".into());
        assert!(matches!(version, EvidencePackError::Version { .. }));
        let none = refused(|pack| drop(pack.files.pop()));
        assert!(matches!(none, EvidencePackError::Count { found: 0, .. }));
        let two = refused(|pack| pack.files.push(pack.files[0].clone()));
        assert!(matches!(two, EvidencePackError::Count { found: 2, .. }));
        let other = refused(|pack| pack.subject = Digest::sha256(b"other"));
        assert_eq!(other, EvidencePackError::OtherSubject);
        for image in ["pay".to_owned(), format!("pay@{}", Digest::sha256(b"o"))] {
            let other = refused(|pack| pack.image.clone_from(&image));
            assert_eq!(other, EvidencePackError::OtherImage, "{image}");
        }
    }

    #[test]
    fn paths_that_lead_elsewhere_are_refused() {
        for path in [
            "", "/a", "../a", "a/../b", "a//b", "a\\b", "c:a", "a\nb", ".",
        ] {
            let error = refused(|pack| pack.files[1].path = Some(path.to_owned()));
            assert!(matches!(error, EvidencePackError::File { .. }), "{path}");
        }
        let error = refused(|pack| pack.files[0].predecessor = Some(1));
        assert!(matches!(error, EvidencePackError::File { .. }));
        let error = refused(|pack| pack.files[0].referrer = Some(Digest::sha256(b"r")));
        assert!(matches!(error, EvidencePackError::File { .. }));
    }

    #[test]
    fn no_part_of_a_policy_passes_for_another_under_the_same_digest() {
        for (role, path) in [
            (PackRole::PolicyPeople, "history/0/people.yaml"),
            (PackRole::PolicyService, "history/0/services/a.yaml"),
            (PackRole::PolicyService, "people.yaml"),
        ] {
            let error = refused(|pack| pack.files.push(file(role, Some(path), b"x")));
            assert!(matches!(error, EvidencePackError::File { .. }), "{path}");
        }
        for path in ["history/0/release.yaml", "people.yaml"] {
            let error = refused(|pack| pack.files[1].path = Some(path.to_owned()));
            assert!(matches!(error, EvidencePackError::File { .. }), "{path}");
        }
    }

    #[test]
    fn the_policy_digest_covers_persons_and_history() {
        let mut with = pack();
        let digests = [
            ("people.yaml", PackRole::PolicyPeople, None),
            ("release.yaml", PackRole::PolicyBase, Some(0)),
        ]
        .map(|(path, role, predecessor)| {
            let mut more = file(role, Some(path), b"x");
            more.predecessor = predecessor;
            with.files.push(more);
            with.policy_digest()
        });
        assert!(digests[0] != digests[1] && pack().policy_digest() != digests[0]);
        let line = format!("{}  release.yaml\n", Digest::sha256(b"p").hex());
        assert_eq!(pack().policy_digest(), Digest::sha256(line.as_bytes()));
    }
}
