//! Plots of the console.

use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use regard_domain::{CameraId, Timestamp};
use serde::Deserialize;
use utoipa::IntoParams;

use super::api::report;
use crate::app::App;
use crate::extract::Params;
use crate::plots::{self, Curve, Theme};
use crate::problem::Problem;

/// The engine keeps a quarter of an hour.
const MAX_MINUTES: u32 = 15;
const DEFAULT_MINUTES: u32 = 5;

/// What of which camera, in which colours.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CurveParams {
    /// Id of the camera; left out: the first.
    camera: Option<String>,
    /// How far back, 1 to 15; left out: 5.
    minutes: Option<u32>,
    /// `light` or `dark`.
    #[serde(default)]
    #[param(inline)]
    theme: Theme,
    /// Anything, to get past caches.
    #[serde(rename = "at")]
    _at: Option<String>,
}

/// Colours only.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ThemeParams {
    /// `light` or `dark`.
    #[serde(default)]
    #[param(inline)]
    pub(super) theme: Theme,
    /// Anything, to get past caches.
    #[serde(rename = "at")]
    _at: Option<String>,
}

fn curve(app: &App, params: &CurveParams) -> Result<Curve, Problem> {
    let minutes = params.minutes.unwrap_or(DEFAULT_MINUTES);
    if !(1..=MAX_MINUTES).contains(&minutes) {
        return Err(Problem::invalid(
            "bad_minutes",
            format!("minutes is 1 to {MAX_MINUTES}"),
        ));
    }
    let no_camera = |detail: String| Problem::not_found("unknown_camera", detail);
    let camera = match &params.camera {
        Some(text) => CameraId::new(text.as_str()).map_err(|error| no_camera(error.to_string()))?,
        None => {
            let first = app.engine.cameras().into_iter().next();
            first.ok_or_else(|| no_camera("there is no camera".to_owned()))?
        }
    };
    let now = app.engine.now();
    let span = Duration::from_secs(u64::from(minutes) * 60);
    let since = Timestamp::from_micros(now.as_micros() - span.as_micros() as i64);
    Ok(Curve {
        points: app.engine.history(&camera, since)?,
        now,
        minutes,
    })
}

pub(super) fn drawing(svg: Result<String, plots::PlotError>) -> Result<Response, Problem> {
    let svg = svg.map_err(|error| Problem::internal("plot_failed", &error))?;
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], svg).into_response())
}

/// Attention and visitors over the last minutes.
#[utoipa::path(
    get, path = "/console/plots/attention.svg", tag = "console", params(CurveParams),
    responses((status = 200, content_type = "image/svg+xml", description = "Plot"), (status = 401, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub(crate) async fn attention_plot(
    State(app): State<App>,
    Params(params): Params<CurveParams>,
) -> Result<Response, Problem> {
    drawing(plots::attention(&curve(&app, &params)?, params.theme))
}

/// What faces showed over the last minutes.
#[utoipa::path(
    get, path = "/console/plots/expression.svg", tag = "console", params(CurveParams),
    responses((status = 200, content_type = "image/svg+xml", description = "Plot"), (status = 401, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub(crate) async fn expression_plot(
    State(app): State<App>,
    Params(params): Params<CurveParams>,
) -> Result<Response, Problem> {
    drawing(plots::expression(&curve(&app, &params)?, params.theme))
}

/// Attention a play of each message of today, with intervals.
#[utoipa::path(
    get, path = "/console/plots/messages.svg", tag = "console", params(ThemeParams),
    responses((status = 200, content_type = "image/svg+xml", description = "Plot"), (status = 401, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn messages_plot(
    State(app): State<App>,
    Params(params): Params<ThemeParams>,
) -> Result<Response, Problem> {
    drawing(plots::messages(&report(&app).await?.rows, params.theme))
}
