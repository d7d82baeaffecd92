//! Faces in a picture.

/// How faces are looked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DetectorOptions {
    /// Longer side to which a frame is reduced, in pixels, rounded up to a multiple of 32;
    /// a smaller frame is enlarged up to it for photographs only.
    pub long_side_px: u32,
    /// Least score kept, in `[0, 1]`.
    pub score_floor: f32,
    /// Overlap above which the lower-scored of two boxes goes, in `[0, 1]`.
    pub nms_iou: f32,
    /// Whether the frame is also looked at in overlapping tiles at native scale, for faces from 24 pixels up.
    pub full_resolution: bool,
}

impl DetectorOptions {
    /// For live frames: 320 pixels.
    pub const LIVE: Self = Self {
        long_side_px: 320,
        score_floor: 0.6,
        nms_iou: 0.3,
        full_resolution: false,
    };
    /// For photographs: 640 pixels.
    pub const PHOTO: Self = Self {
        long_side_px: 640,
        score_floor: 0.6,
        nms_iou: 0.3,
        full_resolution: false,
    };
}
