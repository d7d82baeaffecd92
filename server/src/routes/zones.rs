//! Zones drawn out of a camera's picture, as JSON.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use regard_commitments::AdminAct;
use regard_domain::{CameraId, Zone};
use regard_engine::ZonesError;

use crate::access::Guest;
use crate::app::App;
use crate::extract::{Body, PathOf};
use crate::problem::Problem;
use crate::wire::zones::{ZonesBody, ZonesWanted};

impl From<ZonesError> for Problem {
    fn from(error: ZonesError) -> Self {
        let text = error.to_string();
        match error {
            ZonesError::Engine(error) => Self::from(error),
            ZonesError::Changed { .. } => Self::new(StatusCode::CONFLICT, "zones_changed", text)
                .remedy("read them again and draw on those"),
            ZonesError::TooMany(_) => Self::invalid("too_many_zones", text)
                .remedy("join zones that lie beside each other into one shape"),
        }
    }
}

/// The zones of a camera that are never looked at.
#[utoipa::path(
    get, path = "/v1/cameras/{id}/zones", tag = "console",
    params(("id" = String, Path, description = "Id of the camera")),
    responses((status = 200, body = ZonesBody), (status = 401, body = Problem), (status = 404, body = Problem))
)]
pub(crate) async fn zones(
    State(app): State<App>,
    PathOf(id): PathOf<CameraId>,
) -> Result<Json<ZonesBody>, Problem> {
    Ok(Json(ZonesBody::of(&*app.engine.zones(&id)?)))
}

/// Draws zones out of a camera's picture, in place of those before: they are painted over before anything looks, from the
/// next frame on and after every restart. Each change is an act in the ledger.
#[utoipa::path(
    put, path = "/v1/cameras/{id}/zones", tag = "console", request_body = ZonesWanted,
    params(("id" = String, Path, description = "Id of the camera")),
    responses(
        (status = 200, body = ZonesBody), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem, description = "Changed meanwhile"), (status = 422, body = Problem), (status = 503, body = Problem)
    )
)]
pub(crate) async fn set_zones(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    PathOf(id): PathOf<CameraId>,
    Body(wanted): Body<ZonesWanted>,
) -> Result<Json<ZonesBody>, Problem> {
    app.engine.check_ledger()?;
    let mut zones = Vec::with_capacity(wanted.zones.len().min(regard_engine::MAX_ZONES));
    for (place, corners) in wanted.zones.into_iter().enumerate() {
        let zone = Zone::new(corners).map_err(|error| {
            Problem::invalid("bad_zone", format!("zone {}: {error}", place + 1))
                .remedy("give corners as [x, y] in thousandths of the picture's width and height")
        })?;
        zones.push(zone);
    }
    let drawn = app.engine.set_zones(&id, zones, wanted.based_on).await?;
    let body = ZonesBody::of(&drawn);
    // Random ids only, and where nobody is looked at: the ledger keeps the hash of it.
    let said = serde_json::to_vec(&(id.as_str(), &body)).unwrap_or_default();
    app.did(&guest, AdminAct::ZonesChanged, &said).await?;
    Ok(Json(body))
}
