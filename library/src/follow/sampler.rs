//! Whose face stays to be seen.

use std::collections::BTreeMap;
use std::error::Error;

use regard_identity::Similarity;
use regard_vision::{EncodeError, PhotoFormat, Picture, encode_photo};
use thiserror::Error as ThisError;

use crate::find_me::{Bounds, Likeness};

/// Seconds of a track of which the best crop is looked at.
const WINDOW_SECS: f64 = 0.25;

/// Longest time from a frame to a sighting that was certain, in seconds.
const SURE_WITHIN_SECS: f64 = 2.0;

/// Crops that are looked at together.
const BATCH_LEN: usize = 16;

/// Why a [`Keeper`] did not answer.
#[derive(Debug, ThisError)]
pub enum KeepFault {
    /// A crop cannot be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// Whoever has leave to compare did not.
    #[error("the faces were not compared")]
    Asked(#[source] Box<dyn Error + Send + Sync>),
    /// Fewer answers than questions.
    #[error("{n_answers} answers to {n_crops} crops")]
    Uneven {
        /// Crops sent.
        n_crops: usize,
        /// Answers that came.
        n_answers: usize,
    },
}

/// Compares faces with that of one person who agreed, under leave of the Recognition gate.
///
/// # Privacy
/// Sees crops of everybody's faces and keeps none: it says how near each is to one person's, and nothing else of anybody.
pub trait Keeper {
    /// How near the face in the middle of each crop (a JPEG) is to that of the person; nothing where no face is found in it.
    ///
    /// # Errors
    /// [`KeepFault::Asked`]: without an answer nothing is written, for nobody knows whose face it would show.
    fn similarities(&mut self, crops: &[Vec<u8>]) -> Result<Vec<Option<Similarity>>, KeepFault>;

    /// From which similarities a face counts as theirs.
    fn bounds(&self) -> Bounds;
}

/// The likeness of each crop; nothing where no face was found in it.
pub(super) fn likenesses(
    keeper: &mut dyn Keeper,
    crops: &[&Picture],
) -> Result<Vec<Option<Likeness>>, KeepFault> {
    let mut all = Vec::with_capacity(crops.len());
    for crops in crops.chunks(BATCH_LEN) {
        let encoded: Result<Vec<Vec<u8>>, EncodeError> = crops
            .iter()
            .map(|crop| encode_photo(crop.view(), PhotoFormat::Jpeg))
            .collect();
        let encoded = encoded?;
        let answers = keeper.similarities(&encoded)?;
        if answers.len() != encoded.len() {
            return Err(KeepFault::Uneven {
                n_crops: encoded.len(),
                n_answers: answers.len(),
            });
        }
        let bounds = keeper.bounds();
        all.extend(
            answers
                .into_iter()
                .map(|similarity| similarity.map(|similarity| bounds.of(similarity))),
        );
    }
    Ok(all)
}

/// The best crop of a window of a track.
struct Candidate {
    since_secs: f64,
    time_secs: f64,
    worth: f32,
    crop: Picture,
}

/// Takes crops of every track, a few a second, has them compared, and remembers what came of it.
#[derive(Default)]
pub(super) struct Sampler {
    open: BTreeMap<usize, Candidate>,
    waiting: Vec<(usize, f64, Picture)>,
    samples: BTreeMap<usize, Samples>,
}

/// What became of the crops of one track, in the order of their times.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Samples(pub(super) Vec<(f64, Likeness)>);

impl Samples {
    /// Whether a track is surely theirs at a time: nothing beside it says otherwise, and a certain sighting is near.
    pub(super) fn is_theirs(&self, time_secs: f64) -> bool {
        let before = self.0.iter().rev().find(|(at, _)| *at <= time_secs);
        let after = self.0.iter().find(|(at, _)| *at >= time_secs);
        let is_other =
            |side: Option<&(f64, Likeness)>| side.is_some_and(|(_, what)| *what == Likeness::Other);
        let is_sure = self.0.iter().any(|(at, what)| {
            *what == Likeness::Found && (at - time_secs).abs() <= SURE_WITHIN_SECS
        });
        is_sure && !is_other(before) && !is_other(after)
    }

    /// Whether it was theirs at any time.
    pub(super) fn is_ever_theirs(&self) -> bool {
        self.0.iter().any(|(at, _)| self.is_theirs(*at))
    }
}

impl Sampler {
    /// Offers a crop of a track; `crop` is called where it is the best of its window so far.
    pub(super) fn offer(
        &mut self,
        track: usize,
        time_secs: f64,
        worth: f32,
        crop: impl FnOnce() -> Option<Picture>,
    ) {
        let current = self.open.get(&track);
        let is_over = current.is_some_and(|open| time_secs - open.since_secs >= WINDOW_SECS);
        if is_over && let Some(done) = self.open.remove(&track) {
            self.waiting.push((track, done.time_secs, done.crop));
        }
        let current = self.open.get(&track);
        if current.is_some_and(|open| open.worth >= worth) {
            return;
        }
        let since_secs = current.map_or(time_secs, |open| open.since_secs);
        if let Some(crop) = crop() {
            let candidate = Candidate {
                since_secs,
                time_secs,
                worth,
                crop,
            };
            self.open.insert(track, candidate);
        }
    }

    /// Has compared what waits, once there is enough of it.
    pub(super) fn work(&mut self, keeper: &mut dyn Keeper) -> Result<(), KeepFault> {
        if self.waiting.len() >= BATCH_LEN {
            self.compare(keeper)?;
        }
        Ok(())
    }

    /// Has the rest compared; what came of all.
    pub(super) fn finish(
        mut self,
        keeper: &mut dyn Keeper,
    ) -> Result<BTreeMap<usize, Samples>, KeepFault> {
        for (track, done) in std::mem::take(&mut self.open) {
            self.waiting.push((track, done.time_secs, done.crop));
        }
        self.compare(keeper)?;
        for samples in self.samples.values_mut() {
            samples.0.sort_by(|a, b| a.0.total_cmp(&b.0));
        }
        Ok(self.samples)
    }

    fn compare(&mut self, keeper: &mut dyn Keeper) -> Result<(), KeepFault> {
        let waiting = std::mem::take(&mut self.waiting);
        let crops: Vec<&Picture> = waiting.iter().map(|(_, _, crop)| crop).collect();
        let likenesses = likenesses(keeper, &crops)?;
        for ((track, time_secs, _), likeness) in waiting.iter().zip(likenesses) {
            if let Some(likeness) = likeness {
                let samples = self.samples.entry(*track).or_default();
                samples.0.push((*time_secs, likeness));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_track_is_theirs_only_between_sightings_that_say_so() {
        use Likeness::{Found, Maybe, Other};
        let samples = Samples(vec![
            (0.0, Maybe),
            (0.5, Found),
            (1.0, Maybe),
            (1.5, Other),
            (2.0, Found),
            (9.0, Maybe),
        ]);
        let check = |time: f64, expected: bool| {
            assert_eq!(samples.is_theirs(time), expected, "{time}");
        };
        check(-0.2, true);
        check(0.2, true);
        check(0.9, true);
        // Somebody else comes in: nobody knows when.
        check(1.2, false);
        check(1.7, false);
        check(2.0, true);
        check(3.9, true);
        // Too long ago.
        check(5.0, false);
        assert!(samples.is_ever_theirs());
        assert!(!Samples(vec![(0.0, Maybe)]).is_theirs(0.0));
        assert!(!Samples::default().is_theirs(0.0));
    }
}
