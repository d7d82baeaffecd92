//! Studies, for those who make them.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use regard_commitments::AdminAct;
use regard_domain::StudyId;
use regard_engine::{INVITATION_PERIOD, StudyError, StudyReport};
use regard_evaluation::{StudyPlan, StudyPriors};
use regard_reports::StudyPaper;
use serde::Deserialize;
use utoipa::IntoParams;

use super::pages::public_base;
use super::reports::report_page;
use crate::access::{Guest, sees_exact_sums};
use crate::app::App;
use crate::extract::{Body, Params, PathOf};
use crate::pages::{StudiesPage, page};
use crate::problem::{Problem, chain};
use crate::wire::studies::{InvitationLinks, NewInvitations, StudyLine};

const DAY: Duration = Duration::from_secs(86_400);

impl From<StudyError> for Problem {
    fn from(error: StudyError) -> Self {
        let (said, unavailable) = (error.to_string(), StatusCode::SERVICE_UNAVAILABLE);
        match error {
            StudyError::Refused(refusal) => Self::from(&refusal),
            StudyError::Custody(error) => error.into(),
            StudyError::Looking(error) => error.into(),
            StudyError::Store(error) => {
                tracing::error!(error = %chain(&error), "store failed");
                Self::new(unavailable, "store_unavailable", said).remedy("ask again")
            }
            StudyError::Plan(faults) => {
                let mistakes = faults.iter().map(ToString::to_string).collect();
                Self {
                    mistakes,
                    ..Self::invalid("bad_plan", said).remedy("mend each, and send it again")
                }
            }
            StudyError::Unknown(_) => Self::not_found("unknown_study", said),
            StudyError::Exists(_) => Self::new(StatusCode::CONFLICT, "study_exists", said)
                .remedy("take another id: a study that people took part in is not changed"),
            StudyError::Closed(_) => Self::new(StatusCode::CONFLICT, "study_closed", said),
            StudyError::TooMany => Self::new(StatusCode::CONFLICT, "too_many_studies", said),
            StudyError::Invitations { .. } => Self::invalid("bad_number", said),
            StudyError::BadInvitation => Self::new(StatusCode::GONE, "invitation_not_good", said)
                .remedy("ask whoever invited you for another link"),
            StudyError::UnknownSitting => Self::not_found("unknown_sitting", said),
            StudyError::Busy => {
                Self::new(unavailable, "busy", said).remedy("come again in some minutes")
            }
            StudyError::OutOfTurn => Self::new(StatusCode::CONFLICT, "out_of_turn", said),
            StudyError::Answer(_) => Self::invalid("bad_answer", said),
            StudyError::Damaged(_) => Self::internal("study_damaged", &error),
            StudyError::Ended => Self::internal("report_failed", &error),
        }
    }
}

/// The page of the studies.
#[utoipa::path(
    get, path = "/console/studies", tag = "console",
    responses((status = 200, content_type = "text/html", description = "Page"), (status = 401, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn studies_page(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
) -> Result<Response, Problem> {
    let notes = app.engine.studies().list().await?;
    let template = StudiesPage {
        site: app.engine.commitments().document().site.name.clone(),
        studies: notes.iter().map(StudyLine::from).collect(),
        refusal: app.engine.studies().refusal(),
        may_read: sees_exact_sums(&guest),
    };
    Ok(page(StatusCode::OK, &template))
}

/// The studies.
#[utoipa::path(
    get, path = "/v1/studies", tag = "console",
    responses((status = 200, body = Vec<StudyLine>), (status = 401, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn list(State(app): State<App>) -> Result<Json<Vec<StudyLine>>, Problem> {
    let notes = app.engine.studies().list().await?;
    Ok(Json(notes.iter().map(StudyLine::from).collect()))
}

/// Sets a study up. Its plan is that of `regard study new`, as JSON.
#[utoipa::path(
    post, path = "/v1/studies", tag = "console", request_body = serde_json::Value,
    responses((status = 201, body = StudyLine), (status = 401, body = Problem), (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn make(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    Body(plan): Body<StudyPlan>,
) -> Result<(StatusCode, Json<StudyLine>), Problem> {
    app.engine.check_ledger()?;
    app.engine.studies().make(&plan).await?;
    let sent = serde_json::to_vec(&plan).unwrap_or_default();
    app.did(&guest, AdminAct::StudyMade, &sent).await?;
    let note = app.engine.studies().study(&plan.id).await?;
    Ok((StatusCode::CREATED, Json(StudyLine::from(&note))))
}

/// A study as it stands, with its plan.
#[utoipa::path(
    get, path = "/v1/studies/{study}", tag = "console",
    params(("study" = String, Path, description = "Its name")),
    responses((status = 200, body = serde_json::Value), (status = 401, body = Problem), (status = 404, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn study(
    State(app): State<App>,
    PathOf(study): PathOf<StudyId>,
) -> Result<Json<serde_json::Value>, Problem> {
    let note = app.engine.studies().study(&study).await?;
    let line = StudyLine::from(&note);
    Ok(Json(
        serde_json::json!({ "study": line, "plan": note.plan }),
    ))
}

/// Invites participants: links, shown this once, each good once. The site keeps their hashes.
#[utoipa::path(
    post, path = "/v1/studies/{study}/invitations", tag = "console", request_body = NewInvitations,
    params(("study" = String, Path, description = "Its name")),
    responses((status = 201, body = InvitationLinks), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn invite(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    PathOf(study): PathOf<StudyId>,
    headers: HeaderMap,
    Body(new): Body<NewInvitations>,
) -> Result<(StatusCode, Json<InvitationLinks>), Problem> {
    app.engine.check_ledger()?;
    let good_for = new.days.map_or(INVITATION_PERIOD, |days| DAY * days.max(1));
    let made = app.engine.studies().invite(&study, new.n, good_for).await?;
    app.did(&guest, AdminAct::StudyInvited, study.as_str().as_bytes())
        .await?;
    let base = public_base(&app, &headers);
    let links = made
        .iter()
        .map(|one| format!("{base}/study/{}", one.reveal().as_str()));
    let links = InvitationLinks {
        links: links.collect(),
    };
    Ok((StatusCode::CREATED, Json(links)))
}

/// Closes a study: nobody sits down any more. Its report stays.
#[utoipa::path(
    post, path = "/v1/studies/{study}/close", tag = "console",
    params(("study" = String, Path, description = "Its name")),
    responses((status = 204, description = "Closed"), (status = 401, body = Problem), (status = 404, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn close(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    PathOf(study): PathOf<StudyId>,
) -> Result<StatusCode, Problem> {
    app.engine.check_ledger()?;
    app.engine.studies().close(&study).await?;
    app.did(&guest, AdminAct::StudyClosed, study.as_str().as_bytes())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// In which form.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct StudyReportParams {
    /// `json`, `html` or `pdf`; left out: json.
    format: Option<String>,
}

/// A study added up over the participants whose consent holds now; nothing of fewer than the plan says. Movements of a fraction of
/// a second are in the page and the paper, as bands over participants, and never in the JSON.
#[utoipa::path(
    get, path = "/v1/studies/{study}/report", tag = "console",
    params(("study" = String, Path, description = "Its name"), StudyReportParams),
    responses((status = 200, body = serde_json::Value, description = "In the form asked for"), (status = 401, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn report(
    State(app): State<App>,
    PathOf(study): PathOf<StudyId>,
    Params(params): Params<StudyReportParams>,
) -> Result<Response, Problem> {
    let format = params.format.as_deref().unwrap_or("json");
    if !["json", "html", "pdf"].contains(&format) {
        return Err(Problem::invalid("bad_format", "json, html or pdf"));
    }
    let report = app.engine.studies().report(&study, format != "json");
    let report = report.await?;
    let site = &app.engine.commitments().document().site.name;
    let paper = paper_of(site, &report);
    Ok(match format {
        "json" => Json(&report.result).into_response(),
        "html" => report_page(paper.to_html()),
        _ => {
            let pdf = paper.to_pdf().map_err(|why| {
                tracing::error!(why, "a report could not be laid out");
                Problem::invalid("no_pdf", why)
            })?;
            ([(header::CONTENT_TYPE, "application/pdf")], pdf).into_response()
        }
    })
}

fn paper_of<'a>(site: &'a str, report: &'a StudyReport) -> StudyPaper<'a> {
    StudyPaper {
        site,
        result: &report.result,
        movements: report.movements.as_ref(),
        refused_movements: &report.refused_movements,
    }
}

/// What a campaign may begin with: stated liking over at least five participants a message, rounded. `policy_state` is what
/// `regard learned import` reads.
#[utoipa::path(
    get, path = "/v1/studies/{study}/priors", tag = "console",
    params(("study" = String, Path, description = "Its name")),
    responses((status = 200, body = serde_json::Value), (status = 401, body = Problem), (status = 404, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn priors(
    State(app): State<App>,
    PathOf(study): PathOf<StudyId>,
) -> Result<Json<serde_json::Value>, Problem> {
    let report = app.engine.studies().report(&study, false).await?;
    let priors = StudyPriors::of(&report.result);
    let state = priors.to_policy_state();
    Ok(Json(
        serde_json::json!({ "study": study, "priors": priors, "policy_state": state }),
    ))
}
