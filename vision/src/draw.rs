//! Findings drawn on a picture, for people who would rather look.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use font8x8::UnicodeFonts;
use image::ImageEncoder;
use image::codecs::{jpeg::JpegEncoder, png::PngEncoder};
use regard_domain::{Face, FrameSize};
use thiserror::Error;

use crate::expression::CERTAIN_FROM;
use crate::{Picture, RgbView};

/// Okabe and Ito's orange: told apart from skin and by people who cannot tell red from green.
const BOX_COLOR: [u8; 3] = [230, 159, 0];
/// Their sky blue.
const POINT_COLOR: [u8; 3] = [86, 180, 233];
const LABEL_COLOR: [u8; 3] = [255, 255, 255];
const LABEL_GROUND: [u8; 3] = [0, 0, 0];

/// Side of a letter before enlargement.
const LETTER_PX: i32 = 8;

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

/// A copy of the picture with box, five points and a line of readings for each face.
///
/// # Privacy
/// A picture of faces: only for whoever asked for it about pictures of their own.
pub fn draw_faces(picture: RgbView<'_>, faces: &[Face]) -> Option<Picture> {
    let mut canvas = Canvas {
        picture: Picture::from_rgb(picture.pixels().to_vec(), picture.size())?,
        line_px: i32::try_from(picture.size().width.div_ceil(WIDTH_PER_LINE_PX)).unwrap_or(1),
    };
    for face in faces {
        canvas.draw_box(face);
        for point in face.landmarks_in_frame.0 {
            let reach = canvas.line_px;
            let (x, y) = (point.x as i32, point.y as i32);
            let side = reach.saturating_mul(2) + 1;
            canvas.fill(
                x.saturating_sub(reach),
                y.saturating_sub(reach),
                side,
                side,
                POINT_COLOR,
            );
        }
    }
    // Labels last, so that no box crosses one.
    for face in faces {
        canvas.draw_label(face);
    }
    Some(canvas.picture)
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

/// What is written over a face: expression, pose, attention, as far as computed; else the score.
fn label(face: &Face) -> String {
    let mut parts = Vec::new();
    if let Some(expression) = &face.readings.expression {
        let percent = expression.likeliest().1 * 100.0;
        parts.push(format!(
            "{} {percent:.0}%",
            expression.label(CERTAIN_FROM).name()
        ));
    }
    if let Some(pose) = &face.readings.head_pose {
        parts.push(format!(
            "yaw {:.0} pitch {:.0} roll {:.0}",
            pose.yaw_deg, pose.pitch_deg, pose.roll_deg
        ));
    }
    if let Some(attention) = face.readings.attention {
        parts.push(format!("attention {:.2}", attention.get()));
    }
    if parts.is_empty() {
        parts.push(format!("score {:.2}", face.score.get()));
    }
    parts.join("  ")
}

struct Canvas {
    picture: Picture,
    line_px: i32,
}

impl Canvas {
    /// Fills the part of a rectangle that lies inside the picture.
    fn fill(&mut self, left: i32, top: i32, width: i32, height: i32, color: [u8; 3]) {
        let size = self.picture.size();
        let clamp =
            |v: i32, most: u32| v.clamp(0, i32::try_from(most).unwrap_or(i32::MAX)) as usize;
        let columns = clamp(left, size.width)..clamp(left.saturating_add(width), size.width);
        let rows = clamp(top, size.height)..clamp(top.saturating_add(height), size.height);
        let row_len = size.width as usize * 3;
        let pixels = self.picture.pixels_mut();
        for y in rows {
            let row = &mut pixels[y * row_len..(y + 1) * row_len];
            for pixel in row[columns.start * 3..columns.end * 3].chunks_exact_mut(3) {
                pixel.copy_from_slice(&color);
            }
        }
    }

    fn draw_box(&mut self, face: &Face) {
        let b = &face.bbox_in_frame;
        let (left, top) = (b.left() as i32, b.top() as i32);
        let (width, height) = (b.width() as i32, b.height() as i32);
        let line = self.line_px;
        self.fill(left, top, width, line, BOX_COLOR);
        self.fill(
            left,
            top.saturating_add(height).saturating_sub(line),
            width,
            line,
            BOX_COLOR,
        );
        self.fill(left, top, line, height, BOX_COLOR);
        self.fill(
            left.saturating_add(width).saturating_sub(line),
            top,
            line,
            height,
            BOX_COLOR,
        );
    }

    /// Writes above the box, or inside where there is no room, never beyond the right edge.
    fn draw_label(&mut self, face: &Face) {
        let text = label(face);
        let letter = LETTER_PX * self.line_px;
        let size = self.picture.size();
        let width = i32::try_from(text.len())
            .unwrap_or(i32::MAX)
            .saturating_mul(letter)
            .saturating_add(2 * self.line_px);
        let height = letter + 2 * self.line_px;
        let room = i32::try_from(size.width).unwrap_or(i32::MAX) - width;
        let b = &face.bbox_in_frame;
        let left = (b.left() as i32).min(room).max(0);
        let above = (b.top() as i32).saturating_sub(height);
        let top = if above >= 0 {
            above
        } else {
            (b.top() as i32).max(0)
        };
        self.fill(left, top, width, height, LABEL_GROUND);
        for (i, letter_of) in text.chars().enumerate() {
            let x = left + self.line_px + letter * i as i32;
            self.draw_letter(letter_of, x, top + self.line_px);
        }
    }

    fn draw_letter(&mut self, letter: char, left: i32, top: i32) {
        let Some(rows) = font8x8::BASIC_FONTS.get(letter) else {
            return; // Labels are ASCII.
        };
        let dot = self.line_px;
        for (y, row) in (0_i32..).zip(rows) {
            for x in (0_i32..8).filter(|x| row & (1 << x) != 0) {
                self.fill(left + x * dot, top + y * dot, dot, dot, LABEL_COLOR);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use regard_domain::{
        BBox, ExpressionDistribution, FaceReadings, HeadPose, Landmarks, Point, Score,
    };

    use super::*;

    fn face(left: f32, top: f32, side: f32) -> Face {
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
    fn readings_are_put_into_words() {
        assert_eq!(
            label(&face(0.0, 0.0, 9.0)),
            "happy 90%  yaw 12 pitch -3 roll 0"
        );
        let mut plain = face(0.0, 0.0, 9.0);
        plain.readings = FaceReadings::default();
        assert_eq!(label(&plain), "score 0.90");
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
        let at = |x: usize, y: usize| &drawn.pixels()[(y * 60 + x) * 3..][..3];
        assert_eq!(at(25, 54), BOX_COLOR);
        assert_eq!(at(28, 48), [7; 3]);
        assert!(drawn.pixels().chunks(3).any(|p| p == LABEL_COLOR));
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
