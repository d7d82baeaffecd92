//! Products of rows of whole numbers with probes.

use zeroize::Zeroizing;

use crate::Template;

/// Rows side by side in a block: the lanes of the widest vector.
pub(crate) const BLOCK_ROWS: usize = 16;

/// Numbers of one row that are multiplied at once.
pub(crate) const GROUP_LEN: usize = 4;

/// One group of a block: four numbers of each of sixteen rows, with 128 added.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(crate) [u8; BLOCK_ROWS * GROUP_LEN]);

impl Line {
    pub(crate) const ZERO: Self = Self([0; BLOCK_ROWS * GROUP_LEN]);
}

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
        let mut groups = Zeroizing::new(Vec::with_capacity(template.values().len().div_ceil(4)));
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

/// The products of all rows of some blocks with each probe: those of probe `i` begin at `sums[i * stride]`.
pub(crate) fn products(
    lines: &[Line],
    n_groups: usize,
    probes: &[Probe],
    stride: usize,
    sums: &mut [i32],
) {
    for (probe, sums) in probes.iter().zip(sums.chunks_exact_mut(stride)) {
        let (sums, _) = sums.as_chunks_mut::<BLOCK_ROWS>();
        for (block, sums) in lines.chunks_exact(n_groups).zip(sums) {
            *sums = [-probe.excess; BLOCK_ROWS];
            for (line, group) in block.iter().zip(probe.groups.iter()) {
                let (rows, _) = line.0.as_chunks::<GROUP_LEN>();
                for (sum, row) in sums.iter_mut().zip(rows) {
                    let products = row.iter().zip(group);
                    *sum += products
                        .map(|(q, p)| i32::from(*q) * i32::from(*p))
                        .sum::<i32>();
                }
            }
        }
    }
}
