//! Faces: put into collections, listed, taken out, found in pictures, compared in two.

use regard_commitments::Zeroizing;
use regard_domain::TemplateId;
use regard_engine::{CollectedFace, Collections, Look, Looked, MAX_LOOKED, NewFaces};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Call;
use super::collections::{page_size, with_next};
use super::detail::{
    Attributes, MODEL_VERSION, bounding_box, compared_face, confidence, face_detail, face_json,
    faults_of,
};
use super::fault::Fault;
use super::input::{self, Image, MAX_FACE_IDS};
use crate::compat::uuid_of;

/// From which similarity two faces match where the client says nothing.
pub(super) const MATCH: f32 = 80.0;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct IndexFaces {
    collection_id: Option<String>,
    #[serde(default)]
    image: Image,
    external_image_id: Option<String>,
    detection_attributes: Option<Vec<String>>,
    max_faces: Option<i64>,
    quality_filter: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListFaces {
    collection_id: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
    user_id: Option<String>,
    face_ids: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteFaces {
    collection_id: Option<String>,
    face_ids: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DetectFaces {
    #[serde(default)]
    image: Image,
    attributes: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CompareFaces {
    #[serde(default)]
    source_image: Image,
    #[serde(default)]
    target_image: Image,
    similarity_threshold: Option<f64>,
    quality_filter: Option<String>,
}

/// Which faces of a picture are put in, and why the others are not.
struct Chosen {
    stored: Vec<usize>,
    others: Vec<(usize, Vec<&'static str>)>,
}

/// How many faces a reference covers: each part between colons names the consent of one person.
fn n_covered(external: Option<&str>) -> usize {
    let parts = external.map(|text| text.split(':').filter(|part| !part.is_empty()).count());
    parts.unwrap_or(1).max(1)
}

/// The largest faces that are good enough, as many as are wanted and as consent covers.
fn choose(looked: &Looked, floor: Option<u8>, most: usize, covered: usize) -> Chosen {
    let mut chosen = Chosen {
        stored: Vec::new(),
        others: Vec::new(),
    };
    for (at, seen) in looked.faces.iter().enumerate() {
        let mut reasons = faults_of(seen, floor);
        if chosen.stored.len() >= most.min(covered) {
            reasons.insert(0, "EXCEEDS_MAX_FACES");
        }
        if reasons.is_empty() {
            chosen.stored.push(at);
        } else {
            chosen.others.push((at, reasons));
        }
    }
    chosen
}

impl Call {
    pub(super) async fn index_faces(&self) -> Result<Value, Fault> {
        let request: IndexFaces = input::read(&self.body)?;
        let name = input::collection(request.collection_id.as_deref())?;
        let external = input::external(request.external_image_id.as_deref())?;
        let attributes = Attributes::of(request.detection_attributes.as_deref())?;
        let most = input::number("maxFaces", request.max_faces, (1, usize::MAX), MAX_LOOKED)?;
        let floor = input::quality(request.quality_filter.as_deref(), "AUTO")?;
        let bytes = Zeroizing::new(request.image.bytes()?);
        let id = Collections::id_of(&name);
        let collections = self.collections();
        collections.describe(self.service(), &id)?;
        let leave = self.ask(&id, false).await?;
        let look = attributes.look(self.may_express(), true);
        let mut looked = collections.look(bytes.to_vec(), look).await?;
        let picture = (bytes.as_slice(), external.as_deref());
        let known = collections.known_picture(self.service(), &id, picture)?;
        if !known.is_empty() {
            return Ok(indexed(&looked, &at_their_places(&looked, known), &[]));
        }
        if looked.faces.len() > 1 && most > 1 && external.is_none() {
            return Err(Fault::denied(
                "consent_missing: several faces are in the picture and no ExternalImageId says on whose consent; \
                 name one for each face, with colons between them, or set MaxFaces to 1",
            ));
        }
        let covered = n_covered(external.as_deref());
        let chosen = choose(&looked, floor, most, covered);
        let probes = collections
            .probes(&leave, &mut looked, &chosen.stored)
            .await?;
        let probes = chosen.stored.iter().zip(probes);
        let which: Vec<_> = probes
            .filter_map(|(at, probe)| Some((*at, probe?)))
            .collect();
        let places: Vec<usize> = which.iter().map(|(at, _)| *at).collect();
        let new = NewFaces {
            looked: &looked,
            which,
            bytes: &bytes,
            name: None,
            external: external.as_deref(),
        };
        let added = collections.add_faces(&leave, new).await?;
        let added: Vec<_> = places.into_iter().zip(added).collect();
        Ok(indexed(&looked, &added, &chosen.others))
    }

    pub(super) fn list_faces(&self) -> Result<Value, Fault> {
        let request: ListFaces = input::read(&self.body)?;
        let name = input::collection(request.collection_id.as_deref())?;
        let size = page_size(request.max_results)?;
        let user = match request.user_id.as_deref() {
            Some(user) => Some(input::user(Some(user))?),
            None => None,
        };
        let wanted = match request.face_ids.as_deref() {
            Some(ids) => Some(input::faces(Some(ids), MAX_FACE_IDS)?),
            None => None,
        };
        let pages = self.pages("ListFaces", &name);
        let from = pages.begin(request.next_token.as_deref())?;
        let id = Collections::id_of(&name);
        let mut faces = self
            .collections()
            .faces(self.service(), &id, user.as_deref())?;
        if let Some(wanted) = wanted {
            faces.retain(|face| wanted.contains(&face.id));
        }
        let (faces, next) = pages.page(faces, from, size);
        let faces: Vec<Value> = faces.iter().map(face_json).collect();
        let mut answer = json!({ "Faces": faces, "FaceModelVersion": MODEL_VERSION });
        with_next(&mut answer, next);
        Ok(answer)
    }

    pub(super) async fn delete_faces(&self) -> Result<Value, Fault> {
        let request: DeleteFaces = input::read(&self.body)?;
        let name = input::collection(request.collection_id.as_deref())?;
        let ids = input::faces(request.face_ids.as_deref(), MAX_FACE_IDS)?;
        let id = Collections::id_of(&name);
        let collections = self.collections();
        collections.describe(self.service(), &id)?;
        let (mut free, mut kept) = (Vec::new(), Vec::new());
        for face in ids {
            let uuid = uuid_of(face.as_bits());
            match collections.face(self.service(), &id, face) {
                Ok(CollectedFace { name: None, .. }) => free.push(face),
                Ok(CollectedFace { name: user, .. }) => kept.push(json!({
                    "FaceId": uuid, "UserId": user, "Reasons": ["ASSOCIATED_TO_AN_EXISTING_USER"],
                })),
                Err(_) => kept.push(json!({ "FaceId": uuid, "Reasons": ["FACE_NOT_FOUND"] })),
            }
        }
        let gone = collections.remove_faces(self.service(), &id, &free).await?;
        let gone: Vec<String> = gone.iter().map(|face| uuid_of(face.id.as_bits())).collect();
        Ok(json!({ "DeletedFaces": gone, "UnsuccessfulFaceDeletions": kept }))
    }

    pub(super) async fn detect_faces(&self) -> Result<Value, Fault> {
        let request: DetectFaces = input::read(&self.body)?;
        let attributes = Attributes::of(request.attributes.as_deref())?;
        let bytes = request.image.bytes()?;
        let look = attributes.look(self.may_express(), false);
        let looked = self.collections().look(bytes, look).await?;
        let faces = looked.faces.iter();
        let faces: Vec<Value> = faces.map(|seen| face_detail(&looked, seen)).collect();
        Ok(json!({ "FaceDetails": faces }))
    }

    /// A picture whose faces are compared.
    pub(super) async fn look_to_compare(&self, image: Image) -> Result<Looked, Fault> {
        let look = Look {
            pose: true,
            quality: true,
            expression: false,
            chips: true,
        };
        Ok(self.collections().look(image.bytes()?, look).await?)
    }

    pub(super) async fn compare_faces(&self) -> Result<Value, Fault> {
        let request: CompareFaces = input::read(&self.body)?;
        let least = input::percent("similarityThreshold", request.similarity_threshold, MATCH)?;
        let floor = input::quality(request.quality_filter.as_deref(), "NONE")?;
        let id = Collections::id_of(&self.config.compare_collection);
        let leave = self.ask(&id, false).await?;
        let mut source = self.look_to_compare(request.source_image).await?;
        let mut target = self.look_to_compare(request.target_image).await?;
        source
            .faces
            .retain(|seen| faults_of(seen, floor).is_empty());
        target
            .faces
            .retain(|seen| faults_of(seen, floor).is_empty());
        let collections = self.collections();
        let first = collections
            .probes(&leave, &mut source, &[0])
            .await?
            .pop()
            .flatten();
        let (Some(first), Some(seen)) = (first, source.faces.first()) else {
            return Err(no_face());
        };
        let which: Vec<usize> = (0..target.faces.len()).collect();
        let probes = collections.probes(&leave, &mut target, &which).await?;
        let (mut matches, mut others) = (Vec::new(), Vec::new());
        for (seen, probe) in target.faces.iter().zip(&probes) {
            let face = compared_face(&target, seen);
            let similarity = match probe {
                Some(probe) => {
                    let similarity = collections.similarity(&leave, &first, probe)?;
                    collections.percent_score(similarity, 1)
                }
                None => 0.0,
            };
            if similarity >= least {
                matches.push((similarity, face));
            } else {
                others.push(face);
            }
        }
        matches.sort_by(|a, b| b.0.total_cmp(&a.0));
        let matches: Vec<Value> = matches
            .into_iter()
            .map(|(similarity, face)| json!({ "Similarity": similarity, "Face": face }))
            .collect();
        Ok(json!({
            "SourceImageFace": {
                "BoundingBox": bounding_box(&source, seen),
                "Confidence": confidence(seen.face.score.get()),
            },
            "FaceMatches": matches,
            "UnmatchedFaces": others,
        }))
    }
}

/// What clients hear when there is nobody in a picture that must show somebody.
pub(super) fn no_face() -> Fault {
    Fault::invalid("There are no faces in the image. Should be at least 1.")
}

/// The faces of a picture that were put in before, each with its place among those found now.
fn at_their_places(looked: &Looked, known: Vec<CollectedFace>) -> Vec<(usize, CollectedFace)> {
    /// Half a pixel of a picture a thousand wide: numbers that were written as text come back as good as that.
    const NEAR: f32 = 5e-4;
    let is_there = |at: [f32; 4], face: &CollectedFace| {
        let sides = at.iter().zip(face.bbox_in_unit);
        sides.into_iter().all(|(a, b)| (a - b).abs() < NEAR)
    };
    let of = |face: &CollectedFace| {
        let mut places = looked.faces.iter();
        places.position(|seen| is_there(looked.in_unit(seen), face))
    };
    known
        .into_iter()
        .map(|face| (of(&face).unwrap_or(0), face))
        .collect()
}

fn indexed(
    looked: &Looked,
    stored: &[(usize, CollectedFace)],
    others: &[(usize, Vec<&'static str>)],
) -> Value {
    let detail = |at: usize| looked.faces.get(at).map(|seen| face_detail(looked, seen));
    let records: Vec<Value> = stored
        .iter()
        .map(|(at, face)| json!({ "Face": face_json(face), "FaceDetail": detail(*at) }))
        .collect();
    let unindexed: Vec<Value> = others
        .iter()
        .map(|(at, reasons)| json!({ "Reasons": reasons, "FaceDetail": detail(*at) }))
        .collect();
    json!({
        "FaceRecords": records,
        "UnindexedFaces": unindexed,
        "FaceModelVersion": MODEL_VERSION,
    })
}

/// The id of a face, and its place in a picture, for answers.
pub(super) fn id_json(id: TemplateId) -> Value {
    json!({ "FaceId": uuid_of(id.as_bits()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_covers_one_person_a_part() {
        for (external, n) in [
            (None, 1),
            (Some("anna"), 1),
            (Some("anna:bert"), 2),
            (Some("anna::bert:"), 2),
            (Some(":"), 1),
        ] {
            assert_eq!(n_covered(external), n, "{external:?}");
        }
    }
}
