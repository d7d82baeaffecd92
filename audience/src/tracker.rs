//! Detections become tracks: two-stage association in the line of ByteTrack.

use std::time::Duration;

use rand::CryptoRng;
use regard_domain::{BBox, FrameSize, Score, Timestamp, TrackId};
use thiserror::Error;

use crate::assignment::{Costs, assign};
use crate::kalman::{BoxFilter, Motion};
use crate::{BadSettings, Track, TrackState, TrackerSettings};

/// Tracks of one camera at a time. When full, the lost track unseen for longest gives way to a new
/// one; when none is lost, a new detection begins no track.
pub const MAX_TRACKS: usize = 128;

/// Detections of one frame that are looked at; of more, those with the smallest scores go.
pub const MAX_DETECTIONS: usize = 256;

/// How long a track may be resumed after its last detection: the law's gap. Two seconds still count.
const RESUME_WITHIN: Duration = Duration::from_secs(2);

/// A pause between frames from which even a track of the last frame counts as interrupted: three
/// frames missing at 5 frames/s, the slowest camera that tracking is meant for.
const STALL: Duration = Duration::from_millis(600);

/// Squared Mahalanobis distance past which a detection cannot belong to a track:
/// 95 % quantile of the chi-squared distribution with 4 degrees of freedom.
const GATING_DISTANCE: f64 = 9.4877;

/// Overlap from which a detection may belong to a track: as in SORT.
const MIN_IOU: f64 = 0.3;

/// Most that boxes are grown on each side for tracks of unsure position, in heights: the larger of
/// the buffers in C-BIoU (Yang et al. 2023).
const MAX_MARGIN: f64 = 0.5;

/// One detected box; the tracker needs no more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    /// Box in frame pixels.
    pub bbox_in_frame: BBox,
    /// Raw detector output.
    pub score: Score,
}

/// A frame that cannot be tracked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum StepError {
    /// The frame is not newer than the one before.
    #[error("frame is not newer than the last one")]
    Late {
        /// Capture time of the last frame.
        last: Timestamp,
        /// Capture time of this one.
        at: Timestamp,
    },
    /// The sighting is of another camera.
    #[error("sighting is of another camera")]
    OtherCamera,
}

/// What one frame changed.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// For each detection, in the order given, the track it belongs to; `None` when ignored.
    pub tracks: Vec<Option<TrackId>>,
    /// Tracks confirmed by this frame, in order of their numbers.
    pub confirmed: Vec<TrackId>,
    /// Tracks that ended, in order of birth; tentative ones included.
    pub ended: Vec<Track>,
}

/// The tracks of one camera.
#[derive(Clone, Debug)]
pub struct Tracker {
    settings: TrackerSettings,
    tracks: Vec<Track>,
    last_at: Option<Timestamp>,
    n_confirmed: u64,
}

impl Tracker {
    /// A tracker without tracks.
    ///
    /// # Errors
    /// [`BadSettings`] when a setting is out of range.
    pub fn new(settings: TrackerSettings) -> Result<Self, BadSettings> {
        Ok(Self {
            settings: settings.checked()?,
            tracks: Vec::new(),
            last_at: None,
            n_confirmed: 0,
        })
    }

    /// Takes the detections of one frame, in any order, and says which track each belongs to.
    ///
    /// # Errors
    /// [`StepError::Late`] when the frame is not newer than the last; nothing has changed then.
    /// A clock set back by more than two seconds is no error: all tracks end.
    pub fn step(
        &mut self,
        detections: &[Detection],
        at: Timestamp,
        frame_size: FrameSize,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Step, StepError> {
        let mut step = Step {
            tracks: vec![None; detections.len()],
            ..Step::default()
        };
        if let Some(last) = self.last_at.filter(|last| at <= *last) {
            if last.saturating_since(at) <= RESUME_WITHIN {
                return Err(StepError::Late { last, at });
            }
            step.ended = self.close();
        }
        self.predict(at);
        self.last_at = Some(at);
        self.end_where(&mut step, |track| {
            at.saturating_since(track.seen_at) > RESUME_WITHIN
                || track.filter.bbox().is_none()
                || (is_gap(track, at) && has_left(&track.filter, frame_size))
        });
        let mut round = Round::new(detections, &self.settings, self.tracks.len());
        self.associate(&mut round);
        self.update(&round, detections, at);
        for (track, detection) in self.tracks.iter().zip(&round.detection_of) {
            if let Some(detection) = *detection {
                step.tracks[detection] = Some(track.id);
            }
        }
        self.end_where(&mut step, |track| {
            track.seen_at < at
                && (track.state == TrackState::Tentative || has_left(&track.filter, frame_size))
        });
        for index in round.high {
            if round.taken[index] || !self.make_room(&mut step, at) {
                continue;
            }
            let id = self.begin(&detections[index], at, rng);
            step.tracks[index] = Some(id);
        }
        self.confirm(&mut step);
        Ok(step)
    }

    fn predict(&mut self, at: Timestamp) {
        let Some(last) = self.last_at else { return };
        let secs = at.saturating_since(last).as_secs_f64();
        for track in &mut self.tracks {
            track.filter.predict(secs);
        }
    }

    /// Ends the tracks of which `ends` is true.
    fn end_where(&mut self, step: &mut Step, ends: impl Fn(&Track) -> bool) {
        step.ended
            .extend(self.tracks.extract_if(.., |track| ends(track)));
    }

    /// High scores with tracks that count, low scores with those of them that were just seen,
    /// and what is left of the high scores with tentative tracks.
    ///
    /// # Source
    /// Zhang et al. 2022 (ByteTrack), algorithm 1.
    fn associate(&self, round: &mut Round) {
        let of = |wanted: &[TrackState]| -> Vec<usize> {
            (0..self.tracks.len())
                .filter(|index| wanted.contains(&self.tracks[*index].state))
                .collect()
        };
        let counting = of(&[TrackState::Confirmed, TrackState::Lost]);
        let (high, low) = (round.high.clone(), round.low.clone());
        self.pair(round, &counting, &high, Reach::Overlap);
        self.pair(round, &of(&[TrackState::Confirmed]), &low, Reach::Overlap);
        let tentative = of(&[TrackState::Tentative]);
        self.pair(round, &tentative, &high, Reach::Overlap);
        let seen = of(&[TrackState::Tentative, TrackState::Confirmed]);
        self.pair(round, &seen, &high, Reach::Grown);
    }

    /// Pairs those of the given tracks and detections that are still free.
    fn pair(&self, round: &mut Round, tracks: &[usize], detections: &[usize], reach: Reach) {
        let tracks: Vec<usize> = tracks
            .iter()
            .copied()
            .filter(|index| round.detection_of[*index].is_none())
            .collect();
        let free: Vec<usize> = detections
            .iter()
            .copied()
            .filter(|index| !round.taken[*index])
            .collect();
        let costs = Costs::from_fn(tracks.len(), free.len(), |row, column| {
            let bbox = &round.boxes[free[column]];
            let filter = &self.tracks[tracks[row]].filter;
            cost(filter, bbox, reach)
        });
        for (row, column) in assign(&costs, 1.0 - MIN_IOU).into_iter().enumerate() {
            if let Some(column) = column {
                round.detection_of[tracks[row]] = Some(free[column]);
                round.taken[free[column]] = true;
            }
        }
    }

    fn update(&mut self, round: &Round, detections: &[Detection], at: Timestamp) {
        for (track, detection) in self.tracks.iter_mut().zip(&round.detection_of) {
            match (detection, track.state) {
                (Some(index), state) => {
                    let detection = &detections[*index];
                    track.filter.correct(&detection.bbox_in_frame);
                    track.score = detection.score;
                    track.seen_at = at;
                    track.n_hits = track.n_hits.saturating_add(1);
                    if state == TrackState::Lost {
                        track.state = TrackState::Confirmed;
                    }
                }
                (None, TrackState::Confirmed) => track.state = TrackState::Lost,
                (None, TrackState::Tentative | TrackState::Lost) => {}
            }
        }
    }

    /// Whether one more track may begin, after one has given way if need be.
    fn make_room(&mut self, step: &mut Step, at: Timestamp) -> bool {
        if self.tracks.len() < MAX_TRACKS {
            return true;
        }
        let oldest = |wanted: TrackState| {
            self.tracks
                .iter()
                .enumerate()
                .filter(|(_, track)| track.state == wanted && track.seen_at < at)
                .min_by_key(|(index, track)| (track.seen_at, *index))
                .map(|(index, _)| index)
        };
        match oldest(TrackState::Lost) {
            Some(index) => {
                step.ended.push(self.tracks.remove(index));
                true
            }
            None => false,
        }
    }

    fn begin(
        &mut self,
        detection: &Detection,
        at: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> TrackId {
        let id = TrackId::random(rng);
        self.tracks.push(Track {
            id,
            number: None,
            state: TrackState::Tentative,
            filter: BoxFilter::begin(
                &detection.bbox_in_frame,
                Motion::of_height_meters(self.settings.subject_height_meters),
            ),
            score: detection.score,
            born_at: at,
            seen_at: at,
            n_hits: 1,
        });
        id
    }

    fn confirm(&mut self, step: &mut Step) {
        for track in &mut self.tracks {
            let sure = track.n_hits >= self.settings.confirming_hits
                || track.score.get() >= self.settings.sure_score;
            if track.state == TrackState::Tentative && sure {
                track.state = TrackState::Confirmed;
                self.n_confirmed += 1;
                track.number = Some(self.n_confirmed);
                step.confirmed.push(track.id);
            }
        }
    }

    /// All tracks, in order of birth.
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// Where each track is expected at `at`, in order of birth; for detection in regions.
    pub fn predicted_boxes(&self, at: Timestamp) -> Vec<(TrackId, BBox)> {
        let Some(last) = self.last_at else {
            return Vec::new();
        };
        let secs = at.saturating_since(last).as_secs_f64();
        self.tracks
            .iter()
            .filter_map(|track| {
                let mut filter = track.filter;
                filter.predict(secs);
                Some((track.id, filter.bbox()?))
            })
            .collect()
    }

    /// Ends all tracks and returns them, in order of birth; ids go on being fresh.
    pub fn close(&mut self) -> Vec<Track> {
        std::mem::take(&mut self.tracks)
    }
}

/// Whether nobody has watched the track since the frame before, so that going on would be resuming.
fn is_gap(track: &Track, at: Timestamp) -> bool {
    track.state == TrackState::Lost || at.saturating_since(track.seen_at) > STALL
}

/// Whether the box is expected to be out of the frame: its middle is.
fn has_left(filter: &BoxFilter, frame_size: FrameSize) -> bool {
    let Some(bbox) = filter.bbox() else {
        return true;
    };
    let center = bbox.center();
    !(0.0..=frame_size.width as f32).contains(&center.x)
        || !(0.0..=frame_size.height as f32).contains(&center.y)
}

/// How far a track reaches for a detection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// The boxes as they are.
    Overlap,
    /// Both boxes grown by how unsure the track's centre is.
    Grown,
}

/// One minus the overlap of where the track is expected with the detection; infinite past the gate.
fn cost(filter: &BoxFilter, bbox: &BBox, reach: Reach) -> f64 {
    if filter.distance2(bbox) > GATING_DISTANCE {
        return f64::INFINITY;
    }
    let margin = match reach {
        Reach::Overlap => 0.0,
        Reach::Grown => filter.center_sd_ratio().min(MAX_MARGIN) as f32,
    };
    let pair = filter.bbox().and_then(|expected| {
        let margin = margin * expected.height();
        Some((grown(&expected, margin)?, grown(bbox, margin)?))
    });
    pair.map_or(f64::INFINITY, |(expected, bbox)| {
        1.0 - f64::from(expected.iou(&bbox))
    })
}

fn grown(bbox: &BBox, margin_px: f32) -> Option<BBox> {
    BBox::new(
        bbox.left() - margin_px,
        bbox.top() - margin_px,
        bbox.width() + 2.0 * margin_px,
        bbox.height() + 2.0 * margin_px,
    )
}

/// The detections of one frame on their way to tracks.
struct Round {
    boxes: Vec<BBox>,
    /// Indices of detections that may begin a track, greatest score first.
    high: Vec<usize>,
    /// Indices of detections that may only continue one, greatest score first.
    low: Vec<usize>,
    taken: Vec<bool>,
    /// For each track, the detection it got.
    detection_of: Vec<Option<usize>>,
}

impl Round {
    /// Sorts by what the detections are, not by where they stood, so that order has no effect.
    fn new(detections: &[Detection], settings: &TrackerSettings, n_tracks: usize) -> Self {
        let key = |index: &usize| {
            let Detection {
                bbox_in_frame: b,
                score,
            } = &detections[*index];
            [-score.get(), b.left(), b.top(), b.width(), b.height()]
        };
        let mut order: Vec<usize> = (0..detections.len()).collect();
        order.sort_by(|a, b| {
            let (a, b) = (key(a), key(b));
            a.iter()
                .zip(&b)
                .map(|(a, b)| a.total_cmp(b))
                .find(|order| order.is_ne())
                .unwrap_or(std::cmp::Ordering::Equal)
        });
        order.truncate(MAX_DETECTIONS);
        let score = |index: &usize| detections[*index].score.get();
        let (high, rest): (Vec<usize>, Vec<usize>) = order
            .into_iter()
            .partition(|index| score(index) >= settings.high_score);
        Self {
            boxes: detections.iter().map(|d| d.bbox_in_frame).collect(),
            high,
            low: rest
                .into_iter()
                .filter(|index| score(index) >= settings.low_score)
                .collect(),
            taken: vec![false; detections.len()],
            detection_of: vec![None; n_tracks],
        }
    }
}
