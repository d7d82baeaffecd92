//! Assets as answers.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use tower::ServiceExt;
use tower_http::services::ServeFile;

use super::library::{AssetBytes, AssetRef};
use super::sniff::AssetKind;
use crate::csp;

/// The bytes under a hash never change.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// The asset with its own policy; films answer to ranges.
pub(crate) async fn response(asset: &AssetRef, request: Request) -> Response {
    let mut response = match &asset.bytes {
        AssetBytes::Memory(bytes) => Body::from(bytes.to_vec()).into_response(),
        AssetBytes::File(path) => match ServeFile::new(path).oneshot(request).await {
            Ok(response) => response.map(Body::new),
            Err(never) => match never {},
        },
    };
    let policy = match asset.kind {
        AssetKind::Html => csp::HTML_MESSAGE,
        AssetKind::Png
        | AssetKind::Jpeg
        | AssetKind::Gif
        | AssetKind::Webp
        | AssetKind::Svg
        | AssetKind::Mp4
        | AssetKind::Webm => csp::MEDIA,
    };
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(asset.kind.mime()),
    );
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(policy),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(FOR_EVER));
    response
}
