//! Writes `testkit/fixtures/sitter/`: the surroundings of two faces and the points of their meshes, for tests of challenges.
//! `cargo run -p regard-vision --example sitter`
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a chore that cannot go on ends"
)]

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use regard_commitments::{LibraryDeclaration, ask_library};
use regard_domain::{CameraId, FrameSize};
use regard_inference::{Catalog, LibrarySearch, RuntimeChoice, select};
use regard_vision::{AnalyzerOptions, FaceAnalyzer, Photo, RgbView};

/// Width of the face in the picture that is written, and the side of the picture.
const FACE_PX: f32 = 120.0;
const SIDE: u32 = 384;

/// Which frame of the clip shows the man still and straight ahead: in its first film (cap12).
const MAN_FRAME: usize = 20;

fn main() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/fixtures");
    let woman = std::fs::read(fixtures.join("photos/grace_hopper.jpg")).unwrap();
    let man = regard_testkit::clip::frames().swap_remove(MAN_FRAME);
    write(&fixtures, &woman, ("face.jpg", "mesh.txt"));
    write(&fixtures, &man, ("man.jpg", "man-mesh.txt"));
    println!("{}", fixtures.join("sitter").display());
}

fn write(fixtures: &Path, jpeg: &[u8], (face_name, mesh_name): (&str, &str)) {
    let photo = Photo::from_bytes(jpeg).unwrap();
    let runtime = select(RuntimeChoice::Rten, &LibrarySearch::system()).unwrap();
    let catalog = Arc::new(Catalog::open(None).unwrap());
    let mut analyzer = FaceAnalyzer::new(runtime.runtime, catalog, AnalyzerOptions::PHOTO);
    let own = LibraryDeclaration::own_media(CameraId::new("photo").unwrap());
    let grant = ask_library(&own).granted().unwrap();
    let (count, attention) = (grant.count().unwrap(), grant.attention().unwrap());
    let face = analyzer.detect(photo.view(), &count).unwrap()[0].bbox_in_frame;
    let scale = face.width() / FACE_PX;
    let half = SIDE as f32 * scale / 2.0;
    let (left, top) = (face.center().x - half, face.center().y - half);
    let (width, height) = (photo.size().width as i32, photo.size().height as i32);
    let mut pixels = Vec::with_capacity((SIDE * SIDE * 3) as usize);
    for y in 0..SIDE {
        for x in 0..SIDE {
            let column = ((left + x as f32 * scale) as i32).clamp(0, width - 1);
            let row = ((top + y as f32 * scale) as i32).clamp(0, height - 1);
            let at = ((row * width + column) * 3) as usize;
            pixels.extend_from_slice(&photo.view().pixels()[at..at + 3]);
        }
    }
    let size = FrameSize {
        width: SIDE,
        height: SIDE,
    };
    let view = RgbView::new(&pixels, size).unwrap();
    let faces = analyzer.detect(view, &count).unwrap();
    let meshes = analyzer.meshes(view, &faces, &attention).unwrap();
    let mut points = String::new();
    for point in meshes[0].as_ref().unwrap().points() {
        writeln!(points, "{:.2} {:.2} {:.2}", point.x, point.y, point.z).unwrap();
    }
    std::fs::create_dir_all(fixtures.join("sitter")).unwrap();
    std::fs::write(fixtures.join("sitter").join(mesh_name), points).unwrap();
    let side = u16::try_from(SIDE).unwrap();
    jpeg_encoder::Encoder::new_file(fixtures.join("sitter").join(face_name), 95)
        .unwrap()
        .encode(&pixels, side, side, jpeg_encoder::ColorType::Rgb)
        .unwrap();
}
