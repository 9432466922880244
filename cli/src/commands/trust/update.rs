//! `bulla trust update`: asking an instance's TUF repository for what is new.

use bulla_model::Digest;
use jiff::Timestamp;
use serde::Serialize;

use crate::args::trust::Update;
use crate::commands::Context;
use crate::render::{Cell, Page, Report};
use crate::trust::tuf::Material;
use crate::trust::{Chosen, choose};
use crate::{Exit, Failure};

pub(super) async fn run(arguments: &Update, context: &Context) -> Result<Exit, Failure> {
    let chosen = choose(context, arguments.instance.as_deref())?;
    let now = Timestamp::now();
    let root = chosen.root(context)?;
    let before = chosen.cached(context, now).await.unwrap_or_else(|failure| {
        // It is what this command repairs.
        context.printer.warn(failure.message());
        None
    });
    let before = before
        .map(|material| Digest::sha256(&material.trusted_root))
        .or_else(|| Some(Digest::sha256(chosen.known?.trusted_root())));
    let cache = chosen.place.needed_cache()?;
    let fetched = chosen
        .fetch(context, &root, Some(cache), now)
        .await?
        .map_err(|error| chosen.failure(&error))?;
    // To keep it is what was asked for here.
    fetched.keep(&root, cache).await?;
    context
        .printer
        .report(&Updated::of(&chosen, &fetched.material, before))?;
    Ok(Exit::Success)
}

/// What a repository says now.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Updated {
    instance: String,
    mirror: String,
    root_version: u64,
    targets_version: u64,
    expires: Timestamp,
    trusted_root: Digest,
    /// Whether it differs from what was used before; absent if there was nothing.
    changed: Option<bool>,
    signing_config: Option<Digest>,
}

impl Updated {
    pub(super) fn of(chosen: &Chosen, material: &Material, before: Option<Digest>) -> Self {
        let trusted_root = Digest::sha256(&material.trusted_root);
        Self {
            instance: chosen.name.clone(),
            mirror: chosen.mirror.to_string(),
            root_version: material.root_version,
            targets_version: material.targets_version,
            expires: material.expires,
            changed: before.map(|before| before != trusted_root),
            trusted_root,
            signing_config: material.signing_config.as_deref().map(Digest::sha256),
        }
    }
}

impl Report for Updated {
    fn human(&self, page: &mut Page) {
        let row = |page: &mut Page, label: &str, text: String| {
            page.row(1, [label.into(), text.into()]);
        };
        page.line(Cell::strong(&self.instance));
        row(page, "mirror", self.mirror.clone());
        row(page, "TUF root", format!("version {}", self.root_version));
        row(page, "targets", format!("version {}", self.targets_version));
        row(page, "valid until", self.expires.to_string());
        let changed = match self.changed {
            Some(true) => "  changed",
            Some(false) => "  as before",
            None => "",
        };
        row(
            page,
            "trusted root",
            format!("{}{changed}", self.trusted_root),
        );
        let config = self.signing_config.as_ref();
        let config = config.map_or_else(|| "none".to_owned(), ToString::to_string);
        row(page, "signing config", config);
    }
}
