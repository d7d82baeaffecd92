//! The pages on which campaigns are made.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use regard_domain::CampaignId;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::access::{Guest, may};
use crate::app::App;
use crate::extract::Params;
use crate::pages::{CampaignPage, CampaignsPage, Maker, SlotPlace, page_in, staff_language};
use crate::problem::Problem;

/// Parameters of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CampaignsParams {
    /// `en`, `fr`, `de`, `es` or `nl`; left out: what the browser prefers.
    lang: Option<String>,
}

/// Parameters of the form.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CampaignParams {
    /// Id of the campaign; left out: a new one.
    #[param(value_type = Option<String>)]
    id: Option<CampaignId>,
    /// `en`, `fr`, `de`, `es` or `nl`; left out: what the browser prefers.
    lang: Option<String>,
}

fn maker(app: &App, guest: &Guest, asked: Option<&str>, headers: &HeaderMap) -> Maker {
    Maker {
        language: staff_language(asked, headers),
        may_change: may(guest, "PUT", "/v1/drafts/{id}"),
        requires_approval: app.config.requires_approval,
    }
}

/// The campaigns: how those in force stand, drafts, and those that were in force.
#[utoipa::path(
    get, path = "/console/campaigns", tag = "console", params(CampaignsParams),
    responses((status = 200, content_type = "text/html", description = "Page"), (status = 401, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn campaigns_page(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    Params(params): Params<CampaignsParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let maker = maker(&app, &guest, params.lang.as_deref(), &headers);
    let lines = app.engine.campaign_overview().await?;
    let site = app.engine.commitments().document().site.name.clone();
    let template = CampaignsPage::new(site, lines, maker);
    Ok(page_in(maker.language, StatusCode::OK, &template))
}

/// A campaign in a form: made, looked at, previewed, submitted, let in force.
#[utoipa::path(
    get, path = "/console/campaign", tag = "console", params(CampaignParams),
    responses((status = 200, content_type = "text/html", description = "Page"), (status = 401, body = Problem), (status = 422, body = Problem))
)]
pub(crate) async fn campaign_page(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    Params(params): Params<CampaignParams>,
    headers: HeaderMap,
) -> Response {
    let maker = maker(&app, &guest, params.lang.as_deref(), &headers);
    let screens = app.engine.screens();
    let mut places = Vec::new();
    for screen in &screens {
        if let Ok(Some(layout)) = app.engine.layout(screen) {
            places.extend(
                layout
                    .areas()
                    .iter()
                    .map(|area| SlotPlace::new(screen, area)),
            );
        }
    }
    let id = params.id.map(|id| id.to_string()).unwrap_or_default();
    let template = CampaignPage::new(id, &screens, &app.engine.slots(), places, maker);
    page_in(maker.language, StatusCode::OK, &template)
}
