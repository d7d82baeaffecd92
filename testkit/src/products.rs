//! Made-up photographs of made-up products: a thing of a shape and a colour on a counter, at another place, turn, size and
//! light each time, with the noise of a camera. No person is in them, and nobody's brand.

use jpeg_encoder::{ColorType, Encoder};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Side of a photograph, in pixels.
pub const SIDE_PX: u16 = 128;

/// Quality of the JPEGs.
const QUALITY: u8 = 88;

/// What a product looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// A tall red can.
    Can,
    /// A flat yellow box with a dark band.
    Carton,
    /// A round green tin.
    Tin,
    /// A blue bottle with a neck.
    Bottle,
    /// Four thin legs of violet: like none of the others.
    Stool,
}

impl Product {
    /// All of them but the one that is like none.
    pub const SOLD: [Self; 4] = [Self::Can, Self::Carton, Self::Tin, Self::Bottle];

    /// Its name, as that of a folder.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Can => "can",
            Self::Carton => "carton",
            Self::Tin => "tin",
            Self::Bottle => "bottle",
            Self::Stool => "stool",
        }
    }

    /// Colour at a point of the thing, `[-1, 1]` both ways; nothing beside it.
    fn color_at(self, x: f32, y: f32) -> Option<[f32; 3]> {
        let inside = match self {
            Self::Can => x.abs() < 0.42 && y.abs() < 0.9,
            Self::Carton => x.abs() < 0.9 && y.abs() < 0.55,
            Self::Tin => x * x + y * y < 0.64,
            Self::Bottle => {
                let half = if y < -0.35 { 0.16 } else { 0.4 };
                x.abs() < half && y.abs() < 0.95
            }
            Self::Stool => y.abs() < 0.9 && ((x * 4.0).fract().abs() < 0.3 || y < -0.7),
        };
        let plain = match self {
            Self::Can => [190.0, 35.0, 40.0],
            Self::Carton => [220.0, 190.0, 60.0],
            Self::Tin => [50.0, 150.0, 70.0],
            Self::Bottle => [45.0, 80.0, 180.0],
            Self::Stool => [120.0, 40.0, 150.0],
        };
        let marked = match self {
            Self::Can => y.abs() < 0.2,
            Self::Carton => (y - 0.2).abs() < 0.12,
            Self::Tin => x * x + y * y < 0.12,
            Self::Bottle => (y - 0.3).abs() < 0.25,
            Self::Stool => false,
        };
        let color = if marked {
            plain.map(|v| 255.0 - 0.35 * v)
        } else {
            plain
        };
        inside.then_some(color)
    }
}

/// Light under which photographs are taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Light {
    /// How bright, 1 is plain.
    pub brightness: f32,
    /// How much warmer than plain, 0 is plain.
    pub warmth: f32,
}

impl Light {
    /// Of a shop by day.
    pub const PLAIN: Self = Self {
        brightness: 1.0,
        warmth: 0.0,
    };
    /// Of an evening with bulbs, half as bright.
    pub const EVENING: Self = Self {
        brightness: 0.5,
        warmth: 0.35,
    };
}

fn unit(rng: &mut ChaCha8Rng) -> f32 {
    (rng.next_u32() >> 8) as f32 / (1_u32 << 24) as f32
}

/// A photograph, JPEG; another one for every seed.
///
/// # Panics
/// Never: the sides fit the pixels.
pub fn photograph(product: Product, light: Light, seed: u64) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ ((product as u64 + 1) << 40));
    let side = f32::from(SIDE_PX);
    let between = |rng: &mut ChaCha8Rng, low: f32, high: f32| low + (high - low) * unit(rng);
    let size = between(&mut rng, 0.26, 0.4) * side;
    let (cx, cy) = (
        between(&mut rng, 0.42, 0.58) * side,
        between(&mut rng, 0.42, 0.58) * side,
    );
    let turn = between(&mut rng, -0.5, 0.5);
    let (sin, cos) = turn.sin_cos();
    let wall = [0; 3].map(|_| between(&mut rng, 120.0, 190.0));
    let slant = between(&mut rng, -0.3, 0.3);
    let lamp = between(&mut rng, 0.8, 1.15) * light.brightness;
    let mut pixels = Vec::with_capacity(usize::from(SIDE_PX).pow(2) * 3);
    for row in 0..SIDE_PX {
        for column in 0..SIDE_PX {
            let (x, y) = (f32::from(column) - cx, f32::from(row) - cy);
            let on_thing = ((x * cos + y * sin) / size, (y * cos - x * sin) / size);
            let shade = 1.0 + slant * (f32::from(column) / side - 0.5);
            let color = product.color_at(on_thing.0, on_thing.1).unwrap_or(wall);
            let noise = between(&mut rng, -9.0, 9.0);
            for (channel, value) in color.into_iter().enumerate() {
                let tint = 1.0 + light.warmth * (1.0 - channel as f32);
                pixels.push((value * shade * lamp * tint + noise).clamp(0.0, 255.0) as u8);
            }
        }
    }
    let mut jpeg = Vec::new();
    Encoder::new(&mut jpeg, QUALITY)
        .encode(&pixels, SIDE_PX, SIDE_PX, ColorType::Rgb)
        .expect("the sides fit the pixels");
    jpeg
}
