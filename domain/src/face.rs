//! One detection in one frame, and all those of a frame together.

use std::fmt;

use crate::{
    Attention, BBox, CameraId, ExpressionDistribution, FrameSize, HeadPose, Point, Score, Timestamp,
};

/// Five points of a face in frame pixels: left eye, right eye, nose, left and right mouth corner;
/// left is left in the image.
///
/// # Privacy
/// Geometry of a face: kept for one frame, never printed.
#[derive(Clone, Copy, PartialEq)]
pub struct Landmarks(pub [Point; 5]);

impl fmt::Debug for Landmarks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Landmarks(5 points withheld)")
    }
}

/// What the analysers that were allowed and due found out about a face. `None`: not computed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FaceReadings {
    /// Calibrated expression probabilities; needs the scope `expression`.
    pub expression: Option<ExpressionDistribution>,
    /// Where the face is turned; needs the scope `attention`.
    pub head_pose: Option<HeadPose>,
    /// How much it is turned to the screen; needs the scope `attention`.
    pub attention: Option<Attention>,
}

/// One detection in one frame.
///
/// # Privacy
/// A position and readings, no pixels and no template; lives for one frame under `Grant<Sensing>`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Face {
    /// Box in frame pixels.
    pub bbox_in_frame: BBox,
    /// Raw detector output.
    pub score: Score,
    /// Five points in frame pixels.
    pub landmarks_in_frame: Landmarks,
    /// What the analysers said.
    pub readings: FaceReadings,
}

/// All faces of one analysed frame. No pixels: a recording of these replays the whole program.
#[derive(Clone, Debug, PartialEq)]
pub struct Sighting {
    /// Which camera.
    pub camera: CameraId,
    /// Running number of the frame on that camera, from 0; frames that were dropped leave gaps.
    pub frame_index: u64,
    /// When the frame was captured.
    pub captured_at: Timestamp,
    /// Size of the frame, so that boxes can be related to it.
    pub frame_size: FrameSize,
    /// The faces, greatest score first.
    pub faces: Vec<Face>,
}
