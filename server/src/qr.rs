//! QR codes as drawings.

use qrcode::render::svg::Color;
use qrcode::{EcLevel, QrCode};

/// Units of the drawing for one module; the drawing scales anyway.
const MODULE_UNITS: u32 = 8;

/// The code of a text as an SVG drawing, black on white, with its quiet zone; nothing when the text
/// is too long for a code (2,331 bytes at this level).
///
/// # Source
/// ISO/IEC 18004; error correction M (15 %) as usual for screens.
pub(crate) fn svg(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let drawing = code
        .render::<Color<'_>>()
        .quiet_zone(true)
        .module_dimensions(MODULE_UNITS, MODULE_UNITS)
        .build();
    Some(drawing)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Paints the rectangles of the path, as the drawing says them.
    fn painted(svg: &str) -> (usize, Vec<u8>) {
        let between = |from: &str, to: char| {
            let start = svg.find(from).unwrap() + from.len();
            let end = svg[start..].find(to).unwrap();
            svg[start..start + end].to_owned()
        };
        let side: usize = between("viewBox=\"0 0 ", ' ').parse().unwrap();
        let mut pixels = vec![255_u8; side * side];
        let path = between(" d=\"", '"');
        for part in path.split('M').skip(1) {
            let numbers: Vec<usize> = part
                .split(|c: char| !c.is_ascii_digit())
                .filter_map(|n| n.parse().ok())
                .collect();
            let [left, top, width, height] = numbers[..4] else {
                panic!("{part}")
            };
            for y in top..top + height {
                pixels[y * side + left..y * side + left + width].fill(0);
            }
        }
        (side, pixels)
    }

    #[test]
    fn the_code_reads_back() {
        let url = "http://127.0.0.1:8787/screen/demo/privacy";
        let (side, pixels) = painted(&svg(url).unwrap());
        let mut image =
            rqrr::PreparedImage::prepare_from_greyscale(side, side, |x, y| pixels[y * side + x]);
        let grids = image.detect_grids();
        assert_eq!(grids.len(), 1);
        assert_eq!(grids[0].decode().unwrap().1, url);
    }

    #[test]
    fn too_much_text_is_no_code() {
        assert!(svg(&"a".repeat(3_000)).is_none());
    }
}
