//! The arithmetic of quality.
//!
//! Picture measures are taken in the chip that the embedding is made from, so that what counts is what the embedding sees.
//! Where a value passes through 50 the picture begins to cost matches; origins are said at each.

use regard_domain::{Face, FrameSize, HeadPose};

use super::{ComponentQuality, FaceQuality, QualityComponent, QualityHint};
use crate::chip::{CHIP_SIDE_PX, chip_from_frame};
use crate::warp::{Border, warp};
use crate::{AnalysisError, RgbView};

const SIDE: usize = CHIP_SIDE_PX;

/// What of a face is to be judged.
pub(crate) struct Seen<'a> {
    pub(crate) frame: RgbView<'a>,
    pub(crate) faces: &'a [Face],
    pub(crate) at: usize,
    pub(crate) pose: Option<HeadPose>,
    /// The detector's score of the face scaled to [`NEAR_PX`] and [`FAR_PX`].
    pub(crate) near_score: f32,
    pub(crate) far_score: f32,
}

/// Side of the region around a face that the detector looks at again, in sides of its box.
pub(crate) const REGION_FACTOR: f32 = 2.5;

/// Sides to which that region is scaled. The detector's score falls when parts of a face are covered, if it is asked at
/// one scale, whatever the size of the picture: small for what lies over mouth and nose, large for what lies over the eyes. Origin:
/// painted occlusions on 200 LFW faces; area under the curve .99 for masks and half faces at 128, .97 to .99 for dark
/// glasses and bars at 448.
pub(crate) const FAR_PX: usize = 128;
pub(crate) const NEAR_PX: usize = 448;

/// Scratch of the measures.
///
/// # Privacy
/// Holds the gray chip of the last face; overwritten by the next, and when dropped.
#[derive(Default)]
pub(crate) struct QualityMeter {
    chip: Vec<u8>,
    gray: Vec<f32>,
}

impl QualityMeter {
    /// Everything about one face.
    pub(crate) fn measure(&mut self, seen: &Seen<'_>) -> Result<FaceQuality, AnalysisError> {
        let Some(face) = seen.faces.get(seen.at) else {
            return Err(AnalysisError::NoSuchFace);
        };
        let mut components = vec![
            single_face(seen.faces, seen.at),
            size(face, seen.frame.size()),
        ];
        components.extend(seen.pose.as_ref().map(pose));
        let Some(transform) = chip_from_frame(&face.landmarks_in_frame) else {
            // Five points in one: nothing of a face to be seen.
            for component in [
                QualityComponent::Occlusion,
                QualityComponent::Light,
                QualityComponent::Uniformity,
                QualityComponent::Sharpness,
            ] {
                components.push(component_of(component, 0.0, None));
            }
            return Ok(FaceQuality { components });
        };
        let frame_from_chip = transform.inverse();
        warp(
            seen.frame,
            &frame_from_chip,
            SIDE,
            Border::Nearest,
            &mut self.chip,
        );
        self.gray.clear();
        let (pixels, _) = self.chip.as_chunks::<3>();
        self.gray.extend(pixels.iter().map(|[r, g, b]| {
            // Luma of ITU-R BT.601.
            0.299 * f32::from(*r) + 0.587 * f32::from(*g) + 0.114 * f32::from(*b)
        }));
        let eyes = eyes_to_cheeks(&self.gray);
        components.push(occlusion(seen.near_score, seen.far_score, eyes));
        let oval: Vec<f32> = oval(&self.gray).collect();
        components.push(light(oval));
        components.push(uniformity(&self.gray));
        components.push(sharpness(&self.gray));
        self.wipe();
        Ok(FaceQuality { components })
    }

    fn wipe(&mut self) {
        self.chip.fill(0);
        self.gray.fill(0.0);
        // Without this the compiler may leave the overwriting out, as nobody reads it.
        std::hint::black_box((&self.chip, &self.gray));
    }
}

impl Drop for QualityMeter {
    fn drop(&mut self) {
        self.wipe();
    }
}

fn component_of(
    component: QualityComponent,
    value: f32,
    hint: Option<QualityHint>,
) -> ComponentQuality {
    /// From here on nothing is asked of a person.
    const GOOD_FROM: u8 = 75;
    let value = value.round().clamp(0.0, 100.0) as u8;
    ComponentQuality {
        component,
        value,
        hint: hint.filter(|_| value < GOOD_FROM),
    }
}

/// The value at `x` on straight lines between points in rising order of `x`; level beyond the ends.
fn on_lines(x: f32, points: &[(f32, f32)]) -> f32 {
    let at = points.partition_point(|(p, _)| *p < x);
    match (
        at.checked_sub(1).and_then(|i| points.get(i)),
        points.get(at),
    ) {
        (Some((x0, y0)), Some((x1, y1))) => y0 + (x - x0) / (x1 - x0) * (y1 - y0),
        (Some((_, y)), None) | (None, Some((_, y))) => *y,
        (None, None) => 0.0,
    }
}

/// How large the largest other face is, against this one.
fn single_face(faces: &[Face], at: usize) -> ComponentQuality {
    let own = faces[at].bbox_in_frame.area();
    let others = faces.iter().enumerate().filter(|(i, _)| *i != at);
    let largest = others.map(|(_, f)| f.bbox_in_frame.area() / own);
    let ratio = largest.fold(0.0, f32::max);
    // A face of a fifth of the area stands twice as far away: somebody else in front of the camera.
    let value = on_lines(
        ratio,
        &[(0.0, 100.0), (0.05, 80.0), (0.2, 40.0), (0.5, 0.0)],
    );
    component_of(
        QualityComponent::SingleFace,
        value,
        Some(QualityHint::OtherFaces),
    )
}

/// Pixels between the eyes, and how much of the box lies inside the picture.
///
/// The chip has 35 pixels between the eyes: with fewer in the frame, the embedding sees something enlarged.
fn size(face: &Face, frame: FrameSize) -> ComponentQuality {
    let [left, right, ..] = face.landmarks_in_frame.0;
    let distance = left.distance(right);
    let apart = on_lines(
        distance,
        &[(8.0, 0.0), (20.0, 40.0), (35.0, 75.0), (60.0, 100.0)],
    );
    let bbox = &face.bbox_in_frame;
    let inside = bbox.clipped(frame).map_or(0.0, |part| part.area()) / bbox.area();
    let whole = on_lines(inside, &[(0.7, 0.0), (0.9, 50.0), (0.98, 100.0)]);
    if whole < apart {
        return component_of(QualityComponent::Size, whole, Some(QualityHint::OutOfFrame));
    }
    component_of(QualityComponent::Size, apart, Some(QualityHint::TooFar))
}

/// Yaw, pitch and roll; the chip undoes roll, so that it is forgiven most.
fn pose(pose: &HeadPose) -> ComponentQuality {
    let turned = [(8.0, 100.0), (25.0, 50.0), (45.0, 0.0)];
    let leaning = [(15.0, 100.0), (35.0, 50.0), (60.0, 0.0)];
    let yaw = on_lines(pose.yaw_deg.abs(), &turned);
    let pitch = on_lines(pose.pitch_deg.abs(), &turned);
    let roll = on_lines(pose.roll_deg.abs(), &leaning);
    let (value, hint) = if yaw <= pitch && yaw <= roll {
        let to_right = pose.yaw_deg > 0.0;
        let hints = [QualityHint::TurnedLeft, QualityHint::TurnedRight];
        (yaw, hints[usize::from(to_right)])
    } else if pitch <= roll {
        let up = pose.pitch_deg > 0.0;
        let hints = [QualityHint::LookingDown, QualityHint::LookingUp];
        (pitch, hints[usize::from(up)])
    } else {
        (roll, QualityHint::Leaning)
    };
    component_of(QualityComponent::Pose, value, Some(hint))
}

/// The detector's scores at two scales, and the gray of the eyes against that of the cheeks.
///
/// # Source
/// Percentiles of 200 LFW faces as they are and with painted occlusions: one in a hundred clean faces has a score below .887
/// (far) and .918 (near), and eyes darker than .44 of the cheeks; masks have .856, glasses .919 and .14 in the middle.
fn occlusion(near_score: f32, far_score: f32, eyes_to_cheeks: f32) -> ComponentQuality {
    let far = on_lines(far_score, &[(0.8, 0.0), (0.888, 50.0), (0.905, 100.0)]);
    // Cheeks darker than the eyes are no skin.
    let dark_cheeks = on_lines(eyes_to_cheeks, &[(1.15, 100.0), (1.4, 50.0), (2.0, 0.0)]);
    let near = on_lines(near_score, &[(0.86, 0.0), (0.915, 50.0), (0.925, 100.0)]);
    let dark_eyes = on_lines(eyes_to_cheeks, &[(0.2, 0.0), (0.38, 50.0), (0.45, 100.0)]);
    let (mouth, eyes) = (far.min(dark_cheeks), near.min(dark_eyes));
    // A bright mask makes the eyes look dark as well; glasses leave the far score alone.
    let hint = if mouth < 50.0 || mouth <= eyes {
        QualityHint::MouthCovered
    } else {
        QualityHint::EyesCovered
    };
    component_of(QualityComponent::Occlusion, mouth.min(eyes), Some(hint))
}

/// Mean of a box of the gray chip.
fn mean_of(gray: &[f32], left: usize, top: usize, width: usize, height: usize) -> f32 {
    let rows = gray.chunks_exact(SIDE).skip(top).take(height);
    let sum: f32 = rows
        .map(|row| row[left..left + width].iter().sum::<f32>())
        .sum();
    sum / (width * height) as f32
}

/// Gray of the eyes over that of the cheeks below, of the side where that is more: dark glasses cover both.
fn eyes_to_cheeks(gray: &[f32]) -> f32 {
    let ratio =
        |x: usize| mean_of(gray, x - 9, 46, 18, 12) / mean_of(gray, x - 7, 68, 14, 12).max(1.0);
    // Middles of the eyes in the chip, in whole pixels.
    ratio(38).max(ratio(74))
}

/// The pixels of the oval that the face fills in a chip.
fn oval(gray: &[f32]) -> impl Iterator<Item = f32> {
    gray.iter().enumerate().filter_map(|(at, value)| {
        let x = ((at % SIDE) as f32 - 56.0) / 36.0;
        let y = ((at / SIDE) as f32 - 66.0) / 44.0;
        (x * x + y * y <= 1.0).then_some(*value)
    })
}

/// Bright parts of the face neither dim nor burnt out, and enough between dark and bright. Bright parts and not the mean, so that
/// dark skin in good light is good.
fn light(mut oval: Vec<f32>) -> ComponentQuality {
    oval.sort_by(f32::total_cmp);
    let quantile = |share: f32| oval[(share * (oval.len() - 1) as f32) as usize];
    let burnt = oval.iter().filter(|v| **v > 250.0).count() as f32 / oval.len() as f32;
    let bright = quantile(0.9);
    let contrast = bright - quantile(0.05);
    let dark = on_lines(bright, &[(35.0, 0.0), (70.0, 50.0), (110.0, 100.0)]);
    let burnt = on_lines(burnt, &[(0.02, 100.0), (0.12, 50.0), (0.4, 0.0)]);
    let flat = on_lines(contrast, &[(12.0, 0.0), (35.0, 50.0), (70.0, 100.0)]);
    let (value, hint) = if dark <= burnt && dark <= flat {
        (dark, QualityHint::TooDark)
    } else if burnt <= flat {
        (burnt, QualityHint::TooBright)
    } else {
        (flat, QualityHint::LowContrast)
    };
    component_of(QualityComponent::Light, value, Some(hint))
}

/// Gray of the left half against the right: cheeks, and around the eyes.
fn uniformity(gray: &[f32]) -> ComponentQuality {
    let left = mean_of(gray, 24, 40, 28, 54);
    let right = mean_of(gray, 60, 40, 28, 54);
    let difference = (left - right).abs() / left.max(right).max(1.0);
    let value = on_lines(difference, &[(0.1, 100.0), (0.45, 50.0), (0.7, 0.0)]);
    component_of(
        QualityComponent::Uniformity,
        value,
        Some(QualityHint::UnevenLight),
    )
}

/// How much of the differences between neighbours a further blur takes away: of a sharp picture most, of a blurred one little.
///
/// # Source
/// Crete et al. 2007, "The blur effect". In the middle .44 on 200 LFW faces (95 % above .37), .36 with a blur of one pixel
/// of the chip, .24 with one of two, .16 with one of three.
fn sharpness(gray: &[f32]) -> ComponentQuality {
    let loss = blur_loss(gray);
    let value = on_lines(
        loss,
        &[(0.12, 0.0), (0.25, 50.0), (0.32, 75.0), (0.38, 100.0)],
    );
    component_of(
        QualityComponent::Sharpness,
        value,
        Some(QualityHint::Blurred),
    )
}

/// Share of the differences that a mean of nine takes away, the lesser of both directions, in the middle of the chip. Noise of
/// single pixels is smoothed before.
fn blur_loss(gray: &[f32]) -> f32 {
    const FROM: usize = 16;
    const TO: usize = SIDE - 12;
    const HALF: usize = 4;
    let smooth = |x: usize, y: usize| {
        let mut sum = 0.0;
        for (dy, wy) in [(0, 1.0), (1, 2.0), (2, 1.0)] {
            for (dx, wx) in [(0, 1.0), (1, 2.0), (2, 1.0)] {
                sum += wx * wy * gray[(y + dy - 1) * SIDE + x + dx - 1];
            }
        }
        sum / 16.0
    };
    let mut smoothed = vec![0.0_f32; SIDE * SIDE];
    for y in 1..SIDE - 1 {
        for x in 1..SIDE - 1 {
            smoothed[y * SIDE + x] = smooth(x, y);
        }
    }
    let loss = |step: usize| {
        let (mut before, mut lost) = (0.0, 0.0);
        for y in FROM..TO {
            for x in FROM..TO {
                let at = y * SIDE + x;
                let blurred = |at: usize| -> f32 {
                    let first = at - HALF * step;
                    (0..=2 * HALF)
                        .map(|i| smoothed[first + i * step])
                        .sum::<f32>()
                        / 9.0
                };
                let sharp = (smoothed[at] - smoothed[at - step]).abs();
                let soft = (blurred(at) - blurred(at - step)).abs();
                before += sharp;
                lost += (sharp - soft).max(0.0);
            }
        }
        lost / f32::max(before, 1.0)
    };
    loss(1).min(loss(SIDE))
}

#[cfg(test)]
mod tests;
