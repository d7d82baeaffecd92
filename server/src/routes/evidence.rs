//! What experiments and guardrails know, and what would fit an audience.

use axum::Json;
use axum::extract::State;
use regard_domain::{Audience, CampaignId, ScreenId};
use regard_engine::OfferFor;
use regard_evaluation::EvidenceReport;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::extract::{Params, PathOf};
use crate::problem::Problem;

/// Most offers of an answer.
const MAX_OFFERS: usize = 50;
const DEFAULT_OFFERS: usize = 10;

/// Deviations of an interval that holds 95 of 100: those of the normal distribution.
const WITHIN_95: f64 = 1.96;

/// What the experiment of a campaign found out so far: messages with intervals that may be looked at any time, what
/// they add to plays held out, guardrails, and whether the camera helps to foretell rewards.
#[utoipa::path(
    get, path = "/v1/campaigns/{id}/evidence", tag = "console", params(("id" = String, Path)),
    responses((status = 200, body = serde_json::Value), (status = 401, body = Problem), (status = 404, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn evidence(
    State(app): State<App>,
    PathOf(id): PathOf<CampaignId>,
) -> Result<Json<EvidenceReport>, Problem> {
    Ok(Json(app.engine.evidence(id).await?))
}

/// Which screen, how many, and for whom.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfferParams {
    /// Id of the screen.
    screen: String,
    /// How many at most, 1 to 50; left out: 10.
    n: Option<usize>,
    /// Describes an audience instead of the one that is there: how many. The others count with it.
    visitors: Option<u32>,
    /// How many of them look.
    looking: Option<u32>,
    /// Mean attention, 0 to 1.
    attention: Option<f32>,
    /// Longest stay so far, in seconds.
    dwell_secs: Option<f32>,
    /// Greatest face height over frame height, 0 to 1.
    nearness: Option<f32>,
    /// For whoever was recognised before the screen and agrees that messages are chosen for them: their wishes and what they
    /// took up before take part. Not together with an audience that is described.
    personal: Option<bool>,
}

/// A message that fits.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct OfferBody {
    campaign: String,
    creative: String,
    /// Expected reward of a play.
    expected: f64,
    /// Where that lies, with 95 %.
    low: f64,
    high: f64,
}

impl OfferParams {
    fn whom(&self) -> Result<OfferFor, Problem> {
        let is_described = self.visitors.is_some()
            || self.looking.is_some()
            || self.attention.is_some()
            || self.dwell_secs.is_some()
            || self.nearness.is_some();
        if self.personal == Some(true) {
            if is_described {
                let detail = "personal is for whoever stands before the screen: leave visitors and what describes them out";
                return Err(Problem::invalid("bad_audience", detail));
            }
            return Ok(OfferFor::Person);
        }
        Ok(self
            .described()?
            .map_or(OfferFor::Present, OfferFor::Described))
    }

    fn described(&self) -> Result<Option<Audience>, Problem> {
        let Some(n_visitors) = self.visitors else {
            return Ok(None);
        };
        let share = |value: Option<f32>| value.unwrap_or(0.0);
        let audience = Audience {
            n_visitors,
            n_looking: self.looking.unwrap_or(0),
            attention: share(self.attention),
            expression: None,
            dwell_secs: share(self.dwell_secs),
            nearness: share(self.nearness),
        };
        let is_possible = audience.n_looking <= n_visitors
            && (0.0..=1.0).contains(&audience.attention)
            && (0.0..=1.0).contains(&audience.nearness)
            && audience.dwell_secs >= 0.0;
        if is_possible {
            Ok(Some(audience))
        } else {
            let detail = "looking is at most visitors, attention and nearness are 0 to 1, dwell_secs is from 0";
            Err(Problem::invalid("bad_audience", detail))
        }
    }
}

/// Messages that fit the audience of a screen now, or one that is described, the one that is expected to earn most first,
/// with how sure that is. Nothing is shown and nothing is learned. Only campaigns whose policy has a linear model
/// (`epsilon`, `lints`, `squarecb`, `bootstrapped`) make offers. With `personal=true` they are for whoever was recognised before
/// the screen: under their consent to `personalise` alone, refused with `consent_missing` without it and at once when it is
/// taken back; the answer says nothing of who it is.
#[utoipa::path(
    get, path = "/v1/offers", tag = "console", params(OfferParams),
    responses((status = 200, body = Vec<OfferBody>), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn offers(
    State(app): State<App>,
    Params(params): Params<OfferParams>,
) -> Result<Json<Vec<OfferBody>>, Problem> {
    let screen = ScreenId::new(params.screen.as_str())
        .map_err(|error| Problem::not_found("unknown_screen", error.to_string()))?;
    let n = params.n.unwrap_or(DEFAULT_OFFERS);
    if !(1..=MAX_OFFERS).contains(&n) {
        let detail = format!("n is 1 to {MAX_OFFERS}");
        return Err(Problem::invalid("bad_n", detail));
    }
    let proposals = app.engine.offers(screen, params.whom()?).await?;
    let body = |proposal: &regard_engine::Proposal| {
        let half = WITHIN_95 * proposal.deviation;
        OfferBody {
            campaign: proposal.campaign.to_string(),
            creative: proposal.creative.to_string(),
            expected: proposal.mean,
            low: proposal.mean - half,
            high: proposal.mean + half,
        }
    };
    Ok(Json(proposals.iter().take(n).map(body).collect()))
}
