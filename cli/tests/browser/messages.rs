//! Messages of every kind, made here.

use std::io::Cursor;
use std::path::Path;
use std::process::Command;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};

use crate::program::Program;

/// A picture of one colour.
pub(crate) fn picture(color: [u8; 3], format: ImageFormat) -> Vec<u8> {
    let image = RgbImage::from_pixel(160, 90, Rgb(color));
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(image)
        .write_to(&mut bytes, format)
        .unwrap();
    bytes.into_inner()
}

/// Four seconds of one colour as WebM; nothing where ffmpeg is not installed or has no VP8.
pub(crate) fn film(color: [u8; 3]) -> Option<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.webm");
    let [r, g, b] = color;
    let source = format!("color=c=0x{r:02x}{g:02x}{b:02x}:s=320x180:d=4:r=10");
    let run = Command::new("ffmpeg")
        .args([
            "-v", "error", "-f", "lavfi", "-i", &source, "-c:v", "libvpx",
        ])
        .args(["-deadline", "realtime", "-b:v", "300k"])
        .arg(&path)
        .status();
    if !run.is_ok_and(|status| status.success()) {
        println!("skipped: films: ffmpeg with VP8 not found");
        return None;
    }
    Some(read(&path))
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

/// A message with that content, ready for `POST /v1/campaigns/{id}/creatives`.
pub(crate) fn creative(id: &str, content: &Value) -> Value {
    json!({
        "id": id, "name": id, "alt_text": format!("The message {id}"), "content": content,
        "duration_millis": 60_000, "min_show_millis": 400, "transition_millis": 0, "fit": "cover",
    })
}

/// A message of words.
pub(crate) fn words(id: &str, title: &str, background: &str) -> Value {
    let content =
        json!({"kind": "text", "title": title, "background": background, "color": "#ffffff"});
    creative(id, &content)
}

/// Uploads a file and makes a message of it.
pub(crate) fn uploaded(program: &Program, id: &str, name: &str, bytes: &[u8]) -> Value {
    let upload = program.upload(name, bytes);
    let content = json!({"kind": upload["message"], "asset": upload["asset"]});
    creative(id, &content)
}

/// Makes these the only messages of the program, in turn.
pub(crate) fn show_only(program: &Program, creatives: &[Value]) {
    let campaign = json!({
        "id": "test", "name": "Test", "policy": {"kind": "fixed", "order": "round_robin"},
        "creative": creatives,
    });
    program.send("PUT", "/v1/campaigns", &json!([campaign]));
}
