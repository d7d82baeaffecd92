//! The ranking service as clients of Azure Personalizer know it: their own client works when its endpoint is changed.
//!
//! Paths of versions v1.0 and v1.1-preview are the same here. The subscription key is a token of this server.

mod contract;
mod features;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use regard_commitments::AdminAct;
use regard_engine::{PersonalizerError, PersonalizerReport, PersonalizerSettings};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::access::Guest;
use crate::app::App;
use crate::extract::PathOf;
use crate::problem::{Problem, chain};

use contract::{
    ModelProperties, MultiSlotRankRequest, MultiSlotRankResponse, MultiSlotReward, PolicyContract,
    RankRequest, RankResponse, RewardRequest, ServiceConfiguration,
};

/// Versions whose paths are answered.
const VERSIONS: &[&str] = &["v1.0", "v1.1-preview.1", "v1.1-preview.2", "v1.1-preview.3"];

/// An error in the form that those clients read.
#[derive(Debug)]
pub(crate) struct ServiceError {
    status: StatusCode,
    code: &'static str,
    detail: &'static str,
    message: String,
}

impl ServiceError {
    fn bad(detail: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: "BadRequest",
            detail,
            message: message.into(),
        }
    }

    fn not_found(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            code: "ResourceNotFound",
            detail: "ResourceNotFound",
            message: message.into(),
        }
    }

    fn failed(error: &PersonalizerError) -> Self {
        tracing::error!(error = %chain(error), "ranking failed");
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            code: "InternalServerError",
            detail: "InternalServerError",
            message: "something failed here; the log says what".to_owned(),
        }
    }

    /// What went wrong; `detail` is the finer code where the request was at fault.
    fn of(error: &PersonalizerError, detail: &'static str) -> Self {
        match error {
            PersonalizerError::Wish(wish) => Self::bad(detail, wish.clone()),
            PersonalizerError::Refused(refusal) => {
                let message = format!("{}: {}; {}", refusal.code, refusal.reason, refusal.remedy);
                Self::bad(refusal.code.as_str(), message)
            }
            PersonalizerError::UnknownEvent => Self::not_found(error.to_string()),
            PersonalizerError::Settings(settings) => Self::bad(detail, settings.to_string()),
            PersonalizerError::Store(_) => Self::failed(error),
        }
    }

    /// Who asks is not let in: as the gateway in front of the service said it.
    pub(crate) fn denied(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            code: "401",
            detail: "401",
            message: message.into(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorBody<'a> {
    code: &'a str,
    message: &'a str,
    inner_error: InnerError<'a>,
}

#[derive(Serialize)]
struct InnerError<'a> {
    code: &'a str,
}

impl IntoResponse for ServiceError {
    fn into_response(self) -> Response {
        let body = ErrorBody {
            code: self.code,
            message: &self.message,
            inner_error: InnerError { code: self.detail },
        };
        let body = serde_json::json!({ "error": body });
        (self.status, Json(body)).into_response()
    }
}

fn check_version(version: &str) -> Result<(), ServiceError> {
    let is_known = VERSIONS.contains(&version);
    let message = format!("versions {} are answered", VERSIONS.join(", "));
    is_known
        .then_some(())
        .ok_or_else(|| ServiceError::not_found(message))
}

fn read<T: DeserializeOwned>(body: &Bytes, detail: &'static str) -> Result<T, ServiceError> {
    serde_json::from_slice(body).map_err(|error| ServiceError::bad(detail, error.to_string()))
}

#[derive(Deserialize)]
pub(crate) struct EventPath {
    version: String,
    id: String,
}

/// Ranks actions for an event. Feature values may be texts, numbers, yes or no, lists and dictionaries of these; of them only
/// sums in hashed places are kept. A feature about religion, health, age and the like is refused.
#[utoipa::path(
    post, path = "/personalizer/{version}/rank", tag = "ranking", request_body = serde_json::Value,
    params(("version" = String, Path, description = "v1.0 or v1.1-preview.1 to .3")),
    responses((status = 201, body = serde_json::Value), (status = 400, body = serde_json::Value), (status = 401, body = serde_json::Value), (status = 404, body = serde_json::Value), (status = 500, body = serde_json::Value))
)]
pub(crate) async fn rank(
    State(app): State<App>,
    PathOf(version): PathOf<String>,
    body: Bytes,
) -> Result<Response, ServiceError> {
    check_version(&version)?;
    const DETAIL: &str = "InvalidRankRequest";
    let request: RankRequest = read(&body, DETAIL)?;
    let wish = request
        .wish()
        .map_err(|why| ServiceError::bad(DETAIL, why))?;
    let ranked = app.engine.personalizer().rank(wish).await;
    let ranked = ranked.map_err(|error| ServiceError::of(&error, DETAIL))?;
    Ok((StatusCode::CREATED, Json(RankResponse::from(ranked))).into_response())
}

/// The reward of an event, -1 to 1. The first counts; what comes after the wait counts no more.
#[utoipa::path(
    post, path = "/personalizer/{version}/events/{id}/reward", tag = "ranking", request_body = serde_json::Value,
    params(("version" = String, Path), ("id" = String, Path, description = "Id of the event")),
    responses((status = 204, description = "Taken"), (status = 400, body = serde_json::Value), (status = 401, body = serde_json::Value), (status = 404, body = serde_json::Value), (status = 500, body = serde_json::Value))
)]
pub(crate) async fn reward(
    State(app): State<App>,
    PathOf(path): PathOf<EventPath>,
    body: Bytes,
) -> Result<StatusCode, ServiceError> {
    check_version(&path.version)?;
    const DETAIL: &str = "InvalidRewardRequest";
    let request: RewardRequest = read(&body, DETAIL)?;
    let taken = app.engine.personalizer().reward(&path.id, request.value);
    let taken = taken.await;
    taken.map_err(|error| ServiceError::of(&error, DETAIL))?;
    Ok(StatusCode::NO_CONTENT)
}

/// A deferred event was used after all, with all its slots.
#[utoipa::path(
    post, path = "/personalizer/{version}/events/{id}/activate", tag = "ranking",
    params(("version" = String, Path), ("id" = String, Path, description = "Id of the event")),
    responses((status = 204, description = "Active"), (status = 401, body = serde_json::Value), (status = 404, body = serde_json::Value), (status = 500, body = serde_json::Value))
)]
pub(crate) async fn activate(
    State(app): State<App>,
    PathOf(path): PathOf<EventPath>,
) -> Result<StatusCode, ServiceError> {
    check_version(&path.version)?;
    let activated = app.engine.personalizer().activate(&path.id).await;
    activated.map_err(|error| ServiceError::of(&error, "InvalidEventIdToActivate"))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Picks an action for each of several slots that are seen together; none is picked twice.
#[utoipa::path(
    post, path = "/personalizer/{version}/multislot/rank", tag = "ranking", request_body = serde_json::Value,
    params(("version" = String, Path)),
    responses((status = 201, body = serde_json::Value), (status = 400, body = serde_json::Value), (status = 401, body = serde_json::Value), (status = 404, body = serde_json::Value), (status = 500, body = serde_json::Value))
)]
pub(crate) async fn rank_slots(
    State(app): State<App>,
    PathOf(version): PathOf<String>,
    body: Bytes,
) -> Result<Response, ServiceError> {
    check_version(&version)?;
    const DETAIL: &str = "InvalidRankRequest";
    let request: MultiSlotRankRequest = read(&body, DETAIL)?;
    let wish = request
        .wish()
        .map_err(|why| ServiceError::bad(DETAIL, why))?;
    let ranked = app.engine.personalizer().rank_slots(wish).await;
    let ranked = ranked.map_err(|error| ServiceError::of(&error, DETAIL))?;
    let body = MultiSlotRankResponse::from(ranked);
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// Rewards of slots of an event.
#[utoipa::path(
    post, path = "/personalizer/{version}/multislot/events/{id}/reward", tag = "ranking", request_body = serde_json::Value,
    params(("version" = String, Path), ("id" = String, Path, description = "Id of the event")),
    responses((status = 204, description = "Taken"), (status = 400, body = serde_json::Value), (status = 401, body = serde_json::Value), (status = 404, body = serde_json::Value), (status = 500, body = serde_json::Value))
)]
pub(crate) async fn reward_slots(
    State(app): State<App>,
    PathOf(path): PathOf<EventPath>,
    body: Bytes,
) -> Result<StatusCode, ServiceError> {
    check_version(&path.version)?;
    const DETAIL: &str = "InvalidRewardRequest";
    let request: MultiSlotReward = read(&body, DETAIL)?;
    for one in &request.reward {
        let service = app.engine.personalizer();
        let taken = service.reward_slot(&path.id, Some(&one.slot_id), one.value);
        let taken = taken.await;
        taken.map_err(|error| ServiceError::of(&error, DETAIL))?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// A deferred event with several slots was used after all.
#[utoipa::path(
    post, path = "/personalizer/{version}/multislot/events/{id}/activate", tag = "ranking",
    params(("version" = String, Path), ("id" = String, Path, description = "Id of the event")),
    responses((status = 204, description = "Active"), (status = 401, body = serde_json::Value), (status = 404, body = serde_json::Value), (status = 500, body = serde_json::Value))
)]
pub(crate) async fn activate_slots(
    state: State<App>,
    path: PathOf<EventPath>,
) -> Result<StatusCode, ServiceError> {
    activate(state, path).await
}

async fn set(
    app: &App,
    guest: &Guest,
    settings: PersonalizerSettings,
    detail: &'static str,
    sent: &[u8],
) -> Result<PersonalizerSettings, ServiceError> {
    let unwritable = |_| ServiceError {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: "InternalServerError",
        detail: "UpdateConfigurationFailed",
        message: "the ledger cannot be written".to_owned(),
    };
    app.engine.check_ledger().map_err(unwritable)?;
    let set = app.engine.personalizer().set(settings).await;
    let set = set.map_err(|error| ServiceError::of(&error, detail))?;
    let told = app.did(guest, AdminAct::RankingChanged, sent).await;
    told.map_err(unwritable)?;
    Ok(set)
}

/// How the service is set.
#[utoipa::path(
    get, path = "/personalizer/{version}/configurations/service", tag = "ranking", params(("version" = String, Path)),
    responses((status = 200, body = serde_json::Value), (status = 401, body = serde_json::Value), (status = 404, body = serde_json::Value))
)]
pub(crate) async fn configuration(
    State(app): State<App>,
    PathOf(version): PathOf<String>,
) -> Result<Json<ServiceConfiguration>, ServiceError> {
    check_version(&version)?;
    let settings = app.engine.personalizer().settings().await;
    Ok(Json(ServiceConfiguration::of(
        &settings,
        app.engine.commitments(),
    )))
}

/// Sets the service. The learning mode changes by itself, not together with rewards. Logs go nowhere else: a mirror is refused,
/// and how long they are kept the commitments say.
#[utoipa::path(
    put, path = "/personalizer/{version}/configurations/service", tag = "ranking", request_body = serde_json::Value, params(("version" = String, Path)),
    responses((status = 200, body = serde_json::Value), (status = 400, body = serde_json::Value), (status = 401, body = serde_json::Value), (status = 404, body = serde_json::Value), (status = 500, body = serde_json::Value))
)]
pub(crate) async fn set_configuration(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    PathOf(version): PathOf<String>,
    body: Bytes,
) -> Result<Json<ServiceConfiguration>, ServiceError> {
    check_version(&version)?;
    const DETAIL: &str = "InvalidServiceConfiguration";
    let wished: ServiceConfiguration = read(&body, DETAIL)?;
    let before = app.engine.personalizer().settings().await;
    let settings = wished.settings(&before);
    let settings = settings.map_err(|(detail, why)| ServiceError::bad(detail, why))?;
    let set = set(&app, &guest, settings, DETAIL, &body).await?;
    Ok(Json(ServiceConfiguration::of(
        &set,
        app.engine.commitments(),
    )))
}

/// How it chooses, in VowpalWabbit's words.
#[utoipa::path(
    get, path = "/personalizer/{version}/configurations/policy", tag = "ranking", params(("version" = String, Path)),
    responses((status = 200, body = serde_json::Value), (status = 401, body = serde_json::Value), (status = 404, body = serde_json::Value))
)]
pub(crate) async fn policy(
    State(app): State<App>,
    PathOf(version): PathOf<String>,
) -> Result<Json<PolicyContract>, ServiceError> {
    check_version(&version)?;
    let settings = app.engine.personalizer().settings().await;
    Ok(Json(PolicyContract::of(&settings)))
}

/// Sets how it chooses: `--cb_explore_adf` with `--epsilon`, `--squarecb`, `--bag` or, of our own, `--lints`. How models learn is
/// ours to say; those options are accepted and have no effect.
#[utoipa::path(
    put, path = "/personalizer/{version}/configurations/policy", tag = "ranking", request_body = serde_json::Value, params(("version" = String, Path)),
    responses((status = 200, body = serde_json::Value), (status = 400, body = serde_json::Value), (status = 401, body = serde_json::Value), (status = 404, body = serde_json::Value), (status = 500, body = serde_json::Value))
)]
pub(crate) async fn set_policy(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    PathOf(version): PathOf<String>,
    body: Bytes,
) -> Result<Json<PolicyContract>, ServiceError> {
    check_version(&version)?;
    const DETAIL: &str = "InvalidPolicyConfiguration";
    let wished: PolicyContract = read(&body, DETAIL)?;
    let before = app.engine.personalizer().settings().await;
    let settings = wished.settings(&before);
    let settings = settings.map_err(|why| ServiceError::bad(DETAIL, why))?;
    let set = set(&app, &guest, settings, DETAIL, &body).await?;
    Ok(Json(PolicyContract::of(&set)))
}

/// Sets how it chooses back to the beginning.
#[utoipa::path(
    delete, path = "/personalizer/{version}/configurations/policy", tag = "ranking", params(("version" = String, Path)),
    responses((status = 200, body = serde_json::Value), (status = 401, body = serde_json::Value), (status = 404, body = serde_json::Value), (status = 500, body = serde_json::Value))
)]
pub(crate) async fn reset_policy(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    PathOf(version): PathOf<String>,
) -> Result<Json<PolicyContract>, ServiceError> {
    check_version(&version)?;
    let fresh = PersonalizerSettings::default();
    let settings = PersonalizerSettings {
        policy: fresh.policy,
        policy_name: fresh.policy_name,
        ..app.engine.personalizer().settings().await
    };
    let set = set(
        &app,
        &guest,
        settings,
        "InvalidPolicyConfiguration",
        b"reset",
    )
    .await?;
    Ok(Json(PolicyContract::of(&set)))
}

/// Since when there is a model, and when it learned last.
#[utoipa::path(
    get, path = "/personalizer/{version}/model/properties", tag = "ranking", params(("version" = String, Path)),
    responses((status = 200, body = serde_json::Value), (status = 401, body = serde_json::Value), (status = 404, body = serde_json::Value))
)]
pub(crate) async fn model(
    State(app): State<App>,
    PathOf(version): PathOf<String>,
) -> Result<Json<ModelProperties>, ServiceError> {
    check_version(&version)?;
    let service = app.engine.personalizer();
    let settings = service.settings().await;
    Ok(Json(ModelProperties::of(
        &settings,
        service.learned_at().await,
    )))
}

/// Forgets all that was learned.
#[utoipa::path(
    delete, path = "/personalizer/{version}/model", tag = "ranking", params(("version" = String, Path)),
    responses((status = 204, description = "Forgotten"), (status = 401, body = serde_json::Value), (status = 404, body = serde_json::Value), (status = 500, body = serde_json::Value))
)]
pub(crate) async fn forget(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    PathOf(version): PathOf<String>,
) -> Result<StatusCode, ServiceError> {
    check_version(&version)?;
    let forgotten = app.engine.personalizer().forget().await;
    forgotten.map_err(|error| ServiceError::of(&error, "ModelResetFailed"))?;
    let told = app.did(&guest, AdminAct::RankingChanged, b"forget").await;
    told.map_err(|error| ServiceError::failed(&PersonalizerError::Wish(error.to_string())))?;
    Ok(StatusCode::NO_CONTENT)
}

/// How the ranking service does beside its baseline, over its latest ten thousand events, with intervals.
#[utoipa::path(
    get, path = "/v1/ranking", tag = "console",
    responses((status = 200, body = serde_json::Value), (status = 401, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn report(State(app): State<App>) -> Result<Json<PersonalizerReport>, Problem> {
    let report = app.engine.personalizer().report().await;
    report
        .map(Json)
        .map_err(|error| super::api::store_problem(&error))
}

/// Whether a request shows its token as clients of this service do.
pub(crate) fn subscription_key(headers: &HeaderMap) -> Option<&str> {
    let key = headers.get("ocp-apim-subscription-key")?;
    key.to_str()
        .ok()
        .filter(|_| !headers.contains_key(header::AUTHORIZATION))
}

/// Named numbers of all features of a request, for `fuzz/` alone.
#[cfg(feature = "fuzz")]
pub(crate) fn rank_features(body: &[u8]) -> Option<Vec<(String, f32)>> {
    let request: RankRequest = serde_json::from_slice(body).ok()?;
    let wish = request.wish().ok()?;
    let actions = wish.actions.into_iter().flat_map(|action| action.features);
    Some(wish.context.into_iter().chain(actions).collect())
}
