//! A made-up camera picture with as many faces as wanted: the committed clip of one face, enlarged and
//! pasted into cells of different sizes, each at another time of the clip.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use fast_image_resize::Resizer;
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use regard_domain::{BBox, FrameSize};

/// The committed clip, 400 x 300; terms and people in the fixtures' `PROVENANCE.toml`.
const CLIP: &[u8] = include_bytes!("../fixtures/clip/demo.mjpeg");

/// Frames a second of the clip.
pub const CLIP_FPS: u32 = 15;

/// The frames of the committed clip, as JPEGs.
pub fn clip_jpegs() -> Vec<&'static [u8]> {
    jpegs(CLIP)
}

/// Size of the clip's frames.
pub const CLIP_SIZE: FrameSize = FrameSize {
    width: 400,
    height: 300,
};

/// Frames of the clip in which nobody is to be seen, as its `demo.toml` says: 3.2 s to 4.5 s, and two
/// frames on either side. They are left out, so that a wall always shows all of its faces.
const NOBODY: std::ops::Range<usize> = 46..70;

/// Frames a second of the file, as webcams deliver them.
pub const WALL_FPS: u32 = 30;

/// How often each picture comes in the file: the clip has 15 a second.
const REPEATS: usize = 2;

/// How far the cells are apart in the clip, in its frames: 4.5 s, and no divisor of its length.
const OFFSET_FRAMES: usize = 67;

/// Quality of the JPEGs: what webcams send.
const QUALITY: u8 = 85;

/// Most faces a wall holds.
pub const MAX_WALL_FACES: usize = 5;

/// Left, top and width of the cells in a frame of 1920 x 1080; the height is three quarters of the
/// width. Faces are 0.18 to 0.31 of a cell wide: from 180 to 310 pixels down to 72 to 125, the least
/// that the detector finds at 320 pixels.
const FULL_HD_CELLS: [(u32, u32, u32); MAX_WALL_FACES] = [
    (0, 0, 1_000),
    (1_020, 0, 880),
    (1_020, 690, 500),
    (0, 760, 420),
    (450, 770, 400),
];

/// The same in a frame of 640 x 480: faces from 100 down to 30 pixels.
const VGA_CELLS: [(u32, u32, u32); MAX_WALL_FACES] = [
    (0, 0, 340),
    (360, 10, 260),
    (10, 280, 220),
    (250, 300, 200),
    (470, 320, 160),
];

/// The same in a photograph of 4000 x 3000, twice as large as in full HD.
const PHOTOGRAPH_CELLS: [(u32, u32, u32); MAX_WALL_FACES] = [
    (0, 0, 2_000),
    (2_040, 0, 1_760),
    (2_040, 1_380, 1_000),
    (0, 1_520, 840),
    (900, 1_540, 800),
];

/// Quality of the JPEGs of photographs. Origin: about what telephones use.
const PHOTOGRAPH_QUALITY: u8 = 92;

/// Standard deviation of the noise in photographs, of 255. Origin: telephones indoors, about ISO 800, after their own filters.
const SENSOR_NOISE: f32 = 4.0;

/// A camera picture with one to [`MAX_WALL_FACES`] faces before a grey gradient.
#[derive(Clone)]
pub struct FaceWall {
    size: FrameSize,
    cells: Vec<Cell>,
    clip: Vec<&'static [u8]>,
    background: Vec<u8>,
}

/// Where the clip is pasted.
#[derive(Clone, Copy)]
struct Cell {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl FaceWall {
    /// 1920 x 1080 with so many faces, at most [`MAX_WALL_FACES`].
    pub fn full_hd(n_faces: usize) -> Self {
        let size = FrameSize {
            width: 1_920,
            height: 1_080,
        };
        Self::new(size, &FULL_HD_CELLS, n_faces)
    }

    /// 640 x 480 with so many faces, at most [`MAX_WALL_FACES`].
    pub fn vga(n_faces: usize) -> Self {
        let size = FrameSize {
            width: 640,
            height: 480,
        };
        Self::new(size, &VGA_CELLS, n_faces)
    }

    /// 4000 x 3000 with so many faces, at most [`MAX_WALL_FACES`].
    pub fn photograph(n_faces: usize) -> Self {
        let size = FrameSize {
            width: 4_000,
            height: 3_000,
        };
        Self::new(size, &PHOTOGRAPH_CELLS, n_faces)
    }

    fn new(size: FrameSize, cells: &[(u32, u32, u32)], n_faces: usize) -> Self {
        let cells = cells.iter().take(n_faces).map(|(left, top, width)| Cell {
            left: *left as usize,
            top: *top as usize,
            width: *width as usize,
            height: *width as usize * 3 / 4,
        });
        let mut clip = jpegs(CLIP);
        clip.drain(NOBODY);
        Self {
            size,
            cells: cells.collect(),
            clip,
            background: gradient(size),
        }
    }

    /// Size of the pictures.
    pub const fn size(&self) -> FrameSize {
        self.size
    }

    /// Where a face is, one each.
    pub fn cells(&self) -> Vec<BBox> {
        let boxes = self.cells.iter().filter_map(|c| {
            BBox::new(c.left as f32, c.top as f32, c.width as f32, c.height as f32)
        });
        boxes.collect()
    }

    /// How many different pictures there are; each comes twice in the file.
    pub fn n_pictures(&self) -> usize {
        self.clip.len()
    }

    /// One picture, RGB, row by row; pictures come round.
    ///
    /// # Privacy
    /// Shows people who published these pictures themselves; see the fixtures' `PROVENANCE.toml`.
    ///
    /// # Errors
    /// When the committed clip is damaged.
    pub fn picture(&self, index: usize) -> io::Result<Vec<u8>> {
        let mut rgb = self.background.clone();
        for (n, cell) in self.cells.iter().enumerate() {
            let frame = self.clip[(index + n * OFFSET_FRAMES) % self.clip.len()];
            cell.paste(&scaled(frame, cell)?, self.size, &mut rgb);
        }
        Ok(rgb)
    }

    /// The same as a baseline JPEG, 4:2:2 as webcams send it.
    ///
    /// # Errors
    /// As [`FaceWall::picture`].
    pub fn jpeg(&self, index: usize) -> io::Result<Vec<u8>> {
        let sampling = jpeg_encoder::SamplingFactor::R_4_2_2;
        self.encoded(&self.picture(index)?, QUALITY, sampling)
    }

    /// The same as a baseline JPEG of 4:2:0 with the noise of a sensor, as telephones make them.
    ///
    /// # Errors
    /// As [`FaceWall::picture`].
    pub fn noisy_jpeg(&self, index: usize) -> io::Result<Vec<u8>> {
        let mut rgb = self.picture(index)?;
        let mut state = index as u64 + 1;
        for value in &mut rgb {
            // Four uniform numbers at once, nearly normal: variance 4/12 of a range of 1.
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let sum: u64 = (0..4).map(|i| (state >> (16 + 12 * i)) & 0xFFF).sum();
            let normal = (sum as f32 / 4_096.0 - 2.0) * 3.0_f32.sqrt();
            *value = (f32::from(*value) + SENSOR_NOISE * normal).round() as u8;
        }
        let sampling = jpeg_encoder::SamplingFactor::R_4_2_0;
        self.encoded(&rgb, PHOTOGRAPH_QUALITY, sampling)
    }

    fn encoded(
        &self,
        rgb: &[u8],
        quality: u8,
        sampling: jpeg_encoder::SamplingFactor,
    ) -> io::Result<Vec<u8>> {
        let mut jpeg = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut jpeg, quality);
        encoder.set_sampling_factor(sampling);
        let side = |px: u32| u16::try_from(px).map_err(io::Error::other);
        let (width, height) = (side(self.size.width)?, side(self.size.height)?);
        encoder
            .encode(rgb, width, height, jpeg_encoder::ColorType::Rgb)
            .map_err(io::Error::other)?;
        Ok(jpeg)
    }

    /// Writes all pictures as Motion-JPEG of [`WALL_FPS`], about 23 s, to be looped. The source of the
    /// configuration is `clip:PATH?fps=30&loop`.
    ///
    /// # Errors
    /// When the file cannot be written, or as [`FaceWall::picture`].
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        for index in 0..self.n_pictures() {
            let jpeg = self.jpeg(index)?;
            for _ in 0..REPEATS {
                file.write_all(&jpeg)?;
            }
        }
        file.flush()
    }
}

impl Cell {
    fn paste(self, pixels: &[u8], size: FrameSize, rgb: &mut [u8]) {
        let row_bytes = size.width as usize * 3;
        for (y, row) in pixels.chunks_exact(self.width * 3).enumerate() {
            let start = (self.top + y) * row_bytes + self.left * 3;
            rgb[start..start + row.len()].copy_from_slice(row);
        }
    }
}

/// The JPEGs of a bare Motion-JPEG file. Its frames hold no thumbnails, so that each ends at the first
/// end-of-image marker before a start-of-image marker.
fn jpegs(bytes: &'static [u8]) -> Vec<&'static [u8]> {
    let mut starts: Vec<usize> = bytes
        .windows(4)
        .enumerate()
        .filter(|(at, w)| {
            let is_start = w[..3] == [0xff, 0xd8, 0xff];
            is_start && (*at == 0 || bytes[..*at].ends_with(&[0xff, 0xd9]))
        })
        .map(|(at, _)| at)
        .collect();
    starts.push(bytes.len());
    starts.windows(2).map(|w| &bytes[w[0]..w[1]]).collect()
}

/// A frame of the clip in the size of a cell.
fn scaled(jpeg: &[u8], cell: &Cell) -> io::Result<Vec<u8>> {
    let pixels = jpeg_decoder::Decoder::new(jpeg)
        .decode()
        .map_err(io::Error::other)?;
    let source = TypedImageRef::<U8x3>::from_buffer(CLIP_SIZE.width, CLIP_SIZE.height, &pixels)
        .map_err(io::Error::other)?;
    let (width, height) = (cell.width as u32, cell.height as u32);
    let mut scaled = vec![0; width as usize * height as usize * 3];
    let mut target =
        TypedImage::<U8x3>::from_buffer(width, height, &mut scaled).map_err(io::Error::other)?;
    Resizer::new()
        .resize_typed(&source, &mut target, None)
        .map_err(io::Error::other)?;
    Ok(scaled)
}

/// Grey from dark at the top to light at the bottom, with a fine grain that costs a JPEG some bytes, as
/// real rooms do.
fn gradient(size: FrameSize) -> Vec<u8> {
    let (width, height) = (size.width, size.height);
    let mut rgb = Vec::with_capacity((width * height * 3) as usize);
    for y in 0..height {
        for x in 0..width {
            // A hash of the place: the same grain in every picture and every run.
            let grain = (x.wrapping_mul(73_856_093) ^ y.wrapping_mul(19_349_663)) >> 7 & 7;
            let value = 60 + 120 * y / height + grain;
            rgb.extend([value as u8; 3]);
        }
    }
    rgb
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clip_has_the_frames_its_description_names() {
        assert_eq!(jpegs(CLIP).len(), 372);
        assert_eq!(FaceWall::vga(1).n_pictures(), 372 - NOBODY.len());
    }

    #[test]
    fn cells_lie_in_the_frame_and_apart() {
        for wall in [
            FaceWall::full_hd(5),
            FaceWall::vga(5),
            FaceWall::photograph(5),
        ] {
            let (cells, size) = (wall.cells(), wall.size());
            assert_eq!(cells.len(), 5);
            for (i, cell) in cells.iter().enumerate() {
                assert!(cell.right() <= size.width as f32, "cell {i}");
                assert!(cell.bottom() <= size.height as f32, "cell {i}");
                for other in &cells[..i] {
                    assert_eq!(cell.intersection(other), 0.0, "cell {i}");
                }
            }
        }
    }

    #[test]
    fn the_same_every_time_and_different_from_time_to_time() {
        let wall = FaceWall::vga(2);
        assert!(wall.jpeg(7).unwrap() == FaceWall::vga(2).jpeg(7).unwrap());
        assert!(wall.picture(7).unwrap() != wall.picture(8).unwrap());
    }
}
