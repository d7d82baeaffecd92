//! Interfaces of other services, so that clients written for them work against this one. Off unless configured.
//!
//! In: requests as those services take them. Out: answers and errors as they give them. What is held or compared is asked of
//! the engine's collections, each time under an attestation of the privacy officer; a picture is never kept, and neither bytes,
//! names nor numbers of a face enter a log.

mod caller;
pub(crate) mod compreface;
mod config;
pub(crate) mod rekognition;

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::{any, post};
use futures::StreamExt as _;
use regard_domain::TemplateId;
use tower_http::timeout::TimeoutLayer;

use crate::app::App;

pub use config::{
    BadKeyHash, CompatConfig, CompreFaceKind, CompreFaceService, KeyHash, RekognitionConfig,
    RekognitionKey,
};

/// Largest body: two pictures of 5 MiB as base64, and what is around them.
const MAX_BODY_BYTES: usize = 16 << 20;

/// Longest time until an answer: as clients of these services wait, and enough for a hundred that come at once.
const MAX_WAIT: Duration = Duration::from_mins(2);

/// Largest picture, in bytes: what both services take.
const MAX_PICTURE_BYTES: usize = 5 << 20;

/// The routes of the interfaces that are switched on.
pub(crate) fn router(app: &App) -> Router<App> {
    let config = &app.config.compat;
    let mut router = Router::new();
    if !config.compreface.is_empty() {
        router = router.route("/api/v1/{*path}", any(compreface::answer));
    }
    if config.rekognition.is_some() {
        router = router.route("/", post(rekognition::answer));
    }
    router
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            MAX_WAIT,
        ))
}

/// Answers for pictures of faces, whose addresses lie among those of our own files.
pub(crate) async fn images(State(app): State<App>, request: Request, next: Next) -> Response {
    let parts: Vec<&str> = request.uri().path().split('/').collect();
    if let ["", "static", key, "images", _] = parts[..]
        && !app.config.compat.compreface.is_empty()
    {
        return compreface::image(&app, key);
    }
    next.run(request).await
}

/// Reads a body to its end and keeps nothing of it: who is cut off while they send hears no answer.
async fn pass_over(body: Body) {
    let mut chunks = body.into_data_stream();
    let mut n_bytes = 0;
    while let Some(Ok(chunk)) = chunks.next().await {
        n_bytes += chunk.len();
        if n_bytes > MAX_BODY_BYTES {
            return;
        }
    }
}

/// A random id as these services write it: `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`.
fn uuid_of(bits: u128) -> String {
    let hex = format!("{bits:032x}");
    let (a, b, c) = (&hex[..8], &hex[8..12], &hex[12..16]);
    format!("{a}-{b}-{c}-{}-{}", &hex[16..20], &hex[20..])
}

/// The bits of such an id, in lower case; nothing for other texts.
fn bits_of(uuid: &str) -> Option<u128> {
    let bits = u128::from_str_radix(&uuid.replace('-', ""), 16).ok()?;
    (uuid_of(bits) == uuid).then_some(bits)
}

/// The face of such an id.
fn face_id(uuid: &str) -> Option<TemplateId> {
    bits_of(uuid).map(TemplateId::from_bits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn other_texts_are_no_ids() {
        for bad in [
            "",
            "0",
            "00000000-0000-0000-0000-00000000000",
            "00000000000000000000000000000000",
            "0000000-00000-0000-0000-000000000000",
            "ABCDEF00-0000-0000-0000-000000000000",
            "+0000000-0000-0000-0000-000000000000",
            "é0000000-0000-0000-0000-00000000000",
        ] {
            assert_eq!(bits_of(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn an_id_comes_back(bits: u128) {
            prop_assert_eq!(bits_of(&uuid_of(bits)), Some(bits));
        }
    }
}
