//! Painting over what is not to be looked at, before anything looks.

use std::ops::Range;

use regard_domain::{FrameSize, Zone};

use crate::picture::{BYTES_PER_PIXEL, Picture};

/// Paint of every colour: the middle, from which a network sees neither light nor dark.
const PAINT: u8 = 128;

/// Which pixels of pictures of one size lie in zones; each with its eight neighbours, so that no pixel a zone touches is left.
///
/// # Privacy
/// What is painted over cannot be found, tracked, read or shown by anything that comes after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    size: FrameSize,
    /// Row by row from the top; columns in order, apart from each other.
    rows: Vec<Vec<Range<usize>>>,
}

impl Mask {
    /// The mask of these zones for pictures of that size. Some 20 bytes a row and zone.
    pub fn new<'a>(zones: impl IntoIterator<Item = &'a Zone>, size: FrameSize) -> Self {
        let (width, height) = (size.width as usize, size.height as usize);
        let mut middles: Vec<Vec<Range<usize>>> = vec![Vec::new(); height];
        for zone in zones {
            for (row, inside) in middles.iter_mut().enumerate() {
                inside.extend(columns(zone, row, size));
            }
        }
        let rows = (0..height).map(|row| {
            let near = middles
                .get(row.saturating_sub(1)..(row + 2).min(height))
                .unwrap_or_default();
            let wider = near
                .iter()
                .flatten()
                .map(|inside| inside.start.saturating_sub(1)..(inside.end + 1).min(width));
            merged(wider.collect())
        });
        Self {
            size,
            rows: rows.collect(),
        }
    }

    /// For pictures of which size it is.
    pub fn size(&self) -> FrameSize {
        self.size
    }

    /// Paints over what lies in the zones; nothing of a picture of another size.
    pub(crate) fn paint(&self, picture: &mut Picture) -> bool {
        if picture.size() != self.size {
            return false;
        }
        let row_len = self.size.width as usize * BYTES_PER_PIXEL;
        for (row, pixels) in self
            .rows
            .iter()
            .zip(picture.pixels_mut().chunks_exact_mut(row_len))
        {
            for columns in row {
                let bytes = columns.start * BYTES_PER_PIXEL..columns.end * BYTES_PER_PIXEL;
                if let Some(bytes) = pixels.get_mut(bytes) {
                    bytes.fill(PAINT);
                }
            }
        }
        true
    }
}

/// The columns whose middles lie in a zone, in one row.
fn columns(zone: &Zone, row: usize, size: FrameSize) -> Vec<Range<usize>> {
    let (width, height) = (size.width as f32, size.height as f32);
    let y = (row as f32 + 0.5) / height;
    // Where the line crosses the row, and whether downwards or upwards.
    let mut crossings: Vec<(f32, i32)> = Vec::new();
    for ([x0, y0], [x1, y1]) in zone.edges_in_unit() {
        let direction = match (y0 <= y, y1 <= y) {
            (true, false) => 1,
            (false, true) => -1,
            (true, true) | (false, false) => continue,
        };
        let x = x0 + (y - y0) / (y1 - y0) * (x1 - x0);
        crossings.push((x * width, direction));
    }
    crossings.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut found = Vec::new();
    let mut winding = 0;
    for pair in crossings.windows(2) {
        winding += pair[0].1;
        if winding != 0 {
            let start = (pair[0].0 - 0.5).ceil().max(0.0) as usize;
            let end = (pair[1].0 - 0.5).floor() + 1.0;
            let end = (end.max(0.0) as usize).min(size.width as usize);
            if start < end {
                found.push(start..end);
            }
        }
    }
    found
}

/// Ranges in order, joined where they touch.
fn merged(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut joined: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            Some(_) | None => joined.push(range),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn painted(zones: &[Zone], size: FrameSize) -> Vec<bool> {
        let n_pixels = size.width as usize * size.height as usize;
        let mut picture = Picture::from_rgb(vec![7; n_pixels * BYTES_PER_PIXEL], size).unwrap();
        assert!(Mask::new(zones, size).paint(&mut picture));
        let pixels = picture.pixels().chunks_exact(BYTES_PER_PIXEL);
        pixels
            .map(|pixel| {
                assert!(pixel == [PAINT; 3] || pixel == [7; 3], "whole pixels");
                pixel == [PAINT; 3]
            })
            .collect()
    }

    /// Pixel by pixel: painted is what has its middle in a zone, and the neighbours of that; nothing else.
    fn check(zones: &[Zone], size: FrameSize) {
        let (width, height) = (i64::from(size.width), i64::from(size.height));
        let painted = painted(zones, size);
        // How far from the line the float may say either.
        let hair = 1e-4;
        let inside = |x: i64, y: i64, shift: f32| {
            let unit = |at: i64, of: i64| (at as f32 + 0.5) / of as f32;
            let (x, y) = (unit(x, width), unit(y, height));
            zones.iter().any(|zone| {
                let near = [
                    (0.0, 0.0),
                    (shift, 0.0),
                    (-shift, 0.0),
                    (0.0, shift),
                    (0.0, -shift),
                ];
                near.iter()
                    .any(|(dx, dy)| zone.contains_in_unit(x + dx, y + dy))
            })
        };
        for y in 0..height {
            for x in 0..width {
                let is_painted = painted[(y * width + x) as usize];
                let near = (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (x + dx, y + dy)));
                let near: Vec<(i64, i64)> = near
                    .filter(|(x, y)| (0..width).contains(x) && (0..height).contains(y))
                    .collect();
                let surely = |(x, y): &(i64, i64)| {
                    let unit = |at: i64, of: i64| (at as f32 + 0.5) / of as f32;
                    let (x, y) = (unit(*x, width), unit(*y, height));
                    let around = [(hair, 0.0), (-hair, 0.0), (0.0, hair), (0.0, -hair)];
                    zones.iter().any(|zone| {
                        around
                            .iter()
                            .all(|(dx, dy)| zone.contains_in_unit(x + dx, y + dy))
                    })
                };
                if near.iter().any(surely) {
                    assert!(is_painted, "{x}, {y} is left");
                }
                if is_painted {
                    assert!(
                        near.iter().any(|(x, y)| inside(*x, *y, hair)),
                        "{x}, {y} is painted"
                    );
                }
            }
        }
    }

    #[test]
    fn rectangles_and_edges_of_the_picture() {
        let size = FrameSize {
            width: 64,
            height: 36,
        };
        let whole = Zone::rectangle(0, 0, 1_000, 1_000).unwrap();
        assert!(painted(&[whole], size).iter().all(|is_painted| *is_painted));
        assert!(painted(&[], size).iter().all(|is_painted| !is_painted));
        check(
            &[
                Zone::rectangle(500, 0, 500, 1_000).unwrap(),
                Zone::rectangle(0, 900, 600, 100).unwrap(),
            ],
            size,
        );
    }

    #[test]
    fn a_picture_of_another_size_is_not_taken_for_painted() {
        let size = FrameSize {
            width: 8,
            height: 8,
        };
        let mask = Mask::new(&[Zone::rectangle(0, 0, 1_000, 1_000).unwrap()], size);
        let other = FrameSize {
            width: 16,
            height: 4,
        };
        let mut picture = Picture::from_rgb(vec![7; 8 * 8 * 3], other).unwrap();
        assert!(!mask.paint(&mut picture));
        assert_eq!(mask.size(), size);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn painting_agrees_with_every_pixel(
            shapes in prop::collection::vec(prop::collection::vec(prop::array::uniform2(0u16..=1_000), 3..7), 1..3),
            width in 1u32..50, height in 1u32..50,
        ) {
            let zones: Vec<Zone> = shapes.into_iter().filter_map(|corners| Zone::new(corners).ok()).collect();
            check(&zones, FrameSize { width, height });
        }
    }
}
