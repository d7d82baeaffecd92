//! Writes `testkit/fixtures/puppet/`: a face of the committed clip, turned each way by its own mesh, for tests of challenges.
//! `cargo run -p regard-vision --example puppet`
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a chore that cannot go on ends"
)]

use std::path::Path;
use std::sync::Arc;

use regard_commitments::{LibraryDeclaration, ask_library};
use regard_domain::CameraId;
use regard_inference::{Catalog, LibrarySearch, RuntimeChoice, select};
use regard_testkit::puppet::Puppet;
use regard_vision::{AnalyzerOptions, FaceAnalyzer, Photo};

/// The frame of the clip in which the man looks most nearly straight ahead.
const FRAME: usize = 336;

/// How far the head is turned for each picture, yaw and pitch in degrees; the first is straight ahead.
const TURNS: [(&str, f32, f32); 5] = [
    ("ahead", 0.0, -10.0),
    ("left", -40.0, -10.0),
    ("right", 40.0, -10.0),
    ("up", 0.0, 15.0),
    ("down", 10.0, -35.0),
];

fn main() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/fixtures");
    let clip = std::fs::read(fixtures.join("clip/demo.mjpeg")).unwrap();
    let photo = Photo::from_bytes(&frame(&clip, FRAME)).unwrap();
    let runtime = select(RuntimeChoice::Rten, &LibrarySearch::system()).unwrap();
    let catalog = Arc::new(Catalog::open(None).unwrap());
    let mut analyzer = FaceAnalyzer::new(runtime.runtime, catalog, AnalyzerOptions::PHOTO);
    let own = LibraryDeclaration::own_media(CameraId::new("clip").unwrap());
    let grant = ask_library(&own).granted().unwrap();
    let (count, attention) = (grant.count().unwrap(), grant.attention().unwrap());
    let faces = analyzer.detect(photo.view(), &count).unwrap();
    let meshes = analyzer.meshes(photo.view(), &faces, &attention).unwrap();
    let mesh = meshes[0].as_ref().unwrap();
    let points: Vec<[f32; 3]> = mesh.points().iter().map(|p| [p.x, p.y, p.z]).collect();
    let (width, height) = (photo.size().width as usize, photo.size().height as usize);
    let puppet = Puppet::new(photo.view().pixels().to_vec(), width, height, &points);
    println!("head: {:?}", puppet.head());
    std::fs::create_dir_all(fixtures.join("puppet")).unwrap();
    for (name, yaw, pitch) in TURNS {
        let file = fixtures.join(format!("puppet/{name}.jpg"));
        let encoder = jpeg_encoder::Encoder::new_file(&file, 92).unwrap();
        let rgb = puppet.turned(yaw, pitch);
        let (w, h) = (
            u16::try_from(width).unwrap(),
            u16::try_from(height).unwrap(),
        );
        encoder
            .encode(&rgb, w, h, jpeg_encoder::ColorType::Rgb)
            .unwrap();
        println!("{}", file.display());
    }
}

/// A frame of pictures laid end to end.
fn frame(clip: &[u8], index: usize) -> Vec<u8> {
    let begins: Vec<usize> = clip
        .windows(3)
        .enumerate()
        .filter_map(|(at, bytes)| (bytes == [0xff, 0xd8, 0xff]).then_some(at))
        .collect();
    clip[begins[index]..begins[index + 1]].to_vec()
}
