//! Overlapping tiles that cover a frame at native scale.

use regard_domain::{BBox, FrameSize};

/// Longest side of a tile, in pixels: bounds the memory of one run (35 MB in rten).
const MAX_TILE_PX: u32 = 1_024;

/// How far neighbouring tiles overlap, in pixels: every face up to this size lies whole in some
/// tile. Larger ones the reduced pass sees: at 320 of 1920 pixels a face of 96 is 16 pixels wide.
pub(super) const TILE_OVERLAP_PX: u32 = 96;

/// How near to an inner edge a box counts as cut by it, in pixels: half the finest stride.
const EDGE_PX: f32 = 4.0;

/// Tiles of about one size that cover the frame, row by row.
pub(super) fn tiles(size: FrameSize) -> Vec<BBox> {
    let columns = spans(size.width);
    let rows = spans(size.height);
    rows.iter()
        .flat_map(|(top, height)| {
            columns
                .iter()
                .filter_map(|(left, width)| BBox::new(*left, *top, *width, *height))
        })
        .collect()
}

/// Starts and lengths along one axis, in whole pixels.
fn spans(len: u32) -> Vec<(f32, f32)> {
    if len <= MAX_TILE_PX {
        return vec![(0.0, len as f32)];
    }
    let n = (len - TILE_OVERLAP_PX).div_ceil(MAX_TILE_PX - TILE_OVERLAP_PX);
    let span = (len + (n - 1) * TILE_OVERLAP_PX).div_ceil(n);
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
            x in 0.0_f32..1.0, y in 0.0_f32..1.0, side in 1.0_f32..80.0,
        ) {
            let size = FrameSize { width, height };
            let tiles = tiles(size);
            for t in &tiles {
                prop_assert!(t.left() >= 0.0 && t.right() <= width as f32);
                prop_assert!(t.top() >= 0.0 && t.bottom() <= height as f32);
                prop_assert!(t.width() <= MAX_TILE_PX as f32 && t.height() <= MAX_TILE_PX as f32);
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
    fn full_hd_takes_four() {
        let size = FrameSize {
            width: 1920,
            height: 1080,
        };
        let tiles = tiles(size);
        assert_eq!(tiles.len(), 4);
        assert_eq!((tiles[3].right(), tiles[3].bottom()), (1920.0, 1080.0));
    }
}
