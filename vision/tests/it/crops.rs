//! The built-in networks on crops of real faces: the native runtime says what ONNX Runtime said, or says beside it.
//!
//! `REGARD_RECORD_CROPS=1 cargo test -p regard-vision crops` records anew what ONNX Runtime says of the fixtures.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use regard_domain::{BBox, Point};
use regard_inference::{
    Catalog, Device, LibrarySearch, LoadOptions, Native, Network, OnnxRuntime, Runtime, Tensor,
};
use regard_testkit::wall::clip_jpegs;
use regard_vision::{
    AnalyzerOptions, FaceAnalyzer, Photo, Picture, PixelPool, WantedSize, decode_jpeg,
};
use serde::Deserialize;

use crate::support::{grant, photo};

/// Crops each network is given.
const N_CROPS: usize = 100;

/// Largest difference, of the largest value of an output; and what a largest value counts as at least, for
/// probabilities near nought are the rounding of a logit. As of the recorded outputs.
const TOLERANCE: f32 = 1e-4;
const LARGEST_FLOOR: f32 = 0.01;

/// Values of each output of each crop that are recorded, each time others.
const N_RECORDED: usize = 4;

/// Every so many frames of the clip.
const CLIP_STEP: usize = 4;

/// Photographs of the fixtures.
const PHOTOS: [&str; 3] = ["astronaut.jpg", "grace_hopper.jpg", "solvay.jpg"];

/// Every so many of the recorded crops are compared where neither `REGARD_SLOW` nor `REGARD_EVAL_DATA` is set.
const SAMPLE: usize = 4;

/// Every so many crops are run again.
const AGAIN: usize = 10;

/// Side of what is cut out, in sides of the face's box.
const REGION_FACTOR: f32 = 1.4;

/// Networks, the shapes and bounds of their inputs, as `models/reference` has them.
const NETWORKS: [(&str, [usize; 4], (f32, f32)); 6] = [
    ("yunet-2023mar", [1, 3, 160, 160], (0.0, 255.0)),
    ("faceapi-expression", [1, 3, 112, 112], (0.0, 255.0)),
    ("fer-mini-xception", [1, 64, 64, 1], (-1.0, 1.0)),
    ("mediapipe-face-mesh-468", [1, 192, 192, 3], (0.0, 1.0)),
    ("sface-2021dec-int8", [1, 3, 112, 112], (0.0, 255.0)),
    ("faceres-age", [1, 224, 224, 3], (-110.0, 140.0)),
];

/// A picture and a face in it.
struct Crop {
    /// Where the picture is from: a photograph, or the number of a frame of the clip.
    from: String,
    picture: Arc<Picture>,
    bbox: BBox,
}

impl Crop {
    /// Red, green and blue at a place of the square around the face, in `[0, 1)` each way; black outside.
    fn at(&self, u: f32, v: f32) -> [f32; 3] {
        let side = REGION_FACTOR * self.bbox.width().max(self.bbox.height());
        let middle = self.bbox.center();
        let place = Point::new(middle.x + (u - 0.5) * side, middle.y + (v - 0.5) * side);
        let size = self.picture.view().size();
        let is_inside = place.x >= 0.0 && place.y >= 0.0;
        let (x, y) = (place.x as usize, place.y as usize);
        if !is_inside || x >= size.width as usize || y >= size.height as usize {
            return [0.0; 3];
        }
        let at = (y * size.width as usize + x) * 3;
        let pixels = &self.picture.pixels()[at..at + 3];
        [pixels[0].into(), pixels[1].into(), pixels[2].into()]
    }

    /// As an input of that shape whose values go from `low` to `high`.
    fn tensor(&self, shape: [usize; 4], (low, high): (f32, f32)) -> Tensor {
        let is_planar = shape[1] == 3;
        let (height, width) = if is_planar {
            (shape[2], shape[3])
        } else {
            (shape[1], shape[2])
        };
        let mut data = vec![0.0; shape.iter().product()];
        for y in 0..height {
            for x in 0..width {
                let (u, v) = (
                    (x as f32 + 0.5) / width as f32,
                    (y as f32 + 0.5) / height as f32,
                );
                let rgb = self
                    .at(u, v)
                    .map(|value| low + (high - low) * value / 255.0);
                let pixel = y * width + x;
                match (is_planar, shape[3]) {
                    (true, _) => (0..3).for_each(|c| data[c * height * width + pixel] = rgb[c]),
                    (false, 1) => data[pixel] = (rgb[0] + rgb[1] + rgb[2]) / 3.0,
                    (false, _) => data[pixel * 3..pixel * 3 + 3].copy_from_slice(&rgb),
                }
            }
        }
        Tensor::new(shape.to_vec(), data).unwrap()
    }

    /// Sum of all pixels at 112 by 112: another where the picture decodes otherwise.
    fn sum(&self) -> u64 {
        let tensor = self.tensor([1, 3, 112, 112], (0.0, 255.0));
        tensor.data().iter().map(|&x| x as u64).sum()
    }
}

/// What was recorded of one crop: the largest value and some others of each output, network by network.
#[derive(Deserialize)]
struct Recorded {
    from: String,
    bbox: [f32; 4],
    sum: u64,
    outputs: BTreeMap<String, Vec<(f32, Vec<f32>)>>,
}

/// The file of what was recorded.
#[derive(Deserialize)]
struct Record {
    /// What said it.
    runtime: String,
    /// SHA-256 of each network.
    sha256: BTreeMap<String, String>,
    crops: Vec<Recorded>,
}

fn record_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/reference/crops.json")
}

fn onnx_runtime() -> Option<OnnxRuntime> {
    OnnxRuntime::find(&LibrarySearch::system(), Device::Cpu).ok()
}

/// Each network on that runtime.
fn load(runtime: &dyn Runtime) -> Vec<Box<dyn Network>> {
    let catalog = Catalog::open(None).unwrap();
    let load = |&(id, ..): &(&str, [usize; 4], (f32, f32))| {
        let bytes = catalog.bytes_of(id).unwrap();
        runtime.load(&bytes, &LoadOptions::default()).unwrap()
    };
    NETWORKS.iter().map(load).collect()
}

fn run(network: &mut dyn Network, input: &Tensor) -> Vec<Tensor> {
    let name = network.inputs()[0].name.clone();
    network.run(&[(&name, input.view())]).unwrap()
}

fn largest(output: &Tensor) -> f32 {
    output.data().iter().fold(0.0, |a, b| a.max(b.abs()))
}

/// Which values of an output of `len` are recorded of that crop.
fn recorded_indices(len: usize, crop: usize) -> impl Iterator<Item = usize> {
    let step = len.div_ceil(N_RECORDED);
    (crop % step..len).step_by(step)
}

/// The picture a crop of the fixtures is from.
fn picture(from: &str, pool: &PixelPool) -> Picture {
    match from.parse::<usize>() {
        Ok(frame) => decode_jpeg(clip_jpegs()[frame], WantedSize::Whole, pool).unwrap(),
        Err(_) => own(&photo(from)),
    }
}

fn own(photo: &Photo) -> Picture {
    let view = photo.view();
    Picture::from_rgb(view.pixels().to_vec(), view.size()).unwrap()
}

/// The first hundred faces that the detector finds, their boxes in whole pixels.
fn found(pictures: impl Iterator<Item = (String, Picture)>) -> Vec<Crop> {
    let catalog = Arc::new(Catalog::open(None).unwrap());
    let native = Arc::new(Native::new());
    let mut analyzer = FaceAnalyzer::new(native, catalog, AnalyzerOptions::PHOTO);
    let grant = grant();
    let key = grant.count().unwrap();
    let mut crops = Vec::new();
    for (from, picture) in pictures {
        let picture = Arc::new(picture);
        for face in analyzer.detect(picture.view(), &key).unwrap() {
            let b = face.bbox_in_frame;
            let [left, top, width, height] =
                [b.left(), b.top(), b.width(), b.height()].map(f32::round);
            crops.push(Crop {
                from: from.clone(),
                picture: Arc::clone(&picture),
                bbox: BBox::new(left, top, width, height).unwrap(),
            });
        }
        if crops.len() >= N_CROPS {
            break;
        }
    }
    crops.truncate(N_CROPS);
    assert_eq!(crops.len(), N_CROPS);
    crops
}

/// Writes down what ONNX Runtime says of faces of the fixtures, a line a crop.
fn write_record() {
    let runtime = onnx_runtime().expect("recorded is what ONNX Runtime says; it was not found");
    let pool = PixelPool::new();
    let frames = (0..clip_jpegs().len()).step_by(CLIP_STEP);
    let names = PHOTOS.iter().map(ToString::to_string);
    let names = names.chain(frames.map(|frame| frame.to_string()));
    let crops = found(names.map(|name| {
        let picture = picture(&name, &pool);
        (name, picture)
    }));
    let catalog = Catalog::open(None).unwrap();
    let mut hashes = BTreeMap::new();
    for entry in catalog.entries() {
        if NETWORKS.iter().any(|(id, ..)| *id == entry.id) {
            hashes.insert(entry.id.clone(), entry.sha256.clone());
        }
    }
    let mut networks = load(&runtime);
    let mut lines = Vec::new();
    for (index, crop) in crops.iter().enumerate() {
        let mut outputs = Vec::new();
        for (network, (id, shape, bounds)) in networks.iter_mut().zip(NETWORKS) {
            let mut own = Vec::new();
            for output in run(network.as_mut(), &crop.tensor(shape, bounds)) {
                let data = output.data();
                let some: Vec<String> = recorded_indices(data.len(), index)
                    .map(|i| format!("{:e}", data[i]))
                    .collect();
                own.push(format!("[{:e},[{}]]", largest(&output), some.join(",")));
            }
            outputs.push(format!("{id:?}:[{}]", own.join(",")));
        }
        let b = &crop.bbox;
        lines.push(format!(
            "{{\"from\":{:?},\"bbox\":[{},{},{},{}],\"sum\":{},\"outputs\":{{{}}}}}",
            crop.from,
            b.left(),
            b.top(),
            b.width(),
            b.height(),
            crop.sum(),
            outputs.join(",")
        ));
    }
    let said_by = runtime.description();
    let mut text = String::new();
    write!(
        text,
        "{{\"runtime\":{said_by:?},\n\"sha256\":{},\n\"crops\":[\n{}\n]}}\n",
        serde_json::to_string(&hashes).unwrap(),
        lines.join(",\n")
    )
    .unwrap();
    std::fs::write(record_path(), text).unwrap();
}

#[test]
fn the_native_runtime_says_what_onnx_runtime_said_of_real_faces() {
    if std::env::var_os("REGARD_RECORD_CROPS").is_some() {
        write_record();
    }
    let text = std::fs::read_to_string(record_path()).unwrap();
    let record: Record = serde_json::from_str(&text).unwrap();
    assert!(record.runtime.starts_with("ONNX Runtime"));
    assert_eq!(record.crops.len(), N_CROPS);
    let catalog = Catalog::open(None).unwrap();
    for entry in catalog.entries() {
        if let Some(recorded) = record.sha256.get(&entry.id) {
            let hint = "record anew: see the head of this file";
            assert_eq!(recorded, &entry.sha256, "{}: {hint}", entry.id);
        }
    }
    let is_whole = ["REGARD_SLOW", "REGARD_EVAL_DATA"]
        .iter()
        .any(|name| std::env::var_os(name).is_some());
    let step = if is_whole { 1 } else { SAMPLE };
    let pool = PixelPool::new();
    let mut networks = load(&Native::new());
    let mut worst = [0.0_f32; NETWORKS.len()];
    let mut last: Option<(String, Arc<Picture>)> = None;
    for (index, recorded) in record.crops.iter().enumerate().step_by(step) {
        let picture = match last.take() {
            Some((from, picture)) if from == recorded.from => picture,
            _ => Arc::new(picture(&recorded.from, &pool)),
        };
        last = Some((recorded.from.clone(), Arc::clone(&picture)));
        let [left, top, width, height] = recorded.bbox;
        let crop = Crop {
            from: recorded.from.clone(),
            picture,
            bbox: BBox::new(left, top, width, height).unwrap(),
        };
        assert_eq!(crop.sum(), recorded.sum, "{} decodes otherwise", crop.from);
        for (at, (id, shape, bounds)) in NETWORKS.into_iter().enumerate() {
            let input = crop.tensor(shape, bounds);
            let outputs = run(networks[at].as_mut(), &input);
            if (index / step) % AGAIN == 0 {
                let again = run(networks[at].as_mut(), &input);
                assert!(outputs == again, "{id}: another run, other bits");
            }
            let expected = &recorded.outputs[id];
            assert_eq!(outputs.len(), expected.len(), "{id}");
            for (output, (greatest, expected)) in outputs.iter().zip(expected) {
                let greatest = greatest.max(LARGEST_FLOOR);
                let indices: Vec<usize> = recorded_indices(output.data().len(), index).collect();
                assert_eq!(indices.len(), expected.len(), "{id}");
                for (i, expected) in indices.into_iter().zip(expected) {
                    let off = (output.data()[i] - expected).abs() / greatest;
                    assert!(off <= TOLERANCE, "{id}, crop {index}: off by {off:.1e}");
                    worst[at] = worst[at].max(off);
                }
            }
        }
    }
    for ((id, ..), worst) in NETWORKS.iter().zip(worst) {
        println!("{id}: {worst:.1e} on {} crops", N_CROPS.div_ceil(step));
    }
}

/// Photographs of the evaluation data, with the library at hand.
#[test]
fn the_native_runtime_agrees_with_onnx_runtime_on_labelled_faces() {
    let data = std::env::var_os("REGARD_EVAL_DATA").map(PathBuf::from);
    let people = data.map(|data| data.join("lfw/images"));
    let Some(people) = people.filter(|people| people.is_dir()) else {
        println!("skipped: crops of Labelled Faces in the Wild: not under REGARD_EVAL_DATA");
        return;
    };
    let Some(runtime) = onnx_runtime() else {
        println!("skipped: crops beside ONNX Runtime: its library was not found");
        return;
    };
    let mut paths = Vec::new();
    for person in std::fs::read_dir(people).unwrap() {
        let images = std::fs::read_dir(person.unwrap().path()).unwrap();
        paths.extend(images.map(|image| image.unwrap().path()));
    }
    paths.sort();
    let pictures = paths.into_iter().map(|path| {
        let picture = own(&Photo::open(&path).unwrap());
        (path.display().to_string(), picture)
    });
    let crops = found(pictures);
    let (mut native, mut other) = (load(&Native::new()), load(&runtime));
    println!("beside {}", runtime.description());
    for (at, (id, shape, bounds)) in NETWORKS.into_iter().enumerate() {
        let mut worst = 0.0_f32;
        for crop in &crops {
            let input = crop.tensor(shape, bounds);
            let outputs = run(native[at].as_mut(), &input);
            let expected = run(other[at].as_mut(), &input);
            assert_eq!(outputs.len(), expected.len());
            for (output, expected) in outputs.iter().zip(&expected) {
                assert_eq!(output.shape(), expected.shape(), "{id}");
                let greatest = largest(expected).max(LARGEST_FLOOR);
                for (a, b) in output.data().iter().zip(expected.data()) {
                    let off = (a - b).abs() / greatest;
                    assert!(off <= TOLERANCE, "{id}: off by {off:.1e}");
                    worst = worst.max(off);
                }
            }
        }
        println!("{id}: {worst:.1e} on {N_CROPS} crops");
    }
}
