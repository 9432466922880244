//! `bulla trust create`: trusted roots and signing configurations from keys, certificates and URLs.

use std::path::Path;

use bulla_model::Digest;
use bulla_verify::Trust;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::args::trust::Create;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::file;
use crate::output::write_atomic;
use crate::render::{Page, Report};
use crate::trust::create::{
    SIGNING_CONFIG_TYPE, TRUSTED_ROOT_TYPE, authority, endpoint, extend, log, selector,
};
use crate::trust::describe;
use crate::trust::spec::{Kind, Service};
use crate::{Exit, Failure};

pub(super) fn run(arguments: &Create, context: &Context) -> Result<Exit, Failure> {
    let now = Timestamp::now();
    let services = Services::parse(arguments)?;
    let mut report = Created { files: Vec::new() };
    // Both are made before either is written.
    let root = arguments
        .out
        .as_deref()
        .map(|path| {
            let bytes = services.trusted_root(arguments, context)?;
            Trust::new(
                Vec::new(),
                std::slice::from_ref(&bytes),
                now,
                &context.limits,
            )
            .map_err(|error| Failure::new(FailureKind::Input, error))?;
            Ok::<_, Failure>((path, bytes))
        })
        .transpose()?;
    let config = arguments
        .signing_config_out
        .as_deref()
        .map(|path| {
            let bytes = services.signing_config(arguments, context, now)?;
            describe::signing_config(&bytes)?;
            Ok::<_, Failure>((path, bytes))
        })
        .transpose()?;
    for (what, made) in [("trusted root", root), ("signing configuration", config)] {
        let Some((path, bytes)) = made else { continue };
        write_atomic(path, &bytes)?;
        report.files.push(CreatedFile {
            what,
            path: path.display().to_string(),
            digest: Digest::sha256(&bytes),
        });
    }
    context.printer.report(&report)?;
    Ok(Exit::Success)
}

struct Services {
    fulcio: Vec<Service>,
    rekor: Vec<Service>,
    ctfe: Vec<Service>,
    tsa: Vec<Service>,
    oidc: Vec<Service>,
}

impl Services {
    fn parse(arguments: &Create) -> Result<Self, Failure> {
        let parse = |flag: &'static str, kind: Kind, texts: &[String]| {
            texts
                .iter()
                .map(|text| Service::parse(flag, kind, text))
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            fulcio: parse("--fulcio", Kind::Authority, &arguments.fulcio)?,
            rekor: parse("--rekor", Kind::Log, &arguments.rekor)?,
            ctfe: parse("--ctfe", Kind::Log, &arguments.ctfe)?,
            tsa: parse("--tsa", Kind::Authority, &arguments.tsa)?,
            oidc: parse("--oidc-provider", Kind::Provider, &arguments.oidc_provider)?,
        })
    }

    fn trusted_root(&self, arguments: &Create, context: &Context) -> Result<Vec<u8>, Failure> {
        let limit = context.limits.configuration_bytes;
        let authorities = |services: &[Service]| {
            services
                .iter()
                .map(|service| {
                    let file = service.certificate_chain.as_ref();
                    let path = service.needed("certificate-chain", file)?;
                    authority(service, &file::read(path, limit)?)
                })
                .collect::<Result<Vec<_>, Failure>>()
        };
        let logs = |services: &[Service]| {
            services
                .iter()
                .map(|service| {
                    let path = service.needed("public-key", service.public_key.as_ref())?;
                    log(service, &file::read(path, limit)?)
                })
                .collect::<Result<Vec<_>, Failure>>()
        };
        let base = arguments.base_trusted_root.as_deref();
        let mut document = base_document(base, TRUSTED_ROOT_TYPE, context)?;
        extend(&mut document, "tlogs", logs(&self.rekor)?);
        extend(
            &mut document,
            "certificateAuthorities",
            authorities(&self.fulcio)?,
        );
        extend(&mut document, "ctlogs", logs(&self.ctfe)?);
        extend(
            &mut document,
            "timestampAuthorities",
            authorities(&self.tsa)?,
        );
        if ["certificateAuthorities", "timestampAuthorities", "tlogs"]
            .iter()
            .all(|list| {
                document
                    .get(*list)
                    .and_then(Value::as_array)
                    .is_none_or(Vec::is_empty)
            })
        {
            return Err(Failure::usage("a trusted root that trusts nobody")
                .with_hint("name at least one of --fulcio, --rekor, --tsa"));
        }
        Ok(to_bytes(document))
    }

    fn signing_config(
        &self,
        arguments: &Create,
        context: &Context,
        now: Timestamp,
    ) -> Result<Vec<u8>, Failure> {
        let base = arguments.base_config.as_deref();
        let mut document = base_document(base, SIGNING_CONFIG_TYPE, context)?;
        for (list, services) in [
            ("caUrls", &self.fulcio),
            ("oidcUrls", &self.oidc),
            ("rekorTlogUrls", &self.rekor),
            ("tsaUrls", &self.tsa),
        ] {
            let endpoints = services.iter().map(|service| endpoint(service, now));
            extend(&mut document, list, endpoints.collect());
        }
        for (field, flag, text, services) in [
            (
                "rekorTlogConfig",
                "--rekor-config",
                &arguments.rekor_config,
                &self.rekor,
            ),
            (
                "tsaConfig",
                "--tsa-config",
                &arguments.tsa_config,
                &self.tsa,
            ),
        ] {
            if !services.is_empty() || !document.contains_key(field) {
                document.insert(field.to_owned(), selector(flag, text)?);
            }
        }
        Ok(to_bytes(document))
    }
}

/// The document to extend, or an empty one.
fn base_document(
    path: Option<&Path>,
    kind: &str,
    context: &Context,
) -> Result<Map<String, Value>, Failure> {
    let Some(path) = path else {
        let kind = Value::String(kind.to_owned());
        return Ok(Map::from_iter([("mediaType".to_owned(), kind)]));
    };
    let limits = &context.limits;
    let wrong = |reason: &dyn std::fmt::Display| {
        Failure::new(
            FailureKind::Input,
            format_args!("{}: {reason}", path.display()),
        )
    };
    let bytes = file::read(path, limits.configuration_bytes)?;
    bulla_model::json::check(&bytes, limits.configuration_bytes, limits.json_depth)
        .map_err(|error| wrong(&error))?;
    let document: Map<String, Value> =
        serde_json::from_slice(&bytes).map_err(|error| wrong(&error))?;
    match document.get("mediaType").and_then(Value::as_str) {
        Some(found) if found == kind => Ok(document),
        found => Err(wrong(&format_args!(
            "its mediaType is `{}`, expected `{kind}`",
            found.unwrap_or_default()
        ))),
    }
}

fn to_bytes(document: Map<String, Value>) -> Vec<u8> {
    let mut text = format!("{:#}", Value::Object(document));
    text.push('\n');
    text.into_bytes()
}

#[derive(Serialize)]
struct Created {
    files: Vec<CreatedFile>,
}

#[derive(Serialize)]
struct CreatedFile {
    what: &'static str,
    path: String,
    digest: Digest,
}

impl Report for Created {
    fn human(&self, page: &mut Page) {
        for file in &self.files {
            page.row(
                1,
                [
                    "wrote".into(),
                    (&file.path).into(),
                    file.what.into(),
                    file.digest.to_string().into(),
                ],
            );
        }
    }
}
