//! Stretches of real clips in which a face is at rest, and where things are in it.

use std::path::Path;

use anyhow::{Context, Result, bail};
use regard_commitments::{AttentionScope, CountScope, Scoped};
use regard_domain::{Face, FrameSize, Point};
use regard_testkit::injection::{FacePlaces, NeutralClip, PosedFrame};
use regard_vision::{
    FaceAnalyzer, FaceMesh, Picture, PixelPool, RgbView, VideoError, VideoOptions, open_video,
    picture_of,
};

/// A stretch: its file, and which frames of it, in order.
pub(super) struct Source {
    /// What it is called in reports.
    pub(super) name: &'static str,
    /// Below the root of the project, or below the evaluation data.
    pub(super) file: &'static str,
    pub(super) is_ours: bool,
    pub(super) fps: f64,
    /// Ranges of frames, one after the other.
    pub(super) frames: &'static [(u64, u64)],
    /// Which of the faces, from the left.
    pub(super) nth: usize,
}

/// The demo clip where the man sits still. Thresholds are tuned on it alone.
pub(super) const TUNED: Source = Source {
    name: "demo",
    file: DEMO,
    is_ours: true,
    fps: 15.0,
    frames: &[(337, 372)],
    nth: 0,
};

const DEMO: &str = "testkit/fixtures/clip/demo.mjpeg";

/// A man who holds a smile.
const MALE: Source = Source {
    name: "male",
    file: "video/head-pose-face-detection-male.gif",
    is_ours: false,
    fps: 12.0,
    frames: &[(0, 62)],
    nth: 0,
};

/// A woman beside a man, both of 40 pixels between the eyes.
const WOMAN: Source = Source {
    name: "woman",
    file: "video/head-pose-face-detection-female-and-male.gif",
    is_ours: false,
    fps: 12.0,
    frames: &[(16, 56)],
    nth: 0,
};

/// What is reported: the same man nearer and farther, another one, and the two of a third clip, their heads tilted.
pub(super) const REPORTED: [Source; 5] = [
    Source {
        name: "demo-near",
        file: DEMO,
        is_ours: true,
        fps: 15.0,
        frames: &[(202, 220)],
        nth: 0,
    },
    Source {
        name: "demo-far",
        file: DEMO,
        is_ours: true,
        fps: 15.0,
        frames: &[(250, 276)],
        nth: 0,
    },
    MALE,
    WOMAN,
    Source {
        name: "man",
        nth: 1,
        ..WOMAN
    },
];

/// A stretch, read and posed.
pub(super) struct Stretch {
    pub(super) clip: NeutralClip,
    pub(super) places: FacePlaces,
}

/// The analyser with its keys.
pub(super) struct Eyes<'a> {
    pub(super) analyzer: &'a mut FaceAnalyzer,
    pub(super) count: &'a Scoped<CountScope>,
    pub(super) attention: &'a Scoped<AttentionScope>,
}

impl Eyes<'_> {
    /// One of the faces of a picture, counted from the left, and its mesh; where it was seen before, the face that is there.
    pub(super) fn face(
        &mut self,
        picture: RgbView<'_>,
        (nth, before): (usize, Option<&Face>),
    ) -> Result<Option<(Face, FaceMesh)>> {
        let mut faces = self.analyzer.detect(picture, self.count)?;
        faces.sort_by(|a, b| a.bbox_in_frame.left().total_cmp(&b.bbox_in_frame.left()));
        let found = match before.map(|face| face.bbox_in_frame) {
            Some(bbox) => faces.into_iter().find(|f| f.bbox_in_frame.iou(&bbox) > 0.3),
            None => faces.into_iter().nth(nth),
        };
        let Some(face) = found else {
            return Ok(None);
        };
        let meshes = self.analyzer.meshes(picture, &[face], self.attention)?;
        Ok(meshes.into_iter().flatten().next().map(|mesh| (face, mesh)))
    }
}

/// How much of the picture around the face is kept, in sides of its box.
const KEPT: f32 = 1.6;

/// Points of the mesh that hold still in a face: bridge of the nose, corners of the eyes, temples.
const ANCHORS: [usize; 10] = [168, 6, 197, 33, 133, 362, 263, 127, 356, 4];

/// Reads a stretch; nothing where its file is not there, or cannot be read on this machine.
pub(super) fn read(
    source: &Source,
    (root, data): (&Path, &Path),
    eyes: &mut Eyes<'_>,
) -> Result<Option<Stretch>> {
    let path = if source.is_ours { root } else { data }.join(source.file);
    if !path.is_file() {
        return Ok(None);
    }
    let pictures = pictures(&path, source)?;
    let Some(pictures) = pictures else {
        return Ok(None);
    };
    let wanted = source
        .frames
        .iter()
        .flat_map(|(from, to)| *from..*to)
        .map(|i| {
            pictures
                .get(i as usize)
                .context("the clip is shorter than it was")
        })
        .collect::<Result<Vec<_>>>()?;
    let mut seen: Vec<(&Picture, Face, FaceMesh)> = Vec::new();
    for picture in wanted {
        let before = seen.last().map(|(_, face, _)| *face);
        if let Some((face, mesh)) = eyes.face(picture.view(), (source.nth, before.as_ref()))? {
            seen.push((picture, face, mesh));
        }
    }
    let Some((_, first, _)) = seen.first() else {
        bail!("{}: no face", path.display());
    };
    // One piece for all frames, around all of the faces.
    let (mut low, mut high) = ((f32::MAX, f32::MAX), (f32::MIN, f32::MIN));
    let half = 0.5
        * KEPT
        * first
            .bbox_in_frame
            .width()
            .max(first.bbox_in_frame.height());
    for (_, face, _) in &seen {
        let c = face.bbox_in_frame.center();
        low = (low.0.min(c.x - half), low.1.min(c.y - half));
        high = (high.0.max(c.x + half), high.1.max(c.y + half));
    }
    let size = seen[0].0.size();
    let left = low.0.max(0.0) as u32;
    let top = low.1.max(0.0) as u32;
    let cut = FrameSize {
        width: (high.0 as u32).min(size.width) - left,
        height: (high.1 as u32).min(size.height) - top,
    };
    let at = |mesh: &FaceMesh, i: usize| {
        let p = mesh.points()[i];
        Point::new(p.x - left as f32, p.y - top as f32)
    };
    let frames = seen
        .iter()
        .map(|(picture, _, mesh)| PosedFrame {
            size: cut,
            rgb: piece(picture, (left, top), cut),
            anchors: ANCHORS.iter().map(|i| at(mesh, *i)).collect(),
        })
        .collect();
    let first = &seen[0].2;
    let places = FacePlaces {
        outer_eyes: [33, 263].map(|i| at(first, i)),
        inner_brows: [107, 336].map(|i| at(first, i)),
        outer_brows: [63, 293].map(|i| at(first, i)),
        cheeks: [118, 347].map(|i| at(first, i)),
        nose_wings: [129, 358].map(|i| at(first, i)),
        mouth_corners: [61, 291].map(|i| at(first, i)),
        upper_lip: at(first, 0),
        chin: at(first, 199),
    };
    let clip = NeutralClip::new(frames, source.fps).context("a stretch of at least four frames")?;
    Ok(Some(Stretch { clip, places }))
}

/// All pictures of a video; nothing where this machine has no means to read it.
fn pictures(path: &Path, source: &Source) -> Result<Option<Vec<Picture>>> {
    let options = VideoOptions {
        mjpeg_fps: source.fps,
        ..VideoOptions::default()
    };
    let reader = match open_video(path, &options) {
        Ok(reader) => reader,
        Err(VideoError::FfmpegMissing) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let pool = PixelPool::new();
    let mut all = Vec::new();
    for frame in reader {
        all.push(picture_of(frame?, &pool)?);
    }
    Ok(Some(all))
}

fn piece(picture: &Picture, (left, top): (u32, u32), size: FrameSize) -> Vec<u8> {
    let width = picture.size().width as usize * 3;
    let mut rgb = Vec::with_capacity(size.width as usize * size.height as usize * 3);
    for y in top..top + size.height {
        let from = y as usize * width + left as usize * 3;
        rgb.extend_from_slice(&picture.pixels()[from..from + size.width as usize * 3]);
    }
    rgb
}
