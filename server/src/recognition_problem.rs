//! What to answer where nobody was recognised.

use axum::http::StatusCode;
use regard_engine::{RecognitionError, SearchError, WelcomeError};

use crate::problem::{Problem, chain};

impl From<RecognitionError> for Problem {
    fn from(error: RecognitionError) -> Self {
        let unavailable = StatusCode::SERVICE_UNAVAILABLE;
        let said = error.to_string();
        match error {
            RecognitionError::Refused(refusal) => Self::from(&refusal),
            RecognitionError::Custody(error) => error.into(),
            RecognitionError::Search(error @ SearchError::NotThere) => {
                Self::new(unavailable, "gallery_unavailable", error.to_string())
                    .remedy("ask again in a minute, or take the way without recognition")
            }
            RecognitionError::Search(error) => Self::internal("gallery_failed", &error),
            RecognitionError::Store(error) => {
                tracing::error!(error = %chain(&error), "store failed");
                Self::new(unavailable, "store_unavailable", said).remedy("ask again")
            }
            RecognitionError::NoEntropy(error) => Self::internal("no_entropy", &error),
            RecognitionError::UnknownCapture => {
                Self::not_found("unknown_capture", said).remedy("begin anew")
            }
            RecognitionError::Unfinished => {
                Self::new(StatusCode::CONFLICT, "capture_unfinished", said)
                    .remedy("send pictures until the step is \"done\"")
            }
            RecognitionError::Busy => Self::new(unavailable, "busy", said).remedy("ask again"),
            RecognitionError::TooManyWrongClaims => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_wrong_claims", said)
                    .remedy("wait ten minutes, or take the way without recognition")
            }
            RecognitionError::TooManySearches => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_searches", said)
                    .remedy("look through everything in one search; begin the next tomorrow")
            }
            RecognitionError::ClockSkew => Self::invalid("clock_skew", said)
                .remedy("send pictures within two seconds of taking them, timed by one clock"),
            RecognitionError::TooManyPictures => {
                Self::new(StatusCode::CONFLICT, "too_many_pictures", said).remedy("begin anew")
            }
            error @ RecognitionError::Picture(_) => picture(&error),
            RecognitionError::Studio(error) => Self::internal("analysis_failed", &error),
            RecognitionError::Template(error) => Self::internal("template_failed", &error),
            RecognitionError::Attestation(error) => {
                Self::invalid("bad_attestation", error.to_string())
            }
        }
    }
}

impl From<WelcomeError> for Problem {
    fn from(error: WelcomeError) -> Self {
        match error {
            WelcomeError::NotAlone => {
                Self::new(StatusCode::CONFLICT, "not_alone", error.to_string())
                    .remedy("step before the screen alone")
            }
            WelcomeError::Recognition(error) => error.into(),
            WelcomeError::Custody(error) => error.into(),
            WelcomeError::Engine(error) => error.into(),
        }
    }
}

/// What is wrong with a picture. The words are the reader's own about the form; no byte of the picture is among them.
fn picture(error: &RecognitionError) -> Problem {
    let detail = chain(error);
    if error.is_too_large() {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "picture_too_large", detail)
    } else if error.is_unknown_form() {
        Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_a_picture", detail)
            .remedy("send JPEG, PNG, WebP, GIF, BMP or TIFF")
    } else {
        Problem::invalid("bad_picture", detail).remedy("take the picture again")
    }
}
