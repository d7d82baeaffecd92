use proptest::prelude::*;

use super::*;

const ASTRONAUT: &[u8] = include_bytes!("../../../testkit/fixtures/photos/astronaut.jpg");
const SOLVAY_GRAY: &[u8] = include_bytes!("../../../testkit/fixtures/photos/solvay.jpg");

fn whole(bytes: &[u8]) -> Result<Picture, PhotoError> {
    decode_jpeg(bytes, WantedSize::Whole, &PixelPool::new())
}

fn mean_difference(a: &[u8], b: &[u8]) -> f32 {
    assert_eq!(a.len(), b.len());
    let sum: u64 = a
        .iter()
        .zip(b)
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    sum as f32 / a.len() as f32
}

/// The segments of `bytes` without those of one kind.
fn without_segments(bytes: &[u8], kind: u8) -> Vec<u8> {
    let scan = read_header(bytes).unwrap().scan_offset;
    let (mut kept, mut at) = (bytes[..2].to_vec(), 2);
    while at < scan {
        let len = 2 + usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
        if bytes[at + 1] != kind {
            kept.extend_from_slice(&bytes[at..at + len]);
        }
        at += len;
    }
    kept.extend_from_slice(&bytes[scan..]);
    kept
}

/// A JPEG that uses the standard tables, as webcams make them.
fn standard_table_jpeg() -> Vec<u8> {
    let picture = whole(ASTRONAUT).unwrap();
    let mut bytes = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 90)
        .encode(
            picture.pixels(),
            picture.size().width,
            picture.size().height,
            image::ExtendedColorType::Rgb8,
        )
        .unwrap();
    bytes
}

#[test]
fn both_decoders_see_the_same_picture() {
    let full = whole(ASTRONAUT).unwrap();
    for denominator in [2_u32, 4, 8] {
        let side = 512 / denominator;
        let wanted = WantedSize::AtLeast {
            width: side,
            height: side,
        };
        let reduced = decode_jpeg(ASTRONAUT, wanted, &PixelPool::new()).unwrap();
        assert_eq!((reduced.size().width, reduced.size().height), (side, side));
        // Oracle: the mean of each block of the whole picture.
        let d = denominator as usize;
        let mut means = Vec::with_capacity(reduced.pixels().len());
        for y in 0..side as usize {
            for x in 0..side as usize {
                for c in 0..3 {
                    let sum: usize = (0..d * d)
                        .map(|i| full.pixels()[((y * d + i / d) * 512 + x * d + i % d) * 3 + c])
                        .map(usize::from)
                        .sum();
                    means.push((sum / (d * d)) as u8);
                }
            }
        }
        let difference = mean_difference(reduced.pixels(), &means);
        assert!(difference < 4.0, "1/{denominator}: {difference}");
    }
}

#[test]
fn the_size_is_never_below_what_was_wanted() {
    for (wanted, side) in [
        (513, 512),
        (512, 512),
        (257, 512),
        (256, 256),
        (65, 128),
        (64, 64),
        (1, 64),
    ] {
        let wanted = WantedSize::AtLeast {
            width: wanted,
            height: wanted,
        };
        let picture = decode_jpeg(ASTRONAUT, wanted, &PixelPool::new()).unwrap();
        assert_eq!(picture.size().width, side, "{wanted:?}");
    }
}

#[test]
fn gray_comes_as_rgb() {
    for wanted in [
        WantedSize::Whole,
        WantedSize::AtLeast {
            width: 100,
            height: 50,
        },
    ] {
        let picture = decode_jpeg(SOLVAY_GRAY, wanted, &PixelPool::new()).unwrap();
        assert!(
            picture
                .pixels()
                .chunks(3)
                .all(|p| p[0].abs_diff(p[2]) <= 2 && p[0].abs_diff(p[1]) <= 2)
        );
    }
}

#[test]
fn a_webcam_without_huffman_tables_is_read() {
    let complete = standard_table_jpeg();
    let bare = without_segments(&complete, 0xC4);
    assert!(bare.len() < complete.len() - 400);
    for wanted in [
        WantedSize::Whole,
        WantedSize::AtLeast {
            width: 200,
            height: 200,
        },
    ] {
        let pool = PixelPool::new();
        let expected = decode_jpeg(&complete, wanted, &pool).unwrap();
        let found = decode_jpeg(&bare, wanted, &pool).unwrap();
        assert!(found.pixels() == expected.pixels());
    }
}

#[test]
fn damage_is_named() {
    fn check(bytes: &[u8], expected: fn(&PhotoError) -> bool) {
        let error = whole(bytes).unwrap_err();
        assert!(expected(&error), "{error:?}");
    }
    let header_only = &ASTRONAUT[..read_header(ASTRONAUT).unwrap().scan_offset];
    check(&[], |e| matches!(e, PhotoError::Empty));
    check(b"text, renamed", |e| matches!(e, PhotoError::NotAnImage));
    check(header_only, |e| matches!(e, PhotoError::Truncated));
    check(
        include_bytes!("../../../testkit/fixtures/hostile/truncated.jpg"),
        |e| matches!(e, PhotoError::Truncated),
    );
    check(
        include_bytes!("../../../testkit/fixtures/hostile/huge_header.jpg"),
        |e| {
            matches!(
                e,
                PhotoError::TooLarge {
                    width: 30_000,
                    height: 30_000,
                    ..
                }
            )
        },
    );
}

#[test]
fn buffers_go_round() {
    let pool = PixelPool::new();
    let first = decode_jpeg(ASTRONAUT, WantedSize::Whole, &pool).unwrap();
    let address = first.pixels().as_ptr();
    drop(first);
    let second = decode_jpeg(ASTRONAUT, WantedSize::Whole, &pool).unwrap();
    assert_eq!(second.pixels().as_ptr(), address);
}

fn small_jpeg() -> Vec<u8> {
    let pixels: Vec<u8> = (0..48 * 40 * 3_u32).map(|i| (i * 7 % 251) as u8).collect();
    let mut bytes = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 60)
        .encode(&pixels, 48, 40, image::ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

proptest! {
    #[test]
    fn hostile_bytes_never_panic(
        cut in 0.0_f64..1.0,
        flips in proptest::collection::vec((0.0_f64..1.0, any::<u8>()), 0..12),
        reduced in any::<bool>(),
    ) {
        let mut bytes = small_jpeg();
        for (place, value) in flips {
            let at = (place * bytes.len() as f64) as usize;
            bytes[at] = value;
        }
        if cut < 0.3 {
            bytes.truncate((cut / 0.3 * bytes.len() as f64) as usize);
        }
        let wanted = if reduced {
            WantedSize::AtLeast { width: 6, height: 5 }
        } else {
            WantedSize::Whole
        };
        if let Ok(picture) = decode_jpeg(&bytes, wanted, &PixelPool::new()) {
            prop_assert_eq!(picture.pixels().len(), n_bytes(picture.size()));
        }
    }

    #[test]
    fn every_cut_is_an_error(cut in 0.0_f64..1.0) {
        let bytes = small_jpeg();
        let len = (cut * (bytes.len() - 1) as f64) as usize;
        prop_assert!(whole(&bytes[..len]).is_err());
    }
}

/// A progressive JPEG whose scan of the finest coefficients comes so many times: each costs a pass over the whole picture, and
/// hardly a byte.
fn of_many_scans(n: usize) -> Vec<u8> {
    let mut jpeg = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut jpeg, 50);
    encoder.set_progressive(true);
    let gray = vec![90; 512 * 512];
    encoder
        .encode(&gray, 512, 512, jpeg_encoder::ColorType::Luma)
        .unwrap();
    let last = jpeg.windows(2).rposition(|pair| pair == [0xFF, 0xDA]);
    let last = last.unwrap();
    let scan = jpeg[last..jpeg.len() - 2].to_vec();
    [&jpeg[..last], &scan.repeat(n), &[0xFF, 0xD9]].concat()
}

#[test]
fn a_picture_has_a_hundred_scans_at_most_however_it_is_decoded() {
    for wanted in [
        WantedSize::Whole,
        WantedSize::AtLeast {
            width: 64,
            height: 64,
        },
    ] {
        let decode = |n| decode_jpeg(&of_many_scans(n), wanted, &PixelPool::new());
        assert!(decode(20).is_ok(), "{wanted:?}: {:?}", decode(20).err());
        let error = decode(5_000).err().unwrap();
        assert!(error.to_string().contains("JPEG"), "{wanted:?}: {error}");
        assert!(matches!(error, PhotoError::Damaged { .. }), "{error:?}");
    }
    // An end in a comment is none.
    let jpeg = of_many_scans(5_000);
    let scans = jpeg.windows(2).enumerate();
    let mut scans = scans.filter(|(_, pair)| *pair == [0xFF, 0xDA]);
    let (second, _) = scans.nth(1).unwrap();
    let comment = [0xFF_u8, 0xFE, 0, 4, 0xFF, 0xD9];
    let hidden = [&jpeg[..second], &comment, &jpeg[second..]].concat();
    assert_eq!(n_scans(&hidden, 0), MAX_SCANS + 1);
    let wanted = WantedSize::AtLeast {
        width: 64,
        height: 64,
    };
    let error = decode_jpeg(&hidden, wanted, &PixelPool::new()).err();
    assert!(
        matches!(error, Some(PhotoError::Damaged { .. })),
        "{error:?}"
    );
    // What follows the picture is none of its scans: telephones append another.
    let mut followed = of_many_scans(1);
    followed.extend([0xFF, 0xDA].repeat(500));
    followed.extend([0xFF, 0xD9]);
    assert_eq!(n_scans(&followed, 0), n_scans(&of_many_scans(1), 0));
}
