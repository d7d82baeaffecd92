//! How far two rows are apart: what an index of neighbours asks, pair by pair.

use crate::template::{cosine, inverse_length};

/// Sums of products of `a` with `b`, of `a` with itself and of `b` with itself.
#[inline(always)]
fn sums(a: &[i8], b: &[i8]) -> [i32; 3] {
    let mut sums = [0_i32; 3];
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (i32::from(*a), i32::from(*b));
        sums[0] += a * b;
        sums[1] += a * a;
        sums[2] += b * b;
    }
    sums
}

/// # Safety
/// The processor has AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn sums_avx2(a: &[i8], b: &[i8]) -> [i32; 3] {
    sums(a, b)
}

/// # Safety
/// None is asked for.
unsafe fn sums_portable(a: &[i8], b: &[i8]) -> [i32; 3] {
    sums(a, b)
}

type Sums = unsafe fn(&[i8], &[i8]) -> [i32; 3];

/// All that this processor can run, the fastest first.
fn all() -> Vec<Sums> {
    let mut all: Vec<Sums> = Vec::new();
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        all.push(sums_avx2);
    }
    all.push(sums_portable);
    all
}

/// One less the cosine; of nothing, as far as can be.
fn distance(run: Sums, a: &[i8], b: &[i8]) -> f32 {
    // SAFETY: only functions whose instructions were found are in the list.
    let [product, a, b] = unsafe { run(a, b) };
    if a == 0 || b == 0 {
        return 1.0;
    }
    1.0 - cosine(product, inverse_length(a), inverse_length(b)).get()
}

/// A function of two rows.
pub(crate) type Metric = Box<dyn Fn(*const i8, *const i8) -> f32 + Send + Sync>;

/// One less the cosine of two rows of `dimension` numbers, for an index that hands over where they lie.
///
/// Whoever is given this may call it only with rows of so many numbers.
pub(crate) fn cosine_distance(dimension: usize) -> Metric {
    let run = all()[0];
    Box::new(move |a, b| {
        // SAFETY: the promise of who was given this: both are rows of so many numbers.
        let (a, b) = unsafe {
            (
                std::slice::from_raw_parts(a, dimension),
                std::slice::from_raw_parts(b, dimension),
            )
        };
        distance(run, a, b)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Every way of computing it against the cosine in double precision.
        #[test]
        fn every_way_measures_right(rows in proptest::collection::vec((any::<i8>(), any::<i8>()), 1..300)) {
            let (a, b): (Vec<i8>, Vec<i8>) = rows.into_iter().unzip();
            let product = |a: &[i8], b: &[i8]| -> f64 {
                a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
            };
            let lengths = (product(&a, &a) * product(&b, &b)).sqrt();
            let expected = if lengths > 0.0 { 1.0 - product(&a, &b) / lengths } else { 1.0 };
            for run in all() {
                let found = f64::from(distance(run, &a, &b));
                prop_assert!((found - expected).abs() < 1e-5, "{found} instead of {expected}");
            }
            let metric = cosine_distance(a.len());
            prop_assert_eq!(metric(a.as_ptr(), b.as_ptr()), distance(all()[0], &a, &b));
        }
    }
}
