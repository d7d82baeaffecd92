//! One step shared among threads.

use std::ops::Range;
use std::sync::OnceLock;

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::flush_to_zero;
use crate::native::kernel::{Finish, MAX_RESIDUALS};

/// Multiplications for which another thread is worth waking: some ten microseconds of them.
pub(super) const MIN_WORK: usize = 1 << 19;

/// The threads of all networks that are loaded with more than one: as many as the processor has. `None` where the
/// system gives none.
pub(super) fn pool() -> Option<&'static ThreadPool> {
    static POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();
    let built = POOL.get_or_init(|| {
        ThreadPoolBuilder::new()
            .thread_name(|index| format!("native-{index}"))
            .start_handler(|_| flush_to_zero())
            .build()
            .ok()
    });
    built.as_ref()
}

/// Does `work` for each of so many parts of `rows`, side by side on the threads of the pool this runs on.
///
/// `finish` holds the rows, `row_floats` each; every part gets its own of it, and an even share of `scratch`.
pub(super) fn share(
    n_parts: usize,
    (rows, row_floats): (Range<usize>, usize),
    finish: Finish<'_>,
    scratch: &mut [f32],
    work: &(impl Fn(Range<usize>, Finish<'_>, &mut [f32]) + Sync),
) {
    if n_parts <= 1 || rows.len() <= 1 {
        return work(rows, finish, scratch);
    }
    let n_first = n_parts / 2;
    let middle = rows.start + rows.len() * n_first / n_parts;
    let mut residuals = [[&[][..]; MAX_RESIDUALS]; 2];
    let floats = (middle - rows.start) * row_floats;
    let [first, second] = finish.split_at(floats, &mut residuals);
    let (near, far) = scratch.split_at_mut(scratch.len() / n_parts * n_first);
    rayon::join(
        || share(n_first, (rows.start..middle, row_floats), first, near, work),
        || {
            let rows = (middle..rows.end, row_floats);
            share(n_parts - n_first, rows, second, far, work);
        },
    );
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
