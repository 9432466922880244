//! `bulla anchor`: what it says, and another one in its place.

mod rotate;
mod show;
mod sign;
mod steps;

use std::path::{Path, PathBuf};

use bulla_verify::Anchor;
use bulla_verify::anchor::signatures_bytes;
use bulla_verify::policy::Change;

use crate::args::anchor::{Action, Arguments};
use crate::commands::Context;
use crate::commands::policy::put_change;
use crate::failure::FailureKind;
use crate::join::file;
use crate::render::{Page, shorten};
use crate::settings::row;
use crate::{Exit, Failure};

/// Does what was asked with an anchor.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    match arguments.action {
        Action::Show(arguments) => show::run(&arguments, context),
        Action::Sign(arguments) => sign::run(*arguments, context).await,
        Action::Rotate(arguments) => rotate::run(&arguments, context),
    }
}

/// An anchor, and the file it was read from.
struct Read {
    path: PathBuf,
    bytes: Vec<u8>,
    anchor: Anchor,
}

impl Read {
    fn from(path: &Path, context: &Context) -> Result<Self, Failure> {
        let limits = &context.limits;
        let bytes = file::read(path, limits.configuration_bytes)?;
        let anchor = Anchor::parse(&path.display().to_string(), &bytes, limits)
            .map_err(|error| Failure::new(FailureKind::Configuration, error))?;
        Ok(Self {
            path: path.to_owned(),
            bytes,
            anchor,
        })
    }

    /// The anchor that flag or settings name.
    fn local(flag: Option<&str>, context: &Context) -> Result<Self, Failure> {
        let setting = context.settings.text(&row::ANCHOR, flag)?;
        let setting = setting.ok_or_else(|| {
            Failure::usage("no anchor given").with_hint("pass --anchor FILE, or set BULLA_ANCHOR")
        })?;
        Self::from(Path::new(&setting.value), context)
    }

    /// Where its owners' signatures are.
    fn signatures_path(&self) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(".signatures.json");
        PathBuf::from(name)
    }

    /// Its owners' signatures, if anybody signed.
    fn signatures(&self, context: &Context) -> Result<Option<Vec<u8>>, Failure> {
        let path = self.signatures_path();
        match path.symlink_metadata() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            _ => file::read(&path, signatures_bytes(&context.limits)).map(Some),
        }
    }
}

/// What the new anchor changes, for whoever is asked.
fn put_changes(page: &mut Page, (old, new): (&Anchor, &Anchor), changes: &[Change]) {
    page.indented(
        1,
        format!(
            "anchor {}: version {} ({}) -> {} ({})",
            new.name(),
            old.version(),
            shorten(old.digest()),
            new.version(),
            shorten(new.digest())
        ),
    );
    for change in changes {
        put_change(page, change);
    }
    if changes.is_empty() {
        page.indented(1, "nothing but its version is another");
    }
}
