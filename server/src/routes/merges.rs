//! Records of one person that answer as one where people are looked for: made one by whoever shows both tokens or asks at the
//! desk, and two again.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use regard_commitments::{AdminAct, Refusal, RefusalCode};
use regard_domain::{GalleryId, PersonId};
use regard_engine::RecordMerge;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::recognition::known;
use crate::access::Guest;
use crate::app::App;
use crate::extract::{Body, Params, PathOf, Peer};
use crate::person_auth::{PersonOf, Unproven, check_acts, proven};
use crate::problem::Problem;

/// Two records of somebody who asks at the desk that they answer as one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewMerge {
    /// The record that is answered with no more; of one that answers as another, that other one.
    #[schema(value_type = String)]
    from: PersonId,
    /// The record that is answered with instead; of one that answers as another, that other one.
    #[schema(value_type = String)]
    into: PersonId,
    /// Whether their person is there, asked for it, and showed that both are theirs.
    #[serde(default)]
    has_asked: bool,
}

/// Another record of whoever asks.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnMerge {
    /// Its token. From now on it is answered with the record of whoever asks.
    token: String,
}

/// Two records of two people.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TwoPeople {
    /// The one.
    #[schema(value_type = String)]
    one: PersonId,
    /// The other.
    #[schema(value_type = String)]
    other: PersonId,
}

/// How a merge is undone.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UndoParams {
    /// Whether the two records turned out to be of two people: then they never answer as one again. No when left out.
    two_people: Option<bool>,
}

/// That a record answers as another one of the same person.
#[derive(Serialize, ToSchema)]
pub(crate) struct MergeWire {
    /// The record that is no longer answered with; by this name the merge is undone.
    from: String,
    /// The record that is answered with instead.
    into: String,
    /// Since when, microseconds since 1970-01-01 in UTC.
    at: i64,
}

impl From<RecordMerge> for MergeWire {
    fn from(merge: RecordMerge) -> Self {
        Self {
            from: merge.from.to_string(),
            into: merge.into.to_string(),
            at: merge.at.as_micros(),
        }
    }
}

/// Has two records of somebody answer as one where people are looked for: they ask at the desk. The consents to both to be found
/// have to hold, and when either ends the records are two again; erasing one erases both.
#[utoipa::path(
    post, path = "/v1/galleries/{gallery}/merges", tag = "console", request_body = NewMerge,
    params(("gallery" = String, Path, description = "Name of the gallery: visitors")),
    responses((status = 201, body = MergeWire), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn merge(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    PathOf(gallery): PathOf<GalleryId>,
    Body(new): Body<NewMerge>,
) -> Result<(StatusCode, Json<MergeWire>), Problem> {
    known(&gallery)?;
    if !new.has_asked {
        return Err(Problem::from(&Refusal::new(
            RefusalCode::ActMissing,
            "no records are made one of somebody who did not ask for it",
            "have the person ask, at the desk, show that both records are theirs, and say so",
        )));
    }
    let merged = app.engine.custodian().merge(new.from, new.into).await?;
    let subject = format!("{}\0{}", merged.from, merged.into);
    app.did(&guest, AdminAct::RecordsMerged, subject.as_bytes())
        .await?;
    Ok((StatusCode::CREATED, Json(merged.into())))
}

/// Has a record answer for itself again.
#[utoipa::path(
    delete, path = "/v1/galleries/{gallery}/merges/{person}", tag = "console",
    params(
        ("gallery" = String, Path, description = "Name of the gallery: visitors"),
        ("person" = String, Path, description = "The record that is no longer answered with"),
        UndoParams
    ),
    responses((status = 200, body = MergeWire, description = "What was undone"), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn undo_merge(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    PathOf((gallery, person)): PathOf<(GalleryId, PersonId)>,
    Params(params): Params<UndoParams>,
) -> Result<Json<MergeWire>, Problem> {
    known(&gallery)?;
    let are_two = params.two_people.unwrap_or(false);
    let undone = app.engine.custodian().undo_merge(person, are_two).await?;
    let subject = undone.from.to_string();
    app.did(&guest, AdminAct::MergeUndone, subject.as_bytes())
        .await?;
    Ok(Json(undone.into()))
}

/// Says that two records are of two people, who were seen in one picture or are known at the desk: they never answer as one.
#[utoipa::path(
    post, path = "/v1/galleries/{gallery}/two-people", tag = "console", request_body = TwoPeople,
    params(("gallery" = String, Path, description = "Name of the gallery: visitors")),
    responses((status = 204, description = "Noted"), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn tell_apart(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    PathOf(gallery): PathOf<GalleryId>,
    Body(two): Body<TwoPeople>,
) -> Result<StatusCode, Problem> {
    known(&gallery)?;
    let custodian = app.engine.custodian();
    custodian.tell_apart(two.one, two.other).await?;
    let subject = format!("{}\0{}", two.one, two.other);
    app.did(&guest, AdminAct::RecordsToldApart, subject.as_bytes())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Has another record of whoever asks, whose token they show too, answer as this one where people are looked for.
#[utoipa::path(
    post, path = "/v1/persons/me/merges", tag = "person", request_body = OwnMerge,
    responses((status = 201, body = MergeWire), (status = 401, body = Problem), (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn merge_own(
    State(app): State<App>,
    PersonOf(who): PersonOf,
    Peer(from): Peer,
    Body(other): Body<OwnMerge>,
) -> Result<(StatusCode, Json<MergeWire>), Unproven> {
    check_acts(&app, &who)?;
    let other = proven(&app, from, &other.token).await?;
    let custodian = app.engine.custodian();
    let merged = custodian.merge(other.person(), who.person()).await;
    let merged = merged.map_err(Problem::from)?;
    Ok((StatusCode::CREATED, Json(merged.into())))
}

/// Undoes a merge that the record of whoever asks is part of; it is never kept waiting.
#[utoipa::path(
    delete, path = "/v1/persons/me/merges/{person}", tag = "person",
    params(
        ("person" = String, Path, description = "The record that is no longer answered with"),
        UndoParams
    ),
    responses((status = 200, body = MergeWire, description = "What was undone"), (status = 401, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn undo_own(
    State(app): State<App>,
    PersonOf(who): PersonOf,
    PathOf(person): PathOf<PersonId>,
    Params(params): Params<UndoParams>,
) -> Result<Json<MergeWire>, Problem> {
    let are_two = params.two_people.unwrap_or(false);
    let custodian = app.engine.custodian();
    let undone = custodian.undo_own_merge(who.person(), person, are_two);
    Ok(Json(undone.await?.into()))
}
