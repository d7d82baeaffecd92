//! Tokens, for admins.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use regard_commitments::TokenId;
use regard_engine::NewToken;

use crate::access::Guest;
use crate::app::App;
use crate::extract::{Body, PathOf};
use crate::problem::Problem;
use crate::wire::{MadeToken, NewTokenBody, TokenBody};

/// Every token that is kept, in order of id: role, scope, times; never its secret.
#[utoipa::path(
    get, path = "/v1/tokens", tag = "admin",
    responses((status = 200, body = Vec<TokenBody>), (status = 401, body = Problem), (status = 403, body = Problem))
)]
pub(crate) async fn tokens(State(app): State<App>) -> Json<Vec<TokenBody>> {
    let now = app.engine.now();
    let all = app.access.book.all();
    Json(all.iter().map(|pass| TokenBody::of(pass, now)).collect())
}

/// Makes a token. Its text is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/v1/tokens", tag = "admin", request_body = NewTokenBody,
    responses(
        (status = 201, body = MadeToken, description = "It counts from now on"), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem, description = "No such screen or camera"),
        (status = 409, body = Problem, description = "Too many are live"), (status = 422, body = Problem), (status = 503, body = Problem),
    )
)]
pub(crate) async fn make_token(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    Body(body): Body<NewTokenBody>,
) -> Result<Response, Problem> {
    for screen in &body.screens {
        app.engine.screen(screen)?;
    }
    for camera in &body.cameras {
        app.engine.live(camera)?;
    }
    let new = NewToken {
        role: body.role,
        screens: body.screens,
        cameras: body.cameras,
        lifetime: body
            .days
            .map(|days| Duration::from_secs(u64::from(days) * 86_400)),
    };
    let (token, record) = app.access.make(new, guest.actor()).await?;
    let made = MadeToken {
        token: token.text().to_owned(),
        record: TokenBody::of(&record, app.engine.now()),
    };
    let place = HeaderValue::try_from(format!("/v1/tokens/{}", record.id)).ok();
    let headers: axum::http::HeaderMap =
        place.map(|it| (header::LOCATION, it)).into_iter().collect();
    Ok((StatusCode::CREATED, headers, Json(made)).into_response())
}

/// Revokes a token at once: its sessions and open streams end. Revoking twice changes nothing.
#[utoipa::path(
    delete, path = "/v1/tokens/{id}", tag = "admin",
    params(("id" = String, Path, description = "Id of the token, 12 hexadecimal digits")),
    responses((status = 204, description = "It opens nothing any more"), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn revoke_token(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    PathOf(id): PathOf<TokenId>,
) -> Result<StatusCode, Problem> {
    let revoked = app.access.revoke(&id, guest.actor()).await?;
    revoked
        .map(|()| StatusCode::NO_CONTENT)
        .ok_or_else(|| Problem::not_found("unknown_token", format!("there is no token {id}")))
}
