//! Searches: who of a collection is nearest. Each is somebody's act.

use regard_domain::GalleryId;
use regard_engine::{Collections, FoundFace, Leave, Looked, MAX_FOUND};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Call;
use super::detail::{MODEL_VERSION, bounding_box, confidence, face_detail, face_json, faults_of};
use super::faces::{MATCH, id_json, no_face};
use super::fault::Fault;
use super::input::{self, Image};

/// Most users that one search tells.
const MAX_USERS: usize = 500;

/// Faces and users told where the client says nothing.
const DEFAULT_MOST: usize = 80;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SearchFaces {
    collection_id: Option<String>,
    face_id: Option<String>,
    max_faces: Option<i64>,
    face_match_threshold: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SearchFacesByImage {
    collection_id: Option<String>,
    #[serde(default)]
    image: Image,
    max_faces: Option<i64>,
    face_match_threshold: Option<f64>,
    quality_filter: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SearchUsers {
    collection_id: Option<String>,
    user_id: Option<String>,
    face_id: Option<String>,
    user_match_threshold: Option<f64>,
    max_users: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SearchUsersByImage {
    collection_id: Option<String>,
    #[serde(default)]
    image: Image,
    user_match_threshold: Option<f64>,
    max_users: Option<i64>,
    quality_filter: Option<String>,
}

/// How many are told, and from which similarity on.
struct Limits {
    most: usize,
    least: f32,
}

/// A search by the largest face of a picture.
struct ByPicture {
    id: GalleryId,
    looked: Looked,
    found: Vec<FoundFace>,
    /// Faces that were not good enough to be searched for, by their places.
    passed_over: Vec<(usize, Vec<&'static str>)>,
    /// The place of the one that was.
    at: usize,
}

impl Call {
    /// The collection of a search, where there is one.
    fn searched(&self, name: Option<&str>) -> Result<GalleryId, Fault> {
        let id = Collections::id_of(&input::collection(name)?);
        self.collections().describe(self.service(), &id)?;
        Ok(id)
    }

    fn n_faces(&self, id: &GalleryId) -> Result<u64, Fault> {
        Ok(self.collections().describe(self.service(), id)?.n_faces)
    }

    /// The faces within limits, with their percentages.
    fn within(
        &self,
        found: &[FoundFace],
        id: &GalleryId,
        limits: &Limits,
    ) -> Result<Vec<Value>, Fault> {
        let (collections, n) = (self.collections(), self.n_faces(id)?);
        let scored = found.iter().map(|one| {
            let percent = collections.percent_score(one.similarity, n);
            (percent, &one.face)
        });
        let near = scored.take_while(|(percent, _)| *percent >= limits.least);
        let near = near.take(limits.most);
        Ok(near
            .map(|(percent, face)| json!({ "Similarity": percent, "Face": face_json(face) }))
            .collect())
    }

    /// The users within limits, each by the nearest of their faces.
    fn users_within(
        &self,
        found: &[FoundFace],
        id: &GalleryId,
        limits: &Limits,
    ) -> Result<Vec<Value>, Fault> {
        let (collections, n) = (self.collections(), self.n_faces(id)?);
        let mut users: Vec<(&str, f32)> = Vec::new();
        for one in found {
            let percent = collections.percent_score(one.similarity, n);
            if percent < limits.least || users.len() == limits.most {
                break;
            }
            if let Some(user) = one.face.name.as_deref()
                && !users.iter().any(|(known, _)| *known == user)
            {
                users.push((user, percent));
            }
        }
        let users = users.into_iter();
        Ok(users
            .map(|(user, percent)| {
                json!({ "Similarity": percent, "User": { "UserId": user, "UserStatus": "ACTIVE" } })
            })
            .collect())
    }

    pub(super) async fn search_faces(&self) -> Result<Value, Fault> {
        let request: SearchFaces = input::read(&self.body)?;
        let face = input::face(request.face_id.as_deref())?;
        let limits = Limits {
            most: input::number("maxFaces", request.max_faces, (1, MAX_FOUND), DEFAULT_MOST)?,
            least: input::percent("faceMatchThreshold", request.face_match_threshold, MATCH)?,
        };
        let id = self.searched(request.collection_id.as_deref())?;
        let leave = self.ask(&id, true).await?;
        let collections = self.collections();
        // A face that is not there is a parameter that is not valid, says AWS.
        let known = collections.face(self.service(), &id, face);
        known.map_err(|_| Fault::invalid("faceId was not found in the collection"))?;
        let found = collections.search_face(&leave, face)?;
        let mut answer = json!({
            "FaceMatches": self.within(&found, &id, &limits)?,
            "FaceModelVersion": MODEL_VERSION,
        });
        answer["SearchedFaceId"] = id_json(face)["FaceId"].take();
        Ok(answer)
    }

    async fn by_picture(
        &self,
        collection: Option<&str>,
        image: Image,
        quality: Option<&str>,
    ) -> Result<ByPicture, Fault> {
        let floor = input::quality(quality, "NONE")?;
        let id = self.searched(collection)?;
        let leave: Leave = self.ask(&id, true).await?;
        let mut looked = self.look_to_compare(image).await?;
        let mut passed_over = Vec::new();
        let mut at = None;
        for (place, seen) in looked.faces.iter().enumerate() {
            let reasons = faults_of(seen, floor);
            match (reasons.is_empty(), at) {
                (true, None) => at = Some(place),
                (true, Some(_)) => passed_over.push((place, vec!["FACE_NOT_LARGEST"])),
                (false, _) => passed_over.push((place, reasons)),
            }
        }
        let at = at.ok_or_else(no_face)?;
        let collections = self.collections();
        let probe = collections
            .probes(&leave, &mut looked, &[at])
            .await?
            .pop()
            .flatten();
        let found = collections.search(&leave, &probe.ok_or_else(no_face)?)?;
        Ok(ByPicture {
            id,
            looked,
            found,
            passed_over,
            at,
        })
    }

    pub(super) async fn search_faces_by_image(&self) -> Result<Value, Fault> {
        let request: SearchFacesByImage = input::read(&self.body)?;
        let limits = Limits {
            most: input::number("maxFaces", request.max_faces, (1, MAX_FOUND), DEFAULT_MOST)?,
            least: input::percent("faceMatchThreshold", request.face_match_threshold, MATCH)?,
        };
        let quality = request.quality_filter.as_deref();
        let searched = self
            .by_picture(request.collection_id.as_deref(), request.image, quality)
            .await?;
        let looked = &searched.looked;
        let seen = looked.faces.get(searched.at).ok_or_else(no_face)?;
        Ok(json!({
            "SearchedFaceBoundingBox": bounding_box(looked, seen),
            "SearchedFaceConfidence": confidence(seen.face.score.get()),
            "FaceMatches": self.within(&searched.found, &searched.id, &limits)?,
            "FaceModelVersion": MODEL_VERSION,
        }))
    }

    pub(super) async fn search_users(&self) -> Result<Value, Fault> {
        let request: SearchUsers = input::read(&self.body)?;
        let limits = Limits {
            most: input::number("maxUsers", request.max_users, (1, MAX_USERS), DEFAULT_MOST)?,
            least: input::percent("userMatchThreshold", request.user_match_threshold, MATCH)?,
        };
        let id = self.searched(request.collection_id.as_deref())?;
        let (collections, service) = (self.collections(), self.service());
        let mut answer = json!({ "FaceModelVersion": MODEL_VERSION });
        let found = match (request.face_id.as_deref(), request.user_id.as_deref()) {
            (Some(face), None) => {
                let face = input::face(Some(face))?;
                answer["SearchedFace"] = id_json(face);
                let leave = self.ask(&id, true).await?;
                collections.search_face(&leave, face)?
            }
            (None, Some(user)) => {
                let user = input::user(Some(user))?;
                if !collections.names(service, &id)?.contains(&user) {
                    return Err(Fault::not_found("The user id does not exist"));
                }
                answer["SearchedUser"] = json!({ "UserId": user });
                let leave = self.ask(&id, true).await?;
                let mut found = Vec::new();
                for face in collections.faces(service, &id, Some(&user))? {
                    found.extend(collections.search_face(&leave, face.id)?);
                }
                found.retain(|one| one.face.name.as_deref() != Some(&user));
                found.sort_by(|a, b| b.similarity.get().total_cmp(&a.similarity.get()));
                found
            }
            _ => return Err(Fault::invalid("Request must have either UserId or FaceId")),
        };
        answer["UserMatches"] = json!(self.users_within(&found, &id, &limits)?);
        Ok(answer)
    }

    pub(super) async fn search_users_by_image(&self) -> Result<Value, Fault> {
        let request: SearchUsersByImage = input::read(&self.body)?;
        let limits = Limits {
            most: input::number("maxUsers", request.max_users, (1, MAX_USERS), DEFAULT_MOST)?,
            least: input::percent("userMatchThreshold", request.user_match_threshold, MATCH)?,
        };
        let quality = request.quality_filter.as_deref();
        let searched = self
            .by_picture(request.collection_id.as_deref(), request.image, quality)
            .await?;
        let looked = &searched.looked;
        let seen = looked.faces.get(searched.at).ok_or_else(no_face)?;
        let others: Vec<Value> = searched
            .passed_over
            .iter()
            .filter_map(|(at, reasons)| {
                let detail = face_detail(looked, looked.faces.get(*at)?);
                Some(json!({ "FaceDetails": detail, "Reasons": reasons }))
            })
            .collect();
        Ok(json!({
            "UserMatches": self.users_within(&searched.found, &searched.id, &limits)?,
            "FaceModelVersion": MODEL_VERSION,
            "SearchedFace": { "FaceDetail": face_detail(looked, seen) },
            "UnsearchedFaces": others,
        }))
    }
}
