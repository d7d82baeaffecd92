//! The committed clip, frame by frame: `fixtures/clip/demo.toml` says what it holds.

use crate::wall::{CLIP_FPS, clip_jpegs};

/// Frames a second.
pub const FPS: usize = CLIP_FPS as usize;

/// The frames of the second film (cap13), in which the man looks ahead and opens his mouth now and then.
pub const SECOND_FILM: std::ops::Range<usize> = 120..200;

/// Every frame, a JPEG each.
pub fn frames() -> Vec<Vec<u8>> {
    clip_jpegs().into_iter().map(<[u8]>::to_vec).collect()
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
    draw_code(&mut frame, WIDTH, (text, MODULE), |side| {
        assert!(side <= HEIGHT, "the code is {side} pixels wide");
        (WIDTH - side, HEIGHT - side)
    });
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

/// Draws the code of a text into an RGB picture of that width, with the light border that belongs to it and so many pixels a
/// module. `corner` says where its upper left corner comes to lie, once it knows how wide the code is; in pixels.
///
/// # Panics
/// When the text does not fit into a code, or the code not into the picture.
pub fn draw_code(
    rgb: &mut [u8],
    width: usize,
    (text, module): (&str, usize),
    corner: impl FnOnce(usize) -> (usize, usize),
) {
    let code = qrcode::QrCode::with_error_correction_level(text, qrcode::EcLevel::M);
    let code = code.expect("a text that fits into a code");
    let side = (code.width() + 8) * module;
    let (left, top) = corner(side);
    for (x, y) in (0..side).flat_map(|y| (0..side).map(move |x| (x, y))) {
        let inside = |at: usize| (4..code.width() + 4).contains(&(at / module));
        let is_dark =
            inside(x) && inside(y) && code[(x / module - 4, y / module - 4)] == qrcode::Color::Dark;
        let at = ((top + y) * width + left + x) * 3;
        rgb[at..at + 3].fill(if is_dark { 25 } else { 235 });
    }
}
