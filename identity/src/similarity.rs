//! How near two faces are.

/// Cosine of the angle between two embeddings, in `[-1, 1]`: greater is nearer. Not a probability; what it is worth is
/// for a [`crate::MatchScale`] to say.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Similarity(f32);

impl Similarity {
    /// The value if it is a cosine, otherwise nothing (NaN included).
    pub fn new(cosine: f32) -> Option<Self> {
        (-1.0..=1.0).contains(&cosine).then_some(Self(cosine))
    }

    /// The nearest cosine; NaN becomes -1, which matches nobody.
    pub fn clamped(cosine: f32) -> Self {
        if cosine.is_nan() {
            Self(-1.0)
        } else {
            Self(cosine.clamp(-1.0, 1.0))
        }
    }

    /// The cosine.
    pub const fn get(self) -> f32 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_cosines_are_similarities() {
        for (value, valid) in [
            (-1.0, true),
            (1.0, true),
            (1.000_001, false),
            (f32::NAN, false),
        ] {
            assert_eq!(Similarity::new(value).is_some(), valid, "{value}");
        }
        assert_eq!(Similarity::clamped(f32::NAN).get(), -1.0);
        assert_eq!(Similarity::clamped(1.000_001).get(), 1.0);
    }
}
