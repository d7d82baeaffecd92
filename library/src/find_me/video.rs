//! When somebody is to be seen in a video.

use std::path::Path;
use std::sync::Arc;

use regard_domain::BBox;
use regard_identity::Similarity;
use regard_inference::{Catalog, Runtime};
use regard_vision::{VideoError, VideoOptions};

use super::{Bounds, Likeness};
use crate::follow::{Compared, Comparer, FaceFinder, WatchError, Watched, watch};

/// Seconds of each followed face of which the best crop is compared. Origin: nobody changes within a second, and every
/// comparison is another chance to be taken for somebody else.
const SECS_PER_COMPARISON: f64 = 1.0;

/// Longest break in seconds that is bridged within a span. Origin: as long as a face is followed out of sight.
const BRIDGED_SECS: f64 = 2.0;

/// Looks for one person in videos.
///
/// # Privacy
/// Finds and follows faces under the grant for stored media, counting only. How near they are to one person's face says a
/// [`Comparer`], which has leave for that person alone. What is kept of everybody else are numbers.
pub struct Seeker {
    finder: FaceFinder,
    options: VideoOptions,
}

impl Seeker {
    /// A seeker whose networks run on so many threads.
    ///
    /// # Errors
    /// [`WatchError::Refused`] when the gate refuses to have stored media looked at; when a network cannot be loaded.
    pub fn new(
        runtime: &Arc<dyn Runtime>,
        catalog: &Arc<Catalog>,
        threads_per_run: usize,
        options: VideoOptions,
    ) -> Result<Self, WatchError> {
        let mut finder = FaceFinder::new(runtime, catalog, threads_per_run)?;
        finder.warm_up()?;
        Ok(Self { finder, options })
    }

    /// Looks through a video. Of faces that are all less near than `loosest` their number and similarities alone are kept.
    /// `step` is called after every frame.
    ///
    /// # Errors
    /// [`WatchError`]; a video that is cut short gives what was seen until there.
    pub fn video(
        &mut self,
        path: &Path,
        comparer: &mut dyn Comparer,
        loosest: Similarity,
        step: &mut dyn FnMut(),
    ) -> Result<SeenVideo, WatchError> {
        let Watched {
            timeline,
            tracks,
            compared,
            n_damaged,
            broken,
        } = watch(
            &mut self.finder,
            (path, &self.options),
            Some((comparer, SECS_PER_COMPARISON)),
            step,
        )?;
        let all = compared.values().flat_map(|compared| &compared.0);
        let similarities = all.map(|(_, similarity)| *similarity).collect();
        let is_near = |compared: &Compared| compared.0.iter().any(|(_, near)| *near >= loosest);
        let faces = compared
            .into_iter()
            .filter(|(_, compared)| is_near(compared))
            .filter_map(|(number, compared)| {
                let marks = &tracks.get(number)?.marks;
                let places = marks.iter().map(|mark| {
                    let time_secs = timeline.times_secs[mark.frame];
                    (time_secs, mark.bbox)
                });
                Some(SeenFace {
                    places: places.collect(),
                    compared,
                })
            });
        Ok(SeenVideo {
            faces: faces.collect(),
            similarities,
            n_damaged,
            broken,
        })
    }
}

/// A face that was followed, and is somewhere near to that of the person.
#[derive(Clone, Debug)]
struct SeenFace {
    /// Where it was at which second, in order; at least once.
    places: Vec<(f64, BBox)>,
    compared: Compared,
}

/// What was seen in a video.
#[derive(Debug)]
pub struct SeenVideo {
    /// Frames that could not be read.
    pub n_damaged: u64,
    /// Why it ended before its end, where it did.
    pub broken: Option<VideoError>,
    /// What every comparison came to, of everybody.
    pub similarities: Vec<Similarity>,
    faces: Vec<SeenFace>,
}

/// A time in which somebody is to be seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// How near to the face of the person.
    pub likeness: Likeness,
    /// Seconds from the beginning of the video at which they are seen first.
    pub from_secs: f64,
    /// And last.
    pub to_secs: f64,
    /// When they are nearest.
    pub at_secs: f64,
    /// Where they are then.
    pub bbox: BBox,
    /// How near they are then.
    pub similarity: Similarity,
}

impl SeenVideo {
    /// When the person is seen, in order; breaks of up to two seconds are bridged. Where they may be seen is left out while they
    /// are found.
    pub fn spans(&self, bounds: &Bounds) -> Vec<Span> {
        let mut found = Vec::new();
        let mut maybe = Vec::new();
        for face in &self.faces {
            for span in face.spans(bounds) {
                match span.likeness {
                    Likeness::Found => found.push(span),
                    Likeness::Maybe => maybe.push(span),
                    Likeness::Other => {}
                }
            }
        }
        let found = bridged(found, &[]);
        let is_beside = |span: &Span| {
            let overlaps = |theirs: &Span| {
                span.from_secs <= theirs.to_secs && theirs.from_secs <= span.to_secs
            };
            !found.iter().any(overlaps)
        };
        let mut all = bridged(maybe.into_iter().filter(is_beside).collect(), &found);
        all.extend(found);
        all.sort_by(|a, b| a.from_secs.total_cmp(&b.from_secs));
        all
    }
}

impl SeenFace {
    /// The parts of its way in which one thing can be said of it.
    fn spans(&self, bounds: &Bounds) -> Vec<Span> {
        let samples = self.compared.samples(bounds);
        let likeness = |time_secs: f64| {
            if samples.is_theirs(time_secs) {
                Likeness::Found
            } else if samples.may_be_theirs(time_secs) {
                Likeness::Maybe
            } else {
                Likeness::Other
            }
        };
        let mut spans: Vec<Span> = Vec::new();
        for run in self.places.chunk_by(|a, b| likeness(a.0) == likeness(b.0)) {
            let ([(from_secs, _), ..], [.., (to_secs, _)]) = (run, run) else {
                continue;
            };
            let Some((at_secs, similarity)) = self.nearest(*from_secs, *to_secs) else {
                continue;
            };
            // The crop was of one of the places.
            let far = |place: &&(f64, BBox)| (place.0 - at_secs).abs();
            let place = run.iter().min_by(|a, b| far(a).total_cmp(&far(b)));
            let Some((_, bbox)) = place else {
                continue;
            };
            spans.push(Span {
                likeness: likeness(*from_secs),
                from_secs: *from_secs,
                to_secs: *to_secs,
                at_secs,
                bbox: *bbox,
                similarity,
            });
        }
        spans
    }

    /// The comparison between these seconds in which it was nearest; where there is none, the one closest in time.
    fn nearest(&self, from_secs: f64, to_secs: f64) -> Option<(f64, Similarity)> {
        let within = |(at, _): &&(f64, Similarity)| (from_secs..=to_secs).contains(at);
        let of_run = self.compared.0.iter().filter(within);
        let best = of_run.max_by(|a, b| a.1.get().total_cmp(&b.1.get()));
        let away = |at: f64| (from_secs - at).max(at - to_secs);
        best.or_else(|| {
            let all = self.compared.0.iter();
            all.min_by(|a, b| away(a.0).total_cmp(&away(b.0)))
        })
        .copied()
    }
}

/// Spans of one likeness, those made one that are no longer apart than is bridged and have none of `others` between them.
fn bridged(mut spans: Vec<Span>, others: &[Span]) -> Vec<Span> {
    spans.sort_by(|a, b| a.from_secs.total_cmp(&b.from_secs));
    let mut joined: Vec<Span> = Vec::new();
    for span in spans {
        let is_free = |from_secs: f64| {
            let is_between =
                |other: &Span| from_secs <= other.to_secs && other.from_secs <= span.from_secs;
            !others.iter().any(is_between)
        };
        match joined.last_mut() {
            Some(last)
                if span.from_secs - last.to_secs <= BRIDGED_SECS && is_free(last.to_secs) =>
            {
                let best = if span.similarity > last.similarity {
                    span
                } else {
                    *last
                };
                *last = Span {
                    from_secs: last.from_secs,
                    to_secs: last.to_secs.max(span.to_secs),
                    ..best
                };
            }
            Some(_) | None => joined.push(span),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use regard_identity::{MatchScale, TargetRate};

    use super::*;

    fn bounds() -> Bounds {
        Bounds::for_faces(
            &MatchScale::built_in(),
            TargetRate::new(0.01).unwrap(),
            1_000,
        )
    }

    /// A face seen ten times a second between these seconds, at a place that tells the second, compared so.
    fn face(from: u32, to: u32, compared: &[(f64, f32)]) -> SeenFace {
        let places = (from * 10..=to * 10).map(|tenth| {
            let secs = f64::from(tenth) / 10.0;
            (secs, BBox::new(tenth as f32, 0.0, 30.0, 40.0).unwrap())
        });
        let compared = compared
            .iter()
            .map(|(at, near)| (*at, Similarity::clamped(*near)));
        SeenFace {
            places: places.collect(),
            compared: Compared(compared.collect()),
        }
    }

    fn spans(faces: Vec<SeenFace>) -> Vec<(&'static str, f64, f64, f64)> {
        let seen = SeenVideo {
            n_damaged: 0,
            broken: None,
            similarities: Vec::new(),
            faces,
        };
        seen.spans(&bounds())
            .iter()
            .map(|span| {
                assert!((f64::from(span.bbox.left()) / 10.0 - span.at_secs).abs() < 1e-3);
                let name = span.likeness.as_str();
                (name, span.from_secs, span.to_secs, span.at_secs)
            })
            .collect()
    }

    const THEIRS: f32 = 0.95;
    const OTHERS: f32 = -0.1;

    /// Between what is found and what is somebody else's.
    fn doubtful() -> f32 {
        let bounds = bounds();
        (bounds.found_from().get() + bounds.maybe_from().get()) / 2.0
    }

    #[test]
    fn somebody_is_seen_from_the_first_frame_of_their_track_to_the_last() {
        let theirs = face(
            3,
            8,
            &[(3.5, 0.9), (4.5, doubtful()), (5.5, THEIRS), (7.5, 0.9)],
        );
        let other = face(0, 9, &[(1.0, OTHERS), (5.0, OTHERS)]);
        assert_eq!(spans(vec![theirs, other]), [("found", 3.0, 8.0, 5.5)]);
    }

    #[test]
    fn a_track_that_becomes_somebody_elses_is_theirs_only_before() {
        let spans = spans(vec![face(
            0,
            9,
            &[(1.0, THEIRS), (4.0, OTHERS), (5.0, OTHERS)],
        )]);
        assert_eq!(spans.len(), 1, "{spans:?}");
        let (name, from, to, at) = spans[0];
        assert_eq!((name, from, at), ("found", 0.0, 1.0));
        assert!(to < 4.0, "{to}");
    }

    #[test]
    fn short_breaks_are_bridged_and_long_ones_are_not() {
        let seen = |from, to| face(from, to, &[(f64::from(from) + 0.5, THEIRS)]);
        let spans = spans(vec![seen(0, 1), seen(3, 4), seen(9, 10)]);
        let times: Vec<(f64, f64)> = spans.iter().map(|(_, from, to, _)| (*from, *to)).collect();
        assert_eq!(times, [(0.0, 4.0), (9.0, 10.0)]);
    }

    #[test]
    fn doubt_is_told_where_nothing_is_certain() {
        let doubt = doubtful();
        let beside = face(0, 2, &[(1.0, doubt)]);
        let alone = face(20, 22, &[(21.0, doubt)]);
        let theirs = face(1, 3, &[(2.0, THEIRS)]);
        let told = spans(vec![beside, alone, theirs]);
        assert_eq!(
            told,
            [("found", 1.0, 3.0, 2.0), ("maybe", 20.0, 22.0, 21.0)]
        );
        // What is found between two doubts stays between them.
        let doubts = [face(0, 1, &[(0.5, doubt)]), face(3, 4, &[(3.5, doubt)])];
        let found = face(2, 2, &[(2.0, THEIRS)]);
        let told = spans(doubts.into_iter().chain([found]).collect());
        let names: Vec<&str> = told.iter().map(|(name, ..)| *name).collect();
        assert_eq!(names, ["maybe", "found", "maybe"]);
    }
}
