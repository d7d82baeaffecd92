//! What somebody in front of a screen may do about being looked at. Works without scripts.

use std::net::IpAddr;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use regard_commitments::{MAX_AGREEMENT, MAX_OBJECTION, Presence};
use regard_domain::{CameraId, ScreenId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::pages::{PrivacyParams, privacy_answer};
use crate::app::App;
use crate::extract::{Params, PathOf, Peer, wants_page};
use crate::pages::{Here, Mistake, Standing, language_of};
use crate::problem::Problem;

/// How old a code may be for an agreement. Origin: whoever agrees stands there; reading the page takes a minute
/// or two.
const MAX_AGE_TO_AGREE: Duration = Duration::from_mins(3);

/// What was done, for the page that follows.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct HereParams {
    /// `en`, `fr`, `de`, `es` or `nl`; left out: what the browser prefers.
    lang: Option<String>,
    /// Set to anything: in easy words.
    easy: Option<String>,
    /// Why what was asked before did not happen.
    mistake: Option<Mistake>,
}

/// Where a browser comes back to.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct BackParams {
    /// Language of the page.
    lang: Option<String>,
    /// Set to anything: in easy words.
    easy: Option<String>,
}

impl BackParams {
    /// The address of the page, with why something did not happen.
    fn page(&self, id: &ScreenId, code: &str, mistake: Option<&str>) -> String {
        // One of the tags that are known, so that nothing of a stranger's stands in the address.
        let lang = self.lang.as_deref().and_then(language_of);
        let parts = [
            self.easy.is_some().then(|| "easy=yes".to_owned()),
            lang.map(|language| format!("lang={}", language.tag())),
            mistake.map(|mistake| format!("mistake={mistake}")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        let mark = if parts.is_empty() { "" } else { "?" };
        format!("/screen/{id}/here/{code}{mark}{}", parts.join("&"))
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct SaidBody {
    /// Cameras that it concerns.
    cameras: Vec<String>,
    /// Until when it holds; nothing when it took something back.
    until_micros: Option<i64>,
}

impl SaidBody {
    fn of<'a>(cameras: impl IntoIterator<Item = &'a CameraId>, until: Option<Timestamp>) -> Self {
        Self {
            cameras: cameras.into_iter().map(ToString::to_string).collect(),
            until_micros: until.map(Timestamp::as_micros),
        }
    }
}

pub(super) fn presence(app: &App, screen: &ScreenId, code: &str) -> Result<Presence, Problem> {
    app.engine.screen(screen)?;
    let codes = app.engine.place_codes();
    codes.read(screen, code, app.engine.now()).ok_or_else(|| {
        Problem::new(
            StatusCode::GONE,
            "code_expired",
            "this code has not been on the screen for a while, or never was",
        )
        .remedy("scan the code on the screen")
    })
}

/// The privacy page as somebody in front of the screen sees it: with what they may do.
#[utoipa::path(
    get, path = "/screen/{id}/here/{code}", tag = "pages",
    params(("id" = String, Path, description = "Id of the screen"), ("code" = String, Path, description = "The code on the screen or the sign"), HereParams),
    responses((status = 200, content_type = "text/html", description = "Page"), (status = 404, body = Problem), (status = 410, content_type = "text/html", description = "Page: the code has expired"))
)]
pub(crate) async fn here(
    State(app): State<App>,
    PathOf((id, code)): PathOf<(ScreenId, String)>,
    Params(params): Params<HereParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (standing, status) = match presence(&app, &id, &code) {
        Ok(presence) => (Standing::At { presence, code }, StatusCode::OK),
        Err(problem) if problem.status == StatusCode::GONE.as_u16() => {
            (Standing::CodeExpired, StatusCode::GONE)
        }
        Err(problem) => return Err(problem),
    };
    let here = Here {
        screen: &id,
        camera: app.engine.camera_of(&id)?,
        standing,
        mistake: params.mistake,
        now: app.engine.now(),
    };
    let params = PrivacyParams {
        lang: params.lang,
        easy: params.easy,
    };
    let mut answer = privacy_answer(&app, Some(here), &params, &headers).await?;
    *answer.status_mut() = status;
    Ok(answer)
}

/// Browsers go back to the page, programs get the answer.
fn said(
    id: &ScreenId,
    code: &str,
    (back, headers): (&BackParams, &HeaderMap),
    outcome: Result<SaidBody, Problem>,
) -> Response {
    let wants_page = wants_page(headers);
    match outcome {
        Ok(_) if wants_page => Redirect::to(&back.page(id, code, None)).into_response(),
        Ok(body) => Json(body).into_response(),
        Err(problem) if wants_page && problem.status < 500 => {
            let mistake = match problem.code {
                "code_expired" => "code_expired",
                "sign_used_up" => "sign_used_up",
                _ => "refused",
            };
            Redirect::to(&back.page(id, code, Some(mistake))).into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

/// "Do not look at me": every camera in front of the screen is shut for 15 minutes, at once. May be repeated.
///
/// With the code of the printed sign four times an hour from one network and twelve in all; with the code on the
/// screen as often as wanted.
#[utoipa::path(
    post, path = "/screen/{id}/here/{code}/object", tag = "pages",
    params(("id" = String, Path, description = "Id of the screen"), ("code" = String, Path, description = "The code on the screen or the sign"), BackParams),
    responses(
        (status = 200, body = SaidBody), (status = 303, description = "Back to the page"), (status = 404, body = Problem),
        (status = 410, body = Problem), (status = 429, body = Problem)
    )
)]
pub(crate) async fn object(
    State(app): State<App>,
    Peer(from): Peer,
    PathOf((id, code)): PathOf<(ScreenId, String)>,
    Params(back): Params<BackParams>,
    headers: HeaderMap,
) -> Response {
    let outcome = objected(&app, from, &id, &code).await;
    said(&id, &code, (&back, &headers), outcome)
}

async fn objected(app: &App, from: IpAddr, id: &ScreenId, code: &str) -> Result<SaidBody, Problem> {
    let presence = presence(app, id, code)?;
    if presence == Presence::AtSign && !app.signs.may_use(id, from, app.engine.now()) {
        tracing::warn!(screen = %id, "the sign of this screen is used again and again");
        return Err(Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "sign_used_up",
            "the code of the sign was used too often within an hour",
        )
        .remedy("scan the code on the screen: that one is never refused; or ask the staff"));
    }
    let objection = app.engine.object(id, MAX_OBJECTION).await?;
    Ok(SaidBody::of(&objection.cameras, Some(objection.until)))
}

/// "I agree to be looked at", where the profile of the site waits for it: for five minutes, or until nobody is there.
#[utoipa::path(
    post, path = "/screen/{id}/here/{code}/agree", tag = "pages",
    params(("id" = String, Path, description = "Id of the screen"), ("code" = String, Path, description = "The code on the screen"), BackParams),
    responses(
        (status = 200, body = SaidBody), (status = 303, description = "Back to the page"), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 410, body = Problem)
    )
)]
pub(crate) async fn agree(
    State(app): State<App>,
    PathOf((id, code)): PathOf<(ScreenId, String)>,
    Params(back): Params<BackParams>,
    headers: HeaderMap,
) -> Response {
    let outcome = agreed(&app, &id, &code).await;
    said(&id, &code, (&back, &headers), outcome)
}

async fn agreed(app: &App, id: &ScreenId, code: &str) -> Result<SaidBody, Problem> {
    match presence(app, id, code)? {
        Presence::AtScreen { age } if age <= MAX_AGE_TO_AGREE => {}
        Presence::AtScreen { .. } | Presence::AtSign => {
            return Err(Problem::new(
                StatusCode::GONE,
                "code_expired",
                "to agree, be in front of the screen now",
            )
            .remedy("scan the code on the screen"));
        }
    }
    let until = app.engine.agree(id, MAX_AGREEMENT).await?;
    Ok(SaidBody::of(&app.engine.camera_of(id)?, Some(until)))
}

/// "I no longer agree": the camera is shut at once.
#[utoipa::path(
    post, path = "/screen/{id}/here/{code}/withdraw", tag = "pages",
    params(("id" = String, Path, description = "Id of the screen"), ("code" = String, Path, description = "The code on the screen or the sign"), BackParams),
    responses((status = 200, body = SaidBody), (status = 303, description = "Back to the page"), (status = 404, body = Problem), (status = 410, body = Problem))
)]
pub(crate) async fn withdraw(
    State(app): State<App>,
    PathOf((id, code)): PathOf<(ScreenId, String)>,
    Params(back): Params<BackParams>,
    headers: HeaderMap,
) -> Response {
    let outcome = withdrawn(&app, &id, &code).await;
    said(&id, &code, (&back, &headers), outcome)
}

async fn withdrawn(app: &App, id: &ScreenId, code: &str) -> Result<SaidBody, Problem> {
    presence(app, id, code)?;
    app.engine.withdraw_agreement(id).await?;
    Ok(SaidBody::of(&app.engine.camera_of(id)?, None))
}
