//! What is covered in which frame: sightings, the time between them, and a little before and after.

use std::collections::BTreeMap;

use regard_domain::BBox;
use regard_vision::with_margin;

use crate::follow::{Mark, Samples, Timeline, Track, moved};

/// How long before its first sighting and after its last a face is covered, in seconds: it turns to the camera, or away, before
/// the detector sees it, or after. At least so many frames.
const COAST_SECS: f64 = 0.5;
const MIN_COAST_FRAMES: usize = 3;

/// How much wider than a sighting a face is covered for each second from the next one, as a share of its larger side.
const WIDER_PER_SEC: f64 = 0.8;

/// Farthest that a face is thought to go on moving while coasting, in sides of its box.
const MAX_DRIFT: f32 = 1.0;

/// A place of a frame, and whose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) track: usize,
    pub(super) area: BBox,
}

/// What is covered in a frame, and what is to be seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct FramePlan {
    pub(super) covered: Vec<Place>,
    pub(super) shown: Vec<BBox>,
}

/// The plan of each frame.
pub(super) fn plan(
    tracks: &[Track],
    timeline: &Timeline,
    samples: &BTreeMap<usize, Samples>,
    margin: f32,
) -> Vec<FramePlan> {
    let mut frames = vec![FramePlan::default(); timeline.len()];
    for (number, track) in tracks.iter().enumerate() {
        let theirs = samples.get(&number);
        for mark in whole(track, timeline) {
            let frame = &mut frames[mark.frame];
            let time_secs = timeline.times_secs[mark.frame];
            if theirs.is_some_and(|samples| samples.is_theirs(time_secs)) {
                frame.shown.push(mark.bbox);
            } else {
                frame.covered.push(Place {
                    track: number,
                    area: with_margin(&mark.bbox, margin),
                });
            }
        }
    }
    frames
}

/// Where a face is in every frame from a little before its first sighting to a little after its last.
fn whole(track: &Track, timeline: &Timeline) -> Vec<Mark> {
    let marks = &track.marks;
    let mut all = Vec::new();
    let (Some(first), Some(last)) = (marks.first(), marks.last()) else {
        return all;
    };
    all.extend(coast(marks, timeline, Way::Back));
    for pair in marks.windows(2) {
        let (from, to) = (&pair[0], &pair[1]);
        all.push(*from);
        for frame in from.frame + 1..to.frame {
            all.push(Mark {
                frame,
                bbox: between(from, to, frame, timeline),
            });
        }
    }
    all.push(*last);
    all.extend(coast(marks, timeline, Way::On));
    debug_assert!(first.frame <= last.frame);
    all
}

/// The box between two sightings, the wider the farther it is from both.
fn between(from: &Mark, to: &Mark, frame: usize, timeline: &Timeline) -> BBox {
    let passed = timeline.secs_between(from.frame, frame);
    let left = timeline.secs_between(frame, to.frame);
    let part = if passed + left > 0.0 {
        passed / (passed + left)
    } else {
        0.5
    };
    let mix = |a: f32, b: f32| a + (b - a) * part as f32;
    let (a, b) = (from.bbox, to.bbox);
    let middle = BBox::new(
        mix(a.left(), b.left()),
        mix(a.top(), b.top()),
        mix(a.width(), b.width()),
        mix(a.height(), b.height()),
    );
    let wider = WIDER_PER_SEC * passed.min(left);
    with_margin(&middle.unwrap_or(a), wider as f32)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Back,
    On,
}

/// The frames before the first sighting, or after the last, in the same scene: as if it stood still, and as if it went on.
fn coast(marks: &[Mark], timeline: &Timeline, way: Way) -> Vec<Mark> {
    let (end, inner) = match way {
        Way::Back => (marks.first(), marks.get(1)),
        Way::On => (
            marks.last(),
            marks.len().checked_sub(2).map(|at| &marks[at]),
        ),
    };
    let Some(end) = end else {
        return Vec::new();
    };
    let velocity = inner.map_or((0.0, 0.0), |inner| {
        let secs = timeline.secs_between(inner.frame, end.frame).max(1e-3) as f32;
        let (from, to) = (inner.bbox.center(), end.bbox.center());
        ((to.x - from.x) / secs, (to.y - from.y) / secs)
    });
    let most = MAX_DRIFT * end.bbox.width().max(end.bbox.height());
    let mut coasted = Vec::new();
    let mut frame = end.frame;
    loop {
        let next = match way {
            // A frame that begins a scene is the first that its faces are in.
            Way::Back if timeline.cuts[frame] => None,
            Way::Back => frame.checked_sub(1),
            Way::On => Some(frame + 1).filter(|at| *at < timeline.len() && !timeline.cuts[*at]),
        };
        let Some(next) = next else {
            return coasted;
        };
        let secs = timeline.secs_between(end.frame, next);
        if secs > COAST_SECS && end.frame.abs_diff(next) > MIN_COAST_FRAMES {
            return coasted;
        }
        frame = next;
        let drift = |velocity: f32| (velocity * secs as f32).clamp(-most, most);
        let gone_on = moved(&end.bbox, drift(velocity.0), drift(velocity.1));
        let both = union(&end.bbox, &gone_on);
        coasted.push(Mark {
            frame,
            bbox: with_margin(&both, (WIDER_PER_SEC * secs) as f32),
        });
    }
}

fn union(a: &BBox, b: &BBox) -> BBox {
    let (left, top) = (a.left().min(b.left()), a.top().min(b.top()));
    let (right, bottom) = (a.right().max(b.right()), a.bottom().max(b.bottom()));
    BBox::new(left, top, right - left, bottom - top).unwrap_or(*a)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::find_me::Likeness;

    fn timeline(n: usize, cuts: &[usize]) -> Timeline {
        let mut timeline = Timeline::default();
        for frame in 0..n {
            timeline.push(frame as f64 / 25.0, cuts.contains(&frame));
        }
        timeline
    }

    fn mark(frame: usize, left: f32) -> Mark {
        Mark {
            frame,
            bbox: BBox::new(left, 20.0, 40.0, 50.0).unwrap(),
        }
    }

    proptest! {
        /// A face that moves evenly is inside what is covered in every frame, seen or missed.
        #[test]
        fn missed_frames_are_covered(
            seen in prop::collection::btree_set(0_usize..60, 2..20), speed in -6.0_f32..6.0,
        ) {
            let marks: Vec<Mark> = seen.iter().map(|f| mark(*f, 200.0 + speed * *f as f32)).collect();
            let (first, last) = (marks[0].frame, marks[marks.len() - 1].frame);
            let frames = plan(&[Track { marks }], &timeline(60, &[]), &BTreeMap::new(), 0.25);
            for (frame, plan) in frames.iter().enumerate() {
                if frame + 12 < first || frame > last + 12 {
                    continue;
                }
                let face = mark(frame, 200.0 + speed * frame as f32).bbox;
                let shared = plan.covered.first().map_or(0.0, |place| place.area.intersection(&face));
                prop_assert!(shared >= face.area() * 0.99, "frame {frame}: {plan:?}");
            }
        }
    }

    #[test]
    fn coasting_stays_within_its_scene() {
        let track = Track {
            marks: vec![mark(20, 100.0), mark(21, 100.0)],
        };
        let frames = plan(&[track], &timeline(60, &[19, 25]), &BTreeMap::new(), 0.25);
        let covered: Vec<usize> = (0..60)
            .filter(|at| !frames[*at].covered.is_empty())
            .collect();
        assert_eq!(covered, [19, 20, 21, 22, 23, 24]);
    }

    #[test]
    fn who_agreed_is_seen_where_that_is_sure_and_covered_elsewhere() {
        let track = Track {
            marks: (0..60).map(|frame| mark(frame, 100.0)).collect(),
        };
        let samples = Samples(vec![(0.0, Likeness::Found), (1.0, Likeness::Other)]);
        let samples = BTreeMap::from([(0, samples)]);
        let frames = plan(&[track], &timeline(60, &[]), &samples, 0.25);
        assert!(frames[0].covered.is_empty() && frames[0].shown.len() == 1);
        assert!(
            frames[1..]
                .iter()
                .all(|plan| plan.shown.is_empty() && plan.covered.len() == 1)
        );
    }
}
