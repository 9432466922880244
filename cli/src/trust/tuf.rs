//! TUF, specification 1.0.34: <https://theupdateframework.github.io/specification/v1.0.34/>.
//!
//! `sigstore-tuf` does the protocol: chain of roots, thresholds over distinct keys, versions that
//! never go back, lengths and hashes, expiry. Versions seen are kept in the cache, so that the floor
//! outlives the process; the cache itself is verified from the first root on every use.

use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sigstore_tuf::{
    Error, HttpRepository, MetadataStore as _, Repository, StoreRepository, TrustedMetadataSet,
    Updater, UpdaterConfig,
};

use url::Url;

use super::Mirror;
use super::store::Store;

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

/// A repository and the cache of what was verified of it.
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
        let repository: Box<dyn Repository> = if let Some(folder) = mirror.folder() {
            Box::new(StoreRepository::new(Store::mirror(&folder)))
        } else {
            let mut repository = HttpRepository::new(mirror.url().as_str())?;
            if let Some(targets) = targets {
                repository = repository.with_targets_base(targets.url().as_str())?;
            }
            Box::new(repository.with_http_client(http.clone()))
        };
        let updater = Updater::new(repository, root)?
            .with_config(bounds())
            .with_store(Store::cache(cache));
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

/// Fetches what is new, verifies it, keeps it in the cache and returns the targets.
pub(crate) async fn refresh(
    mirror: &Mirror,
    http: &reqwest::Client,
    root: &[u8],
    cache: &Path,
    now: Timestamp,
    deadline: Duration,
) -> Result<Material, TufError> {
    let work = async {
        let mut client = Client::open(mirror, None, http, root, cache)?;
        client.refresh(now).await?;
        material(&mut client.updater, now).await
    };
    let material = tokio::time::timeout(deadline, work).await.map_err(|_| {
        TufError::Unreachable(format!(
            "no complete answer within {} s",
            deadline.as_secs()
        ))
    })??;
    Store::cache(cache).store(REFRESHED, now.to_string().as_bytes())?;
    Ok(material)
}

/// When the cache was last brought up to date, by its own word: it only saves requests.
pub(crate) fn refreshed_at(cache: &Path) -> Option<Timestamp> {
    let bytes = Store::cache(cache).load(REFRESHED).ok()??;
    std::str::from_utf8(&bytes).ok()?.parse().ok()
}

/// What the cache holds, verified from the first root without the network; `None` if it holds
/// nothing. Expired metadata is still returned, with the time it expired: whether that will do is
/// the caller's to say.
pub(crate) async fn cached(
    root: &[u8],
    cache: &Path,
    now: Timestamp,
) -> Result<Option<Material>, TufError> {
    let store = Store::cache(cache);
    if store.load("timestamp.json")?.is_none() {
        return Ok(None);
    }
    let mut at = now;
    // Each round goes back behind one expiry; the four roles expire at most once each.
    for _ in 0..=4 {
        let mut updater = Updater::new(StoreRepository::new(store.clone()), root)?
            .with_config(bounds())
            .with_store(store.clone());
        match updater.refresh(at).await {
            Ok(()) => return material(&mut updater, at).await.map(Some),
            // Said only of metadata whose signatures hold, so the time is the signers' own.
            Err(Error::Expired { expires, .. }) => at = expires - SignedDuration::from_secs(1),
            // Nothing was asked over the network: what is missing makes the cache useless.
            Err(error) => return Err(TufError::Refused(chain(&error))),
        }
    }
    Err(TufError::Refused(
        "no time at which all metadata was valid".to_owned(),
    ))
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
        targets_version: targets.version,
        expires: expires.into_iter().fold(root.expires, Timestamp::min),
    })
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
const REFRESHED: &str = "refreshed";
