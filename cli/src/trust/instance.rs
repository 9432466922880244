//! Choosing an instance, and where its trusted root comes from.

use std::path::Path;

use bulla_model::Digest;
use jiff::{SignedDuration, Timestamp};

use super::tuf::{self, Fetched, Material, TufError};
use super::{Known, Mirror, Place};
use crate::Failure;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::rules::{Source, trusted_roots};
use crate::join::{file, http};
use crate::settings::{self, row};

/// What a command wants of an instance.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// `--trusted-root`, as typed.
    pub trusted_root: &'a [String],
    /// `--signing-config`, as typed.
    pub signing_config: Option<&'a str>,
    /// `--instance`, as typed.
    pub name: Option<&'a str>,
    /// How new it has to be.
    pub freshness: Freshness,
    /// The time to judge expiry at.
    pub now: Timestamp,
}

/// How new trust material has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// As it is here: nothing is fetched, and expired metadata is noted.
    Offline,
    /// At most a day old where the mirror can be reached; expired metadata is an error.
    Recent,
}

/// What an instance trusts, and how to sign with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Its name, or its mirror's URL; `None` where files were given.
    pub name: Option<String>,
    /// `trusted_root.json` documents, at least one.
    pub trusted_roots: Vec<Vec<u8>>,
    /// The signing configuration, where there is one.
    pub signing_config: Option<Vec<u8>>,
    /// Where each trusted root came from.
    pub sources: Vec<Source>,
}

/// An instance by name, with the root its TUF repository starts from.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The instance, if the program knows it.
    pub known: Option<Known>,
    /// Its name on the command line.
    pub name: String,
    /// Where its repository is.
    pub mirror: Mirror,
    /// Where its files are here.
    pub place: Place,
    /// Where the name came from.
    pub origin: String,
}

/// The instance that a flag or a setting names: public-good where nothing does.
pub fn choose(context: &Context, flag: Option<&str>) -> Result<Chosen, Failure> {
    let setting = context.settings.text(&row::INSTANCE, flag)?;
    let (name, origin) = setting.map_or_else(
        || (Known::PublicGood.name().to_owned(), "default".to_owned()),
        |setting| (setting.value, setting.origin.to_string()),
    );
    let known = Known::named(&name);
    if known.is_none() && !name.contains(':') {
        let names = Known::ALL.map(Known::name).join(", ");
        return Err(
            Failure::usage(format_args!("there is no instance `{name}`")).with_hint(format_args!(
                "expected {names}, or the URL given to bulla trust init"
            )),
        );
    }
    let mirror = match known {
        Some(known) => Mirror::parse(known.mirror())?,
        None => Mirror::parse(&name)?,
    };
    let place = Place::of(context.environment(), &mirror);
    let name = known.map_or_else(|| mirror.to_string(), |known| known.name().to_owned());
    Ok(Chosen {
        known,
        name,
        mirror,
        place,
        origin,
    })
}

/// Whether a variable names the instance, and none a configuration or a trusted root.
pub fn is_named_by_variable(context: &Context) -> Result<bool, Failure> {
    let by_variable = |row| -> Result<bool, Failure> {
        let setting = context.settings.text(row, None)?;
        Ok(setting.is_some_and(|setting| matches!(setting.origin, settings::Origin::Variable(_))))
    };
    Ok(by_variable(&row::INSTANCE)?
        && !by_variable(&row::TRUSTED_ROOT)?
        && !by_variable(&row::SIGNING_CONFIG)?
        && !by_variable(&row::TRUST_CONFIG)?)
}

/// What is trusted, from files if any are named, else from the chosen instance.
pub async fn instance(context: &Context, wanted: &Wanted<'_>) -> Result<Instance, Failure> {
    let mut sources = Vec::new();
    // An instance that was typed is the one that is meant, whatever a setting says; so is one that
    // a variable names, whatever a file says.
    let is_named =
        (wanted.name.is_some() || is_named_by_variable(context)?) && wanted.trusted_root.is_empty();
    let trusted_roots = if is_named {
        Vec::new()
    } else {
        trusted_roots(context, wanted.trusted_root, &mut sources)?
    };
    let signing_config = wanted
        .signing_config
        .map(|path| file::read(Path::new(path), context.limits.configuration_bytes))
        .transpose()?;
    if !trusted_roots.is_empty() {
        return Ok(Instance {
            name: None,
            trusted_roots,
            signing_config,
            sources,
        });
    }
    let chosen = choose(context, wanted.name)?;
    let (found, from) = match wanted.freshness {
        Freshness::Offline => chosen.offline(context, wanted.now).await?,
        Freshness::Recent => chosen.recent(context, wanted.now).await?,
    };
    sources.push(Source {
        what: "trusted root",
        path: format!("{} ({from})", chosen.name),
        origin: chosen.origin.clone(),
        digest: Digest::sha256(&found.trusted_root),
    });
    Ok(Instance {
        name: Some(chosen.name),
        trusted_roots: vec![found.trusted_root],
        signing_config: signing_config.or(found.signing_config),
        sources,
    })
}

/// The signing configuration of an instance, and its trusted root if `refresh`; without it, as where
/// trusted roots are given as files, nothing is fetched and the services are those embedded.
pub async fn services(
    context: &Context,
    name: Option<&str>,
    refresh: bool,
    now: Timestamp,
) -> Result<(Vec<u8>, Option<Vec<u8>>), Failure> {
    let chosen = choose(context, name)?;
    let (found, _) = if refresh {
        chosen.recent(context, now).await?
    } else {
        chosen.offline(context, now).await?
    };
    let config = found.signing_config.ok_or_else(|| {
        Failure::new(
            FailureKind::Configuration,
            format_args!("{} names no services to sign with", chosen.name),
        )
        .with_hint("give them: --signing-config FILE, or --fulcio-url and --rekor-url")
    })?;
    Ok((config, refresh.then_some(found.trusted_root)))
}

/// Bytes that are trusted.
struct Found {
    trusted_root: Vec<u8>,
    signing_config: Option<Vec<u8>>,
}

impl From<Material> for Found {
    fn from(material: Material) -> Self {
        Self {
            trusted_root: material.trusted_root,
            signing_config: material.signing_config,
        }
    }
}

/// Where bytes came from, for people.
type Origin = &'static str;
const EMBEDDED: Origin = "embedded";
const REFRESHED: Origin = "refreshed by TUF";

impl Chosen {
    /// The root that trust in the repository starts from.
    pub(crate) fn root(&self, context: &Context) -> Result<Vec<u8>, Failure> {
        if let Some(known) = self.known {
            return Ok(known.tuf_root().to_vec());
        }
        let path = self.place.root_file()?;
        if path.symlink_metadata().is_err() {
            return Err(Failure::new(
                FailureKind::Configuration,
                format_args!("nobody introduced the instance {}", self.name),
            )
            .with_hint(format_args!(
                "bulla trust init --mirror {} --root ROOT.json",
                self.name
            )));
        }
        file::read(&path, context.limits.configuration_bytes)
    }

    /// Asks the repository for what is new over `cache`, or for everything; the outer error is this
    /// machine's, the inner one the repository's.
    pub(crate) async fn fetch(
        &self,
        context: &Context,
        root: &[u8],
        cache: Option<&Path>,
        now: Timestamp,
    ) -> Result<Result<Fetched, TufError>, Failure> {
        let request = tuf::Request {
            mirror: &self.mirror,
            http: &http::client(context)?,
            root,
            floor: self.floor(),
            now,
            deadline: context.limits.deadline,
        };
        Ok(tuf::fetch(request, cache).await)
    }

    /// What the copy here holds, verified again; `None` if there is none.
    pub(crate) async fn cached(
        &self,
        context: &Context,
        now: Timestamp,
    ) -> Result<Option<Material>, Failure> {
        let Some(cache) = self.place.cache.as_deref() else {
            return Ok(None);
        };
        let root = self.root(context)?;
        let verified = tuf::cached(&root, cache, now).await.and_then(|material| {
            if let Some(material) = &material {
                material.above(self.floor())?;
            }
            Ok(material)
        });
        verified.map_err(|error| {
            if let TufError::Local(_) = error {
                return Failure::new(
                    FailureKind::File,
                    format_args!("the copy of {} here cannot be read: {error}", self.name),
                )
                .with_hint("give a file, --trusted-root FILE, or another cache: XDG_CACHE_HOME");
            }
            Failure::new(
                FailureKind::Tampered,
                format_args!("the copy of {} here does not verify: {error}", self.name),
            )
            .with_detail(cache.display())
            .with_hint(format_args!(
                "fetch it anew: bulla trust update --instance {}",
                self.name
            ))
        })
    }

    /// Targets older than what is embedded are a rollback, whoever signed them.
    fn floor(&self) -> u64 {
        self.known.map_or(0, Known::targets_version)
    }

    /// A copy that does not verify is no reason to fall back to what is embedded, which may be
    /// older: whoever can write there would choose what is believed.
    async fn offline(&self, context: &Context, now: Timestamp) -> Result<(Found, Origin), Failure> {
        let Some(material) = self.cached(context, now).await? else {
            return Ok((self.embedded()?, EMBEDDED));
        };
        if material.expires <= now {
            context.printer.say(format!(
                "note: the copy of {} here expired at {}: bulla trust update",
                self.name, material.expires
            ));
        }
        Ok((material.into(), REFRESHED))
    }

    async fn recent(&self, context: &Context, now: Timestamp) -> Result<(Found, Origin), Failure> {
        let held = match self.cached(context, now).await {
            Err(failure) if self.known.is_none() => return Err(failure),
            held => held,
        };
        let refreshed = self.place.cache.as_deref().and_then(tuf::refreshed_at);
        let is_new = |at: Timestamp| at <= now && now.duration_since(at) < LIFETIME;
        match &held {
            Ok(Some(material)) if material.expires > now && refreshed.is_some_and(is_new) => {
                return Ok((material.clone().into(), REFRESHED));
            }
            Ok(_) => {}
            // The repository is asked in any case, from the embedded root.
            Err(failure) => context.printer.warn(failure.message()),
        }
        let root = self.root(context)?;
        let cache = self.place.cache.as_deref();
        match self.fetch(context, &root, cache, now).await? {
            Ok(fetched) => {
                let kept = match cache {
                    Some(cache) => fetched.keep(&root, cache).await,
                    None => Ok(()),
                };
                // What was verified holds, whether it can be kept or not.
                if let Err(failure) = kept {
                    context.printer.warn(format!(
                        "what {} says could not be kept here: {}",
                        self.mirror,
                        failure.message()
                    ));
                }
                Ok((fetched.material.into(), REFRESHED))
            }
            Err(TufError::Unreachable(reason)) => {
                let held = self.last(held?, &reason, now)?;
                context.printer.say(format!(
                    "note: {} was not reached ({reason}): using the {} copy",
                    self.mirror,
                    if held.1 == EMBEDDED { EMBEDDED } else { "last" }
                ));
                Ok(held)
            }
            Err(error) => Err(self.failure(&error)),
        }
    }

    /// What there is while the repository is not reached: nothing that expired.
    fn last(
        &self,
        held: Option<Material>,
        reason: &str,
        now: Timestamp,
    ) -> Result<(Found, Origin), Failure> {
        match held {
            Some(material) if material.expires <= now => {
                let error = TufError::Unreachable(reason.to_owned());
                Err(self.failure(&error).with_detail(format_args!(
                    "and the copy here expired at {}",
                    material.expires
                )))
            }
            Some(material) => Ok((material.into(), REFRESHED)),
            None => Ok((self.embedded()?, EMBEDDED)),
        }
    }

    fn embedded(&self) -> Result<Found, Failure> {
        let Some(known) = self.known else {
            return Err(Failure::new(
                FailureKind::Configuration,
                format_args!("there is no copy of {} here", self.name),
            )
            .with_hint(format_args!("bulla trust update --instance {}", self.name)));
        };
        Ok(Found {
            trusted_root: known.trusted_root().to_vec(),
            signing_config: known.signing_config().map(<[u8]>::to_vec),
        })
    }

    /// Why the repository could not be used, for people.
    pub(crate) fn failure(&self, error: &TufError) -> Failure {
        let message = format!("{} gives no trusted root: {error}", self.mirror);
        match error {
            TufError::Unreachable(_) => Failure::new(FailureKind::Unavailable, message)
                .with_hint("try again, or give a file: --trusted-root FILE"),
            TufError::Expired { .. } => Failure::new(FailureKind::Unavailable, message).with_hint(
                "if this machine's clock is right, the mirror is stale or held back: ask its operator",
            ),
            TufError::Refused(_) => Failure::new(FailureKind::Tampered, message)
                .with_detail("nothing of it was used"),
            TufError::Local(_) => Failure::new(FailureKind::File, message),
        }
    }
}

/// How long a copy counts as new.
const LIFETIME: SignedDuration = SignedDuration::from_hours(24);
