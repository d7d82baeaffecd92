//! A record that answers as another one of its person, told to answer for itself on their own page.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use regard_domain::PersonId;
use regard_engine::{Authenticated, Custodian, CustodyError};
use serde::Deserialize;
use utoipa::ToSchema;

use super::own::{Act, ActForm, act};
use crate::app::App;
use crate::extract::Posted;
use crate::pages::{OwnDone, OwnMistake};
use crate::problem::Problem;

/// Which record is to answer for itself.
#[derive(Default, Deserialize, ToSchema)]
pub(crate) struct PartForm {
    /// What stood hidden in the form.
    #[serde(default)]
    form: String,
    /// Language of the page.
    lang: Option<String>,
    /// The record that is no longer answered with.
    #[serde(default)]
    record: String,
}

/// Has one of the records that answer as one answer for itself again, at once and without a question.
#[utoipa::path(
    post, path = "/me/part", tag = "person",
    request_body(content = PartForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Back to the page"), (status = 401, content_type = "text/html", description = "No page is open"), (status = 403, content_type = "text/html", description = "Not a form of this page"), (status = 422, content_type = "text/html", description = "No such record answers as one with this"))
)]
pub(crate) async fn part(
    State(app): State<App>,
    headers: HeaderMap,
    Posted(sent): Posted<PartForm>,
) -> Result<Response, Problem> {
    let form = ActForm {
        form: sent.form,
        lang: sent.lang,
        ..ActForm::default()
    };
    act(&app, &headers, form, Act::Part(sent.record.parse().ok())).await
}

/// Parts a record from that of whoever's page it is; one that is none, or answers for itself meanwhile, stood in an older page.
pub(super) async fn parted(
    custodian: &Custodian,
    who: &Authenticated,
    record: Option<PersonId>,
) -> Result<Result<OwnDone, OwnMistake>, CustodyError> {
    let Some(record) = record else {
        return Ok(Err(OwnMistake::FormTooOld));
    };
    match custodian.undo_own_merge(who.person(), record, false).await {
        Ok(_) => Ok(Ok(OwnDone::Parted)),
        Err(CustodyError::Merge(_)) => Ok(Err(OwnMistake::FormTooOld)),
        Err(error) => Err(error),
    }
}
