//! Calls that look at pictures: detection, recognition, verification.

use std::time::Instant;

use axum::Json;
use axum::response::{IntoResponse, Response};
use regard_engine::{Collections, FoundFace, Leave, Looked, Probe};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Call;
use super::fault::Fault;
use super::plugins::{Times, Wanted, face_json, result_json};
use super::request::Asked;
use crate::compat::face_id;

/// Least score of a face, where the client says nothing: CompreFace's own.
const DET_PROB: f32 = 0.8;

/// Vectors compared in one call.
const MAX_VECTORS: usize = 1_000;

/// The least score of a face that the client asks for.
pub(super) fn least_score(asked: &Asked) -> Result<f32, Fault> {
    Ok(asked.share("det_prob_threshold")?.unwrap_or(DET_PROB))
}

fn no_face() -> Fault {
    Fault::no_face("No face is found in the given image")
}

/// Says so when there is not exactly one face.
pub(super) fn the_only_face(looked: &Looked) -> Result<(), Fault> {
    match looked.faces.len() {
        0 => Err(no_face()),
        1 => Ok(()),
        _ => Err(Fault::several_faces(
            "Found more than one face in the given image",
        )),
    }
}

/// Milliseconds since then.
fn millis_since(began: Instant) -> f64 {
    (began.elapsed().as_secs_f64() * 1e6).round() / 1e3
}

/// The names nearest to a face, nearest first, each once.
fn subjects(collections: &Collections, found: &[FoundFace], n_faces: u64, n: usize) -> Vec<Value> {
    let mut named: Vec<(&str, f32)> = Vec::new();
    for one in found {
        let Some(name) = one.face.name.as_deref() else {
            continue;
        };
        if named.iter().any(|(known, _)| *known == name) {
            continue;
        }
        if named.len() == n {
            break;
        }
        named.push((name, collections.unit_score(one.similarity, n_faces)));
    }
    let named = named.into_iter();
    named
        .map(|(subject, similarity)| json!({ "subject": subject, "similarity": similarity }))
        .collect()
}

#[derive(Deserialize)]
struct Vectors {
    embeddings: Vec<Vec<f32>>,
}

#[derive(Deserialize)]
struct VectorPair {
    source: Vec<f32>,
    targets: Vec<Vec<f32>>,
}

fn few(vectors: Vec<Vec<f32>>) -> Result<Vec<Vec<f32>>, Fault> {
    if vectors.is_empty() || vectors.len() > MAX_VECTORS {
        let message = format!("expected 1 to {MAX_VECTORS} embeddings");
        return Err(Fault::constraint(message));
    }
    Ok(vectors)
}

/// One picture on its way to an answer.
struct Shown {
    looked: Looked,
    times: Times,
}

impl Call {
    /// Looks at one picture and leaves out faces that were not asked for.
    async fn show(&mut self, part: &str, wanted: &Wanted, embeds: bool) -> Result<Shown, Fault> {
        let (least, limit) = (least_score(&self.asked)?, self.asked.number("limit", 0, 0)?);
        let bytes = self.asked.picture(part)?;
        let began = Instant::now();
        let look = wanted.look(&self.app.engine, embeds);
        let mut looked = self.collections().look(bytes, look).await?;
        looked.keep_from_score(least);
        if limit > 0 && part != "source_image" {
            looked.faces.truncate(limit);
        }
        if looked.faces.is_empty() {
            return Err(no_face());
        }
        let times = Times {
            detector: millis_since(began),
            calculator: None,
        };
        Ok(Shown { looked, times })
    }

    /// The embeddings of all faces of a picture.
    async fn embed(&self, leave: &Leave, shown: &mut Shown) -> Result<Vec<Option<Probe>>, Fault> {
        let began = Instant::now();
        let which: Vec<usize> = (0..shown.looked.faces.len()).collect();
        let collections = self.collections();
        let probes = collections.probes(leave, &mut shown.looked, &which).await?;
        shown.times.calculator = Some(millis_since(began));
        Ok(probes)
    }

    /// Adds the embedding of a face where it was asked for.
    fn with_vector(
        &self,
        face: &mut Value,
        wanted: &Wanted,
        (leave, probe): (&Leave, &Probe),
    ) -> Result<(), Fault> {
        if wanted.calculator {
            let vector = self.collections().vector(leave, probe)?;
            face["embedding"] = json!(*vector);
        }
        Ok(())
    }

    /// `/detection/detect`.
    pub(super) async fn detect(&mut self) -> Result<Response, Fault> {
        let wanted = Wanted::of(&self.asked)?;
        let shown = self.show("file", &wanted, false).await?;
        let faces = shown.looked.faces.iter();
        let faces: Vec<Value> = faces
            .map(|seen| face_json(seen, &wanted, &shown.times))
            .collect();
        let answer = result_json(&faces, &wanted, &self.app.engine, false);
        Ok(Json(answer).into_response())
    }

    /// `/recognition/recognize`.
    pub(super) async fn recognize(&mut self) -> Result<Response, Fault> {
        let wanted = Wanted::of(&self.asked)?;
        let n_named = self.asked.number("prediction_count", 1, 1)?;
        self.ensure_collection().await?;
        let leave = self.ask(true).await?;
        let mut shown = self.show("file", &wanted, true).await?;
        let probes = self.embed(&leave, &mut shown).await?;
        let collections = self.collections();
        let n_faces = self.n_faces()?;
        let mut result = Vec::with_capacity(probes.len());
        for (seen, probe) in shown.looked.faces.iter().zip(&probes) {
            let mut face = face_json(seen, &wanted, &shown.times);
            face["subjects"] = json!([]);
            if let Some(probe) = probe {
                let found = collections.search(&leave, probe)?;
                face["subjects"] = json!(subjects(collections, &found, n_faces, n_named));
                self.with_vector(&mut face, &wanted, (&leave, probe))?;
            }
            result.push(face);
        }
        let answer = result_json(&result, &wanted, &self.app.engine, true);
        Ok(Json(answer).into_response())
    }

    /// `/recognition/faces/{id}/verify`.
    pub(super) async fn verify_face(&mut self, id: &str) -> Result<Response, Fault> {
        let wanted = Wanted::of(&self.asked)?;
        let missing = || Fault::unknown_image("Image with this id isn't found");
        let id = face_id(id).ok_or_else(missing)?;
        let leave = self.ask(false).await?;
        let service = &self.caller.service;
        let known = self.collections().face(service, &self.collection, id);
        known.map_err(|_| missing())?;
        let mut shown = self.show("file", &wanted, true).await?;
        let probes = self.embed(&leave, &mut shown).await?;
        let collections = self.collections();
        let mut result = Vec::with_capacity(probes.len());
        for (seen, probe) in shown.looked.faces.iter().zip(&probes) {
            let mut face = face_json(seen, &wanted, &shown.times);
            if let Some(probe) = probe {
                let similarity = collections.verify(&leave, probe, id)?;
                face["similarity"] = json!(collections.unit_score(similarity, 1));
                self.with_vector(&mut face, &wanted, (&leave, probe))?;
            }
            result.push(face);
        }
        let answer = result_json(&result, &wanted, &self.app.engine, true);
        Ok(Json(answer).into_response())
    }

    /// `/verification/verify`.
    pub(super) async fn verify(&mut self) -> Result<Response, Fault> {
        let wanted = Wanted::of(&self.asked)?;
        self.ensure_collection().await?;
        let leave = self.ask(false).await?;
        let mut source = self.show("source_image", &wanted, true).await?;
        the_only_face(&source.looked)?;
        let mut target = self.show("target_image", &wanted, true).await?;
        let first = self.embed(&leave, &mut source).await?.pop().flatten();
        let first = first.ok_or_else(no_face)?;
        let probes = self.embed(&leave, &mut target).await?;
        let collections = self.collections();
        let mut matches = Vec::with_capacity(probes.len());
        for (seen, probe) in target.looked.faces.iter().zip(&probes) {
            let mut face = face_json(seen, &wanted, &target.times);
            if let Some(probe) = probe {
                let similarity = collections.similarity(&leave, &first, probe)?;
                face["similarity"] = json!(collections.unit_score(similarity, 1));
                self.with_vector(&mut face, &wanted, (&leave, probe))?;
            }
            matches.push(face);
        }
        matches.sort_by(|a, b| {
            let of = |face: &Value| face["similarity"].as_f64().unwrap_or(-1.0);
            of(b).total_cmp(&of(a))
        });
        let seen = source.looked.faces.first().ok_or_else(no_face)?;
        let mut face = face_json(seen, &wanted, &source.times);
        self.with_vector(&mut face, &wanted, (&leave, &first))?;
        let result = vec![json!({ "source_image_face": face, "face_matches": matches })];
        let answer = result_json(&result, &wanted, &self.app.engine, true);
        Ok(Json(answer).into_response())
    }

    /// `/recognition/embeddings/recognize`.
    pub(super) async fn recognize_vectors(&self) -> Result<Response, Fault> {
        let n_named = self.asked.number("prediction_count", 1, 1)?;
        let vectors = few(self.asked.json::<Vectors>()?.embeddings)?;
        let leave = self.ask(true).await?;
        let (collections, n_faces) = (self.collections(), self.n_faces()?);
        let mut result = Vec::with_capacity(vectors.len());
        for vector in vectors {
            let found = collections.search_vector(&leave, &vector)?;
            let similarities = subjects(collections, &found, n_faces, n_named);
            result.push(json!({ "embedding": vector, "similarities": similarities }));
        }
        Ok(Json(json!({ "result": result })).into_response())
    }

    /// `/recognition/embeddings/faces/{id}/verify`.
    pub(super) async fn verify_vectors(&self, id: &str) -> Result<Response, Fault> {
        let missing = || Fault::unknown_image("Image with this id isn't found");
        let id = face_id(id).ok_or_else(missing)?;
        let vectors = few(self.asked.json::<Vectors>()?.embeddings)?;
        let leave = self.ask(false).await?;
        let collections = self.collections();
        let mut result = Vec::with_capacity(vectors.len());
        for vector in vectors {
            let similarity = collections.verify_vector(&leave, &vector, id)?;
            let similarity = collections.unit_score(similarity, 1);
            result.push(json!({ "embedding": vector, "similarity": similarity }));
        }
        Ok(Json(json!({ "result": result })).into_response())
    }

    /// `/verification/embeddings/verify`.
    pub(super) async fn compare_vectors(&self) -> Result<Response, Fault> {
        let pair: VectorPair = self.asked.json()?;
        self.ensure_collection().await?;
        let leave = self.ask(false).await?;
        let collections = self.collections();
        let mut result = Vec::with_capacity(pair.targets.len());
        for vector in few(pair.targets)? {
            let similarity = collections.compare_vectors(&leave, &pair.source, &vector)?;
            let similarity = collections.unit_score(similarity, 1);
            result.push(json!({ "embedding": vector, "similarity": similarity }));
        }
        Ok(Json(json!({ "result": result })).into_response())
    }
}
