//! Errors as CompreFace gives them: `{"message", "code"}`.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use regard_commitments::Refusal;
use regard_engine::{CollectionError, PictureFault};
use serde::Serialize;

use crate::problem::chain;

/// One error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    status: StatusCode,
    code: u16,
    message: String,
}

#[derive(Serialize)]
struct Body {
    message: String,
    code: u16,
}

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident: $status:ident $code:literal;)+) => {
        impl Fault {
            $(
                $(#[$doc])*
                pub(super) fn $name(message: impl Into<String>) -> Self {
                    Self { status: StatusCode::$status, code: $code, message: message.into() }
                }
            )+
        }
    };
}

faults! {
    /// Anything else.
    other: BAD_REQUEST 0;
    /// A key that opens nothing here.
    unknown_key: NOT_FOUND 10;
    /// No such face.
    unknown_image: NOT_FOUND 11;
    /// The header with the key is missing.
    no_key: BAD_REQUEST 20;
    /// Not a picture of a kind that is taken.
    extension: BAD_REQUEST 21;
    /// A value out of range.
    constraint: BAD_REQUEST 26;
    /// Nobody in the picture.
    no_face: BAD_REQUEST 28;
    /// More than one in it.
    several_faces: BAD_REQUEST 31;
    /// A parameter is missing.
    no_parameter: BAD_REQUEST 33;
    /// A part of the form is missing.
    no_part: BAD_REQUEST 34;
    /// A part of the path is missing.
    no_path: BAD_REQUEST 35;
    /// Something of ours failed.
    failure: INTERNAL_SERVER_ERROR 41;
    /// No such subject.
    unknown_subject: NOT_FOUND 42;
    /// There is such a subject.
    subject_exists: BAD_REQUEST 43;
    /// No such address, or not by that method.
    no_such_place: NOT_FOUND 0;
}

impl From<&Refusal> for Fault {
    fn from(refusal: &Refusal) -> Self {
        let (code, reason, remedy) = (refusal.code, &refusal.reason, &refusal.remedy);
        Self::other(format!("{code}: {reason}; {remedy}"))
    }
}

impl From<PictureFault> for Fault {
    fn from(fault: PictureFault) -> Self {
        match fault {
            PictureFault::Unknown | PictureFault::Empty => Self::extension(
                "Incorrect file extension. Please use one of: jpeg, jpg, png, bmp, gif, tif, tiff, webp, ico",
            ),
            PictureFault::Damaged | PictureFault::TooLarge => Self::other(fault.to_string()),
        }
    }
}

impl From<CollectionError> for Fault {
    fn from(error: CollectionError) -> Self {
        match &error {
            CollectionError::Refused(refusal) => Self::from(refusal),
            CollectionError::Picture(fault) => Self::from(*fault),
            CollectionError::UnknownFace => Self::unknown_image("Image with this id isn't found"),
            CollectionError::UnknownName | CollectionError::UnknownCollection => {
                Self::unknown_subject("Subject isn't found")
            }
            CollectionError::NameExists => Self::subject_exists("Subject already exists"),
            CollectionError::BadName | CollectionError::BadVector { .. } => {
                Self::constraint(error.to_string())
            }
            CollectionError::Full { .. } => Self::other(error.to_string()),
            CollectionError::CollectionExists
            | CollectionError::Custody(_)
            | CollectionError::Store(_)
            | CollectionError::Recognition(_)
            | CollectionError::Gallery(_)
            | CollectionError::Template(_)
            | CollectionError::Damaged => {
                tracing::error!(error = %chain(&error), "a call of a service failed");
                Self::failure("Something went wrong, please try again")
            }
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let body = Body {
            message: self.message,
            code: self.code,
        };
        (self.status, Json(body)).into_response()
    }
}
