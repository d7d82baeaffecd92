//! One step shared among threads.

use std::ops::Range;

use super::convolve::Runner;
use crate::native::kernel::{Finish, Lockers, MAX_CREW, MAX_RESIDUALS};

/// Multiplications for which it pays to share a step: some microseconds of them.
pub(super) const MIN_WORK: usize = 1 << 18;

/// Parts of a step for each thread: where one comes late, the others do more.
const PARTS_EACH: usize = 2;

/// Most parts of a step.
const MAX_PARTS: usize = MAX_CREW * PARTS_EACH;

/// Rows of a result and what they are made of.
struct Part<'a> {
    rows: Range<usize>,
    residuals: [&'a [f32]; MAX_RESIDUALS],
    plain: &'a mut [f32],
    output: &'a mut [f32],
}

impl Runner<'_> {
    /// Into how many parts that many multiplications go.
    pub(super) fn n_parts(&self, n_multiplications: usize) -> usize {
        if self.n_threads == 1 || n_multiplications < 2 * self.min_work {
            return 1;
        }
        let most = (self.n_threads * PARTS_EACH).min(MAX_PARTS);
        (n_multiplications / self.min_work).clamp(1, most)
    }

    /// Does `work` for each of so many parts of `rows`, side by side on the threads of the run.
    ///
    /// `finish` holds the rows, `row_floats` each; every part gets its own of it, and whoever does it an even share of
    /// `scratch`.
    pub(super) fn share(
        &self,
        n_parts: usize,
        (rows, row_floats): (Range<usize>, usize),
        finish: Finish<'_>,
        scratch: &mut [f32],
        work: &(impl Fn(Range<usize>, Finish<'_>, &mut [f32]) + Sync),
    ) {
        let n_parts = n_parts.min(rows.len()).min(MAX_PARTS);
        if n_parts <= 1 {
            return work(rows, finish, scratch);
        }
        let (activation, n_residuals) = (finish.activation, finish.residuals.len());
        let residuals = finish.residuals_left();
        let mut rest = (rows.start, residuals, finish.plain, finish.output);
        let parts = (1..=n_parts).map(|index| {
            let end = rows.start + rows.len() * index / n_parts;
            let floats = (end - rest.0) * row_floats;
            let mut residuals = [&[][..]; MAX_RESIDUALS];
            for (own, left) in residuals.iter_mut().zip(&mut rest.1).take(n_residuals) {
                let whole: &[f32] = left;
                (*own, *left) = whole.split_at(floats);
            }
            let plain = std::mem::take(&mut rest.2);
            let (plain, plain_left) = plain.split_at_mut(floats.min(plain.len()));
            let (output, output_left) = std::mem::take(&mut rest.3).split_at_mut(floats);
            let part = Part {
                rows: rest.0..end,
                residuals,
                plain,
                output,
            };
            (rest.0, rest.2, rest.3) = (end, plain_left, output_left);
            part
        });
        let parts: Lockers<Part<'_>, MAX_PARTS> = Lockers::new(parts);
        let room = (scratch.len() / self.n_threads).max(1);
        let rooms: Lockers<&mut [f32], MAX_CREW> = Lockers::new(scratch.chunks_exact_mut(room));
        self.crew.share(n_parts, &|index, worker| {
            let Some(part) = parts.take(index) else {
                return;
            };
            let room = rooms.take(worker).unwrap_or_default();
            let finish = Finish {
                activation,
                residuals: &part.residuals[..n_residuals],
                plain: part.plain,
                output: part.output,
            };
            work(part.rows, finish, room);
            rooms.put(worker, room);
        });
    }
}

/// Rows of several images, `per_image` each, as the rows of each image.
pub(super) fn by_image(
    rows: Range<usize>,
    per_image: usize,
) -> impl Iterator<Item = (usize, Range<usize>)> {
    let images = rows.start / per_image.max(1)..rows.end.div_ceil(per_image.max(1));
    images.map(move |image| {
        let first = image * per_image;
        let own = rows.start.max(first) - first..rows.end.min(first + per_image) - first;
        (image, own)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_in_their_images() {
        let found: Vec<_> = by_image(3..11, 4).collect();
        assert_eq!(found, [(0, 3..4), (1, 0..4), (2, 0..3)]);
        assert_eq!(
            by_image(5..5, 4).map(|(_, rows)| rows.len()).sum::<usize>(),
            0
        );
    }
}
