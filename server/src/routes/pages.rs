//! Pages for people.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use regard_commitments::{Detail, Release, StaffRule};
use regard_decision::{Outcome, OutcomeKind};
use regard_domain::{DecisionId, ScreenId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::api::store_problem;
use crate::access::Guest;
use crate::app::App;
use crate::extract::{Params, PathOf};
use crate::pages::{
    ConsolePage, Here, IndexPage, Picture, PlayerPage, PrivacyAnswers, Whereabouts, easy_page,
    page, page_in, privacy_language, privacy_page,
};
use crate::problem::{Problem, chain};
use crate::qr;

/// The list of pages.
#[utoipa::path(get, path = "/", tag = "pages", responses((status = 200, content_type = "text/html", description = "Page")))]
pub(crate) async fn index(State(app): State<App>) -> Response {
    let site = app.engine.commitments().document().site.name.clone();
    let screens = app
        .engine
        .screens()
        .iter()
        .map(ToString::to_string)
        .collect();
    page(StatusCode::OK, &IndexPage { site, screens })
}

/// The player of a screen: full screen, changes its message by itself, carries the notice.
#[utoipa::path(
    get, path = "/screen/{id}", tag = "player",
    params(("id" = String, Path, description = "Id of the screen")),
    responses((status = 200, content_type = "text/html", description = "Page"), (status = 404, body = Problem))
)]
pub(crate) async fn screen(
    State(app): State<App>,
    PathOf(id): PathOf<ScreenId>,
) -> Result<Response, Problem> {
    app.engine.screen(&id)?;
    Ok(page(
        StatusCode::OK,
        &PlayerPage {
            screen: id.to_string(),
        },
    ))
}

/// The console of the operator.
#[utoipa::path(get, path = "/console", tag = "console", responses((status = 200, content_type = "text/html", description = "Page"), (status = 401, body = Problem)))]
pub(crate) async fn console(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
) -> Response {
    let log_out = match &guest {
        Guest::Session(_, session) => Some(app.access.forms.of_session(session)),
        Guest::Stranger | Guest::Machine | Guest::Token(_) => None,
    };
    page(StatusCode::OK, &ConsolePage { log_out })
}

/// Parameters of the privacy pages.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PrivacyParams {
    /// `en`, `fr`, `de`, `es` or `nl`; left out: what the browser prefers.
    pub(super) lang: Option<String>,
    /// Set to anything: in easy words.
    pub(super) easy: Option<String>,
}

/// What the program does right now, in numbers, and what everyone may do about it. Works without scripts.
#[utoipa::path(get, path = "/privacy", tag = "pages", params(PrivacyParams), responses((status = 200, content_type = "text/html", description = "Page")))]
pub(crate) async fn privacy(
    State(app): State<App>,
    Params(params): Params<PrivacyParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    privacy_answer(&app, None, &params, &headers).await
}

/// The same, reached from the notice of a screen.
#[utoipa::path(
    get, path = "/screen/{id}/privacy", tag = "pages",
    params(("id" = String, Path, description = "Id of the screen"), PrivacyParams),
    responses((status = 200, content_type = "text/html", description = "Page"), (status = 404, body = Problem))
)]
pub(crate) async fn screen_privacy(
    State(app): State<App>,
    PathOf(id): PathOf<ScreenId>,
    Params(params): Params<PrivacyParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    app.engine.screen(&id)?;
    privacy_answer(&app, None, &params, &headers).await
}

pub(super) async fn privacy_answer(
    app: &App,
    here: Option<Here<'_>>,
    params: &PrivacyParams,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let notice = app.engine.notice();
    let language = privacy_language(notice, params.lang.as_deref(), headers);
    // The page must be there even when the engine is too busy to list its campaigns.
    let campaigns = app.engine.campaigns().await.unwrap_or_default();
    let benefits = campaigns.into_iter().filter(|campaign| campaign.enabled);
    let benefits = benefits
        .map(|campaign| match campaign.human_contact.as_str() {
            "" => campaign.viewer_benefit,
            contact => format!("{} ({contact})", campaign.viewer_benefit),
        })
        .filter(|text| !text.is_empty());
    let metrics = app.engine.metrics();
    let health = app.engine.health().borrow().clone();
    let yesterday = told_yesterday(app).await;
    let answers = PrivacyAnswers {
        notice,
        commitments: app.engine.commitments(),
        profile: app.engine.profile(),
        here,
        health: &health,
        frames: metrics.frames,
        decisions: metrics.decisions.values().sum(),
        benefits: benefits.collect(),
        n_zones: n_zones(app),
        whereabouts: whereabouts(app),
        yesterday: yesterday.as_ref(),
    };
    let text = notice.texts.iter().find(|text| text.language == language);
    Ok(match (&params.easy, text) {
        (Some(_), Some(text)) => page_in(language, StatusCode::OK, &easy_page(answers, text)),
        (Some(_), None) | (None, _) => {
            page_in(language, StatusCode::OK, &privacy_page(answers, language))
        }
    })
}

/// What was told about yesterday. Readers make nothing: the engine does, once a day.
async fn told_yesterday(app: &App) -> Option<Release> {
    let statistician = app.engine.statistician();
    let day = statistician.yesterday()?;
    // The page must be there even when the store cannot be read.
    let found = statistician.released(day, Detail::Day).await;
    found.unwrap_or_else(|error| {
        tracing::error!(error = %chain(&error), "what was told about yesterday cannot be read");
        None
    })
}

/// Zones of the pictures of all cameras that are never looked at.
fn n_zones(app: &App) -> usize {
    let cameras = app.engine.cameras();
    let drawn = cameras
        .iter()
        .filter_map(|camera| app.engine.zones(camera).ok());
    let n_drawn: usize = drawn.map(|drawn| drawn.zones.len()).sum();
    match &app.engine.commitments().document().declarations.staff {
        StaffRule::Zones { zones } => n_drawn + zones.len(),
        StaffRule::NoStaffInView | StaffRule::Hours { .. } | StaffRule::Undeclared => n_drawn,
    }
}

/// Where frames can come to be, as this server is set up.
fn whereabouts(app: &App) -> Whereabouts {
    let cameras = app.engine.cameras();
    let pushed = cameras
        .into_iter()
        .filter(|camera| app.engine.takes_pushed_frames(camera))
        .map(|camera| camera.to_string());
    Whereabouts {
        picture: match (
            app.engine.picture_allowed(),
            app.config.is_reached_from_outside(),
        ) {
            (false, _) => Picture::Nowhere,
            (true, false) => Picture::ConsoleHere,
            (true, true) => Picture::ConsoleElsewhere,
        },
        pushed: pushed.collect(),
    }
}

/// The code for the notice of a screen: leads to the privacy page, and shows that whoever scans it is there. A new one
/// every half minute.
#[utoipa::path(
    get, path = "/screen/{id}/qr.svg", tag = "player",
    params(("id" = String, Path, description = "Id of the screen")),
    responses((status = 200, content_type = "image/svg+xml", description = "Drawing"), (status = 404, body = Problem))
)]
pub(crate) async fn qr(
    State(app): State<App>,
    PathOf(id): PathOf<ScreenId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    app.engine.screen(&id)?;
    let code = app.engine.place_codes().on_screen(&id, app.engine.now());
    let url = format!("{}/screen/{id}/here/{code}", public_base(&app, &headers));
    let drawing = qr::svg(&url)
        .ok_or_else(|| Problem::invalid("url_too_long", "the address does not fit into a code"))?;
    // Whoever has a code counts as being there: it is for the screen alone, and not for long.
    let headers = [
        (header::CONTENT_TYPE, "image/svg+xml"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, drawing).into_response())
}

/// Scheme, name and port under which people outside reach this server.
pub(crate) fn public_base(app: &App, headers: &HeaderMap) -> String {
    // The guard has checked that the host is one of ours.
    let host = headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok());
    let own = || {
        format!(
            "{}://{}",
            app.config.scheme(),
            host.map_or_else(|| app.config.listen.to_string(), str::to_owned)
        )
    };
    let base = app.config.public_url.clone().unwrap_or_else(own);
    base.trim_end_matches('/').to_owned()
}

/// A scan of the code of a message: counts as its outcome, once a decision, and leads to where the message
/// says, else to the privacy page.
#[utoipa::path(
    get, path = "/s/{decision}", tag = "pages",
    params(("decision" = String, Path, description = "Id of the decision that showed the message")),
    responses((status = 302, description = "To the target of the message, or to the privacy page"), (status = 404, body = Problem))
)]
pub(crate) async fn scan(
    State(app): State<App>,
    PathOf(decision): PathOf<DecisionId>,
) -> Result<Response, Problem> {
    let outcome = Outcome {
        decision,
        kind: OutcomeKind::Scan,
        value: 1.0,
        at: app.engine.now(),
        key: format!("scan-{decision}"),
    };
    app.engine.outcome(outcome).await?;
    // A code may be scanned after its message has gone: then the log knows which it was.
    let target = match target_of(&app, decision).await? {
        Some(target) => target,
        None => "/privacy".to_owned(),
    };
    let place =
        HeaderValue::try_from(target).map_err(|error| Problem::internal("bad_target", &error))?;
    Ok((StatusCode::FOUND, [(header::LOCATION, place)]).into_response())
}

/// Where the message of a decision leads, if it is still one of the messages and leads anywhere.
async fn target_of(app: &App, id: DecisionId) -> Result<Option<String>, Problem> {
    for screen in app.engine.screens() {
        let view = app.engine.screen(&screen)?.borrow().clone();
        if let Some(showing) = view.showings().find(|one| one.decision.id == id) {
            return Ok(showing.creative.target_url.clone());
        }
    }
    let known = app.engine.store().decision(id).await;
    let Some(decision) = known.map_err(|error| store_problem(&error))? else {
        return Ok(None);
    };
    // The screen of an old decision may have gone.
    let Ok(view) = app.engine.screen(&decision.screen) else {
        return Ok(None);
    };
    let creatives = Arc::clone(&view.borrow().creatives);
    let mut shown = creatives.iter().filter(|(campaign, creative)| {
        *campaign == decision.campaign && creative.id == decision.creative
    });
    Ok(shown
        .next()
        .and_then(|(_, creative)| creative.target_url.clone()))
}
