//! Assets in and out.

use std::io;
use std::sync::Arc;

use axum::extract::multipart::{Field, MultipartError, MultipartRejection};
use axum::extract::{Multipart, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Json};
use regard_commitments::AdminAct;
use tokio::io::AsyncWriteExt;
use utoipa::ToSchema;

use crate::access::Guest;
use crate::app::App;
use crate::assets::{self, AssetError, AssetLibrary};
use crate::extract::PathOf;
use crate::problem::{Problem, chain};
use crate::wire::Upload;

/// Form of an upload.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form to readers of the document")]
pub(crate) struct UploadForm {
    /// PNG, JPEG, GIF, WebP, SVG, MP4, WebM or HTML; recognised by its bytes, whatever it is called.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

impl From<MultipartRejection> for Problem {
    fn from(rejection: MultipartRejection) -> Self {
        Self::new(rejection.status(), "bad_body", rejection.body_text())
    }
}

impl From<MultipartError> for Problem {
    fn from(error: MultipartError) -> Self {
        let is_large = error.status() == StatusCode::PAYLOAD_TOO_LARGE;
        let code = if is_large { "too_large" } else { "bad_body" };
        // An upload that breaks off is the sender's matter.
        let status = if error.status().is_server_error() {
            StatusCode::BAD_REQUEST
        } else {
            error.status()
        };
        Self::new(status, code, error.body_text())
    }
}

impl From<AssetError> for Problem {
    fn from(error: AssetError) -> Self {
        match &error {
            AssetError::Io(_) => Self::internal("asset_not_written", &error),
            AssetError::Outside => Self::invalid("bad_asset_name", chain(&error)),
            AssetError::UnknownKind => Self::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unknown_asset_kind",
                chain(&error),
            ),
            AssetError::BadDimensions => Self::invalid("bad_dimensions", chain(&error)),
            AssetError::Svg(_) => Self::invalid("bad_svg", chain(&error)),
            AssetError::BadPage => Self::invalid("bad_page", chain(&error)),
        }
    }
}

/// One asset, by the hash of its bytes. Pages are served with a policy that lets them reach nothing.
#[utoipa::path(
    get, path = "/assets/{name}", tag = "open",
    params(("name" = String, Path, description = "SHA-256 and extension")),
    responses((status = 200, description = "The bytes"), (status = 206, description = "A range of them"), (status = 404, body = Problem))
)]
pub(crate) async fn asset(
    State(app): State<App>,
    PathOf(name): PathOf<String>,
    request: Request,
) -> Result<Response, Problem> {
    let library = Arc::clone(&app.assets);
    let found = tokio::task::spawn_blocking(move || library.by_name(&name))
        .await
        .ok()
        .flatten();
    let found =
        found.ok_or_else(|| Problem::not_found("no_such_asset", "there is no such asset"))?;
    Ok(assets::response(&found, request).await)
}

/// Takes a picture, film or page for messages: recognised by its bytes, made harmless, kept under its hash.
#[utoipa::path(
    post, path = "/v1/assets", tag = "console",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses(
        (status = 201, body = Upload), (status = 401, body = Problem), (status = 413, body = Problem),
        (status = 415, body = Problem), (status = 422, body = Problem),
    )
)]
pub(crate) async fn upload(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    form: Result<Multipart, MultipartRejection>,
) -> Result<(StatusCode, Json<Upload>), Problem> {
    app.engine.check_ledger()?;
    let mut form = form?;
    while let Some(field) = form.next_field().await? {
        if field.name() != Some("file") {
            continue;
        }
        let library = Arc::clone(&app.assets);
        let file = receive(&library, field).await?;
        let taken = tokio::task::spawn_blocking(move || library.take(file)).await;
        let asset = taken.map_err(|error| Problem::internal("asset_not_written", &error))??;
        // The name is the hash of the bytes.
        let name = asset.name.as_bytes();
        app.did(&guest, AdminAct::AssetUploaded, name).await?;
        return Ok((StatusCode::CREATED, Json(Upload::from(&asset))));
    }
    Err(Problem::invalid(
        "file_missing",
        "the form has no field \"file\"",
    ))
}

/// Writes the field to a file beside the assets as it comes, so that memory stays small.
async fn receive(
    library: &AssetLibrary,
    mut field: Field<'_>,
) -> Result<tempfile::NamedTempFile, Problem> {
    let failed = |error: io::Error| Problem::internal("asset_not_written", &error);
    std::fs::create_dir_all(library.dir()).map_err(failed)?;
    let file = tempfile::NamedTempFile::new_in(library.dir()).map_err(failed)?;
    let mut out = tokio::fs::File::from_std(file.reopen().map_err(failed)?);
    while let Some(chunk) = field.chunk().await? {
        out.write_all(&chunk).await.map_err(failed)?;
    }
    out.sync_all().await.map_err(failed)?;
    Ok(file)
}
