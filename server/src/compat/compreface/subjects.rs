//! Subjects and their faces: put in, listed, taken out.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Json, http::Method};
use regard_domain::TemplateId;
use regard_engine::{CollectedFace, CollectionError, Look, NewFaces};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Call;
use super::fault::Fault;
use super::look::{least_score, the_only_face};
use crate::compat::{face_id, uuid_of};

/// Faces on a page of the list, where the client says nothing.
const PAGE_SIZE: usize = 20;

/// Most faces on a page; a client that wants more gets these and goes on.
const MAX_PAGE_SIZE: usize = 1_000;

/// Body of requests about a subject. The Python client puts more into it.
#[derive(Deserialize)]
struct SubjectBody {
    subject: Option<String>,
}

/// A face in lists.
fn listed(face: &CollectedFace) -> Value {
    json!({
        "image_id": uuid_of(face.id.as_bits()),
        "subject": face.name.as_deref().unwrap_or_default(),
    })
}

fn created(body: Value) -> Response {
    (StatusCode::CREATED, Json(body)).into_response()
}

impl Call {
    /// What a list is before anything was put in.
    fn or_empty<T: Default>(found: Result<T, CollectionError>) -> Result<T, Fault> {
        match found {
            Err(CollectionError::UnknownCollection) => Ok(T::default()),
            found => Ok(found?),
        }
    }

    fn subject_in_body(&self) -> Result<String, Fault> {
        let body: SubjectBody = self.asked.json()?;
        let subject = body.subject.filter(|subject| !subject.trim().is_empty());
        subject.ok_or_else(|| Fault::constraint("Subject name is mandatory"))
    }

    /// `/recognition/subjects`, all together.
    pub(super) async fn subjects(&self) -> Result<Response, Fault> {
        let (collections, service) = (self.collections(), &self.caller.service);
        match self.method {
            Method::GET => {
                let names = Self::or_empty(collections.names(service, &self.collection))?;
                Ok(Json(json!({ "subjects": names })).into_response())
            }
            Method::POST => {
                let subject = self.subject_in_body()?;
                self.ensure_collection().await?;
                collections
                    .add_name(service, &self.collection, &subject)
                    .await?;
                Ok(created(json!({ "subject": subject })))
            }
            Method::DELETE => {
                let names = Self::or_empty(collections.names(service, &self.collection))?;
                for name in &names {
                    let gone = collections.remove_name(service, &self.collection, name);
                    gone.await?;
                }
                Ok(Json(json!({ "deleted": names.len() })).into_response())
            }
            _ => Err(Fault::no_such_place("there is nothing at this address")),
        }
    }

    /// `/recognition/subjects/{subject}`.
    pub(super) async fn subject(&self, name: &str) -> Result<Response, Fault> {
        let (collections, service) = (self.collections(), &self.caller.service);
        match self.method {
            Method::PUT => {
                let to = self.subject_in_body()?;
                let names = (name, to.as_str());
                collections.rename(service, &self.collection, names).await?;
                Ok(Json(json!({ "updated": true })).into_response())
            }
            Method::DELETE => {
                let gone = collections.remove_name(service, &self.collection, name);
                gone.await?;
                Ok(Json(json!({ "subject": name })).into_response())
            }
            _ => Err(Fault::no_such_place("there is nothing at this address")),
        }
    }

    /// `/recognition/faces`, all together.
    pub(super) async fn faces(&mut self) -> Result<Response, Fault> {
        match self.method {
            Method::GET => self.list_faces(),
            Method::POST => self.add_face().await,
            Method::DELETE => self.delete_faces().await,
            _ => Err(Fault::no_such_place("there is nothing at this address")),
        }
    }

    fn list_faces(&self) -> Result<Response, Fault> {
        let page = self.asked.number("page", 0, 0)?;
        let size = self.asked.number("size", 1, PAGE_SIZE)?.min(MAX_PAGE_SIZE);
        let (service, subject) = (&self.caller.service, self.asked.param("subject"));
        let found = self.collections().faces(service, &self.collection, subject);
        let mut faces = Self::or_empty(found)?;
        faces.sort_by_key(|face| (face.made_at, face.id));
        let n = faces.len();
        let first = page.saturating_mul(size);
        let shown: Vec<Value> = faces.iter().skip(first).take(size).map(listed).collect();
        Ok(Json(json!({
            "faces": shown,
            "page_number": page,
            "page_size": size,
            "total_pages": n.div_ceil(size),
            "total_elements": n,
        }))
        .into_response())
    }

    async fn add_face(&mut self) -> Result<Response, Fault> {
        if !self.asked.has("subject") {
            let message = "Required String parameter 'subject' is not present";
            return Err(Fault::no_parameter(message));
        }
        let subject = self.asked.param("subject").map(str::to_owned);
        let subject = subject.ok_or_else(|| Fault::constraint("Subject name is mandatory"))?;
        let least = least_score(&self.asked)?;
        let bytes = self.asked.picture("file")?;
        self.ensure_collection().await?;
        let collections = self.app.engine.collections();
        let leave = collections
            .ask(&self.caller, &self.collection, false)
            .await?;
        let look = Look {
            chips: true,
            ..Look::default()
        };
        let mut looked = collections.look(bytes.clone(), look).await?;
        looked.keep_from_score(least);
        the_only_face(&looked)?;
        let mut probes = collections.probes(&leave, &mut looked, &[0]).await?;
        let probe = probes.pop().flatten();
        let probe = probe.ok_or_else(|| Fault::no_face("No face is found in the given image"))?;
        let new = NewFaces {
            looked: &looked,
            which: vec![(0, probe)],
            bytes: &bytes,
            name: Some(&subject),
            external: self.consent.as_deref(),
        };
        let added = collections.add_faces(&leave, new).await?;
        let face = added
            .first()
            .ok_or_else(|| Fault::failure("no face was added"))?;
        Ok(created(listed(face)))
    }

    async fn delete_faces(&self) -> Result<Response, Fault> {
        let (collections, service) = (self.collections(), &self.caller.service);
        let subject = self.asked.param("subject");
        let found = collections.faces(service, &self.collection, subject);
        let ids: Vec<TemplateId> = Self::or_empty(found)?.iter().map(|face| face.id).collect();
        if ids.is_empty() {
            return Ok(Json(json!({ "deleted": 0 })).into_response());
        }
        let gone = collections.remove_faces(service, &self.collection, &ids);
        Ok(Json(json!({ "deleted": gone.await?.len() })).into_response())
    }

    /// `/recognition/faces/{id}`, which can only be deleted.
    pub(super) async fn delete_face(&self, id: &str) -> Result<Response, Fault> {
        let missing = || Fault::unknown_image("Image with this id isn't found");
        let face = face_id(id).ok_or_else(missing)?;
        let service = &self.caller.service;
        let gone = self
            .collections()
            .remove_faces(service, &self.collection, &[face])
            .await;
        let gone = Self::or_empty(gone)?;
        Ok(Json(listed(gone.first().ok_or_else(missing)?)).into_response())
    }

    /// `/recognition/faces/delete`: unknown ids are passed over.
    pub(super) async fn delete_several(&self) -> Result<Response, Fault> {
        let ids: Vec<String> = self.asked.json()?;
        let ids: Vec<TemplateId> = ids.iter().filter_map(|id| face_id(id)).collect();
        let service = &self.caller.service;
        let gone = self
            .collections()
            .remove_faces(service, &self.collection, &ids)
            .await;
        let gone = Self::or_empty(gone)?;
        let gone: Vec<Value> = gone.iter().map(listed).collect();
        Ok(Json(gone).into_response())
    }
}
