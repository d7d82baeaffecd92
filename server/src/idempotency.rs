//! Requests that are sent twice and done once: whoever lost an answer sends the same again, with the same key.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use regard_commitments::{Digest, Zeroizing};
use regard_domain::Timestamp;

use crate::app::App;
use crate::problem::Problem;

/// Header with the key.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Header that says that an answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Longest key.
const MAX_KEY_LEN: usize = 255;

/// How long an answer is kept: some hold tokens that are shown once, so no longer than somebody tries again.
const KEPT: Duration = Duration::from_mins(10);

/// Answers kept at once. When full, the oldest goes, and whoever sends that request again does it again.
const MAX_KEPT: usize = 1_000;

/// Largest request and answer that are kept.
const MAX_BYTES: usize = 1 << 20;

/// An answer that was given.
struct Given {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Zeroizing<Vec<u8>>,
}

struct Known {
    since: Timestamp,
    /// Hash of the request's body.
    asked: Digest,
    /// Nothing while it is being done.
    given: Option<Given>,
}

/// Requests with keys, and their answers, in memory alone.
///
/// # Privacy
/// Holds answers, tokens in them included, for ten minutes; overwritten then.
#[derive(Default)]
pub(crate) struct Answered(Mutex<BTreeMap<Digest, Known>>);

/// How a request stands to those before.
enum Standing {
    New,
    Running,
    Other,
    Given(Response),
}

impl Answered {
    fn held(&self, now: Timestamp) -> MutexGuard<'_, BTreeMap<Digest, Known>> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|_, known| now.saturating_since(known.since) < KEPT);
        held
    }

    fn begin(&self, name: Digest, asked: Digest, now: Timestamp) -> Standing {
        let mut held = self.held(now);
        if let Some(known) = held.get(&name) {
            return match &known.given {
                _ if known.asked != asked => Standing::Other,
                None => Standing::Running,
                Some(given) => Standing::Given(again(given)),
            };
        }
        while held.len() >= MAX_KEPT {
            let oldest = held.iter().min_by_key(|(_, known)| known.since);
            let Some(oldest) = oldest.map(|(name, _)| *name) else {
                break;
            };
            held.remove(&oldest);
        }
        let known = Known {
            since: now,
            asked,
            given: None,
        };
        held.insert(name, known);
        Standing::New
    }

    /// What came of it; nothing where it may be tried again.
    fn end(&self, name: &Digest, given: Option<Given>, now: Timestamp) {
        let mut held = self.held(now);
        match (held.get_mut(name), given) {
            (Some(known), Some(given)) => known.given = Some(given),
            (Some(_), None) => {
                held.remove(name);
            }
            (None, _) => {}
        }
    }
}

fn again(given: &Given) -> Response {
    let mut response = Response::new(Body::from(given.body.to_vec()));
    *response.status_mut() = given.status;
    let headers = response.headers_mut();
    headers.extend(given.headers.iter().cloned());
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

/// Does a request with a key once: the same again gets the same answer, something else under the same key none.
/// What was begun goes on when whoever asked has gone.
pub(crate) async fn once(State(app): State<App>, request: Request, next: Next) -> Response {
    if *request.method() != Method::POST {
        return next.run(request).await;
    }
    let Some(key) = request.headers().get(KEY) else {
        return next.run(request).await;
    };
    let is_good = |key: &HeaderValue| {
        (1..=MAX_KEY_LEN).contains(&key.len()) && key.as_bytes().iter().all(u8::is_ascii_graphic)
    };
    if !is_good(key) {
        let detail = "a key is 1 to 255 printable ASCII characters without spaces";
        return Problem::new(StatusCode::BAD_REQUEST, "bad_idempotency_key", detail)
            .into_response();
    }
    let name = name_of(&app, request.headers(), request.uri().to_string(), key);
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BYTES).await else {
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        return Problem::new(status, "too_large", "the body is too large").into_response();
    };
    let asked = Digest::of(&[&body]);
    match app.answered.begin(name, asked, app.engine.now()) {
        Standing::New => {}
        Standing::Given(response) => return response,
        Standing::Running => {
            let detail = "a request with this key is being done";
            return Problem::new(StatusCode::CONFLICT, "idempotency_key_in_use", detail)
                .remedy("ask again in a moment")
                .into_response();
        }
        Standing::Other => {
            let detail = "another request was sent with this key";
            return Problem::invalid("idempotency_key_reused", detail)
                .remedy("take a fresh key for each request")
                .into_response();
        }
    }
    let request = Request::from_parts(parts, Body::from(body));
    let done = tokio::spawn(async move {
        let (given, response) = kept(next.run(request).await).await;
        app.answered.end(&name, given, app.engine.now());
        response
    });
    // It panics where the handler does: the layer outside answers then.
    match done.await {
        Ok(response) => response,
        Err(error) => Problem::internal("panic", &error).into_response(),
    }
}

/// Under whom, where and with which key: by a hash that nobody can make once the program has ended.
fn name_of(app: &App, headers: &HeaderMap, address: String, key: &HeaderValue) -> Digest {
    let text = |name| {
        let value = headers.get(name).map(HeaderValue::as_bytes);
        String::from_utf8_lossy(value.unwrap_or_default()).into_owned()
    };
    let parts = [
        text(header::AUTHORIZATION),
        text(header::COOKIE),
        address,
        String::from_utf8_lossy(key.as_bytes()).into_owned(),
    ];
    app.access.forms.digest("idempotency", &parts.join("\0"))
}

/// The answer to keep, and to give. Failures of ours, and what is too large, are not kept: they may be tried again.
async fn kept(response: Response) -> (Option<Given>, Response) {
    if response.status().is_server_error() || response.status() == StatusCode::TOO_MANY_REQUESTS {
        return (None, response);
    }
    let (parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, MAX_BYTES).await else {
        let problem = Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "answer_too_large",
            "the answer is too large to be kept; ask without a key",
        );
        return (None, problem.into_response());
    };
    let headers = parts.headers.iter();
    let given = Given {
        status: parts.status,
        headers: headers
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        body: Zeroizing::new(bytes.to_vec()),
    };
    (Some(given), Response::from_parts(parts, Body::from(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn digest(n: usize) -> Digest {
        Digest::of(&[&n.to_be_bytes()])
    }

    fn given() -> Given {
        Given {
            status: StatusCode::CREATED,
            headers: Vec::new(),
            body: Zeroizing::new(b"{}".to_vec()),
        }
    }

    #[test]
    fn the_same_is_answered_once_and_something_else_is_not() {
        let all = Answered::default();
        let begin = |name, asked, now| all.begin(digest(name), digest(asked), now);
        assert!(matches!(begin(1, 1, NOW), Standing::New));
        assert!(matches!(begin(1, 1, NOW), Standing::Running));
        all.end(&digest(1), Some(given()), NOW);
        assert!(
            matches!(begin(1, 1, NOW), Standing::Given(answer) if answer.status() == StatusCode::CREATED)
        );
        assert!(matches!(begin(1, 2, NOW), Standing::Other));
        assert!(matches!(begin(2, 1, NOW), Standing::New));
        all.end(&digest(2), None, NOW);
        assert!(
            matches!(begin(2, 1, NOW), Standing::New),
            "a failure may be tried again"
        );
        let later = NOW.plus(KEPT);
        assert!(matches!(begin(1, 2, later), Standing::New), "forgotten");
    }

    #[test]
    fn there_is_a_lid_and_the_oldest_goes() {
        let all = Answered::default();
        let at = |n: usize| NOW.plus(Duration::from_millis(n as u64));
        for n in 0..=MAX_KEPT {
            assert!(matches!(
                all.begin(digest(n), digest(0), at(n)),
                Standing::New
            ));
        }
        let now = at(MAX_KEPT);
        assert!(matches!(
            all.begin(digest(1), digest(0), now),
            Standing::Running
        ));
        assert!(matches!(
            all.begin(digest(0), digest(0), now),
            Standing::New
        ));
    }
}
