//! `bulla trust init`: introducing an instance of one's own.

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
    // led to something. Without the root the copy would be nobody's, so the root comes first.
    let cache = chosen.place.needed_cache()?;
    let fetched = chosen
        .fetch(context, &root, None, Timestamp::now())
        .await?
        .map_err(|error| chosen.failure(&error))?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| Failure::file("create", folder, &error))?;
    }
    write_atomic(&path, &root)?;
    fetched.replace(cache).map_err(|failure| {
        failure.with_hint(format_args!(
            "the root is kept; fetch the rest: bulla trust update --instance {name}"
        ))
    })?;
    context
        .printer
        .report(&Updated::of(&chosen, &fetched.material, None))?;
    context.printer.say(format!(
        "use it with --instance {name}, or put `instance: {name}` into your own bulla.yaml"
    ));
    Ok(Exit::Success)
}
