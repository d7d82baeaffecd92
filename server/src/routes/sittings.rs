//! Studies, for those who take part: the page behind an invitation, pictures of their own camera, answers.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use regard_commitments::Language;
use regard_domain::SittingId;
use regard_engine::{Participant, StudyError};
use serde::Deserialize;
use utoipa::IntoParams;

use super::frames::{MAX_FRAME_BYTES, bad_frame, heard, timed_jpeg};
use crate::app::App;
use crate::extract::{Body, Params, PathOf};
use crate::pages::{StudyAnswers, language_of, page, privacy_language, study_page};
use crate::problem::Problem;
use crate::qr;
use crate::wire;
use crate::wire::studies::{
    GotUp, MarkWire, NewAnswers, NewSitting, QuestionWire, SeatedWire, SeenWire, message_of,
};

/// How long a camera may say nothing before it loses its place: longer than anybody reads a page of a study.
const MAX_SILENCE: Duration = Duration::from_secs(600);

/// Longest text of a mark.
const MAX_MARK_BYTES: usize = 512;

/// Parameters of the page of a study.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StudyPageParams {
    /// `en`, `fr`, `de`, `es` or `nl`; left out: what the browser prefers.
    lang: Option<String>,
}

/// The page behind an invitation. Opening it uses nothing up.
#[utoipa::path(
    get, path = "/study/{token}", tag = "pages", params(("token" = String, Path, description = "The invitation"), StudyPageParams),
    responses((status = 200, content_type = "text/html", description = "Page"), (status = 410, content_type = "text/html", description = "The invitation is not good, or not any more"))
)]
pub(crate) async fn study(
    State(app): State<App>,
    PathOf(token): PathOf<String>,
    Params(params): Params<StudyPageParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let language = privacy_language(app.engine.notice(), params.lang.as_deref(), &headers);
    let plan = match app.engine.studies().invited(&token).await {
        Ok(plan) => Some(plan),
        Err(StudyError::BadInvitation) => None,
        Err(error) => return Err(error.into()),
    };
    let status = if plan.is_some() {
        StatusCode::OK
    } else {
        StatusCode::GONE
    };
    let answers = StudyAnswers {
        notice: app.engine.notice(),
        commitments: app.engine.commitments(),
        plan: plan.as_ref(),
        invitation: &token,
        refusal: app.engine.studies().refusal(),
    };
    Ok(page(status, &study_page(answers, language)))
}

/// Somebody who was invited agrees and sits down. Their consent is in the ledger when this is answered; the invitation is used up.
#[utoipa::path(
    post, path = "/v1/sittings", tag = "open", request_body = NewSitting,
    responses((status = 201, body = SeatedWire), (status = 403, body = Problem), (status = 410, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn sit_down(
    State(app): State<App>,
    Body(new): Body<NewSitting>,
) -> Result<(StatusCode, Json<SeatedWire>), Problem> {
    let who = Participant {
        agrees: new.agrees,
        is_adult: new.is_adult,
    };
    let seated = app.engine.studies().sit_down(&new.invitation, who).await?;
    let language = new
        .language
        .as_deref()
        .and_then(language_of)
        .unwrap_or(Language::En)
        .tag();
    let mut creatives = Vec::with_capacity(seated.order.len());
    for stimulus in seated
        .order
        .iter()
        .filter_map(|id| seated.plan.stimulus(id))
    {
        creatives.push(wire::creative(&app, None, &message_of(stimulus)).await);
    }
    let token = seated.token.reveal();
    let wire = SeatedWire {
        sitting: seated.sitting.to_string(),
        token_qr_svg: qr::svg(&token).unwrap_or_default(),
        token: token.to_string(),
        receipt: seated.receipt.as_str().to_owned(),
        until: seated.until.as_micros(),
        rest_millis: seated.plan.rest_millis,
        wants_movements: seated.plan.movements.is_some(),
        creatives,
        questions: seated
            .plan
            .questions
            .iter()
            .map(|question| QuestionWire::new(question, language))
            .collect(),
    };
    Ok((StatusCode::CREATED, Json(wire)))
}

/// The camera of a participant. Binary messages: when the frame was taken (f64, little-endian, milliseconds by any clock that goes
/// on) and a JPEG; looked at in memory and gone. Text messages: `{"mark": "check" | "checked" | "rest" | "message" | "end",
/// "creative": …, "at": milliseconds by the same clock}`. Each is answered by one text message: what was seen, or a problem.
#[utoipa::path(
    get, path = "/v1/sittings/{id}/frames", tag = "open",
    params(("id" = String, Path, description = "The sitting")),
    responses((status = 101, description = "WebSocket"), (status = 404, body = Problem))
)]
pub(crate) async fn frames(
    State(app): State<App>,
    PathOf(id): PathOf<SittingId>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    if !app.engine.studies().goes_on(id) {
        return Err(StudyError::UnknownSitting.into());
    }
    let upgrade = upgrade
        .max_message_size(MAX_FRAME_BYTES)
        .max_frame_size(MAX_FRAME_BYTES);
    Ok(upgrade.on_upgrade(move |socket| take_messages(app, id, socket)))
}

async fn take_messages(app: App, id: SittingId, mut socket: WebSocket) {
    let over = app.ended();
    let mut over = std::pin::pin!(over);
    loop {
        let heard = tokio::time::timeout(MAX_SILENCE, heard(&mut socket, &mut over));
        let Ok(Some(message)) = heard.await else {
            return;
        };
        let answer = match message {
            Message::Binary(bytes) => take(&app, id, &bytes).await,
            Message::Text(text) => mark(&app, id, text.as_str()).await,
            Message::Close(_) => return,
            Message::Ping(_) | Message::Pong(_) => continue,
        };
        let (answer, is_over) = match answer {
            Ok(seen) => (serde_json::to_string(&seen).unwrap_or_default(), false),
            Err(problem) => (
                serde_json::to_string(&problem).unwrap_or_default(),
                problem.code == "unknown_sitting",
            ),
        };
        let sent = socket.send(Message::Text(Utf8Bytes::from(answer))).await;
        if sent.is_err() || is_over {
            return;
        }
    }
}

async fn take(app: &App, id: SittingId, message: &[u8]) -> Result<SeenWire, Problem> {
    let (millis, jpeg) = timed_jpeg(message).ok_or_else(bad_frame)?;
    let seen = app
        .engine
        .studies()
        .picture(id, jpeg.to_vec(), millis)
        .await?;
    Ok(seen.into())
}

async fn mark(app: &App, id: SittingId, text: &str) -> Result<SeenWire, Problem> {
    let bad = || {
        Problem::invalid(
            "bad_mark",
            "a mark is JSON with mark, creative where it is a message, and at",
        )
    };
    if text.len() > MAX_MARK_BYTES {
        return Err(bad());
    }
    let wire: MarkWire = serde_json::from_str(text).map_err(|_| bad())?;
    let mark = wire.to_mark().ok_or_else(bad)?;
    Ok(app.engine.studies().mark(id, mark, wire.at).await?.into())
}

/// Takes down what a participant answered about a message that was shown to them.
#[utoipa::path(
    post, path = "/v1/sittings/{id}/answers", tag = "open", request_body = NewAnswers,
    params(("id" = String, Path, description = "The sitting")),
    responses((status = 204, description = "Taken down"), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem))
)]
pub(crate) async fn answers(
    State(app): State<App>,
    PathOf(id): PathOf<SittingId>,
    Body(new): Body<NewAnswers>,
) -> Result<StatusCode, Problem> {
    app.engine
        .studies()
        .answer(id, &new.creative, new.answers)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The participant gets up: what was measured and answered is sealed under their key.
#[utoipa::path(
    post, path = "/v1/sittings/{id}/end", tag = "open",
    params(("id" = String, Path, description = "The sitting")),
    responses((status = 200, body = GotUp), (status = 404, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn end(
    State(app): State<App>,
    PathOf(id): PathOf<SittingId>,
) -> Result<Json<GotUp>, Problem> {
    let is_kept = app.engine.studies().get_up(id).await?;
    Ok(Json(GotUp { is_kept }))
}

/// Ends a sitting without anything being kept of it.
#[utoipa::path(
    delete, path = "/v1/sittings/{id}", tag = "open",
    params(("id" = String, Path, description = "The sitting")),
    responses((status = 204, description = "Nothing is left of it"))
)]
pub(crate) async fn give_up(State(app): State<App>, PathOf(id): PathOf<SittingId>) -> StatusCode {
    app.engine.studies().give_up(id);
    StatusCode::NO_CONTENT
}
