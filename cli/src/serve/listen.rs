//! Listening: TLS, signals, and reading again what changes.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum_server::Handle;
use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::RustlsConfig;
use bulla_model::Digest;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;

use super::http;
use super::server::Server;
use crate::Failure;
use crate::failure::FailureKind;
use crate::join::file;

/// Where and how to listen.
#[derive(Clone, Debug)]
pub struct Listen {
    /// The address.
    pub address: SocketAddr,
    /// Certificate and key; without them plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Requests answered at the same time.
    pub max_requests: usize,
}

/// The files of a certificate.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The chain, PEM.
    pub certificate: PathBuf,
    /// The private key, PEM.
    pub key: PathBuf,
}

/// Answers until the process is asked to end, and then what was already asked.
pub async fn listen(server: Arc<Server>, listen: &Listen) -> Result<(), Failure> {
    let refused = |error| {
        let text = format_args!("failed to listen on {}: {error}", listen.address);
        Failure::new(FailureKind::Configuration, text)
    };
    let listener = TcpListener::bind(listen.address).map_err(refused)?;
    listener.set_nonblocking(true).map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    let handle = Handle::new();
    let service = http::router(Arc::clone(&server), listen.max_requests).into_make_service();
    let tls = match &listen.tls {
        Some(files) => Some(Tls::load(files.clone()).await?),
        None => None,
    };
    let basis = server.current().describe();
    let environment = &server.options.environment;
    let has_tls = tls.is_some();
    // Before anybody is told that it listens: a signal from then on must not kill it.
    let (hang_up, asked_to_end) = (signals::hang_up(), signals::end());
    server
        .journal
        .listening(address, has_tls, environment, &basis);
    let config = tls.as_ref().map(|tls| tls.config.clone());
    let upkeep = tokio::spawn(keep_up(Arc::clone(&server), tls, hang_up));
    let ending = tokio::spawn(end(Arc::clone(&server), handle.clone(), asked_to_end));
    let outcome = if let Some(config) = config {
        let listening = axum_server::from_tcp_rustls(listener, config).map_err(refused)?;
        let mut listening = listening.map(|tls| tls.acceptor(NoDelayAcceptor::new()));
        tune(listening.http_builder());
        listening.handle(handle).serve(service).await
    } else {
        let listening = axum_server::from_tcp(listener).map_err(refused)?;
        let mut listening = listening.acceptor(NoDelayAcceptor::new());
        tune(listening.http_builder());
        listening.handle(handle).serve(service).await
    };
    upkeep.abort();
    ending.abort();
    outcome.map_err(refused)
}

/// A certificate that can be replaced while it is used.
struct Tls {
    config: RustlsConfig,
    files: TlsFiles,
    seen: (Digest, Digest),
}

impl Tls {
    async fn load(files: TlsFiles) -> Result<Self, Failure> {
        let (certificate, key) = read(&files)?;
        let seen = (Digest::sha256(&certificate), Digest::sha256(&key));
        let config = RustlsConfig::from_pem(certificate, key)
            .await
            .map_err(|error| unusable(&files, &error))?;
        Ok(Self {
            config,
            files,
            seen,
        })
    }

    /// Takes a changed certificate; connections that are open keep theirs.
    async fn reload(&mut self) -> Result<bool, Failure> {
        let (certificate, key) = read(&self.files)?;
        let found = (Digest::sha256(&certificate), Digest::sha256(&key));
        if found == self.seen {
            return Ok(false);
        }
        self.config
            .reload_from_pem(certificate, key)
            .await
            .map_err(|error| unusable(&self.files, &error))?;
        self.seen = found;
        Ok(true)
    }
}

fn read(files: &TlsFiles) -> Result<(Vec<u8>, Vec<u8>), Failure> {
    Ok((
        file::read(&files.certificate, PEM_BYTES)?,
        file::read(&files.key, PEM_BYTES)?,
    ))
}

fn unusable(files: &TlsFiles, error: &std::io::Error) -> Failure {
    let (certificate, key) = (files.certificate.display(), files.key.display());
    Failure::new(
        FailureKind::Configuration,
        format_args!("{certificate} and {key} are no certificate with its key: {error}"),
    )
}

/// Connections that send nothing, or slowly, are closed.
fn tune(builder: &mut Builder<TokioExecutor>) {
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .keep_alive(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .keep_alive_interval(HEADERS);
}

/// Reads policy, trust and certificate again from time to time, and at once on SIGHUP.
async fn keep_up(server: Arc<Server>, mut tls: Option<Tls>, mut hang_up: signals::HangUp) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(AGAIN) => {}
            () = hang_up.next() => {}
        }
        server.reload().await;
        let Some(tls) = &mut tls else { continue };
        match tls.reload().await {
            Ok(false) => {}
            Ok(true) => server.journal.event("reloaded", "certificate"),
            Err(failure) => {
                server.metrics.reload_failures.count();
                server.journal.event("not reloaded", failure.message());
            }
        }
    }
}

async fn end(server: Arc<Server>, handle: Handle<SocketAddr>, mut end: signals::End) {
    end.asked().await;
    server.drain();
    server.journal.event("shutting down", "asked to end");
    handle.graceful_shutdown(Some(DRAIN));
}

#[cfg(unix)]
mod signals {
    use tokio::signal::unix::{Signal, SignalKind, signal};

    /// Hang-ups as they come; never one where they cannot be listened for.
    pub(super) struct HangUp(Option<Signal>);

    pub(super) fn hang_up() -> HangUp {
        HangUp(signal(SignalKind::hangup()).ok())
    }

    impl HangUp {
        pub(super) async fn next(&mut self) {
            next(&mut self.0).await;
        }
    }

    /// Requests to end, from when this was made.
    pub(super) struct End {
        terminated: Option<Signal>,
        interrupted: Option<Signal>,
    }

    pub(super) fn end() -> End {
        End {
            terminated: signal(SignalKind::terminate()).ok(),
            interrupted: signal(SignalKind::interrupt()).ok(),
        }
    }

    impl End {
        pub(super) async fn asked(&mut self) {
            tokio::select! {
                () = next(&mut self.terminated) => {}
                () = next(&mut self.interrupted) => {}
            }
        }
    }

    async fn next(signal: &mut Option<Signal>) {
        match signal {
            Some(signal) => {
                signal.recv().await;
            }
            None => std::future::pending().await,
        }
    }
}

#[cfg(not(unix))]
mod signals {
    /// There are no hang-ups here.
    pub(super) struct HangUp;

    pub(super) fn hang_up() -> HangUp {
        HangUp
    }

    impl HangUp {
        pub(super) async fn next(&mut self) {
            std::future::pending().await
        }
    }

    /// Requests to end.
    pub(super) struct End;

    pub(super) fn end() -> End {
        End
    }

    impl End {
        pub(super) async fn asked(&mut self) {
            drop(tokio::signal::ctrl_c().await);
        }
    }
}

const AGAIN: Duration = Duration::from_secs(10);
const DRAIN: Duration = Duration::from_secs(30);
const HEADERS: Duration = Duration::from_secs(10);
const PEM_BYTES: u64 = 1 << 20;
const STREAMS: u32 = 256;
