//! The committed clip, frame by frame: `fixtures/clip/demo.toml` says what it holds.

use std::path::Path;

/// Frames a second.
pub const FPS: usize = 15;

/// The frames of the second film (cap13), in which the man looks ahead and opens his mouth now and then.
pub const SECOND_FILM: std::ops::Range<usize> = 120..200;

/// Every frame, a JPEG each.
///
/// # Panics
/// When the clip is not there.
pub fn frames() -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/clip/demo.mjpeg");
    let bytes = std::fs::read(path).expect("the clip");
    let (mut frames, mut begun) = (Vec::new(), 0);
    // No frame has a thumbnail, and entropy-coded bytes have no marker of an end among them.
    for end in (2..=bytes.len()).filter(|end| bytes[end - 2..*end] == [0xFF, 0xD9]) {
        frames.push(bytes[begun..end].to_vec());
        begun = end;
    }
    frames
}

/// Sides of a frame with a code in it, and of one module of the code, in pixels.
const WIDTH: usize = 640;
const HEIGHT: usize = 480;
const MODULE: usize = 4;

/// A frame of somebody who holds the code of a text beside their face: the picture to the left, the code over its right lower part.
///
/// # Panics
/// When the picture cannot be read, or the code does not fit.
pub fn holding(jpeg: &[u8], text: &str) -> Vec<u8> {
    let mut decoder = jpeg_decoder::Decoder::new(jpeg);
    let seen = decoder.decode().expect("a picture of ours");
    let info = decoder.info().expect("a picture of ours");
    let (width, height) = (usize::from(info.width), usize::from(info.height));
    let mut frame = vec![118_u8; WIDTH * HEIGHT * 3];
    for y in 0..height.min(HEIGHT - 60) {
        let row = &seen[y * width * 3..][..width.min(WIDTH) * 3];
        frame[(y + 60) * WIDTH * 3..][..row.len()].copy_from_slice(row);
    }
    let code = qrcode::QrCode::with_error_correction_level(text, qrcode::EcLevel::M);
    let code = code.expect("a text that fits into a code");
    let side = (code.width() + 8) * MODULE;
    assert!(side <= HEIGHT, "the code has {} modules", code.width());
    for (x, y) in (0..side).flat_map(|y| (0..side).map(move |x| (x, y))) {
        let inside = |at: usize| (4..code.width() + 4).contains(&(at / MODULE));
        let is_dark =
            inside(x) && inside(y) && code[(x / MODULE - 4, y / MODULE - 4)] == qrcode::Color::Dark;
        let at = ((HEIGHT - side + y) * WIDTH + WIDTH - side + x) * 3;
        frame[at..at + 3].fill(if is_dark { 25 } else { 235 });
    }
    let mut jpeg = Vec::new();
    jpeg_encoder::Encoder::new(&mut jpeg, 92)
        .encode(
            &frame,
            WIDTH as u16,
            HEIGHT as u16,
            jpeg_encoder::ColorType::Rgb,
        )
        .expect("memory");
    jpeg
}
