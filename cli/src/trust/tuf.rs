//! TUF, specification 1.0.34: <https://theupdateframework.github.io/specification/v1.0.34/>.
//!
//! `sigstore-tuf` does the protocol: chain of roots, thresholds over distinct keys, versions that
//! never go back, lengths and hashes, expiry. Versions seen are kept in the copy on this machine, so
//! that the floor outlives the process; the copy itself is verified from the first root on every use.
//! Unlike the specification's client, which keeps each role as it comes, a refresh here is kept whole
//! or not at all: what reads the copy does not ask the network, and half of a refresh is no copy.

use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sigstore_tuf::{
    Error, HttpRepository, MetadataStore, Repository, StoreRepository, TrustedMetadataSet, Updater,
    UpdaterConfig,
};

use url::Url;

use super::Mirror;
use super::cache::{self, Held, Overlay};
use super::store::Store;
use super::strict::{StrictRepository, strict};
use crate::Failure;

/// The target that holds the trusted root.
pub(crate) const TRUSTED_ROOT: &str = "trusted_root.json";
/// The target that holds the signing configuration; a repository may have none.
pub(crate) const SIGNING_CONFIG: &str = "signing_config.v0.2.json";

/// What a repository says, verified from the first root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Material {
    /// `trusted_root.json`.
    pub(crate) trusted_root: Vec<u8>,
    /// `signing_config.v0.2.json`, where there is one.
    pub(crate) signing_config: Option<Vec<u8>>,
    /// Version of the last root of the chain.
    pub(crate) root_version: u64,
    /// Version of the timestamp, which every publication raises.
    pub(crate) timestamp_version: u64,
    /// Version of the list of targets.
    pub(crate) targets_version: u64,
    /// When the first of its metadata expires, or did.
    pub(crate) expires: Timestamp,
}

/// Why a repository could not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TufError {
    /// It was not reached, or did not answer as a repository does.
    #[error("{0}")]
    Unreachable(String),
    /// Its metadata is no longer valid: it is abandoned, or somebody holds back the new one.
    #[error("its {role} metadata expired at {expires}")]
    Expired {
        /// Which metadata.
        role: String,
        /// When.
        expires: Timestamp,
    },
    /// Its metadata does not verify.
    #[error("{0}")]
    Refused(String),
    /// The copy on this machine could not be read, which says nothing about what is in it.
    #[error("{0}")]
    Local(String),
}

impl From<Error> for TufError {
    fn from(error: Error) -> Self {
        match error {
            Error::Expired { role, expires } => Self::Expired { role, expires },
            Error::Transport { .. } | Error::Io { .. } => Self::Unreachable(chain(&error)),
            other => Self::Refused(chain(&other)),
        }
    }
}

/// Reads a root that is going to be trusted: signed by itself, to its own threshold.
pub(crate) fn check_root(bytes: &[u8]) -> Result<RootSummary, TufError> {
    strict(bytes)?;
    let set = TrustedMetadataSet::from_root(bytes)?;
    let root = set.root();
    let keys = root.role("root");
    Ok(RootSummary {
        version: root.version,
        expires: root.expires,
        keys: keys.map_or(0, |keys| keys.keyids.len()),
        threshold: keys.map_or(0, |keys| keys.threshold),
    })
}

/// What a TUF root says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RootSummary {
    /// Its version.
    pub(crate) version: u64,
    /// Until when it may be used.
    pub(crate) expires: Timestamp,
    /// How many keys may sign its successor.
    pub(crate) keys: usize,
    /// How many of them must.
    pub(crate) threshold: usize,
}

/// A repository and the folder of what was verified of it, role by role as the specification has it:
/// for the conformance suite, which looks into the folder.
#[derive(Debug)]
pub(crate) struct Client {
    updater: Updater,
}

impl Client {
    /// Prepares to ask a repository. `root` is where trust starts; `targets` is where targets are,
    /// if not below the mirror.
    pub(crate) fn open(
        mirror: &Mirror,
        targets: Option<&Mirror>,
        http: &reqwest::Client,
        root: &[u8],
        cache: &Path,
    ) -> Result<Self, TufError> {
        let updater = updater(mirror, targets, http, root, Store::cache(cache))?;
        Ok(Self { updater })
    }

    /// Fetches the metadata that is new and verifies it.
    pub(crate) async fn refresh(&mut self, now: Timestamp) -> Result<(), TufError> {
        Ok(self.updater.refresh(now).await?)
    }

    /// A verified target, from the cache where it is there already.
    pub(crate) async fn target(&mut self, name: &str, now: Timestamp) -> Result<Vec<u8>, TufError> {
        // A name is joined to a URL: it must stay below the base.
        let leaves = |part: &str| part.is_empty() || part == "." || part == "..";
        if name.split('/').any(leaves) || Url::parse(name).is_ok() {
            return Err(TufError::Refused(format!(
                "`{}` is no name of a target",
                name.escape_debug()
            )));
        }
        Ok(self.updater.get_target(name, now).await?)
    }
}

fn updater(
    mirror: &Mirror,
    targets: Option<&Mirror>,
    http: &reqwest::Client,
    root: &[u8],
    store: impl MetadataStore + 'static,
) -> Result<Updater, TufError> {
    let repository: Box<dyn Repository> = if let Some(folder) = mirror.folder() {
        Box::new(StoreRepository::new(Store::mirror(&folder)))
    } else {
        let mut repository = HttpRepository::new(mirror.url().as_str())?;
        if let Some(targets) = targets {
            repository = repository.with_targets_base(targets.url().as_str())?;
        }
        Box::new(repository.with_http_client(http.clone()))
    };
    strict(root)?;
    Ok(Updater::new(StrictRepository(repository), root)?
        .with_config(bounds())
        .with_store(store))
}

/// What a repository says now, verified to the end and not kept yet.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// It holds whether it can be kept or not.
    pub(crate) material: Material,
    held: Held,
}

/// Where to ask, and from what on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    /// The repository.
    pub(crate) mirror: &'a Mirror,
    /// The client to ask it with.
    pub(crate) http: &'a reqwest::Client,
    /// Where trust starts.
    pub(crate) root: &'a [u8],
    /// The oldest list of targets that is accepted.
    pub(crate) floor: u64,
    /// The time to judge expiry at.
    pub(crate) now: Timestamp,
    /// How long all of it may take.
    pub(crate) deadline: Duration,
}

/// Fetches what is new over the copy in a folder, or everything if `None`, and verifies it. The copy
/// stays as it is.
pub(crate) async fn fetch(request: Request<'_>, cache: Option<&Path>) -> Result<Fetched, TufError> {
    // A copy that cannot be read sets no floor; that it could not, whoever calls this has said.
    let held = cache.and_then(|cache| Held::read(cache).ok().flatten());
    let overlay = Overlay::over(held.map(|held| held.files).unwrap_or_default());
    let work = async {
        let Request {
            mirror,
            http,
            root,
            now,
            ..
        } = request;
        let mut updater = updater(mirror, None, http, root, overlay.clone())?;
        updater.refresh(now).await?;
        material(&mut updater, now).await
    };
    let material = tokio::time::timeout(request.deadline, work)
        .await
        .map_err(|_| {
            TufError::Unreachable(format!(
                "no complete answer within {} s",
                request.deadline.as_secs()
            ))
        })??;
    material.above(request.floor)?;
    let held = Held {
        files: overlay.used(),
        refreshed: request.now,
    };
    Ok(Fetched { material, held })
}

impl Fetched {
    /// Replaces the copy, unless somebody else's refresh has meanwhile brought something newer.
    pub(crate) async fn keep(&self, root: &[u8], cache: &Path) -> Result<(), Failure> {
        let lock = cache::lock(cache)?;
        // A new root may start the versions of the roles below it anew.
        let age = |material: &Material| (material.root_version, material.timestamp_version);
        match cached(root, cache, self.held.refreshed).await {
            Ok(Some(held)) if age(&held) > age(&self.material) => Ok(()),
            _ => self.held.write(cache, &lock),
        }
    }

    /// Replaces the copy, whatever it is.
    pub(crate) fn replace(&self, cache: &Path) -> Result<(), Failure> {
        self.held.write(cache, &cache::lock(cache)?)
    }
}

/// When the copy was last brought up to date, by its own word: it only saves requests.
pub(crate) fn refreshed_at(cache: &Path) -> Option<Timestamp> {
    Some(Held::read(cache).ok()??.refreshed)
}

/// What the copy holds, verified from the first root without the network; `None` if there is none.
/// Expired metadata is still returned, with the time it expired: whether that will do is the
/// caller's to say.
pub(crate) async fn cached(
    root: &[u8],
    cache: &Path,
    now: Timestamp,
) -> Result<Option<Material>, TufError> {
    let Some(held) = Held::read(cache)? else {
        return Ok(None);
    };
    let mut at = now;
    for _ in 0..MOST_EXPIRIES {
        match reverified(root, &held, at).await {
            Ok(material) => return Ok(Some(material)),
            // Said only of metadata whose signatures hold, so the time is the signers' own.
            Err(TufError::Expired { expires, .. }) => at = expires - SignedDuration::from_secs(1),
            // Nothing was asked over the network: what is missing makes the copy useless.
            Err(error) => return Err(TufError::Refused(error.to_string())),
        }
    }
    Err(TufError::Refused(
        "no time at which all metadata was valid".to_owned(),
    ))
}

async fn reverified(root: &[u8], held: &Held, at: Timestamp) -> Result<Material, TufError> {
    let overlay = Overlay::over(held.files.clone());
    strict(root)?;
    let mut updater = Updater::new(StoreRepository::new(overlay.clone()), root)?
        .with_config(bounds())
        .with_store(overlay);
    updater.refresh(at).await?;
    material(&mut updater, at).await
}

async fn material(updater: &mut Updater, at: Timestamp) -> Result<Material, TufError> {
    let trusted_root = updater.get_target(TRUSTED_ROOT, at).await?;
    let signing_config = match updater.get_target(SIGNING_CONFIG, at).await {
        Ok(bytes) => Some(bytes),
        Err(Error::TargetNotFound(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let set = updater.trusted();
    let (Some(timestamp), Some(snapshot), Some(targets)) =
        (set.timestamp(), set.snapshot(), set.targets_role("targets"))
    else {
        return Err(Error::NotRefreshed.into());
    };
    let root = set.root();
    let expires = [
        root.expires,
        timestamp.expires,
        snapshot.expires,
        targets.expires,
    ];
    Ok(Material {
        trusted_root,
        signing_config,
        root_version: root.version,
        timestamp_version: timestamp.version,
        targets_version: targets.version,
        expires: expires.into_iter().fold(root.expires, Timestamp::min),
    })
}

impl Material {
    /// Refuses what is older than a list of targets that is known.
    pub(crate) fn above(&self, floor: u64) -> Result<(), TufError> {
        if self.targets_version < floor {
            return Err(TufError::Refused(format!(
                "rollback: targets version {} is older than {floor}, which is embedded",
                self.targets_version
            )));
        }
        Ok(())
    }
}

/// The crate's bounds on every file, with the roots' number raised: an instance that rotates each
/// month stays reachable from a program that is years old.
fn bounds() -> UpdaterConfig {
    let mut bounds = UpdaterConfig::default();
    bounds.max_root_rotations = 256;
    bounds.target_max_length = LARGEST_TARGET;
    bounds
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text.chars().take(300).collect()
}

/// Endless data: trusted roots are a few kilobytes.
const LARGEST_TARGET: u64 = 4 << 20;
/// Each look goes back behind one expiry, and a role expires once: four roles and some delegated
/// ones.
const MOST_EXPIRIES: usize = 16;
