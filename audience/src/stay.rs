//! One visitor's stay: dwell, looks, smoothed readings.

use regard_domain::{Timestamp, TrackId};

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
