//! HTTP: the webhook, health and counters.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use futures_util::StreamExt as _;
use tokio::sync::Semaphore;

use super::message;
use super::review::{Answer, REVIEW_BYTES, Review, ReviewError};
use super::server::Server;
use super::timeout::budget;

/// The routes of a server that answers `max_requests` at the same time.
pub fn router(server: Arc<Server>, max_requests: usize) -> Router {
    let front = Front {
        server,
        places: Arc::new(Semaphore::new(max_requests)),
        max_requests,
    };
    Router::new()
        .route("/validate", post(validate))
        .route("/livez", get(async || "ok\n"))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(front)
}

#[derive(Clone, Debug)]
struct Front {
    server: Arc<Server>,
    places: Arc<Semaphore>,
    max_requests: usize,
}

async fn ready(State(front): State<Front>) -> Response {
    if front.server.is_draining() {
        (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n").into_response()
    } else {
        "ok\n".into_response()
    }
}

async fn metrics(State(front): State<Front>) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    let free = front.places.available_permits();
    let waiting = front.max_requests.saturating_sub(free);
    (kind, front.server.metrics_text(waiting)).into_response()
}

async fn validate(State(front): State<Front>, request: Request) -> Response {
    let server = front.server;
    let refuse = |status: StatusCode, reason: String| {
        server.metrics.refused.count();
        server.journal.event("refused", &reason);
        (status, format!("bulla: {reason}\n")).into_response()
    };
    let deadline = Instant::now() + budget(request.uri().query(), server.longest());
    let Ok(place) = front.places.try_acquire_owned() else {
        let reason = "too many requests at the same time";
        return refuse(StatusCode::SERVICE_UNAVAILABLE, reason.to_owned());
    };
    if !is_json(request.headers()) {
        let reason = "expected content type application/json";
        return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason.to_owned());
    }
    let arrival = deadline.max(Instant::now() + ARRIVAL);
    let body = tokio::time::timeout_at(arrival.into(), read(request.into_body())).await;
    let body = match body {
        Ok(Ok(body)) => body,
        Ok(Err((status, reason))) => return refuse(status, reason),
        Err(_) => {
            let reason = "the request did not arrive in time";
            return refuse(StatusCode::REQUEST_TIMEOUT, reason.to_owned());
        }
    };
    let review = match Review::parse(&body) {
        Ok(review) => review,
        Err(error) => {
            let ReviewError::Shape { uid, .. } = &error else {
                return refuse(StatusCode::BAD_REQUEST, error.to_string());
            };
            server.metrics.denied.count();
            let environment = &server.options.environment;
            let reason = error.to_string();
            return reply(&message::refusal(uid, environment, MALFORMED, &reason));
        }
    };
    let uid = review.uid.clone();
    let own = Arc::clone(&server);
    // A task of its own: a panic in it is a refusal, and it ends even if nobody waits any longer.
    let task = tokio::spawn(async move {
        let _place = place;
        own.answer(&review, deadline).await
    });
    if let Ok(answer) = task.await {
        return reply(&answer);
    }
    server.metrics.undetermined.count();
    let environment = &server.options.environment;
    let reason = "the request broke off; see the log of bulla serve";
    reply(&message::refusal(&uid, environment, BROKEN, reason))
}

/// Every answer is HTTP 200, refusals too: the API server reads the rest as a broken webhook.
fn reply(answer: &Answer) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, answer.to_json()).into_response()
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

async fn read(body: Body) -> Result<Vec<u8>, (StatusCode, String)> {
    let mut bytes = Vec::new();
    let mut parts = body.into_data_stream();
    while let Some(part) = parts.next().await {
        let broken = |error| {
            let reason = format!("the request broke off: {error}");
            (StatusCode::BAD_REQUEST, reason)
        };
        let part = part.map_err(broken)?;
        if bytes.len().saturating_add(part.len()) as u64 > REVIEW_BYTES {
            let reason = format!("the review is longer than {REVIEW_BYTES} bytes");
            return Err((StatusCode::PAYLOAD_TOO_LARGE, reason));
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes)
}

/// Even with no time left a request is read, so that the refusal can say why.
const ARRIVAL: Duration = Duration::from_millis(250);
const MALFORMED: &str = "review-malformed";
const BROKEN: &str = "internal-error";
