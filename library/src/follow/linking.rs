//! Which sightings of a video are of one face.

use regard_domain::BBox;

/// Longest time out of sight, in seconds, after which a face is still the same one.
/// Origin: as long as motion alone may resume a track (`docs/cli.md`).
const MAX_GAP_SECS: f64 = 2.0;

/// Overlap from which a sighting continues a track; across a cut, which may be a flash, only one that hardly moved does, at once.
const MIN_IOU: f32 = 0.2;
const MIN_IOU_ACROSS_CUT: f32 = 0.5;
const MAX_GAP_ACROSS_CUT_SECS: f64 = 0.25;

/// Farthest that the middle of a face moves from where it is expected, in sides of its box, in a moment and for each second
/// out of sight.
const MAX_STEP: f32 = 0.75;
const MAX_STEP_PER_SEC: f32 = 1.0;

/// Greatest change of size, as a factor.
const MAX_SIZE_FACTOR: f32 = 1.7;

/// Longest time over which a movement is thought to go on, in seconds.
const MAX_DRIFT_SECS: f64 = 0.5;

/// Where a face was at which frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Mark {
    pub(crate) frame: usize,
    pub(crate) bbox: BBox,
}

/// The sightings of one face, in order; at least one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Track {
    pub(crate) marks: Vec<Mark>,
}

/// A track that may go on.
struct Open {
    track: usize,
    last: BBox,
    at_secs: f64,
    /// Movement of the middle, in pixels a second.
    velocity: (f32, f32),
    n_cuts: usize,
}

/// Links sightings frame by frame.
#[derive(Default)]
pub(crate) struct Linker {
    tracks: Vec<Track>,
    open: Vec<Open>,
    n_cuts: usize,
}

/// When a frame is, and what it begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instant {
    pub(crate) frame: usize,
    pub(crate) time_secs: f64,
    pub(crate) is_cut: bool,
}

impl Linker {
    /// Takes the sightings of the next frame; the number of the track of each.
    pub(crate) fn step(&mut self, now: Instant, boxes: &[BBox]) -> Vec<usize> {
        self.n_cuts += usize::from(now.is_cut);
        self.open
            .retain(|open| now.time_secs - open.at_secs <= MAX_GAP_SECS);
        let mut pairs: Vec<(f32, usize, usize)> = Vec::new();
        for (at, open) in self.open.iter().enumerate() {
            for (which, bbox) in boxes.iter().enumerate() {
                if let Some(nearness) = nearness(open, bbox, now.time_secs, self.n_cuts) {
                    pairs.push((nearness, at, which));
                }
            }
        }
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        let mut continued = vec![false; self.open.len()];
        let mut of_box: Vec<Option<usize>> = vec![None; boxes.len()];
        for (_, at, which) in pairs {
            if !continued[at] && of_box[which].is_none() {
                continued[at] = true;
                of_box[which] = Some(at);
            }
        }
        let n_cuts = self.n_cuts;
        let mut numbers = Vec::with_capacity(boxes.len());
        for (bbox, at) in boxes.iter().zip(of_box) {
            let mark = Mark {
                frame: now.frame,
                bbox: *bbox,
            };
            let track = match at {
                Some(at) => {
                    let open = &mut self.open[at];
                    open.moved_to(bbox, now.time_secs);
                    open.n_cuts = n_cuts;
                    self.tracks[open.track].marks.push(mark);
                    open.track
                }
                None => {
                    self.tracks.push(Track { marks: vec![mark] });
                    self.open.push(Open {
                        track: self.tracks.len() - 1,
                        last: *bbox,
                        at_secs: now.time_secs,
                        velocity: (0.0, 0.0),
                        n_cuts,
                    });
                    self.tracks.len() - 1
                }
            };
            numbers.push(track);
        }
        numbers
    }

    /// All tracks, by number.
    pub(crate) fn into_tracks(self) -> Vec<Track> {
        self.tracks
    }
}

impl Open {
    fn moved_to(&mut self, bbox: &BBox, now_secs: f64) {
        let passed = (now_secs - self.at_secs) as f32;
        if passed > 0.0 {
            let (from, to) = (self.last.center(), bbox.center());
            // Half of the new and half of the old: boxes tremble.
            self.velocity = (
                0.5 * self.velocity.0 + 0.5 * (to.x - from.x) / passed,
                0.5 * self.velocity.1 + 0.5 * (to.y - from.y) / passed,
            );
        }
        self.last = *bbox;
        self.at_secs = now_secs;
    }

    /// Where it is by now if it goes on as it went.
    fn expected(&self, now_secs: f64) -> BBox {
        let passed = (now_secs - self.at_secs).clamp(0.0, MAX_DRIFT_SECS) as f32;
        moved(
            &self.last,
            self.velocity.0 * passed,
            self.velocity.1 * passed,
        )
    }
}

/// The box somewhere else.
pub(crate) fn moved(bbox: &BBox, dx: f32, dy: f32) -> BBox {
    BBox::new(
        bbox.left() + dx,
        bbox.top() + dy,
        bbox.width(),
        bbox.height(),
    )
    .unwrap_or(*bbox)
}

/// How likely a box continues a track: greater is nearer; nothing when it does not.
fn nearness(open: &Open, bbox: &BBox, now_secs: f64, n_cuts: usize) -> Option<f32> {
    if open.n_cuts != n_cuts {
        let iou = open.last.iou(bbox);
        let is_at_once = now_secs - open.at_secs <= MAX_GAP_ACROSS_CUT_SECS;
        return (is_at_once && iou >= MIN_IOU_ACROSS_CUT).then_some(iou);
    }
    let expected = open.expected(now_secs);
    let iou = expected.iou(bbox).max(open.last.iou(bbox));
    let side = |b: &BBox| b.width().max(b.height());
    let factor = (side(bbox) / side(&open.last)).max(side(&open.last) / side(bbox));
    let step = expected.center().distance(bbox.center()) / side(&open.last).min(side(bbox));
    let out_of_sight = (now_secs - open.at_secs) as f32;
    let reach = MAX_STEP + MAX_STEP_PER_SEC * out_of_sight;
    let is_near = factor <= MAX_SIZE_FACTOR && step <= reach;
    (iou >= MIN_IOU || is_near).then_some(iou - 0.1 * step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(left: f32, top: f32) -> BBox {
        BBox::new(left, top, 40.0, 50.0).unwrap()
    }

    fn at(frame: usize, is_cut: bool) -> Instant {
        Instant {
            frame,
            time_secs: frame as f64 / 25.0,
            is_cut,
        }
    }

    #[test]
    fn faces_that_cross_keep_their_tracks_and_gaps_are_bridged() {
        let mut linker = Linker::default();
        for frame in 0..50 {
            let x = 8.0 * frame as f32;
            let (a, b) = (face(x, 10.0), face(400.0 - x, 70.0));
            // The detector misses the first face for half a second.
            let boxes: Vec<BBox> = if (20..32).contains(&frame) {
                vec![b]
            } else {
                vec![a, b]
            };
            linker.step(at(frame, false), &boxes);
        }
        let tracks = linker.into_tracks();
        assert_eq!(tracks.len(), 2);
        assert_eq!(tracks[0].marks.len(), 38);
        assert_eq!(tracks[1].marks.len(), 50);
        assert!(tracks[1].marks.iter().all(|mark| mark.bbox.top() == 70.0));
    }

    #[test]
    fn cuts_and_long_absences_end_tracks() {
        let mut linker = Linker::default();
        assert_eq!(linker.step(at(0, false), &[face(0.0, 0.0)]), [0]);
        // Another scene, and a face a little aside.
        assert_eq!(linker.step(at(1, true), &[face(20.0, 0.0)]), [1]);
        assert_eq!(linker.step(at(2, false), &[face(21.0, 0.0)]), [1]);
        // A flash is no other scene.
        assert_eq!(linker.step(at(3, true), &[face(22.0, 0.0)]), [1]);
        assert_eq!(linker.step(at(60, false), &[face(22.0, 0.0)]), [2]);
    }
}
