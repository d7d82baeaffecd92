//! Somebody before a camera who follows challenges: frames of the committed clip, and its face turned and lit as asked.

use std::path::PathBuf;

use crate::puppet;

/// Frames of the clip in which the man stands and looks into the camera.
const ALIVE: std::ops::Range<usize> = 318..370;

/// Width of all pictures.
const WIDTH: usize = 400;

/// Where the head of the turned pictures is: middle, and half its extent; what their generator printed.
const HEAD: ([f32; 2], [f32; 2]) = ([209.78, 176.90], [63.45, 80.22]);

/// Somebody before a camera.
#[derive(Clone, Debug)]
pub struct Actor {
    alive: Vec<Vec<u8>>,
    fixtures: PathBuf,
}

impl Default for Actor {
    fn default() -> Self {
        Self::new()
    }
}

impl Actor {
    /// The man of the clip.
    ///
    /// # Panics
    /// When the fixtures are not there.
    pub fn new() -> Self {
        let fixtures = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"));
        let clip = std::fs::read(fixtures.join("clip/demo.mjpeg")).expect("the committed clip");
        let begins: Vec<usize> = clip
            .windows(3)
            .enumerate()
            .filter_map(|(at, bytes)| (bytes == [0xff, 0xd8, 0xff]).then_some(at))
            .collect();
        let alive = ALIVE.map(|index| clip[begins[index]..begins[index + 1]].to_vec());
        Self {
            alive: alive.collect(),
            fixtures,
        }
    }

    /// A frame of him looking into the camera, breathing and blinking; later numbers are later frames. JPEG.
    pub fn alive(&self, number: usize) -> &[u8] {
        // There and back again, so that nothing jumps.
        let n = self.alive.len();
        let place = number % (2 * n);
        &self.alive[if place < n { place } else { 2 * n - 1 - place }]
    }

    /// His head turned: `ahead`, `left`, `right`, `up` or `down` in the image. JPEG.
    ///
    /// # Panics
    /// For any other word.
    pub fn turned(&self, direction: &str) -> Vec<u8> {
        let file = self.fixtures.join(format!("puppet/{direction}.jpg"));
        std::fs::read(file).expect("ahead, left, right, up or down")
    }

    /// His face lit by a screen of that colour. JPEG.
    ///
    /// # Panics
    /// When the fixture cannot be decoded.
    pub fn lit(&self, color: [u8; 3]) -> Vec<u8> {
        let ahead = self.turned("ahead");
        let mut decoder = jpeg_decoder::Decoder::new(&ahead[..]);
        let rgb = decoder.decode().expect("a picture of ours");
        let lit = puppet::lit(&rgb, WIDTH, HEAD, color);
        encoded(&lit)
    }

    /// Somebody else, looking into the camera: a portrait. JPEG.
    ///
    /// # Panics
    /// When the fixture is not there.
    pub fn stranger(&self) -> Vec<u8> {
        std::fs::read(self.fixtures.join("photos/astronaut.jpg")).expect("a portrait")
    }
}

fn encoded(rgb: &[u8]) -> Vec<u8> {
    let height = rgb.len() / 3 / WIDTH;
    let mut jpeg = Vec::new();
    let size = [WIDTH, height].map(|side| u16::try_from(side).expect("a small picture"));
    jpeg_encoder::Encoder::new(&mut jpeg, 92)
        .encode(rgb, size[0], size[1], jpeg_encoder::ColorType::Rgb)
        .expect("memory");
    jpeg
}
