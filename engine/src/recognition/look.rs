//! A picture that a service sent, looked at once: where faces are, and what else was asked for.

use std::fmt;

use regard_commitments::{Grant, Recognition, Sensing};
use regard_domain::{ExpressionDistribution, Face, FrameSize, HeadPose};
use regard_identity::Embedding;
use regard_vision::{AnalysisError, FaceChip, FaceQuality, Keys, Photo, QualityComponent};

use super::studio::{Bench, StudioError};
use super::{RecognitionError, Recognizer};

/// Faces of a picture that are looked at more closely than to find them, the largest first. Origin: Rekognition tells of
/// at most 100 faces.
pub const MAX_LOOKED: usize = 100;

/// What is to be found out about each face beside where it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Where it is turned.
    pub pose: bool,
    /// How good the picture of it is.
    pub quality: bool,
    /// What it shows; not without leave for it.
    pub expression: bool,
    /// Whether crops are taken, so that it can be embedded.
    pub chips: bool,
}

/// How good the picture of a face is, by what is measured of it: each from 0 to 100, greater is better.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureQuality(Vec<(&'static str, u8)>);

impl PictureQuality {
    /// One figure by its name: `size`, `pose`, `occlusion`, `light`, `uniformity` or `sharpness`; 0 where it was not measured.
    pub fn value(&self, name: &str) -> u8 {
        let found = self.0.iter().find(|(known, _)| *known == name);
        found.map_or(0, |(_, value)| *value)
    }

    /// The figures below a floor, by name, the worst first.
    pub fn below(&self, floor: u8) -> Vec<&'static str> {
        let mut low: Vec<(&str, u8)> = self.0.clone();
        low.retain(|(_, value)| *value < floor);
        low.sort_by_key(|(_, value)| *value);
        low.into_iter().map(|(name, _)| name).collect()
    }
}

impl From<FaceQuality> for PictureQuality {
    /// That others are in the picture says nothing about the picture of this one.
    fn from(quality: FaceQuality) -> Self {
        let measured = QualityComponent::ALL.into_iter();
        let own = measured.filter(|component| *component != QualityComponent::SingleFace);
        let of = |component| quality.component(component).map_or(0, |found| found.value);
        Self(
            own.map(|component| (component.as_str(), of(component)))
                .collect(),
        )
    }
}

/// One face of a picture.
///
/// # Privacy
/// Holds an aligned crop until it is embedded or dropped, overwritten then; does not print.
pub struct LookedFace {
    /// Where it is.
    pub face: Face,
    /// Where it is turned.
    pub pose: Option<HeadPose>,
    /// How good the picture is.
    pub quality: Option<PictureQuality>,
    /// What it shows.
    pub expression: Option<ExpressionDistribution>,
    chip: Option<FaceChip>,
}

impl LookedFace {
    /// The aligned crop, where one was cut and not taken yet.
    pub(super) fn take_chip(&mut self) -> Option<FaceChip> {
        self.chip.take()
    }
}

impl fmt::Debug for LookedFace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LookedFace(withheld)")
    }
}

/// A picture that was looked at; its pixels are gone.
#[derive(Debug)]
pub struct Looked {
    /// Width and height of the upright picture.
    pub size: FrameSize,
    /// In which format it was: `JPEG`, `PNG`, `WebP`, `GIF`, `BMP`, `TIFF` or `ICO`.
    pub format: &'static str,
    /// The faces, the largest first, at most [`MAX_LOOKED`].
    pub faces: Vec<LookedFace>,
}

impl Looked {
    /// Left, top, width and height of a face as shares of the picture's sides.
    pub fn in_unit(&self, seen: &LookedFace) -> [f32; 4] {
        let (width, height) = (self.size.width as f32, self.size.height as f32);
        let bbox = seen.face.bbox_in_frame;
        [
            bbox.left() / width,
            bbox.top() / height,
            bbox.width() / width,
            bbox.height() / height,
        ]
    }

    /// Leaves out faces of a lower score.
    pub fn keep_from_score(&mut self, least: f32) {
        self.faces.retain(|seen| seen.face.score.get() >= least);
    }
}

/// Looks at a picture on a bench.
pub(super) fn look(
    bench: &mut Bench,
    bytes: &[u8],
    sensing: &Grant<Sensing>,
    wanted: Look,
) -> Result<Looked, RecognitionError> {
    let failed = |error: AnalysisError| RecognitionError::Studio(error.into());
    let photo = Photo::from_bytes(bytes)?;
    let ended = || failed(AnalysisError::GrantEnded);
    let count = sensing.count().ok_or_else(ended)?;
    let (attention, expression) = (sensing.attention(), sensing.expression());
    let keys = Keys {
        count: &count,
        attention: attention.as_ref(),
        expression: expression.as_ref(),
    };
    let frame = photo.view();
    let analyzer = bench.for_photos();
    let mut found = analyzer.detect(frame, &count).map_err(failed)?;
    found.sort_by(|a, b| b.bbox_in_frame.area().total_cmp(&a.bbox_in_frame.area()));
    found.truncate(MAX_LOOKED);
    let poses = match keys.attention.filter(|_| wanted.pose) {
        Some(key) => analyzer.head_poses(frame, &found, key).map_err(failed)?,
        None => vec![None; found.len()],
    };
    let shown = match keys.expression.filter(|_| wanted.expression) {
        Some(key) => {
            let shown = analyzer.expressions(frame, &found, key).map_err(failed)?;
            shown.into_iter().map(Some).collect()
        }
        None => vec![None; found.len()],
    };
    let mut faces = Vec::with_capacity(found.len());
    for (at, (face, (pose, expression))) in
        found.iter().zip(poses.into_iter().zip(shown)).enumerate()
    {
        let quality = if wanted.quality {
            Some(
                analyzer
                    .quality(frame, &found, at, &keys)
                    .map_err(failed)?
                    .into(),
            )
        } else {
            None
        };
        let chip = if wanted.chips {
            FaceChip::cut(frame, face, &count).map_err(failed)?
        } else {
            None
        };
        faces.push(LookedFace {
            face: *face,
            pose,
            quality,
            expression,
            chip,
        });
    }
    Ok(Looked {
        size: photo.size(),
        format: photo.format().name(),
        faces,
    })
}

impl Recognizer {
    /// Looks at a picture that a service sent.
    ///
    /// # Privacy
    /// The bytes are decoded in memory, looked at, and gone when it returns; crops go with what it returns.
    pub(crate) async fn look(
        &self,
        bytes: Vec<u8>,
        sensing: Grant<Sensing>,
        wanted: Look,
    ) -> Result<Looked, RecognitionError> {
        self.on_bench(move |bench| look(bench, &bytes, &sensing, wanted))
            .await?
    }

    /// The embeddings of some faces of a picture, in the order asked for; their crops are gone then. Faces whose points coincide
    /// cannot be embedded and give nothing.
    pub(crate) async fn embed(
        &self,
        looked: &mut Looked,
        which: &[usize],
        key: &Grant<Recognition>,
    ) -> Result<Vec<Option<Embedding>>, RecognitionError> {
        let taken = which
            .iter()
            .map(|at| looked.faces.get_mut(*at).and_then(|seen| seen.chip.take()));
        let chips: Vec<Option<FaceChip>> = taken.collect();
        let key = key.clone();
        self.on_bench(move |bench| {
            let there: Vec<&FaceChip> = chips.iter().flatten().collect();
            let embedded = bench.embed(&there, &key).map_err(StudioError::from)?;
            let mut embedded = embedded.into_iter();
            let of = chips
                .iter()
                .map(|chip| chip.as_ref().and_then(|_| embedded.next()));
            Ok(of.collect())
        })
        .await?
    }
}
