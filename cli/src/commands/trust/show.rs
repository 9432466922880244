//! `bulla trust show`: who is trusted, for what, and when.

use jiff::Timestamp;
use serde::Serialize;

use crate::args::trust::Show;
use crate::commands::Context;
use crate::join::rules::Source;
use crate::render::{Cell, Page, Report};
use crate::trust::describe::{
    AuthorityDescription, LogDescription, RootDescription, ServicesDescription, Window,
    signing_config, trusted_root,
};
use crate::trust::{Freshness, Wanted, instance};
use crate::{Exit, Failure};

pub(super) async fn run(arguments: &Show, context: &Context) -> Result<Exit, Failure> {
    let now = Timestamp::now();
    let found = instance(
        context,
        &Wanted {
            trusted_root: &arguments.trusted_root,
            signing_config: arguments.signing_config.as_deref(),
            name: arguments.instance.as_deref(),
            freshness: Freshness::Offline,
            now,
        },
    )
    .await?;
    let roots = found.sources.into_iter().zip(&found.trusted_roots);
    let report = Shown {
        now,
        trusted_roots: roots
            .map(|(source, bytes)| {
                let root =
                    trusted_root(bytes).map_err(|failure| failure.with_detail(&source.path))?;
                Ok(ShownRoot { source, root })
            })
            .collect::<Result<_, Failure>>()?,
        signing_config: found
            .signing_config
            .as_deref()
            .map(signing_config)
            .transpose()?,
    };
    context.printer.report(&report)?;
    Ok(Exit::Success)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    now: Timestamp,
    trusted_roots: Vec<ShownRoot>,
    signing_config: Option<ServicesDescription>,
}

#[derive(Serialize)]
struct ShownRoot {
    source: Source,
    #[serde(flatten)]
    root: RootDescription,
}

impl Report for Shown {
    fn human(&self, page: &mut Page) {
        for shown in &self.trusted_roots {
            page.line(Cell::strong(format!("trusted root  {}", shown.source.path)));
            page.indented(1, Cell::faint(shown.root.digest.to_string()));
            let root = &shown.root;
            self.authorities(
                page,
                "certificate authorities",
                &root.certificate_authorities,
            );
            self.logs(page, "logs", &root.logs);
            self.logs(page, "certificate logs", &root.certificate_logs);
            self.authorities(page, "timestamp authorities", &root.timestamp_authorities);
            page.gap();
        }
        let Some(config) = &self.signing_config else {
            return page.line("no signing configuration");
        };
        page.line(Cell::strong("signing configuration"));
        page.indented(1, Cell::faint(config.digest.to_string()));
        for service in &config.services {
            let operator = service.operator.clone().unwrap_or_default();
            page.row(
                1,
                [
                    service.kind.into(),
                    (&service.url).into(),
                    format!("v{}", service.api_version).into(),
                    self.when(&service.valid_for),
                    Cell::faint(operator),
                ],
            );
        }
        page.indented(
            1,
            format!("uses {} log, {} timestamp", config.logs, config.timestamps),
        );
    }
}

impl Shown {
    /// A window that `now` is outside of is marked in words, not by colour alone.
    fn when(&self, window: &Window) -> Cell {
        if window.holds(self.now) {
            Cell::from(window.to_string())
        } else {
            Cell::attention(format!("{window} (not now)"))
        }
    }

    fn authorities(&self, page: &mut Page, title: &str, authorities: &[AuthorityDescription]) {
        page.indented(1, format!("{title}: {}", authorities.len()));
        for authority in authorities {
            let root = authority.certificates.last();
            let id = root.map_or_else(String::new, |digest| digest.hex()[..16].to_owned());
            page.row(
                2,
                [
                    authority.uri.as_deref().unwrap_or("-").into(),
                    authority.name.as_deref().unwrap_or("-").into(),
                    self.when(&authority.valid_for),
                    Cell::faint(id),
                ],
            );
        }
    }

    fn logs(&self, page: &mut Page, title: &str, logs: &[LogDescription]) {
        page.indented(1, format!("{title}: {}", logs.len()));
        for log in logs {
            let id: String = log.key_id.chars().take(16).collect();
            page.row(
                2,
                [
                    (&log.url).into(),
                    log.key_details.trim_start_matches("PKIX_").into(),
                    self.when(&log.valid_for),
                    Cell::faint(id),
                ],
            );
        }
    }
}
