//! The one door of every route: who asks, and whether they may.

use axum::body::Body;
use axum::extract::{MatchedPath, RawPathParams, Request, State};
use axum::http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use futures::StreamExt;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use regard_commitments::Role;

use super::lockout::MAX_LOCKED;
use super::rights::{Need, Ruling, need_of, rule};
use super::{Guest, TurnedAway};
use crate::app::App;
use crate::extract::{Peer, wants_page};
use crate::problem::Problem;
use crate::routes::{ServiceError, subscription_key};

/// What would end a value in a query, or begin another.
const IN_QUERY: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'+');

/// Lets in who may, and says to the others what is missing. Streams end with the token or session that
/// they were opened with.
pub(crate) async fn admit(
    State(app): State<App>,
    path: MatchedPath,
    params: RawPathParams,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(need) = need_of(request.method().as_str(), path.as_str()) else {
        let detail = "this address does not take that method";
        return Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
            .into_response();
    };
    let id = params.iter().find(|(name, _)| *name == "id");
    let id = id.map(|(_, value)| value);
    let guest = match identify(&app, need, request.headers(), request.extensions()).await {
        Ok(guest) => guest,
        Err(turned_away) => return in_form_of(need, shown_in_vain(&turned_away)),
    };
    let ruling = rule(need, &guest, id);
    if ruling != Ruling::Welcome && matches!(need, Need::Service(_)) {
        let denied = match ruling {
            Ruling::Unknown => StatusCode::UNAUTHORIZED,
            Ruling::Welcome | Ruling::OtherRole(_) | Ruling::OutOfScope => StatusCode::FORBIDDEN,
        };
        return in_form_of(need, denied.into_response());
    }
    match ruling {
        Ruling::Welcome => {}
        Ruling::Unknown => return unknown(&request),
        Ruling::OtherRole(roles) => return other_role(&guest, roles),
        Ruling::OutOfScope => return out_of_scope(&guest),
    }
    request.extensions_mut().insert(guest.clone());
    until_gone(app, guest, next.run(request).await)
}

/// Who asks. A token that is shown counts alone: a session beside it is not looked at.
async fn identify(
    app: &App,
    need: Need,
    headers: &HeaderMap,
    extensions: &Extensions,
) -> Result<Guest, TurnedAway> {
    let needs_nobody = match need {
        Need::Everyone => return Ok(Guest::Stranger),
        Need::Player => app.config.listen.ip().is_loopback(),
        Need::Roles(_) | Need::Question(_) | Need::Camera(_) | Need::Service(_) => {
            app.config.is_console_open()
        }
    };
    if needs_nobody {
        return Ok(Guest::Machine);
    }
    if let (Need::Service(_), Some(key)) = (need, subscription_key(headers)) {
        let pass = app.access.pass(key, Peer::of(extensions).0, false).await?;
        return Ok(Guest::Token(pass));
    }
    if let Some(shown) = headers.get(header::AUTHORIZATION) {
        let text = shown.to_str().ok().and_then(bearer);
        let pass = match text {
            Some(text) => app.access.pass(text, Peer::of(extensions).0, false).await?,
            None => return Err(TurnedAway::Wrong),
        };
        return Ok(Guest::Token(pass));
    }
    let now = app.engine.now();
    let session = app.access.sessions.of(headers, now);
    let live = session.and_then(|(key, id)| Some((app.access.book.pass_of(&id, now)?, key)));
    Ok(live.map_or(Guest::Stranger, |(pass, key)| Guest::Session(pass, key)))
}

/// Who is turned away hears it in the form that their client reads.
fn in_form_of(need: Need, response: Response) -> Response {
    if !matches!(need, Need::Service(_)) {
        return response;
    }
    let message = match response.status() {
        StatusCode::UNAUTHORIZED => {
            "access denied: the subscription key is missing, unknown, expired or revoked; it is a token of this server"
        }
        StatusCode::TOO_MANY_REQUESTS => "too many wrong keys came from there; wait a while",
        _ => "access denied: the token behind this key is of a role that may not do this",
    };
    ServiceError::denied(response.status(), message).into_response()
}

fn bearer(text: &str) -> Option<&str> {
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// With the challenge that RFC 9110 wants beside every 401.
fn challenged(problem: Problem) -> Response {
    let mut response = problem.into_response();
    let scheme = HeaderValue::from_static("Bearer");
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, scheme);
    response
}

fn shown_in_vain(why: &TurnedAway) -> Response {
    match why {
        TurnedAway::Wrong => challenged(
            Problem::new(
                StatusCode::UNAUTHORIZED,
                "token_wrong",
                "the token is unknown, expired or revoked",
            )
            .remedy("ask an admin for a token, or make one with: regard tokens new"),
        ),
        TurnedAway::LockedOut => locked_out().into_response(),
    }
}

/// Too many wrong tokens: how long to wait, and why.
pub(crate) fn locked_out() -> ([(header::HeaderName, HeaderValue); 1], Problem) {
    let secs = MAX_LOCKED.as_secs();
    let problem = Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "locked_out",
        "too many wrong tokens came from there or for that token",
    );
    (
        [(header::RETRY_AFTER, HeaderValue::from(secs))],
        problem.remedy(format!("wait {secs} seconds")),
    )
}

fn unknown(request: &Request) -> Response {
    if request.method() == Method::GET && wants_page(request.headers()) {
        let next = utf8_percent_encode(request.uri().path(), IN_QUERY);
        return Redirect::to(&format!("/login?next={next}")).into_response();
    }
    challenged(
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "token_missing",
            "this needs a token",
        )
        .remedy("send it as \"Authorization: Bearer TOKEN\" or log in at /login"),
    )
}

fn other_role(guest: &Guest, roles: &[Role]) -> Response {
    let wanted: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
    let own = guest.role().map_or("none", Role::as_str);
    let detail = format!("this needs role {}, not {own}", wanted.join(" or "));
    Problem::new(StatusCode::FORBIDDEN, "role_missing", detail)
        .remedy("use a token of that role; an admin makes one with: regard tokens new")
        .into_response()
}

fn out_of_scope(guest: &Guest) -> Response {
    let own = guest.role().map_or("none", Role::as_str);
    let detail = format!("this token of role {own} is for others than the one in the address");
    Problem::new(StatusCode::FORBIDDEN, "out_of_scope", detail)
        .remedy("use the token made for it; an admin makes one with: regard tokens new")
        .into_response()
}

/// Cuts a stream of events when whoever opened it may not be here any more.
fn until_gone(app: App, guest: Guest, response: Response) -> Response {
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_stream = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    if !is_stream || guest.pass().is_none() {
        return response;
    }
    let gone = async move { app.access.gone(&guest).await };
    response.map(|body| {
        let events = body.into_data_stream();
        Body::from_stream(events.take_until(Box::pin(gone)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_follows_its_scheme() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bearer  abc "), Some("abc"));
        for other in ["Basic abc", "abc", "", "Bearer"] {
            assert_eq!(bearer(other), None, "{other}");
        }
    }

    #[test]
    fn a_path_stays_one_value() {
        let next = utf8_percent_encode("/screen/a&next=//evil+%22", IN_QUERY).to_string();
        assert_eq!(next, "/screen/a%26next=//evil%2B%2522");
    }
}
