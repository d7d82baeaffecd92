//! What the input of a network has to hold.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use regard_domain::FrameSize;
use regard_vision::RgbView;
use serde::{Deserialize, Serialize};

/// Longest side of an input. Origin: twice the largest in common use.
const MAX_SIDE_PX: u32 = 1_024;

/// A picture that could not be scaled.
#[derive(Debug, thiserror::Error)]
#[error("the picture cannot be scaled to {width}x{height}")]
pub struct ResizeError {
    /// Wanted width.
    width: u32,
    /// Wanted height.
    height: u32,
    /// Why.
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// How axes are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// `[1, channel, row, column]`.
    Nchw,
    /// `[1, row, column, channel]`.
    Nhwc,
}

/// Order of the channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColorOrder {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
    /// One channel of brightness, by Rec. 601.
    Gray,
}

/// How a picture of another shape comes into the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// All of it, stretched.
    Stretch,
    /// The middle of it, in the shape of the input.
    Crop,
}

/// What the input of a network has to hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocessing {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// How axes are laid out.
    pub layout: Layout,
    /// Order of the channels.
    pub color: ColorOrder,
    /// How a picture of another shape comes into it.
    pub fit: Fit,
    /// Taken from each channel's 0 to 255.
    #[serde(default)]
    pub mean: [f32; 3],
    /// By what the rest is divided.
    #[serde(default = "ones")]
    pub deviation: [f32; 3],
}

const fn ones() -> [f32; 3] {
    [1.0; 3]
}

impl Preprocessing {
    /// MobileNetV2 of the optional files: model card `mobilenetv2-feat1280`.
    pub(super) const MOBILENET: Self = Self {
        width: 224,
        height: 224,
        layout: Layout::Nhwc,
        color: ColorOrder::Rgb,
        fit: Fit::Stretch,
        mean: [0.0; 3],
        deviation: [1.0; 3],
    };

    /// What is wrong with it, if anything.
    pub(in crate::learn) fn fault(&self) -> Option<String> {
        let sides = [self.width, self.height];
        if !sides.iter().all(|side| (1..=MAX_SIDE_PX).contains(side)) {
            return Some(format!("width and height are 1 to {MAX_SIDE_PX}"));
        }
        let numbers = self.mean.iter().chain(&self.deviation);
        let is_good = numbers.clone().all(|number| number.is_finite())
            && self
                .deviation
                .iter()
                .all(|deviation| deviation.abs() > 1e-6);
        (!is_good).then(|| "mean and deviation are numbers, and deviation is not 0".to_owned())
    }

    pub(super) fn shape(&self) -> [usize; 4] {
        let (width, height) = (self.width as usize, self.height as usize);
        let n_channels = match self.color {
            ColorOrder::Rgb | ColorOrder::Bgr => 3,
            ColorOrder::Gray => 1,
        };
        match self.layout {
            Layout::Nchw => [1, n_channels, height, width],
            Layout::Nhwc => [1, height, width, n_channels],
        }
    }

    /// Writes the input of a picture.
    pub(super) fn fill(
        &self,
        picture: RgbView<'_>,
        resizing: &mut Resizing,
        values: &mut Vec<f32>,
    ) -> Result<(), ResizeError> {
        let pixels = resizing.scale(picture, (self.width, self.height), self.fit)?;
        let n_pixels = pixels.len() / 3;
        let pick = |channel: usize, pixel: &[u8; 3]| -> f32 {
            let value = match self.color {
                ColorOrder::Rgb => f32::from(pixel[channel]),
                ColorOrder::Bgr => f32::from(pixel[2 - channel]),
                ColorOrder::Gray => brightness(pixel),
            };
            (value - self.mean[channel]) / self.deviation[channel]
        };
        let n_channels = self.shape().iter().product::<usize>() / n_pixels;
        values.clear();
        let pixels = pixels.as_chunks::<3>().0;
        match self.layout {
            Layout::Nhwc => {
                for pixel in pixels {
                    values.extend((0..n_channels).map(|channel| pick(channel, pixel)));
                }
            }
            Layout::Nchw => {
                for channel in 0..n_channels {
                    values.extend(pixels.iter().map(|pixel| pick(channel, pixel)));
                }
            }
        }
        Ok(())
    }
}

/// Brightness by Rec. 601, 0 to 255.
pub(super) fn brightness(pixel: &[u8; 3]) -> f32 {
    let [red, green, blue] = pixel.map(f32::from);
    0.299 * red + 0.587 * green + 0.114 * blue
}

/// Scales pictures, with buffers that are used again.
#[derive(Default)]
pub(super) struct Resizing {
    resizer: Resizer,
    pixels: Vec<u8>,
}

impl Resizing {
    /// The pixels of a picture in another size; averages where it becomes smaller.
    pub(super) fn scale(
        &mut self,
        picture: RgbView<'_>,
        (width, height): (u32, u32),
        fit: Fit,
    ) -> Result<&[u8], ResizeError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| ResizeError {
            width,
            height,
            source,
        };
        let size = picture.size();
        let source = TypedImageRef::<U8x3>::from_buffer(size.width, size.height, picture.pixels())
            .map_err(|error| failed(Box::new(error)))?;
        self.pixels.resize((width * height * 3) as usize, 0);
        let mut target = TypedImage::<U8x3>::from_buffer(width, height, &mut self.pixels)
            .map_err(|error| failed(Box::new(error)))?;
        let (left, top, w, h) = region(size, (width, height), fit);
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
            .crop(left, top, w, h);
        self.resizer
            .resize_typed(&source, &mut target, &options)
            .map_err(|error| failed(Box::new(error)))?;
        Ok(&self.pixels)
    }
}

/// Left, top, width and height of what is taken of a picture.
fn region(size: FrameSize, (width, height): (u32, u32), fit: Fit) -> (f64, f64, f64, f64) {
    let (w, h) = (f64::from(size.width), f64::from(size.height));
    match fit {
        Fit::Stretch => (0.0, 0.0, w, h),
        Fit::Crop => {
            let factor = (w / f64::from(width)).min(h / f64::from(height));
            let (own_w, own_h) = (f64::from(width) * factor, f64::from(height) * factor);
            ((w - own_w) / 2.0, (h - own_h) / 2.0, own_w, own_h)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_laid_out_as_told() {
        let pixels: Vec<u8> = [10, 20, 30].repeat(8);
        let size = FrameSize {
            width: 4,
            height: 2,
        };
        let view = RgbView::new(&pixels, size).unwrap();
        let check = |layout, color, expected: &[f32]| {
            let preprocessing = Preprocessing {
                width: 2,
                height: 1,
                layout,
                color,
                fit: Fit::Crop,
                mean: [10.0, 0.0, 0.0],
                deviation: [1.0, 2.0, 1.0],
            };
            let mut values = Vec::new();
            preprocessing
                .fill(view, &mut Resizing::default(), &mut values)
                .unwrap();
            assert_eq!(values, expected, "{layout:?} {color:?}");
            let n: usize = preprocessing.shape().iter().product();
            assert_eq!(values.len(), n);
        };
        check(
            Layout::Nchw,
            ColorOrder::Rgb,
            &[0.0, 0.0, 10.0, 10.0, 30.0, 30.0],
        );
        check(
            Layout::Nhwc,
            ColorOrder::Bgr,
            &[20.0, 10.0, 10.0, 20.0, 10.0, 10.0],
        );
        let gray = 0.299 * 10.0 + 0.587 * 20.0 + 0.114 * 30.0 - 10.0;
        check(Layout::Nhwc, ColorOrder::Gray, &[gray, gray]);
    }

    #[test]
    fn crops_keep_the_shape_of_things() {
        let size = |width, height| FrameSize { width, height };
        assert_eq!(
            region(size(400, 200), (224, 224), Fit::Crop),
            (100.0, 0.0, 200.0, 200.0)
        );
        assert_eq!(
            region(size(400, 200), (224, 224), Fit::Stretch),
            (0.0, 0.0, 400.0, 200.0)
        );
        let (left, top, w, h) = region(size(3, 5), (7, 7), Fit::Crop);
        assert!(left >= 0.0 && top >= 0.0 && left + w <= 3.0 && top + h <= 5.0);
    }
}
