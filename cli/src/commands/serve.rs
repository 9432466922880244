//! `bulla serve`: admission for a cluster.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;

use crate::args::serve::Arguments;
use crate::commands::Context;
use crate::serve::listen::{Listen, TlsFiles, listen};
use crate::serve::server::{Options, Server};
use crate::settings::Settings;
use crate::target::Target;
use crate::{Exit, Failure};

/// Answers until the process is asked to end.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let context = context.only_told()?;
    let told = Told(&context.settings);
    let options = options(&arguments, &told)?;
    let how = how(&arguments, &told)?;
    let server = Server::new(context, options).await?;
    listen(server, &how).await?;
    Ok(Exit::Success)
}

fn options(arguments: &Arguments, told: &Told<'_>) -> Result<Options, Failure> {
    let environment = told.text(arguments.env.clone(), "BULLA_ENV")?;
    let environment = environment.ok_or_else(|| {
        Failure::usage("no environment given")
            .with_hint("pass --env NAME, as the policy names the environment of this cluster")
    })?;
    let layout = told
        .text(arguments.layout.clone(), "BULLA_LAYOUT")?
        .map(|text| Target::layout(&text))
        .transpose()?;
    let lifetime = told
        .parsed(arguments.cache_ttl.clone(), "BULLA_CACHE_TTL")?
        .map_or(Ok(LIFETIME), |time: SignedDuration| {
            let time = Duration::try_from(time).ok();
            time.filter(|time| *time <= LONGEST_LIFETIME)
                .ok_or_else(|| {
                    Failure::usage("an answer is remembered for 0s to 5m").with_detail(
                        "where the ledger does not answer, a revocation has no effect while it is",
                    )
                })
        })?;
    let require_digest = arguments.require_digest.map(|flag| flag.to_string());
    Ok(Options {
        environment,
        layout,
        require_digest: told
            .parsed(require_digest, "BULLA_REQUIRE_DIGEST")?
            .unwrap_or(true),
        lifetime,
        decide: arguments.decide.clone(),
    })
}

fn how(arguments: &Arguments, told: &Told<'_>) -> Result<Listen, Failure> {
    let address = arguments.listen.map(|address| address.to_string());
    let address: SocketAddr = told
        .parsed(address, "BULLA_LISTEN")?
        .unwrap_or_else(|| ([127, 0, 0, 1], 8443).into());
    let max_requests = arguments.max_requests.map(|count| count.to_string());
    let max_requests = told.parsed(max_requests, "BULLA_MAX_REQUESTS")?;
    let max_requests = max_requests.unwrap_or(REQUESTS);
    if !(1..=MOST_REQUESTS).contains(&max_requests) {
        return Err(Failure::usage(format_args!(
            "--max-requests is 1 to {MOST_REQUESTS}"
        )));
    }
    Ok(Listen {
        address,
        tls: tls(arguments, told, address)?,
        max_requests,
    })
}

fn tls(
    arguments: &Arguments,
    told: &Told<'_>,
    address: SocketAddr,
) -> Result<Option<TlsFiles>, Failure> {
    if arguments.insecure_http {
        if address.ip().is_loopback() {
            return Ok(None);
        }
        return Err(Failure::usage(format_args!(
            "--insecure-http is for loopback addresses only, and {} is none",
            address.ip()
        )));
    }
    let path = |flag: Option<&PathBuf>, variable| -> Result<Option<PathBuf>, Failure> {
        match flag {
            Some(path) => Ok(Some(path.clone())),
            None => Ok(told.text(None, variable)?.map(PathBuf::from)),
        }
    };
    let certificate = path(arguments.tls_cert.as_ref(), "BULLA_TLS_CERT")?;
    let key = path(arguments.tls_key.as_ref(), "BULLA_TLS_KEY")?;
    let (Some(certificate), Some(key)) = (certificate, key) else {
        return Err(
            Failure::usage("no certificate given: API servers speak TLS only")
                .with_hint("pass --tls-cert and --tls-key, or for trying out --insecure-http"),
        );
    };
    Ok(Some(TlsFiles { certificate, key }))
}

/// Flags, then variables; nothing else.
struct Told<'a>(&'a Settings);

impl Told<'_> {
    fn text(&self, flag: Option<String>, variable: &str) -> Result<Option<String>, Failure> {
        if flag.is_some() {
            return Ok(flag);
        }
        let value = self.0.environment().text(variable)?;
        Ok(value
            .filter(|value| !value.is_empty())
            .map(ToOwned::to_owned))
    }

    fn parsed<T: FromStr<Err: std::fmt::Display>>(
        &self,
        flag: Option<String>,
        variable: &str,
    ) -> Result<Option<T>, Failure> {
        let text = self.text(flag, variable)?;
        let parse = |text: String| {
            text.parse()
                .map_err(|error| Failure::usage(format_args!("{variable} `{text}`: {error}")))
        };
        text.map(parse).transpose()
    }
}

impl Context {
    /// The same without the settings files that were found rather than named: a server decides by
    /// what it is told. It never takes longer than an API server waits.
    fn only_told(&self) -> Result<Self, Failure> {
        let global = self.global.clone();
        let named = global.config.is_some() || self.environment().path("BULLA_CONFIG").is_some();
        let settings = if named {
            self.settings.clone()
        } else {
            self.settings.without_files()
        };
        let mut context = Self::with_settings(global, settings)?;
        context.limits.deadline = context.limits.deadline.min(LONGEST_WAIT);
        Ok(context)
    }
}

const LIFETIME: Duration = Duration::from_mins(1);
const LONGEST_LIFETIME: Duration = Duration::from_mins(5);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
const REQUESTS: usize = 256;
const MOST_REQUESTS: usize = 4096;
