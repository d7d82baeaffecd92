//! Classes by what lies in their middle: for few examples, and for telling what is like none of them.

use super::chance::Chance;
use super::linear::{Linear, add_scaled, dot, normalize};
use super::rows::{Rows, SpoolError, Table};

/// Most centres of a class. A bottle has a front and a back; more sides than these are one blur.
const MAX_CENTERS: usize = 16;

/// Examples a centre stands for, where there are more than [`MAX_CENTERS`] of them.
const EXAMPLES_A_CENTER: usize = 8;

/// Most examples of a class from which its centres are found.
const MAX_SAMPLE: usize = 2_000;

/// Most values of all centres together: 256 MB.
const MAX_CENTER_VALUES: usize = 64 << 20;

/// Times that centres move.
const N_ROUNDS: usize = 8;

/// A head whose scores are cosines to the mean of each class.
pub(super) fn prototypes(
    rows: &dyn Rows,
    chosen: &[u32],
    labels: &[u32],
    n_classes: usize,
) -> Result<Linear, SpoolError> {
    let dim = rows.dim();
    let mut weights = vec![0.0; n_classes * dim];
    rows.visit(chosen, &mut |place, row| {
        let class = labels[place] as usize;
        add_scaled(&mut weights[class * dim..][..dim], 1.0, row);
    })?;
    for mean in weights.chunks_exact_mut(dim) {
        // A class without examples keeps a score of 0.
        let _ = normalize(mean);
    }
    Ok(Linear {
        dim,
        weights,
        bias: vec![0.0; n_classes],
    })
}

/// Unit vectors in the middle of what each class looks like; how far an embedding is from the nearest tells whether it is like
/// anything that was learned.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Centers {
    pub(super) dim: usize,
    /// Where the centres of each class end, counted in centres.
    pub(super) ends: Vec<u32>,
    pub(super) values: Vec<f32>,
}

impl Centers {
    /// Finds the centres of each class among the rows named.
    pub(super) fn find(
        rows: &dyn Rows,
        chosen: &[u32],
        labels: &[u32],
        n_classes: usize,
        seed: u64,
    ) -> Result<Self, SpoolError> {
        let dim = rows.dim();
        let most = (MAX_CENTER_VALUES / (n_classes * dim).max(1)).clamp(1, MAX_CENTERS);
        let mut centers = Self {
            dim,
            ends: Vec::with_capacity(n_classes),
            values: Vec::new(),
        };
        let mut of_class: Vec<Vec<u32>> = vec![Vec::new(); n_classes];
        for (row, label) in chosen.iter().zip(labels) {
            of_class[*label as usize].push(*row);
        }
        for (class, members) in of_class.iter_mut().enumerate() {
            let mut chance = Chance::new(seed, 1_000 + class as u64);
            chance.shuffle(members);
            members.truncate(MAX_SAMPLE);
            let mut values = Vec::with_capacity(members.len() * dim);
            rows.visit(members, &mut |_, row| values.extend_from_slice(row))?;
            let table = Table::new(dim, values).unwrap_or_default();
            let n_centers = if members.len() <= most {
                members.len()
            } else {
                (members.len() / EXAMPLES_A_CENTER).clamp(1, most)
            };
            centers.values.extend(means(&table, n_centers, dim));
            let n_all = centers.values.len() / dim;
            centers.ends.push(n_all as u32);
        }
        Ok(centers)
    }

    /// How far an embedding is from each class: one less the cosine to its nearest centre, in `[0, 2]`; greater is farther.
    pub(super) fn distances(&self, row: &[f32]) -> Vec<f64> {
        let mut begin = 0;
        self.ends
            .iter()
            .map(|end| {
                let own = &self.values[begin * self.dim..*end as usize * self.dim];
                begin = *end as usize;
                let nearest = own
                    .chunks_exact(self.dim)
                    .map(|center| f64::from(dot(center, row)))
                    .fold(-1.0, f64::max);
                (1.0 - nearest).clamp(0.0, 2.0)
            })
            .collect()
    }
}

/// Spherical k-means from the first rows of the table, which are in an order drawn at random.
fn means(table: &Table, n_centers: usize, dim: usize) -> Vec<f32> {
    let n = table.n_rows();
    let mut centers: Vec<f32> = (0..n_centers).flat_map(|i| table.row(i).to_vec()).collect();
    if n_centers == n {
        return centers;
    }
    for _ in 0..N_ROUNDS {
        let mut sums = vec![0.0; centers.len()];
        for index in 0..n {
            let row = table.row(index);
            let nearest = centers
                .chunks_exact(dim)
                .map(|center| dot(center, row))
                .enumerate()
                .max_by(|(_, a), (_, b)| a.total_cmp(b))
                .map_or(0, |(index, _)| index);
            add_scaled(&mut sums[nearest * dim..][..dim], 1.0, row);
        }
        for (center, sum) in centers
            .chunks_exact_mut(dim)
            .zip(sums.chunks_exact_mut(dim))
        {
            // A centre that nobody is near stays where it was.
            if normalize(sum) {
                center.copy_from_slice(sum);
            }
        }
    }
    centers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sides_of_a_thing_are_two_centres() {
        // Front along x, back along y, each a little spread; another class along z.
        let mut values = Vec::new();
        let mut labels = Vec::new();
        let mut chance = Chance::new(2, 0);
        for index in 0..300_usize {
            let mut row = [0.0_f32; 3];
            let side = index % 3;
            row[side] = 1.0;
            for value in &mut row {
                *value += 0.1 * (chance.unit() as f32 - 0.5);
            }
            assert!(normalize(&mut row));
            values.extend(row);
            labels.push(u32::from(side == 2));
        }
        let table = Table::new(3, values).unwrap();
        let chosen: Vec<u32> = (0..300).collect();
        let centers = Centers::find(&table, &chosen, &labels, 2, 1).unwrap();
        for (row, class) in [
            ([1.0, 0.0, 0.0], 0),
            ([0.0, 1.0, 0.0], 0),
            ([0.0, 0.0, 1.0], 1),
        ] {
            let distances = centers.distances(&row);
            assert!(distances[class] < 0.02, "{row:?} {distances:?}");
            assert!(distances[1 - class] > 0.5, "{row:?} {distances:?}");
        }
        // The mean of the first class is like neither of its sides.
        let head = prototypes(&table, &chosen, &labels, 2).unwrap();
        assert!(head.scores(&[1.0, 0.0, 0.0])[0] < 0.8);
    }

    #[test]
    fn few_examples_are_their_own_centres() {
        let table = Table::new(2, vec![1.0, 0.0, 0.0, 1.0, -1.0, 0.0]).unwrap();
        let centers = Centers::find(&table, &[0, 1, 2], &[0, 0, 1], 2, 1).unwrap();
        assert_eq!(centers.ends, [2, 3]);
        assert!(centers.distances(&[0.0, 1.0])[0] < 1e-6);
        assert_eq!(centers.distances(&[0.0, 1.0])[1], 1.0);
    }
}
