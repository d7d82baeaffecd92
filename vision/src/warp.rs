//! Cutting a rotated, scaled piece out of a picture.

use regard_domain::{Point, SimilarityTransform};

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
/// Both spaces are continuous: the middle of the first pixel is at (0.5, 0.5). Bilinear; where the
/// picture is reduced, up to 4 × 4 samples are averaged for each pixel.
pub(crate) fn warp(
    picture: RgbView<'_>,
    frame_from_chip: &SimilarityTransform,
    side: usize,
    border: Border,
    chip: &mut Vec<u8>,
) {
    chip.resize(side * side * 3, 0);
    let (a, b, tx, ty) = frame_from_chip.coefficients();
    // Reduction by less than half needs no more than one sample: bilinear weights cover it.
    let n = (frame_from_chip.scale().round() as u32).clamp(1, MAX_SAMPLES);
    let step = 1.0 / n as f32;
    for (y, row) in chip.chunks_exact_mut(side * 3).enumerate() {
        for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
            let mut sum = [0.0_f32; 3];
            for j in 0..n {
                let v = y as f32 + (j as f32 + 0.5) * step;
                for i in 0..n {
                    let u = x as f32 + (i as f32 + 0.5) * step;
                    let place = Point::new(a * u - b * v + tx, b * u + a * v + ty);
                    let rgb = sample(picture, place, border);
                    for (s, c) in sum.iter_mut().zip(rgb) {
                        *s += c;
                    }
                }
            }
            for (p, s) in pixel.iter_mut().zip(sum) {
                *p = (s * step * step + 0.5) as u8;
            }
        }
    }
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
    if left >= 0 && top >= 0 && left < width - 1 && top < height - 1 {
        let at = (top as usize * width as usize + left as usize) * 3;
        let below = at + width as usize * 3;
        let (upper, lower) = (&pixels[at..at + 6], &pixels[below..below + 6]);
        return std::array::from_fn(|c| {
            let up = f32::from(upper[c]) * (1.0 - fx) + f32::from(upper[c + 3]) * fx;
            let low = f32::from(lower[c]) * (1.0 - fx) + f32::from(lower[c + 3]) * fx;
            up * (1.0 - fy) + low * fy
        });
    }
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

/// Luma of RGB pixels, in `[0, 255]`.
///
/// # Source
/// ITU-R BT.601, 2.5.1.
pub(crate) fn gray(rgb: &[u8]) -> impl Iterator<Item = f32> + '_ {
    rgb.chunks_exact(3)
        .map(|p| 0.299 * f32::from(p[0]) + 0.587 * f32::from(p[1]) + 0.114 * f32::from(p[2]))
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
