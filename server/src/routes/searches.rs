//! Photographs searched for one person who shows their token.

use axum::Json;
use axum::extract::multipart::MultipartRejection;
use axum::extract::{Multipart, State};
use axum::http::StatusCode;
use regard_commitments::{Refusal, RefusalCode};
use regard_engine::{Claim, SearchId, SearchedPicture};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::captures::{MAX_PICTURES, bytes_in};
use crate::app::App;
use crate::extract::{Body, PathOf, Peer};
use crate::person_auth::{Unproven, proven};
use crate::problem::Problem;

/// For whom photographs are searched: exactly one token of theirs.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSearch {
    /// The text of their face token, under custody `in_persons_hands`.
    face_token: Option<String>,
    /// The token of their record, where the site holds templates.
    person_token: Option<String>,
}

/// A search that began.
#[derive(Serialize, ToSchema)]
pub(crate) struct SearchWire {
    /// Its name.
    search: String,
    /// Until when it may go on, in microseconds; it ends sooner with the consent.
    until: i64,
    /// On which faces it was measured what similarities are worth.
    measured_on: String,
}

/// A face of a picture, and how near it is to that of the person.
#[derive(Serialize, ToSchema)]
pub(crate) struct ComparedWire {
    /// Left edge in pixels of the upright picture.
    left: f32,
    /// Top edge.
    top: f32,
    /// Width.
    width: f32,
    /// Height.
    height: f32,
    /// Raw output of the detector.
    score: f32,
    /// Cosine, greater is nearer; null where the face cannot be compared. What it is worth depends on how many faces are looked
    /// at.
    similarity: Option<f32>,
}

/// A picture that was searched.
#[derive(Serialize, ToSchema)]
pub(crate) struct SearchedWire {
    /// Width of the upright picture in pixels.
    width: u32,
    /// Height.
    height: u32,
    /// Its faces, the largest first.
    faces: Vec<ComparedWire>,
}

/// Pictures that were searched, in their order.
#[derive(Serialize, ToSchema)]
pub(crate) struct SearchedPicturesWire {
    pictures: Vec<SearchedWire>,
}

impl From<SearchedPicture> for SearchedWire {
    fn from(searched: SearchedPicture) -> Self {
        let faces = searched.faces.into_iter().map(|face| ComparedWire {
            left: face.bbox_in_frame.left(),
            top: face.bbox_in_frame.top(),
            width: face.bbox_in_frame.width(),
            height: face.bbox_in_frame.height(),
            score: face.score.get(),
            similarity: face.similarity.map(regard_identity::Similarity::get),
        });
        Self {
            width: searched.size.width,
            height: searched.size.height,
            faces: faces.collect(),
        }
    }
}

/// Begins to look for somebody in photographs: by their token, under their consent to `analyse_library`.
#[utoipa::path(
    post, path = "/v1/searches", tag = "console", request_body = NewSearch,
    responses((status = 201, body = SearchWire), (status = 401, body = Problem), (status = 403, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn begin(
    State(app): State<App>,
    Peer(from): Peer,
    Body(new): Body<NewSearch>,
) -> Result<(StatusCode, Json<SearchWire>), Unproven> {
    let recognizer = app.engine.recognizer();
    let begun = match (&new.face_token, &new.person_token) {
        (Some(token), None) => recognizer.begin_search(Claim::FaceToken(token)).await,
        (None, Some(token)) => {
            let who = proven(&app, from, token).await?;
            recognizer.begin_search(Claim::Own(&who)).await
        }
        (None, None) => {
            return Err(Problem::from(&Refusal::new(
                RefusalCode::UntargetedCollection,
                "photographs are searched for somebody who shows their token, and for nobody else",
                "have the person enrol, agree to analyse_library, and hand over their face token",
            ))
            .into());
        }
        (Some(_), Some(_)) => {
            let detail = "a search is for a face token or for the token of a record, one of them";
            return Err(Problem::invalid("bad_claim", detail).into());
        }
    };
    let begun = begun?;
    let wire = SearchWire {
        search: begun.id.to_string(),
        until: begun.until.as_micros(),
        measured_on: recognizer.scale().data().to_owned(),
    };
    Ok((StatusCode::CREATED, Json(wire)))
}

/// Form of photographs.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form to readers of the document")]
pub(crate) struct PhotosForm {
    /// JPEG, PNG, WebP, GIF, BMP or TIFF, at most 12 MiB, or a part of one; repeated at will.
    #[schema(value_type = String, format = Binary)]
    picture: Vec<u8>,
}

/// Compares the faces of photographs with that of the person. Nothing of the photographs is kept.
#[utoipa::path(
    post, path = "/v1/searches/{id}/pictures", tag = "console",
    params(("id" = String, Path, description = "Name of the search")),
    request_body(content = PhotosForm, content_type = "multipart/form-data"),
    responses((status = 200, body = SearchedPicturesWire), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn pictures(
    State(app): State<App>,
    PathOf(id): PathOf<SearchId>,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Json<SearchedPicturesWire>, Problem> {
    let mut form = form?;
    let mut searched = Vec::new();
    while let Some(field) = form.next_field().await? {
        if field.name() != Some("picture") {
            continue;
        }
        if searched.len() >= MAX_PICTURES {
            let detail = format!("at most {MAX_PICTURES} pictures at once");
            return Err(Problem::invalid("too_many_pictures", detail));
        }
        let bytes = bytes_in(field).await?;
        let recognizer = app.engine.recognizer();
        searched.push(recognizer.search_picture(id, bytes).await?.into());
    }
    if searched.is_empty() {
        let detail = "the form has no field \"picture\"";
        return Err(Problem::invalid("picture_missing", detail));
    }
    Ok(Json(SearchedPicturesWire { pictures: searched }))
}

/// Ends a search; the template it compared with is overwritten.
#[utoipa::path(
    delete, path = "/v1/searches/{id}", tag = "console",
    params(("id" = String, Path, description = "Name of the search")),
    responses((status = 204, description = "Nothing is left of it"), (status = 401, body = Problem), (status = 403, body = Problem))
)]
pub(crate) async fn end(
    State(app): State<App>,
    PathOf(id): PathOf<SearchId>,
) -> Result<StatusCode, Problem> {
    app.engine.recognizer().end_search(id);
    Ok(StatusCode::NO_CONTENT)
}
