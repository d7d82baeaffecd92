//! The optional networks of 478 points and 52 blendshapes: MediaPipe's own FaceLandmarker says the same of the same frames.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use regard_domain::Face;
use regard_inference::{
    Catalog, Device, LibrarySearch, LoadOptions, Native, OnnxRuntime, Rten, Runtime, RuntimeChoice,
    select,
};
use regard_testkit::wall::clip_jpegs;
use regard_vision::{
    AnalyzerOptions, Blendshapes, FaceMesh, FineMeshAnalyzer, N_FINE_MESH_POINTS, N_MESH_POINTS,
    Picture, PixelPool, WantedSize, decode_jpeg,
};
use serde::Deserialize;

use crate::support::{analyzer, grant};

/// What `tools/models/face_landmarker.py` recorded.
#[derive(Deserialize)]
struct Record {
    names: Vec<String>,
    points: Vec<usize>,
    frames: Vec<Recorded>,
}

#[derive(Deserialize)]
struct Recorded {
    frame: usize,
    points: Vec<[f32; 2]>,
    blendshapes: Vec<f32>,
}

fn record() -> Record {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/reference/face-landmarker.json");
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

/// The catalogue with the folder that `REGARD_MODELS` names, where the files of both networks are in it.
fn catalog() -> Option<Arc<Catalog>> {
    let folder = std::env::var_os("REGARD_MODELS").map(PathBuf::from)?;
    let catalog = Catalog::open(Some(&folder)).unwrap();
    let ids = [
        "mediapipe-face-landmarks-478",
        "mediapipe-face-blendshapes-52",
    ];
    let is_there = ids.iter().all(|id| catalog.bytes_of(id).is_ok());
    is_there.then(|| Arc::new(catalog))
}

/// The same, and word of what is skipped where they are not there.
#[expect(clippy::print_stdout, reason = "a test says what it skips")]
fn catalog_or_skip() -> Option<Arc<Catalog>> {
    let found = catalog();
    if found.is_none() {
        println!(
            "skipped: mp_face_landmarks_478.onnx and mp_face_blendshapes_52.onnx are not under REGARD_MODELS"
        );
    }
    found
}

fn fine(runtime: &dyn Runtime, catalog: &Catalog) -> FineMeshAnalyzer {
    let loaded = FineMeshAnalyzer::load(runtime, catalog, &LoadOptions::default()).unwrap();
    let fine = loaded.unwrap();
    assert!(fine.has_blendshapes());
    fine
}

/// A frame of the demonstration's clip.
fn picture(number: usize) -> Picture {
    decode_jpeg(clip_jpegs()[number], WantedSize::Whole, &PixelPool::new()).unwrap()
}

fn distance(mesh: &FaceMesh, at: usize, [x, y]: [f32; 2]) -> f32 {
    let point = mesh.points()[at];
    (point.x - x).hypot(point.y - y)
}

/// Distance between the outer corners of the eyes.
fn eyes_px(mesh: &FaceMesh) -> f32 {
    let right = mesh.points()[263];
    distance(mesh, 33, [right.x, right.y])
}

/// The mesh of a still frame once its region no longer moves.
fn settled(fine: &mut FineMeshAnalyzer, picture: &Picture, face: &Face) -> FaceMesh {
    let grant = grant();
    let key = grant.attention().unwrap();
    let mut last = None;
    for _ in 0..6 {
        last = fine
            .analyze(picture.view(), face, last.as_ref(), &key)
            .unwrap();
    }
    last.unwrap()
}

/// Mean and greatest distance from what was recorded, in distances between the eyes; mean and greatest difference of the weights.
fn compare(of: &Recorded, points: &[usize], mesh: &FaceMesh, weights: &Blendshapes) -> [f32; 4] {
    let eyes = eyes_px(mesh);
    let far: Vec<f32> = points
        .iter()
        .zip(&of.points)
        .map(|(at, point)| distance(mesh, *at, *point) / eyes)
        .collect();
    let off: Vec<f32> = weights
        .values()
        .iter()
        .zip(&of.blendshapes)
        .map(|(ours, theirs)| (ours - theirs).abs())
        .collect();
    let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
    let most = |values: &[f32]| values.iter().copied().fold(0.0, f32::max);
    [mean(&far), most(&far), mean(&off), most(&off)]
}

#[test]
fn points_and_weights_are_those_of_mediapipe_on_every_runtime() {
    let Some(catalog) = catalog_or_skip() else {
        return;
    };
    let (record, grant) = (record(), grant());
    let snake = |name: &str| -> String {
        name.trim_start_matches('_')
            .chars()
            .fold(String::new(), |mut all, c| {
                if c.is_ascii_uppercase() {
                    all.push('_');
                }
                all.push(c.to_ascii_lowercase());
                all
            })
    };
    let names: Vec<String> = record.names.iter().map(|name| snake(name)).collect();
    assert_eq!(names, Blendshapes::NAMES);
    let (count, expression) = (grant.count().unwrap(), grant.expression().unwrap());
    let mut finder = analyzer(AnalyzerOptions::LIVE);
    let nothing = LibrarySearch::default();
    let mut runtimes: Vec<Arc<dyn Runtime>> = vec![
        select(RuntimeChoice::Native, &nothing).unwrap().runtime,
        Arc::new(Rten),
    ];
    match OnnxRuntime::find(&LibrarySearch::system(), Device::Cpu) {
        Ok(library) => runtimes.push(Arc::new(library)),
        Err(_) => println!("skipped: ONNX Runtime beside the others: its library was not found"),
    }
    for runtime in runtimes {
        let mut fine = fine(runtime.as_ref(), &catalog);
        for one in &record.frames {
            let picture = picture(one.frame);
            let faces = finder.detect(picture.view(), &count).unwrap();
            let mesh = settled(&mut fine, &picture, &faces[0]);
            assert_eq!(mesh.points().len(), N_FINE_MESH_POINTS);
            let weights = fine.blendshapes(&mesh, &expression).unwrap().unwrap();
            let [far, farthest, off, most] = compare(one, &record.points, &mesh, &weights);
            println!(
                "{}, frame {}: points {far:.4}, at most {farthest:.4} eye distances; weights {off:.4}, at most {most:.4}",
                runtime.name(),
                one.frame
            );
            // Their crop begins half a pixel elsewhere, and they smooth over time.
            assert!(far < 0.01 && farthest < 0.025, "{far} {farthest}");
            assert!(off < 0.01 && most < 0.08, "{off} {most}");
        }
    }
}

#[test]
fn the_native_runtime_draws_the_points_itself() {
    let Some(catalog) = catalog_or_skip() else {
        return;
    };
    let bytes = catalog.bytes_of("mediapipe-face-landmarks-478").unwrap();
    for native in Native::all() {
        native.load(&bytes, &LoadOptions::default()).unwrap();
    }
}

#[test]
fn the_points_are_about_where_the_built_in_mesh_has_them() {
    let Some(catalog) = catalog_or_skip() else {
        return;
    };
    let mut fine = fine(&Rten, &catalog);
    let grant = grant();
    let (count, attention) = (grant.count().unwrap(), grant.attention().unwrap());
    let mut finder = analyzer(AnalyzerOptions::LIVE);
    for number in [5, 33, 100, 200, 250, 360] {
        let picture = picture(number);
        let faces = finder.detect(picture.view(), &count).unwrap();
        let built_in = finder.meshes(picture.view(), &faces, &attention).unwrap();
        let built_in = built_in[0].as_ref().unwrap();
        let mesh = fine
            .analyze(picture.view(), &faces[0], None, &attention)
            .unwrap()
            .unwrap();
        let eyes = eyes_px(&mesh);
        let far: f32 = (0..N_MESH_POINTS)
            .map(|at| {
                let point = built_in.points()[at];
                distance(&mesh, at, [point.x, point.y]) / eyes
            })
            .sum::<f32>()
            / N_MESH_POINTS as f32;
        println!("frame {number}: {far:.3} eye distances");
        assert!(far < 0.08, "{number}: {far}");
        // Each iris lies between the corners of its eye.
        for (iris, corners) in [(468, [33, 133]), (473, [362, 263])] {
            let [left, right] = corners.map(|at| mesh.points()[at].x);
            let at = mesh.points()[iris].x;
            assert!(left < at && at < right, "{number}: {left} {at} {right}");
        }
        let poses = (mesh.head_pose().unwrap(), built_in.head_pose().unwrap());
        let apart = (poses.0.yaw_deg - poses.1.yaw_deg).abs();
        assert!(apart < 8.0, "{number}: {poses:?}");
    }
}

#[test]
fn weights_rise_with_what_the_clip_shows() {
    let Some(catalog) = catalog_or_skip() else {
        return;
    };
    let mut fine = fine(&Rten, &catalog);
    let grant = grant();
    let (count, expression) = (grant.count().unwrap(), grant.expression().unwrap());
    let mut finder = analyzer(AnalyzerOptions::LIVE);
    let mut seen = |second: f64| {
        let picture = picture((second * 15.0) as usize);
        let faces = finder.detect(picture.view(), &count).unwrap();
        let mesh = settled(&mut fine, &picture, &faces[0]);
        fine.blendshapes(&mesh, &expression).unwrap().unwrap()
    };
    // By hand (demo.toml): neutral at 8.2 s, mouth wide open at 9.6 s; a broad smile at 6 s, another person's.
    let (rest, open, smile) = (seen(8.2), seen(9.6), seen(6.0));
    let of = |weights: &Blendshapes, name: &str| weights.value(name).unwrap();
    assert!(
        of(&rest, "jaw_open") < 0.1 && of(&open, "jaw_open") > 0.4,
        "{rest:?} {open:?}"
    );
    for side in ["mouth_smile_left", "mouth_smile_right"] {
        assert!(
            of(&rest, side) < 0.3 && of(&smile, side) > 0.7,
            "{side} {rest:?} {smile:?}"
        );
    }
}

#[test]
fn without_the_files_there_is_nothing_and_a_wrong_file_is_an_error() {
    let built_in = Catalog::open(None).unwrap();
    let none = FineMeshAnalyzer::load(&Rten, &built_in, &LoadOptions::default()).unwrap();
    assert!(none.is_none());
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mp_face_landmarks_478.onnx"), "not it").unwrap();
    let wrong = Catalog::open(Some(folder.path())).unwrap();
    let error = FineMeshAnalyzer::load(&Rten, &wrong, &LoadOptions::default())
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        "failed to load the model mediapipe-face-landmarks-478"
    );
}
