//! `bulla trust init`: introducing an instance of one's own.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::update::Updated;
use crate::args::trust::Init;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::file;
use crate::output::write_atomic;
use crate::trust::tuf::check_root;
use crate::trust::{Known, Mirror, choose};
use crate::{Exit, Failure};

pub(super) async fn run(arguments: &Init, context: &Context) -> Result<Exit, Failure> {
    let mirror = Mirror::parse(&arguments.mirror)?;
    let name = mirror.to_string();
    if let Some(known) = Known::ALL
        .into_iter()
        .find(|known| Mirror::parse(known.mirror()).is_ok_and(|theirs| theirs == mirror))
    {
        return Err(
            Failure::usage(format_args!("{name} needs no introduction")).with_hint(format_args!(
                "its root is embedded: bulla trust update --instance {}",
                known.name()
            )),
        );
    }
    let chosen = choose(context, Some(&name))?;
    let root = file::read(&arguments.root, context.limits.configuration_bytes)?;
    check_root(&root).map_err(|error| {
        Failure::new(
            FailureKind::Input,
            format_args!("{} is no TUF root: {error}", arguments.root.display()),
        )
        .with_hint("expected root metadata, such as 1.root.json, signed by itself")
    })?;
    let path = chosen.place.root_file()?;
    let held = path
        .symlink_metadata()
        .is_ok()
        .then(|| file::read(&path, context.limits.configuration_bytes))
        .transpose()?;
    if held.is_some_and(|held| held != root) && !arguments.replace {
        return Err(Failure::new(
            FailureKind::Configuration,
            format_args!("{name} was introduced with another root"),
        )
        .with_detail(path.display())
        .with_hint("if the new one is meant to replace it: --replace"));
    }
    // What is fetched starts from nothing, and what was there before stays until this root has
    // led to something.
    let cache = chosen.place.needed_cache()?.to_owned();
    let fresh = Fresh::beside(&cache)?;
    let mut staged = chosen.clone();
    staged.place.cache = Some(fresh.path());
    let material = staged
        .refresh(context, &root, Timestamp::now())
        .await?
        .map_err(|error| chosen.failure(&error))?;
    create_folder(path.parent())?;
    fresh.replace(&cache)?;
    write_atomic(&path, &root)?;
    context
        .printer
        .report(&Updated::of(&chosen, &material, None))?;
    context.printer.say(format!(
        "use it with --instance {name}, or put `instance: {name}` into your own bulla.yaml"
    ));
    Ok(Exit::Success)
}

/// A cache in the making, removed again if it comes to nothing.
struct Fresh(tempfile::TempDir);

impl Fresh {
    fn beside(cache: &Path) -> Result<Self, Failure> {
        let parent = cache.parent().unwrap_or(cache);
        create_folder(Some(parent))?;
        let folder = tempfile::Builder::new()
            .prefix(".bulla-")
            .tempdir_in(parent)
            .map_err(|error| Failure::file("create", parent, &error))?;
        Ok(Self(folder))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("new")
    }

    fn replace(&self, cache: &Path) -> Result<(), Failure> {
        let failed = |error| Failure::file("replace", cache, &error);
        match std::fs::rename(cache, self.0.path().join("old")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed(error));
            }
            _ => {}
        }
        std::fs::rename(self.path(), cache).map_err(failed)
    }
}

fn create_folder(folder: Option<&Path>) -> Result<(), Failure> {
    match folder {
        Some(folder) => {
            std::fs::create_dir_all(folder).map_err(|error| Failure::file("create", folder, &error))
        }
        None => Ok(()),
    }
}
