use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use proptest::prelude::*;

use super::super::{decode_unusual, read_header};
use super::*;

/// Shortest side of the pictures: of narrower ones the general decoder takes an eighth where a quarter was asked for.
const MIN_SIDE: u16 = 17;

/// How a picture is made.
#[derive(Clone, Debug)]
struct Recipe {
    width: u16,
    height: u16,
    /// How much of it is noise, 0 to 1.
    noise: f32,
    quality: u8,
    sampling: SamplingFactor,
    restart_interval: u16,
    is_gray: bool,
    seed: u64,
}

fn recipes() -> impl Strategy<Value = Recipe> {
    let sampling = prop::sample::select(vec![
        SamplingFactor::F_1_1,
        SamplingFactor::F_2_1,
        SamplingFactor::F_1_2,
        SamplingFactor::F_2_2,
        SamplingFactor::F_4_1,
    ]);
    (
        (MIN_SIDE..150, MIN_SIDE..150, 0.0_f32..1.0),
        (5_u8..=100, sampling, 0_u16..20),
        (any::<bool>(), any::<u64>()),
    )
        .prop_map(
            |((width, height, noise), (quality, sampling, restart_interval), (gray, seed))| {
                Recipe {
                    width,
                    height,
                    noise,
                    quality,
                    sampling,
                    restart_interval,
                    is_gray: gray,
                    seed,
                }
            },
        )
}

impl Recipe {
    fn jpeg(&self) -> Vec<u8> {
        let n_channels = if self.is_gray { 1 } else { 3 };
        let mut state = self.seed | 1;
        let mut noise = || {
            // xorshift64, Marsaglia 2003.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1 << 24) as f32
        };
        let (width, height) = (usize::from(self.width), usize::from(self.height));
        let pixels: Vec<u8> = (0..width * height * n_channels)
            .map(|i| {
                let (x, y, c) = (
                    i / n_channels % width,
                    i / n_channels / width,
                    i % n_channels,
                );
                let smooth = ((x + 2 * y + 40 * c) as f32 / 30.0).sin() * 0.4 + 0.5;
                (255.0 * (smooth * (1.0 - self.noise) + noise() * self.noise)) as u8
            })
            .collect();
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, self.quality);
        encoder.set_sampling_factor(self.sampling);
        encoder.set_restart_interval(self.restart_interval);
        let color = if self.is_gray {
            ColorType::Luma
        } else {
            ColorType::Rgb
        };
        encoder
            .encode(&pixels, self.width, self.height, color)
            .unwrap();
        bytes
    }
}

fn luma(rgb: &[u8]) -> Vec<f32> {
    let of =
        |p: &[u8; 3]| 0.299 * f32::from(p[0]) + 0.587 * f32::from(p[1]) + 0.114 * f32::from(p[2]);
    rgb.as_chunks::<3>().0.iter().map(of).collect()
}

/// As this decoder sees it and as the general one does; nothing where it is left to that.
fn both(bytes: &[u8], denominator: u32) -> Option<(Picture, Picture)> {
    let pool = PixelPool::new();
    let header = read_header(bytes).unwrap();
    let ours = decode(bytes, denominator, &pool)?.unwrap();
    let theirs = decode_unusual(bytes, &header, denominator, &pool).unwrap();
    Some((ours, theirs))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Oracle: the general decoder, which keeps every coefficient. One code passed over wrongly, and all that follows is noise.
    #[test]
    fn another_decoder_sees_the_same(recipe in recipes(), denominator in prop::sample::select(vec![2_u32, 4, 8])) {
        let bytes = recipe.jpeg();
        let Some((ours, theirs)) = both(&bytes, denominator) else {
            // The encoder writes these in several scans.
            prop_assert!(recipe.sampling == SamplingFactor::F_4_1);
            return Ok(());
        };
        prop_assert_eq!(ours.size(), theirs.size());
        let pairs = ours.pixels().iter().zip(theirs.pixels());
        if recipe.is_gray || recipe.sampling == SamplingFactor::F_1_1 {
            // Rounding of each component, and then of the colour.
            for (a, b) in pairs {
                prop_assert!(a.abs_diff(*b) <= 4, "{} {}", a, b);
            }
        } else {
            // Chroma is reduced by other filters here and there; where no colour is cut to its range, it does not touch luma.
            let is_inside = |p: &[u8]| p.iter().all(|v| (1..255).contains(v));
            let pixels = ours.pixels().chunks(3).zip(theirs.pixels().chunks(3));
            for (a, b) in pixels.filter(|(a, b)| is_inside(a) && is_inside(b)) {
                let difference = (luma(a)[0] - luma(b)[0]).abs();
                prop_assert!(difference < 4.0, "{} {:?} {:?}", difference, a, b);
            }
        }
    }

    /// Whatever is changed in the file: a picture or an error, never a panic.
    #[test]
    fn any_byte_may_be_another(recipe in recipes(), at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = recipe.jpeg();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        for denominator in [2, 4, 8] {
            let _ = decode(&bytes, denominator, &PixelPool::new());
        }
    }

    /// A scan that ends early is never taken for a whole one.
    #[test]
    fn a_cut_scan_is_an_error(recipe in recipes(), share in 0.0_f64..0.95) {
        let bytes = recipe.jpeg();
        let scan = read_header(&bytes).unwrap().scan_offset + 14;
        let n = scan + ((bytes.len() - scan) as f64 * share) as usize;
        // A picture of one unit may have its last coefficients in what was cut away and still be whole.
        prop_assume!(bytes.len() - n > 600);
        let result = decode(&bytes[..n], 4, &PixelPool::new());
        prop_assert!(result.is_none_or(|r| r.is_err()));
    }
}

#[test]
fn progressive_pictures_are_left_to_the_general_decoder() {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 80);
    encoder.set_progressive(true);
    encoder
        .encode(&[100; 64 * 64 * 3], 64, 64, ColorType::Rgb)
        .unwrap();
    assert!(decode(&bytes, 4, &PixelPool::new()).is_none());
    let wanted = crate::WantedSize::AtLeast {
        width: 16,
        height: 16,
    };
    let picture = crate::decode_jpeg(&bytes, wanted, &PixelPool::new()).unwrap();
    assert_eq!(picture.size().width, 16);
}

/// A file may define tables for ever, and none of them costs more than reading it: 900,000 here, which took minutes once.
#[test]
fn tables_that_nobody_uses_cost_nothing() {
    let mut bytes = vec![0xff, 0xd8];
    let table = [&[0x10][..], &[0; 16]].concat();
    let body = table.repeat(3_800);
    let len = (body.len() as u16 + 2).to_be_bytes();
    let segment = [&[0xff, 0xc4][..], &len, &body].concat();
    for _ in 0..240 {
        bytes.extend_from_slice(&segment);
    }
    let picture = [120; 64 * 64 * 3];
    let mut small = Vec::new();
    Encoder::new(&mut small, 80)
        .encode(&picture, 64, 64, ColorType::Rgb)
        .unwrap();
    bytes.extend_from_slice(&small[2..]);
    let decoded = decode(&bytes, 4, &PixelPool::new()).unwrap().unwrap();
    assert_eq!(decoded.size().width, 16);
}
