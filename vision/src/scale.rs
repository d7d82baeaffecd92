//! A piece of a picture, scaled and laid out as the detector wants it.

use regard_domain::BBox;
use regard_inference::{AxisScale, ColorPlanes, Scaler};

use crate::{AnalysisError, RgbView};

/// Both sides of the detector's input are multiples of this: its coarsest stride.
pub(crate) const GRID_PX: usize = 32;

/// How far rounding may put an edge of a clipped region beyond the picture, in pixels.
/// Origin: left and width of 32 bits each are off by a thousandth at 20,000.
const ROUNDING_PX: f32 = 0.01;

/// `[1, 3, height, width]` for the detector, and how to go back.
///
/// # Privacy
/// Holds the pixels of the last picture until the next.
#[derive(Default)]
pub(crate) struct PlanarInput {
    scaler: Scaler,
    planes: Vec<f32>,
    width: usize,
    height: usize,
    frame_from_input: (f32, f32),
    origin_in_frame: (f32, f32),
}

impl PlanarInput {
    /// Cuts out `region` (inside the picture, in pixels), scales it to `width` × `height` and lays it
    /// into the top left corner of an input whose sides are the next multiples of 32; the rest is black.
    /// Blue, green, red planes in 0..255.
    ///
    /// # Errors
    /// [`AnalysisError::Resize`] when the region is not inside the picture.
    pub(crate) fn fill(
        &mut self,
        picture: RgbView<'_>,
        region: &BBox,
        width: usize,
        height: usize,
    ) -> Result<(), AnalysisError> {
        let (width, height) = (width.max(1), height.max(1));
        let size = picture.size();
        let is_inside = region.left() >= 0.0
            && region.top() >= 0.0
            && region.right() <= size.width as f32 + ROUNDING_PX
            && region.bottom() <= size.height as f32 + ROUNDING_PX;
        if !is_inside {
            return Err(AnalysisError::Resize {
                source: "the region is not inside the picture".into(),
            });
        }
        let is_native = region.left() == 0.0
            && region.top() == 0.0
            && (width, height) == (size.width as usize, size.height as usize)
            && (region.width(), region.height()) == (size.width as f32, size.height as f32);
        self.width = width.next_multiple_of(GRID_PX);
        self.height = height.next_multiple_of(GRID_PX);
        let plane_len = self.width * self.height;
        self.planes.resize(plane_len * 3, 0.0);
        let (blue, rest) = self.planes.split_at_mut(plane_len);
        let (green, red) = rest.split_at_mut(plane_len);
        if is_native {
            let rows = picture.pixels().chunks_exact(width * 3);
            for (y, row) in rows.enumerate() {
                let at = y * self.width;
                let rows = [&mut *red, &mut *green, &mut *blue];
                take_apart(row, rows.map(|plane| &mut plane[at..at + width]));
            }
        } else {
            let x = AxisScale {
                n_inputs: size.width as usize,
                start: region.left(),
                len: region.width(),
                n_outputs: width,
            };
            let y = AxisScale {
                n_inputs: size.height as usize,
                start: region.top(),
                len: region.height(),
                n_outputs: height,
            };
            let step = self.width;
            let colors = [red, green, blue];
            let mut into = ColorPlanes { colors, step };
            self.scaler.scale(picture.pixels(), x, y, &mut into);
        }
        // What lies beside it, and below.
        for plane in self.planes.chunks_exact_mut(plane_len) {
            let (beside, below) = plane.split_at_mut(height * self.width);
            for row in beside.chunks_exact_mut(self.width) {
                row[width..].fill(0.0);
            }
            below.fill(0.0);
        }
        self.frame_from_input = (
            region.width() / width as f32,
            region.height() / height as f32,
        );
        self.origin_in_frame = (region.left(), region.top());
        Ok(())
    }

    /// `[1, 3, height, width]`.
    pub(crate) const fn shape(&self) -> [usize; 4] {
        [1, 3, self.height, self.width]
    }

    pub(crate) fn planes(&self) -> &[f32] {
        &self.planes
    }

    /// Frame pixels for a pixel of the input, along x and y.
    pub(crate) const fn frame_from_input(&self) -> (f32, f32) {
        self.frame_from_input
    }

    /// Where the region begins.
    pub(crate) const fn origin_in_frame(&self) -> (f32, f32) {
        self.origin_in_frame
    }
}

/// Pixels that are taken apart together, so that vectors do it.
const BLOCK: usize = 16;

/// Red, green and blue of a row, each by itself.
fn take_apart(row: &[u8], [red, green, blue]: [&mut [f32]; 3]) {
    let (blocks, rest) = row.as_chunks::<{ BLOCK * 3 }>();
    let (red, red_rest) = red.as_chunks_mut::<BLOCK>();
    let (green, green_rest) = green.as_chunks_mut::<BLOCK>();
    let (blue, blue_rest) = blue.as_chunks_mut::<BLOCK>();
    for (index, block) in blocks.iter().enumerate() {
        let mut colors = [0_u32; BLOCK];
        for (k, color) in colors.iter_mut().enumerate() {
            // Four bytes at a time, of which the last, or of the last pixel the first, is a neighbour's.
            let (at, shift) = if k + 1 < BLOCK {
                (k * 3, 0)
            } else {
                (k * 3 - 1, 8)
            };
            let four = [block[at], block[at + 1], block[at + 2], block[at + 3]];
            *color = u32::from_le_bytes(four) >> shift;
        }
        let planes = [&mut red[index], &mut green[index], &mut blue[index]];
        for (c, plane) in planes.into_iter().enumerate() {
            for (into, color) in plane.iter_mut().zip(colors) {
                *into = (color >> (8 * c) & 0xff) as i32 as f32;
            }
        }
    }
    let rest = rest.as_chunks::<3>().0.iter();
    for (((pixel, red), green), blue) in rest.zip(red_rest).zip(green_rest).zip(blue_rest) {
        (*red, *green, *blue) = (pixel[0].into(), pixel[1].into(), pixel[2].into());
    }
}

#[cfg(test)]
mod tests {
    use regard_domain::FrameSize;

    use super::*;

    #[test]
    fn planes_are_blue_green_red_with_black_around() {
        let size = FrameSize {
            width: 33,
            height: 2,
        };
        let pixels: Vec<u8> = [10, 20, 30].repeat(66);
        let view = RgbView::new(&pixels, size).unwrap();
        let mut input = PlanarInput::default();
        let all = BBox::new(0.0, 0.0, 33.0, 2.0).unwrap();
        input.fill(view, &all, 33, 2).unwrap();
        assert_eq!(input.shape(), [1, 3, 32, 64]);
        let plane = |c: usize| &input.planes()[c * 32 * 64..(c + 1) * 32 * 64];
        for (c, value) in [(0, 30.0), (1, 20.0), (2, 10.0)] {
            assert_eq!(plane(c)[32], value);
            assert_eq!(plane(c)[33], 0.0);
            assert_eq!(plane(c)[64 + 5], value);
            assert_eq!(plane(c)[128], 0.0);
        }
    }

    #[test]
    fn rows_of_any_length_are_taken_apart() {
        for n in [0, 1, 15, 16, 17, 47, 48, 100] {
            let row: Vec<u8> = (0..n * 3_usize).map(|i| (i * 7 % 256) as u8).collect();
            let mut planes = [(); 3].map(|()| vec![-1.0; n]);
            let [red, green, blue] = &mut planes;
            take_apart(&row, [red, green, blue]);
            for (c, plane) in planes.iter().enumerate() {
                let expected: Vec<f32> = (0..n).map(|x| f32::from(row[x * 3 + c])).collect();
                assert_eq!(*plane, expected, "{n} pixels");
            }
        }
    }

    #[test]
    fn a_region_is_scaled_and_knows_its_way_back() {
        let size = FrameSize {
            width: 64,
            height: 64,
        };
        let pixels: Vec<u8> = (0..64 * 64)
            .flat_map(|i| {
                let inside = (16..48).contains(&(i % 64)) && (16..48).contains(&(i / 64));
                [if inside { 200 } else { 0 }; 3]
            })
            .collect();
        let view = RgbView::new(&pixels, size).unwrap();
        let mut input = PlanarInput::default();
        let region = BBox::new(16.0, 16.0, 32.0, 32.0).unwrap();
        input.fill(view, &region, 16, 16).unwrap();
        assert_eq!(input.frame_from_input(), (2.0, 2.0));
        assert_eq!(input.origin_in_frame(), (16.0, 16.0));
        assert_eq!(input.planes()[8 * 32 + 8], 200.0);
        let rounded = BBox::new(31.7, 31.7, 32.300_003, 32.300_003).unwrap();
        input.fill(view, &rounded, 16, 16).unwrap();
        let outside = BBox::new(-1.0, 0.0, 8.0, 8.0).unwrap();
        assert!(input.fill(view, &outside, 8, 8).is_err());
    }

    /// The whole picture and a piece of it, reduced and enlarged, beside a library that rounds twice on its way.
    #[test]
    fn a_picture_is_scaled_as_a_library_does() {
        use fast_image_resize::images::{TypedImage, TypedImageRef};
        use fast_image_resize::pixels::U8x3;
        use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

        let size = FrameSize {
            width: 120,
            height: 90,
        };
        let pixels: Vec<u8> = (0..size.width * size.height * 3)
            .map(|i| (i * i % 251) as u8)
            .collect();
        let view = RgbView::new(&pixels, size).unwrap();
        let source = TypedImageRef::<U8x3>::from_buffer(size.width, size.height, &pixels).unwrap();
        let whole = BBox::new(0.0, 0.0, 120.0, 90.0).unwrap();
        let part = BBox::new(10.5, 20.25, 80.0, 60.0).unwrap();
        for (region, width, height) in [
            (whole, 40, 30),
            (whole, 77, 51),
            (whole, 180, 135),
            (part, 31, 33),
            (part, 100, 64),
        ] {
            let mut input = PlanarInput::default();
            input.fill(view, &region, width, height).unwrap();
            let mut scaled = vec![0_u8; width * height * 3];
            let mut target =
                TypedImage::<U8x3>::from_buffer(width as u32, height as u32, &mut scaled).unwrap();
            let options = ResizeOptions::new()
                .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
                .crop(
                    region.left().into(),
                    region.top().into(),
                    region.width().into(),
                    region.height().into(),
                );
            let mut resizer = Resizer::new();
            resizer
                .resize_typed(&source, &mut target, &options)
                .unwrap();
            let [.., plane_height, plane_width] = input.shape();
            for (c, plane) in input
                .planes()
                .chunks(plane_height * plane_width)
                .enumerate()
            {
                for (at, pixel) in scaled.chunks_exact(3).enumerate() {
                    let found = plane[at / width * plane_width + at % width];
                    let expected = f32::from(pixel[2 - c]);
                    assert!(
                        (found - expected).abs() <= 1.5,
                        "{width}x{height}: {found} instead of {expected} at {at}"
                    );
                }
            }
        }
    }
}
