use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../testkit/fixtures")).join(name)
}

fn open(name: &str) -> Result<Photo, PhotoError> {
    Photo::open(&fixture(name))
}

/// Root of the mean squared difference of two pictures of one size.
fn difference(a: &Photo, b: &Photo) -> f64 {
    assert_eq!(a.size(), b.size());
    let sum: f64 = a
        .view()
        .pixels()
        .iter()
        .zip(b.view().pixels())
        .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2))
        .sum();
    (sum / a.view().pixels().len() as f64).sqrt()
}

#[test]
fn every_format_shows_the_same_portrait() {
    let png = open("photos/astronaut.png").unwrap();
    assert_eq!(png.format(), PhotoFormat::Png);
    for (name, format, tolerance) in [
        ("photos/astronaut.bmp", PhotoFormat::Bmp, 0.0),
        ("photos/astronaut.tiff", PhotoFormat::Tiff, 0.0),
        ("photos/astronaut.webp", PhotoFormat::WebP, 12.0),
        ("photos/astronaut.gif", PhotoFormat::Gif, 12.0),
    ] {
        let photo = open(name).unwrap();
        assert_eq!(photo.format(), format, "{name}");
        let found = difference(&photo, &png);
        assert!(found <= tolerance, "{name}: {found}");
    }
}

#[test]
fn orientation_is_applied() {
    let photo = open("photos/astronaut_exif6.jpg").unwrap();
    assert_eq!((photo.size().width, photo.size().height), (240, 180));
}

#[test]
fn turning_agrees_with_the_image_crate() {
    let pixels: Vec<u8> = (0..3 * 2 * 3).collect();
    let size = FrameSize {
        width: 3,
        height: 2,
    };
    let reference = image::RgbImage::from_raw(3, 2, pixels.clone()).unwrap();
    for orientation in 1..=8_u8 {
        let mut expected = DynamicImage::ImageRgb8(reference.clone());
        expected.apply_orientation(image::metadata::Orientation::from_exif(orientation).unwrap());
        let found = upright(
            Picture::from_rgb(pixels.clone(), size).unwrap(),
            u32::from(orientation),
        );
        assert_eq!(found.pixels(), expected.as_bytes(), "{orientation}");
        assert_eq!(found.size().width, expected.width());
    }
}

#[test]
fn transparency_is_white() {
    let image = image::RgbaImage::from_raw(2, 1, vec![10, 20, 30, 0, 10, 20, 30, 255]).unwrap();
    assert_eq!(
        onto_white(DynamicImage::ImageRgba8(image)),
        [255, 255, 255, 10, 20, 30]
    );
}

#[test]
fn what_cannot_be_read_is_named() {
    fn check(name: &str, expected: fn(&PhotoError) -> bool) {
        let error = open(name).unwrap_err();
        assert!(expected(&error), "{name}: {error:?}");
    }
    check("hostile/zero.jpg", |e| matches!(e, PhotoError::Empty));
    check("hostile/text.jpg", |e| matches!(e, PhotoError::NotAnImage));
    check("hostile/truncated.jpg", |e| {
        matches!(e, PhotoError::Truncated)
    });
    for name in ["hostile/huge_header.jpg", "hostile/huge_header.png"] {
        check(name, |e| {
            matches!(
                e,
                PhotoError::TooLarge {
                    width: 30_000,
                    height: 30_000,
                    ..
                }
            )
        });
    }
    check("no such file", |e| matches!(e, PhotoError::Read { .. }));
    check("hostile", |e| matches!(e, PhotoError::Read { .. }));
    let heif = Photo::from_bytes(b"\0\0\0\x18ftypheic\0\0\0\0").unwrap_err();
    assert!(matches!(heif, PhotoError::Unsupported { .. }));
}

#[test]
fn what_is_only_odd_is_read() {
    assert_eq!(
        open("hostile/one_frame.gif").unwrap().format(),
        PhotoFormat::Gif
    );
    assert_eq!(
        open("hostile/bad_exif.jpg").unwrap().format(),
        PhotoFormat::Jpeg
    );
}

fn small(format: image::ImageFormat) -> Vec<u8> {
    let image = image::RgbImage::from_fn(31, 17, |x, y| {
        image::Rgb([(x * 8) as u8, (y * 15) as u8, ((x ^ y) * 8) as u8])
    });
    let mut image = DynamicImage::from(image);
    if format == image::ImageFormat::Ico {
        // Icons are read with transparency alone.
        image = image.to_rgba8().into();
    }
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

const FORMATS: [image::ImageFormat; 7] = [
    image::ImageFormat::Jpeg,
    image::ImageFormat::Png,
    image::ImageFormat::WebP,
    image::ImageFormat::Gif,
    image::ImageFormat::Bmp,
    image::ImageFormat::Tiff,
    image::ImageFormat::Ico,
];

#[test]
fn half_a_picture_is_an_error_in_every_format() {
    for format in FORMATS {
        let bytes = small(format);
        assert!(Photo::from_bytes(&bytes).is_ok(), "{format:?}");
        let error = Photo::from_bytes(&bytes[..bytes.len() / 2]);
        assert!(error.is_err(), "{format:?}");
    }
}

proptest! {
    #[test]
    fn hostile_bytes_never_panic(
        which in 0_usize..7,
        cut in 0.0_f64..1.0,
        flips in proptest::collection::vec((0.0_f64..1.0, any::<u8>()), 0..8),
    ) {
        let mut bytes = small(FORMATS[which]);
        for (place, value) in flips {
            // Most flips go to the headers, where the decisions are.
            let at = (place * place * bytes.len() as f64) as usize;
            bytes[at] = value;
        }
        if cut < 0.3 {
            bytes.truncate((cut / 0.3 * bytes.len() as f64) as usize);
        }
        if let Ok(photo) = Photo::from_bytes(&bytes) {
            prop_assert_eq!(photo.view().pixels().len(), n_bytes(photo.size()));
        }
    }

    #[test]
    fn sniffing_takes_anything(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        prop_assert!(Photo::from_bytes(&bytes).is_err());
    }
}

/// A PNG of zeros, with a chunk before them.
fn png((width, height, bits): (u32, u32, u8), before: &[u8]) -> Vec<u8> {
    let chunk = |kind: &[u8; 4], body: &[u8]| {
        let summed = [kind.as_slice(), body].concat();
        let len = (body.len() as u32).to_be_bytes();
        [&len[..], &summed, &crc32(&summed).to_be_bytes()].concat()
    };
    let sides = [width.to_be_bytes(), height.to_be_bytes()].concat();
    // Colours with alpha.
    let header = [sides.as_slice(), &[bits, 6, 0, 0, 0]].concat();
    let row = 1 + width as usize * 4 * usize::from(bits) / 8;
    let rows = stored(&vec![0; row * height as usize]);
    [
        b"\x89PNG\r\n\x1a\n".as_slice(),
        &chunk(b"IHDR", &header),
        before,
        &chunk(b"IDAT", &rows),
        &chunk(b"IEND", &[]),
    ]
    .concat()
}

/// Zlib without compression.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut all = vec![0x78, 1];
    let mut parts = bytes.chunks(65_535).peekable();
    while let Some(part) = parts.next() {
        all.push(u8::from(parts.peek().is_none()));
        let len = part.len() as u16;
        all.extend(len.to_le_bytes());
        all.extend((!len).to_le_bytes());
        all.extend(part);
    }
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    all.extend((b << 16 | a).to_be_bytes());
    all
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                0xEDB8_8320 ^ (crc >> 1)
            } else {
                crc >> 1
            };
        }
    }
    !crc
}

#[test]
fn transparency_lies_on_white() {
    let check = |rgba: [u8; 4], expected: [u8; 3]| {
        let picture = image::RgbaImage::from_pixel(2, 1, image::Rgba(rgba));
        let rgb = onto_white(DynamicImage::ImageRgba8(picture));
        assert_eq!(rgb, [expected, expected].concat(), "{rgba:?}");
    };
    check([10, 20, 30, 255], [10, 20, 30]);
    check([10, 20, 30, 0], [255, 255, 255]);
    check([0, 100, 200, 128], [127, 177, 227]);
}

#[test]
fn what_would_take_more_than_a_hundred_megapixels_of_bytes_is_refused_before() {
    assert!(Photo::from_bytes(&png((4, 4, 16), &[])).is_ok());
    assert!(Photo::from_bytes(&png((4, 4, 8), &[])).is_ok());
    // 60 megapixels of eight bytes: the header alone, for the rest is not read.
    let whole = png((1, 1, 16), &[]);
    let mut large = whole.clone();
    large[16..24].copy_from_slice(&[10_000_u32.to_be_bytes(), 6_000_u32.to_be_bytes()].concat());
    let crc = crc32(&large[12..29]);
    large[29..33].copy_from_slice(&crc.to_be_bytes());
    let error = Photo::from_bytes(&large).err().unwrap();
    assert!(matches!(error, PhotoError::Unsupported { .. }), "{error:?}");
    assert!(error.to_string().contains("10000x6000"), "{error}");
}
