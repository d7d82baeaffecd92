//! What leaves the site about people: noised sums over a day.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use regard_commitments::{Date, Detail, UtcText};
use regard_domain::{CameraId, ScreenId, Timestamp};
use regard_engine::StatisticsError;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::api::store_problem;
use crate::app::App;
use crate::extract::{Params, PathOf};
use crate::problem::{Problem, chain};
use crate::wire::{StatisticsBody, StatisticsList};

/// How far back the list goes.
const LISTED: Duration = Duration::from_secs(31 * 86_400);

impl From<StatisticsError> for Problem {
    fn from(error: StatisticsError) -> Self {
        match &error {
            StatisticsError::NotYet { from, .. } => {
                let remedy = format!("ask again from {} on", UtcText::new(*from));
                Self::new(StatusCode::CONFLICT, "day_not_over", error.to_string()).remedy(remedy)
            }
            StatisticsError::NeverReleased { .. } => {
                Self::not_found("never_released", error.to_string())
                    .remedy("GET /v1/statistics lists what was released")
            }
            StatisticsError::Refused(refusal) => Self::from(refusal),
            StatisticsError::Store(error) => store_problem(error),
            StatisticsError::Noise(_) => Self::internal("noise_failed", &error),
            StatisticsError::Unrecorded => {
                tracing::error!(error = %chain(&error), "numbers are held back");
                let status = StatusCode::SERVICE_UNAVAILABLE;
                Self::new(status, "ledger_unavailable", error.to_string())
                    .remedy("make room on the disk, or see in health why not, and ask again")
            }
        }
    }
}

/// In which form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Form {
    /// With what the numbers mean and how far the noise reaches.
    #[default]
    Json,
    /// The numbers as a table.
    Csv,
}

/// How finely, and in which form.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StatisticsParams {
    /// `day` or `hours`; left out: `day`. Each is a release of its own.
    #[param(value_type = Option<String>)]
    detail: Option<Detail>,
    /// `json` or `csv`.
    #[serde(default)]
    #[param(inline)]
    format: Form,
}

/// The screens of each camera.
fn screens(app: &App) -> BTreeMap<CameraId, Vec<ScreenId>> {
    let mut screens: BTreeMap<CameraId, Vec<ScreenId>> = BTreeMap::new();
    for screen in app.engine.screens() {
        if let Ok(Some(camera)) = app.engine.camera_of(&screen) {
            screens.entry(camera).or_default().push(screen);
        }
    }
    screens
}

/// What was told about the days of the last month, and what is left to tell about yesterday.
#[utoipa::path(
    get, path = "/v1/statistics", tag = "console",
    responses((status = 200, body = StatisticsList), (status = 401, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn list(State(app): State<App>) -> Result<Json<StatisticsList>, Problem> {
    let statistician = app.engine.statistician();
    let budget = statistician.budget().await;
    let budget = budget.map_err(|error| store_problem(&error))?;
    let now = app.engine.now().as_micros();
    let from = now.saturating_sub(i64::try_from(LISTED.as_micros()).unwrap_or(i64::MAX));
    let releases = match Date::of(Timestamp::from_micros(from)) {
        Some(from) => statistician.released_since(from).await,
        None => Ok(Vec::new()),
    };
    let releases = releases.map_err(|error| store_problem(&error))?;
    Ok(Json(StatisticsList::of(budget, &releases)))
}

/// Noised sums over one day: visits, looks, seconds, expressions. Made once, paid from the privacy budget of that day, and the
/// same ever after.
#[utoipa::path(
    get, path = "/v1/statistics/{day}", tag = "console",
    params(("day" = String, Path, description = "Day of the site, as 2026-01-31"), StatisticsParams),
    responses(
        (status = 200, body = StatisticsBody, description = "As JSON, or with `format=csv` as text/csv"),
        (status = 401, body = Problem),
        (status = 403, body = Problem, description = "`privacy_budget_spent`, `purpose_not_promised`"),
        (status = 404, body = Problem, description = "Never released, and too long ago"),
        (status = 409, body = Problem, description = "The day is not over"), (status = 503, body = Problem),
    )
)]
pub(crate) async fn of_day(
    State(app): State<App>,
    PathOf(day): PathOf<Date>,
    Params(params): Params<StatisticsParams>,
) -> Result<Response, Problem> {
    let detail = params.detail.unwrap_or(Detail::Day);
    let release = app.engine.statistician().release(day, detail).await?;
    Ok(match params.format {
        Form::Json => Json(StatisticsBody::of(&release, &screens(&app))).into_response(),
        Form::Csv => {
            let kind = "text/csv; charset=utf-8; header=present";
            let name = format!("attachment; filename=\"statistics-{day}-{detail}.csv\"");
            let headers = [
                (header::CONTENT_TYPE, kind.to_owned()),
                (header::CONTENT_DISPOSITION, name),
            ];
            (headers, release.to_csv()).into_response()
        }
    })
}
