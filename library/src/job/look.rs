//! What a picture looks like from afar.

use regard_vision::RgbView;

use crate::rows::rounded;

/// Longer side of the grey picture that sharpness is measured on, in pixels, so that pictures of all sizes compare.
const SHARPNESS_SIDE: usize = 512;

/// Least standard deviation of luma, of 255, from which a picture shows something: an empty page has no look to compare.
const MIN_CONTRAST: f64 = 4.0;

/// Measures of a whole picture.
///
/// # Privacy
/// Of the picture, not of anybody in it; the look is not written into tables.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// Variance of the Laplacian of luma (0 to 255) at a longer side of 512 pixels; greater is sharper, noise counts as sharp.
    ///
    /// # Source
    /// Pech-Pacheco and others, "Diatom autofocusing in brightfield microscopy", ICPR 2000.
    pub sharpness: f64,
    /// Mean luma in `[0, 1]`.
    pub brightness: f64,
    /// What is compared for near duplicates; nothing when the picture is all but empty.
    pub hash: Option<LookHash>,
}

/// Where a picture grows brighter to the right, and downwards, on a grid of 8 by 8: 64 bits each.
///
/// # Source
/// The difference hash of Neal Krawetz, "Kind of like that", hackerfactor.com, 2013; here for both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookHash(pub(super) u128);

impl LookHash {
    pub(super) const fn bits(self) -> u128 {
        self.0
    }

    /// In how many of 128 bits two looks differ.
    pub const fn difference(self, other: Self) -> u32 {
        (self.0 ^ other.0).count_ones()
    }

    /// As hexadecimal.
    pub fn to_hex(self) -> String {
        format!("{:032x}", self.0)
    }

    /// From hexadecimal.
    pub(super) fn from_hex(text: &str) -> Option<Self> {
        u128::from_str_radix(text, 16).ok().map(Self)
    }
}

/// A grey picture.
struct Grey {
    luma: Vec<f32>,
    width: usize,
    height: usize,
}

impl Grey {
    /// Means of the pixels that fall into each cell.
    fn reduced(picture: RgbView<'_>, width: usize, height: usize) -> Self {
        let size = picture.size();
        let (full_width, full_height) = (size.width as usize, size.height as usize);
        let mut luma = Vec::with_capacity(width * height);
        let mut sums = vec![0_u32; full_width];
        for y in 0..height {
            let (top, bottom) = span(y, height, full_height);
            sums.fill(0);
            for row in top..bottom {
                let begin = row * full_width * 3;
                let pixels = picture.pixels()[begin..begin + full_width * 3].chunks_exact(3);
                for (sum, rgb) in sums.iter_mut().zip(pixels) {
                    // Rec. 601 in parts of 256.
                    *sum +=
                        77 * u32::from(rgb[0]) + 150 * u32::from(rgb[1]) + 29 * u32::from(rgb[2]);
                }
            }
            for x in 0..width {
                let (left, right) = span(x, width, full_width);
                let n = ((bottom - top) * (right - left)) as f64;
                let sum: u64 = sums[left..right].iter().map(|s| u64::from(*s)).sum();
                luma.push((sum as f64 / (n * 256.0)) as f32);
            }
        }
        Self {
            luma,
            width,
            height,
        }
    }

    fn at(&self, x: usize, y: usize) -> f32 {
        self.luma[y * self.width + x]
    }

    /// Variance of the Laplacian; 0 where there is no room for one.
    fn sharpness(&self) -> f64 {
        if self.width < 3 || self.height < 3 {
            return 0.0;
        }
        let (mut sum, mut squares) = (0.0_f64, 0.0_f64);
        for y in 1..self.height - 1 {
            for x in 1..self.width - 1 {
                let around =
                    self.at(x - 1, y) + self.at(x + 1, y) + self.at(x, y - 1) + self.at(x, y + 1);
                let value = f64::from(4.0_f32.mul_add(-self.at(x, y), around));
                sum += value;
                squares += value * value;
            }
        }
        let n = ((self.width - 2) * (self.height - 2)) as f64;
        (squares / n - (sum / n).powi(2)).max(0.0)
    }

    /// Mean and standard deviation.
    fn moments(&self) -> (f64, f64) {
        let n = self.luma.len() as f64;
        let mean = self.luma.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
        let squares = self.luma.iter().map(|v| (f64::from(*v) - mean).powi(2));
        (mean, (squares.sum::<f64>() / n).sqrt())
    }
}

/// The pixels of one cell along one axis; at least one.
fn span(cell: usize, n_cells: usize, len: usize) -> (usize, usize) {
    let begin = cell * len / n_cells;
    (begin, ((cell + 1) * len / n_cells).max(begin + 1))
}

/// Measures a picture.
pub fn look_at(picture: RgbView<'_>) -> Look {
    let size = picture.size();
    let (width, height) = (size.width as usize, size.height as usize);
    let longer = width.max(height);
    let scaled = |side: usize| {
        if longer <= SHARPNESS_SIDE {
            side
        } else {
            (side * SHARPNESS_SIDE / longer).max(1)
        }
    };
    let grey = Grey::reduced(picture, scaled(width), scaled(height));
    let (mean, deviation) = grey.moments();
    let hash = (deviation >= MIN_CONTRAST && width >= 9 && height >= 9).then(|| {
        let across = Grey::reduced(picture, 9, 8);
        let down = Grey::reduced(picture, 8, 9);
        let mut bits = 0_u128;
        for y in 0..8 {
            for x in 0..8 {
                bits = bits << 1 | u128::from(across.at(x, y) < across.at(x + 1, y));
                bits = bits << 1 | u128::from(down.at(x, y) < down.at(x, y + 1));
            }
        }
        LookHash(bits)
    });
    Look {
        sharpness: rounded(grey.sharpness(), 2),
        brightness: rounded(mean / 255.0, 4),
        hash,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use regard_domain::FrameSize;
    use regard_vision::{Photo, Picture};

    use super::*;

    fn fixture(name: &str) -> Photo {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/fixtures/photos");
        Photo::open(&folder.join(name)).unwrap()
    }

    /// Means of two by two pixels.
    fn halved(picture: RgbView<'_>) -> Picture {
        let FrameSize { width, height } = picture.size();
        let (w, h) = (width as usize / 2, height as usize / 2);
        let mut pixels = Vec::new();
        for y in 0..h {
            for x in 0..w {
                for c in 0..3 {
                    let at = |dx: usize, dy: usize| {
                        let index = ((2 * y + dy) * width as usize + 2 * x + dx) * 3 + c;
                        u32::from(picture.pixels()[index])
                    };
                    pixels.push(((at(0, 0) + at(1, 0) + at(0, 1) + at(1, 1)) / 4) as u8);
                }
            }
        }
        let size = FrameSize {
            width: w as u32,
            height: h as u32,
        };
        Picture::from_rgb(pixels, size).unwrap()
    }

    #[test]
    fn the_same_picture_in_another_form_looks_the_same() {
        let png = look_at(fixture("astronaut.png").view()).hash.unwrap();
        for other in ["astronaut.webp", "astronaut.gif", "astronaut.bmp"] {
            let other = look_at(fixture(other).view()).hash.unwrap();
            let difference = png.difference(other);
            assert!(
                difference <= super::super::alike::MAX_DIFFERENCE,
                "{difference}"
            );
        }
        let jpeg = fixture("astronaut.jpg");
        let hash = look_at(jpeg.view()).hash.unwrap();
        let small = halved(jpeg.view());
        let smaller = look_at(small.view());
        assert!(hash.difference(smaller.hash.unwrap()) <= 6);
        for other in ["grace_hopper.jpg", "solvay.jpg"] {
            let other = fixture(other);
            let difference = hash.difference(look_at(other.view()).hash.unwrap());
            assert!(difference >= 20, "{difference}");
        }
        assert_eq!(LookHash::from_hex(&hash.to_hex()), Some(hash));
    }

    #[test]
    fn blur_is_less_sharp_and_nothing_has_no_look() {
        let photo = fixture("grace_hopper.jpg");
        let FrameSize { width, height } = photo.size();
        let mut blurred = photo.view().pixels().to_vec();
        let row = width as usize * 3;
        for y in 2..height as usize - 2 {
            for i in 6..row - 6 {
                let at = y * row + i;
                let sum: u32 = [at - 6, at - 3, at, at + 3, at + 6]
                    .into_iter()
                    .chain([at - 2 * row, at - row, at + row, at + 2 * row])
                    .map(|at| u32::from(photo.view().pixels()[at]))
                    .sum();
                blurred[at] = (sum / 9) as u8;
            }
        }
        let blurred = Picture::from_rgb(blurred, photo.size()).unwrap();
        let (sharp, soft) = (look_at(photo.view()), look_at(blurred.view()));
        assert!(soft.sharpness * 2.0 < sharp.sharpness, "{soft:?} {sharp:?}");
        assert!((soft.brightness - sharp.brightness).abs() < 0.02);
        let size = FrameSize {
            width: 30,
            height: 20,
        };
        let white = Picture::from_rgb(vec![255; 1_800], size).unwrap();
        let expected = Look {
            sharpness: 0.0,
            brightness: 1.0,
            hash: None,
        };
        assert_eq!(look_at(white.view()), expected);
    }
}
