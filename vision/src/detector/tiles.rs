//! Overlapping tiles that cover a frame at native scale.

use regard_domain::{BBox, FrameSize};

/// How a frame is cut into tiles.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tiling {
    /// Longest side of a tile, in pixels.
    max_px: u32,
    /// How far neighbouring tiles overlap, in pixels: every face up to this size lies whole in some
    /// tile. Larger ones the reduced pass sees.
    overlap_px: u32,
}

impl Tiling {
    /// All at once. The side bounds the memory of one run (35 MB in rten); at 320 of 1920 pixels a
    /// face of 96 is 16 pixels wide.
    pub(super) const AT_ONCE: Self = Self {
        max_px: 1_024,
        overlap_px: 96,
    };

    /// One tile a frame. Small enough that a tile costs hardly more than a reduced pass of 320 pixels
    /// (30 ms in rten), large enough that full HD has its turn in 24; there a face of 64 is 11 pixels
    /// wide in the reduced pass.
    pub(super) const IN_TURN: Self = Self {
        max_px: 384,
        overlap_px: 64,
    };
}

/// How near to an inner edge a box counts as cut by it, in pixels: half the finest stride.
const EDGE_PX: f32 = 4.0;

/// Tiles of about one size that cover the frame, row by row.
pub(super) fn tiles(size: FrameSize, tiling: Tiling) -> Vec<BBox> {
    let columns = spans(size.width, tiling);
    let rows = spans(size.height, tiling);
    rows.iter()
        .flat_map(|(top, height)| {
            columns
                .iter()
                .filter_map(|(left, width)| BBox::new(*left, *top, *width, *height))
        })
        .collect()
}

/// Starts and lengths along one axis, in whole pixels.
fn spans(len: u32, Tiling { max_px, overlap_px }: Tiling) -> Vec<(f32, f32)> {
    if len <= max_px {
        return vec![(0.0, len as f32)];
    }
    let n = (len - overlap_px).div_ceil(max_px - overlap_px);
    let span = (len + (n - 1) * overlap_px).div_ceil(n);
    (0..n)
        .map(|i| {
            let start = u64::from(len - span) * u64::from(i) / u64::from(n - 1);
            (start as f32, span as f32)
        })
        .collect()
}

/// Whether a box touches an edge of its tile that is not an edge of the frame: half a face, which
/// the neighbouring tile or the reduced pass sees whole.
pub(super) fn is_cut(bbox: &BBox, tile: &BBox, size: FrameSize) -> bool {
    (tile.left() > 0.0 && bbox.left() < tile.left() + EDGE_PX)
        || (tile.top() > 0.0 && bbox.top() < tile.top() + EDGE_PX)
        || (tile.right() < size.width as f32 && bbox.right() > tile.right() - EDGE_PX)
        || (tile.bottom() < size.height as f32 && bbox.bottom() > tile.bottom() - EDGE_PX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_small_face_lies_whole_in_a_tile(
            width in 1_u32..9_000, height in 1_u32..6_000,
            x in 0.0_f32..1.0, y in 0.0_f32..1.0, side in 0.0_f32..1.0, in_turn: bool,
        ) {
            let size = FrameSize { width, height };
            let tiling = if in_turn { Tiling::IN_TURN } else { Tiling::AT_ONCE };
            // Less two edges, at which a face counts as cut.
            let side = 1.0 + side * (tiling.overlap_px as f32 - 2.0 * EDGE_PX - 3.0);
            let tiles = tiles(size, tiling);
            for t in &tiles {
                prop_assert!(t.left() >= 0.0 && t.right() <= width as f32);
                prop_assert!(t.top() >= 0.0 && t.bottom() <= height as f32);
                prop_assert!(t.width().max(t.height()) <= tiling.max_px as f32);
            }
            let (w, h) = (side.min(width as f32), side.min(height as f32));
            let face = BBox::new(x * (width as f32 - w), y * (height as f32 - h), w, h).unwrap();
            let whole = tiles.iter().filter(|t| {
                face.left() >= t.left() - 0.01 && face.right() <= t.right() + 0.01
                    && face.top() >= t.top() - 0.01 && face.bottom() <= t.bottom() + 0.01
                    && !is_cut(&face, t, size)
            });
            prop_assert!(whole.count() >= 1);
        }
    }

    #[test]
    fn full_hd_takes_four_at_once_and_two_dozen_in_turn() {
        let size = FrameSize {
            width: 1920,
            height: 1080,
        };
        for (tiling, n) in [(Tiling::AT_ONCE, 4), (Tiling::IN_TURN, 24)] {
            let tiles = tiles(size, tiling);
            assert_eq!(tiles.len(), n);
            let last = tiles[n - 1];
            assert_eq!((last.right(), last.bottom()), (1920.0, 1080.0));
        }
    }
}
