//! How messages did, with intervals.

use regard_domain::{CampaignId, CreativeId};
use serde::{Deserialize, Serialize};

/// One play with what was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlayRow {
    /// Of which campaign; nothing for the default message.
    pub campaign: Option<CampaignId>,
    /// Which message.
    pub creative: CreativeId,
    /// How long it was shown.
    pub shown_secs: f32,
    /// Seconds looked at, summed over visitors; nothing when not measured.
    pub attention_secs: Option<f32>,
    /// Mean probability of a smile less that before; nothing when not measured.
    pub smile_lift: Option<f32>,
    /// Seconds with anyone in view; nothing when not measured.
    pub dwell_secs: Option<f32>,
    /// Scans.
    pub n_scans: u32,
    /// Conversions.
    pub n_conversions: u32,
}

/// A mean with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Mean {
    /// How many values.
    pub n: u64,
    /// Their mean.
    pub mean: f64,
    /// Ends of the 95 % interval; nothing for fewer than two values.
    pub interval: Option<(f64, f64)>,
}

/// A share with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Share {
    /// How many had it.
    pub n_with: u64,
    /// Of how many.
    pub n: u64,
    /// The share.
    pub share: f64,
    /// Ends of the 95 % interval.
    pub interval: (f64, f64),
}

/// How one message did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlayStats {
    /// Of which campaign; nothing for the default message.
    pub campaign: Option<CampaignId>,
    /// Which message.
    pub creative: CreativeId,
    /// How often it was shown.
    pub n_plays: u64,
    /// How long altogether.
    pub shown_secs: f64,
    /// Attention seconds a play.
    pub attention_secs: Option<Mean>,
    /// Smile lift a play.
    pub smile_lift: Option<Mean>,
    /// Seconds with anyone in view a play.
    pub dwell_secs: Option<Mean>,
    /// Plays that anyone looked at, of those measured.
    pub looked_at: Option<Share>,
    /// Plays with a scan.
    pub scanned: Share,
    /// Plays with a conversion.
    pub converted: Share,
}

/// Statistics of every message that occurs, by campaign and message; the default message first.
pub fn play_stats(rows: &[PlayRow]) -> Vec<PlayStats> {
    todo!()
}
