//! For programs that watch and describe the server.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::OpenApi;

use crate::app::App;
use crate::metrics;
use crate::problem::Problem;
use crate::wire;

/// Whether the engine runs and records.
#[derive(Serialize, ToSchema)]
pub(crate) struct Healthz {
    /// `ok` or `degraded`.
    status: &'static str,
}

/// 200 while the engine runs and records, 503 when rows or ledger cannot be written.
#[utoipa::path(get, path = "/healthz", tag = "open", responses((status = 200, body = Healthz), (status = 503, body = Healthz)))]
pub(crate) async fn healthz(State(app): State<App>) -> (StatusCode, Json<Healthz>) {
    let health = app.engine.health().borrow().clone();
    if wire::health(&app, &health).is_sound() {
        (StatusCode::OK, Json(Healthz { status: "ok" }))
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            Json(Healthz { status: "degraded" }),
        )
    }
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "open", responses((status = 200, body = serde_json::Value)))]
pub(crate) async fn openapi(Extension(document): Extension<Arc<OpenApi>>) -> Json<OpenApi> {
    Json(OpenApi::clone(&document))
}

/// Counters in the OpenMetrics text format. Nothing in them is about single people.
#[utoipa::path(
    get, path = "/metrics", tag = "console",
    responses((status = 200, content_type = "application/openmetrics-text", description = "Text"), (status = 401, body = Problem))
)]
pub(crate) async fn metrics(State(app): State<App>) -> Result<Response, Problem> {
    let resident_bytes = app.engine.health().borrow().resident_bytes;
    let text = metrics::text(app.engine.metrics(), resident_bytes)
        .map_err(|error| Problem::internal("metrics_failed", &error))?;
    Ok(([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response())
}
