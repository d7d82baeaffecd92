//! Covering everyone who did not agree to be seen, in photographs and videos.

mod error;
mod keep;
mod photo;
mod plan;
#[cfg(test)]
mod tests;
mod video;

use std::sync::Arc;

use rand::rngs::StdRng;
use regard_domain::BBox;
use regard_inference::{Catalog, Runtime};
use regard_vision::{Picture, RedactionStyle, Veil, VideoOptions, cover, with_margin};

pub use self::error::RedactError;
pub use self::keep::Keeper;
use crate::follow::FaceFinder;

/// Share of its larger side that a face is covered beyond, on each side, where nobody says another: the box of the detector
/// reaches from brow to chin, and hair, ears and chin tell people too.
pub const DEFAULT_MARGIN: f32 = 0.25;

/// How often a picture that was covered is looked at once more, at most, until nothing is found in it.
const MAX_LOOKS: usize = 4;

/// Overlap from which a face that is found after covering is the one that is to be seen.
const SHOWN_IOU: f32 = 0.25;

/// How to cover.
#[derive(Clone, Debug, PartialEq)]
pub struct RedactOptions {
    /// How covered faces look.
    pub style: RedactionStyle,
    /// Share of its larger side that a face is covered beyond, on each side.
    pub margin: f32,
    /// Whether sound is left out.
    pub mute: bool,
    /// How videos are read.
    pub video: VideoOptions,
    /// Threads for each run of the network.
    pub threads_per_run: usize,
}

impl Default for RedactOptions {
    fn default() -> Self {
        Self {
            style: RedactionStyle::default(),
            margin: DEFAULT_MARGIN,
            mute: false,
            video: VideoOptions::default(),
            threads_per_run: 1,
        }
    }
}

/// What was done to a photograph or a video.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Redacted {
    /// Pictures: one, or the frames that were written.
    pub n_frames: u64,
    /// People who were covered: faces of a photograph, tracks of a video. Who leaves and comes back counts anew.
    pub n_covered: u64,
    /// People who were recognised as the one who agreed, and are seen where that is certain.
    pub n_kept: u64,
    /// Places that looked like a face only after covering, and were covered then.
    pub n_found_again: u64,
    /// Frames that could not be read, and are not in the result.
    pub n_damaged: u64,
}

/// What goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedactStep {
    /// Another frame was searched for faces.
    Searched,
    /// Another frame was written.
    Written,
}

/// Covers faces: finds them, follows them, covers them, and looks again.
///
/// # Privacy
/// Looks at stored media under the grant for them, counting only. Nobody is told from anybody else here: whose face stays is
/// for a [`Keeper`] to say, which has leave for one person.
pub struct Redactor {
    finder: FaceFinder,
    options: RedactOptions,
    rng: StdRng,
}

impl Redactor {
    /// A redactor; `rng` makes the noise of veils, and should not be guessed by others.
    ///
    /// # Errors
    /// [`WatchError::Refused`](crate::WatchError::Refused) when the gate refuses to have stored media looked at.
    pub fn new(
        runtime: &Arc<dyn Runtime>,
        catalog: &Arc<Catalog>,
        options: RedactOptions,
        rng: StdRng,
    ) -> Result<Self, RedactError> {
        Ok(Self {
            finder: FaceFinder::new(runtime, catalog, options.threads_per_run)?,
            options,
            rng,
        })
    }

    /// Loads the network.
    ///
    /// # Errors
    /// When it cannot be loaded: nothing can be covered then.
    pub fn warm_up(&mut self) -> Result<(), RedactError> {
        Ok(self.finder.warm_up()?)
    }

    /// Every box, at full resolution and a low score, in which a face may be: what covering goes by.
    ///
    /// # Errors
    /// When the network fails.
    pub fn faces(&mut self, picture: &Picture) -> Result<Vec<BBox>, RedactError> {
        let found = self.finder.find(picture.view())?;
        Ok(found.iter().map(|sighting| sighting.bbox).collect())
    }

    /// Looks at a picture that was covered, and covers with one colour what still looks like a face and is not to be seen; how
    /// many places that were.
    fn look_again(&mut self, picture: &mut Picture, shown: &[BBox]) -> Result<u64, RedactError> {
        let mut n_found = 0;
        for look in 1..=MAX_LOOKS {
            let found = self.finder.find(picture.view())?;
            let left: Vec<BBox> = found
                .iter()
                .map(|sighting| sighting.bbox)
                .filter(|bbox| !is_shown(bbox, shown))
                .map(|bbox| with_margin(&bbox, self.options.margin))
                .collect();
            if left.is_empty() {
                break;
            }
            n_found += left.len() as u64;
            let veils: Vec<Veil> = left
                .iter()
                .map(|area| Veil::of(picture.view(), area, &mut self.rng).flat())
                .collect();
            let covers: Vec<(BBox, &Veil)> = left.iter().copied().zip(&veils).collect();
            // Filling in draws its surroundings out, which may be what looks like a face; one colour never does.
            let style = if look < MAX_LOOKS && self.options.style != RedactionStyle::Remove {
                RedactionStyle::Blur
            } else {
                RedactionStyle::Box
            };
            cover(picture, &covers, style);
        }
        Ok(n_found)
    }
}

/// Whether a face is one of those that are to be seen.
fn is_shown(bbox: &BBox, shown: &[BBox]) -> bool {
    shown.iter().any(|kept| kept.iou(bbox) >= SHOWN_IOU)
}
