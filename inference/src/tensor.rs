//! Dense `f32` tensors, row-major.

use std::fmt;

/// The data do not fill the shape.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("shape {shape:?} does not hold {len} values")]
pub struct ShapeMismatch {
    /// The shape asked for.
    pub shape: Vec<usize>,
    /// The values there are.
    pub len: usize,
}

/// An owned dense `f32` tensor, row-major; an empty shape is one value.
///
/// # Privacy
/// What a network computed from a face may be biometric; `Debug` shows the shape only.
#[derive(Clone, Default, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Vec<f32>,
}

impl Tensor {
    /// A tensor of this shape with these values.
    ///
    /// # Errors
    /// Where the product of `shape` is not `data.len()`, or overflows.
    pub fn new(shape: Vec<usize>, data: Vec<f32>) -> Result<Self, ShapeMismatch> {
        match n_values(&shape) {
            Some(n) if n == data.len() => Ok(Self { shape, data }),
            _ => Err(ShapeMismatch {
                shape,
                len: data.len(),
            }),
        }
    }

    /// The size along each axis, outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The values, row-major.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// The values, row-major, to be written in place.
    pub fn data_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// The values without the shape.
    pub fn into_data(self) -> Vec<f32> {
        self.data
    }

    /// This tensor, borrowed.
    pub fn view(&self) -> TensorView<'_> {
        TensorView {
            shape: &self.shape,
            data: &self.data,
        }
    }

    /// Takes that shape, keeping the memory that is already there; what its values are is not told.
    pub(crate) fn reshape(&mut self, shape: &[usize]) {
        self.shape.clear();
        self.shape.extend_from_slice(shape);
        self.data.resize(shape.iter().product(), 0.0);
    }

    /// Takes shape and values of `view`, keeping the memory that is already there.
    pub fn copy_from(&mut self, view: TensorView<'_>) {
        self.shape.clear();
        self.shape.extend_from_slice(view.shape);
        self.data.clear();
        self.data.extend_from_slice(view.data);
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor({:?}, values withheld)", self.shape)
    }
}

/// A borrowed dense `f32` tensor, row-major.
///
/// # Privacy
/// May hold the pixels of a face; `Debug` shows the shape only.
#[derive(Clone, Copy)]
pub struct TensorView<'a> {
    shape: &'a [usize],
    data: &'a [f32],
}

impl<'a> TensorView<'a> {
    /// A view of `data` in this shape.
    ///
    /// # Errors
    /// Where the product of `shape` is not `data.len()`, or overflows.
    pub fn new(shape: &'a [usize], data: &'a [f32]) -> Result<Self, ShapeMismatch> {
        match n_values(shape) {
            Some(n) if n == data.len() => Ok(Self { shape, data }),
            _ => Err(ShapeMismatch {
                shape: shape.to_vec(),
                len: data.len(),
            }),
        }
    }

    /// The size along each axis, outermost first.
    pub fn shape(&self) -> &'a [usize] {
        self.shape
    }

    /// The values, row-major.
    pub fn data(&self) -> &'a [f32] {
        self.data
    }
}

impl fmt::Debug for TensorView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TensorView({:?}, values withheld)", self.shape)
    }
}

fn n_values(shape: &[usize]) -> Option<usize> {
    shape
        .iter()
        .try_fold(1_usize, |n, &size| n.checked_mul(size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shape_and_values_must_agree() {
        fn check(shape: &[usize], len: usize, good: bool) {
            let data = vec![0.5; len];
            assert_eq!(
                TensorView::new(shape, &data).is_ok(),
                good,
                "{shape:?} {len}"
            );
            assert_eq!(
                Tensor::new(shape.to_vec(), data).is_ok(),
                good,
                "{shape:?} {len}"
            );
        }
        check(&[2, 3], 6, true);
        check(&[2, 3], 5, false);
        check(&[], 1, true);
        check(&[], 0, false);
        check(&[0, 7], 0, true);
        check(&[usize::MAX, 2], 0, false);
    }

    #[test]
    fn copying_keeps_the_buffer() {
        let mut to = Tensor::new(vec![4], vec![0.0; 4]).unwrap();
        let before = to.data().as_ptr();
        to.copy_from(TensorView::new(&[1, 3], &[1.0, 2.0, 3.0]).unwrap());
        assert_eq!((to.shape(), to.data()), (&[1, 3][..], &[1.0, 2.0, 3.0][..]));
        assert_eq!(to.data().as_ptr(), before);
    }

    #[test]
    fn debug_shows_no_values() {
        let tensor = Tensor::new(vec![1], vec![0.123]).unwrap();
        assert!(!format!("{tensor:?} {:?}", tensor.view()).contains("0.123"));
    }
}
