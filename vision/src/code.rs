//! QR codes that somebody holds up to the camera.

use regard_commitments::{CountScope, Scoped};

use crate::detector::check_live;
use crate::{AnalysisError, RgbView};

/// Longest text of a code that is handed on, in bytes. Origin: a face token has some 600.
pub const MAX_CODE_LEN: usize = 2_048;

/// The text of a QR code in a picture that begins with `prefix`; nothing where there is none, or none that can be read. Codes of
/// anything else are not handed on: what else people carry with them is their own affair.
///
/// A module of the code has to be three pixels wide or more.
///
/// # Privacy
/// Reads what somebody holds up; keeps no pixel.
///
/// # Errors
/// [`AnalysisError::GrantEnded`].
pub fn read_code(
    frame: RgbView<'_>,
    prefix: &str,
    key: &Scoped<CountScope>,
) -> Result<Option<String>, AnalysisError> {
    check_live(key.is_live())?;
    let (width, height) = (frame.size().width as usize, frame.size().height as usize);
    let pixels = frame.pixels();
    let gray = |x: usize, y: usize| {
        let [red, green, blue] = [0, 1, 2].map(|at| u32::from(pixels[(y * width + x) * 3 + at]));
        // Rec. 601, in 256 parts: the sum is at most 255.
        ((77 * red + 150 * green + 29 * blue) >> 8) as u8
    };
    let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(width, height, gray);
    let texts = prepared.detect_grids().into_iter();
    let mut texts = texts.filter_map(|grid| grid.decode().ok().map(|(_, text)| text));
    Ok(texts.find(|text| text.starts_with(prefix) && text.len() <= MAX_CODE_LEN))
}

#[cfg(test)]
mod tests {
    use regard_commitments::{LibraryDeclaration, ask_library};
    use regard_domain::{CameraId, FrameSize};
    use regard_testkit::clip::draw_code;

    use super::*;

    const SIZE: FrameSize = FrameSize {
        width: 640,
        height: 480,
    };

    /// A gray picture with the code of a text in its corner, so many pixels a module.
    fn held_up(text: &str, module: usize) -> Vec<u8> {
        let mut pixels = vec![120; (SIZE.width * SIZE.height * 3) as usize];
        draw_code(&mut pixels, SIZE.width as usize, (text, module), |_| {
            (11, 7)
        });
        pixels
    }

    #[test]
    fn what_is_held_up_is_read_and_other_codes_stay_their_own_affair() {
        let own = LibraryDeclaration::own_media(CameraId::new("test").unwrap());
        let grant = ask_library(&own).granted().unwrap();
        let key = grant.count().unwrap();
        let read = |pixels: &[u8]| {
            let view = RgbView::new(pixels, SIZE).unwrap();
            read_code(view, "RGT1:", &key).unwrap()
        };
        let token = format!("RGT1:{}", "0A1B2C3D4E".repeat(30));
        assert_eq!(read(&held_up(&token, 4)), Some(token.clone()));
        assert_eq!(read(&held_up(&token, 3)), Some(token));
        assert_eq!(read(&held_up("https://example.org/ticket/17", 4)), None);
        assert_eq!(read(&held_up("  RGT1:0A", 4)), None);
        assert_eq!(
            read(&vec![0; (SIZE.width * SIZE.height * 3) as usize]),
            None
        );
    }
}
