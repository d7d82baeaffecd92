//! How large the smallest face is that somebody wants, and what that means for a picture.

use std::num::NonZeroU32;

use regard_domain::FrameSize;

/// Longer side to which photographs are reduced for the pass over the whole of them, as the detector does it, in pixels.
const PASS_SIDE_PX: u32 = 640;

/// Longer side from which on nothing that the pass over the whole picture shows is lost, where no smallest face is named:
/// half as much again, for what is read of the faces found.
const ENOUGH_SIDE_PX: u32 = 960;

/// Width in that pass from which on a face is surely found, in pixels. Origin: the finest anchors are 8 pixels apart.
const SURE_IN_PASS_PX: f32 = 12.0;

/// Width from which on a face is found at native scale, and below which its readings are worth nothing, in pixels.
const SURE_IN_TILES_PX: u32 = 24;

/// The smallest face wanted, in pixels of the picture as it was taken, if somebody said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Smallest(pub(super) Option<NonZeroU32>);

impl Smallest {
    /// How long the longer side has to be at least when it is decoded.
    pub(super) fn least_long_side(self, taken: FrameSize) -> u32 {
        let long_side = taken.width.max(taken.height);
        match self.0 {
            None => ENOUGH_SIDE_PX,
            Some(px) => {
                let needed = u64::from(long_side) * u64::from(SURE_IN_TILES_PX);
                let needed = needed.div_ceil(u64::from(px.get()));
                // What is smaller than the pass is enlarged for it: the faces wanted are large enough all the same.
                u32::try_from(needed).unwrap_or(u32::MAX)
            }
        }
    }

    /// Whether such a face would be lost in the pass over the whole picture.
    pub(super) fn needs_tiles(self, taken: FrameSize) -> bool {
        let long_side = taken.width.max(taken.height);
        let in_pass = |px: u32| px as f32 * (PASS_SIDE_PX as f32 / long_side as f32).min(1.0);
        self.0.is_some_and(|px| in_pass(px.get()) < SURE_IN_PASS_PX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_face_says_how_large_a_picture_must_be() {
        let twelve_megapixels = FrameSize {
            width: 3_000,
            height: 4_000,
        };
        let check = |px: u32, least: u32, tiles: bool| {
            let smallest = Smallest(NonZeroU32::new(px));
            let found = (
                smallest.least_long_side(twelve_megapixels),
                smallest.needs_tiles(twelve_megapixels),
            );
            assert_eq!(found, (least, tiles), "{px}");
        };
        // Not said: a quarter, which is 1000 pixels long.
        check(0, 960, false);
        // An eighth, which is 500 pixels long.
        check(400, 240, false);
        check(200, 480, false);
        check(190, 506, false);
        check(75, 1_280, false);
        check(60, 1_600, true);
        check(24, 4_000, true);
        check(10, 9_600, true);
        let small = FrameSize {
            width: 300,
            height: 200,
        };
        assert!(!Smallest(NonZeroU32::new(12)).needs_tiles(small));
    }
}
