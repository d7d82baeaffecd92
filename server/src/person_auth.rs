//! The token of a person: who shows it may do with that person's record what the person may, and nothing else.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::header;
use axum::http::request::Parts;
use regard_commitments::FaceTokenFault;
use regard_engine::{Authenticated, CustodyError};

use crate::app::App;
use crate::problem::{Problem, chain};

/// Scheme of the header: another than the console's, so that neither token passes for the other.
const SCHEME: &str = "Person ";

/// The person who asks, by the header `Authorization: Person TOKEN`. There is no cookie: no page of another site can act
/// for them.
pub(crate) struct PersonOf(pub(crate) Authenticated);

impl FromRequestParts<App> for PersonOf {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let sent = parts.headers.get(header::AUTHORIZATION);
        let token = sent.and_then(|value| value.to_str().ok()?.strip_prefix(SCHEME));
        let token =
            token.ok_or_else(|| unknown("this needs the token that was shown when enrolling"))?;
        let who = app.engine.custodian().authenticate(token).await;
        who.map(Self).map_err(Problem::from)
    }
}

/// The same answer for every token that is no living person's.
fn unknown(detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "person_token_unknown", detail).remedy(
        "send it as \"Authorization: Person TOKEN\"; a record that was erased has none any more",
    )
}

/// What to say of a face token that opens nothing: the same whether its key was erased, withdrawn or never there.
fn face_token(fault: FaceTokenFault) -> Problem {
    let code = match fault {
        FaceTokenFault::NotAToken => "not_a_face_token",
        FaceTokenFault::Foreign => "foreign_face_token",
        FaceTokenFault::Expired => "face_token_expired",
        FaceTokenFault::DoesNotOpen => "face_token_unknown",
    };
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, fault.to_string())
        .remedy("show the code that was given when enrolling, or enrol anew")
}

impl From<CustodyError> for Problem {
    fn from(error: CustodyError) -> Self {
        let unavailable = StatusCode::SERVICE_UNAVAILABLE;
        match &error {
            CustodyError::Refused(refusal) => Self::from(refusal),
            CustodyError::UnknownToken => unknown("the token is not known here"),
            CustodyError::TooLarge { .. } => {
                Self::invalid("preferences_too_large", error.to_string())
            }
            CustodyError::Unrecorded => {
                tracing::error!(error = %chain(&error), "done, and not in the ledger yet");
                Self::new(unavailable, "not_recorded_yet", error.to_string())
                    .remedy("it holds; ask again later for the proof")
            }
            CustodyError::Store(_) | CustodyError::SiteKey(_) | CustodyError::SiteKeyFile(_) => {
                tracing::error!(error = %chain(&error), "custody failed");
                Self::new(unavailable, "custody_unavailable", error.to_string()).remedy("ask again")
            }
            CustodyError::TooManyFaces { .. } => {
                Self::new(StatusCode::CONFLICT, "too_many_faces", error.to_string())
            }
            CustodyError::NoTemplate => Self::invalid("no_template", error.to_string()),
            CustodyError::FaceToken(fault) => face_token(*fault),
            CustodyError::Gallery(_) => Self::internal("gallery_failed", &error),
            CustodyError::Damaged => Self::internal("record_damaged", &error),
        }
    }
}
