//! Which examples teach, which calibrate, which test.

use super::chance::Chance;

/// Share of the examples that teach.
const TAUGHT: f64 = 0.6;

/// Share that calibrates: what a promise rests on.
const CALIBRATING: f64 = 0.25;

/// Fewest examples that teach a class.
const LEAST_A_CLASS: usize = 2;

/// Numbers of examples, by what they are for. Sorted, so that a spool is read in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Split {
    pub(super) taught: Vec<u32>,
    pub(super) calibrating: Vec<u32>,
    pub(super) testing: Vec<u32>,
    /// Examples that were drawn to calibrate and had to teach, since their class had too few. Where there are any, the
    /// calibration is not drawn purely at random.
    pub(super) n_moved: usize,
}

impl Split {
    /// Draws without looking at classes: what calibrates is then as likely as what comes. Only a class left with fewer than
    /// two examples that teach gets some back, from those that would test where possible.
    pub(super) fn draw(labels: &[u32], n_classes: usize, seed: u64) -> Self {
        let n = labels.len();
        let mut order: Vec<u32> = (0..n as u32).collect();
        Chance::new(seed, 1).shuffle(&mut order);
        let n_taught = (n as f64 * TAUGHT).round() as usize;
        let n_calibrating = (n as f64 * CALIBRATING).round() as usize;
        let mut taught = order[..n_taught].to_vec();
        let mut calibrating = order[n_taught..(n_taught + n_calibrating).min(n)].to_vec();
        let mut testing = order[(n_taught + n_calibrating).min(n)..].to_vec();
        let mut counts = vec![0; n_classes];
        for index in &taught {
            counts[labels[*index as usize] as usize] += 1;
        }
        let mut give_back = |pool: &mut Vec<u32>| {
            let before = pool.len();
            pool.retain(|index| {
                let count = &mut counts[labels[*index as usize] as usize];
                let is_wanted = *count < LEAST_A_CLASS;
                if is_wanted {
                    *count += 1;
                    taught.push(*index);
                }
                !is_wanted
            });
            before - pool.len()
        };
        give_back(&mut testing);
        let n_moved = give_back(&mut calibrating);
        for part in [&mut taught, &mut calibrating, &mut testing] {
            part.sort_unstable();
        }
        Self {
            taught,
            calibrating,
            testing,
            n_moved,
        }
    }

    /// How many photographs are needed in all for so many that calibrate.
    pub(super) fn n_for_calibrating(n: usize) -> usize {
        (n as f64 / CALIBRATING).ceil() as usize
    }

    /// How many photographs there are in all where so many teach.
    pub(super) fn n_for_taught(n: f64) -> f64 {
        n / TAUGHT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyone_is_used_once_and_every_class_is_taught() {
        for seed in 0..200 {
            let labels: Vec<u32> = (0..17).map(|i| i % 3).chain([3; 5]).collect();
            let split = Split::draw(&labels, 4, seed);
            let mut all = [&split.taught[..], &split.calibrating, &split.testing].concat();
            all.sort_unstable();
            assert_eq!(all, (0..22).collect::<Vec<u32>>());
            for class in 0..4 {
                let n = split
                    .taught
                    .iter()
                    .filter(|i| labels[**i as usize] == class)
                    .count();
                assert!(n >= 2, "seed {seed}, class {class}");
            }
        }
    }

    #[test]
    fn shares_are_as_they_are_said() {
        let labels = vec![0; 10_000];
        let split = Split::draw(&labels, 1, 3);
        let sizes = [&split.taught, &split.calibrating, &split.testing].map(Vec::len);
        assert_eq!((sizes, split.n_moved), ([6_000, 2_500, 1_500], 0));
        assert_eq!(Split::n_for_calibrating(99), 396);
        assert_ne!(split, Split::draw(&labels, 1, 4));
    }
}
