//! In and out with the admin token.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::auth::{COOKIE, SESSION_LEN, is_admin_token, new_session};
use crate::extract::Params;
use crate::pages::{LoginPage, page};
use crate::problem::Problem;

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
    /// The admin token.
    token: String,
    /// Where to go afterwards.
    next: Option<String>,
}

/// A path on this server, whatever was asked for: never another site.
fn own_path(next: Option<&str>) -> String {
    let is_own = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
    };
    next.filter(is_own).unwrap_or("/console").to_owned()
}

/// The form for the admin token.
#[utoipa::path(get, path = "/login", tag = "open", params(LoginParams), responses((status = 200, content_type = "text/html", description = "Page")))]
pub(crate) async fn login_page(Params(params): Params<LoginParams>) -> Response {
    let next = own_path(params.next.as_deref());
    page(
        StatusCode::OK,
        &LoginPage {
            next,
            mistake: None,
        },
    )
}

/// Begins a session for whoever shows the token.
#[utoipa::path(
    post, path = "/login", tag = "open",
    request_body(content = LoginForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 303, description = "A session has begun"),
        (status = 401, content_type = "text/html", description = "Wrong token"),
        (status = 429, content_type = "text/html", description = "Too many wrong tokens"),
    )
)]
pub(crate) async fn login(
    State(app): State<App>,
    from: Option<axum::Extension<ConnectInfo<SocketAddr>>>,
    form: Result<Form<LoginForm>, FormRejection>,
) -> Result<Response, Problem> {
    let Form(form) =
        form.map_err(|error| Problem::new(error.status(), "bad_body", error.body_text()))?;
    let from = from.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |info| info.0.0.ip());
    let (now, next) = (app.engine.now(), own_path(form.next.as_deref()));
    if !app.logins.may_try(from, now) {
        let mistake = Some("Too many wrong tokens. Wait a minute.");
        let mut answer = page(StatusCode::TOO_MANY_REQUESTS, &LoginPage { next, mistake });
        answer
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
        return Ok(answer);
    }
    let session = if is_admin_token(&app, form.token.trim()) {
        new_session(&app, now)
    } else {
        None
    };
    let Some(session) = session else {
        app.logins.failed(from, now);
        tracing::warn!(%from, "wrong admin token");
        let mistake = Some("This is not the admin token.");
        return Ok(page(StatusCode::UNAUTHORIZED, &LoginPage { next, mistake }));
    };
    Ok((
        [(
            header::SET_COOKIE,
            cookie(&app, &session, SESSION_LEN.as_secs()),
        )],
        Redirect::to(&next),
    )
        .into_response())
}

/// Ends the session of this browser.
#[utoipa::path(post, path = "/logout", tag = "open", responses((status = 303, description = "The session has ended")))]
pub(crate) async fn logout(State(app): State<App>) -> Response {
    (
        [(header::SET_COOKIE, cookie(&app, "", 0))],
        Redirect::to("/"),
    )
        .into_response()
}

fn cookie(app: &App, value: &str, max_age_secs: u64) -> String {
    let is_https = app
        .config
        .public_url
        .as_deref()
        .is_some_and(|url| url.starts_with("https://"));
    let secure = if is_https { "; Secure" } else { "" };
    format!("{COOKIE}={value}; Path=/; Max-Age={max_age_secs}; HttpOnly; SameSite=Strict{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere() {
        for (next, path) in [
            (Some("/screen/demo"), "/screen/demo"),
            (Some("//evil.example"), "/console"),
            (Some("/\\evil.example"), "/console"),
            (Some("https://evil.example"), "/console"),
            (Some("/a\r\nb: c"), "/console"),
            (None, "/console"),
        ] {
            assert_eq!(own_path(next), path);
        }
    }
}
