//! Somebody before a camera who follows challenges: a person on the made-up stage, frame by frame as JPEG.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use regard_domain::FrameSize;

use crate::stage::{Sitter, Take, linear};

/// Light of the actor's screen on the face against that of the room, white against white.
const SCREEN: f32 = 0.1;

/// Frames after which standing about begins anew.
const N_ALIVE: usize = 32;

/// Somebody before a camera.
pub struct Actor {
    sitter: Sitter,
    fixtures: PathBuf,
    /// Frames that were asked for once: rendering takes longer than looking at them.
    shots: Mutex<HashMap<String, Vec<u8>>>,
}

impl Default for Actor {
    fn default() -> Self {
        Self::new()
    }
}

impl Actor {
    /// The woman of the committed portrait.
    ///
    /// # Panics
    /// When the fixtures are not there.
    pub fn new() -> Self {
        Self::of("face.jpg", "mesh.txt")
    }

    /// The man of the committed clip, as the first of its films shows him.
    ///
    /// # Panics
    /// When the fixtures are not there.
    pub fn man() -> Self {
        Self::of("man.jpg", "man-mesh.txt")
    }

    fn of(face: &str, mesh: &str) -> Self {
        let fixtures = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"));
        let sitter = fixtures.join("sitter");
        let face = std::fs::read(sitter.join(face)).expect("the portrait");
        let mut decoder = jpeg_decoder::Decoder::new(&face[..]);
        let rgb = decoder.decode().expect("a picture of ours");
        let info = decoder.info().expect("a picture of ours");
        let size = FrameSize {
            width: info.width.into(),
            height: info.height.into(),
        };
        let mesh = std::fs::read_to_string(sitter.join(mesh)).expect("its mesh");
        let points: Vec<[f32; 3]> = mesh.lines().map(point).collect();
        Self {
            sitter: Sitter::new(&rgb, size, &points).expect("a picture and its mesh"),
            fixtures,
            shots: Mutex::default(),
        }
    }

    /// A frame of her looking into the camera, moving a little as people do; later numbers are later frames. JPEG.
    pub fn alive(&self, number: usize) -> Vec<u8> {
        let number = number % N_ALIVE;
        let part = number as f32 / N_ALIVE as f32 * std::f32::consts::TAU;
        self.shot(&Take {
            yaw_deg: 1.5 * part.sin(),
            pitch_deg: (2.0 * part).sin(),
            shift_px: [4.0 * part.sin(), 2.0 * (3.0 * part).cos()],
            seed: number as u64,
            ..Take::default()
        })
    }

    /// Her head turned: `ahead`, `left`, `right`, `up` or `down` in the image. JPEG.
    ///
    /// # Panics
    /// For any other word.
    pub fn turned(&self, direction: &str) -> Vec<u8> {
        // Far enough for a made-up head, whose mesh shows two thirds of its angle.
        let (yaw_deg, pitch_deg) = match direction {
            "ahead" => (0.0, 0.0),
            "left" => (-34.0, 0.0),
            "right" => (34.0, 0.0),
            "up" => (0.0, 26.0),
            "down" => (0.0, -22.0),
            other => panic!("nobody turns {other}"),
        };
        self.shot(&Take {
            yaw_deg,
            pitch_deg,
            ..Take::default()
        })
    }

    /// Her face before a screen of that colour. JPEG.
    pub fn lit(&self, color: [u8; 3]) -> Vec<u8> {
        self.shot(&Take {
            screen: color.map(|value| SCREEN * linear(value)),
            seed: u64::from(u32::from_be_bytes([0, color[0], color[1], color[2]])),
            ..Take::default()
        })
    }

    /// Somebody else, looking into the camera: a portrait. JPEG.
    ///
    /// # Panics
    /// When the fixture is not there.
    pub fn stranger(&self) -> Vec<u8> {
        std::fs::read(self.fixtures.join("photos/astronaut.jpg")).expect("a portrait")
    }

    fn shot(&self, take: &Take) -> Vec<u8> {
        let mut shots = self.shots.lock().unwrap_or_else(PoisonError::into_inner);
        let shot = shots
            .entry(format!("{take:?}"))
            .or_insert_with(|| self.render(take));
        shot.clone()
    }

    fn render(&self, take: &Take) -> Vec<u8> {
        let size = self.sitter.size();
        let sides = [size.width, size.height].map(|side| u16::try_from(side).unwrap_or(u16::MAX));
        let mut jpeg = Vec::new();
        let encoder = jpeg_encoder::Encoder::new(&mut jpeg, 92);
        let rgb = self.sitter.render(take);
        encoder
            .encode(&rgb, sides[0], sides[1], jpeg_encoder::ColorType::Rgb)
            .expect("memory");
        jpeg
    }
}

fn point(line: &str) -> [f32; 3] {
    let mut numbers = line
        .split(' ')
        .map(|number| number.parse().expect("a number"));
    std::array::from_fn(|_| numbers.next().expect("three numbers"))
}
