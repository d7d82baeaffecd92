//! Products of rows of whole numbers with probes: all the `unsafe` of this room.
//!
//! [`products`] takes slices, checks that they are as long as the work asks for, and hands them to the kernel of this
//! processor, chosen once at run time. Each kernel is written once over [`lanes::Lanes`]; products of whole numbers are
//! exact, so that all kernels agree bit for bit.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod avx_vnni;
mod lanes;
mod lines;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(feature = "hnsw")]
mod pair;
mod scalar;

use std::sync::OnceLock;

use zeroize::Zeroizing;

use self::lanes::Work;
pub(crate) use self::lines::Lines;
#[cfg(feature = "hnsw")]
pub(crate) use self::pair::cosine_distance;
use crate::Template;

/// Rows side by side in a block: the lanes of the widest vector.
pub(crate) const BLOCK_ROWS: usize = 16;

/// Numbers of one row that are multiplied at once.
pub(crate) const GROUP_LEN: usize = 4;

/// One group of a block: four numbers of each of sixteen rows, with 128 added.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(crate) [u8; BLOCK_ROWS * GROUP_LEN]);

/// A probe as the kernels take it.
///
/// # Privacy
/// Biometric data of whoever is looked up; wiped when dropped.
pub(crate) struct Probe {
    groups: Zeroizing<Vec<[i8; GROUP_LEN]>>,
    /// What 128 times the sum of the probe's numbers adds to each product.
    excess: i32,
    inverse_length: f32,
}

impl Probe {
    pub(crate) fn new(template: &Template) -> Self {
        let group = |numbers: &[i8]| std::array::from_fn(|i| numbers.get(i).copied().unwrap_or(0));
        let n_groups = template.values().len().div_ceil(GROUP_LEN);
        let mut groups = Zeroizing::new(Vec::with_capacity(n_groups));
        groups.extend(template.values().chunks(GROUP_LEN).map(group));
        let sum: i32 = template.values().iter().map(|v| i32::from(*v)).sum();
        Self {
            groups,
            excess: 128 * sum,
            inverse_length: template.inverse_length(),
        }
    }

    pub(crate) const fn inverse_length(&self) -> f32 {
        self.inverse_length
    }
}

/// One way to compute the products.
#[derive(Clone, Copy)]
pub(crate) struct Kernel {
    name: &'static str,
    /// # Safety
    /// The processor has the instructions, and the work is as [`products_by`] checks it.
    run: unsafe fn(&mut Work<'_>),
}

impl Kernel {
    /// The fastest this processor can run.
    fn best() -> Self {
        static BEST: OnceLock<Kernel> = OnceLock::new();
        *BEST.get_or_init(|| Self::all()[0])
    }

    /// All that this processor can run, the fastest first.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        let mut add = |name, run| all.push(Self { name, run });
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx512f")
                && std::arch::is_x86_feature_detected!("avx512vnni")
            {
                add("avx512-vnni", avx512::run as unsafe fn(&mut Work<'_>));
            }
            if std::arch::is_x86_feature_detected!("avx2")
                && std::arch::is_x86_feature_detected!("avxvnni")
            {
                add("avx-vnni", avx_vnni::run);
            }
            if std::arch::is_x86_feature_detected!("avx2") {
                add("avx2", avx2::run);
            }
        }
        #[cfg(target_arch = "aarch64")]
        add("neon", neon::run as unsafe fn(&mut Work<'_>));
        add("portable", scalar::run);
        all
    }
}

/// The kernel that searches use on this processor: `avx512-vnni`, `avx-vnni`, `avx2`, `neon` or `portable`.
pub fn kernel_name() -> &'static str {
    Kernel::best().name
}

/// The products of all rows of some blocks with each probe: those of probe `i` begin at `sums[i * stride]`.
///
/// # Panics
/// When the lines are not whole blocks, a probe has another number of groups, or `sums` is too short.
pub(crate) fn products(
    lines: &[Line],
    n_groups: usize,
    probes: &[Probe],
    stride: usize,
    sums: &mut [i32],
) {
    products_by(Kernel::best(), lines, n_groups, probes, stride, sums);
}

fn products_by(
    kernel: Kernel,
    lines: &[Line],
    n_groups: usize,
    probes: &[Probe],
    stride: usize,
    sums: &mut [i32],
) {
    let n_rows = lines.len() / n_groups * BLOCK_ROWS;
    assert!(lines.len().is_multiple_of(n_groups), "not whole blocks");
    assert!(n_rows <= stride, "rows of one probe run into the next");
    assert!(probes.len() * stride <= sums.len(), "sums too short");
    assert!(
        probes.iter().all(|p| p.groups.len() == n_groups),
        "a probe of another dimension"
    );
    let mut work = Work {
        lines,
        n_groups,
        probes,
        stride,
        sums,
    };
    // SAFETY: only kernels whose instructions were found are in the list, and the lengths have just been checked.
    unsafe { (kernel.run)(&mut work) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{ModelTag, TransformId};

    fn probe(values: &[i8]) -> Option<Probe> {
        let floats: Vec<f32> = values.iter().map(|v| f32::from(*v)).collect();
        let template =
            Template::quantize(&floats, ModelTag::from_bits(0), TransformId::from_bits(0));
        template.map(|t| Probe::new(&t))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Every kernel against the sum of products in 64 bits, written down plainly.
        #[test]
        fn every_kernel_counts_right(
            n_groups in 1_usize..40, n_blocks in 1_usize..11, n_probes in 1_usize..20, seed in any::<u64>(),
        ) {
            let mut state = seed | 1;
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) as u8
            };
            let lines: Vec<Line> = (0..n_groups * n_blocks)
                .map(|_| Line(std::array::from_fn(|_| next())))
                .collect();
            let probes: Vec<Probe> = (0..n_probes)
                .map(|_| {
                    let mut values: Vec<i8> = (0..n_groups * 4).map(|_| next().cast_signed()).collect();
                    values[0] = 127;
                    probe(&values).unwrap()
                })
                .collect();
            let stride = n_blocks * BLOCK_ROWS + 3;
            let mut expected = vec![0_i32; stride * n_probes];
            for (p, probe) in probes.iter().enumerate() {
                for row in 0..n_blocks * BLOCK_ROWS {
                    let sum: i64 = (0..n_groups * 4)
                        .map(|at| {
                            let line = &lines[row / BLOCK_ROWS * n_groups + at / 4];
                            let stored = i64::from(line.0[row % BLOCK_ROWS * 4 + at % 4]) - 128;
                            stored * i64::from(probe.groups[at / 4][at % 4])
                        })
                        .sum();
                    expected[p * stride + row] = i32::try_from(sum).unwrap();
                }
            }
            for kernel in Kernel::all() {
                let mut sums = vec![0_i32; stride * n_probes];
                products_by(kernel, &lines, n_groups, &probes, stride, &mut sums);
                prop_assert!(sums == expected, "{}", kernel.name);
            }
        }
    }

    #[test]
    fn there_is_always_a_kernel() {
        let names: Vec<&str> = Kernel::all().iter().map(|k| k.name).collect();
        assert_eq!(names.last(), Some(&"portable"));
        assert_eq!(kernel_name(), names[0]);
    }

    #[test]
    #[should_panic(expected = "another dimension")]
    fn lengths_are_checked() {
        let probe = probe(&[1, 2, 3, 4, 5]).unwrap();
        products(
            &[Line([0; BLOCK_ROWS * GROUP_LEN])],
            1,
            &[probe],
            16,
            &mut [0; 16],
        );
    }
}
