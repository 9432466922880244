//! Sends what the protocol builds: authentication, redirects, retries, deadlines.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::BuildHasher as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bulla_model::Repository;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use reqwest::Response;
use url::Url;

use super::client::{RemoteClient, TransportError};
use super::credential::Credential;
use crate::protocol::challenge::{Challenge, challenge};
use crate::protocol::reply::ERROR_BYTES;
use crate::protocol::request::authority;
use crate::protocol::token::{self, Token};
use crate::protocol::{Endpoint, Reply, Request};
use crate::{Excerpt, StoreError};

/// What a request needs to be allowed to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Pull,
    Push,
    Delete,
    /// Push, taking blobs over from another repository.
    Mount(Repository),
}

impl Access {
    fn scopes(&self, repository: &Repository) -> Vec<String> {
        let scope = |path: &str, actions: &str| format!("repository:{path}:{actions}");
        match self {
            Self::Pull => vec![scope(repository.path(), "pull")],
            Self::Push => vec![scope(repository.path(), "pull,push")],
            Self::Delete => vec![scope(repository.path(), "delete,pull")],
            Self::Mount(source) => vec![
                scope(repository.path(), "pull,push"),
                scope(source.path(), "pull"),
            ],
        }
    }
}

/// One repository's conversation with its registry.
pub(super) struct Session {
    pub(super) client: RemoteClient,
    pub(super) repository: Repository,
    credential: Credential,
    /// What was last accepted, by scopes. No credential is sent before it is asked for.
    accepted: Mutex<BTreeMap<Vec<String>, Accepted>>,
}

#[derive(Clone)]
struct Accepted {
    header: HeaderValue,
    until: Option<Instant>,
}

impl Session {
    pub(super) fn new(
        client: RemoteClient,
        repository: Repository,
        credential: Credential,
    ) -> Self {
        Self {
            client,
            repository,
            credential,
            accepted: Mutex::default(),
        }
    }

    pub(super) async fn endpoint(&self) -> Result<Endpoint, StoreError> {
        self.client.endpoint(&self.repository).await
    }

    /// Sends a request and reads the whole answer, at most `limit` bytes, within the deadline.
    pub(super) async fn ask(
        &self,
        access: &Access,
        request: Request,
        limit: u64,
    ) -> Result<Reply, StoreError> {
        let asked = request.name();
        self.in_time(&asked, self.with_retries(access, &request, Some(limit)))
            .await
            .map(|(reply, _)| reply)
    }

    /// Sends a request whose answer's body is read by the caller; a refusal is an error.
    pub(super) async fn open(
        &self,
        access: &Access,
        request: Request,
        what: &str,
        store: &str,
    ) -> Result<Response, StoreError> {
        let asked = request.name();
        let (reply, response) = self
            .in_time(&asked, self.with_retries(access, &request, None))
            .await?;
        reply.found(what, store)?;
        response
            .ok_or_else(|| StoreError::malformed(format!("the answer to {asked}"), "it is empty"))
    }

    /// Gives up at the deadline.
    pub(super) async fn in_time<T>(
        &self,
        asked: &str,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let deadline = self.client.options().limits.deadline;
        tokio::time::timeout(deadline, work)
            .await
            .unwrap_or_else(|_| {
                Err(StoreError::Deadline {
                    request: asked.to_owned(),
                    deadline,
                })
            })
    }

    /// Tries again what may be tried again: no answer, 429, and 5xx.
    async fn with_retries(
        &self,
        access: &Access,
        request: &Request,
        limit: Option<u64>,
    ) -> Result<(Reply, Option<Response>), StoreError> {
        let options = self.client.options();
        // A chunk that may have arrived must not be sent twice, nor a list that others go on with.
        let most = if request.method == Method::PATCH || request.is_once {
            1
        } else {
            options.tries.max(1)
        };
        let mut tries = 0_u32;
        loop {
            tries = tries.saturating_add(1);
            let pause = match self.once(access, request, limit, tries).await {
                Ok((reply, _)) if may_pass(reply.status) && tries < most => {
                    match retry_after(&reply.headers) {
                        // Waiting that long would only turn the answer into a missed deadline.
                        Some(pause) if pause > LONGEST_PAUSE => return Ok((reply, None)),
                        pause => pause,
                    }
                }
                Ok(answer) => return Ok(answer),
                Err(
                    Failure::Transport(_)
                    | Failure::Store(StoreError::RateLimited { .. } | StoreError::Failing { .. }),
                ) if tries < most => None,
                Err(Failure::Transport(error)) => {
                    return Err(error.unreachable(request.name(), tries));
                }
                Err(Failure::Store(error)) => return Err(error),
            };
            let pause = pause.unwrap_or_else(|| varied(options.backoff, tries));
            tracing::debug!(request = request.name(), tries, ?pause, "trying again");
            tokio::time::sleep(pause).await;
        }
    }

    /// One try: authentication and redirects, and the body if it is wanted whole.
    async fn once(
        &self,
        access: &Access,
        request: &Request,
        limit: Option<u64>,
        tries: u32,
    ) -> Result<(Reply, Option<Response>), Failure> {
        let response = self.authorized(access, request).await?;
        let response = self.redirected(access, request, response).await?;
        let mut reply = Reply {
            request: request.name(),
            tries,
            status: response.status(),
            headers: response.headers().clone(),
            body: Bytes::new(),
        };
        let success = reply.status.is_success();
        match limit {
            // A length without content: that of what GET would have answered.
            _ if request.method == Method::HEAD => Ok((reply, None)),
            None if success => Ok((reply, Some(response))),
            _ => {
                let limit = if success {
                    limit.unwrap_or(0)
                } else {
                    ERROR_BYTES
                };
                match body(response, limit).await? {
                    Some(body) => reply.body = body,
                    // An endless error text is still only an error.
                    None if !success => {}
                    None => {
                        return Err(Failure::Store(StoreError::TooLarge {
                            what: format!("the answer to {}", reply.request),
                            limit,
                        }));
                    }
                }
                Ok((reply, None))
            }
        }
    }

    /// Sends a request, proving who we are if we are asked to.
    async fn authorized(&self, access: &Access, request: &Request) -> Result<Response, Failure> {
        let scopes = access.scopes(&self.repository);
        // An upload's location can be another host: it gets no credential and no second try.
        if !self.is_own_origin(request).await? {
            return Ok(self.client.once(request.clone()).await?);
        }
        let response = self.sent(&scopes, request).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        let Some(challenge) = challenge(response.headers()) else {
            return Ok(response);
        };
        let Some(accepted) = self.answer(challenge, &scopes).await? else {
            return Ok(response);
        };
        self.accepted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(scopes.clone(), accepted);
        Ok(self.sent(&scopes, request).await?)
    }

    async fn sent(&self, scopes: &[String], request: &Request) -> Result<Response, TransportError> {
        let mut request = request.clone();
        let accepted = self
            .accepted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(scopes)
            .filter(|accepted| accepted.until.is_none_or(|until| Instant::now() < until))
            .cloned();
        if let Some(accepted) = accepted {
            request
                .headers
                .insert(header::AUTHORIZATION, accepted.header);
        }
        self.client.once(request).await
    }

    /// What satisfies a challenge, if we have it.
    async fn answer(
        &self,
        challenge: Challenge,
        scopes: &[String],
    ) -> Result<Option<Accepted>, Failure> {
        let forever = |header| Accepted {
            header,
            until: None,
        };
        let (realm, service) = match (challenge, &self.credential) {
            (Challenge::Basic, credential) => return Ok(credential.basic().map(forever)),
            (Challenge::Bearer { .. }, Credential::Bearer(token)) => {
                return Ok(token::bearer(token.expose()).map(forever));
            }
            (Challenge::Bearer { realm, service }, _) => (realm, service),
        };
        let host = self.repository.host();
        let realm = token::realm(&realm, host, token::is_loopback(host))?;
        let request = token::request(&realm, service.as_deref(), scopes, &self.credential);
        let asked = request.name();
        // A realm that answers with a redirect could send the password on: none is followed.
        let response = self.client.once(request).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body =
            body(response, token::TOKEN_BYTES)
                .await?
                .ok_or_else(|| StoreError::TooLarge {
                    what: format!("the answer to {asked}"),
                    limit: token::TOKEN_BYTES,
                })?;
        let Token { header, lifetime } = token::parse(Reply {
            request: asked,
            tries: 1,
            status,
            headers,
            body,
        })?;
        let usable = lifetime.saturating_sub(EXPIRY_MARGIN);
        Ok(Some(Accepted {
            header,
            until: Instant::now().checked_add(usable.max(EXPIRY_MARGIN)),
        }))
    }

    /// Follows redirects of reads, without credentials once they lead to another origin.
    async fn redirected(
        &self,
        access: &Access,
        request: &Request,
        mut response: Response,
    ) -> Result<Response, Failure> {
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return Ok(response);
        }
        for _ in 0..REDIRECTS {
            if !is_redirect(response.status()) {
                return Ok(response);
            }
            let Some(target) = response.headers().get(header::LOCATION) else {
                return Ok(response);
            };
            let target = String::from_utf8_lossy(target.as_bytes()).into_owned();
            let refused = |reason| StoreError::UnsafeRedirect {
                request: request.name(),
                target: without_query(&target),
                reason,
            };
            let from = response.url().clone();
            let url = from.join(&target).map_err(|_| refused("it is no URL"))?;
            self.check_target(&from, &url).map_err(refused)?;
            let mut next = Request::new(request.method.clone(), url);
            if let Some(accept) = request.headers.get(header::ACCEPT) {
                next.headers.insert(header::ACCEPT, accept.clone());
            }
            // F51 (CVE-2026-49349): credentials stay with the registry.
            response = if self.is_own_origin(&next).await? {
                self.sent(&access.scopes(&self.repository), &next).await?
            } else {
                self.client.once(next).await?
            };
        }
        Ok(response)
    }

    fn check_target(&self, from: &Url, to: &Url) -> Result<(), &'static str> {
        let plain = to.scheme() == "http" && self.client.permits_plain(&authority(to));
        if to.scheme() == "https" || (plain && from.scheme() == "http") {
            Ok(())
        } else {
            Err("it is not https")
        }
    }

    async fn is_own_origin(&self, request: &Request) -> Result<bool, StoreError> {
        let own = self.endpoint().await?;
        if request.url.origin() == own.base().origin() {
            return Ok(true);
        }
        self.check_target(own.base(), &request.url)
            .map_err(|reason| StoreError::UnsafeRedirect {
                request: request.name(),
                target: without_query(request.url.as_str()),
                reason,
            })?;
        Ok(false)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("repository", &self.repository)
            .finish_non_exhaustive()
    }
}

/// No answer, or an error that another try cannot mend.
enum Failure {
    Transport(TransportError),
    Store(StoreError),
}

impl From<TransportError> for Failure {
    fn from(error: TransportError) -> Self {
        Self::Transport(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Reads a body of at most `limit` bytes; `None` if it is longer.
async fn body(mut response: Response, limit: u64) -> Result<Option<Bytes>, TransportError> {
    if response
        .content_length()
        .is_some_and(|length| length > limit)
    {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if (bytes.len() as u64).saturating_add(chunk.len() as u64) > limit {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(Bytes::from(bytes)))
}

fn may_pass(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 500 | 502 | 503 | 504)
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers
        .get(header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds))
}

/// Doubles with every try, and varies between half and the whole of that.
pub(super) fn varied(backoff: Duration, tries: u32) -> Duration {
    let whole = backoff.saturating_mul(1_u32 << tries.saturating_sub(1).min(6));
    // The hasher's keys are random; this needs no more randomness than that.
    let random = std::hash::RandomState::new().hash_one(tries);
    let share = f64::from(u32::try_from(random >> 32).unwrap_or(0)) / f64::from(u32::MAX);
    whole.mul_f64(0.5 + share / 2.0)
}

/// Signed URLs carry their permission in the query.
fn without_query(target: &str) -> Excerpt {
    Excerpt::of(target.split(['?', '#']).next().unwrap_or_default())
}

const REDIRECTS: usize = 5;
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A token about to expire is not used: the request could arrive too late.
const EXPIRY_MARGIN: Duration = Duration::from_secs(5);
