//! Crops of followed faces, a few of each, compared with the face of one person.

use std::collections::BTreeMap;
use std::error::Error;

use regard_identity::Similarity;
use regard_vision::{EncodeError, PhotoFormat, Picture, encode_photo};
use thiserror::Error as ThisError;

use crate::find_me::{Bounds, Likeness};

/// Longest time from a frame to a sighting that was certain, in seconds.
const SURE_WITHIN_SECS: f64 = 2.0;

/// Crops that are looked at together.
const BATCH_LEN: usize = 16;

/// Why a [`Comparer`] did not answer.
#[derive(Debug, ThisError)]
pub enum CompareFault {
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
pub trait Comparer {
    /// How near the face in the middle of each crop (a JPEG) is to that of the person; nothing where no face is found in it.
    ///
    /// # Errors
    /// [`CompareFault::Asked`]: without an answer nobody knows whose face it is.
    fn similarities(&mut self, crops: &[Vec<u8>]) -> Result<Vec<Option<Similarity>>, CompareFault>;
}

/// The similarity of each crop; nothing where no face was found in it.
pub(crate) fn similarities(
    comparer: &mut dyn Comparer,
    crops: &[&Picture],
) -> Result<Vec<Option<Similarity>>, CompareFault> {
    let mut all = Vec::with_capacity(crops.len());
    for crops in crops.chunks(BATCH_LEN) {
        let encoded: Result<Vec<Vec<u8>>, EncodeError> = crops
            .iter()
            .map(|crop| encode_photo(crop.view(), PhotoFormat::Jpeg))
            .collect();
        let encoded = encoded?;
        let answers = comparer.similarities(&encoded)?;
        if answers.len() != encoded.len() {
            return Err(CompareFault::Uneven {
                n_crops: encoded.len(),
                n_answers: answers.len(),
            });
        }
        all.extend(answers);
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

/// Takes the best crop of every track in each window of time, has them compared, and remembers what came of it.
pub(crate) struct Sampler {
    window_secs: f64,
    open: BTreeMap<usize, Candidate>,
    waiting: Vec<(usize, f64, Picture)>,
    compared: BTreeMap<usize, Compared>,
}

/// How near the crops of one track are to the face of the person, in the order of their times.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Compared(pub(crate) Vec<(f64, Similarity)>);

impl Compared {
    /// What that comes to.
    pub(crate) fn samples(&self, bounds: &Bounds) -> Samples {
        let likeness = |(at, similarity): &(f64, Similarity)| (*at, bounds.of(*similarity));
        Samples(self.0.iter().map(likeness).collect())
    }
}

/// What became of the crops of one track, in the order of their times.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Samples(pub(crate) Vec<(f64, Likeness)>);

impl Samples {
    /// Whether a track is surely theirs at a time: nothing beside it says otherwise, and a certain sighting is near.
    pub(crate) fn is_theirs(&self, time_secs: f64) -> bool {
        let before = self.0.iter().rev().find(|(at, _)| *at <= time_secs);
        let after = self.0.iter().find(|(at, _)| *at >= time_secs);
        let is_other =
            |side: Option<&(f64, Likeness)>| side.is_some_and(|(_, what)| *what == Likeness::Other);
        let is_sure = self.0.iter().any(|(at, what)| {
            *what == Likeness::Found && (at - time_secs).abs() <= SURE_WITHIN_SECS
        });
        is_sure && !is_other(before) && !is_other(after)
    }

    /// Whether a track may be theirs at a time: the sighting nearest to it, and not too far from it, is in doubt.
    pub(crate) fn may_be_theirs(&self, time_secs: f64) -> bool {
        let far = |at: f64| (at - time_secs).abs();
        let nearest = self.0.iter().min_by(|a, b| far(a.0).total_cmp(&far(b.0)));
        nearest.is_some_and(|(at, what)| *what == Likeness::Maybe && far(*at) <= SURE_WITHIN_SECS)
    }

    /// Whether it was theirs at any time.
    pub(crate) fn is_ever_theirs(&self) -> bool {
        self.0.iter().any(|(at, _)| self.is_theirs(*at))
    }
}

impl Sampler {
    /// One crop of a track in so many seconds.
    pub(crate) fn new(window_secs: f64) -> Self {
        Self {
            window_secs,
            open: BTreeMap::new(),
            waiting: Vec::new(),
            compared: BTreeMap::new(),
        }
    }

    /// Offers a crop of a track; `crop` is called where it is the best of its window so far.
    pub(crate) fn offer(
        &mut self,
        track: usize,
        time_secs: f64,
        worth: f32,
        crop: impl FnOnce() -> Option<Picture>,
    ) {
        let current = self.open.get(&track);
        let is_over = current.is_some_and(|open| time_secs - open.since_secs >= self.window_secs);
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
    pub(crate) fn work(&mut self, comparer: &mut dyn Comparer) -> Result<(), CompareFault> {
        if self.waiting.len() >= BATCH_LEN {
            self.compare(comparer)?;
        }
        Ok(())
    }

    /// Has the rest compared; what came of all.
    pub(crate) fn finish(
        mut self,
        comparer: &mut dyn Comparer,
    ) -> Result<BTreeMap<usize, Compared>, CompareFault> {
        for (track, done) in std::mem::take(&mut self.open) {
            self.waiting.push((track, done.time_secs, done.crop));
        }
        self.compare(comparer)?;
        for compared in self.compared.values_mut() {
            compared.0.sort_by(|a, b| a.0.total_cmp(&b.0));
        }
        Ok(self.compared)
    }

    fn compare(&mut self, comparer: &mut dyn Comparer) -> Result<(), CompareFault> {
        let waiting = std::mem::take(&mut self.waiting);
        let crops: Vec<&Picture> = waiting.iter().map(|(_, _, crop)| crop).collect();
        let similarities = similarities(comparer, &crops)?;
        for ((track, time_secs, _), similarity) in waiting.iter().zip(similarities) {
            if let Some(similarity) = similarity {
                let compared = self.compared.entry(*track).or_default();
                compared.0.push((*time_secs, similarity));
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
        assert!(samples.may_be_theirs(0.9) && samples.may_be_theirs(8.0));
        assert!(!samples.may_be_theirs(1.4) && !samples.may_be_theirs(5.0));
        assert!(!Samples(vec![(0.0, Maybe)]).is_theirs(0.0));
        assert!(!Samples::default().is_theirs(0.0));
    }
}
