//! Goes at being enrolled, verified or identified: how they begin, the pictures of them, and what they come to.

use std::sync::Arc;

use axum::Json;
use axum::extract::multipart::{Field, MultipartRejection};
use axum::extract::{Multipart, State};
use axum::http::{HeaderMap, StatusCode, header};
use regard_commitments::AssertionFor;
use regard_domain::{PersonId, ScreenId, Timestamp};
use regard_engine::{CaptureId, CaptureOutcome, Claim, MAX_PICTURE_BYTES, Visitor};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::face::stands_there;
use crate::app::App;
use crate::extract::{Body, Params, PathOf, Peer};
use crate::person_auth::{PersonOf, SCHEME, Unproven, check_acts, proven};
use crate::problem::Problem;
use crate::wire::recognition::{
    ActWire, CaptureWire, ColorsBegan, EndedWire, FeedbackWire, NewAct, NewFaceWire,
    NewIdentification, NewVerification, OutcomeWire, PicturesWire, VerificationOf, WelcomeWire,
    rate_of,
};

/// Pictures of one request: a second of a camera.
pub(super) const MAX_PICTURES: usize = 32;

/// Where whoever was recognised stands.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EndParams {
    /// The screen that they stand before, for their wishes to take part in what it shows.
    #[param(value_type = Option<String>)]
    screen: Option<ScreenId>,
    /// The code on it.
    code: Option<String>,
}

/// Longest text of a time.
const MAX_TIME_LEN: usize = 32;

/// Begins to enrol the face of whoever asks. They agreed before; the answer says what to do before the camera.
#[utoipa::path(
    post, path = "/v1/persons/me/faces", tag = "person", request_body = NewFaceWire,
    responses((status = 201, body = CaptureWire), (status = 401, body = Problem), (status = 403, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn begin_enroll(
    State(app): State<App>,
    PersonOf(who): PersonOf,
    Body(new): Body<NewFaceWire>,
) -> Result<(StatusCode, Json<CaptureWire>), Problem> {
    check_acts(&app, &who)?;
    let recognizer = app.engine.recognizer();
    let begun = recognizer.begin_enroll(Arc::new(who), new.act, new.mode.into());
    Ok((StatusCode::CREATED, Json(CaptureWire::from(&begun.await?))))
}

/// Begins to look into the claim to be somebody who enrolled: by their face token, or by the token of their record.
#[utoipa::path(
    post, path = "/v1/verifications", tag = "person", request_body = NewVerification,
    responses((status = 201, body = CaptureWire), (status = 401, body = Problem), (status = 403, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn begin_verify(
    State(app): State<App>,
    Peer(from): Peer,
    headers: HeaderMap,
    Body(new): Body<NewVerification>,
) -> Result<(StatusCode, Json<CaptureWire>), Unproven> {
    let recognizer = app.engine.recognizer();
    let target = rate_of(new.fmr, recognizer.config().verify_fmr)?;
    let wanted = wanted(new.audience.as_deref(), new.nonce.as_deref())?;
    let shown = headers.get(header::AUTHORIZATION);
    let shown = shown.and_then(|value| value.to_str().ok()?.strip_prefix(SCHEME));
    let mode = new.mode.into();
    let begun = match (&new.face_token, shown) {
        (Some(token), None) => {
            let claim = Claim::FaceToken(token);
            recognizer.begin_verify(claim, target, wanted, mode).await
        }
        (None, Some(token)) => {
            let who = proven(&app, from, token).await?;
            let claim = Claim::Own(&who);
            recognizer.begin_verify(claim, target, wanted, mode).await
        }
        (Some(_), Some(_)) | (None, None) => {
            let detail = "a claim is by a face token or by the token of a record, one of them";
            return Err(Problem::invalid("bad_claim", detail).into());
        }
    };
    Ok((StatusCode::CREATED, Json(CaptureWire::from(&begun?))))
}

fn wanted(audience: Option<&str>, nonce: Option<&str>) -> Result<Option<AssertionFor>, Problem> {
    let (audience, nonce) = match (audience, nonce) {
        (None, None) => return Ok(None),
        (Some(audience), Some(nonce)) => (audience, nonce),
        (Some(_), None) | (None, Some(_)) => {
            let detail = "an assertion needs an audience and a nonce";
            return Err(Problem::invalid("bad_assertion", detail));
        }
    };
    let wanted = AssertionFor::new(audience, nonce);
    wanted
        .map(Some)
        .map_err(|error| Problem::invalid("bad_assertion", error.to_string()))
}

/// Begins to look into a claim about an enrolled person, where the site holds templates.
#[utoipa::path(
    post, path = "/v1/persons/{person}/verifications", tag = "console", request_body = VerificationOf,
    params(("person" = String, Path, description = "Random id of the person")),
    responses((status = 201, body = CaptureWire), (status = 401, body = Problem), (status = 403, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn begin_verify_of(
    State(app): State<App>,
    PathOf(person): PathOf<PersonId>,
    Body(new): Body<VerificationOf>,
) -> Result<(StatusCode, Json<CaptureWire>), Problem> {
    let recognizer = app.engine.recognizer();
    let target = rate_of(new.fmr, recognizer.config().verify_fmr)?;
    let claim = Claim::Person(person);
    let begun = recognizer.begin_verify(claim, target, None, new.mode.into());
    Ok((StatusCode::CREATED, Json(CaptureWire::from(&begun.await?))))
}

/// Notes that somebody before the site's gallery wants to be found in it, by a button, a code or the marked spot.
#[utoipa::path(
    post, path = "/v1/acts", tag = "console", request_body = NewAct,
    responses((status = 201, body = ActWire), (status = 401, body = Problem), (status = 403, body = Problem), (status = 422, body = Problem))
)]
pub(crate) async fn act(
    State(app): State<App>,
    Body(new): Body<NewAct>,
) -> Result<(StatusCode, Json<ActWire>), Problem> {
    let act = app.engine.recognizer().act(new.kind).await?;
    let wire = ActWire {
        act: act.id.to_string(),
        until: act.until.as_micros(),
    };
    Ok((StatusCode::CREATED, Json(wire)))
}

/// Begins to look for somebody in the site's gallery, after an act of theirs.
#[utoipa::path(
    post, path = "/v1/identifications", tag = "console", request_body = NewIdentification,
    responses((status = 201, body = CaptureWire), (status = 401, body = Problem), (status = 403, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn begin_identify(
    State(app): State<App>,
    Body(new): Body<NewIdentification>,
) -> Result<(StatusCode, Json<CaptureWire>), Problem> {
    let recognizer = app.engine.recognizer();
    let target = rate_of(new.fpir, recognizer.config().identify_fpir)?;
    let begun = recognizer.begin_identify(new.act, target, new.mode.into());
    Ok((StatusCode::CREATED, Json(CaptureWire::from(&begun.await?))))
}

/// Form of pictures.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form to readers of the document")]
pub(crate) struct PicturesForm {
    /// When the next picture was taken, in milliseconds by any clock that goes on: at most 2 s before it arrives.
    taken_at: Option<f64>,
    /// JPEG, PNG, WebP, GIF, BMP or TIFF, at most 12 MiB. Both may be repeated, in the order of the pictures.
    #[schema(value_type = String, format = Binary)]
    picture: Vec<u8>,
}

/// Looks at pictures of a go, in their order. Nothing of them is kept but a few crops in memory, until it is over.
#[utoipa::path(
    post, path = "/v1/captures/{id}/pictures", tag = "open",
    params(("id" = String, Path, description = "Name of the go")),
    request_body(content = PicturesForm, content_type = "multipart/form-data"),
    responses((status = 200, body = PicturesWire), (status = 404, body = Problem), (status = 409, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn pictures(
    State(app): State<App>,
    PathOf(id): PathOf<CaptureId>,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Json<PicturesWire>, Problem> {
    let mut form = form?;
    let (mut seen, mut taken_at) = (Vec::new(), None);
    while let Some(field) = form.next_field().await? {
        match field.name() {
            Some("taken_at") => taken_at = Some(time_in(field).await?),
            Some("picture") if seen.len() >= MAX_PICTURES => {
                let detail = format!("at most {MAX_PICTURES} pictures at once");
                return Err(Problem::invalid("too_many_pictures", detail));
            }
            Some("picture") => {
                let bytes = bytes_in(field).await?;
                let looked = app
                    .engine
                    .recognizer()
                    .picture(id, bytes, taken_at.take())
                    .await?;
                seen.push(FeedbackWire::from(&looked));
            }
            _ => {}
        }
    }
    if seen.is_empty() {
        let detail = "the form has no field \"picture\"";
        return Err(Problem::invalid("picture_missing", detail));
    }
    Ok(Json(PicturesWire { pictures: seen }))
}

/// A picture whole, in memory. One that is larger than is looked at is not read to its end.
pub(super) async fn bytes_in(mut field: Field<'_>) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await? {
        if bytes.len() + chunk.len() > MAX_PICTURE_BYTES {
            let detail = format!("a picture has at most {MAX_PICTURE_BYTES} bytes");
            let status = StatusCode::PAYLOAD_TOO_LARGE;
            return Err(Problem::new(status, "picture_too_large", detail));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

async fn time_in(mut field: Field<'_>) -> Result<Timestamp, Problem> {
    let bad = || Problem::invalid("bad_time", "a time is a number of milliseconds");
    let mut text = Vec::new();
    while let Some(chunk) = field.chunk().await? {
        if text.len() + chunk.len() > MAX_TIME_LEN {
            return Err(bad());
        }
        text.extend_from_slice(&chunk);
    }
    let text = String::from_utf8(text).map_err(|_| bad())?;
    text.trim().parse().ok().and_then(millis).ok_or_else(bad)
}

/// An instant of a camera's clock; nothing for what is no time.
fn millis(millis: f64) -> Option<Timestamp> {
    /// A hundred million years, which a sum of two still fits.
    const MOST: f64 = 3e15;
    (millis.abs() <= MOST).then(|| Timestamp::from_micros((millis * 1e3) as i64))
}

/// Says when the screen before the face began to show the colours, by the clock that pictures are timed with.
#[utoipa::path(
    post, path = "/v1/captures/{id}/colors", tag = "open", request_body = ColorsBegan,
    params(("id" = String, Path, description = "Name of the go")),
    responses((status = 204, description = "Noted"), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub(crate) async fn colors(
    State(app): State<App>,
    PathOf(id): PathOf<CaptureId>,
    Body(began): Body<ColorsBegan>,
) -> Result<StatusCode, Problem> {
    let at = millis(began.at_millis)
        .ok_or_else(|| Problem::invalid("bad_time", "a time is a number of milliseconds"))?;
    app.engine.recognizer().colors_began(id, at).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a go came to. It is over then: its crops are overwritten, and a face token in the answer is shown this once.
#[utoipa::path(
    post, path = "/v1/captures/{id}/end", tag = "open",
    params(("id" = String, Path, description = "Name of the go"), EndParams),
    responses((status = 200, body = EndedWire), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn end(
    State(app): State<App>,
    PathOf(id): PathOf<CaptureId>,
    Params(params): Params<EndParams>,
) -> Result<Json<EndedWire>, Problem> {
    let outcome = app.engine.recognizer().finish(id).await?;
    if let CaptureOutcome::Verified(claim) = &outcome
        && claim.compared.is_match
    {
        let (number, now) = (claim.key.grant().number(), app.engine.now());
        app.webhooks.verified(claim.person, number, now);
    }
    let welcome = match params.screen.zip(params.code) {
        Some((screen, code)) => Some(welcomed(&app, &screen, &code, &outcome).await),
        None => None,
    };
    Ok(Json(EndedWire {
        outcome: OutcomeWire::from(outcome),
        welcome,
    }))
}

/// Welcomes whoever was recognised at the screen that they stand before; or says why not, which changes nothing about the
/// recognition itself.
async fn welcomed(
    app: &App,
    screen: &ScreenId,
    code: &str,
    outcome: &CaptureOutcome,
) -> WelcomeWire {
    let visitor = match outcome {
        CaptureOutcome::Verified(claim) => Visitor::Verified(claim),
        CaptureOutcome::Identified(visitor) => Visitor::Found(visitor),
        CaptureOutcome::Enrolled(_) => {
            let detail = "enrolling recognises nobody";
            return WelcomeWire::refused(&Problem::invalid("nobody_recognised", detail));
        }
    };
    if let Err(problem) = stands_there(app, screen, code) {
        return WelcomeWire::refused(&problem);
    }
    match app.engine.welcome(screen, visitor).await {
        Ok(()) => WelcomeWire::WELCOME,
        Err(error) => WelcomeWire::refused(&Problem::from(error)),
    }
}

/// Ends a go without anything coming of it.
#[utoipa::path(
    delete, path = "/v1/captures/{id}", tag = "open",
    params(("id" = String, Path, description = "Name of the go")),
    responses((status = 204, description = "Nothing is left of it"))
)]
pub(crate) async fn give_up(
    State(app): State<App>,
    PathOf(id): PathOf<CaptureId>,
) -> Result<StatusCode, Problem> {
    app.engine.recognizer().give_up(id);
    Ok(StatusCode::NO_CONTENT)
}
