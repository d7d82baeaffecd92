//! What the places of a face did over time, on an even grid.

use regard_domain::Timestamp;

use super::super::series::{median, secs_from};
use super::place::N_PLACES;

/// What one frame shows of the places.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Instant {
    pub(super) at: Timestamp,
    /// How far each place is from where it was at the beginning, right and down, in distances between the outer eye corners;
    /// not a number where it was not found.
    pub(super) places: [[f32; 2]; N_PLACES],
    /// How much both eyes have changed; grows when the lids close.
    pub(super) eye_change: f32,
    /// How far the head went since the frame before, in eye distances.
    pub(super) head_step: f32,
    /// Nothing is known of what was before.
    pub(super) begins: bool,
}

impl Instant {
    pub(super) const fn beginning(at: Timestamp) -> Self {
        Self {
            at,
            places: [[0.0; 2]; N_PLACES],
            eye_change: 0.0,
            head_step: 0.0,
            begins: true,
        }
    }
}

/// A stretch without a gap, on a grid of even steps.
#[derive(Clone, Debug)]
pub(super) struct Stretch {
    pub(super) first: Timestamp,
    pub(super) step_secs: f64,
    /// Of each place, both axes in turn.
    pub(super) places: Vec<[[f32; 2]; N_PLACES]>,
    pub(super) eye_change: Vec<f32>,
    /// In eye distances a second.
    pub(super) head_speed: Vec<f32>,
}

impl Stretch {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn secs(&self) -> f64 {
        self.len() as f64 * self.step_secs
    }

    /// The time of a place on the grid.
    pub(super) fn at(&self, place: f64) -> Timestamp {
        let micros = (place * self.step_secs * 1e6).round() as i64;
        Timestamp::from_micros(self.first.as_micros() + micros)
    }
}

/// Longest gap between frames that is bridged, in usual gaps.
const MAX_GAP: f64 = 2.5;

/// Shortest stretch that is looked at, in seconds: a movement of half a second and rest to either side.
const MIN_STRETCH_SECS: f64 = 1.0;

/// Cuts what was seen at its gaps and lays it on a grid whose step is the usual gap.
pub(super) fn stretches(instants: &[Instant]) -> Vec<Stretch> {
    let mut gaps: Vec<f32> = instants
        .windows(2)
        .map(|pair| secs_from(pair[0].at, pair[1].at) as f32)
        .collect();
    let Some(step) = median(&mut gaps).map(f64::from).filter(|step| *step > 0.0) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut from = 0;
    for i in 1..=instants.len() {
        let is_end = i == instants.len()
            || instants[i].begins
            || secs_from(instants[i - 1].at, instants[i].at) > MAX_GAP * step;
        if is_end {
            let part = &instants[from..i];
            from = i;
            let secs = part
                .last()
                .map_or(0.0, |last| secs_from(part[0].at, last.at));
            if secs >= MIN_STRETCH_SECS {
                found.push(on_grid(part, step, secs));
            }
        }
    }
    found
}

fn on_grid(part: &[Instant], step: f64, secs: f64) -> Stretch {
    let n = (secs / step + 1e-6) as usize + 1;
    let first = part[0].at;
    let filled = filled(part);
    let mut stretch = Stretch {
        first,
        step_secs: step,
        places: Vec::with_capacity(n),
        eye_change: Vec::with_capacity(n),
        head_speed: Vec::with_capacity(n),
    };
    let mut near = 0;
    for i in 0..n {
        let at = i as f64 * step;
        while near + 2 < part.len() && secs_from(first, part[near + 1].at) <= at {
            near += 1;
        }
        let next = (near + 1).min(part.len() - 1);
        let (a, b) = (
            secs_from(first, part[near].at),
            secs_from(first, part[next].at),
        );
        let share = if b > a {
            ((at - a) / (b - a)).clamp(0.0, 1.0) as f32
        } else {
            0.0
        };
        let mix = |x: f32, y: f32| x + (y - x) * share;
        stretch.places.push(std::array::from_fn(|place| {
            std::array::from_fn(|axis| mix(filled[near][place][axis], filled[next][place][axis]))
        }));
        stretch
            .eye_change
            .push(mix(part[near].eye_change, part[next].eye_change));
        let gap = (b - a).max(step) as f32;
        stretch.head_speed.push(part[next].head_step / gap);
    }
    stretch
}

/// The places, with what was not found as it was before.
fn filled(part: &[Instant]) -> Vec<[[f32; 2]; N_PLACES]> {
    let mut last = [[0.0; 2]; N_PLACES];
    part.iter()
        .map(|instant| {
            for (last, now) in last.iter_mut().zip(instant.places) {
                if now.iter().all(|v| v.is_finite()) {
                    *last = now;
                }
            }
            last
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_cut_and_uneven_frames_are_laid_on_a_grid() {
        let mut instants = Vec::new();
        let mut at = 0_i64;
        for i in 0..300_i64 {
            // Every tenth frame comes a fifth of a gap late; after the 200th there is a pause.
            at += if i % 10 == 0 { 12_000 } else { 10_000 } + if i == 200 { 90_000 } else { 0 };
            let mut instant = Instant::beginning(Timestamp::from_micros(at));
            instant.begins = i == 0;
            instant.places[3] = [at as f32 * 1e-6, if i == 50 { f32::NAN } else { 1.0 }];
            instants.push(instant);
        }
        let found = stretches(&instants);
        assert_eq!(found.len(), 1, "the second one is too short");
        let stretch = &found[0];
        assert!((stretch.step_secs - 0.01).abs() < 1e-6);
        assert!((stretch.secs() - 2.04).abs() < 0.03, "{}", stretch.secs());
        for (i, places) in stretch.places.iter().enumerate() {
            // A ramp over time stays one.
            let expected = 0.012 + i as f32 * 0.01;
            assert!(
                (places[3][0] - expected).abs() < 1e-4,
                "{i} {}",
                places[3][0]
            );
            assert_eq!(places[3][1], 1.0);
        }
        assert_eq!(stretch.at(2.0).as_micros(), 12_000 + 20_000);
        assert!(stretches(&[]).is_empty());
    }
}
