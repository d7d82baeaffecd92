//! Faces in a picture.

mod decode;
mod tiles;

use regard_commitments::{CountScope, Scoped};
use regard_domain::{BBox, Face, FrameSize};
use regard_inference::Network;

use self::decode::{Grid, Placement, STRIDES_PX, decode};
use self::tiles::{Tiling, is_cut, tiles};
use crate::model::Model;
use crate::nms::suppress;
use crate::scale::{GRID_PX, PlanarInput};
use crate::{AnalysisError, RgbView};

/// Id of the detector in the catalogue.
pub(crate) const DETECTOR_ID: &str = "yunet-2023mar";

/// Most a small photograph is enlarged. Origin: beyond twice, enlarging adds no detail and large
/// faces outgrow the coarsest stride.
const MAX_ENLARGEMENT: f32 = 2.0;

/// Side of the region looked at around an expected face, in sides of its box: a face that moved by
/// half its size since the last frame is still inside.
const REGION_FACTOR: f32 = 2.5;

/// Side to which such a region is scaled, in pixels: the face is about 50 wide, as large as in a
/// whole frame of 640 reduced to 320 with a face of 100.
const REGION_PX: usize = 128;

/// Width or height in the reduced picture from which the pass over it surely finds a face, in pixels.
/// Origin: the finest anchors are 8 pixels apart, and faces of 10 are found now and then.
const SURE_PX: f32 = 12.0;

/// Overlap from which a face found at another scale is the same one.
const SAME_FACE_IOU: f32 = 0.4;

/// How faces are looked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DetectorOptions {
    /// Longer side to which a frame is reduced, in pixels.
    pub long_side_px: u32,
    /// Whether a picture smaller than that is enlarged, to at most twice its size.
    pub enlarge: bool,
    /// Least score kept, in `[0, 1]`.
    pub score_floor: f32,
    /// Overlap above which the lower-scored of two boxes goes, in `[0, 1]`.
    pub nms_iou: f32,
    /// Whether the frame is also looked at in overlapping tiles at native scale, for faces from 24
    /// pixels up; costs about 25 times the reduced pass at 1080p.
    pub full_resolution: bool,
}

impl DetectorOptions {
    /// For live frames: 320 pixels. Score and overlap: model card `yunet-2023mar`.
    pub const LIVE: Self = Self {
        long_side_px: 320,
        enlarge: false,
        score_floor: 0.6,
        nms_iou: 0.3,
        full_resolution: false,
    };

    /// For photographs: 640 pixels, the size at which the detector was trained.
    pub const PHOTO: Self = Self {
        long_side_px: 640,
        enlarge: true,
        ..Self::LIVE
    };

    /// Size to which a frame is scaled for the pass over the whole of it.
    fn reduced_size(&self, size: FrameSize) -> (usize, usize) {
        let long_side = size.width.max(size.height) as f32;
        let most = if self.enlarge { MAX_ENLARGEMENT } else { 1.0 };
        let factor = (self.long_side_px.max(GRID_PX as u32) as f32 / long_side).min(most);
        let scaled = |v: u32| ((v as f32 * factor).round() as usize).max(1);
        (scaled(size.width), scaled(size.height))
    }
}

/// The face detector YuNet: boxes, scores and five points.
///
/// # Privacy
/// Finds that faces are there and where, nothing about whose; needs the scope `count`. Keeps scaled
/// pixels of the last frame until the next.
///
/// # Source
/// Model card `yunet-2023mar`.
pub struct Detector {
    model: Model,
    input: PlanarInput,
    options: DetectorOptions,
}

impl Detector {
    /// A detector on a loaded network.
    pub fn new(network: Box<dyn Network>, options: DetectorOptions) -> Self {
        Self {
            model: Model::new(DETECTOR_ID, network),
            input: PlanarInput::default(),
            options,
        }
    }

    /// Finds the faces of a whole frame, greatest score first; readings are empty.
    ///
    /// # Errors
    /// When the grant has ended or the network fails.
    pub fn detect(
        &mut self,
        frame: RgbView<'_>,
        key: &Scoped<CountScope>,
    ) -> Result<Vec<Face>, AnalysisError> {
        self.detect_all(frame, self.options.full_resolution, key)
    }

    /// As [`Detector::detect`], looking also at overlapping tiles at native scale, whatever the options say.
    ///
    /// # Errors
    /// As [`Detector::detect`].
    pub fn detect_in_tiles(
        &mut self,
        frame: RgbView<'_>,
        key: &Scoped<CountScope>,
    ) -> Result<Vec<Face>, AnalysisError> {
        self.detect_all(frame, true, key)
    }

    fn detect_all(
        &mut self,
        frame: RgbView<'_>,
        with_tiles: bool,
        key: &Scoped<CountScope>,
    ) -> Result<Vec<Face>, AnalysisError> {
        check_live(key.is_live())?;
        let size = frame.size();
        let whole = whole_of(size);
        let (width, height) = self.options.reduced_size(size);
        let mut faces = Vec::new();
        self.run(frame, &whole, (width, height), &mut faces)?;
        let is_reduced = width < size.width as usize || height < size.height as usize;
        if with_tiles && is_reduced {
            for tile in tiles(size, Tiling::AT_ONCE) {
                let native = (tile.width() as usize, tile.height() as usize);
                self.run_inside(frame, &tile, native, &mut faces)?;
            }
        }
        Ok(suppress(faces, self.options.nms_iou))
    }

    /// Finds the faces of a whole frame, and small ones (from 24 pixels up at 1080p) in one piece of it at
    /// native scale, a different one each `turn`; also around those `expected_in_frame` that the pass over
    /// the whole may miss. Greatest score first. For live frames that are searched again and again: all
    /// of full HD has its turn in 24.
    ///
    /// # Errors
    /// When the grant has ended or the network fails.
    pub fn detect_in_turn(
        &mut self,
        frame: RgbView<'_>,
        expected_in_frame: &[BBox],
        turn: u64,
        key: &Scoped<CountScope>,
    ) -> Result<Vec<Face>, AnalysisError> {
        check_live(key.is_live())?;
        let size = frame.size();
        let (width, height) = self.options.reduced_size(size);
        let mut faces = Vec::new();
        self.run(frame, &whole_of(size), (width, height), &mut faces)?;
        let factor = width as f32 / size.width as f32;
        if factor < 1.0 {
            for expected in expected_in_frame
                .iter()
                .filter(|b| b.width().max(b.height()) * factor < SURE_PX)
            {
                self.run_around(frame, expected, &mut faces)?;
            }
            let tiles = tiles(size, Tiling::IN_TURN);
            let tile = tiles[usize::try_from(turn % tiles.len() as u64).unwrap_or(0)];
            let native = (tile.width() as usize, tile.height() as usize);
            self.run_inside(frame, &tile, native, &mut faces)?;
        }
        Ok(suppress(faces, self.options.nms_iou))
    }

    /// Finds faces near boxes where they are expected, greatest score first. Looks at the whole
    /// frame where that is cheaper.
    ///
    /// # Errors
    /// When the grant has ended or the network fails.
    pub fn detect_around(
        &mut self,
        frame: RgbView<'_>,
        expected_in_frame: &[BBox],
        key: &Scoped<CountScope>,
    ) -> Result<Vec<Face>, AnalysisError> {
        check_live(key.is_live())?;
        let size = frame.size();
        let (width, height) = self.options.reduced_size(size);
        let whole_cost = width.next_multiple_of(GRID_PX) * height.next_multiple_of(GRID_PX);
        if expected_in_frame.len() * REGION_PX * REGION_PX >= whole_cost {
            return self.detect(frame, key);
        }
        let mut faces = Vec::new();
        for expected in expected_in_frame {
            self.run_around(frame, expected, &mut faces)?;
        }
        Ok(suppress(faces, self.options.nms_iou))
    }

    /// Looks around one expected face, whose place may lie outside the frame.
    fn run_around(
        &mut self,
        frame: RgbView<'_>,
        expected: &BBox,
        faces: &mut Vec<Face>,
    ) -> Result<(), AnalysisError> {
        let region = expected
            .square(REGION_FACTOR)
            .and_then(|square| square.clipped(frame.size()));
        let Some(region) = region else {
            return Ok(());
        };
        let factor = REGION_PX as f32 / region.width().max(region.height());
        let scaled = (
            (region.width() * factor).round() as usize,
            (region.height() * factor).round() as usize,
        );
        self.run_inside(frame, &region, scaled, faces)
    }

    /// The score of one face when the square of `factor` sides of its box is scaled to `side_px`: comparable whatever the size
    /// of the picture. 0 when it is not found there.
    pub(crate) fn score_at(
        &mut self,
        frame: RgbView<'_>,
        bbox: &BBox,
        factor: f32,
        side_px: usize,
    ) -> Result<f32, AnalysisError> {
        let Some(square) = bbox.square(factor) else {
            return Ok(0.0);
        };
        let Some(region) = square.clipped(frame.size()) else {
            return Ok(0.0);
        };
        let scale = side_px as f32 / square.width();
        let scaled = (
            ((region.width() * scale).round() as usize).max(1),
            ((region.height() * scale).round() as usize).max(1),
        );
        let mut found = Vec::new();
        let floor = std::mem::replace(&mut self.options.score_floor, 0.05);
        let run = self.run(frame, &region, scaled, &mut found);
        self.options.score_floor = floor;
        run?;
        let scores = found
            .iter()
            .filter(|f| f.bbox_in_frame.iou(bbox) >= SAME_FACE_IOU)
            .map(|f| f.score.get());
        Ok(scores.fold(0.0, f32::max))
    }

    /// Looks at a part of the frame; faces that its inner edges cut are left to whoever sees them whole.
    fn run_inside(
        &mut self,
        frame: RgbView<'_>,
        region: &BBox,
        scaled: (usize, usize),
        faces: &mut Vec<Face>,
    ) -> Result<(), AnalysisError> {
        let mut found = Vec::new();
        self.run(frame, region, scaled, &mut found)?;
        let size = frame.size();
        faces.extend(
            found
                .into_iter()
                .filter(|f| !is_cut(&f.bbox_in_frame, region, size)),
        );
        Ok(())
    }

    fn run(
        &mut self,
        frame: RgbView<'_>,
        region: &BBox,
        scaled: (usize, usize),
        faces: &mut Vec<Face>,
    ) -> Result<(), AnalysisError> {
        self.input.fill(frame, region, scaled.0, scaled.1)?;
        let shape = self.input.shape();
        self.model.run(&shape, self.input.planes())?;
        let placement = Placement {
            frame_from_input: self.input.frame_from_input(),
            origin_in_frame: self.input.origin_in_frame(),
        };
        let [_, _, height, width] = shape;
        for stride_px in STRIDES_PX {
            let n_columns = width / stride_px;
            let n_cells = n_columns * (height / stride_px);
            let output = |kind: &str, n_values: usize| {
                let index = self.model.output_index(&format!("{kind}_{stride_px}"))?;
                self.model.output(index, n_cells * n_values)
            };
            let grid = Grid {
                stride_px,
                n_columns,
                cls: output("cls", 1)?,
                obj: output("obj", 1)?,
                bbox: output("bbox", 4)?,
                points: output("kps", 10)?,
            };
            decode(&grid, placement, self.options.score_floor, faces);
        }
        Ok(())
    }
}

/// The whole frame as a box.
pub(crate) fn whole_of(size: FrameSize) -> BBox {
    BBox::new(0.0, 0.0, size.width as f32, size.height as f32)
        .expect("both sides of a picture are at least 1")
}

/// A dead grant means stop.
pub(crate) const fn check_live(is_live: bool) -> Result<(), AnalysisError> {
    if is_live {
        Ok(())
    } else {
        Err(AnalysisError::GrantEnded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_reduced_and_small_photographs_enlarged() {
        fn check(options: DetectorOptions, size: (u32, u32), expected: (usize, usize)) {
            let (width, height) = size;
            assert_eq!(options.reduced_size(FrameSize { width, height }), expected);
        }
        check(DetectorOptions::LIVE, (640, 480), (320, 240));
        check(DetectorOptions::LIVE, (1920, 1080), (320, 180));
        check(DetectorOptions::LIVE, (160, 120), (160, 120));
        check(DetectorOptions::PHOTO, (160, 160), (320, 320));
        check(DetectorOptions::PHOTO, (400, 300), (640, 480));
        check(DetectorOptions::PHOTO, (20_000, 1), (640, 1));
    }
}
