//! Acts of persons who want to be found in a collection of a service.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use regard_commitments::ActKind;
use regard_domain::GalleryId;
use regard_engine::RecognitionError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::extract::{Body, PathOf};
use crate::problem::Problem;

/// How somebody acted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActDone {
    /// qr, button, spot, upload or terminal.
    by: String,
}

/// An act that stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActWire {
    /// Sent with a search of the collection, as `x-regard-act`; good once.
    act: String,
    /// Until when it stands, microseconds since 1970-01-01 in UTC.
    until: i64,
}

/// A device tells that somebody acted: they want to be found in this collection. Good once, for a minute.
#[utoipa::path(
    post, path = "/v1/collections/{id}/acts", tag = "console", request_body = ActDone,
    params(("id" = String, Path, description = "The collection, as its attestation names it")),
    responses((status = 201, body = ActWire), (status = 401, body = Problem), (status = 403, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn act_for_service(
    State(app): State<App>,
    PathOf(id): PathOf<String>,
    Body(done): Body<ActDone>,
) -> Result<(StatusCode, Json<ActWire>), Problem> {
    let collection = GalleryId::new(id)
        .map_err(|error| Problem::invalid("bad_collection", error.to_string()))?;
    let known = ActKind::ALL.iter().find(|kind| kind.as_str() == done.by);
    let kind = known.ok_or_else(|| {
        let names: Vec<&str> = ActKind::ALL.iter().map(|kind| kind.as_str()).collect();
        let detail = format!("by must be one of {}", names.join(", "));
        Problem::invalid("unknown_act", detail)
    })?;
    let act = app.engine.recognizer().act_for_service(&collection, *kind);
    let act = act.await.map_err(|error| match &error {
        RecognitionError::Refused(refusal) => Problem::from(refusal),
        _ => Problem::internal("act_not_taken", &error),
    })?;
    let wire = ActWire {
        act: act.id.to_string(),
        until: act.until.as_micros(),
    };
    Ok((StatusCode::CREATED, Json(wire)))
}
