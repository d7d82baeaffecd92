//! Where in a face small movements are looked for, and what holds still beside them.

use super::super::unit::FaceRegion;

macro_rules! places {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $region:ident, $mirror:ident, [$($point:literal),+];)+) => {
        /// A place in a face at which small movements are looked for; left is left in the image.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum MicroPlace {
            $($(#[$doc])* $variant,)+
        }

        impl MicroPlace {
            /// Every place, in the order of all arrays of them.
            pub const ALL: [Self; N_PLACES] = [$(Self::$variant,)+];

            /// Its name in every output, in snake case.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The part of the face it belongs to.
            pub const fn region(self) -> FaceRegion {
                match self { $(Self::$variant => FaceRegion::$region,)+ }
            }

            /// The same place on the other side; itself in the middle.
            pub const fn mirrored(self) -> Self {
                match self { $(Self::$variant => Self::$mirror,)+ }
            }

            /// Points of the mesh whose middle it is.
            pub(super) const fn points(self) -> &'static [usize] {
                match self { $(Self::$variant => &[$($point),+],)+ }
            }
        }
    };
}

/// How many places there are.
pub(super) const N_PLACES: usize = 13;

places! {
    /// Inner end of the left brow.
    LeftInnerBrow = "left_inner_brow", Brows, RightInnerBrow, [107, 55];
    /// Inner end of the right brow.
    RightInnerBrow = "right_inner_brow", Brows, LeftInnerBrow, [336, 285];
    /// Outer half of the left brow.
    LeftOuterBrow = "left_outer_brow", Brows, RightOuterBrow, [63, 53];
    /// Outer half of the right brow.
    RightOuterBrow = "right_outer_brow", Brows, LeftOuterBrow, [293, 283];
    /// Cheek below the left eye.
    LeftCheek = "left_cheek", Cheeks, RightCheek, [118, 50];
    /// Cheek below the right eye.
    RightCheek = "right_cheek", Cheeks, LeftCheek, [347, 280];
    /// Left wing of the nose.
    LeftNoseWing = "left_nose_wing", Nose, RightNoseWing, [129, 98];
    /// Right wing of the nose.
    RightNoseWing = "right_nose_wing", Nose, LeftNoseWing, [358, 327];
    /// Left corner of the mouth.
    LeftMouthCorner = "left_mouth_corner", Mouth, RightMouthCorner, [61];
    /// Right corner of the mouth.
    RightMouthCorner = "right_mouth_corner", Mouth, LeftMouthCorner, [291];
    /// Middle of the upper lip.
    UpperLip = "upper_lip", Mouth, UpperLip, [0];
    /// Middle of the lower lip.
    LowerLip = "lower_lip", Mouth, LowerLip, [17];
    /// Boss of the chin.
    Chin = "chin", Jaw, Chin, [199, 200];
}

/// Points of the mesh around which windows hold still whatever the face does: bridge and tip of the nose, corners of the eyes,
/// temples. With the places they say how the head moves.
pub(super) const STILL: [&[usize]; 9] = [
    &[168],
    &[6],
    &[4],
    &[133],
    &[362],
    &[33],
    &[263],
    &[127],
    &[356],
];

/// Corners of each eye: what is between them changes when a lid closes.
pub(super) const EYES: [[usize; 2]; 2] = [[33, 133], [362, 263]];

/// Windows that are followed: the places, then what holds still.
pub(super) const N_WINDOWS: usize = N_PLACES + STILL.len();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_are_mutual_and_on_one_part_of_the_face() {
        for place in MicroPlace::ALL {
            assert_eq!(place.mirrored().mirrored(), place);
            assert_eq!(place.mirrored().region(), place.region());
            assert_eq!(place.points().len(), place.mirrored().points().len());
        }
    }
}
