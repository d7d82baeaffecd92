//! Cutting a rotated, scaled piece out of a picture.

use regard_domain::{Point, SimilarityTransform};
use regard_inference::Sampler;

use crate::RgbView;

/// Most samples averaged along one axis of an output pixel. Origin: four keeps aliasing away for
/// faces up to 450 pixels in a chip of 112, and costs 16 samples a pixel.
const MAX_SAMPLES: u32 = 4;

/// What lies outside the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Border {
    /// The nearest pixel of the picture.
    Nearest,
    /// Black.
    Black,
}

/// Fills `chip` (`side` × `side`, RGB) with the piece of `picture` that `frame_from_chip` says.
pub(crate) fn warp(
    picture: RgbView<'_>,
    frame_from_chip: &SimilarityTransform,
    side: usize,
    border: Border,
    chip: &mut Vec<u8>,
) {
    chip.resize(side * side * 3, 0);
    warp_rows(picture, frame_from_chip, side, border, |y, row| {
        let chip = &mut chip[y * side * 3..(y + 1) * side * 3];
        for (into, value) in chip.iter_mut().zip(row) {
            *into = *value as u8;
        }
    });
}

/// Hands each row of the piece of `picture` that `frame_from_chip` says to `put`, with its number: straight into whatever
/// a network reads. Red, green, blue of each pixel, whole numbers in `[0, 255]`.
///
/// Both spaces are continuous: the middle of the first pixel is at (0.5, 0.5). Bilinear; where the
/// picture is reduced, up to 4 × 4 samples are averaged for each pixel.
pub(crate) fn warp_rows(
    picture: RgbView<'_>,
    frame_from_chip: &SimilarityTransform,
    side: usize,
    border: Border,
    put: impl FnMut(usize, &[f32]),
) {
    let (_, b, ..) = frame_from_chip.coefficients();
    if lies_inside(picture, frame_from_chip, side) {
        inner_rows(picture, frame_from_chip, side, put);
    } else if b == 0.0 && border == Border::Nearest {
        level_rows(picture, frame_from_chip, side, put);
    } else {
        turned_rows(picture, frame_from_chip, (side, border), put);
    }
}

/// Samples averaged along each axis. Reduction by less than half needs no more than one: bilinear weights cover it.
fn n_samples(frame_from_chip: &SimilarityTransform) -> usize {
    let n = (frame_from_chip.scale().round() as u32).clamp(1, MAX_SAMPLES);
    n as usize
}

/// Where the `nth` of `n` samples of a pixel lies along one axis of the chip: in the middle of its share.
fn place(pixel: usize, nth: usize, n: usize) -> f32 {
    let step = 1.0 / n as f32;
    pixel as f32 + (nth as f32 + 0.5) * step
}

/// Hands rows to `put` that are means of `n * n` samples a pixel, as whole numbers: `add` adds `n` samples of each pixel to a
/// row, along the line at that place along y.
fn mean_rows(
    (side, n): (usize, usize),
    mut put: impl FnMut(usize, &[f32]),
    mut add: impl FnMut(f32, &mut [f32]),
) {
    let step = 1.0 / n as f32;
    let mut row = vec![0.0_f32; side * 3];
    for y in 0..side {
        row.fill(0.0);
        for j in 0..n {
            add(place(y, j, n), &mut row);
        }
        for sum in &mut row {
            // Never below nought, so that cutting off is rounding down.
            *sum = (*sum * step * step + 0.5) as i32 as f32;
        }
        put(y, &row);
    }
}

/// [`warp_rows`] of a piece that lies in the picture with all the neighbours of its samples.
fn inner_rows(
    picture: RgbView<'_>,
    frame_from_chip: &SimilarityTransform,
    side: usize,
    put: impl FnMut(usize, &[f32]),
) {
    let (a, b, ..) = frame_from_chip.coefficients();
    let n = n_samples(frame_from_chip);
    let size = picture.size();
    let pixels = (picture.pixels(), size.width as usize, size.height as usize);
    let sampler = Sampler::default();
    mean_rows((side, n), put, |v, row| {
        for i in 0..n {
            let first = frame_from_chip.map(Point::new(place(0, i, n), v));
            sampler.add_line(pixels, ([first.x - 0.5, first.y - 0.5], [a, b]), row);
        }
    });
}

/// [`warp_rows`] of any piece: sample by sample.
fn turned_rows(
    picture: RgbView<'_>,
    frame_from_chip: &SimilarityTransform,
    (side, border): (usize, Border),
    put: impl FnMut(usize, &[f32]),
) {
    let n = n_samples(frame_from_chip);
    mean_rows((side, n), put, |v, row| {
        for i in 0..n {
            for (x, sum) in row.as_chunks_mut::<3>().0.iter_mut().enumerate() {
                let at = frame_from_chip.map(Point::new(place(x, i, n), v));
                let rgb = sample(picture, at, border);
                *sum = [sum[0] + rgb[0], sum[1] + rgb[1], sum[2] + rgb[2]];
            }
        }
    });
}

/// Two neighbours along an axis, the nearest where one lies outside, and how far a place is from the first.
#[derive(Clone, Copy)]
struct Tap {
    near: usize,
    far: usize,
    share: f32,
}

impl Tap {
    fn at(place: f32, size: u32) -> Self {
        // Far outside, the cast saturates and the border takes over.
        let at = place - 0.5;
        let first = at.floor();
        let last = i64::from(size) - 1;
        let pixel = |at: i64| usize::try_from(at.clamp(0, last)).unwrap_or(0);
        Self {
            near: pixel(first as i64),
            far: pixel((first as i64).saturating_add(1)),
            share: at - first,
        }
    }
}

/// A row of the picture, sampled along x.
#[derive(Default)]
struct Line {
    /// Which; nothing yet.
    row: Option<usize>,
    /// Red, green, blue of each sample: the first of all pixels, the second of all pixels, and so on.
    values: Vec<f32>,
}

impl Line {
    /// Samples `row` where that is not the one it holds.
    fn sample(&mut self, picture: RgbView<'_>, row: usize, taps: &[Tap]) {
        if self.row == Some(row) {
            return;
        }
        let width = picture.size().width as usize * 3;
        let pixels = &picture.pixels()[row * width..(row + 1) * width];
        let (pixels, _) = pixels.as_chunks::<3>();
        for (tap, into) in taps.iter().zip(self.values.as_chunks_mut::<3>().0) {
            let (near, far) = (&pixels[tap.near], &pixels[tap.far]);
            let left = 1.0 - tap.share;
            for (c, into) in into.iter_mut().enumerate() {
                *into = f32::from(near[c]) * left + f32::from(far[c]) * tap.share;
            }
        }
        self.row = Some(row);
    }
}

/// [`warp_rows`] of a piece that is not turned: each row of the picture is sampled along x once.
fn level_rows(
    picture: RgbView<'_>,
    frame_from_chip: &SimilarityTransform,
    side: usize,
    put: impl FnMut(usize, &[f32]),
) {
    let (a, _, tx, ty) = frame_from_chip.coefficients();
    let n = n_samples(frame_from_chip);
    let size = picture.size();
    let columns = (0..n).flat_map(|i| (0..side).map(move |x| place(x, i, n)));
    let taps: Vec<Tap> = columns.map(|u| Tap::at(a * u + tx, size.width)).collect();
    let mut lines = [(); 2].map(|()| Line {
        row: None,
        values: vec![0.0; taps.len() * 3],
    });
    mean_rows((side, n), put, |v, row| {
        let tap = Tap::at(a * v + ty, size.height);
        if lines[1].row == Some(tap.near) {
            lines.swap(0, 1);
        }
        lines[0].sample(picture, tap.near, &taps);
        lines[1].sample(picture, tap.far, &taps);
        let left = 1.0 - tap.share;
        let [upper, lower] = &lines;
        let samples = upper.values.chunks_exact(side * 3);
        for (upper, lower) in samples.zip(lower.values.chunks_exact(side * 3)) {
            for ((sum, upper), lower) in row.iter_mut().zip(upper).zip(lower) {
                *sum += upper * left + lower * tap.share;
            }
        }
    });
}

/// Whether all of the piece lies so far inside that every sample has four neighbours in the picture.
fn lies_inside(picture: RgbView<'_>, frame_from_chip: &SimilarityTransform, side: usize) -> bool {
    /// More than rounding moves a place.
    const MARGIN_PX: f32 = 0.25;
    let (width, height) = (picture.size().width as f32, picture.size().height as f32);
    let end = side as f32;
    let corners = [(0.0, 0.0), (end, 0.0), (0.0, end), (end, end)];
    corners.into_iter().all(|(u, v)| {
        let place = frame_from_chip.map(Point::new(u, v));
        let fits = |at: f32, size: f32| (0.5 + MARGIN_PX..size - 1.5 - MARGIN_PX).contains(&at);
        fits(place.x, width) && fits(place.y, height)
    })
}

/// Bilinear value at a place in continuous coordinates.
fn sample(picture: RgbView<'_>, place: Point, border: Border) -> [f32; 3] {
    let (width, height) = (picture.size().width as i32, picture.size().height as i32);
    // Far outside, the cast saturates and the border takes over.
    let (x, y) = (place.x - 0.5, place.y - 0.5);
    let (left, top) = (x.floor(), y.floor());
    let (fx, fy) = (x - left, y - top);
    let (left, top) = (left as i32, top as i32);
    let pixels = picture.pixels();
    let fetch = |dx: i32, dy: i32, c: usize| {
        let (x, y) = (left.saturating_add(dx), top.saturating_add(dy));
        let is_inside = (0..width).contains(&x) && (0..height).contains(&y);
        match border {
            Border::Black if !is_inside => 0.0,
            Border::Black | Border::Nearest => {
                let (x, y) = (x.clamp(0, width - 1), y.clamp(0, height - 1));
                f32::from(pixels[(y as usize * width as usize + x as usize) * 3 + c])
            }
        }
    };
    std::array::from_fn(|c| {
        let up = fetch(0, 0, c) * (1.0 - fx) + fetch(1, 0, c) * fx;
        let low = fetch(0, 1, c) * (1.0 - fx) + fetch(1, 1, c) * fx;
        up * (1.0 - fy) + low * fy
    })
}

/// Luma of a pixel, in `[0, 255]`.
///
/// # Source
/// ITU-R BT.601, 2.5.1.
pub(crate) fn gray([red, green, blue]: [f32; 3]) -> f32 {
    0.299 * red + 0.587 * green + 0.114 * blue
}

#[cfg(test)]
mod tests {
    use regard_domain::FrameSize;

    use super::*;

    fn ramp(width: u32, height: u32) -> Vec<u8> {
        (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .flat_map(|(x, y)| [(x * 4) as u8, (y * 4) as u8, ((x + y) * 2) as u8])
            .collect()
    }

    fn cut(pixels: &[u8], size: FrameSize, t: &SimilarityTransform, side: usize) -> Vec<u8> {
        let mut chip = Vec::new();
        let view = RgbView::new(pixels, size).unwrap();
        warp(view, t, side, Border::Nearest, &mut chip);
        chip
    }

    const SIZE: FrameSize = FrameSize {
        width: 48,
        height: 48,
    };

    #[test]
    fn the_identity_copies() {
        let pixels = ramp(48, 48);
        let identity = SimilarityTransform::new(1.0, 0.0, 0.0, 0.0).unwrap();
        assert!(cut(&pixels, SIZE, &identity, 48) == pixels);
    }

    #[test]
    fn a_linear_picture_is_read_exactly_at_any_scale_and_angle() {
        let pixels = ramp(48, 48);
        for (scale, angle) in [(0.5_f32, 0.0_f32), (0.31, 0.4), (1.4, -0.6), (2.0, 0.2)] {
            let side = 12;
            let t = SimilarityTransform::new(scale, angle, 20.0, 18.0).unwrap();
            let chip = cut(&pixels, SIZE, &t, side);
            for (i, p) in chip.chunks(3).enumerate() {
                let middle = Point::new((i % side) as f32 + 0.5, (i / side) as f32 + 0.5);
                let place = t.map(middle);
                if (2.0..46.0).contains(&place.x) && (2.0..46.0).contains(&place.y) {
                    let expected = (place.x - 0.5) * 4.0;
                    assert!((f32::from(p[0]) - expected).abs() <= 1.0, "{scale} {angle}");
                    assert!((f32::from(p[1]) - (place.y - 0.5) * 4.0).abs() <= 1.0);
                }
            }
        }
    }

    #[test]
    fn outside_is_what_was_asked_for() {
        let pixels = vec![200_u8; 48 * 48 * 3];
        let view = RgbView::new(&pixels, SIZE).unwrap();
        let far = SimilarityTransform::new(1.0, 0.0, 1e12, -1e12).unwrap();
        let mut chip = Vec::new();
        warp(view, &far, 4, Border::Nearest, &mut chip);
        assert!(chip.iter().all(|v| *v == 200));
        warp(view, &far, 4, Border::Black, &mut chip);
        assert!(chip.iter().all(|v| *v == 0));
    }

    #[test]
    fn inside_the_same_is_read_as_at_the_border() {
        let pixels: Vec<u8> = (0..48 * 48 * 3_u32).map(|i| (i * i % 251) as u8).collect();
        let view = RgbView::new(&pixels, SIZE).unwrap();
        for (scale, angle) in [(0.5_f32, 0.0_f32), (0.31, 0.4), (1.4, -0.6), (2.6, 0.2)] {
            let t = SimilarityTransform::new(scale, angle, 22.0, 15.0).unwrap();
            let side = 9;
            assert!(lies_inside(view, &t, side), "{scale} {angle}");
            let (mut inner, mut turned) = (Vec::new(), Vec::new());
            inner_rows(view, &t, side, |_, row| inner.extend_from_slice(row));
            turned_rows(view, &t, (side, Border::Black), |_, row| {
                turned.extend_from_slice(row);
            });
            assert_eq!(inner.len(), turned.len());
            // Places that are reckoned in another order lie a hair apart, which now and then rounds to the next number.
            let off: Vec<f32> = inner
                .iter()
                .zip(&turned)
                .map(|(a, b)| (a - b).abs())
                .collect();
            assert!(off.iter().all(|off| *off <= 1.0), "{scale} {angle}");
            let n_off = off.iter().filter(|off| **off > 0.0).count();
            assert!(n_off * 100 <= off.len(), "{scale} {angle}: {n_off}");
        }
        let out = SimilarityTransform::new(1.0, 0.0, 43.0, 15.0).unwrap();
        assert!(!lies_inside(view, &out, 4));
    }

    #[test]
    fn level_pieces_are_read_as_turned_ones() {
        let pixels: Vec<u8> = (0..48 * 48 * 3_u32).map(|i| (i * i % 251) as u8).collect();
        let view = RgbView::new(&pixels, SIZE).unwrap();
        // Inside, over an edge, and reduced so far that several samples are averaged.
        for (scale, x, y) in [
            (0.7_f32, 5.3, 9.1),
            (1.0, -7.4, 33.3),
            (2.4, -3.0, -11.5),
            (5.0, 1.0, 1.0),
        ] {
            let t = SimilarityTransform::new(scale, 0.0, x, y).unwrap();
            let (mut level, mut turned) = (Vec::new(), Vec::new());
            level_rows(view, &t, 13, |_, row| level.extend_from_slice(row));
            turned_rows(view, &t, (13, Border::Nearest), |_, row| {
                turned.extend_from_slice(row);
            });
            assert_eq!(level.len(), 13 * 13 * 3);
            assert!(level == turned, "{scale} {x} {y}");
        }
    }

    #[test]
    fn a_single_pixel_is_enough() {
        let view = RgbView::new(
            &[9, 8, 7],
            FrameSize {
                width: 1,
                height: 1,
            },
        )
        .unwrap();
        let t = SimilarityTransform::new(0.1, 0.0, 0.0, 0.0).unwrap();
        let mut chip = Vec::new();
        warp(view, &t, 10, Border::Nearest, &mut chip);
        assert!(chip.chunks(3).all(|p| p == [9, 8, 7]));
    }
}
