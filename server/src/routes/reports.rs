//! Reports of plays: by message, screen, slot, hour or segment, in every form.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use regard_backends::StoreError;
use regard_domain::Timestamp;
use regard_reports::{Grouping, PlayTable};
use serde::Deserialize;
use utoipa::IntoParams;

use super::api::store_problem;
use crate::access::{Guest, sees_exact_sums};
use crate::app::App;
use crate::csp;
use crate::extract::Params;
use crate::plays::report_plays;
use crate::problem::Problem;

/// Longest span of one report: a quarter, of which a screen has some 800 000 plays.
const MAX_SPAN_MICROS: i64 = 92 * 86_400 * 1_000_000;

/// By what, of when, and in which form.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReportParams {
    /// `message`, `screen`, `slot`, `hour` or `segment`; left out: message.
    by: Option<String>,
    /// `json`, `csv`, `html`, `pdf` or `svg`; left out: json.
    format: Option<String>,
    /// Plays that began at or after this, in microseconds since 1970-01-01 in UTC; left out: since the present day began.
    from_micros: Option<i64>,
    /// Plays that began before this; left out: now.
    to_micros: Option<i64>,
    /// `false` leaves out what was measured of people: that may leave the site as it is.
    people: Option<bool>,
}

/// Plays with opportunity to see, likelihood to see, dwell, attention, lift, scans and conversions, each with its interval of 95 %.
/// What was measured of people is for admin and privacy officer; others get what counts screens.
#[utoipa::path(
    get, path = "/v1/reports/plays", tag = "console", params(ReportParams),
    responses((status = 200, body = serde_json::Value, description = "In the form asked for"), (status = 401, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn plays(
    State(app): State<App>,
    axum::Extension(guest): axum::Extension<Guest>,
    Params(params): Params<ReportParams>,
) -> Result<Response, Problem> {
    let by = params.by.as_deref().unwrap_or("message");
    let by: Grouping = by
        .parse()
        .map_err(|why: String| Problem::invalid("bad_grouping", why))?;
    let from = params
        .from_micros
        .unwrap_or_else(|| app.engine.day_began_at().as_micros());
    // A play that begins at this very instant belongs to it too.
    let to = params.to_micros.unwrap_or(app.engine.now().as_micros() + 1);
    if !(0..=MAX_SPAN_MICROS).contains(&to.saturating_sub(from)) {
        return Err(Problem::invalid(
            "bad_span",
            "a report is of 92 days at most",
        ));
    }
    let during = Timestamp::from_micros(from)..Timestamp::from_micros(to);
    let store = app.engine.store();
    let read = async {
        let plays = store.plays_since(None, during.start).await?;
        let decisions = store.decisions_since(during.start).await?;
        let outcomes = store.outcomes_since(during.start).await?;
        Ok::<_, StoreError>((plays, decisions, outcomes))
    };
    let (plays, decisions, outcomes) = read.await.map_err(|error| store_problem(&error))?;
    let rows = report_plays(&plays, &decisions, &outcomes, &during);
    let span = (
        crate::plays::in_words(during.start),
        crate::plays::in_words(during.end),
    );
    let mut table = PlayTable::new(&rows, by, span);
    if !sees_exact_sums(&guest) || params.people == Some(false) {
        table = table.without_people();
    }
    let site = app.engine.commitments().document().site.name.clone();
    let typed =
        |kind: &'static str, body: Vec<u8>| ([(header::CONTENT_TYPE, kind)], body).into_response();
    Ok(match params.format.as_deref().unwrap_or("json") {
        "json" => Json(table).into_response(),
        "csv" => typed(
            "text/csv; charset=utf-8; header=present",
            table.to_csv().into_bytes(),
        ),
        "html" => report_page(table.to_html(&site)),
        "svg" => typed("image/svg+xml", table.to_svg().into_bytes()),
        "pdf" => {
            let pdf = table.to_pdf(&site).map_err(|why| {
                tracing::error!(why, "a report could not be laid out");
                Problem::invalid("no_pdf", why)
            })?;
            typed("application/pdf", pdf)
        }
        _ => {
            return Err(Problem::invalid(
                "bad_format",
                "json, csv, html, pdf or svg",
            ));
        }
    })
}

/// A report as a page that brings its own styles.
pub(super) fn report_page(html: String) -> Response {
    let head = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, csp::REPORT),
    ];
    (head, html).into_response()
}
