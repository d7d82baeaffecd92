//! What a person takes away from their own page as files.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use regard_commitments::ErasureProof;
use serde::Serialize;

use super::own::behind;
use crate::access::Own;
use crate::app::App;
use crate::problem::Problem;

/// JSON to be kept as a file.
fn file(name: &str, value: &impl Serialize) -> Result<Response, Problem> {
    let text = serde_json::to_string_pretty(value);
    let text = text.map_err(|error| Problem::internal("not_written", &error))?;
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers: [(HeaderName, String); 2] = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, text).into_response())
}

fn no_page() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "no_page_open",
        "no page of a person is open in this browser",
    )
    .remedy("open it at /me with the token")
}

/// Everything that is held about the person whose page is open, as a file (GDPR 15 and 20).
#[utoipa::path(get, path = "/me/record.json", tag = "person", responses((status = 200, body = serde_json::Value), (status = 401, body = Problem), (status = 503, body = Problem)))]
pub(crate) async fn record(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let held = behind(&app, &headers).await?.held.ok_or_else(no_page)?;
    file("regard-record.json", &held)
}

/// The proof of the erasure that was asked for on the open page, as a file.
#[utoipa::path(get, path = "/me/proof.json", tag = "person", responses((status = 200, body = serde_json::Value), (status = 401, body = Problem)))]
pub(crate) async fn proof(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let opened = app.access.own.of(&headers, app.engine.now());
    let proof: &ErasureProof = match &opened {
        Some((_, Own::Erased(proof))) => proof,
        Some((_, Own::Record(_))) | None => return Err(no_page()),
    };
    file("regard-erasure-proof.json", proof)
}
