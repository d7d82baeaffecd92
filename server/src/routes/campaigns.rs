//! Campaigns as JSON. Changes of one campaign are made by the engine in turn: of two at once none is lost.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use regard_commitments::AdminAct;
use regard_decision::{Campaign, Creative};
use regard_domain::CampaignId;
use regard_engine::CampaignChange;
use serde::Serialize;

use super::drafts::check_approval;
use crate::access::Guest;
use crate::app::App;
use crate::extract::{Body, PathOf};
use crate::problem::Problem;

/// What was sent, for the hash in the ledger: in the one order of fields that the type has.
pub(super) fn as_sent(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).unwrap_or_default()
}

/// Makes a change and tells the ledger who made it.
async fn change(
    app: &App,
    guest: &Guest,
    change: CampaignChange,
    sent: &[u8],
) -> Result<(), Problem> {
    check_approval(app)?;
    app.engine.check_ledger()?;
    app.engine.change_campaign(change).await?;
    remember(app, guest).await;
    Ok(app.did(guest, AdminAct::CampaignsChanged, sent).await?)
}

/// What is in force is remembered as a version. It is in force all the same where that fails.
async fn remember(app: &App, guest: &Guest) {
    if let Err(error) = app.engine.keep_versions(&guest.actor()).await {
        tracing::warn!(%error, "a version of the campaigns was not remembered");
    }
}

/// The change, if the campaign is still the one that `If-Match` stands for.
fn if_matched(headers: &HeaderMap, id: &CampaignId, change: CampaignChange) -> CampaignChange {
    let Some(tag) = headers.get(header::IF_MATCH) else {
        return change;
    };
    let tag = tag.to_str().unwrap_or_default();
    if tag == "*" {
        return change;
    }
    CampaignChange::IfUnchanged {
        id: id.clone(),
        tag: tag.trim_matches('"').to_owned(),
        change: Box::new(change),
    }
}

/// The campaigns in force, as in the configuration.
#[utoipa::path(
    get, path = "/v1/campaigns", tag = "console",
    responses((status = 200, body = Vec<serde_json::Value>), (status = 401, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn campaigns(State(app): State<App>) -> Result<Json<Vec<Campaign>>, Problem> {
    Ok(Json(app.engine.campaigns().await?))
}

/// Replaces all campaigns; what was learned about messages that stay is kept. Nothing changes when there is a mistake.
#[utoipa::path(
    put, path = "/v1/campaigns", tag = "console", request_body = Vec<serde_json::Value>,
    responses((status = 204, description = "In force"), (status = 401, body = Problem), (status = 422, body = Problem, description = "`bad_campaigns`; `unknown_slot` where nothing is wrong but a slot that no screen has"), (status = 503, body = Problem))
)]
pub(crate) async fn set_campaigns(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    Body(campaigns): Body<Vec<Campaign>>,
) -> Result<StatusCode, Problem> {
    check_approval(&app)?;
    app.engine.check_ledger()?;
    let sent = as_sent(&campaigns);
    app.engine.set_campaigns(campaigns).await?;
    remember(&app, &guest).await;
    app.did(&guest, AdminAct::CampaignsChanged, &sent).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Adds a campaign.
#[utoipa::path(
    post, path = "/v1/campaigns", tag = "console", request_body = serde_json::Value,
    responses(
        (status = 201, description = "In force; the header `Location` says where it is"), (status = 401, body = Problem),
        (status = 409, body = Problem, description = "There is a campaign of that id"), (status = 422, body = Problem, description = "`bad_campaigns`; `unknown_slot` where nothing is wrong but a slot that no screen has"), (status = 503, body = Problem),
    )
)]
pub(crate) async fn add_campaign(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    Body(campaign): Body<Campaign>,
) -> Result<Response, Problem> {
    let place = format!("/v1/campaigns/{}", campaign.id);
    let sent = as_sent(&campaign);
    change(&app, &guest, CampaignChange::Add(campaign), &sent).await?;
    let place = HeaderValue::try_from(place).ok();
    let headers: axum::http::HeaderMap =
        place.map(|it| (header::LOCATION, it)).into_iter().collect();
    Ok((StatusCode::CREATED, headers).into_response())
}

/// One campaign; the header `ETag` stands for it as it is.
#[utoipa::path(
    get, path = "/v1/campaigns/{id}", tag = "console",
    params(("id" = String, Path, description = "Id of the campaign")),
    responses((status = 200, body = serde_json::Value), (status = 401, body = Problem), (status = 404, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn campaign(
    State(app): State<App>,
    PathOf(id): PathOf<CampaignId>,
) -> Result<Response, Problem> {
    let campaigns = app.engine.campaigns().await?;
    let found = campaigns.into_iter().find(|campaign| campaign.id == id);
    let unknown = || Problem::not_found("unknown_campaign", format!("there is no campaign {id}"));
    let campaign = found.ok_or_else(unknown)?;
    let tag = format!("\"{}\"", app.engine.campaign_tag(&campaign));
    Ok(([(header::ETAG, tag)], Json(campaign)).into_response())
}

/// Replaces a campaign; what was learned about messages that stay is kept. With `If-Match` only the one that this stands for.
#[utoipa::path(
    put, path = "/v1/campaigns/{id}", tag = "console", request_body = serde_json::Value,
    params(("id" = String, Path, description = "Id of the campaign, the same as in the body")),
    responses((status = 204, description = "In force"), (status = 401, body = Problem), (status = 404, body = Problem), (status = 412, body = Problem, description = "Another than `If-Match` stands for"), (status = 422, body = Problem, description = "`bad_campaigns`; `unknown_slot` where nothing is wrong but a slot that no screen has"), (status = 503, body = Problem))
)]
pub(crate) async fn set_campaign(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    PathOf(id): PathOf<CampaignId>,
    headers: HeaderMap,
    Body(campaign): Body<Campaign>,
) -> Result<StatusCode, Problem> {
    if campaign.id != id {
        let detail = format!("the address says {id}, the body {}", campaign.id);
        return Err(Problem::invalid("other_campaign", detail).remedy("write the same id twice"));
    }
    let sent = as_sent(&campaign);
    let wish = if_matched(&headers, &id, CampaignChange::Replace(campaign));
    change(&app, &guest, wish, &sent).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends a campaign. Its message leaves the screens; what was logged stays as long as promised.
#[utoipa::path(
    delete, path = "/v1/campaigns/{id}", tag = "console",
    params(("id" = String, Path, description = "Id of the campaign")),
    responses((status = 204, description = "Gone"), (status = 401, body = Problem), (status = 404, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn remove_campaign(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    PathOf(id): PathOf<CampaignId>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let sent = id.as_str().as_bytes().to_vec();
    let wish = if_matched(&headers, &id, CampaignChange::Remove(id.clone()));
    change(&app, &guest, wish, &sent).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Adds a message to a campaign, or replaces the one of its id. Two at once both count.
#[utoipa::path(
    post, path = "/v1/campaigns/{id}/creatives", tag = "console", request_body = serde_json::Value,
    params(("id" = String, Path, description = "Id of the campaign")),
    responses((status = 204, description = "In force"), (status = 401, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn add_creative(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    PathOf(campaign): PathOf<CampaignId>,
    Body(creative): Body<Creative>,
) -> Result<StatusCode, Problem> {
    let sent = as_sent(&creative);
    let creative = Box::new(creative);
    let put = CampaignChange::PutCreative { campaign, creative };
    change(&app, &guest, put, &sent).await?;
    Ok(StatusCode::NO_CONTENT)
}
