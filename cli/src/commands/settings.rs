//! `bulla settings`: what holds, and who says so.

use bulla_attest::KeyLocation;
use bulla_attest::ci::strip_credentials;
use serde::Serialize;

use crate::args::settings::Arguments;
use crate::commands::Context;
use crate::render::{Cell, Page, Report};
use crate::settings::{Nature, ROWS, Row};
use crate::{Exit, Failure};

/// Writes every setting with its value and where it comes from.
pub async fn run(_: Arguments, context: &Context) -> Result<Exit, Failure> {
    let mut settings = Vec::new();
    for row in ROWS {
        let flag = flag(row, context);
        let found = context.settings.text(row, flag.as_deref())?;
        let (value, origin) = match found {
            Some(setting) => (shown(row, &setting.value), setting.origin.to_string()),
            None => (row.default.to_owned(), "default".to_owned()),
        };
        settings.push(Entry {
            name: row.name,
            value,
            origin,
            purpose: row.purpose,
        });
    }
    let files = context.settings.files().iter();
    let files = files
        .map(|file| file.path().display().to_string())
        .collect();
    context.printer.report(&Shown { settings, files })?;
    Ok(Exit::Success)
}

/// A value without the PIN of a token or the password of a URL.
fn shown(row: &Row, value: &str) -> String {
    if row.nature == Nature::Key {
        KeyLocation::without_pin(value)
    } else {
        strip_credentials(value)
    }
}

/// What this command line says about a setting.
fn flag(row: &Row, context: &Context) -> Option<String> {
    let global = &context.global;
    match row.name {
        "output" => global
            .output
            .map(|format| format!("{format:?}").to_lowercase()),
        "color" => global
            .color
            .map(|color| format!("{color:?}").to_lowercase()),
        "quiet" => global.quiet.then(|| "true".to_owned()),
        "timeout" => global.timeout.clone(),
        "repository" => global.repository.clone(),
        "attachment-tag-prefix" => global.attachment_tag_prefix.clone(),
        "plain-http" if !global.plain_http.is_empty() => Some(global.plain_http.join(",")),
        _ => None,
    }
}

#[derive(Serialize)]
struct Shown {
    settings: Vec<Entry>,
    files: Vec<String>,
}

#[derive(Serialize)]
struct Entry {
    name: &'static str,
    value: String,
    origin: String,
    purpose: &'static str,
}

impl Report for Shown {
    fn human(&self, page: &mut Page) {
        for entry in &self.settings {
            page.row(
                1,
                [
                    entry.name.into(),
                    Cell::from(&entry.value),
                    Cell::faint(&entry.origin),
                    Cell::faint(entry.purpose),
                ],
            );
        }
    }
}
