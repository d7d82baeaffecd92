//! The interface of Amazon Rekognition: collections of faces, JSON 1.1, requests signed with version 4.

mod collections;
mod detail;
mod faces;
pub(crate) mod fault;
mod idempotency;
pub(crate) mod input;
mod page;
mod search;
pub(crate) mod sigv4;
mod users;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, header};
use axum::response::{IntoResponse, Response};
use regard_domain::GalleryId;
use regard_engine::{Caller, Collections, Leave, random_key};
use serde_json::Value;

pub(crate) use self::idempotency::Repeats;

use self::fault::{CONTENT_TYPE, Fault};
use self::page::Pages;
use self::sigv4::{Authorization, Signed};
use super::caller::caller;
use super::{MAX_BODY_BYTES, RekognitionConfig, RekognitionKey, pass_over, uuid_of};
use crate::app::App;

/// How targets of this service begin.
const TARGET: &str = "RekognitionService.";

/// One call that may be answered.
struct Call {
    app: App,
    config: RekognitionConfig,
    caller: Caller,
    body: Bytes,
}

/// A random id for an answer, in a header.
fn request_id() -> HeaderValue {
    // Without random bytes it tells nothing, and nothing hangs on it.
    let random = random_key().unwrap_or_default();
    let bits = random
        .first_chunk()
        .map_or(0, |bytes| u128::from_be_bytes(*bytes));
    HeaderValue::from_str(&uuid_of(bits)).unwrap_or(HeaderValue::from_static("0"))
}

/// Answers one request.
pub(super) async fn answer(State(app): State<App>, request: Request<Body>) -> Response {
    match answered(app, request).await {
        Ok(body) => {
            let mut answer = body.to_string().into_response();
            let headers = answer.headers_mut();
            let kind = HeaderValue::from_static(CONTENT_TYPE);
            headers.insert(header::CONTENT_TYPE, kind);
            headers.insert(HeaderName::from_static("x-amzn-requestid"), request_id());
            answer
        }
        Err(fault) => fault.into_response(),
    }
}

/// The operation that a request names.
fn operation(headers: &HeaderMap) -> Result<String, Fault> {
    let target = headers.get("x-amz-target");
    let target = target.and_then(|target| target.to_str().ok());
    let operation = target.and_then(|target| target.strip_prefix(TARGET));
    let unknown = || {
        Fault::unknown_operation("the header X-Amz-Target names no operation of RekognitionService")
    };
    operation.map(str::to_owned).ok_or_else(unknown)
}

/// The operation that a request names, its signature, and the key that it says it was made with.
fn asked_of<'a>(
    config: &'a RekognitionConfig,
    headers: &'a HeaderMap,
) -> Result<(String, Authorization<'a>, &'a RekognitionKey), Fault> {
    let operation = operation(headers)?;
    let authorization = sigv4::authorization(headers)?;
    let mut keys = config.keys.iter();
    let key = keys.find(|key| key.id == authorization.key_id);
    let unknown = || Fault::unknown_key("The security token included in the request is invalid.");
    Ok((operation, authorization, key.ok_or_else(unknown)?))
}

async fn answered(app: App, request: Request<Body>) -> Result<Value, Fault> {
    let config = app.config.compat.rekognition.clone();
    let config = config.ok_or_else(|| Fault::unknown_operation("this interface is off"))?;
    let (head, body) = request.into_parts();
    let (operation, authorization, key) = match asked_of(&config, &head.headers) {
        Ok(known) => known,
        Err(fault) => {
            pass_over(body).await;
            return Err(fault);
        }
    };
    let body = axum::body::to_bytes(body, MAX_BODY_BYTES).await;
    let body = body.map_err(|_| Fault::too_large("the body is too large, or was cut off"))?;
    let signed = Signed {
        method: &head.method,
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        headers: &head.headers,
        body: &body,
    };
    let when = (config.region.as_str(), app.engine.now());
    sigv4::check(&authorization, &signed, &key.secret, when)?;
    let caller = caller(&key.service, key.source, &head.headers);
    let call = Call {
        caller,
        body,
        app,
        config: config.clone(),
    };
    call.answer(&operation).await
}

impl Call {
    async fn answer(&self, operation: &str) -> Result<Value, Fault> {
        match operation {
            "CreateCollection" => self.create_collection().await,
            "ListCollections" => self.list_collections(),
            "DescribeCollection" => self.describe_collection(),
            "DeleteCollection" => self.delete_collection().await,
            "IndexFaces" => self.index_faces().await,
            "ListFaces" => self.list_faces(),
            "DeleteFaces" => self.delete_faces().await,
            "DetectFaces" => self.detect_faces().await,
            "CompareFaces" => self.compare_faces().await,
            "SearchFaces" => self.search_faces().await,
            "SearchFacesByImage" => self.search_faces_by_image().await,
            "SearchUsers" => self.search_users().await,
            "SearchUsersByImage" => self.search_users_by_image().await,
            "CreateUser" => self.create_user().await,
            "DeleteUser" => self.delete_user().await,
            "ListUsers" => self.list_users(),
            "AssociateFaces" => self.associate_faces().await,
            "DisassociateFaces" => self.disassociate_faces().await,
            other if other.contains("Celebrit") => Err(Fault::denied(
                "untargeted_collection: nobody is recognised here who did not ask for it",
            )),
            _ => Err(Fault::unknown_operation(
                "this operation is not offered here",
            )),
        }
    }

    fn collections(&self) -> &Collections {
        self.app.engine.collections()
    }

    fn service(&self) -> &str {
        &self.caller.service
    }

    fn may_express(&self) -> bool {
        self.app.engine.expression_in_pictures().is_none()
    }

    async fn ask(&self, collection: &GalleryId, searches: bool) -> Result<Leave, Fault> {
        Ok(self
            .collections()
            .ask(&self.caller, collection, searches)
            .await?)
    }

    /// The pages of a list.
    fn pages(&self, operation: &str, collection: &str) -> Pages<'_> {
        Pages {
            key: &self.app.config.session_key,
            list: format!("{operation}/{}/{collection}", self.service()),
        }
    }
}
