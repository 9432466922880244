//! Instances: the services that sign and record, and the trusted roots that belong to them.

use std::path::Path;

use bulla_attest::http::service_url;
use bulla_attest::sigstore::{ClientTrustConfig, LogService, LogVersion, Services, SigningConfig};
use bulla_attest::{Http, HttpOptions, Service};
use jiff::Timestamp;

use super::{file, remote};
use crate::Failure;
use crate::args::signing::{RecordingArguments, SigningArguments};
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::settings::{Row, row};
use crate::trust::{self, document};

/// Bytes of the largest file of certificates that is read.
const CERTIFICATES_BYTES: u64 = 4 << 20;

/// An instance as it was chosen.
#[derive(Debug)]
pub struct Instance {
    /// The certificate authority.
    pub authority: Option<String>,
    /// The identity provider.
    pub issuer: Option<String>,
    /// The client's id there.
    pub client_id: String,
    /// Where signatures are recorded.
    pub services: Services,
    /// Trusted roots, as they were read.
    pub roots: Vec<Vec<u8>>,
}

/// Whether the command line or a setting names services, so that signatures by keys are recorded
/// too.
pub fn is_named(context: &Context, recording: &RecordingArguments) -> Result<bool, Failure> {
    let flags = recording.trust_config.is_some()
        || recording.signing_config.is_some()
        || recording.instance.is_some()
        || !recording.rekor_url.is_empty()
        || !recording.timestamp_server_url.is_empty()
        || recording.wants_log() == Some(true);
    if flags {
        return Ok(true);
    }
    for row in [
        &row::TRUST_CONFIG,
        &row::SIGNING_CONFIG,
        &row::REKOR_URL,
        &row::TIMESTAMP_SERVER_URL,
    ] {
        if context.settings.text(row, None)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Instance {
    /// Chooses the instance: a client trust configuration, a signing configuration, or the
    /// public-good instance; single services of it can be named instead.
    ///
    /// Naming a service without naming a configuration leaves only the services that were named:
    /// nothing private goes to the public instance because one flag was forgotten.
    pub async fn load(
        context: &Context,
        arguments: &SigningArguments,
        roots: &[String],
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let recording = &arguments.recording;
        let identity = &arguments.identity;
        let (config, mut own_roots) = configuration(context, recording)?;
        let text = |row: &Row, flag: &Option<String>| {
            let setting = context.settings.text(row, flag.as_deref())?;
            Ok::<_, Failure>(setting.map(|setting| setting.value))
        };
        let fulcio = text(&row::FULCIO_URL, &identity.fulcio_url)?;
        let issuer = text(&row::OIDC_ISSUER, &identity.oidc_issuer)?;
        let logs = list(context, &row::REKOR_URL, &recording.rekor_url)?;
        let stamps = list(
            context,
            &row::TIMESTAMP_SERVER_URL,
            &recording.timestamp_server_url,
        )?;
        let given = given_roots(context, roots)?;
        let named = fulcio.is_some() || !logs.is_empty() || !stamps.is_empty();
        let config = match config {
            Some(config) => Some(config),
            None if named && recording.instance.is_none() => None,
            None => {
                let name = recording.instance.as_deref();
                let (bytes, root) = trust::services(context, name, given.is_empty(), now).await?;
                own_roots.extend(root);
                Some(SigningConfig::parse(&bytes, &context.limits)?)
            }
        };
        let mut services = match &config {
            Some(config) => config.services(now)?,
            None => Services::default(),
        };
        if !logs.is_empty() {
            let logs = logs.iter().map(|text| log(text));
            services.logs = logs.collect::<Result<_, _>>()?;
        }
        if !stamps.is_empty() {
            let urls = stamps.iter();
            services.timestamp_authorities = urls
                .map(|url| service_url(Service::TimestampAuthority, url))
                .collect::<Result<_, _>>()?;
        }
        let of = |pick: fn(&SigningConfig, Timestamp) -> Option<&str>| {
            Some(pick(config.as_ref()?, now)?.to_owned())
        };
        Ok(Self {
            authority: fulcio.or_else(|| of(SigningConfig::authority)),
            issuer: issuer.or_else(|| of(SigningConfig::issuer)),
            client_id: text(&row::OIDC_CLIENT_ID, &identity.oidc_client_id)?
                .unwrap_or_else(|| bulla_attest::oidc::AUDIENCE.to_owned()),
            services,
            roots: if given.is_empty() { own_roots } else { given },
        })
    }
}

/// The configuration that was named, and the trusted root that came with it.
fn configuration(
    context: &Context,
    recording: &RecordingArguments,
) -> Result<(Option<SigningConfig>, Vec<Vec<u8>>), Failure> {
    let limits = &context.limits;
    let path = |row: &Row, flag: &Option<std::path::PathBuf>| {
        if let Some(path) = flag {
            return Ok(Some(path.clone()));
        }
        let setting = context.settings.text(row, None)?;
        Ok::<_, Failure>(setting.map(|setting| setting.value.into()))
    };
    let explain = |path: &Path, error: &dyn std::fmt::Display| {
        Failure::new(FailureKind::Configuration, error).with_detail(path.display())
    };
    // What was typed stands before what was set, and what a variable says before what a file does:
    // what is meant for a private instance must not be recorded at the one of a file.
    let typed = recording.signing_config.is_some() || recording.trust_config.is_some();
    if !typed && (recording.instance.is_some() || trust::is_named_by_variable(context)?) {
        return Ok((None, Vec::new()));
    }
    let trust_config = match &recording.signing_config {
        Some(_) => None,
        None => path(&row::TRUST_CONFIG, &recording.trust_config)?,
    };
    if let Some(path) = trust_config {
        let bytes = file::read(&path, limits.configuration_bytes)?;
        let both =
            ClientTrustConfig::parse(&bytes, limits).map_err(|error| explain(&path, &error))?;
        let config = SigningConfig::parse(&both.signing_config, limits)
            .map_err(|error| explain(&path, &error))?;
        return Ok((Some(config), vec![both.trusted_root]));
    }
    let Some(path) = path(&row::SIGNING_CONFIG, &recording.signing_config)? else {
        return Ok((None, Vec::new()));
    };
    let bytes = file::read(&path, limits.configuration_bytes)?;
    let config = SigningConfig::parse(&bytes, limits).map_err(|error| explain(&path, &error))?;
    Ok((Some(config), Vec::new()))
}

fn given_roots(context: &Context, flags: &[String]) -> Result<Vec<Vec<u8>>, Failure> {
    let paths = list(context, &row::TRUSTED_ROOT, flags)?;
    let mut roots = Vec::new();
    for path in &paths {
        roots.append(&mut document::read(Path::new(path), &context.limits)?);
    }
    Ok(roots)
}

/// Flags, or else the one value of a setting.
fn list(context: &Context, row: &Row, flags: &[String]) -> Result<Vec<String>, Failure> {
    if !flags.is_empty() {
        return Ok(flags.to_vec());
    }
    let setting = context.settings.text(row, None)?;
    Ok(setting.map(|setting| setting.value).into_iter().collect())
}

/// `URL`, or `URL,api-version=N`.
fn log(text: &str) -> Result<LogService, Failure> {
    let (url, version) = match text.split_once(",api-version=") {
        None => (text, "1"),
        Some((url, version)) => (url, version),
    };
    let version = match version {
        "1" => LogVersion::V1,
        "2" => LogVersion::V2,
        other => {
            return Err(Failure::usage(format_args!(
                "--rekor-url: API version {other}, expected 1 or 2"
            )));
        }
    };
    Ok(LogService {
        url: service_url(Service::TransparencyLog, url)?,
        version,
    })
}

/// The connections to services.
pub fn http(context: &Context, recording: &RecordingArguments) -> Result<Http, Failure> {
    let proxies = remote::proxies(context.environment())?;
    let mut certificates = remote::certificates(context.environment())?;
    for path in &recording.ca_file {
        certificates.push(file::read(path, CERTIFICATES_BYTES)?);
    }
    Ok(Http::new(&HttpOptions {
        certificates,
        https_proxy: proxies.https,
        no_proxy: Some(proxies.none),
        timeout: context.limits.deadline,
    })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_named_with_their_api() {
        let read = |text| log(text).map(|log| (log.url.to_string(), log.version));
        assert_eq!(
            read("https://rekor.example.test").unwrap(),
            ("https://rekor.example.test/".to_owned(), LogVersion::V1)
        );
        assert_eq!(
            read("https://rekor.example.test,api-version=2").unwrap().1,
            LogVersion::V2
        );
        read("https://rekor.example.test,api-version=3").unwrap_err();
        read("http://rekor.example.test").unwrap_err();
        read("http://127.0.0.1:3000").unwrap();
    }
}
