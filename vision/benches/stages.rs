//! Milliseconds of each stage on one core, built-in runtime, frames of 640x480 and 1920x1080.

use std::sync::Arc;

use divan::Bencher;
use regard_commitments::{Answer, Grant, LibraryDeclaration, Sensing, ask_library};
use regard_domain::{BBox, CameraId, Face, FrameSize};
use regard_inference::{Catalog, Native};
use regard_vision::{
    AnalyzerOptions, DetectorOptions, FaceAnalyzer, Photo, Picture, PixelPool, WantedSize,
    decode_jpeg,
};

const SIZES: [(u32, u32); 2] = [(640, 480), (1920, 1080)];

fn main() {
    regard_inference::flush_to_zero();
    divan::main();
}

fn grant() -> Grant<Sensing> {
    let camera = CameraId::new("bench").expect("a valid id");
    match ask_library(&LibraryDeclaration::own_media(camera)) {
        Answer::Granted(grant) => grant,
        Answer::Refused(refusal) => panic!("{refusal:?}"),
    }
}

fn analyzer(options: AnalyzerOptions) -> FaceAnalyzer {
    let catalog = Catalog::open(None).expect("the built-in manifest");
    FaceAnalyzer::new(Arc::new(Native::new()), Arc::new(catalog), options)
}

/// The portrait, enlarged to the height of the frame, on gray.
fn frame((width, height): (u32, u32)) -> Picture {
    let bytes = include_bytes!("../../testkit/fixtures/photos/astronaut.jpg");
    let photo = Photo::from_bytes(bytes).expect("a good picture");
    let portrait =
        image::RgbImage::from_raw(512, 512, photo.view().pixels().to_vec()).expect("512 x 512");
    let filter = image::imageops::FilterType::Triangle;
    let scaled = image::imageops::resize(&portrait, height, height, filter);
    let mut canvas = image::RgbImage::from_pixel(width, height, image::Rgb([110, 120, 130]));
    image::imageops::replace(&mut canvas, &scaled, 0, 0);
    Picture::from_rgb(canvas.into_raw(), FrameSize { width, height }).expect("a whole frame")
}

fn jpeg(size: (u32, u32)) -> Vec<u8> {
    let picture = frame(size);
    let mut bytes = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 85)
        .encode(
            picture.pixels(),
            size.0,
            size.1,
            image::ExtendedColorType::Rgb8,
        )
        .expect("a good picture");
    bytes
}

fn faces(analyzer: &mut FaceAnalyzer, picture: &Picture) -> Vec<Face> {
    let key = grant().count().expect("counting is granted");
    analyzer
        .detect(picture.view(), &key)
        .expect("the network runs")
}

#[divan::bench(args = SIZES)]
fn decode_whole(bencher: Bencher<'_, '_>, size: (u32, u32)) {
    let (bytes, pool) = (jpeg(size), PixelPool::new());
    bencher.bench_local(|| drop(decode_jpeg(&bytes, WantedSize::Whole, &pool)));
}

#[divan::bench(args = SIZES)]
fn decode_half(bencher: Bencher<'_, '_>, size: (u32, u32)) {
    let (bytes, pool) = (jpeg(size), PixelPool::new());
    let wanted = WantedSize::AtLeast {
        width: size.0 / 2,
        height: size.1 / 2,
    };
    bencher.bench_local(|| drop(decode_jpeg(&bytes, wanted, &pool)));
}

#[divan::bench(args = SIZES)]
fn detect_reduced(bencher: Bencher<'_, '_>, size: (u32, u32)) {
    let picture = frame(size);
    let mut analyzer = analyzer(AnalyzerOptions::LIVE);
    bencher.bench_local(|| faces(&mut analyzer, &picture).len());
}

#[divan::bench(args = SIZES, sample_count = 5, sample_size = 1)]
fn detect_full_resolution(bencher: Bencher<'_, '_>, size: (u32, u32)) {
    let picture = frame(size);
    let mut analyzer = analyzer(AnalyzerOptions {
        detector: DetectorOptions {
            full_resolution: true,
            ..DetectorOptions::LIVE
        },
        ..AnalyzerOptions::LIVE
    });
    bencher.bench_local(|| faces(&mut analyzer, &picture).len());
}

#[divan::bench(args = SIZES)]
fn detect_around_one(bencher: Bencher<'_, '_>, size: (u32, u32)) {
    let picture = frame(size);
    let mut analyzer = analyzer(AnalyzerOptions::LIVE);
    let expected: Vec<BBox> = faces(&mut analyzer, &picture)
        .iter()
        .map(|f| f.bbox_in_frame)
        .collect();
    let key = grant().count().expect("counting is granted");
    bencher.bench_local(|| {
        analyzer
            .detect_around(picture.view(), &expected, &key)
            .map(|f| f.len())
    });
}

#[divan::bench(args = SIZES)]
fn expression_of_one(bencher: Bencher<'_, '_>, size: (u32, u32)) {
    let picture = frame(size);
    let mut analyzer = analyzer(AnalyzerOptions::LIVE);
    let found = faces(&mut analyzer, &picture);
    let key = grant().expression().expect("expression is granted");
    bencher.bench_local(|| analyzer.expressions(picture.view(), &found, &key));
}

#[divan::bench(args = SIZES)]
fn mesh_of_one(bencher: Bencher<'_, '_>, size: (u32, u32)) {
    let picture = frame(size);
    let mut analyzer = analyzer(AnalyzerOptions::LIVE);
    let found = faces(&mut analyzer, &picture);
    let key = grant().attention().expect("attention is granted");
    bencher.bench_local(|| analyzer.head_poses(picture.view(), &found, &key));
}
