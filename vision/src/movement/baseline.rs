//! A face at rest: what every change is measured from.

use super::series::median;
use super::unit::{N_UNITS, UnitValues};

/// Seconds to either side from which the rest is taken. Origin: long against a smile, short against how a person settles
/// in a chair.
const REACH_SECS: f64 = 20.0;

/// Seconds between two looks at it; in between it is drawn as a line.
const STEP_SECS: f64 = 1.0;

/// Fewest frames at rest that a look rests on; with fewer all of the series speaks.
const MIN_QUIET: usize = 8;

/// The rest of each frame: the median over the frames around it that are at rest. `is_quiet`: which are.
pub(super) fn baseline(times: &[f64], raw: &[UnitValues], is_quiet: &[bool]) -> Vec<UnitValues> {
    let quiet: Vec<usize> = (0..times.len()).filter(|i| is_quiet[*i]).collect();
    let all: Vec<usize> = (0..times.len()).collect();
    let whole = if quiet.is_empty() { &all } else { &quiet };
    let (Some(first), Some(last)) = (times.first(), times.last()) else {
        return Vec::new();
    };
    let n_steps = ((last - first) / STEP_SECS).ceil() as usize;
    let looks: Vec<UnitValues> = (0..=n_steps)
        .map(|step| {
            let at = first + step as f64 * STEP_SECS;
            let from = quiet.partition_point(|i| times[*i] < at - REACH_SECS);
            let to = quiet.partition_point(|i| times[*i] <= at + REACH_SECS);
            let near = &quiet[from..to];
            medians(raw, if near.len() < MIN_QUIET { whole } else { near })
        })
        .collect();
    times
        .iter()
        .map(|at| {
            let place = (at - first) / STEP_SECS;
            let step = (place as usize).min(n_steps);
            let next = (step + 1).min(n_steps);
            let share = (place - step as f64).clamp(0.0, 1.0) as f32;
            std::array::from_fn(|unit| {
                looks[step][unit] + (looks[next][unit] - looks[step][unit]) * share
            })
        })
        .collect()
}

fn medians(raw: &[UnitValues], of: &[usize]) -> UnitValues {
    let mut column = Vec::with_capacity(of.len());
    let mut medians = [0.0; N_UNITS];
    for (unit, into) in medians.iter_mut().enumerate() {
        column.clear();
        column.extend(of.iter().map(|i| raw[*i][unit]));
        *into = median(&mut column).unwrap_or_default();
    }
    medians
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_movement_does_not_move_the_rest_and_a_slow_drift_does() {
        let times: Vec<f64> = (0..3_000).map(|i| f64::from(i) * 0.04).collect();
        let drift = |at: f64| (at * 0.001) as f32;
        let moves = |at: f64| (10.0..14.0).contains(&(at % 30.0));
        let raw: Vec<UnitValues> = times
            .iter()
            .map(|at| [drift(*at) + if moves(*at) { 1.0 } else { 0.0 }; N_UNITS])
            .collect();
        let is_quiet: Vec<bool> = times.iter().map(|at| !moves(*at)).collect();
        let rest = baseline(&times, &raw, &is_quiet);
        for (at, rest) in times
            .iter()
            .zip(&rest)
            .filter(|(at, _)| (20.0..100.0).contains(*at))
        {
            assert!((rest[3] - drift(*at)).abs() < 0.006, "{at} {}", rest[3]);
        }
        // Where nothing is quiet, the whole series speaks.
        let none = baseline(&times, &raw, &vec![false; times.len()]);
        assert!(none[0][0] < 0.2);
        assert!(baseline(&[], &[], &[]).is_empty());
    }
}
