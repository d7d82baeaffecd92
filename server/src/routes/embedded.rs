//! Scripts, styles and drawings that are part of the program.

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use regard_engine::to_hex;
use sha2::{Digest, Sha256};

use crate::extract::PathOf;
use crate::problem::Problem;

macro_rules! files {
    ($($path:literal => $kind:expr,)+) => {
        &[$(($path, $kind, include_bytes!(concat!("../../static/", $path)).as_slice()),)+]
    };
}

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const DRAWING: &str = "image/svg+xml";

/// Path below `/static/`, type, bytes.
const FILES: &[(&str, &str, &[u8])] = files! {
    "base.css" => STYLE,
    "console.css" => STYLE,
    "console.js" => SCRIPT,
    "console/budget.js" => SCRIPT,
    "console/campaign/fields.js" => SCRIPT,
    "console/campaign/looks.js" => SCRIPT,
    "console/campaign/messages.js" => SCRIPT,
    "console/campaign/page.js" => SCRIPT,
    "console/campaign/paths.js" => SCRIPT,
    "console/campaigns.css" => STYLE,
    "console/desk.js" => SCRIPT,
    "console/evidence.js" => SCRIPT,
    "console/health.js" => SCRIPT,
    "console/message.js" => SCRIPT,
    "console/plots.js" => SCRIPT,
    "console/report.js" => SCRIPT,
    "console/stage.js" => SCRIPT,
    "console/webcam.js" => SCRIPT,
    "console/zones.js" => SCRIPT,
    "dom.js" => SCRIPT,
    "face.css" => STYLE,
    "face/api.js" => SCRIPT,
    "face/camera.js" => SCRIPT,
    "face/enroll.js" => SCRIPT,
    "face/go.js" => SCRIPT,
    "face/verify.js" => SCRIPT,
    "face/words.js" => SCRIPT,
    "feed.js" => SCRIPT,
    "mark.svg" => DRAWING,
    "page.css" => STYLE,
    "player.css" => STYLE,
    "player.js" => SCRIPT,
    "player/creative.js" => SCRIPT,
    "player/glass.js" => SCRIPT,
    "player/message.css" => STYLE,
    "player/notice.js" => SCRIPT,
    "player/report.js" => SCRIPT,
    "player/stage.js" => SCRIPT,
    "study/camera.js" => SCRIPT,
    "study/questions.js" => SCRIPT,
    "study/study.css" => STYLE,
    "study/study.js" => SCRIPT,
};

static BUILD: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = Sha256::new();
    for (path, _, bytes) in FILES {
        hasher.update(path.as_bytes());
        hasher.update(bytes);
    }
    format!(
        "{}-{}",
        env!("CARGO_PKG_VERSION"),
        &to_hex(&hasher.finalize())[..12]
    )
});

/// Changes when a script, a style or the program changes.
pub(crate) fn build() -> &'static str {
    &BUILD
}

/// A script, a style or a drawing of the program.
#[utoipa::path(
    get, path = "/static/{*path}", tag = "open",
    params(("path" = String, Path, description = "Name of the file")),
    responses((status = 200, description = "The file"), (status = 404, body = Problem))
)]
pub(crate) async fn file(PathOf(path): PathOf<String>, headers: HeaderMap) -> Response {
    let Some((_, kind, bytes)) = FILES.iter().find(|(known, _, _)| *known == path) else {
        return Problem::not_found("no_such_file", "there is no such file").into_response();
    };
    let tag = format!("\"{}\"", build());
    let known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    let caching = [
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (
            header::ETAG,
            HeaderValue::from_str(&tag).expect("a version and hexadecimal digits"),
        ),
    ];
    if known == Some(tag.as_str()) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    (caching, [(header::CONTENT_TYPE, *kind)], *bytes).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files_below(dir: &std::path::Path, prefix: &str, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
            if entry.file_type().unwrap().is_dir() {
                files_below(&entry.path(), &format!("{name}/"), found);
            } else {
                found.push(name);
            }
        }
    }

    #[test]
    fn every_file_of_the_folder_is_served() {
        let mut found = Vec::new();
        let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("static");
        files_below(&dir, "", &mut found);
        found.sort();
        let listed: Vec<&str> = FILES.iter().map(|(path, _, _)| *path).collect();
        assert_eq!(listed, found);
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        for (path, _, bytes) in FILES {
            let text = std::str::from_utf8(bytes)
                .unwrap()
                .replace("http://www.w3.org/", "");
            assert!(
                !text.contains("http://") && !text.contains("https://"),
                "{path}"
            );
            assert!(text.lines().count() < 300, "{path}");
        }
    }
}
