//! The built-in networks on crops of real faces: the native runtime says what a general one says.

use std::path::Path;
use std::sync::Arc;

use regard_domain::{BBox, Point};
use regard_inference::{
    Catalog, Device, LibrarySearch, LoadOptions, Native, OnnxRuntime, Rten, Runtime, Tensor,
};
use regard_testkit::wall::clip_jpegs;
use regard_vision::{
    AnalyzerOptions, FaceAnalyzer, Photo, Picture, PixelPool, WantedSize, decode_jpeg,
};
use serde_json::Value;

use crate::support::{fixture, grant, photo};

/// Crops each network is given.
const N_CROPS: usize = 100;

/// Largest difference, of the largest value of an output; and what a largest value counts as at least, for
/// probabilities near nought are the rounding of a logit. As of the recorded outputs.
const TOLERANCE: f32 = 1e-4;
const LARGEST_FLOOR: f32 = 0.01;

/// Every so many frames of the clip.
const CLIP_STEP: usize = 4;

/// Side of what is cut out, in sides of the face's box.
const REGION_FACTOR: f32 = 1.4;

/// Networks and sizes; which axes are which follows from the shape.
const NETWORKS: [(&str, [usize; 4]); 6] = [
    ("yunet-2023mar", [1, 3, 160, 160]),
    ("faceapi-expression", [1, 3, 112, 112]),
    ("fer-mini-xception", [1, 64, 64, 1]),
    ("mediapipe-face-mesh-468", [1, 192, 192, 3]),
    ("sface-2021dec-int8", [1, 3, 112, 112]),
    ("faceres-age", [1, 224, 224, 3]),
];

/// A picture and a face in it.
struct Crop {
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
}

/// Faces of the fixtures; where evaluation data is there, of its photographs.
fn crops() -> Vec<Crop> {
    let mut crops = Vec::new();
    let mut analyzer = FaceAnalyzer::new(
        Arc::new(Native::new()),
        Arc::new(Catalog::open(None).unwrap()),
        AnalyzerOptions::PHOTO,
    );
    let grant = grant();
    let key = grant.count().unwrap();
    let mut add = |picture: Picture| {
        let picture = Arc::new(picture);
        for face in analyzer.detect(picture.view(), &key).unwrap() {
            if crops.len() < N_CROPS {
                crops.push(Crop {
                    picture: Arc::clone(&picture),
                    bbox: face.bbox_in_frame,
                });
            }
        }
    };
    let own = |photo: &Photo| {
        let view = photo.view();
        Picture::from_rgb(view.pixels().to_vec(), view.size()).unwrap()
    };
    if let Some(data) = std::env::var_os("REGARD_EVAL_DATA") {
        let mut found = Vec::new();
        let people = std::fs::read_dir(Path::new(&data).join("lfw/images"));
        for person in people.into_iter().flatten().flatten() {
            let images = std::fs::read_dir(person.path()).into_iter().flatten();
            found.extend(images.flatten().map(|image| image.path()));
        }
        found.sort();
        found.truncate(2 * N_CROPS);
        for path in found {
            add(own(&Photo::open(&path).unwrap()));
        }
    }
    for name in ["astronaut.jpg", "grace_hopper.jpg", "solvay.jpg"] {
        assert!(fixture("photos").join(name).is_file());
        add(own(&photo(name)));
    }
    let pool = PixelPool::new();
    for jpeg in clip_jpegs().into_iter().step_by(CLIP_STEP) {
        add(decode_jpeg(jpeg, WantedSize::Whole, &pool).unwrap());
    }
    crops
}

#[test]
fn the_native_runtime_agrees_on_crops_of_real_faces() {
    if std::env::var_os("REGARD_EVAL_DATA").is_none() {
        println!("skipped: crops of the evaluation data: REGARD_EVAL_DATA is not set");
    }
    let crops = crops();
    assert_eq!(crops.len(), N_CROPS);
    let library = OnnxRuntime::find(&LibrarySearch::system(), Device::Cpu).ok();
    let reference: &dyn Runtime = match &library {
        Some(library) => library,
        None => &Rten,
    };
    println!("beside {}", reference.description());
    let catalog = Catalog::open(None).unwrap();
    for (id, shape) in NETWORKS {
        let bytes = catalog.bytes_of(id).unwrap();
        let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/reference");
        let text = std::fs::read_to_string(recorded.join(format!("{id}.json"))).unwrap();
        let recorded: Value = serde_json::from_str(&text).unwrap();
        let bound = |name: &str| recorded["input"][name].as_f64().unwrap() as f32;
        let options = LoadOptions::default();
        let mut native = Native::new().load(&bytes, &options).unwrap();
        let mut other = reference.load(&bytes, &options).unwrap();
        let name = native.inputs()[0].name.clone();
        let mut worst = 0.0_f32;
        for crop in &crops {
            let input = crop.tensor(shape, (bound("low"), bound("high")));
            let found = native.run(&[(&name, input.view())]).unwrap();
            let again = native.run(&[(&name, input.view())]).unwrap();
            assert!(found == again, "{id}: another run, other bits");
            let expected = other.run(&[(&name, input.view())]).unwrap();
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                assert_eq!(found.shape(), expected.shape(), "{id}");
                let largest = expected
                    .data()
                    .iter()
                    .fold(LARGEST_FLOOR, |a, b| a.max(b.abs()));
                for (a, b) in found.data().iter().zip(expected.data()) {
                    assert!(a.is_finite(), "{id}");
                    worst = worst.max((a - b).abs() / largest);
                }
            }
        }
        println!("{id}: {worst:.1e} on {N_CROPS} crops");
        assert!(worst <= TOLERANCE, "{id}: {worst:.1e}");
    }
}
