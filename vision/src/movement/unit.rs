//! Signals after the manner of action units, and where in the face they are.

/// Part of a face.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaceRegion {
    /// Both brows and what is between them.
    Brows,
    /// Lids and what they cover.
    Eyes,
    /// From the lower lids to the corners of the mouth.
    Cheeks,
    /// The nose.
    Nose,
    /// Lips and their corners.
    Mouth,
    /// Below the lips.
    Jaw,
}

impl FaceRegion {
    /// Its name in every output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Brows => "brows",
            Self::Eyes => "eyes",
            Self::Cheeks => "cheeks",
            Self::Nose => "nose",
            Self::Mouth => "mouth",
            Self::Jaw => "jaw",
        }
    }
}

macro_rules! units {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $name:literal, $region:ident, $full:literal;)+) => {
        /// A signal of the kind of an action unit of the Facial Action Coding System: how far one thing in a face has moved from
        /// where it is at rest. Named after the unit whose movement it measures; it is not a coding by a trained observer.
        ///
        /// In the formulas Δ is the change from rest, in distances between the outer corners of the eyes; heights grow upwards;
        /// numbers in brackets are points of MediaPipe's canonical face model, of both sides in turn; of sides the mean is taken.
        /// Each is divided by what [`ActionUnit::full_scale`] says, so that 1 is about as far as it goes.
        ///
        /// # Source
        /// Names and muscles: Ekman, Friesen & Hager, *Facial Action Coding System*, 2002. Formulas: ours, distances between points
        /// as in Tian, Kanade & Cohn 2001 (table 3, permanent features). Not validated against codings by observers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ActionUnit {
            $($(#[$doc])* $variant,)+
        }

        impl ActionUnit {
            /// Every unit, in the order of all arrays of them.
            pub const ALL: [Self; N_UNITS] = [$(Self::$variant,)+];

            /// Its number in the coding system.
            pub const fn number(self) -> u8 {
                match self { $(Self::$variant => $number,)+ }
            }

            /// Its name in every output, in snake case.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Where it is.
            pub const fn region(self) -> FaceRegion {
                match self { $(Self::$variant => FaceRegion::$region,)+ }
            }

            /// How much of a change counts as 1. Origin: about what posed full movements give in the mesh; a scale to draw on, and
            /// no intensity A to E.
            pub const fn full_scale(self) -> f32 {
                match self { $(Self::$variant => $full,)+ }
            }
        }
    };
}

/// How many units there are.
pub(super) const N_UNITS: usize = 16;

units! {
    /// AU1, frontalis, inner part: Δ height of the inner ends of the brows (107, 55; 336, 285) over the inner eye corners.
    InnerBrowRaise = 1, "inner_brow_raise", Brows, 0.09;
    /// AU2, frontalis, outer part: Δ height of the outer ends of the brows (70, 46; 300, 276) over the outer eye corners.
    OuterBrowRaise = 2, "outer_brow_raise", Brows, 0.09;
    /// AU4, corrugator and depressor: half of − Δ mean height of the brows, and half of − Δ distance between their inner ends.
    BrowLower = 4, "brow_lower", Brows, 0.05;
    /// AU5, levator palpebrae: Δ height of the upper lids (158, 159, 160; 385, 386, 387) over the line of the eye's corners.
    UpperLidRaise = 5, "upper_lid_raise", Eyes, 0.04;
    /// AU6, orbicularis oculi, outer part: Δ height of the cheeks below the eyes (50, 117, 118; 280, 346, 347).
    CheekRaise = 6, "cheek_raise", Cheeks, 0.05;
    /// AU7, orbicularis oculi, inner part: Δ height of the lower lids (144, 145, 153; 373, 374, 380) over the line of the
    /// corners, less what a closing eye takes them along: that is − half of Δ opening.
    LidTighten = 7, "lid_tighten", Eyes, 0.03;
    /// AU9, levator labii alaeque nasi: Δ height of the wings of the nose (129, 98; 358, 327).
    NoseWrinkle = 9, "nose_wrinkle", Nose, 0.05;
    /// AU10, levator labii superioris: − Δ distance from the base of the nose (2) to the upper lip (37, 0, 267).
    UpperLipRaise = 10, "upper_lip_raise", Mouth, 0.06;
    /// AU12, zygomaticus: of the corners of the mouth (61; 291) Δ outwards plus Δ upwards, divided by √2.
    LipCornerPull = 12, "lip_corner_pull", Mouth, 0.12;
    /// AU15, depressor anguli oris: − Δ height of the corners of the mouth over the middle of the lips (13, 14).
    LipCornerDepress = 15, "lip_corner_depress", Mouth, 0.06;
    /// AU17, mentalis: − Δ distance from the lower lip (17) to the boss of the chin (200, 199).
    ChinRaise = 17, "chin_raise", Jaw, 0.06;
    /// AU20, risorius: Δ distance between the corners of the mouth, less twice what they have risen.
    LipStretch = 20, "lip_stretch", Mouth, 0.1;
    /// AU24, orbicularis oris: − Δ thickness of both lips (0 to 13 and 14 to 17).
    LipPress = 24, "lip_press", Mouth, 0.07;
    /// AU25: Δ distance between the lips at their middle (82 to 87, 13 to 14, 312 to 317).
    LipsPart = 25, "lips_part", Mouth, 0.12;
    /// AU26 and AU27, jaw: − Δ height of the chin (152, 148, 377).
    JawDrop = 26, "jaw_drop", Jaw, 0.2;
    /// AU45, and AU43 where it lasts: − Δ opening of the eyes (158 to 153, 159 to 145, 160 to 144 and their mirror images).
    Blink = 45, "blink", Eyes, 0.08;
}

/// A value of each unit, in the order of [`ActionUnit::ALL`].
pub type UnitValues = [f32; N_UNITS];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_stand_in_the_order_of_their_numbers_and_have_a_scale() {
        for pair in ActionUnit::ALL.windows(2) {
            assert!(pair[0].number() < pair[1].number(), "{pair:?}");
        }
        for (at, unit) in ActionUnit::ALL.into_iter().enumerate() {
            assert_eq!(unit as usize, at);
            assert!((0.02..0.5).contains(&unit.full_scale()), "{unit:?}");
        }
    }
}
