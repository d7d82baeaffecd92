//! Of several boxes on one face, the best.

use std::cmp::Ordering;

use regard_domain::Face;

/// Greatest score first; ties by place, from the left, then from the top, then by size.
pub(crate) fn by_score_then_place(a: &Face, b: &Face) -> Ordering {
    let (p, q) = (&a.bbox_in_frame, &b.bbox_in_frame);
    b.score
        .get()
        .total_cmp(&a.score.get())
        .then(p.left().total_cmp(&q.left()))
        .then(p.top().total_cmp(&q.top()))
        .then(p.width().total_cmp(&q.width()))
        .then(p.height().total_cmp(&q.height()))
}

/// Keeps the best-scored of boxes that overlap by more than `max_iou`; sorted, and the same in
/// whatever order they came.
pub(crate) fn suppress(mut faces: Vec<Face>, max_iou: f32) -> Vec<Face> {
    faces.sort_by(by_score_then_place);
    let mut kept: Vec<Face> = Vec::with_capacity(faces.len());
    for face in faces {
        let is_new = kept
            .iter()
            .all(|k| k.bbox_in_frame.iou(&face.bbox_in_frame) <= max_iou);
        if is_new {
            kept.push(face);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regard_domain::{BBox, FaceReadings, Landmarks, Point, Score};

    use super::*;

    fn face((left, top, side, score): (f32, f32, f32, f32)) -> Face {
        Face {
            bbox_in_frame: BBox::new(left, top, side, side).unwrap(),
            score: Score::clamped(score),
            landmarks_in_frame: Landmarks([Point::new(left, top); 5]),
            readings: FaceReadings::default(),
        }
    }

    fn faces() -> impl Strategy<Value = Vec<Face>> {
        let one = (0.0_f32..60.0, 0.0_f32..60.0, 5.0_f32..40.0, 0_u8..5)
            .prop_map(|(l, t, s, score)| face((l, t, s, f32::from(score) / 4.0)));
        proptest::collection::vec(one, 0..24)
    }

    proptest! {
        #[test]
        fn twice_is_once(faces in faces(), iou in 0.1_f32..0.7) {
            let once = suppress(faces, iou);
            prop_assert_eq!(suppress(once.clone(), iou), once);
        }

        #[test]
        fn order_does_not_matter(faces in faces(), seed in any::<u64>(), iou in 0.1_f32..0.7) {
            let mut shuffled = faces.clone();
            let n = shuffled.len();
            for i in 0..n {
                shuffled.swap(i, (seed as usize).wrapping_mul(i * i + 7) % n);
            }
            prop_assert_eq!(suppress(shuffled, iou), suppress(faces, iou));
        }

        #[test]
        fn who_goes_was_beaten_by_one_who_stays(faces in faces(), iou in 0.1_f32..0.7) {
            let kept = suppress(faces.clone(), iou);
            for face in &faces {
                let stays = kept.contains(face);
                let is_beaten = kept.iter().any(|k| {
                    k.bbox_in_frame.iou(&face.bbox_in_frame) > iou
                        && by_score_then_place(k, face) == Ordering::Less
                });
                prop_assert!(stays != is_beaten);
            }
        }
    }
}
