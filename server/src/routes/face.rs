//! The pages before a camera: somebody in front of a screen enrols by themselves, or shows that they are who they say.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use regard_commitments::{
    AssertionFor, Custody, Language, Presence, RecognitionKind, Refusal, ReleaseText,
};
use regard_domain::ScreenId;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::here::presence;
use super::persons::taken_in;
use crate::app::App;
use crate::extract::{Body, Params, Peer};
use crate::pages::{
    EnrollAnswers, VerifyAnswers, enroll_page, page, privacy_language, verify_page,
};
use crate::problem::Problem;
use crate::tls::Origin;
use crate::wire::persons::EnrolledWire;

/// How old a code may be for enrolling: whoever enrols reads a page and decides, before the screen.
const MAX_AGE_TO_ENROLL: Duration = Duration::from_mins(10);

/// Parameters of the page to enrol.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EnrollParams {
    /// The screen that the visitor stands before.
    #[param(value_type = Option<String>)]
    screen: Option<ScreenId>,
    /// The code on it.
    code: Option<String>,
    /// `en`, `fr`, `de`, `es` or `nl`; left out: what the browser prefers.
    lang: Option<String>,
}

/// Parameters of the page to verify.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct VerifyParams {
    /// The application that wants an assertion.
    audience: Option<String>,
    /// What it sent.
    nonce: Option<String>,
    /// The screen that the visitor stands before, for their wishes to take part in what it shows.
    #[param(value_type = Option<String>)]
    screen: Option<ScreenId>,
    /// The code on it.
    code: Option<String>,
    /// `en`, `fr`, `de`, `es` or `nl`; left out: what the browser prefers.
    lang: Option<String>,
}

/// Somebody in front of a screen who enrols by themselves.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Newcomer {
    /// The screen that they stand before.
    #[schema(value_type = String)]
    screen: ScreenId,
    /// The code on it.
    code: String,
    /// Where their templates are to be, never farther from them than the commitments say.
    #[schema(value_type = Option<String>)]
    custody: Option<Custody>,
}

/// Why a kind of recognition is off.
fn refusal(app: &App, kind: RecognitionKind) -> Option<Refusal> {
    let kinds = app.engine.recognizer().kinds();
    let standing = kinds.into_iter().find(|standing| standing.kind == kind)?;
    standing.refusal
}

/// The release to be signed before a face is measured, in the language of a page; nothing where the law of the place wants none.
pub(super) fn release_in(app: &App, language: Language) -> Option<ReleaseText> {
    let releases = app.engine.custodian().releases();
    releases.into_iter().find(|text| text.language == language)
}

/// Whether the certificate was made here: then browsers warn of it.
fn made_certificate(app: &App) -> bool {
    app.tls
        .as_ref()
        .is_some_and(|tls| tls.origin() == Origin::Own)
}

/// Whether somebody stands before a screen now: its code is fresh.
pub(super) fn stands_there(app: &App, screen: &ScreenId, code: &str) -> Result<(), Problem> {
    match presence(app, screen, code)? {
        Presence::AtScreen { age } if age <= MAX_AGE_TO_ENROLL => Ok(()),
        Presence::AtScreen { .. } | Presence::AtSign => Err(Problem::new(
            StatusCode::GONE,
            "code_expired",
            "to enrol, be in front of the screen now",
        )
        .remedy("scan the code on the screen")),
    }
}

/// The page on which somebody in front of a screen enrols by themselves.
#[utoipa::path(get, path = "/enroll", tag = "pages", params(EnrollParams), responses((status = 200, content_type = "text/html", description = "Page")))]
pub(crate) async fn enroll(
    State(app): State<App>,
    Params(params): Params<EnrollParams>,
    headers: HeaderMap,
) -> Response {
    let at = params.screen.zip(params.code);
    let at = at.filter(|(screen, code)| stands_there(&app, screen, code).is_ok());
    let language = privacy_language(app.engine.notice(), params.lang.as_deref(), &headers);
    let answers = EnrollAnswers {
        notice: app.engine.notice(),
        commitments: app.engine.commitments(),
        at: at.map(|(screen, code)| (screen.to_string(), code)),
        refusal: refusal(&app, RecognitionKind::Enroll),
        release: release_in(&app, language),
        made_certificate: made_certificate(&app),
    };
    page(StatusCode::OK, &enroll_page(answers, language))
}

/// Takes in somebody who stands in front of a screen. They have agreed to nothing yet. The answer holds their token, this once.
#[utoipa::path(
    post, path = "/enroll/persons", tag = "pages", request_body = Newcomer,
    responses((status = 201, body = EnrolledWire), (status = 403, body = Problem), (status = 404, body = Problem), (status = 410, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn newcomer(
    State(app): State<App>,
    Peer(from): Peer,
    headers: HeaderMap,
    Body(new): Body<Newcomer>,
) -> Result<(StatusCode, Json<EnrolledWire>), Problem> {
    stands_there(&app, &new.screen, &new.code)?;
    if !app.newcomers.may_use(&new.screen, from, app.engine.now()) {
        let status = StatusCode::TOO_MANY_REQUESTS;
        let detail = "more people enrolled here within an hour than is believed";
        return Err(Problem::new(status, "too_many_newcomers", detail)
            .remedy("ask the staff, who can enrol you"));
    }
    taken_in(&app, &headers, false, new.custody).await
}

/// The page on which somebody shows that they are whom their face token was made for, also to another application.
#[utoipa::path(get, path = "/verify", tag = "pages", params(VerifyParams), responses((status = 200, content_type = "text/html", description = "Page"), (status = 422, body = Problem)))]
pub(crate) async fn verify(
    State(app): State<App>,
    Params(params): Params<VerifyParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let wanted = params.audience.zip(params.nonce);
    if let Some((audience, nonce)) = &wanted {
        AssertionFor::new(audience, nonce)
            .map_err(|error| Problem::invalid("bad_assertion", error.to_string()))?;
    }
    let answers = VerifyAnswers {
        notice: app.engine.notice(),
        refusal: refusal(&app, RecognitionKind::Verify),
        wanted,
        at: params
            .screen
            .map(|screen| screen.to_string())
            .zip(params.code),
        made_certificate: made_certificate(&app),
    };
    let language = privacy_language(app.engine.notice(), params.lang.as_deref(), &headers);
    Ok(page(StatusCode::OK, &verify_page(answers, language)))
}
