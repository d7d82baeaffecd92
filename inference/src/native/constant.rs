//! Values known when a network is loaded, and arithmetic on them.

use std::borrow::Cow;

use super::stored::Stored;

/// Most values a folded constant may have for each byte of the file, so that a broadcast in a damaged file
/// cannot ask for all memory. Stored weights expand to one value a byte.
pub(super) const VALUES_PER_FILE_BYTE: usize = 4;

/// Fewest narrow numbers that are left as they are stored.
const MIN_STORED: usize = 1 << 10;

/// A dense tensor, row-major; no axes are one value.
#[derive(Clone, Debug)]
pub(crate) struct Constant {
    dims: Vec<usize>,
    values: Values,
}

/// The values of a constant by how they were stored.
#[derive(Clone, Debug)]
pub(crate) enum Values {
    /// 32-bit floats.
    Real(Vec<f32>),
    /// Whole numbers of 32 or 64 bits: shapes, axes.
    Whole(Vec<i64>),
    /// Bytes or halves; only a `Cast` may use them.
    Narrow(Stored),
    /// The same as floats, as long as they are used as weights alone.
    Wide(Stored),
}

/// Weights before they are put in order.
pub(crate) enum Weights {
    /// 32-bit floats.
    Floats(Vec<f32>),
    /// As the file stores them.
    Stored(Stored),
}

impl Weights {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Floats(values) => values.len(),
            Self::Stored(stored) => stored.len(),
        }
    }

    /// The floats from number `first` on, as many as `into` holds.
    ///
    /// # Panics
    /// Where there are fewer.
    pub(crate) fn expand(&self, first: usize, into: &mut [f32]) {
        match self {
            Self::Floats(values) => into.copy_from_slice(&values[first..first + into.len()]),
            Self::Stored(stored) => stored.expand(first, into),
        }
    }

    /// The floats, to change them.
    pub(crate) fn floats_mut(&mut self) -> &mut Vec<f32> {
        if let Self::Stored(stored) = self {
            *self = Self::Floats(stored.to_floats());
        }
        match self {
            Self::Floats(values) => values,
            Self::Stored(_) => unreachable!("made floats above"),
        }
    }
}

impl Default for Weights {
    fn default() -> Self {
        Self::Floats(Vec::new())
    }
}

/// Arithmetic that is folded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Arithmetic {
    Add,
    Sub,
    Mul,
    Div,
}

impl Arithmetic {
    /// The operator of that name.
    pub(crate) fn named(op: &str) -> Option<Self> {
        Some(match op {
            "Add" => Self::Add,
            "Sub" => Self::Sub,
            "Mul" => Self::Mul,
            "Div" => Self::Div,
            _ => return None,
        })
    }

    pub(crate) fn apply(self, a: f32, b: f32) -> f32 {
        match self {
            Self::Add => a + b,
            Self::Sub => a - b,
            Self::Mul => a * b,
            Self::Div => a / b,
        }
    }
}

impl Constant {
    /// `None` where the values do not fill the shape.
    pub(crate) fn new(dims: Vec<usize>, values: Values) -> Option<Self> {
        let len = match &values {
            Values::Real(values) => values.len(),
            Values::Narrow(stored) | Values::Wide(stored) => stored.len(),
            Values::Whole(values) => values.len(),
        };
        (n_values(&dims)? == len).then_some(Self { dims, values })
    }

    pub(crate) fn dims(&self) -> &[usize] {
        &self.dims
    }

    pub(crate) fn values(&self) -> &Values {
        &self.values
    }

    /// Its floats, where it has floats.
    pub(crate) fn real(&self) -> Option<Cow<'_, [f32]>> {
        match &self.values {
            Values::Real(values) => Some(Cow::Borrowed(values)),
            Values::Wide(stored) => Some(Cow::Owned(stored.to_floats())),
            Values::Whole(_) | Values::Narrow(_) => None,
        }
    }

    /// Its whole numbers, where it has such.
    pub(crate) fn whole(&self) -> Option<&[i64]> {
        match &self.values {
            Values::Whole(values) => Some(values),
            Values::Real(_) | Values::Narrow(_) | Values::Wide(_) => None,
        }
    }

    /// Its only value, where it has one.
    pub(crate) fn scalar(&self) -> Option<f32> {
        match self.real().as_deref() {
            Some(&[value]) => Some(value),
            _ => None,
        }
    }

    /// Its floats as weights, where it has floats.
    pub(crate) fn into_weights(self) -> Option<Weights> {
        match self.values {
            Values::Real(values) => Some(Weights::Floats(values)),
            Values::Wide(stored) => Some(Weights::Stored(stored)),
            Values::Whole(_) | Values::Narrow(_) => None,
        }
    }

    /// The same values in another shape, as `Reshape` counts: 0 keeps a size, -1 takes the rest.
    pub(crate) fn reshaped(self, target: &[i64]) -> Option<Self> {
        let dims = reshaped_dims(&self.dims, target)?;
        Self::new(dims, self.values)
    }

    /// As 32-bit floats; many narrow ones stay as they are stored.
    pub(crate) fn into_real(self) -> Self {
        let values = match self.values {
            Values::Narrow(stored) if stored.len() >= MIN_STORED => Values::Wide(stored),
            Values::Narrow(stored) | Values::Wide(stored) => Values::Real(stored.to_floats()),
            Values::Real(values) => Values::Real(values),
            Values::Whole(values) => Values::Real(values.into_iter().map(|n| n as f32).collect()),
        };
        Self {
            dims: self.dims,
            values,
        }
    }

    /// Takes `other` from stored numbers, or multiplies them, without making them floats: where it has one value for
    /// each run along the last axes.
    fn combined_stored(&mut self, other: &Self, arithmetic: Arithmetic) -> bool {
        let (Values::Wide(stored), Some(b)) = (&mut self.values, other.real()) else {
            return false;
        };
        let n_same = self
            .dims
            .iter()
            .zip(&other.dims)
            .take_while(|(a, b)| a == b);
        let is_run = other
            .dims
            .iter()
            .skip(n_same.count())
            .all(|&size| size == 1)
            && (other.dims.len() == self.dims.len() || b.len() == 1);
        match arithmetic {
            Arithmetic::Sub => is_run && stored.subtract(&b),
            Arithmetic::Mul => is_run && stored.multiply(&b),
            Arithmetic::Add | Arithmetic::Div => false,
        }
    }

    /// `self` and `other`, value by value, smaller axes repeated. `None` where shapes do not meet, where
    /// they are not floats, or where the result would have more than `max_values`.
    pub(crate) fn combined(
        mut self,
        other: &Self,
        arithmetic: Arithmetic,
        max_values: usize,
    ) -> Option<Self> {
        let dims = broadcast(&self.dims, &other.dims)?;
        if n_values(&dims)? > max_values {
            return None;
        }
        if dims == self.dims && self.combined_stored(other, arithmetic) {
            return Some(self);
        }
        if let Values::Wide(stored) = &self.values {
            self.values = Values::Real(stored.to_floats());
        }
        let b = other.real()?;
        let (Values::Real(a), true) = (&mut self.values, dims == self.dims) else {
            return self.combined_anew(other, arithmetic, dims);
        };
        // The usual case, in place: runs along the last axis that `other` has in full or not at all.
        let steps = steps(&other.dims, &dims);
        let run = dims.last().copied().unwrap_or(1).max(1);
        let step = steps.last().copied().unwrap_or(0);
        for (index, chunk) in a.chunks_exact_mut(run).enumerate() {
            let start = offset(index, &dims, &steps);
            if step == 0 {
                let value = b[start];
                chunk
                    .iter_mut()
                    .for_each(|x| *x = arithmetic.apply(*x, value));
            } else {
                for (x, &y) in chunk.iter_mut().zip(&b[start..]) {
                    *x = arithmetic.apply(*x, y);
                }
            }
        }
        Some(self)
    }

    fn combined_anew(
        &self,
        other: &Self,
        arithmetic: Arithmetic,
        dims: Vec<usize>,
    ) -> Option<Self> {
        let (a, b) = (self.real()?, other.real()?);
        let (a_steps, b_steps) = (steps(&self.dims, &dims), steps(&other.dims, &dims));
        let run = dims.last().copied().unwrap_or(1);
        let (a_step, b_step) = (
            a_steps.last().copied().unwrap_or(0),
            b_steps.last().copied().unwrap_or(0),
        );
        let n = n_values(&dims)?;
        let mut values = Vec::with_capacity(n);
        for index in 0..n.checked_div(run).unwrap_or(0) {
            let (a_start, b_start) = (
                offset(index, &dims, &a_steps),
                offset(index, &dims, &b_steps),
            );
            for i in 0..run {
                values.push(arithmetic.apply(a[a_start + i * a_step], b[b_start + i * b_step]));
            }
        }
        Self::new(dims, Values::Real(values))
    }
}

/// How many values a shape holds; `None` where that is more than can be counted.
pub(crate) fn n_values(dims: &[usize]) -> Option<usize> {
    dims.iter()
        .try_fold(1_usize, |n, &size| n.checked_mul(size))
}

/// The shape that two shapes have together.
pub(crate) fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let size = |dims: &[usize], axis: usize| {
        (axis + dims.len())
            .checked_sub(rank)
            .map_or(1, |axis| dims[axis])
    };
    (0..rank)
        .map(|axis| match (size(a, axis), size(b, axis)) {
            (a, b) if a == b || b == 1 => Some(a),
            (1, b) => Some(b),
            _ => None,
        })
        .collect()
}

/// For each axis of `dims`, how far a tensor of shape `own` moves along it; nought where it repeats.
fn steps(own: &[usize], dims: &[usize]) -> Vec<usize> {
    let mut steps = vec![0; dims.len()];
    let mut step = 1;
    for (axis, &size) in own.iter().enumerate().rev() {
        if size != 1 {
            steps[axis + dims.len() - own.len()] = step;
        }
        step *= size;
    }
    steps
}

/// Where the run of that index along the last axis begins.
fn offset(mut index: usize, dims: &[usize], steps: &[usize]) -> usize {
    let mut start = 0;
    for (&size, &step) in dims.iter().zip(steps).rev().skip(1) {
        start += index % size * step;
        index /= size;
    }
    start
}

/// The shape that `Reshape` to `target` gives; `None` where it does not fit.
pub(crate) fn reshaped_dims(dims: &[usize], target: &[i64]) -> Option<Vec<usize>> {
    let total = n_values(dims)?;
    let mut open = None;
    let mut sizes = Vec::with_capacity(target.len());
    for (axis, &size) in target.iter().enumerate() {
        sizes.push(match size {
            -1 if open.is_none() => {
                open = Some(axis);
                1
            }
            0 => *dims.get(axis)?,
            size => usize::try_from(size).ok()?,
        });
    }
    let known = n_values(&sizes)?;
    if let Some(axis) = open {
        sizes[axis] = total
            .checked_div(known)
            .filter(|n| n.checked_mul(known) == Some(total))?;
    }
    (n_values(&sizes)? == total).then_some(sizes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::native::stored::Element;

    fn real(dims: &[usize]) -> Constant {
        let n = n_values(dims).unwrap();
        Constant::new(
            dims.to_vec(),
            Values::Real((0..n).map(|i| i as f32).collect()),
        )
        .unwrap()
    }

    /// By the definition: each coordinate, smaller axes repeated.
    fn oracle(a: &Constant, b: &Constant, dims: &[usize]) -> Vec<f32> {
        let at = |c: &Constant, coordinates: &[usize]| {
            let skip = dims.len() - c.dims.len();
            let index = c
                .dims
                .iter()
                .zip(&coordinates[skip..])
                .fold(0, |index, (&size, &x)| {
                    index * size + if size == 1 { 0 } else { x }
                });
            c.real().unwrap()[index]
        };
        (0..n_values(dims).unwrap())
            .map(|mut index| {
                let mut coordinates = vec![0; dims.len()];
                for (axis, &size) in dims.iter().enumerate().rev() {
                    coordinates[axis] = index % size;
                    index /= size;
                }
                at(a, &coordinates) - at(b, &coordinates)
            })
            .collect()
    }

    #[test]
    fn stored_numbers_stay_stored_where_they_can() {
        let bytes: Vec<u8> = (0..2048_u32).map(|n| n as u8).collect();
        let stored = || {
            let values = Values::Narrow(Stored::new(Element::Signed, &bytes));
            Constant::new(vec![8, 4, 64], values).unwrap().into_real()
        };
        let floats = |constant: &Constant| match &constant.values {
            Values::Wide(stored) => stored.to_floats(),
            _ => constant.real().unwrap().to_vec(),
        };
        for (dims, stays) in [
            (&[8, 4, 1][..], true),
            (&[8, 1, 1], true),
            (&[1], true),
            (&[4, 1], false),
            (&[64], false),
        ] {
            let other = real(dims);
            let found = stored().combined(&other, Arithmetic::Sub, 4096).unwrap();
            let found = found.combined(&other, Arithmetic::Mul, 4096).unwrap();
            assert_eq!(matches!(found.values, Values::Wide(_)), stays, "{dims:?}");
            let plain = Values::Real(floats(&stored()));
            let plain = Constant::new(vec![8, 4, 64], plain).unwrap();
            let expected = plain.combined(&other, Arithmetic::Sub, 4096).unwrap();
            let expected = expected.combined(&other, Arithmetic::Mul, 4096).unwrap();
            assert_eq!(floats(&found), &*expected.real().unwrap(), "{dims:?}");
        }
    }

    #[test]
    fn axes_repeat_as_they_should() {
        for (a, b) in [
            (&[2, 3, 4][..], &[2, 3, 1][..]),
            (&[2, 3, 4], &[4]),
            (&[2, 3, 4], &[]),
            (&[2, 1, 4], &[1, 3, 1]),
            (&[4], &[2, 3, 1]),
            (&[3, 1], &[3, 1]),
            (&[], &[]),
        ] {
            let dims = broadcast(a, b).unwrap();
            let (a, b) = (real(a), real(b));
            let found = a.clone().combined(&b, Arithmetic::Sub, 1000).unwrap();
            assert_eq!(found.dims(), dims);
            assert_eq!(found.real().unwrap(), oracle(&a, &b, &dims));
        }
        assert!(broadcast(&[2], &[3]).is_none());
        let wide = real(&[100, 1]).combined(&real(&[1, 100]), Arithmetic::Mul, 9_999);
        assert!(wide.is_none(), "the bound is kept");
    }

    #[test]
    fn reshapes_count_as_the_standard_says() {
        assert_eq!(
            reshaped_dims(&[1, 40, 8], &[1, -1, 4]),
            Some(vec![1, 80, 4])
        );
        assert_eq!(reshaped_dims(&[5, 6], &[0, 3, 2]), Some(vec![5, 3, 2]));
        assert_eq!(reshaped_dims(&[5, 6], &[-1, -1]), None);
        assert_eq!(reshaped_dims(&[5, 6], &[-1, 4]), None);
        assert_eq!(reshaped_dims(&[5, 6], &[31]), None);
        assert_eq!(reshaped_dims(&[0, 6], &[-1, 0]), Some(vec![0, 6]));
        assert_eq!(reshaped_dims(&[6, 0], &[-1, 0]), None);
        assert_eq!(reshaped_dims(&[5], &[5, -2]), None);
    }
}
