//! The token of a person: who shows it may do with that person's record what the person may, and nothing else.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use regard_commitments::FaceTokenFault;
use regard_engine::{Authenticated, CustodyError, MergeFault, RecognitionError};

use crate::access::locked_out;
use crate::app::App;
use crate::extract::Peer;
use crate::problem::{Problem, chain};

/// Scheme of the header: another than the console's, so that neither token passes for the other.
pub(crate) const SCHEME: &str = "Person ";

/// The person who asks, by the header `Authorization: Person TOKEN`. There is no cookie: no page of another site can act
/// for them.
pub(crate) struct PersonOf(pub(crate) Authenticated);

impl FromRequestParts<App> for PersonOf {
    type Rejection = Unproven;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Unproven> {
        let sent = parts.headers.get(header::AUTHORIZATION);
        let token = sent.and_then(|value| value.to_str().ok()?.strip_prefix(SCHEME));
        let token = token.ok_or_else(|| {
            Unproven::Problem(unknown(
                "this needs the token that was shown when enrolling",
            ))
        })?;
        let from = Peer::of(&parts.extensions).0;
        proven(app, from, token).await.map(Self)
    }
}

/// Why somebody is not taken for a person.
pub(crate) enum Unproven {
    /// Too many wrong tokens came from there.
    LockedOut,
    /// Anything else.
    Problem(Problem),
}

impl From<Problem> for Unproven {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<RecognitionError> for Unproven {
    fn from(error: RecognitionError) -> Self {
        Self::Problem(error.into())
    }
}

impl IntoResponse for Unproven {
    fn into_response(self) -> Response {
        match self {
            Self::LockedOut => locked_out().into_response(),
            Self::Problem(problem) => problem.into_response(),
        }
    }
}

/// Who shows this token. Wrong ones are counted by network, and after five nobody is let in from there for the rest of the
/// minute, but for those whose token was right a while ago. One count for the page and for programs.
pub(crate) async fn proven(
    app: &App,
    from: IpAddr,
    token: &str,
) -> Result<Authenticated, Unproven> {
    let (own, now) = (&app.access.own, app.engine.now());
    let attempt = if own.acquainted.knows(token, now) {
        None
    } else {
        let attempt = own.lockout.attempt(from, None, now);
        Some(attempt.ok_or(Unproven::LockedOut)?)
    };
    match app.engine.custodian().authenticate(token).await {
        Ok(who) => {
            own.acquainted.learn(token, now);
            attempt.into_iter().for_each(|one| own.lockout.forgive(one));
            Ok(who)
        }
        Err(CustodyError::UnknownToken) => {
            tracing::warn!("wrong token of a person");
            own.acquainted.forget(token);
            // One that was right a while ago was erased since: no guess.
            if let Some(attempt) = attempt {
                app.access.tell_lockout(attempt.locked_now(), now).await;
            }
            Err(Unproven::Problem(unknown("the token is not known here")))
        }
        Err(error) => {
            attempt.into_iter().for_each(|one| own.lockout.forgive(one));
            Err(Unproven::Problem(error.into()))
        }
    }
}

/// Whether a person may change their record once more within the hour.
pub(crate) fn check_acts(app: &App, who: &Authenticated) -> Result<(), Problem> {
    let now = app.engine.now();
    if app.access.own.acquainted.may_act(who.person(), now) {
        return Ok(());
    }
    let status = StatusCode::TOO_MANY_REQUESTS;
    let detail = "this record was changed sixty times within an hour";
    Err(Problem::new(status, "too_many_changes", detail)
        .remedy("wait an hour; taking a consent back and erasing are never kept waiting"))
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

impl From<MergeFault> for Problem {
    fn from(fault: MergeFault) -> Self {
        let said = fault.to_string();
        let conflict =
            |code: &'static str, said: String| Self::new(StatusCode::CONFLICT, code, said);
        match fault {
            MergeFault::OneRecord => Self::invalid("one_record", said),
            MergeFault::AlreadyOne => conflict("already_one", said).remedy("undo that first"),
            MergeFault::TwoPeople => conflict("two_people", said).remedy(
                "leave them two; whoever has two records of one face enrols anew under one",
            ),
            MergeFault::NotMerged => Self::not_found("not_merged", said),
            MergeFault::UnknownRecord => Self::not_found("unknown_person", said),
            MergeFault::TooManyOthers { .. } => conflict("too_many_others", said)
                .remedy("undo the merge without saying that they are two people"),
        }
    }
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
            CustodyError::Merge(fault) => (*fault).into(),
            CustodyError::NoTemplate => Self::invalid("no_template", error.to_string()),
            CustodyError::FaceToken(fault) => face_token(*fault),
            CustodyError::Gallery(_) => Self::internal("gallery_failed", &error),
            CustodyError::Damaged => Self::internal("record_damaged", &error),
        }
    }
}
