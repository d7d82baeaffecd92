//! Findings drawn on a picture, for people who would rather look.

mod canvas;
mod labels;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use image::ImageEncoder;
use image::codecs::{jpeg::JpegEncoder, png::PngEncoder};
use regard_domain::{Face, FrameSize};
use thiserror::Error;

use self::canvas::Canvas;
use self::labels::Labels;
use crate::{Picture, RgbView};

/// Okabe and Ito's orange: told apart from skin and by people who cannot tell red from green.
const BOX_COLOR: [u8; 3] = [230, 159, 0];
/// Their sky blue.
const POINT_COLOR: [u8; 3] = [86, 180, 233];
/// Picture width at which a line is one pixel wide. Origin: as wide as most windows are shown.
const WIDTH_PER_LINE_PX: u32 = 800;

/// JPEG quality of drawings. Origin: no visible loss around thin lines.
const JPEG_QUALITY: u8 = 90;

/// Why a drawing was not saved.
#[derive(Debug, Error)]
pub enum DrawError {
    /// Neither `.jpg`, `.jpeg` nor `.png`.
    #[error("drawings are saved as .jpg or .png")]
    Extension {
        /// The name asked for.
        path: PathBuf,
    },
    /// The picture could not be encoded.
    #[error("failed to encode the drawing")]
    Encode {
        /// Why.
        source: image::ImageError,
    },
    /// The file could not be written.
    #[error("failed to write the drawing")]
    Write {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A copy of the picture with box, five points and readings for each face.
///
/// The readings stand over their box. Where one would hide a face or another label, all faces get
/// numbers instead (1 is the first of `faces`), and the readings stand in a list under the picture.
/// None when the picture has no pixels.
///
/// # Privacy
/// A picture of faces: only for whoever asked for it about pictures of their own.
pub fn draw_faces(picture: RgbView<'_>, faces: &[Face]) -> Option<Picture> {
    let line_px = i32::try_from(picture.size().width.div_ceil(WIDTH_PER_LINE_PX)).unwrap_or(1);
    let labels = Labels::place(faces, picture.size(), line_px);
    let mut canvas = Canvas::new(picture, labels.drawing_size(), line_px)?;
    for face in faces {
        canvas.outline(&face.bbox_in_frame, BOX_COLOR);
        for point in face.landmarks_in_frame.0 {
            canvas.dot(point, POINT_COLOR);
        }
    }
    // Labels last, so that no box crosses one.
    labels.draw(&mut canvas);
    Some(canvas.into_picture())
}

/// Writes a drawing as JPEG or PNG, as the name's ending says.
///
/// # Privacy
/// Puts faces on disk: only where whoever asked for drawings said so.
///
/// # Errors
/// [`DrawError`].
pub fn save_drawing(picture: &Picture, path: &Path) -> Result<(), DrawError> {
    let ending = path
        .extension()
        .and_then(|e| e.to_str())
        .map(str::to_ascii_lowercase);
    let FrameSize { width, height } = picture.size();
    let kind = image::ExtendedColorType::Rgb8;
    let mut bytes = Vec::new();
    match ending.as_deref() {
        Some("jpg" | "jpeg") => JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY)
            .write_image(picture.pixels(), width, height, kind),
        Some("png") => {
            PngEncoder::new(&mut bytes).write_image(picture.pixels(), width, height, kind)
        }
        _ => {
            return Err(DrawError::Extension {
                path: path.to_owned(),
            });
        }
    }
    .map_err(|source| DrawError::Encode { source })?;
    let failed = |source| DrawError::Write {
        path: path.to_owned(),
        source,
    };
    let mut file = BufWriter::new(File::create(path).map_err(failed)?);
    file.write_all(&bytes)
        .and_then(|()| file.flush())
        .map_err(failed)
}

#[cfg(test)]
mod tests {
    use regard_domain::{
        BBox, ExpressionDistribution, FaceReadings, HeadPose, Landmarks, Point, Score,
    };

    use super::*;

    /// A happy face that looks a little aside.
    pub(super) fn face(left: f32, top: f32, side: f32) -> Face {
        Face {
            bbox_in_frame: BBox::new(left, top, side, side).unwrap(),
            score: Score::clamped(0.9),
            landmarks_in_frame: Landmarks([Point::new(left + 2.0, top + 2.0); 5]),
            readings: FaceReadings {
                expression: ExpressionDistribution::from_weights([
                    0.0, 9.0, 1.0, 0.0, 0.0, 0.0, 0.0,
                ]),
                head_pose: Some(HeadPose {
                    yaw_deg: 12.4,
                    pitch_deg: -3.0,
                    roll_deg: 0.0,
                }),
                attention: None,
            },
        }
    }

    #[test]
    fn boxes_anywhere_are_drawn_as_far_as_they_are_inside() {
        let size = FrameSize {
            width: 60,
            height: 80,
        };
        let pixels = vec![7; 60 * 80 * 3];
        let view = RgbView::new(&pixels, size).unwrap();
        let faces = [
            face(20.0, 40.0, 15.0),
            face(-30.0, -30.0, 40.0),
            face(50.0, 75.0, 100.0),
            face(1e9, -1e9, 1e9),
        ];
        let drawn = draw_faces(view, &faces).unwrap();
        let width = drawn.size().width as usize;
        let at = |x: usize, y: usize| &drawn.pixels()[(y * width + x) * 3..][..3];
        assert_eq!(at(25, 54), BOX_COLOR);
        assert_eq!(at(28, 48), [7; 3]);
        assert!(drawn.pixels().chunks(3).any(|p| p == canvas::LABEL_COLOR));
    }

    #[test]
    fn other_endings_are_refused() {
        let picture = Picture::from_rgb(
            vec![0; 3],
            FrameSize {
                width: 1,
                height: 1,
            },
        )
        .unwrap();
        let error = save_drawing(&picture, Path::new("drawing.tga")).unwrap_err();
        assert!(matches!(error, DrawError::Extension { .. }));
    }
}
