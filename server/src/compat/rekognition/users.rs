//! Users of a collection: several faces that are one person's.

use regard_commitments::Digest;
use regard_domain::{GalleryId, TemplateId};
use regard_engine::{CollectedFace, CollectionError, Collections, Leave};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Call;
use super::collections::with_next;
use super::faces::id_json;
use super::fault::Fault;
use super::input;
use crate::compat::uuid_of;

/// Faces of one user, and of one request about one.
const MAX_USER_FACES: usize = 100;

/// Users on a page.
const MAX_PAGE: usize = 500;

/// From which similarity a face is taken to be a user's where the client says nothing.
const ASSOCIATED: f32 = 75.0;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfUser {
    collection_id: Option<String>,
    user_id: Option<String>,
    client_request_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListUsers {
    collection_id: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfFaces {
    collection_id: Option<String>,
    user_id: Option<String>,
    face_ids: Option<Vec<String>>,
    user_match_threshold: Option<f64>,
    client_request_token: Option<String>,
}

/// A request that may be sent again.
#[derive(Clone, Copy)]
struct Once {
    token: Option<Digest>,
    request: Digest,
}

impl Call {
    /// Whether a request went through before under its token.
    fn once(&self, operation: &str, token: Option<&str>) -> Result<(Once, bool), Fault> {
        let token = input::request_token(token)?;
        let part = |text: &str| Digest::of(&[text.as_bytes()]);
        let token = token.map(|token| part(&format!("{operation}/{}/{token}", self.service())));
        let request = Digest::of(&[&self.body[..]]);
        let is_repeated = match &token {
            Some(token) => self.app.repeats.is_repeated(token, &request)?,
            None => false,
        };
        Ok((Once { token, request }, is_repeated))
    }

    fn done(&self, once: Once) {
        if let Some(token) = once.token {
            self.app.repeats.went_through(token, once.request);
        }
    }

    /// The collection and user of a request.
    fn of_user(&self) -> Result<(GalleryId, String, OfUser), Fault> {
        let request: OfUser = input::read(&self.body)?;
        let collection = input::collection(request.collection_id.as_deref())?;
        let user = input::user(request.user_id.as_deref())?;
        Ok((Collections::id_of(&collection), user, request))
    }

    pub(super) async fn create_user(&self) -> Result<Value, Fault> {
        let (id, user, request) = self.of_user()?;
        let (once, is_repeated) =
            self.once("CreateUser", request.client_request_token.as_deref())?;
        if !is_repeated {
            let collections = self.collections();
            collections.add_name(self.service(), &id, &user).await?;
            self.done(once);
        }
        Ok(json!({}))
    }

    pub(super) async fn delete_user(&self) -> Result<Value, Fault> {
        let (id, user, request) = self.of_user()?;
        let (once, is_repeated) =
            self.once("DeleteUser", request.client_request_token.as_deref())?;
        if !is_repeated {
            let collections = self.collections();
            collections.release_name(self.service(), &id, &user).await?;
            self.done(once);
        }
        Ok(json!({}))
    }

    pub(super) fn list_users(&self) -> Result<Value, Fault> {
        let request: ListUsers = input::read(&self.body)?;
        let name = input::collection(request.collection_id.as_deref())?;
        let size = input::number("maxResults", request.max_results, (1, MAX_PAGE), MAX_PAGE)?;
        let pages = self.pages("ListUsers", &name);
        let from = pages.begin(request.next_token.as_deref())?;
        let id = Collections::id_of(&name);
        let users = self.collections().names(self.service(), &id)?;
        let (users, next) = pages.page(users, from, size);
        let users: Vec<Value> = users
            .into_iter()
            .map(|user| json!({ "UserId": user, "UserStatus": "ACTIVE" }))
            .collect();
        let mut answer = json!({ "Users": users });
        with_next(&mut answer, next);
        Ok(answer)
    }

    /// The faces of a user, where there is such a user.
    fn faces_of(&self, id: &GalleryId, user: &str) -> Result<Vec<TemplateId>, Fault> {
        let (collections, service) = (self.collections(), self.service());
        let names = collections.names(service, id)?;
        if !names.iter().any(|known| known == user) {
            return Err(CollectionError::UnknownName.into());
        }
        let faces = collections.faces(service, id, Some(user))?;
        Ok(faces.iter().map(|face| face.id).collect())
    }

    /// How near a face is to those of a user, in percent; of a user without any, as near as can be.
    fn nearness(&self, leave: &Leave, face: TemplateId, own: &[TemplateId]) -> Result<f32, Fault> {
        let collections = self.collections();
        let mut nearest: Option<f32> = None;
        for known in own {
            let similarity = collections.compare(leave, face, *known)?;
            let percent = collections.percent_score(similarity, 1);
            nearest = Some(nearest.map_or(percent, |before| before.max(percent)));
        }
        Ok(nearest.unwrap_or(100.0))
    }

    pub(super) async fn associate_faces(&self) -> Result<Value, Fault> {
        let request: OfFaces = input::read(&self.body)?;
        let collection = input::collection(request.collection_id.as_deref())?;
        let user = input::user(request.user_id.as_deref())?;
        let faces = input::faces(request.face_ids.as_deref(), MAX_USER_FACES)?;
        let least = input::percent(
            "userMatchThreshold",
            request.user_match_threshold,
            ASSOCIATED,
        )?;
        // Done again, it does the same again; only another request under its token is an error.
        let (once, _) = self.once("AssociateFaces", request.client_request_token.as_deref())?;
        let id = Collections::id_of(&collection);
        let mut own = self.faces_of(&id, &user)?;
        let leave = self.ask(&id, false).await?;
        let (collections, service) = (self.collections(), self.service());
        let (mut taken, mut left) = (Vec::new(), Vec::new());
        for face in faces {
            let uuid = uuid_of(face.as_bits());
            match collections.face(service, &id, face) {
                Err(_) => left.push(json!({ "FaceId": uuid, "Reasons": ["FACE_NOT_FOUND"] })),
                Ok(CollectedFace {
                    name: Some(other), ..
                }) if other != user => left.push(json!({
                    "FaceId": uuid, "UserId": other, "Reasons": ["ASSOCIATED_TO_A_DIFFERENT_USER"],
                })),
                Ok(_) if own.contains(&face) => taken.push(id_json(face)),
                Ok(_) => {
                    let percent = self.nearness(&leave, face, &own)?;
                    if percent < least {
                        left.push(json!({
                            "FaceId": uuid, "Confidence": percent, "Reasons": ["LOW_MATCH_CONFIDENCE"],
                        }));
                        continue;
                    }
                    if own.len() >= MAX_USER_FACES {
                        let message = format!("a user has at most {MAX_USER_FACES} faces");
                        return Err(Fault::quota(message));
                    }
                    collections
                        .assign(service, &id, (face, Some(&user)))
                        .await?;
                    own.push(face);
                    taken.push(id_json(face));
                }
            }
        }
        self.done(once);
        Ok(json!({
            "AssociatedFaces": taken,
            "UnsuccessfulFaceAssociations": left,
            "UserStatus": "ACTIVE",
        }))
    }

    pub(super) async fn disassociate_faces(&self) -> Result<Value, Fault> {
        let request: OfFaces = input::read(&self.body)?;
        let collection = input::collection(request.collection_id.as_deref())?;
        let user = input::user(request.user_id.as_deref())?;
        let faces = input::faces(request.face_ids.as_deref(), MAX_USER_FACES)?;
        let (once, _) = self.once("DisassociateFaces", request.client_request_token.as_deref())?;
        let id = Collections::id_of(&collection);
        let own = self.faces_of(&id, &user)?;
        let (collections, service) = (self.collections(), self.service());
        let (mut released, mut left) = (Vec::new(), Vec::new());
        for face in faces {
            if own.contains(&face) {
                collections.assign(service, &id, (face, None)).await?;
                released.push(id_json(face));
                continue;
            }
            let found = collections.face(service, &id, face).ok();
            let reason = match found.and_then(|face| face.name) {
                Some(_) => "ASSOCIATED_TO_A_DIFFERENT_USER",
                None => "FACE_NOT_FOUND",
            };
            left.push(json!({ "FaceId": uuid_of(face.as_bits()), "Reasons": [reason] }));
        }
        self.done(once);
        Ok(json!({
            "DisassociatedFaces": released,
            "UnsuccessfulFaceDisassociations": left,
            "UserStatus": "ACTIVE",
        }))
    }
}
