//! Errors as clients see them: `application/problem+json` with a stable code. The log sees the chain.

use std::error::Error;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use regard_commitments::{Refusal, RefusalCode};
use regard_decision::{BadFact, CampaignFault, FaultKind};
use regard_engine::EngineError;
use serde::Serialize;
use utoipa::ToSchema;

/// Body of every answer that is not good, after RFC 9457.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// `urn:regard:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    pub(crate) kind: Box<str>,
    /// What sort of problem, in a few words.
    pub(crate) title: &'static str,
    /// The status code once more.
    pub(crate) status: u16,
    /// Stable name for scripts.
    pub(crate) code: &'static str,
    /// What is the case here.
    #[schema(value_type = String)]
    pub(crate) detail: Box<str>,
    /// Where the rule behind a refusal stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) article: Option<&'static str>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) remedy: Option<Box<str>>,
    /// Every mistake in what was sent, where there may be several.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub(crate) mistakes: Box<[String]>,
}

impl Problem {
    /// A problem of this status and code.
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:regard:problem:{code}").into(),
            title: status.canonical_reason().unwrap_or("Problem"),
            status: status.as_u16(),
            code,
            detail: detail.into().into(),
            article: None,
            remedy: None,
            mistakes: Box::default(),
        }
    }

    /// With something to do about it.
    #[must_use]
    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into().into());
        self
    }

    /// There is no such thing.
    pub(crate) fn not_found(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    /// What was sent cannot be used.
    pub(crate) fn invalid(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// Something of ours failed: the chain goes to the log, the client learns the code.
    pub(crate) fn internal(code: &'static str, error: &dyn Error) -> Self {
        tracing::error!(code, error = %chain(error), "request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            code,
            "something failed here; the log says what",
        )
    }
}

/// An error with its causes in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Where nothing is wrong with campaigns but that they name slots which no screen has.
fn unknown_slots(faults: &[CampaignFault]) -> Option<Problem> {
    let first = faults.first()?;
    let is_slot = |fault: &CampaignFault| fault.kind == FaultKind::UnknownSlot;
    faults.iter().all(is_slot).then(|| {
        let detail = format!("expected {}, found {}", first.expected, first.found);
        Problem::invalid("unknown_slot", detail).remedy(first.suggestion.as_str())
    })
}

impl From<&Refusal> for Problem {
    fn from(refusal: &Refusal) -> Self {
        Self {
            article: Some(refusal.article),
            remedy: Some(refusal.remedy.as_str().into()),
            ..Self::new(
                StatusCode::FORBIDDEN,
                refusal.code.as_str(),
                refusal.reason.clone(),
            )
        }
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        let unavailable = StatusCode::SERVICE_UNAVAILABLE;
        match &error {
            EngineError::UnknownScreen(_) => Self::not_found("unknown_screen", error.to_string()),
            EngineError::UnknownCamera(_) => Self::not_found("unknown_camera", error.to_string()),
            EngineError::UnknownCampaign(_) => {
                Self::not_found("unknown_campaign", error.to_string())
            }
            EngineError::CampaignExists(_) => {
                Self::new(StatusCode::CONFLICT, "campaign_exists", error.to_string())
                    .remedy("replace it with PUT")
            }
            EngineError::CampaignChanged(_) => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "campaign_changed",
                error.to_string(),
            )
            .remedy("get it again, and make your change to that"),
            EngineError::Refused(refusal) => Self::from(refusal),
            EngineError::Busy => {
                Self::new(unavailable, "busy", error.to_string()).remedy("ask again")
            }
            EngineError::Stopped => Self::new(unavailable, "stopped", error.to_string()),
            EngineError::Fact(BadFact::Sensitive { .. }) => {
                let remedy = "tell facts about the world; if this one is about something else, give it another name";
                let code = RefusalCode::SensitiveInference;
                Self::from(&Refusal::new(code, chain(&error), remedy))
            }
            EngineError::Fact(_) => Self::invalid("bad_fact", chain(&error)),
            EngineError::Campaigns(faults) => Self {
                mistakes: faults.iter().map(ToString::to_string).collect(),
                ..unknown_slots(faults)
                    .unwrap_or_else(|| Self::invalid("bad_campaigns", error.to_string()))
            },
            EngineError::LedgerUnavailable => {
                Self::new(unavailable, "ledger_unavailable", error.to_string())
                    .remedy("make room on the disk, or see in health why not, and ask again")
            }
            EngineError::Store(_) => {
                tracing::error!(error = %chain(&error), "store failed");
                Self::new(unavailable, "store_unavailable", error.to_string()).remedy("ask again")
            }
            EngineError::Push(_) => {
                Self::new(StatusCode::CONFLICT, "frame_not_taken", chain(&error))
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
