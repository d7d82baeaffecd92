//! Cues over a few seconds: whether anything speaks against a living face, without asking for an act.
//!
//! Cues refuse the obvious; they prove nothing. A frozen picture does not change its shape and does not blink; a screen leaves
//! its grid; a hand moves a sheet with what is printed around the face. A good recording, and a sheet held before the
//! face, show none of these: that is what the challenges are for.

use std::time::Duration;

use regard_domain::Timestamp;

use super::cues::PassiveCue;
use super::{Liveness, LivenessFault};

/// How long cues are gathered.
const DURATION: Duration = Duration::from_secs(3);

/// Longest gap between frames with exactly one face.
const MAX_GAP: Duration = Duration::from_millis(700);

/// Fewest frames that say anything.
const MIN_FRAMES: usize = 20;

/// Most frames taken in; later ones are left out. Origin: 60 a second and some to spare.
const MAX_FRAMES: usize = 240;

/// Middle of the peaks over some seconds that no face has. Origin: single pictures of faces have 12 in the middle and 20 to 32 in
/// one of a hundred (LFW, the committed clip), the middle of many far less.
const MAX_PEAK: f32 = 25.0;

/// Change of shape, in distances of the eyes, below which a picture is frozen. Middle of the frames. Origin: a man who sits
/// still has .002 in the committed clip. A sheet in a hand has as much, by the noise of the mesh: no cue against that.
const MIN_CHANGE: f32 = 0.000_6;

/// Least of what the networks may say in the middle. Origin: 5 % of the replays in the set `screen_replay` have more, and the
/// committed clip never less than .4.
const MIN_NETWORK: f32 = 0.2;

/// Part of its usual opening below which an eye is shut, and from which it is open again.
const SHUT: f32 = 0.7;
const OPEN: f32 = 0.85;

/// How far a face has to have moved in all, in its widths, for its surroundings to say something; how much of that
/// they have to follow, and how closely, to count as one with it.
const MIN_PATH: f32 = 0.25;
const FOLLOWING: f32 = 0.6;
const CLOSELY: f32 = 0.8;

/// Where the camera is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CameraHold {
    /// On a wall or a desk: what moves in the picture moves in the room.
    Fixed,
    /// In a hand: everything moves, and movement of what is around the face says nothing.
    InHand,
}

/// Passive cues over a few seconds: a state machine of measurements and times.
///
/// # Privacy
/// Holds figures about frames. Lives for one attempt.
#[derive(Debug)]
pub struct PassiveCheck {
    hold: CameraHold,
    begun: Option<Timestamp>,
    last_seen: Option<Timestamp>,
    is_lost: bool,
    cues: Vec<PassiveCue>,
}

/// What cues over a few seconds say: figures behind the verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PassiveAnswer {
    /// Middle of the peaks of the spectrum.
    pub peak: f32,
    /// Middle of the changes of shape.
    pub change: f32,
    /// Times that the eyes shut and opened again.
    pub n_blinks: u32,
    /// How far the face moved in all, in its widths.
    pub path: f32,
    /// How much of the face's movement its surroundings follow, and the correlation.
    pub following: f32,
    /// See `following`.
    pub correlation: f32,
    /// Middle of what the networks said; `None` without them.
    pub network: Option<f32>,
}

impl PassiveCheck {
    /// A check that has seen nothing.
    pub const fn new(hold: CameraHold) -> Self {
        Self {
            hold,
            begun: None,
            last_seen: None,
            is_lost: false,
            cues: Vec::new(),
        }
    }

    /// A frame with its capture time; `None` where not exactly one face was in it.
    pub fn observe(&mut self, at: Timestamp, cue: Option<&PassiveCue>) {
        self.begun.get_or_insert(at);
        let last_seen = *self.last_seen.get_or_insert(at);
        if at < last_seen {
            return;
        }
        self.is_lost |= at.saturating_since(last_seen) > MAX_GAP;
        if let Some(cue) = cue {
            self.last_seen = Some(at);
            if self.cues.len() < MAX_FRAMES {
                self.cues.push(*cue);
            }
        }
    }

    /// Whether it is passed, at this time.
    pub fn verdict(&self, now: Timestamp) -> Liveness {
        let (Some(begun), Some(last_seen)) = (self.begun, self.last_seen) else {
            return Liveness::Pending;
        };
        if self.is_lost || now.saturating_since(last_seen) > MAX_GAP {
            return Liveness::Failed(vec![LivenessFault::FaceLost]);
        }
        if now.saturating_since(begun) < DURATION {
            return Liveness::Pending;
        }
        if self.cues.len() < MIN_FRAMES {
            return Liveness::Failed(vec![LivenessFault::TooFewFrames]);
        }
        let faults = self.answer().faults(self.hold);
        if faults.is_empty() {
            Liveness::Passed
        } else {
            Liveness::Failed(faults)
        }
    }

    /// What the cues say so far.
    pub fn answer(&self) -> PassiveAnswer {
        let shifts: Vec<([f32; 2], [f32; 2])> = self.cues.iter().filter_map(|c| c.shifts).collect();
        let (following, correlation) = follow(&shifts);
        PassiveAnswer {
            peak: middle(self.cues.iter().map(|c| c.peak)).unwrap_or(0.0),
            change: middle(self.cues.iter().filter_map(|c| c.change)).unwrap_or(0.0),
            n_blinks: blinks(self.cues.iter().filter_map(|c| c.eye_opening)),
            path: shifts.iter().map(|(face, _)| face[0].hypot(face[1])).sum(),
            following,
            correlation,
            network: middle(self.cues.iter().filter_map(|c| c.network)),
        }
    }
}

impl PassiveAnswer {
    /// What speaks against a living face; empty: nothing.
    pub fn faults(&self, hold: CameraHold) -> Vec<LivenessFault> {
        let is_one = hold == CameraHold::Fixed
            && self.path >= MIN_PATH
            && self.following >= FOLLOWING
            && self.correlation >= CLOSELY;
        let checks = [
            (self.peak > MAX_PEAK, LivenessFault::Moire),
            (is_one, LivenessFault::MovesWithBackground),
            (
                self.change < MIN_CHANGE && self.n_blinks == 0,
                LivenessFault::Still,
            ),
            (
                self.network.is_some_and(|p| p < MIN_NETWORK),
                LivenessFault::Network,
            ),
        ];
        checks
            .into_iter()
            .filter(|(is_fault, _)| *is_fault)
            .map(|(_, fault)| fault)
            .collect()
    }
}

/// The value in the middle.
fn middle(values: impl Iterator<Item = f32>) -> Option<f32> {
    let mut values: Vec<f32> = values.collect();
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Slope and correlation of the second movement over the first.
fn follow(shifts: &[([f32; 2], [f32; 2])]) -> (f32, f32) {
    let (mut ff, mut fa, mut aa) = (0.0, 0.0, 0.0);
    for (face, around) in shifts {
        for (f, a) in face.iter().zip(around) {
            ff += f * f;
            fa += f * a;
            aa += a * a;
        }
    }
    if ff <= 0.0 || aa <= 0.0 {
        return (0.0, 0.0);
    }
    (fa / ff, fa / (ff * aa).sqrt())
}

/// How often an opening falls far below its middle and comes back.
fn blinks(openings: impl Iterator<Item = f32>) -> u32 {
    let openings: Vec<f32> = openings.collect();
    let Some(usual) = middle(openings.iter().copied()) else {
        return 0;
    };
    let (mut n, mut is_shut) = (0, false);
    for opening in openings {
        if opening < SHUT * usual {
            is_shut = true;
        } else if is_shut && opening > OPEN * usual {
            is_shut = false;
            n += 1;
        }
    }
    n
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVE: PassiveCue = PassiveCue {
        peak: 15.0,
        detail: -2.0,
        shifts: Some(([0.01, 0.0], [0.0, 0.0])),
        change: Some(0.006),
        eye_opening: Some(0.3),
        network: None,
    };

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + millis)
    }

    fn verdict(hold: CameraHold, cue: impl Fn(i64) -> Option<PassiveCue>) -> Liveness {
        let mut check = PassiveCheck::new(hold);
        for frame in 0..46 {
            check.observe(at(frame * 66), cue(frame).as_ref());
        }
        check.verdict(at(3_010))
    }

    fn failed(fault: LivenessFault) -> Liveness {
        Liveness::Failed(vec![fault])
    }

    #[test]
    fn each_cue_has_its_fault() {
        use CameraHold::{Fixed, InHand};
        assert_eq!(verdict(Fixed, |_| Some(LIVE)), Liveness::Passed);
        let grid = PassiveCue {
            peak: 200.0,
            ..LIVE
        };
        assert_eq!(verdict(Fixed, |_| Some(grid)), failed(LivenessFault::Moire));
        let still = PassiveCue {
            change: Some(0.000_2),
            ..LIVE
        };
        assert_eq!(
            verdict(Fixed, |_| Some(still)),
            failed(LivenessFault::Still)
        );
        // A blink is enough.
        let blinking = |frame| {
            let eye_opening = Some(if frame == 20 { 0.1 } else { 0.3 });
            Some(PassiveCue {
                eye_opening,
                ..still
            })
        };
        assert_eq!(verdict(Fixed, blinking), Liveness::Passed);
        let together = PassiveCue {
            shifts: Some(([0.02, 0.01], [0.019, 0.01])),
            ..LIVE
        };
        let fault = failed(LivenessFault::MovesWithBackground);
        assert_eq!(verdict(Fixed, |_| Some(together)), fault);
        assert_eq!(verdict(InHand, |_| Some(together)), Liveness::Passed);
        let fake = PassiveCue {
            network: Some(0.1),
            ..LIVE
        };
        assert_eq!(
            verdict(Fixed, |_| Some(fake)),
            failed(LivenessFault::Network)
        );
    }

    #[test]
    fn time_and_frames_have_to_suffice() {
        let mut check = PassiveCheck::new(CameraHold::Fixed);
        assert_eq!(check.verdict(at(9_000)), Liveness::Pending);
        check.observe(at(0), Some(&LIVE));
        assert_eq!(check.verdict(at(600)), Liveness::Pending);
        assert_eq!(check.verdict(at(1_000)), failed(LivenessFault::FaceLost));
        for frame in 1..7 {
            check.observe(at(frame * 500), Some(&LIVE));
        }
        assert_eq!(
            check.verdict(at(3_100)),
            failed(LivenessFault::TooFewFrames)
        );
        check.observe(at(4_500), Some(&LIVE));
        assert_eq!(check.verdict(at(4_500)), failed(LivenessFault::FaceLost));
    }
}
