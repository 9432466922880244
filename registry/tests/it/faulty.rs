//! A registry in this process that misbehaves on demand. It has no referrers API unless told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::Response;
use bulla_model::{Digest, Limits, Repository, media_type};
use bulla_registry::{Credential, Remote, RemoteClient, RemoteOptions};
use std::time::Duration;

/// A running registry.
#[derive(Clone)]
pub(crate) struct Registry {
    pub(crate) host: String,
    content: Arc<Mutex<Content>>,
}

/// What it holds, how it misbehaves, and what it was asked.
#[derive(Default)]
pub(crate) struct Content {
    pub(crate) blobs: BTreeMap<String, Vec<u8>>,
    pub(crate) manifests: BTreeMap<String, (String, Vec<u8>)>,
    uploads: BTreeMap<String, Vec<u8>>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) referrers: ReferrersMode,
    /// The `WWW-Authenticate` of those without this `Authorization`.
    pub(crate) challenge: Option<(String, String)>,
    /// Sends every read of a blob to this origin.
    pub(crate) redirect_blobs: Option<String>,
    /// Sends uploads to this origin.
    pub(crate) upload_origin: Option<String>,
    /// Answers reads of blobs with these bytes, and this `Content-Length`.
    pub(crate) serve_blob: Option<(Vec<u8>, usize)>,
    pub(crate) log: Vec<Seen>,
}

/// Answers matching requests with a status, a number of times.
pub(crate) struct Rule {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) status: u16,
    pub(crate) body: &'static str,
    pub(crate) times: usize,
}

/// How the referrers API behaves.
#[derive(Default, Clone, Copy, PartialEq)]
pub(crate) enum ReferrersMode {
    /// 404.
    #[default]
    Missing,
    /// 404, but pushes are answered with `OCI-Subject`.
    Promised,
    /// 200 with a page of HTML.
    Html,
    /// An index of one entry, and always another page.
    Endless,
    /// An index of nothing, whatever was pushed.
    Forgetful,
}

/// A request as it was received.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
}

impl Registry {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let registry = Self {
            host: listener.local_addr().unwrap().to_string(),
            content: Arc::default(),
        };
        let router = Router::new().fallback(serve).with_state(registry.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        registry
    }

    pub(crate) fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap()
    }

    pub(crate) fn rule(&self, method: Method, path: &str, status: u16, times: usize) {
        let refusal = r#"{"errors":[{"code":"DENIED","message":"not today"}]}"#;
        self.content().rules.push(Rule {
            method,
            path: path.to_owned(),
            status,
            body: refusal,
            times,
        });
    }

    pub(crate) fn store(&self, limits: &Limits) -> Remote {
        self.store_as(limits, Credential::Anonymous)
    }

    pub(crate) fn store_as(&self, limits: &Limits, credential: Credential) -> Remote {
        store_at(&self.host, limits, credential)
    }

    pub(crate) fn asked(&self, method: &Method, part: &str) -> usize {
        self.content()
            .log
            .iter()
            .filter(|seen| seen.method == *method && seen.path.contains(part))
            .count()
    }
}

/// A repository at a host, by a client that does not wait long.
pub(crate) fn store_at(host: &str, limits: &Limits, credential: Credential) -> Remote {
    let mut options = RemoteOptions::new(limits.clone());
    options.backoff = Duration::from_millis(5);
    let client = RemoteClient::new(options).unwrap();
    let repository: Repository = format!("{host}/team/app").parse().unwrap();
    Remote::new(&client, repository, credential)
}

async fn serve(State(registry): State<Registry>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 64 << 20).await.unwrap_or_default();
    registry.answer(&parts.method, &parts.uri, &parts.headers, &body)
}

impl Registry {
    fn answer(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Response {
        let mut content = self.content();
        let path = uri.path().to_owned();
        let authorization = headers
            .get(header::AUTHORIZATION)
            .map(|value| value.to_str().unwrap().to_owned());
        content.log.push(Seen {
            method: method.clone(),
            path: path.clone(),
            authorization: authorization.clone(),
        });
        if let Some((challenge, accepted)) = &content.challenge
            && path.starts_with("/v2/")
            && authorization.as_ref() != Some(accepted)
        {
            return response(401)
                .header(header::WWW_AUTHENTICATE, challenge)
                .body(Body::empty())
                .unwrap();
        }
        if path == "/token" {
            return plain(200, r#"{"token":"good","expires_in":300}"#);
        }
        let rule = content
            .rules
            .iter_mut()
            .find(|rule| rule.times > 0 && rule.method == *method && path.contains(&rule.path));
        if let Some(rule) = rule {
            rule.times -= 1;
            return plain(rule.status, rule.body);
        }
        let rest = path.strip_prefix("/v2/team/app/").unwrap_or_default();
        match rest.split_once('/') {
            Some(("blobs", upload)) if upload.starts_with("uploads/") => {
                content.upload(method, upload, uri.query().unwrap_or_default(), body)
            }
            Some(("blobs", digest)) => content.blob(method, digest, uri),
            Some(("manifests", target)) => content.manifest(method, target, headers, body),
            Some(("referrers", _)) => content.list(&path),
            Some(("tags", _)) => {
                let tags: Vec<&String> = content
                    .manifests
                    .keys()
                    .filter(|target| !target.contains(':'))
                    .collect();
                plain(
                    200,
                    &serde_json::json!({"name": "team/app", "tags": tags}).to_string(),
                )
            }
            _ => plain(404, "404 page not found"),
        }
    }
}

impl Content {
    fn blob(&self, method: &Method, digest: &str, uri: &Uri) -> Response {
        let path = uri.path();
        if *method == Method::GET
            && uri.query().is_none()
            && let Some(origin) = &self.redirect_blobs
        {
            return response(307)
                .header(header::LOCATION, format!("{origin}{path}?signature=s3cret"))
                .body(Body::empty())
                .unwrap();
        }
        let (bytes, length) = match (&self.serve_blob, self.blobs.get(digest)) {
            (Some((bytes, length)), _) => (bytes.clone(), *length),
            (None, Some(bytes)) => (bytes.clone(), bytes.len()),
            (None, None) => return plain(404, "{}"),
        };
        let stream = futures_util::stream::iter([Ok::<_, std::io::Error>(bytes)]);
        response(200)
            .header(header::CONTENT_LENGTH, length)
            .body(Body::from_stream(stream))
            .unwrap()
    }

    fn upload(&mut self, method: &Method, upload: &str, query: &str, body: &Bytes) -> Response {
        let id = upload.trim_start_matches("uploads/").to_owned();
        match *method {
            Method::POST => {
                let id = format!("session-{}", self.log.len());
                self.uploads.insert(id.clone(), Vec::new());
                let origin = self.upload_origin.as_deref().unwrap_or_default();
                located(
                    202,
                    &format!("{origin}/v2/team/app/blobs/uploads/{id}?state=1"),
                )
            }
            Method::PATCH => {
                let Some(session) = self.uploads.get_mut(&id) else {
                    return plain(404, "{}");
                };
                session.extend_from_slice(body);
                located(202, &format!("{id}?state=2"))
            }
            _ => {
                let mut bytes = self.uploads.remove(&id).unwrap_or_default();
                bytes.extend_from_slice(body);
                let digest = Digest::sha256(&bytes).to_string();
                let asked = query.rsplit("digest=").next().unwrap_or_default();
                if asked.replace("%3A", ":") != digest {
                    return plain(400, r#"{"errors":[{"code":"DIGEST_INVALID"}]}"#);
                }
                self.blobs.insert(digest, bytes);
                located(201, "/v2/team/app/blobs/x")
            }
        }
    }

    fn manifest(
        &mut self,
        method: &Method,
        target: &str,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Response {
        match *method {
            Method::PUT => {
                let digest = Digest::sha256(body).to_string();
                let kind = headers[header::CONTENT_TYPE].to_str().unwrap().to_owned();
                self.manifests
                    .insert(target.to_owned(), (kind.clone(), body.to_vec()));
                self.manifests.insert(digest, (kind, body.to_vec()));
                let mut answer = response(201);
                if self.referrers == ReferrersMode::Promised {
                    answer = answer.header("OCI-Subject", "sha256:whatever");
                }
                answer.body(Body::empty()).unwrap()
            }
            Method::DELETE => match self.manifests.remove(target) {
                Some(_) => plain(202, ""),
                None => plain(404, "{}"),
            },
            _ => match self.manifests.get(target) {
                Some((kind, bytes)) => response(200)
                    .header(header::CONTENT_TYPE, kind)
                    .body(Body::from(bytes.clone()))
                    .unwrap(),
                None => plain(404, r#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#),
            },
        }
    }

    fn list(&self, path: &str) -> Response {
        let entry = serde_json::json!({
            "mediaType": media_type::IMAGE_MANIFEST,
            "digest": Digest::sha256(&self.log.len().to_le_bytes()),
            "size": 100,
        });
        let index = |entries: Vec<serde_json::Value>| {
            response(200)
                .header(header::CONTENT_TYPE, media_type::IMAGE_INDEX)
                .header(
                    header::LINK,
                    format!("<{path}?next={}>; rel=\"next\"", self.log.len()),
                )
                .body(Body::from(
                    serde_json::json!({"schemaVersion": 2, "manifests": entries}).to_string(),
                ))
                .unwrap()
        };
        match self.referrers {
            ReferrersMode::Missing | ReferrersMode::Promised => plain(404, "404 page not found"),
            ReferrersMode::Html => plain(200, "<html>welcome</html>"),
            ReferrersMode::Endless => index(vec![entry]),
            ReferrersMode::Forgetful => {
                let mut answer = index(Vec::new());
                answer.headers_mut().remove(header::LINK);
                answer
            }
        }
    }
}

fn response(status: u16) -> http::response::Builder {
    Response::builder().status(StatusCode::from_u16(status).unwrap())
}

fn plain(status: u16, body: &str) -> Response {
    response(status).body(Body::from(body.to_owned())).unwrap()
}

fn located(status: u16, location: &str) -> Response {
    response(status)
        .header(header::LOCATION, location)
        .body(Body::empty())
        .unwrap()
}
