//! Where the readings of each face are written: over it, or numbered under the picture.

use regard_domain::{Face, FrameSize};

use super::canvas::{Canvas, LETTER_PX, text_size};
use crate::expression::CERTAIN_FROM;

/// A rectangle in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rect {
    left: i32,
    top: i32,
    width: i32,
    height: i32,
}

impl Rect {
    fn of_face(face: &Face) -> Self {
        let b = &face.bbox_in_frame;
        Self {
            left: b.left() as i32,
            top: b.top() as i32,
            width: b.width() as i32,
            height: b.height() as i32,
        }
    }

    fn overlaps(&self, other: &Self) -> bool {
        let apart = |a: i32, a_len: i32, b: i32, b_len: i32| {
            a.saturating_add(a_len) <= b || b.saturating_add(b_len) <= a
        };
        !apart(self.left, self.width, other.left, other.width)
            && !apart(self.top, self.height, other.top, other.height)
    }
}

/// Texts and the places of their upper left corners.
pub(super) struct Labels {
    size: FrameSize,
    texts: Vec<(String, i32, i32)>,
}

impl Labels {
    /// Places the readings of all faces of a picture of that size.
    pub(super) fn place(faces: &[Face], size: FrameSize, line_px: i32) -> Self {
        let texts: Vec<String> = faces.iter().map(readings).collect();
        let boxes: Vec<Rect> = faces.iter().map(Rect::of_face).collect();
        let mut taken: Vec<Rect> = Vec::new();
        for (text, own) in texts.iter().zip(&boxes) {
            let rect = over(text, own, size, line_px);
            let hides = |other: &Rect| rect.overlaps(other);
            if boxes.iter().any(hides) || taken.iter().any(hides) {
                return Self::numbered(&texts, &boxes, size, line_px);
            }
            taken.push(rect);
        }
        Self {
            size,
            texts: texts
                .into_iter()
                .zip(&taken)
                .map(|(text, rect)| (text, rect.left, rect.top))
                .collect(),
        }
    }

    /// Size of a drawing that holds the picture and what is written under it.
    pub(super) fn drawing_size(&self) -> FrameSize {
        self.size
    }

    pub(super) fn draw(&self, canvas: &mut Canvas) {
        for (text, left, top) in &self.texts {
            canvas.write(text, *left, *top);
        }
    }

    /// Numbers at the boxes, and a list in columns under the picture.
    fn numbered(texts: &[String], boxes: &[Rect], size: FrameSize, line_px: i32) -> Self {
        let mut placed = Vec::with_capacity(texts.len() * 2);
        for (i, own) in boxes.iter().enumerate() {
            let number = (i + 1).to_string();
            let rect = over(&number, own, size, line_px);
            placed.push((number, rect.left, rect.top));
        }
        let digits = texts.len().to_string().len();
        let lines: Vec<String> = texts
            .iter()
            .enumerate()
            .map(|(i, text)| format!("{:>digits$}  {text}", i + 1))
            .collect();
        let widest = lines.iter().map(|line| text_size(line, line_px).0).max();
        let gap = 2 * LETTER_PX * line_px;
        let column_px = widest.unwrap_or(0).saturating_add(gap);
        let width = i32::try_from(size.width).unwrap_or(i32::MAX).max(column_px);
        let columns = usize::try_from(width / column_px.max(1))
            .unwrap_or(1)
            .max(1);
        let rows = lines.len().div_ceil(columns).max(1);
        let line_height = text_size("", line_px).1;
        let under = i32::try_from(size.height).unwrap_or(i32::MAX);
        for (i, line) in lines.into_iter().enumerate() {
            let (column, row) = ((i / rows) as i32, (i % rows) as i32);
            placed.push((line, column * column_px, under + row * line_height));
        }
        let list_px = rows as u32 * u32::try_from(line_height).unwrap_or(0);
        Self {
            size: FrameSize {
                width: size.width.max(u32::try_from(width).unwrap_or(0)),
                height: size.height + list_px,
            },
            texts: placed,
        }
    }
}

/// Above the box, or under it where there is no room, never beyond the left and right edges.
fn over(text: &str, own: &Rect, size: FrameSize, line_px: i32) -> Rect {
    let (width, height) = text_size(text, line_px);
    let room = i32::try_from(size.width).unwrap_or(i32::MAX) - width;
    let above = own.top.saturating_sub(height);
    let under = own.top.saturating_add(own.height);
    let last = i32::try_from(size.height).unwrap_or(i32::MAX) - height;
    let top = if above >= 0 {
        above
    } else if under <= last {
        under
    } else {
        own.top.max(0) // A face as high as the picture: the label stands on its forehead.
    };
    Rect {
        left: own.left.min(room).max(0),
        top,
        width,
        height,
    }
}

/// Expression, pose, attention, as far as computed; in words; else the score.
fn readings(face: &Face) -> String {
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

#[cfg(test)]
mod tests {
    use regard_domain::FaceReadings;

    use super::super::tests::face;
    use super::*;

    const SIZE: FrameSize = FrameSize {
        width: 640,
        height: 480,
    };

    fn rects(labels: &Labels) -> Vec<Rect> {
        let rect = |(text, left, top): &(String, i32, i32)| {
            let (width, height) = text_size(text, 1);
            Rect {
                left: *left,
                top: *top,
                width,
                height,
            }
        };
        labels.texts.iter().map(rect).collect()
    }

    #[test]
    fn readings_are_put_into_words() {
        assert_eq!(
            readings(&face(0.0, 0.0, 9.0)),
            "happy 90%  yaw 12 pitch -3 roll 0"
        );
        let mut plain = face(0.0, 0.0, 9.0);
        plain.readings = FaceReadings::default();
        assert_eq!(readings(&plain), "score 0.90");
    }

    #[test]
    fn faces_apart_have_their_readings_over_them() {
        let faces = [face(20.0, 100.0, 80.0), face(400.0, 0.0, 90.0)];
        let labels = Labels::place(&faces, SIZE, 1);
        assert_eq!(labels.drawing_size(), SIZE);
        assert_eq!(labels.texts.len(), 2);
        assert_eq!(labels.texts[0].2, 90, "above");
        assert_eq!(labels.texts[1].2, 90, "under, for want of room above");
    }

    #[test]
    fn no_label_hides_a_face_in_a_crowd() {
        let faces: Vec<Face> = (0..30)
            .map(|i| {
                face(
                    (i % 10) as f32 * 60.0 + 10.0,
                    (i / 10) as f32 * 70.0 + 20.0,
                    40.0,
                )
            })
            .collect();
        let labels = Labels::place(&faces, SIZE, 1);
        assert!(labels.drawing_size().height > SIZE.height);
        let rects = rects(&labels);
        for (i, rect) in rects.iter().enumerate() {
            for face in &faces {
                assert!(
                    !rect.overlaps(&Rect::of_face(face)),
                    "{:?}",
                    labels.texts[i]
                );
            }
            for other in &rects[..i] {
                assert!(!rect.overlaps(other), "{rect:?} {other:?}");
            }
            let size = labels.drawing_size();
            assert!(rect.left >= 0 && rect.left + rect.width <= size.width as i32);
            assert!(rect.top >= 0 && rect.top + rect.height <= size.height as i32);
        }
        assert_eq!(labels.texts[29].0, "30");
        assert!(labels.texts[30].0.starts_with(" 1  happy"));
    }

    #[test]
    fn a_list_wider_than_the_picture_widens_the_drawing() {
        let small = FrameSize {
            width: 50,
            height: 40,
        };
        let faces = [face(0.0, 10.0, 20.0), face(25.0, 10.0, 20.0)];
        let labels = Labels::place(&faces, small, 1);
        assert!(labels.drawing_size().width > small.width);
        assert_eq!(labels.texts.len(), 4);
    }
}
