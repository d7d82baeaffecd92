//! A record that answers as another one of its person, told to answer for itself on their own page.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use regard_domain::PersonId;
use regard_engine::CustodyError;
use serde::Deserialize;
use utoipa::ToSchema;

use super::own::{back, mistake_of, mistaken, page_of};
use crate::access::Own;
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
    let lang = sent.lang.as_deref();
    let who = match page_of(&app, &headers, &sent.form) {
        Ok((_, Own::Record(who))) => who,
        Ok((_, Own::Erased(_))) => {
            let mistake = (StatusCode::UNAUTHORIZED, OwnMistake::Over);
            return mistaken(&app, &headers, lang, mistake).await;
        }
        Err(mistake) => return mistaken(&app, &headers, lang, mistake).await,
    };
    let custodian = app.engine.custodian();
    let too_old = (StatusCode::UNPROCESSABLE_ENTITY, OwnMistake::FormTooOld);
    let mistake = match sent.record.parse::<PersonId>() {
        Ok(record) => match custodian.undo_own_merge(who.person(), record, false).await {
            Ok(_) => {
                return Ok(back(&app, &headers, lang, Some(OwnDone::Parted)).into_response());
            }
            Err(CustodyError::Merge(_)) => too_old,
            Err(error) => mistake_of(error)?,
        },
        Err(_) => too_old,
    };
    mistaken(&app, &headers, lang, mistake).await
}
