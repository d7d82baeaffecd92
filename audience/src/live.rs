//! What the console draws: a stage without a picture.

use regard_domain::{
    Attention, BBox, ExpressionDistribution, ExpressionLabel, HeadPose, Landmarks, Score,
};

use crate::TrackState;

/// One face as the live view shows it.
///
/// # Privacy
/// Geometry of a face: made for the present instant, never stored, never part of a moment, and
/// without the track id, so that a viewer cannot join it to a log.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveFace {
    /// Running number of the visitor; `None` while tentative.
    pub number: Option<u64>,
    /// How sure the track is.
    pub state: TrackState,
    /// Filtered box in frame pixels.
    pub bbox_in_frame: BBox,
    /// Five points of the last detection; `None` while the face is lost.
    pub landmarks_in_frame: Option<Landmarks>,
    /// Score of the last detection.
    pub score: Score,
    /// Last head pose; `None` until measured, or when it is too old.
    pub head_pose: Option<HeadPose>,
    /// Smoothed attention; `None` until measured, or when it is too old.
    pub attention: Option<Attention>,
    /// Smoothed expression; `None` until measured, or when it is too old.
    pub expression: Option<ExpressionDistribution>,
    /// What to call the expression.
    pub expression_label: ExpressionLabel,
    /// Whether the visitor looks at the screen.
    pub is_looking: bool,
    /// Seconds in view.
    pub dwell_secs: f32,
}
