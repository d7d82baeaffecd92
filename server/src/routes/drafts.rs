//! Campaigns before they are in force, who lets them, what was in force before, and what to look at in one.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::{Extension, Json};
use regard_commitments::AdminAct;
use regard_decision::{
    Campaign, CampaignFault, Content, Creative, LintFinding, Remark, inspect, lint, validate_placed,
};
use regard_domain::{CampaignId, SlotId};
use regard_engine::{
    CampaignDraft, CampaignLine, CampaignVersion, DraftError, EngineError, MAX_PREVIEW,
    PreviewError,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use utoipa::ToSchema;

use super::campaigns::as_sent;
use crate::access::Guest;
use crate::app::App;
use crate::extract::{Body, PathOf};
use crate::problem::Problem;
use crate::wire::preview::{NewPreview, PreviewRuns, Previewed, PreviewedCreative};

/// How long films are waited for while they are looked through.
const FILM_PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// Requests whose films are looked through at once: it takes a core and a thread for as long as the films want. Others wait
/// without one, for whoever writes a campaign asks anew several times a second.
static LOOKING: Semaphore = Semaphore::const_new(1);

/// How long a preview lasts where nothing else is said: long enough to look up and read a short message.
const DEFAULT_PREVIEW_SECS: u32 = 8;

impl From<PreviewError> for Problem {
    fn from(error: PreviewError) -> Self {
        let said = error.to_string();
        match error {
            PreviewError::UnknownCreative(_) => Self::not_found("unknown_creative", said),
            PreviewError::UnknownSlot { known, .. } => {
                let known: Vec<&str> = known.iter().map(SlotId::as_str).collect();
                Self::invalid("unknown_slot", said).remedy(if known.is_empty() {
                    "leave `slot` out: the screen is not parted into slots".to_owned()
                } else {
                    format!(
                        "name one that it has ({}), or leave `slot` out",
                        known.join(", ")
                    )
                })
            }
            PreviewError::Campaign(faults) => Self::from(EngineError::Campaigns(faults)),
            PreviewError::Engine(error) => Self::from(error),
        }
    }
}

impl From<DraftError> for Problem {
    fn from(error: DraftError) -> Self {
        let said = error.to_string();
        match error {
            DraftError::Unknown(_) => Self::not_found("unknown_draft", said),
            DraftError::Changed(revision) => {
                Self::new(StatusCode::PRECONDITION_FAILED, "draft_changed", said).remedy(format!(
                    "get revision {revision}, and make your change to that"
                ))
            }
            DraftError::NotSubmitted => {
                Self::new(StatusCode::CONFLICT, "draft_not_submitted", said)
            }
            DraftError::SamePerson => Self::new(StatusCode::FORBIDDEN, "same_person", said)
                .remedy("let somebody with another token look at it"),
            DraftError::TooMuch => Self::invalid("too_much", said),
            DraftError::Refused(refusal) => Self::from(&refusal),
            DraftError::Engine(error) => Self::from(error),
        }
    }
}

/// The revision that a change was made to, as `If-Match: "3"` says it.
fn revision(headers: &HeaderMap) -> Result<Option<u32>, Problem> {
    let Some(text) = headers.get(header::IF_MATCH) else {
        return Ok(None);
    };
    let text = text.to_str().unwrap_or_default().trim_matches('"');
    let bad = || {
        Problem::invalid(
            "bad_if_match",
            "If-Match is the revision of a draft, such as \"3\"",
        )
    };
    text.parse().map(Some).map_err(|_| bad())
}

/// The drafts.
#[utoipa::path(
    get, path = "/v1/drafts", tag = "console",
    responses((status = 200, body = Vec<serde_json::Value>), (status = 401, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn drafts(State(app): State<App>) -> Result<Json<Vec<CampaignDraft>>, Problem> {
    Ok(Json(app.engine.drafts().await?))
}

/// The draft of one campaign.
#[utoipa::path(
    get, path = "/v1/drafts/{id}", tag = "console", params(("id" = String, Path)),
    responses((status = 200, body = serde_json::Value), (status = 401, body = Problem), (status = 404, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn draft(
    State(app): State<App>,
    PathOf(id): PathOf<CampaignId>,
) -> Result<Json<CampaignDraft>, Problem> {
    Ok(Json(app.engine.draft(&id).await?))
}

/// Keeps a draft of a campaign. It may have mistakes as long as nobody submits it; one that was submitted is not any more.
#[utoipa::path(
    put, path = "/v1/drafts/{id}", tag = "console", request_body = serde_json::Value,
    params(("id" = String, Path, description = "Id of the campaign, the same as in the body")),
    responses((status = 200, body = serde_json::Value), (status = 401, body = Problem), (status = 412, body = Problem, description = "Another revision than `If-Match` says"), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn put_draft(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    PathOf(id): PathOf<CampaignId>,
    headers: HeaderMap,
    Body(campaign): Body<Campaign>,
) -> Result<Json<CampaignDraft>, Problem> {
    if campaign.id != id {
        let detail = format!("the address says {id}, the body {}", campaign.id);
        return Err(Problem::invalid("other_campaign", detail).remedy("write the same id twice"));
    }
    let actor = guest.actor();
    let put = app
        .engine
        .put_draft(campaign, revision(&headers)?, &actor)
        .await;
    Ok(Json(put?))
}

/// Throws a draft away.
#[utoipa::path(
    delete, path = "/v1/drafts/{id}", tag = "console", params(("id" = String, Path)),
    responses((status = 204, description = "Gone"), (status = 401, body = Problem), (status = 404, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn remove_draft(
    State(app): State<App>,
    PathOf(id): PathOf<CampaignId>,
) -> Result<StatusCode, Problem> {
    app.engine.remove_draft(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks that a draft be let in force. It must be without mistakes.
#[utoipa::path(
    post, path = "/v1/drafts/{id}/submit", tag = "console", params(("id" = String, Path)),
    responses((status = 204, description = "Waits for somebody else"), (status = 401, body = Problem), (status = 404, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn submit(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    PathOf(id): PathOf<CampaignId>,
) -> Result<StatusCode, Problem> {
    let actor = guest.actor();
    app.engine.submit_draft(&id, &actor).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets a draft in force that somebody with another token submitted.
#[utoipa::path(
    post, path = "/v1/drafts/{id}/approve", tag = "console", params(("id" = String, Path)),
    responses((status = 204, description = "In force"), (status = 401, body = Problem), (status = 403, body = Problem, description = "`same_person`"), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn approve(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    PathOf(id): PathOf<CampaignId>,
) -> Result<StatusCode, Problem> {
    app.engine.check_ledger()?;
    let actor = guest.actor();
    let campaign = app.engine.approve_draft(&id, &actor).await?;
    let sent = as_sent(&campaign);
    app.did(&guest, AdminAct::CampaignsChanged, &sent).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Note {
    /// What is to be changed.
    note: String,
}

/// Sends a draft back, with a word about it.
#[utoipa::path(
    post, path = "/v1/drafts/{id}/reject", tag = "console", params(("id" = String, Path)), request_body = Note,
    responses((status = 204, description = "Back"), (status = 401, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn reject(
    State(app): State<App>,
    PathOf(id): PathOf<CampaignId>,
    Body(body): Body<Note>,
) -> Result<StatusCode, Problem> {
    app.engine.reject_draft(&id, body.note).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What was in force of a campaign, the oldest first: who put it in force, and when it ended. To go back, PUT one of them.
#[utoipa::path(
    get, path = "/v1/campaigns/{id}/versions", tag = "console", params(("id" = String, Path)),
    responses((status = 200, body = Vec<serde_json::Value>), (status = 401, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn versions(
    State(app): State<App>,
    PathOf(id): PathOf<CampaignId>,
) -> Result<Json<Vec<CampaignVersion>>, Problem> {
    Ok(Json(app.engine.versions(&id).await?))
}

/// What there is to say of a campaign.
#[derive(Serialize)]
pub(crate) struct Checked {
    /// Mistakes and refusals: with one of these it is not let in force.
    mistakes: Vec<CampaignFault>,
    /// Words that a person should look at.
    findings: Vec<LintFinding>,
    /// What can be read, by whom, and what is missing.
    remarks: Vec<Remark>,
}

/// Looks at a campaign without keeping it: mistakes and refusals, words to look at, contrast, shape and size of pictures, short
/// frames, languages, texts for those who do not see, the stated benefit.
#[utoipa::path(
    post, path = "/v1/campaigns/check", tag = "console", request_body = serde_json::Value,
    responses((status = 200, body = serde_json::Value), (status = 401, body = Problem), (status = 422, body = Problem))
)]
pub(crate) async fn check(
    State(app): State<App>,
    Body(campaign): Body<Campaign>,
) -> Result<Json<Checked>, Problem> {
    look_through_films(&app, &campaign).await;
    let (assets, looked_at) = (app.assets.clone(), campaign.clone());
    let facts = tokio::task::spawn_blocking(move || {
        let known = looked_at.creatives.iter().filter_map(|creative| {
            let facts = assets.facts(asset_of(creative)?)?;
            Some((creative.id.clone(), facts))
        });
        known.collect::<BTreeMap<_, _>>()
    });
    let facts = facts.await.unwrap_or_default();
    let plain = Creative::text("default".parse().expect("this text is an id"), "x", "");
    let campaign_alone = std::slice::from_ref(&campaign);
    Ok(Json(Checked {
        mistakes: validate_placed(campaign_alone, &plain, &[], &app.engine.slots()),
        findings: lint(&campaign),
        remarks: inspect(&campaign, |creative| facts.get(&creative.id).copied()),
    }))
}

/// Looks through films that nobody looked through yet. What takes too long goes on, and is told when somebody looks again.
async fn look_through_films(app: &App, campaign: &Campaign) {
    let films = campaign.creatives.iter().filter_map(|creative| {
        let is_film = matches!(creative.content, Content::Video { .. });
        is_film.then(|| asset_of(creative).map(str::to_owned))?
    });
    let films: Vec<String> = films.collect();
    if films.is_empty() {
        return;
    }
    let assets = app.assets.clone();
    let look = async move {
        let Ok(place) = LOOKING.acquire().await else {
            return; // It is never closed.
        };
        let look = tokio::task::spawn_blocking(move || {
            let _place = place;
            for film in films {
                assets.look_through(&film);
            }
        });
        let _ = look.await;
    };
    let _ = tokio::time::timeout(FILM_PATIENCE, look).await;
}

/// The file that a message shows.
fn asset_of(creative: &Creative) -> Option<&str> {
    match &creative.content {
        Content::Image { asset } | Content::Video { asset } => Some(asset),
        Content::Html { asset, .. } => asset.as_deref(),
        Content::Text { .. } => None,
    }
}

/// The messages of a campaign as a screen would show them, without keeping it. Mistakes do not matter.
#[utoipa::path(
    post, path = "/v1/campaigns/preview", tag = "console", request_body = serde_json::Value,
    responses((status = 200, body = Previewed), (status = 401, body = Problem), (status = 422, body = Problem))
)]
pub(crate) async fn preview_campaign(
    State(app): State<App>,
    Body(campaign): Body<Campaign>,
) -> Json<Previewed> {
    let mut creatives = Vec::with_capacity(campaign.creatives.len());
    for message in &campaign.creatives {
        creatives.push(PreviewedCreative::new(&app, &campaign.id, message).await);
    }
    Json(Previewed { creatives })
}

/// Shows a message of a draft on a screen for some seconds, with a mark that says so: on all of the glass, or where a slot lies and
/// nothing beside it. It is no play: nothing is measured, counted or learned meanwhile. The draft must be without mistakes; where
/// every change waits for somebody else, it must wait, and whoever submitted it does not show it.
#[utoipa::path(
    post, path = "/v1/drafts/{id}/preview", tag = "console", params(("id" = String, Path)), request_body = NewPreview,
    responses((status = 200, body = PreviewRuns), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn preview_draft(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    PathOf(id): PathOf<CampaignId>,
    Body(wish): Body<NewPreview>,
) -> Result<Json<PreviewRuns>, Problem> {
    let seconds = wish.seconds.unwrap_or(DEFAULT_PREVIEW_SECS);
    let longest = MAX_PREVIEW.as_secs();
    if seconds == 0 || u64::from(seconds) > longest {
        let detail = format!("{seconds} seconds; a preview lasts 1 to {longest}");
        return Err(Problem::invalid("bad_duration", detail));
    }
    app.engine.check_ledger()?;
    let draft = app.engine.draft(&id).await?;
    if app.config.requires_approval {
        draft.check_other_person(&guest.actor())?;
    }
    let NewPreview {
        screen,
        creative,
        slot,
        ..
    } = wish;
    let lasts = std::time::Duration::from_secs(seconds.into());
    let (campaign, slot) = (&draft.campaign, slot.as_ref());
    let shown = app
        .engine
        .preview_on_screen(campaign, &creative, &screen, slot, lasts);
    let until = shown.await?;
    let subject = as_sent(&(&screen, campaign, &creative, slot));
    app.did(&guest, AdminAct::CampaignPreviewed, &subject)
        .await?;
    Ok(Json(PreviewRuns {
        until_micros: until.as_micros(),
    }))
}

/// All campaigns at a glance: how those in force stand, drafts, and those that were in force.
#[utoipa::path(
    get, path = "/v1/campaign-overview", tag = "console",
    responses((status = 200, body = Vec<serde_json::Value>), (status = 401, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn campaign_overview(
    State(app): State<App>,
) -> Result<Json<Vec<CampaignLine>>, Problem> {
    Ok(Json(app.engine.campaign_overview().await?))
}

/// Where every change waits for somebody else, nobody puts one in force alone.
pub(super) fn check_approval(app: &App) -> Result<(), Problem> {
    if !app.config.requires_approval {
        return Ok(());
    }
    let status = StatusCode::FORBIDDEN;
    Err(Problem::new(
        status,
        "approval_missing",
        "here each change of a campaign waits for somebody else",
    )
    .remedy("PUT /v1/drafts/ID, submit it, and let somebody with another token approve it"))
}
