//! Decisions, reports, facts and outcomes as JSON.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use regard_backends::{DecisionCursor, StoreError};
use regard_commitments::AdminAct;
use regard_decision::{Acceptance, Outcome, OutcomeKind, play_stats};
use regard_domain::{DecisionId, Timestamp};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::access::{Guest, sees_exact_sums};
use crate::app::App;
use crate::extract::{Body, Params, PathOf};
use crate::problem::{Problem, chain};
use crate::wire::{
    self, FactBody, Health, LoggedDecision, NewFact, NewOutcome, OutcomeAnswer, Report,
};

/// Most decisions of one answer.
const MAX_DECISIONS: u32 = 1_000;
const DEFAULT_DECISIONS: u32 = 50;

/// The store failed: not the client's fault, and it may be over soon.
pub(super) fn store_problem(error: &StoreError) -> Problem {
    tracing::error!(error = %chain(error), "store failed");
    let status = StatusCode::SERVICE_UNAVAILABLE;
    Problem::new(
        status,
        "store_unavailable",
        "what is kept cannot be read now",
    )
    .remedy("ask again")
}

/// Which decisions.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DecisionParams {
    /// How many, 1 to 1000; left out: 50.
    limit: Option<u32>,
    /// Go on before this place: `{at_micros}-{id}` of the last decision seen, as in the header `Link`.
    before: Option<String>,
}

/// The newest decisions first, with why; what the audience was like in steps of a tenth. The header `Link` (rel="next") leads to older ones.
#[utoipa::path(
    get, path = "/v1/decisions", tag = "console", params(DecisionParams),
    responses((status = 200, body = Vec<LoggedDecision>), (status = 401, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn decisions(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    OriginalUri(address): OriginalUri,
    Params(params): Params<DecisionParams>,
) -> Result<Response, Problem> {
    let limit = params.limit.unwrap_or(DEFAULT_DECISIONS);
    if !(1..=MAX_DECISIONS).contains(&limit) {
        return Err(Problem::invalid(
            "bad_limit",
            format!("limit is 1 to {MAX_DECISIONS}"),
        ));
    }
    let bad = || Problem::invalid("bad_cursor", "before is \"{at_micros}-{id}\"");
    let before = params
        .before
        .as_deref()
        .map(|text| cursor(text).ok_or_else(bad))
        .transpose()?;
    // Who reads rows, one by one, is on record; in the demonstration there is nobody to name.
    if guest.pass().is_some() {
        app.engine.check_ledger()?;
        let asked = address.to_string();
        app.did(&guest, AdminAct::RowsRead, asked.as_bytes())
            .await?;
    }
    let found = app.engine.store().decisions(limit, before).await;
    let found = found.map_err(|error| store_problem(&error))?;
    let mut headers = HeaderMap::new();
    if let Some(last) = found.last().filter(|_| found.len() == limit as usize) {
        let (at, id) = (last.at.as_micros(), last.id);
        let link = format!("</v1/decisions?limit={limit}&before={at}-{id}>; rel=\"next\"");
        headers.extend(
            HeaderValue::try_from(link)
                .ok()
                .map(|link| (header::LINK, link)),
        );
    }
    let rows = found.iter().map(LoggedDecision::from);
    let body: Vec<LoggedDecision> = rows.map(LoggedDecision::coarsened).collect();
    Ok((headers, Json(body)).into_response())
}

fn cursor(text: &str) -> Option<DecisionCursor> {
    let (at, id) = text.split_once('-')?;
    let at = Timestamp::from_micros(at.parse().ok()?);
    Some(DecisionCursor {
        at,
        id: id.parse::<DecisionId>().ok()?,
    })
}

/// What the messages of the present day of the site did, with 95 % intervals. What was measured of people is for admin and
/// privacy officer; others have it noised, by day, at `/v1/statistics`.
#[utoipa::path(
    get, path = "/v1/report/today", tag = "console",
    responses((status = 200, body = Report), (status = 401, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn report_today(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
) -> Result<Json<Report>, Problem> {
    let report = report(&app).await?;
    Ok(Json(if sees_exact_sums(&guest) {
        report
    } else {
        report.without_people()
    }))
}

/// The report of today.
pub(super) async fn report(app: &App) -> Result<Report, Problem> {
    let (since, now) = (app.engine.day_began_at(), app.engine.now());
    // A play that begins at this very instant belongs to the day too.
    let during = since..now.plus(Duration::from_micros(1));
    let rows = app.engine.store().play_rows(during).await;
    let rows = rows.map_err(|error| store_problem(&error))?;
    Ok(wire::report(since, &play_stats(&rows)))
}

/// How the engine is, and the word it keeps.
#[utoipa::path(get, path = "/v1/health", tag = "console", responses((status = 200, body = Health), (status = 401, body = Problem)))]
pub(crate) async fn health(State(app): State<App>) -> Json<Health> {
    let health = app.engine.health().borrow().clone();
    Json(wire::health(&app, &health))
}

/// The facts that campaigns may ask about, by name.
#[utoipa::path(
    get, path = "/v1/facts", tag = "console",
    responses((status = 200, body = BTreeMap<String, FactBody>), (status = 401, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn facts(
    State(app): State<App>,
) -> Result<Json<BTreeMap<String, FactBody>>, Problem> {
    let facts = app.engine.facts().await?;
    Ok(Json(
        facts
            .into_iter()
            .map(|(name, value)| (name, FactBody { value }))
            .collect(),
    ))
}

/// Sets facts, such as the weather. Facts that are not named stay.
#[utoipa::path(
    put, path = "/v1/facts", tag = "console", request_body = BTreeMap<String, NewFact>,
    responses((status = 204, description = "All are set"), (status = 401, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn set_facts(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    Body(facts): Body<BTreeMap<String, NewFact>>,
) -> Result<StatusCode, Problem> {
    app.engine.check_ledger()?;
    let names = facts.keys().cloned().collect::<Vec<_>>().join("\n");
    let now = app.engine.now();
    if facts.values().any(|fact| fact.ttl_secs == Some(0)) {
        return Err(Problem::invalid("bad_fact", "ttl_secs is at least 1"));
    }
    for (name, fact) in facts {
        let ttl = fact
            .ttl_secs
            .map(|secs| Duration::from_secs(u64::from(secs)));
        app.engine
            .set_fact(name, fact.value, ttl.map(|ttl| now.plus(ttl)))
            .await?;
    }
    app.did(&guest, AdminAct::FactsSet, names.as_bytes())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a fact back.
#[utoipa::path(
    delete, path = "/v1/facts/{name}", tag = "console",
    params(("name" = String, Path, description = "Name of the fact")),
    responses(
        (status = 204, description = "It is gone"), (status = 401, body = Problem),
        (status = 404, body = Problem, description = "There was none"), (status = 503, body = Problem),
    )
)]
pub(crate) async fn forget_fact(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    PathOf(name): PathOf<String>,
) -> Result<StatusCode, Problem> {
    app.engine.check_ledger()?;
    if !app.engine.forget_fact(name.clone()).await? {
        let detail = format!("there is no fact {name:?}");
        return Err(Problem::not_found("no_such_fact", detail));
    }
    app.did(&guest, AdminAct::FactsSet, name.as_bytes()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Something came of a decision: a scan, a conversion, anything of the owner's. Counts once for each key.
#[utoipa::path(
    post, path = "/v1/outcomes", tag = "console", request_body = NewOutcome,
    responses(
        (status = 200, body = OutcomeAnswer, description = "Counted, or came before"),
        (status = 401, body = Problem), (status = 404, body = Problem, description = "No such decision"),
        (status = 409, body = Problem, description = "Too late, or too many"), (status = 422, body = Problem), (status = 503, body = Problem),
    )
)]
pub(crate) async fn outcomes(
    State(app): State<App>,
    Body(body): Body<NewOutcome>,
) -> Result<Json<OutcomeAnswer>, Problem> {
    let kind = OutcomeKind::try_from(body.kind)
        .map_err(|error| Problem::invalid("bad_outcome_kind", error.to_string()))?;
    if kind.is_passive() || kind == OutcomeKind::Objection {
        let detail = "attention_seconds, smile_lift, dwell, negative_lift, turned_away and objection are measured here, not reported";
        return Err(Problem::invalid("bad_outcome_kind", detail));
    }
    let at = app.engine.now();
    let outcome = Outcome {
        decision: body.decision,
        kind,
        value: body.value,
        at,
        key: body.key,
    };
    let conflict = |code, detail| Err(Problem::new(StatusCode::CONFLICT, code, detail));
    match app.engine.outcome(outcome).await? {
        Acceptance::Counted => Ok(Json(OutcomeAnswer {
            acceptance: "counted",
        })),
        Acceptance::Duplicate => Ok(Json(OutcomeAnswer {
            acceptance: "duplicate",
        })),
        Acceptance::Late => conflict("outcome_late", "the window of that decision is closed"),
        Acceptance::Full => conflict(
            "outcomes_full",
            "that decision has as many outcomes as it may",
        ),
        Acceptance::Unknown => Err(Problem::not_found(
            "unknown_decision",
            "no such decision is open",
        )),
        Acceptance::Invalid => Err(Problem::invalid(
            "bad_outcome",
            "value is finite and key 1 to 128 bytes",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back() {
        let id = DecisionId::from_bits(7);
        let text = format!("12-{id}");
        let at = Timestamp::from_micros(12);
        assert_eq!(cursor(&text), Some(DecisionCursor { at, id }));
        for bad in ["", "12", "-", "x-y", "12-7"] {
            assert_eq!(cursor(bad), None, "{bad}");
        }
    }
}
