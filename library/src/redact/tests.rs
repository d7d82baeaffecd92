//! Real faces in, none out: by the detector as others use it, and by the network that tells people apart.

use std::fs;
use std::path::{Path, PathBuf};

use rand::SeedableRng;
use regard_commitments::{CountScope, Grant, LibraryDeclaration, Recognition, Scoped, ask_library};
use regard_domain::{CameraId, Face};
use regard_identity::{Embedder, Embedding, MatchScale, Similarity, TargetRate};
use regard_inference::{LoadOptions, Native};
use regard_vision::{
    AnalyzerOptions, DetectorOptions, FaceAnalyzer, FaceChip, JpegSplitter, Photo, PixelPool,
    RawPixels, VideoKind, WantedSize, decode_jpeg, find_ffmpeg, open_video,
};

use super::*;
use crate::find_me::Bounds;
use crate::follow::{CompareFault, Comparer};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../testkit/fixtures")
        .join(name)
}

fn catalog() -> Arc<Catalog> {
    Arc::new(Catalog::open(None).unwrap())
}

fn runtime() -> Arc<dyn Runtime> {
    Arc::new(Native::new())
}

fn redactor(options: RedactOptions) -> Redactor {
    Redactor::new(&runtime(), &catalog(), options, StdRng::seed_from_u64(7)).unwrap()
}

/// Others who look at what came out: the detector as `analyze` uses it, and the face network.
struct Judge {
    detector: FaceAnalyzer,
    embedder: Embedder,
    count: Scoped<CountScope>,
    key: Grant<Recognition>,
}

impl Judge {
    fn new() -> Self {
        let declared = LibraryDeclaration::own_media(CameraId::new("judge").unwrap());
        let options = AnalyzerOptions {
            detector: DetectorOptions {
                full_resolution: true,
                ..DetectorOptions::PHOTO
            },
            ..AnalyzerOptions::PHOTO
        };
        let load = LoadOptions { threads: 1 };
        Self {
            detector: FaceAnalyzer::new(runtime(), catalog(), options),
            embedder: Embedder::load(&Native::new(), &catalog(), &load).unwrap(),
            count: ask_library(&declared).granted().unwrap().count().unwrap(),
            key: Grant::<Recognition>::for_evaluation(),
        }
    }

    fn faces(&mut self, picture: &Picture) -> Vec<Face> {
        self.detector.detect(picture.view(), &self.count).unwrap()
    }

    fn embedding(&mut self, picture: &Picture, face: &Face) -> Embedding {
        let chip = FaceChip::cut(picture.view(), face, &self.count);
        self.embedder
            .embed(&chip.unwrap().unwrap(), &self.key)
            .unwrap()
    }

    /// How near what is left of a face is to what it was, at the points where it was.
    fn likeness(&mut self, before: &Picture, after: &Picture, face: &Face) -> f32 {
        let (was, is) = (self.embedding(before, face), self.embedding(after, face));
        was.similarity(&is, &self.key).unwrap().get()
    }
}

/// From where two pictures are of one person, with one error in a thousand.
fn one_in_a_thousand() -> f32 {
    MatchScale::built_in()
        .threshold(TargetRate::ONE_IN_1_000)
        .similarity
        .get()
}

fn photo(name: &str) -> (Vec<u8>, Picture) {
    let bytes = fs::read(fixture(name)).unwrap();
    let picture = Photo::from_bytes(&bytes).unwrap().into_picture();
    (bytes, picture)
}

/// A keeper that compares under leave for evaluation.
struct TestKeeper {
    judge: Judge,
    person: Embedding,
}

impl Comparer for TestKeeper {
    fn similarities(&mut self, crops: &[Vec<u8>]) -> Result<Vec<Option<Similarity>>, CompareFault> {
        let mut of = |crop: &Vec<u8>| {
            let picture = Photo::from_bytes(crop).unwrap().into_picture();
            let middle = picture.size();
            let middle =
                regard_domain::Point::new(middle.width as f32 / 2.0, middle.height as f32 / 2.0);
            let faces = self.judge.faces(&picture);
            let nearest = faces.into_iter().min_by(|a, b| {
                let far = |face: &Face| face.bbox_in_frame.center().distance(middle);
                far(a).total_cmp(&far(b))
            })?;
            let embedding = self.judge.embedding(&picture, &nearest);
            self.person.similarity(&embedding, &self.judge.key).ok()
        };
        Ok(crops.iter().map(&mut of).collect())
    }
}

impl Keeper for TestKeeper {
    fn bounds(&self) -> Bounds {
        Bounds::for_faces(&MatchScale::built_in(), TargetRate::ONE_IN_1_000, 100)
    }
}

#[test]
fn nobody_is_left_in_a_photograph_of_many() {
    let (bytes, before) = photo("photos/solvay.jpg");
    let mut judge = Judge::new();
    let faces = judge.faces(&before);
    assert!(faces.len() >= 25, "{} of 29 faces", faces.len());
    for style in [
        RedactionStyle::Blur,
        RedactionStyle::Pixelate,
        RedactionStyle::Box,
        RedactionStyle::Remove,
    ] {
        let options = RedactOptions {
            style,
            ..RedactOptions::default()
        };
        let (out, done) = redactor(options).photo(&bytes, None).unwrap();
        assert!(done.n_covered >= 29, "{style:?}: {done:?}");
        let after = Photo::from_bytes(&out).unwrap().into_picture();
        let left = judge.faces(&after);
        assert!(left.is_empty(), "{style:?}: {left:?}");
        for face in &faces {
            let likeness = judge.likeness(&before, &after, face);
            assert!(likeness < one_in_a_thousand(), "{style:?}: {likeness}");
        }
    }
}

#[test]
fn files_come_back_in_their_format_upright_and_with_nothing_but_pixels() {
    let mut judge = Judge::new();
    let mut redactor = redactor(RedactOptions::default());
    for name in ["png", "webp", "gif", "bmp", "tiff", "jpg"] {
        let (bytes, before) = photo(&format!("photos/astronaut.{name}"));
        let format = Photo::from_bytes(&bytes).unwrap().format();
        let (out, done) = redactor.photo(&bytes, None).unwrap();
        let after = Photo::from_bytes(&out).unwrap();
        assert_eq!((after.format(), after.size()), (format, before.size()));
        assert!(done.n_covered >= 1, "{name}");
        assert!(judge.faces(&after.into_picture()).is_empty(), "{name}");
    }
    let (bytes, before) = photo("photos/astronaut_exif6.jpg");
    let has_exif = |bytes: &[u8]| bytes.windows(6).any(|six| six == b"Exif\0\0");
    assert!(has_exif(&bytes));
    let (out, _) = redactor.photo(&bytes, None).unwrap();
    assert!(!has_exif(&out));
    let after = Photo::from_bytes(&out).unwrap();
    assert_eq!(after.size(), before.size());
    let upright = after.size();
    assert_eq!((upright.width, upright.height), (240, 180));
}

/// Frames of the demo's clip, by number.
fn clip_frames() -> Vec<Vec<u8>> {
    let mut splitter = JpegSplitter::new();
    splitter.push(regard_vision::DEMO_CLIP);
    let mut frames = Vec::new();
    while let Some(frame) = splitter.next_frame() {
        frames.push(frame.unwrap().bytes);
    }
    frames
}

fn decoded(jpeg: &[u8]) -> Picture {
    decode_jpeg(jpeg, WantedSize::Whole, &PixelPool::new()).unwrap()
}

fn pictures(path: &Path) -> Vec<Picture> {
    let frames = open_video(path, &VideoOptions::default()).unwrap();
    frames
        .map(|frame| {
            let frame = frame.unwrap();
            match frame.pixels {
                RawPixels::Mjpeg(bytes) => decoded(&bytes),
                RawPixels::Rgb(rgb) => Picture::from_rgb(rgb, frame.size).unwrap(),
                other => panic!("{other:?}"),
            }
        })
        .collect()
}

/// A video of the man, a cut, the woman in a moving window, a cut, and the man turning his head both ways, far away.
fn short_clip(folder: &Path) -> (PathBuf, Vec<Picture>) {
    let frames = clip_frames();
    let chosen: Vec<&Vec<u8>> = frames[40..48]
        .iter()
        .chain(&frames[62..84])
        .chain(&frames[276..300])
        .collect();
    let path = folder.join("short.mjpeg");
    let bytes: Vec<u8> = chosen.iter().flat_map(|f| f.iter().copied()).collect();
    fs::write(&path, bytes).unwrap();
    let pictures = chosen.iter().map(|jpeg| decoded(jpeg)).collect();
    (path, pictures)
}

#[test]
fn no_frame_of_a_video_is_missed() {
    let folder = tempfile::tempdir().unwrap();
    let (input, before) = short_clip(folder.path());
    let output = folder.path().join("out.mjpeg");
    let mut n_steps = 0;
    let (done, broken) = redactor(RedactOptions::default())
        .video((&input, VideoKind::Mjpeg), &output, None, &mut |_| {
            n_steps += 1;
        })
        .unwrap();
    assert!(broken.is_none());
    assert_eq!(done.n_frames as usize, before.len());
    assert_eq!(n_steps, 2 * before.len());
    let after = pictures(&output);
    assert_eq!(after.len(), before.len());
    let mut judge = Judge::new();
    let mut n_faces = 0;
    for (at, (before, after)) in before.iter().zip(&after).enumerate() {
        let left = judge.faces(after);
        assert!(left.is_empty(), "frame {at}: {left:?}");
        for face in judge.faces(before) {
            n_faces += 1;
            let likeness = judge.likeness(before, after, &face);
            assert!(likeness < one_in_a_thousand(), "frame {at}: {likeness}");
        }
    }
    assert!(n_faces >= 45, "{n_faces}");
}

#[test]
fn who_agreed_stays_and_everybody_else_goes() {
    let folder = tempfile::tempdir().unwrap();
    let (input, before) = short_clip(folder.path());
    let output = folder.path().join("out.mjpeg");
    let mut judge = Judge::new();
    // The man as another recording has him.
    let known = decoded(&clip_frames()[163]);
    let face = judge.faces(&known)[0];
    let person = judge.embedding(&known, &face);
    let mut keeper = TestKeeper { judge, person };
    let (done, _) = redactor(RedactOptions::default())
        .video(
            (&input, VideoKind::Mjpeg),
            &output,
            Some(&mut keeper),
            &mut |_| {},
        )
        .unwrap();
    assert!(done.n_kept >= 1 && done.n_covered >= 1, "{done:?}");
    let after = pictures(&output);
    let mut judge = Judge::new();
    let (mut n_his, mut n_his_left) = (0, 0);
    for (at, (before, after)) in before.iter().zip(&after).enumerate() {
        let is_his = !(8..30).contains(&at);
        let left = judge.faces(after);
        if is_his {
            n_his += judge.faces(before).len();
            n_his_left += left.len();
        } else {
            assert!(left.is_empty(), "frame {at}: {left:?}");
        }
    }
    assert!(n_his >= 28, "{n_his}");
    assert!(n_his_left * 10 >= n_his * 9, "{n_his_left} of {n_his}");
}

/// A keeper whose leave has ended.
struct Gone;

impl Comparer for Gone {
    fn similarities(&mut self, _: &[Vec<u8>]) -> Result<Vec<Option<Similarity>>, CompareFault> {
        Err(CompareFault::Asked("the consent was taken back".into()))
    }
}

impl Keeper for Gone {
    fn bounds(&self) -> Bounds {
        Bounds::for_faces(&MatchScale::built_in(), TargetRate::ONE_IN_1_000, 1)
    }
}

#[test]
fn without_an_answer_nothing_is_written() {
    let (bytes, _) = photo("photos/astronaut.jpg");
    let mut redactor = redactor(RedactOptions::default());
    let error = redactor.photo(&bytes, Some(&mut Gone)).unwrap_err();
    assert!(matches!(error, RedactError::Keep(CompareFault::Asked(_))));
    let folder = tempfile::tempdir().unwrap();
    let (input, _) = short_clip(folder.path());
    let output = folder.path().join("out.mjpeg");
    let tried = redactor.video(
        (&input, VideoKind::Mjpeg),
        &output,
        Some(&mut Gone),
        &mut |_| {},
    );
    assert!(tried.is_err() && !output.exists());
}

#[test]
fn films_keep_their_sound_unless_it_is_left_out() {
    let Some(ffmpeg) = find_ffmpeg() else {
        println!("skipped: ffmpeg not found");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (clip, before) = short_clip(folder.path());
    let input = folder.path().join("in.mp4");
    let made = std::process::Command::new(&ffmpeg.path)
        .args(["-v", "error", "-r", "15", "-i"])
        .arg(&clip)
        .args(["-f", "lavfi", "-t", "3", "-i", "sine=440", "-c:v", "mpeg4"])
        .args(["-q:v", "2", "-metadata", "location=+48.2+16.3/"])
        .args(["-metadata", "title=Anna and Ben", "-y"])
        .arg(&input)
        .status();
    assert!(made.unwrap().success());
    let has = |path: &Path, what: &[u8]| {
        let bytes = fs::read(path).unwrap();
        bytes.windows(what.len()).any(|window| window == what)
    };
    // The place lies in a box of its own.
    let tells = |path: &Path| has(path, b"loci") || has(path, b"Anna and Ben");
    assert!(tells(&input) && has(&input, b"mp4a"));
    for mute in [false, true] {
        let options = RedactOptions {
            mute,
            ..RedactOptions::default()
        };
        let output = folder.path().join(format!("out-{mute}.mp4"));
        let (done, broken) = redactor(options)
            .video((&input, VideoKind::Other), &output, None, &mut |_| {})
            .unwrap();
        assert!(broken.is_none());
        assert_eq!(done.n_frames as usize, before.len());
        assert!(!tells(&output), "the place or the names stay");
        assert_eq!(has(&output, b"mp4a"), !mute);
        let times = |path: &Path| -> Vec<f64> {
            open_video(path, &VideoOptions::default())
                .unwrap()
                .map(|frame| frame.unwrap().time_secs)
                .collect()
        };
        let (was, is) = (times(&input), times(&output));
        assert_eq!(was.len(), is.len());
        for (was, is) in was.iter().zip(&is) {
            assert!((was - is).abs() < 2e-3, "{was} {is}");
        }
        let mut judge = Judge::new();
        for (at, picture) in pictures(&output).iter().enumerate() {
            assert!(judge.faces(picture).is_empty(), "frame {at}");
        }
    }
}
