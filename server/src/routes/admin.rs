//! In and out with a token.

use axum::Form;
use axum::RequestExt;
use axum::extract::rejection::FormRejection;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use regard_commitments::Role;
use regard_engine::{random_key, to_hex};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::access::{COOKIE, FORM_COOKIE, Pass, TurnedAway, locked_out, max_age};
use crate::app::App;
use crate::extract::{Params, Peer, Posted};
use crate::pages::{LoginPage, page};
use crate::problem::Problem;

/// How long a login form may stay open, in seconds.
pub(super) const FORM_AGE_SECS: u64 = 3_600;

/// Parameters of the form.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LoginParams {
    /// Where to go afterwards; a path on this server.
    next: Option<String>,
}

/// What the form sends.
#[derive(Deserialize, ToSchema)]
pub(crate) struct LoginForm {
    /// The token.
    token: String,
    /// What stood hidden in the form.
    #[serde(default)]
    form: String,
    /// Where to go afterwards.
    next: Option<String>,
}

/// What the button sends.
#[derive(Default, Deserialize, ToSchema)]
pub(crate) struct LogoutForm {
    /// What stood hidden in the form.
    #[serde(default)]
    form: String,
}

/// A path on this server, whatever was asked for: never another site.
fn own_path(next: Option<&str>) -> Option<String> {
    let is_own = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
    };
    next.filter(is_own).map(str::to_owned)
}

/// Where a token of that role leads when nobody says.
fn home_of(pass: &Pass) -> String {
    match pass.role {
        Role::Admin | Role::Operator | Role::PrivacyOfficer => "/console".to_owned(),
        Role::Screen => pass
            .screens
            .first()
            .map_or("/".to_owned(), |screen| format!("/screen/{screen}")),
        Role::Analyst | Role::Device => "/".to_owned(),
    }
}

/// The form, bound to the browser it is sent to.
fn form_page(
    app: &App,
    status: StatusCode,
    next: Option<&str>,
    mistake: Option<&'static str>,
) -> Result<Response, Problem> {
    let key = random_key().map_err(|error| Problem::internal("no_entropy", &error))?;
    let held = to_hex(&key);
    let template = LoginPage {
        next: own_path(next).unwrap_or_default(),
        form: app.access.forms.of_login(&held),
        mistake,
    };
    let held = cookie(app, FORM_COOKIE, "/login", &held, FORM_AGE_SECS);
    Ok(([(header::SET_COOKIE, held)], page(status, &template)).into_response())
}

/// The form for a token.
#[utoipa::path(get, path = "/login", tag = "open", params(LoginParams), responses((status = 200, content_type = "text/html", description = "Page")))]
pub(crate) async fn login_page(
    State(app): State<App>,
    Params(params): Params<LoginParams>,
) -> Result<Response, Problem> {
    form_page(&app, StatusCode::OK, params.next.as_deref(), None)
}

/// Begins a session for whoever shows a token. The session a browser came with ends.
#[utoipa::path(
    post, path = "/login", tag = "open",
    request_body(content = LoginForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 303, description = "A session has begun"),
        (status = 401, content_type = "text/html", description = "Wrong token"),
        (status = 403, content_type = "text/html", description = "The form is too old, or not one of ours"),
        (status = 429, content_type = "text/html", description = "Too many wrong tokens"),
    )
)]
pub(crate) async fn login(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let from = Peer::of(request.extensions()).0;
    let headers = request.headers().clone();
    let form: Result<Form<LoginForm>, FormRejection> = request.extract().await;
    let Form(form) =
        form.map_err(|error| Problem::new(error.status(), "bad_body", error.body_text()))?;
    let next = form.next.as_deref();
    if !app.access.forms.is_own_login(&headers, &form.form) {
        let mistake = Some("This form was open for too long. Try again.");
        return form_page(&app, StatusCode::FORBIDDEN, next, mistake);
    }
    let pass = match app.access.pass(form.token.trim(), from, true).await {
        Ok(pass) => pass,
        Err(TurnedAway::Wrong) => {
            tracing::warn!(%from, "wrong token");
            let mistake = Some("This token is unknown, expired or revoked.");
            return form_page(&app, StatusCode::UNAUTHORIZED, next, mistake);
        }
        Err(TurnedAway::LockedOut) => {
            let mistake = Some("Too many wrong tokens. Wait a minute.");
            let answer = form_page(&app, StatusCode::TOO_MANY_REQUESTS, next, mistake)?;
            return Ok((locked_out().0, answer).into_response());
        }
    };
    let before = app.access.sessions.of(&headers, app.engine.now());
    let before = before.map(|(key, _)| key);
    let session = app.access.begin_session(&pass, before.as_ref()).await?;
    let cookies = AppendHeaders([
        set(cookie(
            &app,
            COOKIE,
            "/",
            &session,
            max_age(&pass).as_secs(),
        )),
        set(cookie(&app, FORM_COOKIE, "/login", "", 0)),
    ]);
    let next = own_path(next).unwrap_or_else(|| home_of(&pass));
    Ok((cookies, Redirect::to(&next)).into_response())
}

/// Ends the session of this browser, here and there.
#[utoipa::path(
    post, path = "/logout", tag = "open",
    request_body(content = LogoutForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 303, description = "The session has ended"),
        (status = 403, body = Problem, description = "Not asked for by the form of this session"),
    )
)]
pub(crate) async fn logout(
    State(app): State<App>,
    headers: HeaderMap,
    Posted(form): Posted<LogoutForm>,
) -> Result<Response, Problem> {
    if let Some((session, _)) = app.access.sessions.of(&headers, app.engine.now()) {
        if !app.access.forms.is_of_session(&session, &form.form) {
            let detail = "the form was not made for this session";
            return Err(Problem::new(StatusCode::FORBIDDEN, "foreign_form", detail)
                .remedy("open the console again and log out there"));
        }
        app.access.end_session(&session).await;
    }
    let gone = set(cookie(&app, COOKIE, "/", "", 0));
    Ok((AppendHeaders([gone]), Redirect::to("/")).into_response())
}

pub(super) fn set(cookie: String) -> (HeaderName, String) {
    (header::SET_COOKIE, cookie)
}

/// A cookie for one path of this server, that no script reads and no other site's page sends.
pub(super) fn cookie(app: &App, name: &str, path: &str, value: &str, max_age_secs: u64) -> String {
    let secure = if app.config.is_https() {
        "; Secure"
    } else {
        ""
    };
    format!(
        "{name}={value}; Path={path}; Max-Age={max_age_secs}; HttpOnly; SameSite=Strict{secure}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere() {
        for (next, path) in [
            (Some("/screen/demo"), Some("/screen/demo")),
            (Some("//evil.example"), None),
            (Some("/\\evil.example"), None),
            (Some("https://evil.example"), None),
            (Some("/a\r\nb: c"), None),
            (Some(""), None),
            (None, None),
        ] {
            assert_eq!(own_path(next).as_deref(), path);
        }
    }
}
