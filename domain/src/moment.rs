//! The audience at one instant, free of biometrics.

use crate::{
    Attention, CameraId, Expression, ExpressionDistribution, ExpressionLabel, Timestamp, TrackId,
};

/// Why a moment was emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MomentCause {
    /// The regular beat (10 Hz).
    Beat,
    /// Someone's track was confirmed.
    Entered,
    /// Someone's track ended.
    Left,
    /// Someone began to look at the screen.
    Looked,
    /// Someone stopped looking.
    LookedAway,
}

/// One person in view, as far as messages need to know.
#[derive(Clone, Debug, PartialEq)]
pub struct Visitor {
    /// Random id that dies when the visitor leaves.
    pub track: TrackId,
    /// Running number of the visitor on this camera since start, from 1; for reading only.
    pub number: u64,
    /// Seconds since the visitor entered.
    pub dwell_secs: f32,
    /// Whether the visitor looks at the screen, with hysteresis.
    pub is_looking: bool,
    /// Seconds the visitor has looked so far, all looks together.
    pub looked_secs: f32,
    /// Smoothed attention; `None` until measured or without the scope.
    pub attention: Option<Attention>,
    /// Smoothed expression; `None` until measured or without the scope.
    pub expression: Option<ExpressionDistribution>,
    /// What to call the expression.
    pub expression_label: ExpressionLabel,
    /// Height of the face as a fraction of the frame height, in `[0, 1]`: a proxy for nearness.
    pub face_height_ratio: f32,
}

/// The audience of one camera at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// Which camera.
    pub camera: CameraId,
    /// Capture time of the frame this was computed from.
    pub at: Timestamp,
    /// Running number of the moment on this camera.
    pub sequence: u64,
    /// What made it be emitted; the most telling one if several coincide.
    pub cause: MomentCause,
    /// Visitors in view, in order of entry.
    pub visitors: Vec<Visitor>,
}

/// A moment as a few numbers about everyone together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Audience {
    /// How many are in view.
    pub n_visitors: u32,
    /// How many of them look at the screen.
    pub n_looking: u32,
    /// Mean attention of those measured, in `[0, 1]`; 0 when nobody was.
    pub attention: f32,
    /// Mean expression of those measured; `None` when nobody was.
    pub expression: Option<ExpressionDistribution>,
    /// Longest dwell in view, in seconds.
    pub dwell_secs: f32,
    /// Greatest face height as a fraction of the frame height.
    pub nearness: f32,
}

impl Audience {
    /// Nobody there.
    pub const EMPTY: Self = Self {
        n_visitors: 0,
        n_looking: 0,
        attention: 0.0,
        expression: None,
        dwell_secs: 0.0,
        nearness: 0.0,
    };

    /// Mean probability of one expression; 0 when nobody was measured.
    pub fn expression_probability(&self, expression: Expression) -> f32 {
        self.expression.map_or(0.0, |d| d.probability(expression))
    }
}

impl Moment {
    /// Everyone together.
    pub fn audience(&self) -> Audience {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let attentions: Vec<f32> = self
            .visitors
            .iter()
            .filter_map(|v| v.attention)
            .map(Attention::get)
            .collect();
        let mut weights = [0.0_f32; 7];
        for distribution in self.visitors.iter().filter_map(|v| v.expression) {
            for (weight, p) in weights.iter_mut().zip(distribution.as_array()) {
                *weight += p;
            }
        }
        Audience {
            n_visitors: count(self.visitors.len()),
            n_looking: count(self.visitors.iter().filter(|v| v.is_looking).count()),
            attention: if attentions.is_empty() {
                0.0
            } else {
                attentions.iter().sum::<f32>() / attentions.len() as f32
            },
            expression: ExpressionDistribution::from_weights(weights),
            dwell_secs: self
                .visitors
                .iter()
                .map(|v| v.dwell_secs)
                .fold(0.0, f32::max),
            nearness: self
                .visitors
                .iter()
                .map(|v| v.face_height_ratio)
                .fold(0.0, f32::max),
        }
    }
}
