//! Errors as Amazon Rekognition gives them: `{"__type", "Message"}`, typed for its clients.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use regard_commitments::{Refusal, RefusalCode};
use regard_engine::{CollectionError, PictureFault};
use serde_json::json;

use super::request_id;
use crate::problem::chain;

/// What answers of this interface are.
pub(super) const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// One error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    status: StatusCode,
    kind: &'static str,
    message: String,
}

macro_rules! faults {
    ($($name:ident = $kind:literal;)+) => {
        impl Fault {
            $(
                #[doc = concat!("`", $kind, "`.")]
                pub(super) fn $name(message: impl Into<String>) -> Self {
                    Self { status: StatusCode::BAD_REQUEST, kind: $kind, message: message.into() }
                }
            )+
        }
    };
}

faults! {
    invalid = "InvalidParameterException";
    denied = "AccessDeniedException";
    not_found = "ResourceNotFoundException";
    exists = "ResourceAlreadyExistsException";
    conflict = "ConflictException";
    quota = "ServiceQuotaExceededException";
    bad_format = "InvalidImageFormatException";
    too_large = "ImageTooLargeException";
    no_s3 = "InvalidS3ObjectException";
    bad_page = "InvalidPaginationTokenException";
    other_request = "IdempotentParameterMismatchException";
    unknown_operation = "UnknownOperationException";
    unreadable = "SerializationException";
    unknown_key = "UnrecognizedClientException";
    bad_signature = "InvalidSignatureException";
    incomplete_signature = "IncompleteSignatureException";
}

impl Fault {
    /// The request is not signed at all.
    pub(super) fn missing_token() -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            kind: "MissingAuthenticationTokenException",
            message: "Request is missing Authentication Token".to_owned(),
        }
    }

    fn failure() -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            kind: "InternalServerError",
            message: "Amazon Rekognition experienced a service issue. Try your call again."
                .to_owned(),
        }
    }

    /// The ledger cannot be written just now.
    fn later(refusal: &Refusal) -> Self {
        Self {
            message: said(refusal),
            ..Self::failure()
        }
    }
}

fn said(refusal: &Refusal) -> String {
    format!("{}: {}; {}", refusal.code, refusal.reason, refusal.remedy)
}

impl From<&Refusal> for Fault {
    fn from(refusal: &Refusal) -> Self {
        match refusal.code {
            RefusalCode::LedgerUnavailable => Self::later(refusal),
            _ => Self::denied(said(refusal)),
        }
    }
}

impl From<CollectionError> for Fault {
    fn from(error: CollectionError) -> Self {
        match &error {
            CollectionError::Refused(refusal) => Self::from(refusal),
            CollectionError::Picture(PictureFault::TooLarge) => Self::too_large(error.to_string()),
            CollectionError::Picture(PictureFault::Empty) => Self::invalid(error.to_string()),
            CollectionError::Picture(PictureFault::Unknown | PictureFault::Damaged) => {
                Self::bad_format("Request has invalid image format")
            }
            CollectionError::UnknownCollection => {
                Self::not_found("The collection id does not exist")
            }
            CollectionError::CollectionExists => Self::exists("The collection id already exists"),
            CollectionError::UnknownFace => Self::not_found("The face id does not exist"),
            CollectionError::UnknownName => Self::not_found("The user id does not exist"),
            CollectionError::NameExists => Self::conflict("The user id already exists"),
            CollectionError::BadName | CollectionError::BadVector { .. } => {
                Self::invalid(error.to_string())
            }
            CollectionError::Full { .. } => Self::quota(error.to_string()),
            CollectionError::Custody(_)
            | CollectionError::Store(_)
            | CollectionError::Recognition(_)
            | CollectionError::Gallery(_)
            | CollectionError::Template(_)
            | CollectionError::Damaged => {
                tracing::error!(error = %chain(&error), "a call of a service failed");
                Self::failure()
            }
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let body = json!({ "__type": self.kind, "Message": self.message }).to_string();
        let mut answer = (self.status, body).into_response();
        let headers = answer.headers_mut();
        let kind = HeaderValue::from_static(CONTENT_TYPE);
        headers.insert(header::CONTENT_TYPE, kind);
        headers.insert(HeaderName::from_static("x-amzn-requestid"), request_id());
        let kind = HeaderValue::from_static(self.kind);
        headers.insert(HeaderName::from_static("x-amzn-errortype"), kind);
        answer
    }
}
