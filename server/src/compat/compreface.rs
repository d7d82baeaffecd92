//! The interface of CompreFace 1.2.

mod fault;
mod look;
mod plugins;
pub(crate) mod request;
mod subjects;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Request};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use regard_domain::GalleryId;
use regard_engine::{Caller, CollectionError, Collections, Leave};

use self::fault::Fault;
use self::request::Asked;
use super::caller::caller;
use super::{CompreFaceKind, CompreFaceService, pass_over};
use crate::app::App;

/// Header with the key of a service.
const KEY_HEADER: &str = "x-api-key";

/// Header that says on whose consent an enrolment stands.
const CONSENT_HEADER: &str = "x-consent-id";

/// One call that may be answered.
struct Call {
    app: App,
    method: Method,
    caller: Caller,
    /// The name of the collection, as the configuration has it.
    collection_name: String,
    collection: GalleryId,
    consent: Option<String>,
    asked: Asked,
}

/// Answers one request.
pub(super) async fn answer(State(app): State<App>, request: Request<Body>) -> Response {
    match answered(app, request).await {
        Ok(answer) => answer,
        Err(fault) => fault.into_response(),
    }
}

/// No picture is kept, so that none can be shown.
pub(super) fn image(app: &App, key: &str) -> Response {
    if app.config.compat.service_of(key).is_none() {
        return Fault::unknown_key("API key isn't found").into_response();
    }
    no_image().into_response()
}

fn no_image() -> Fault {
    Fault::unknown_image("Image with this id isn't found: no picture is kept here")
}

/// Which service asks.
fn service<'a>(
    app: &'a App,
    headers: &HeaderMap,
    kind: CompreFaceKind,
) -> Result<&'a CompreFaceService, Fault> {
    let key = headers.get(KEY_HEADER);
    let key = key.and_then(|key| key.to_str().ok()).unwrap_or_default();
    if key.is_empty() {
        let message = "Missing request header 'x-api-key' for method parameter of type String";
        return Err(Fault::no_key(message));
    }
    let found = app.config.compat.service_of(key.trim());
    let found = found.filter(|service| service.kind == kind);
    found.ok_or_else(|| Fault::unknown_key("Face service isn't found for this API key"))
}

/// The parts of a path behind `/api/v1/`, undone of their percent signs.
fn path_of(path: &str) -> Vec<String> {
    let rest = path.strip_prefix("/api/v1/").unwrap_or_default();
    let parts = rest.trim_end_matches('/').split('/');
    parts
        .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
        .collect()
}

async fn answered(app: App, request: Request<Body>) -> Result<Response, Fault> {
    let path = path_of(request.uri().path());
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let kind = match path.first() {
        Some(&"recognition") => CompreFaceKind::Recognition,
        Some(&"detection") => CompreFaceKind::Detection,
        Some(&"verification") => CompreFaceKind::Verification,
        _ => return Err(nowhere()),
    };
    // Nothing of a body is kept before it is known who sends it.
    let found = match service(&app, request.headers(), kind) {
        Ok(found) => found.clone(),
        Err(fault) => {
            pass_over(request.into_body()).await;
            return Err(fault);
        }
    };
    let mut call = Call::new(app, &found, request).await?;
    call.answer(kind, &path[1..]).await
}

fn nowhere() -> Fault {
    Fault::no_such_place("there is nothing at this address, or not by this method")
}

impl Call {
    async fn new(
        app: App,
        service: &CompreFaceService,
        request: Request<Body>,
    ) -> Result<Self, Fault> {
        let headers = request.headers();
        let consent = headers.get(CONSENT_HEADER);
        let consent = consent.and_then(|text| text.to_str().ok()).map(str::trim);
        let consent = consent.filter(|text| !text.is_empty()).map(str::to_owned);
        Ok(Self {
            caller: caller(&service.service, service.source, headers),
            method: request.method().clone(),
            collection: Collections::id_of(&service.collection),
            collection_name: service.collection.clone(),
            consent,
            asked: Asked::read(request).await?,
            app,
        })
    }

    async fn answer(&mut self, kind: CompreFaceKind, path: &[&str]) -> Result<Response, Fault> {
        match kind {
            CompreFaceKind::Recognition => self.recognition(path).await,
            CompreFaceKind::Detection => match path {
                ["detect"] if self.method == Method::POST => self.detect().await,
                _ => Err(nowhere()),
            },
            CompreFaceKind::Verification => match path {
                ["verify"] if self.method == Method::POST => self.verify().await,
                ["embeddings", "verify"] if self.method == Method::POST => {
                    self.compare_vectors().await
                }
                _ => Err(nowhere()),
            },
        }
    }

    async fn recognition(&mut self, path: &[&str]) -> Result<Response, Fault> {
        let is = |method: Method| self.method == method;
        match path {
            ["subjects"] => self.subjects().await,
            ["subjects", name] => self.subject(name).await,
            ["faces"] => self.faces().await,
            ["faces", "delete"] if is(Method::POST) => self.delete_several().await,
            ["faces", id] if is(Method::DELETE) => self.delete_face(id).await,
            ["faces", _, "img"] if is(Method::GET) => Err(no_image()),
            ["faces", "", "verify"] if is(Method::POST) => {
                Err(Fault::no_path("Missing URI template variable 'image_id'"))
            }
            ["faces", id, "verify"] if is(Method::POST) => self.verify_face(id).await,
            ["recognize"] if is(Method::POST) => self.recognize().await,
            ["embeddings", "recognize"] if is(Method::POST) => self.recognize_vectors().await,
            ["embeddings", "faces", id, "verify"] if is(Method::POST) => {
                self.verify_vectors(id).await
            }
            _ => Err(nowhere()),
        }
    }

    fn collections(&self) -> &Collections {
        self.app.engine.collections()
    }

    /// Makes the collection of the service where there is none yet.
    async fn ensure_collection(&self) -> Result<(), Fault> {
        let known = self.collections();
        if known
            .describe(&self.caller.service, &self.collection)
            .is_ok()
        {
            return Ok(());
        }
        // An act that is named is for the call itself.
        let caller = Caller {
            act: None,
            ..self.caller.clone()
        };
        match known.create(&caller, &self.collection_name).await {
            // Another call was quicker.
            Ok(_) | Err(CollectionError::CollectionExists) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn ask(&self, searches: bool) -> Result<Leave, Fault> {
        let leave = self
            .collections()
            .ask(&self.caller, &self.collection, searches);
        Ok(leave.await?)
    }

    /// How many faces a search is among.
    fn n_faces(&self) -> Result<u64, Fault> {
        let service = &self.caller.service;
        Ok(self
            .collections()
            .describe(service, &self.collection)?
            .n_faces)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_real_clients_are_read() {
        for (path, expected) in [
            (
                "/api/v1/recognition/subjects/",
                vec!["recognition", "subjects"],
            ),
            (
                "/api/v1/recognition/subjects/Jo%20%2F%20Ann",
                vec!["recognition", "subjects", "Jo / Ann"],
            ),
            ("/api/v1/", vec![""]),
        ] {
            assert_eq!(path_of(path), expected, "{path}");
        }
    }
}
