//! The unit vector of a face.

use std::fmt;

use regard_commitments::{Grant, Recognition};
use zeroize::Zeroizing;

use crate::{ModelTag, Similarity, TemplateFault};

/// Longest embedding that is taken: that of the common ArcFace networks.
pub const MAX_DIMENSION: usize = 512;

/// Unit vector of a face, by one model.
///
/// # Privacy
/// Biometric data of one person, made under `Grant<Recognition>`. Never printed, never serialized, wiped when dropped. It
/// is not diversified: only a [`crate::GalleryTransform`] makes something of it that may be kept.
pub struct Embedding {
    values: Zeroizing<Vec<f32>>,
    model: ModelTag,
}

impl Embedding {
    /// The direction of a vector; nothing when it is empty, longer than [`MAX_DIMENSION`], null or not finite.
    pub fn new(values: Vec<f32>, model: ModelTag) -> Option<Self> {
        let mut values = Zeroizing::new(values);
        let length = length(&values);
        let is_good = (1..=MAX_DIMENSION).contains(&values.len()) && length.is_finite();
        if !is_good || length < f64::from(f32::MIN_POSITIVE) {
            return None;
        }
        for value in values.iter_mut() {
            *value = (f64::from(*value) / length) as f32;
        }
        Some(Self { values, model })
    }

    /// The numbers of the unit vector.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Which model made it.
    pub const fn model(&self) -> ModelTag {
        self.model
    }

    /// How near two faces are that one model embedded.
    ///
    /// # Errors
    /// [`TemplateFault::GrantEnded`]; [`TemplateFault::OtherModel`] for embeddings of two models.
    pub fn similarity(
        &self,
        other: &Self,
        key: &Grant<Recognition>,
    ) -> Result<Similarity, TemplateFault> {
        if !key.is_live() {
            return Err(TemplateFault::GrantEnded);
        }
        if self.model != other.model || self.values.len() != other.values.len() {
            return Err(TemplateFault::OtherModel);
        }
        Ok(Similarity::clamped(dot(&self.values, &other.values)))
    }
}

impl fmt::Debug for Embedding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Embedding({} values withheld)", self.values.len())
    }
}

/// Euclidean length.
fn length(values: &[f32]) -> f64 {
    let squares = values.iter().map(|v| f64::from(*v) * f64::from(*v));
    squares.sum::<f64>().sqrt()
}

/// Sum of products of two lists of one length, in sixteen sums side by side so that it is fast, always in the same
/// order.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0.0_f32; LANES];
    let (a_whole, a_rest) = a.as_chunks::<LANES>();
    let (b_whole, b_rest) = b.as_chunks::<LANES>();
    for (x, y) in a_whole.iter().zip(b_whole) {
        for ((sum, x), y) in sums.iter_mut().zip(x).zip(y) {
            *sum += x * y;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MODEL: ModelTag = ModelTag::from_bits(1);

    #[test]
    fn what_has_no_direction_is_no_embedding() {
        for bad in [
            vec![],
            vec![0.0; 128],
            vec![f32::NAN; 4],
            vec![f32::INFINITY, 1.0],
            vec![1.0; MAX_DIMENSION + 1],
        ] {
            assert!(Embedding::new(bad, MODEL).is_none());
        }
        assert!(Embedding::new(vec![1e30; 128], MODEL).is_some());
    }

    #[test]
    fn it_does_not_print() {
        let embedding = Embedding::new(vec![0.6, 0.8], MODEL).unwrap();
        assert_eq!(format!("{embedding:?}"), "Embedding(2 values withheld)");
    }

    #[test]
    fn two_models_are_not_compared() {
        let key = Grant::<Recognition>::for_evaluation();
        let a = Embedding::new(vec![1.0, 0.0], MODEL).unwrap();
        let b = Embedding::new(vec![1.0, 0.0], ModelTag::from_bits(2)).unwrap();
        assert_eq!(a.similarity(&b, &key), Err(TemplateFault::OtherModel));
        assert_eq!(a.similarity(&a, &key).unwrap().get(), 1.0);
    }

    proptest! {
        #[test]
        fn similarity_is_the_cosine(
            a in prop::collection::vec(-1.0_f32..1.0, 128), b in prop::collection::vec(-1.0_f32..1.0, 128),
        ) {
            let key = Grant::<Recognition>::for_evaluation();
            let exact = |x: &[f32], y: &[f32]| -> f64 {
                x.iter().zip(y).map(|(p, q)| f64::from(*p) * f64::from(*q)).sum()
            };
            let cosine = exact(&a, &b) / (exact(&a, &a) * exact(&b, &b)).sqrt();
            let (a, b) = (Embedding::new(a, MODEL).unwrap(), Embedding::new(b, MODEL).unwrap());
            let found = f64::from(a.similarity(&b, &key).unwrap().get());
            prop_assert!((found - cosine).abs() < 1e-6, "{found} {cosine}");
        }
    }
}
