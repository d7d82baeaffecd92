//! Recognition as those see it who run the site; the faces of a person; the key that assertions are checked with.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use regard_commitments::{AdminAct, PublicJwk, word};
use regard_domain::{GalleryId, PersonId, TemplateId};
use regard_engine::{MAX_ROSTER_PAGE, own_gallery};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Guest;
use crate::app::App;
use crate::extract::{Body, Params, PathOf};
use crate::person_auth::PersonOf;
use crate::problem::Problem;
use crate::wire::recognition::{
    Arming, CollectionLine, FaceWire, FacesWire, GalleryWire, PersonNoteWire, PersonsParams,
    PersonsWire, RecognitionWire, RekeyedWire, WishWire, WishesWire,
};

/// Persons of a page where nobody says how many.
pub(super) const PAGE: u32 = 50;

/// Keys as other programs read them.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeySet {
    /// RFC 7517; one Ed25519 key.
    #[schema(value_type = Vec<serde_json::Value>)]
    keys: Vec<PublicJwk>,
}

/// The keys that assertions of this site are checked with (RFC 7517, RFC 8037).
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "open", responses((status = 200, body = KeySet)))]
pub(crate) async fn keys(State(app): State<App>) -> Json<KeySet> {
    let key = app.engine.recognizer().assertions_key();
    Json(KeySet {
        keys: vec![PublicJwk::new(&key)],
    })
}

/// The faces that whoever asks has enrolled, without their numbers.
#[utoipa::path(
    get, path = "/v1/persons/me/faces", tag = "person",
    responses((status = 200, body = FacesWire), (status = 401, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn faces(
    State(app): State<App>,
    PersonOf(who): PersonOf,
) -> Result<Json<FacesWire>, Problem> {
    let notes = app.engine.custodian().faces(&who).await?;
    let faces = notes.into_iter().map(|note| FaceWire {
        template: note.template.to_string(),
        in_token: note.in_token,
        purposes: note.purposes.iter().map(ToString::to_string).collect(),
        made_at: note.made_at.as_micros(),
    });
    Ok(Json(FacesWire {
        faces: faces.collect(),
    }))
}

/// Removes one face of whoever asks: its template, or the key of its token, is destroyed. To replace it, enrol anew.
#[utoipa::path(
    delete, path = "/v1/persons/me/faces/{template}", tag = "person",
    params(("template" = String, Path, description = "Random id of the template")),
    responses((status = 204, description = "Gone"), (status = 401, body = Problem), (status = 404, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn remove_face(
    State(app): State<App>,
    PersonOf(who): PersonOf,
    PathOf(template): PathOf<TemplateId>,
) -> Result<StatusCode, Problem> {
    let removed = app.engine.custodian().remove_face(who.person(), template);
    if removed.await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        let detail = "there is no such face in this record";
        Err(Problem::not_found("unknown_face", detail))
    }
}

/// What decisions may know of whoever asks, who agreed to it: why a screen shows what it shows to them.
#[utoipa::path(
    get, path = "/v1/persons/me/wishes", tag = "person",
    responses((status = 200, body = WishesWire), (status = 401, body = Problem), (status = 403, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn wishes(
    State(app): State<App>,
    PersonOf(who): PersonOf,
) -> Result<Json<WishesWire>, Problem> {
    let known = app.engine.custodian().own_wishes(&who).await?;
    let wishes = known.sources.iter().map(|(name, source)| WishWire {
        name: format!("person.{name}"),
        value: serde_json::to_value(known.facts.get(name)).unwrap_or_default(),
        source: word(source),
    });
    Ok(Json(WishesWire {
        wishes: wishes.collect(),
    }))
}

/// Forgets one thing that decisions know of whoever asks: a preference they stated, or `visits`, which were counted.
#[utoipa::path(
    delete, path = "/v1/persons/me/wishes/{name}", tag = "person",
    params(("name" = String, Path, description = "Name of the wish, without person.")),
    responses((status = 204, description = "Forgotten"), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn forget_wish(
    State(app): State<App>,
    PersonOf(who): PersonOf,
    PathOf(name): PathOf<String>,
) -> Result<StatusCode, Problem> {
    if app.engine.custodian().forget_wish(&who, &name).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        let detail = "nothing of that name is known of this person";
        Err(Problem::not_found("unknown_wish", detail))
    }
}

/// How recognition stands: kinds and why they are off, galleries, checks that failed, error rates.
#[utoipa::path(
    get, path = "/v1/recognition", tag = "console",
    responses((status = 200, body = RecognitionWire), (status = 401, body = Problem), (status = 403, body = Problem))
)]
pub(crate) async fn standing(State(app): State<App>) -> Json<RecognitionWire> {
    Json(standing_of(&app).await)
}

pub(super) async fn standing_of(app: &App) -> RecognitionWire {
    let recognizer = app.engine.recognizer();
    let faults = recognizer.liveness_faults().into_iter();
    let galleries = recognizer.galleries().await.into_iter();
    let custody = app.engine.commitments().document().custody;
    let collections = app.engine.collections().of_all_services().into_iter();
    RecognitionWire {
        kinds: recognizer.kinds().into_iter().map(Into::into).collect(),
        galleries: galleries
            .map(|one| GalleryWire::new(&one, custody))
            .collect(),
        collections: collections
            .map(|(service, info, until)| CollectionLine {
                collection: info.collection.to_string(),
                service,
                n_faces: info.n_faces,
                n_names: info.n_names,
                created_at: info.created_at.as_micros(),
                until: until.as_micros(),
            })
            .collect(),
        liveness_faults: faults
            .map(|(fault, n)| (fault.as_str().to_owned(), n))
            .collect(),
        verify_fmr: recognizer.config().verify_fmr.get(),
        identify_fpir: recognizer.config().identify_fpir.get(),
        measured_on: recognizer.scale().data().to_owned(),
    }
}

pub(super) fn known(gallery: &GalleryId) -> Result<(), Problem> {
    if *gallery == own_gallery() {
        Ok(())
    } else {
        let detail = format!("there is no gallery {gallery} of the site's own");
        Err(Problem::not_found("unknown_gallery", detail)
            .remedy(format!("the gallery of visitors is {}", own_gallery())))
    }
}

/// Arms the gallery, so that it is searched after an act, or disarms it. It stays so over restarts.
#[utoipa::path(
    put, path = "/v1/galleries/{gallery}/armed", tag = "admin", request_body = Arming,
    params(("gallery" = String, Path, description = "Name of the gallery: visitors")),
    responses((status = 204, description = "Done"), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn arm(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    PathOf(gallery): PathOf<GalleryId>,
    Body(arming): Body<Arming>,
) -> Result<StatusCode, Problem> {
    known(&gallery)?;
    app.engine.recognizer().arm(arming.is_armed).await?;
    let act = if arming.is_armed {
        AdminAct::GalleryArmed
    } else {
        AdminAct::GalleryDisarmed
    };
    app.did(&guest, act, gallery.as_str().as_bytes()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Turns the gallery over to a fresh secret, while it is searched: what leaked of the older one matches nothing any more.
#[utoipa::path(
    post, path = "/v1/galleries/{gallery}/rekey", tag = "admin",
    params(("gallery" = String, Path, description = "Name of the gallery: visitors")),
    responses((status = 200, body = RekeyedWire), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn rekey(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    PathOf(gallery): PathOf<GalleryId>,
) -> Result<Json<RekeyedWire>, Problem> {
    known(&gallery)?;
    let engine = app.engine.clone();
    // It goes on when whoever asked has gone.
    let rekeyed = tokio::spawn(async move { engine.custodian().rekey_gallery().await });
    let rekeyed = rekeyed
        .await
        .map_err(|error| Problem::internal("gallery_failed", &error))??;
    let name = gallery.as_str().as_bytes();
    app.did(&guest, AdminAct::GalleryRekeyed, name).await?;
    Ok(Json(RekeyedWire {
        n_templates: rekeyed.n_templates,
        n_left_out: rekeyed.n_left_out,
    }))
}

/// Who enrolled, by random ids, page by page; the ledger says who read it.
#[utoipa::path(
    get, path = "/v1/persons", tag = "console", params(PersonsParams),
    responses((status = 200, body = PersonsWire), (status = 401, body = Problem), (status = 403, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn persons(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    Params(params): Params<PersonsParams>,
) -> Result<Json<PersonsWire>, Problem> {
    let limit = params.limit.unwrap_or(PAGE);
    if !(1..=MAX_ROSTER_PAGE).contains(&limit) {
        let detail = format!("a page has 1 to {MAX_ROSTER_PAGE} persons");
        return Err(Problem::invalid("bad_limit", detail));
    }
    Ok(Json(persons_page(&app, &guest, params.after, limit).await?))
}

/// A page of who enrolled, once the ledger has said who reads it.
pub(super) async fn persons_page(
    app: &App,
    guest: &Guest,
    after: Option<PersonId>,
    limit: u32,
) -> Result<PersonsWire, Problem> {
    app.did(guest, AdminAct::RowsRead, b"/v1/persons").await?;
    let notes = app.engine.custodian().roster(after, limit).await?;
    let is_full = notes.len() >= limit as usize;
    let next = notes.last().filter(|_| is_full);
    Ok(PersonsWire {
        next: next.map(|note| note.person.to_string()),
        persons: notes.iter().map(PersonNoteWire::from).collect(),
    })
}
