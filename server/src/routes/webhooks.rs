//! Receivers of events, for those who run the site.

use axum::extract::State;
use axum::{Extension, Json};
use regard_commitments::AdminAct;
use regard_domain::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Guest;
use crate::app::App;
use crate::extract::PathOf;
use crate::problem::Problem;
use crate::webhooks::{secret_name, secret_text};

/// The receivers.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhooksWire {
    webhooks: Vec<WebhookWire>,
}

/// One receiver, and how it stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookWire {
    id: String,
    url: String,
    /// `enrolled`, `verified`, `withdrawn`, `erased`, `decision`, `guardrail`.
    events: Vec<String>,
    /// Events that it took since the start.
    n_told: u64,
    /// Deliveries that failed since the start.
    n_failed: u64,
    /// Since when it takes nothing, microseconds since 1970-01-01 in UTC.
    failing_since: Option<i64>,
    /// Why, in a word: `not_reached`, `not_taken`, `secret_missing`, ….
    fault: Option<&'static str>,
}

/// The secret that a receiver checks signatures with.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookSecret {
    /// `whsec_` and base64; shown this once, and sealed here.
    secret: String,
}

/// The receivers of events that the configuration names, and how they stand.
#[utoipa::path(
    get, path = "/v1/webhooks", tag = "admin",
    responses((status = 200, body = WebhooksWire), (status = 401, body = Problem), (status = 403, body = Problem))
)]
pub(crate) async fn list(State(app): State<App>) -> Json<WebhooksWire> {
    let webhooks = app.webhooks.configs().iter().map(|config| {
        let hearing = app.webhooks.hearing(&config.id);
        WebhookWire {
            id: config.id.clone(),
            url: config.url.to_string(),
            events: config.events.iter().map(ToString::to_string).collect(),
            n_told: hearing.n_told,
            n_failed: hearing.n_failed,
            failing_since: hearing.failing_since.map(Timestamp::as_micros),
            fault: hearing.fault,
        }
    });
    Json(WebhooksWire {
        webhooks: webhooks.collect(),
    })
}

/// Makes a fresh secret for a receiver and shows it, this once; the one before signs nothing more. Nothing is told to a receiver
/// that has none.
#[utoipa::path(
    post, path = "/v1/webhooks/{webhook}/secret", tag = "admin",
    params(("webhook" = String, Path, description = "Name of the receiver")),
    responses((status = 200, body = WebhookSecret), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn secret(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    PathOf(webhook): PathOf<String>,
) -> Result<Json<WebhookSecret>, Problem> {
    let configs = app.webhooks.configs();
    if !configs.iter().any(|config| config.id == webhook) {
        let detail = "the configuration names no such webhook";
        return Err(Problem::not_found("unknown_webhook", detail));
    }
    app.engine.check_ledger()?;
    let custodian = app.engine.custodian();
    let secret = custodian.make_shared_secret(&secret_name(&webhook)).await?;
    app.did(&guest, AdminAct::WebhookSecretMade, webhook.as_bytes())
        .await?;
    Ok(Json(WebhookSecret {
        secret: secret_text(&secret),
    }))
}
