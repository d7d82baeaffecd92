//! Recognition at the desk of those who run the site: the page of the console, error trade-off curves, attempts of the day, and
//! looking for somebody who asks for it.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use regard_commitments::{ActKind, AdminAct, Custody, Refusal, RefusalCode};
use regard_domain::{GalleryId, PersonId};
use regard_engine::{MAX_ATTEMPTS_TOLD, Recognizer, own_gallery};
use regard_identity::{Rate, TargetRate, Threshold};
use serde::Deserialize;
use utoipa::IntoParams;

use super::plots::ThemeParams;
use super::recognition::{PAGE, known, persons_page, standing_of};
use crate::access::{Guest, may};
use crate::app::App;
use crate::extract::{Body, Params, PathOf};
use crate::pages::{AttemptCount, RecognitionPage, page};
use crate::plots::{self, ErrorPoint};
use crate::problem::Problem;
use crate::wire::recognition::{
    AttemptWire, AttemptsParams, AttemptsWire, CaptureWire, CurveWire, NewDeskSearch, SIZES,
    VERIFY_RATES, rate_of,
};

/// Attempts told where nobody says how many.
const ATTEMPTS: usize = 100;

/// What of the page is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeskParams {
    /// Set to anything: with who enrolled, by random ids; the ledger says that somebody looked.
    persons: Option<String>,
    /// After whom that list begins.
    #[param(value_type = Option<String>)]
    after: Option<PersonId>,
}

fn curve_of(recognizer: &Recognizer) -> CurveWire {
    let config = recognizer.config();
    CurveWire::of(recognizer.scale(), config.verify_fmr, config.identify_fpir)
}

/// Recognition for those who run the site: galleries, who enrolled, error rates, attempts. Works without scripts.
#[utoipa::path(
    get, path = "/console/recognition", tag = "console", params(DeskParams),
    responses((status = 200, content_type = "text/html", description = "Page"), (status = 401, body = Problem), (status = 403, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn recognition_page(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    Params(params): Params<DeskParams>,
) -> Result<Response, Problem> {
    let recognizer = app.engine.recognizer();
    let may_read_rows = may(&guest, "GET", "/v1/persons");
    let persons = if params.persons.is_some() && may_read_rows {
        Some(persons_page(&app, &guest, params.after, PAGE).await?)
    } else {
        None
    };
    // All are counted: those of services, in numbers, push nobody else's out.
    let attempts = recognizer.attempts(usize::MAX).into_iter();
    let attempts: Vec<AttemptWire> = attempts.map(AttemptWire::from).collect();
    let template = RecognitionPage {
        site: app.engine.commitments().document().site.name.clone(),
        standing: standing_of(&app).await,
        curve: curve_of(recognizer),
        counts: AttemptCount::of(&attempts),
        attempts,
        persons,
        may_read_rows,
        may_search: may(&guest, "POST", "/v1/galleries/{gallery}/searches"),
    };
    Ok(page(StatusCode::OK, &template))
}

/// The error trade-off (DET) curve stored with the network, and the operating points of this installation.
#[utoipa::path(
    get, path = "/v1/recognition/curve", tag = "console",
    responses((status = 200, body = CurveWire), (status = 401, body = Problem), (status = 403, body = Problem))
)]
pub(crate) async fn curve(State(app): State<App>) -> Json<CurveWire> {
    Json(curve_of(app.engine.recognizer()))
}

/// What attempts of the last day came to, of nobody in particular.
#[utoipa::path(
    get, path = "/v1/recognition/attempts", tag = "console", params(AttemptsParams),
    responses((status = 200, body = AttemptsWire), (status = 401, body = Problem), (status = 403, body = Problem), (status = 422, body = Problem))
)]
pub(crate) async fn attempts(
    State(app): State<App>,
    Params(params): Params<AttemptsParams>,
) -> Result<Json<AttemptsWire>, Problem> {
    let limit = params.limit.unwrap_or(ATTEMPTS);
    if !(1..=MAX_ATTEMPTS_TOLD).contains(&limit) {
        let detail = format!("limit is 1 to {MAX_ATTEMPTS_TOLD}");
        return Err(Problem::invalid("bad_limit", detail));
    }
    let attempts = app.engine.recognizer().attempts(limit).into_iter();
    Ok(Json(AttemptsWire {
        attempts: attempts.map(AttemptWire::from).collect(),
    }))
}

fn svg(drawn: Result<String, plots::PlotError>) -> Result<Response, Problem> {
    let svg = drawn.map_err(|error| Problem::internal("plot_failed", &error))?;
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], svg).into_response())
}

fn point_of(threshold: &Threshold) -> ErrorPoint {
    ErrorPoint {
        x: threshold.fmr.value,
        missed: threshold.fnmr,
        is_extrapolated: threshold.fmr.is_extrapolated,
    }
}

/// The error trade-off curve of one-to-one comparisons.
#[utoipa::path(
    get, path = "/console/plots/det.svg", tag = "console", params(ThemeParams),
    responses((status = 200, content_type = "image/svg+xml", description = "Plot"), (status = 401, body = Problem), (status = 403, body = Problem))
)]
pub(crate) async fn det_plot(
    State(app): State<App>,
    Params(params): Params<ThemeParams>,
) -> Result<Response, Problem> {
    let (scale, ours) = (
        app.engine.recognizer().scale(),
        app.engine.recognizer().config().verify_fmr,
    );
    let points: Vec<ErrorPoint> = scale.rows().iter().map(point_of).collect();
    let rates = VERIFY_RATES.into_iter().filter_map(TargetRate::new);
    let mut marked: Vec<(ErrorPoint, bool)> = rates
        .map(|rate| (point_of(&scale.threshold(rate)), false))
        .collect();
    marked.push((point_of(&scale.threshold(ours)), true));
    svg(plots::det(&points, &marked, params.theme))
}

/// Searches that miss somebody who is enrolled, over how many are.
#[utoipa::path(
    get, path = "/console/plots/open-set.svg", tag = "console", params(ThemeParams),
    responses((status = 200, content_type = "image/svg+xml", description = "Plot"), (status = 401, body = Problem), (status = 403, body = Problem))
)]
pub(crate) async fn open_set_plot(
    State(app): State<App>,
    Params(params): Params<ThemeParams>,
) -> Result<Response, Problem> {
    let recognizer = app.engine.recognizer();
    let target = recognizer.config().identify_fpir;
    let point = |n_persons: u64| {
        let nobody = regard_identity::SearchAnswer {
            hits: Vec::new(),
            n_persons,
        };
        let decided = recognizer.scale().identify(&nobody, target);
        ErrorPoint {
            x: n_persons as f64,
            missed: Rate {
                is_extrapolated: false,
                ..decided.fnir
            },
            is_extrapolated: decided.fpir.is_extrapolated,
        }
    };
    let points: Vec<ErrorPoint> = SIZES.into_iter().map(point).collect();
    let galleries = recognizer.galleries().await;
    let own = galleries.iter().filter(|one| one.gallery == own_gallery());
    let marked: Vec<(ErrorPoint, bool)> =
        own.map(|one| (point(one.n_persons.max(1)), true)).collect();
    svg(plots::open_set(&points, &marked, params.theme))
}

/// Looks for somebody in the gallery who stands at a desk and asks for it, by photographs of them: an act, with its reason, in
/// the ledger. What is not done: looking for anybody else.
#[utoipa::path(
    post, path = "/v1/galleries/{gallery}/searches", tag = "console", request_body = NewDeskSearch,
    params(("gallery" = String, Path, description = "Name of the gallery: visitors")),
    responses((status = 201, body = CaptureWire), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn search(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    PathOf(gallery): PathOf<GalleryId>,
    Body(new): Body<NewDeskSearch>,
) -> Result<(StatusCode, Json<CaptureWire>), Problem> {
    known(&gallery)?;
    let recognizer = app.engine.recognizer();
    let target = rate_of(new.fpir, recognizer.config().identify_fpir)?;
    if !new.has_asked {
        return Err(Problem::from(&Refusal::new(
            RefusalCode::ActMissing,
            "nobody is looked for who did not ask for it",
            "have the person ask, at the desk, and say so",
        )));
    }
    let act = recognizer.act(ActKind::Upload).await?;
    // Before anybody is looked for: who searches, and why.
    let subject = format!("{}\0{}", act.id, new.reason.as_str());
    app.did(&guest, AdminAct::GallerySearched, subject.as_bytes())
        .await?;
    let begun = recognizer
        .begin_identify(Some(act.id), target, new.mode.into())
        .await?;
    Ok((StatusCode::CREATED, Json(CaptureWire::from(&begun))))
}

/// Where templates of this site are at the farthest.
pub(super) fn custody(app: &App) -> Custody {
    app.engine.commitments().document().custody
}
