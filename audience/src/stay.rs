//! One visitor's stay: dwell, looks, smoothed readings.

use regard_domain::{
    Attention, BBox, ExpressionDistribution, ExpressionLabel, Face, FaceReadings, FrameSize,
    HeadPose, Landmarks, Timestamp, TrackId, Visitor,
};

use crate::looking::{LookChange, Looking};
use crate::rhythm::Rhythm;
use crate::smoothing::Smoothed;
use crate::{CrowdSettings, Due, LiveFace, Track};

/// A stay that is over, free of biometrics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Visit {
    /// The id the visitor had.
    pub track: TrackId,
    /// The number the visitor had.
    pub number: u64,
    /// Capture time of the first detection.
    pub entered_at: Timestamp,
    /// Capture time of the last detection.
    pub left_at: Timestamp,
    /// Seconds between the two.
    pub dwell_secs: f32,
    /// Seconds of looking, all looks together.
    pub looked_secs: f32,
    /// How many looks.
    pub n_looks: u32,
}

/// What is known about one track beyond where it is.
#[derive(Clone, Debug)]
pub(crate) struct Stay {
    entered_at: Timestamp,
    seen_at: Timestamp,
    face_height_ratio: f32,
    landmarks_in_frame: Landmarks,
    head_pose: Option<(HeadPose, Timestamp)>,
    attention: Smoothed<Attention>,
    expression: Smoothed<ExpressionDistribution>,
    n_expressions: u32,
    expression_floor: f32,
    looking: Looking,
    expression_rhythm: Rhythm,
    mesh_rhythm: Rhythm,
    /// Spreads the deadlines of faces that came together.
    phase: u32,
}

impl Stay {
    pub(crate) fn begin(face: &Face, at: Timestamp, settings: &CrowdSettings, phase: u32) -> Self {
        Self {
            entered_at: at,
            seen_at: at,
            face_height_ratio: 0.0,
            landmarks_in_frame: face.landmarks_in_frame,
            head_pose: None,
            attention: Smoothed::new(settings.attention_time_constant_secs),
            expression: Smoothed::new(settings.expression_time_constant_secs),
            n_expressions: 0,
            expression_floor: settings.expression_floor,
            looking: Looking::new(settings.look),
            expression_rhythm: Rhythm::of_hz(settings.expression_hz),
            mesh_rhythm: Rhythm::of_hz(settings.mesh_hz),
            phase,
        }
    }

    /// The face was detected again.
    pub(crate) fn see(&mut self, face: &Face, frame_size: FrameSize, at: Timestamp) {
        self.seen_at = at;
        self.landmarks_in_frame = face.landmarks_in_frame;
        let ratio = face.bbox_in_frame.height() / frame_size.height.max(1) as f32;
        self.face_height_ratio = ratio.clamp(0.0, 1.0);
    }

    /// How often the expression was read.
    pub(crate) const fn n_expressions(&self) -> u32 {
        self.n_expressions
    }

    pub(crate) fn due(&self, at: Timestamp) -> Due {
        Due {
            expression: self.expression_rhythm.is_due(at),
            mesh: self.mesh_rhythm.is_due(at),
        }
    }

    /// The analyses that were due have been made.
    pub(crate) fn done(&mut self, due: Due, at: Timestamp) {
        // The mesh's deadlines lie between those of the expression.
        for (is_done, rhythm, phase) in [
            (due.expression, &mut self.expression_rhythm, self.phase),
            (due.mesh, &mut self.mesh_rhythm, self.phase.wrapping_add(1)),
        ] {
            match (is_done, rhythm.has_begun()) {
                (true, true) => rhythm.done(at),
                (true, false) => rhythm.begin(at, phase),
                (false, _) => {}
            }
        }
    }

    pub(crate) fn read(&mut self, readings: &FaceReadings, at: Timestamp) {
        if let Some(expression) = readings.expression {
            self.expression.read(expression, at);
            self.n_expressions = self.n_expressions.saturating_add(1);
        }
        if let Some(attention) = readings.attention {
            self.attention.read(attention, at);
        }
        if let Some(head_pose) = readings.head_pose {
            self.head_pose = Some((head_pose, at));
        }
    }

    /// Time has passed, seen or not.
    pub(crate) fn update_look(&mut self, at: Timestamp) -> Option<LookChange> {
        // Without a face in this frame the last attention says nothing about now.
        let is_seen = self.seen_at == at;
        let attention = self.attention.at(at).filter(|_| is_seen);
        self.looking.update(attention, at)
    }

    fn dwell_secs(&self) -> f32 {
        self.seen_at.secs_since(self.entered_at)
    }

    pub(crate) fn label(&self, at: Timestamp) -> ExpressionLabel {
        let expression = self.expression.at(at);
        expression.map_or(ExpressionLabel::Uncertain, |d| {
            d.label(self.expression_floor)
        })
    }

    pub(crate) fn visitor(&self, track: TrackId, number: u64, at: Timestamp) -> Visitor {
        Visitor {
            track,
            number,
            dwell_secs: self.dwell_secs(),
            is_looking: self.looking.is_looking(),
            looked_secs: self.looking.looked_secs(at),
            attention: self.attention.at(at),
            expression: self.expression.at(at),
            expression_label: self.label(at),
            face_height_ratio: self.face_height_ratio,
        }
    }

    pub(crate) fn visit(&self, track: TrackId, number: u64) -> Visit {
        Visit {
            track,
            number,
            entered_at: self.entered_at,
            left_at: self.seen_at,
            dwell_secs: self.dwell_secs(),
            looked_secs: self.looking.looked_secs(self.seen_at),
            n_looks: self.looking.n_looks(),
        }
    }

    pub(crate) fn live_face(&self, track: &Track, bbox_in_frame: BBox, at: Timestamp) -> LiveFace {
        let is_seen = self.seen_at == at;
        LiveFace {
            number: track.number(),
            state: track.state(),
            bbox_in_frame,
            landmarks_in_frame: is_seen.then_some(self.landmarks_in_frame),
            score: track.score(),
            head_pose: self
                .head_pose
                .filter(|(_, read_at)| is_seen && at.secs_since(*read_at) <= 0.5)
                .map(|(head_pose, _)| head_pose),
            attention: self.attention.at(at),
            expression: self.expression.at(at),
            expression_label: self.label(at),
            is_looking: self.looking.is_looking(),
            dwell_secs: self.dwell_secs(),
        }
    }
}
