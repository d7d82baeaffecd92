//! Numbers with a range and a meaning.

macro_rules! unit_scalar {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
        pub struct $name(f32);

        impl $name {
            /// The value if it lies in `[0, 1]`, otherwise nothing (NaN included).
            pub fn new(value: f32) -> Option<Self> {
                (0.0..=1.0).contains(&value).then_some(Self(value))
            }

            /// The nearest value in `[0, 1]`; NaN becomes 0.
            pub fn clamped(value: f32) -> Self {
                if value.is_nan() { Self(0.0) } else { Self(value.clamp(0.0, 1.0)) }
            }

            /// The number, in `[0, 1]`.
            pub fn get(self) -> f32 {
                self.0
            }
        }
    };
}

unit_scalar! {
    /// Raw output of a detector in `[0, 1]`; greater means surer. Not calibrated: not a probability.
    Score
}
unit_scalar! {
    /// A calibrated probability in `[0, 1]`.
    Probability
}
unit_scalar! {
    /// How much a face is turned to the screen, in `[0, 1]`: 1 means straight at it.
    Attention
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_unit_interval_is_a_probability() {
        for (value, valid) in [
            (0.0, true),
            (1.0, true),
            (-0.01, false),
            (1.01, false),
            (f32::NAN, false),
        ] {
            assert_eq!(Probability::new(value).is_some(), valid, "{value}");
        }
        assert_eq!(Score::clamped(f32::NAN).get(), 0.0);
        assert_eq!(Score::clamped(7.0).get(), 1.0);
    }
}
