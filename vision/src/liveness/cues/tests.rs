use regard_domain::{FrameSize, SimilarityTransform};

use super::*;

const SIZE: FrameSize = FrameSize {
    width: 160,
    height: 120,
};

fn texture(x: f32, y: f32) -> f32 {
    128.0 + 50.0 * (x * 0.6).sin() * (y * 0.5).cos() + 40.0 * (x * 0.23 + y * 0.31).sin()
}

/// A face's square that moved by `face` on a ground that moved by `ground`.
fn picture(face: [f32; 2], ground: [f32; 2]) -> Vec<u8> {
    (0..SIZE.width * SIZE.height)
        .flat_map(|i| {
            let (x, y) = ((i % SIZE.width) as f32, (i / SIZE.width) as f32);
            let is_face = (x - 80.0 - face[0]).abs() < 22.0 && (y - 60.0 - face[1]).abs() < 26.0;
            let value = if is_face {
                texture(1.7 * (x - face[0]), 1.3 * (y - face[1]))
            } else {
                texture(x - ground[0], y - ground[1])
            };
            [value as u8; 3]
        })
        .collect()
}

fn shifts(face: [f32; 2], ground: [f32; 2]) -> ([f32; 2], [f32; 2]) {
    let mut meter = CueMeter::new();
    for pixels in [picture([0.0; 2], [0.0; 2]), picture(face, ground)] {
        std::mem::swap(&mut meter.small, &mut meter.before);
        meter.reduce(RgbView::new(&pixels, SIZE).unwrap());
    }
    let bbox = BBox::new(60.0, 40.0, 40.0, 40.0).unwrap();
    meter.shifts(&bbox).unwrap()
}

#[test]
fn shifts_of_face_and_ground_are_told_apart() {
    for (face, ground) in [
        ([0.0, 0.0], [0.0, 0.0]),
        ([2.0, 1.0], [0.0, 0.0]),
        ([-3.0, 2.0], [-3.0, 2.0]),
        ([1.0, -1.0], [2.0, 1.0]),
    ] {
        let (found_face, found_ground) = shifts(face, ground);
        for (found, truth) in [(found_face, face), (found_ground, ground)] {
            for (found, truth) in found.into_iter().zip(truth) {
                assert!(
                    (found * 40.0 - truth).abs() < 0.35,
                    "{found_face:?} {face:?} {found_ground:?} {ground:?}"
                );
            }
        }
    }
}

#[test]
fn moving_and_growing_is_no_change_of_shape_but_a_lid_is() {
    let shape: Vec<Point> = (0..468)
        .map(|i| Point::new((i % 24) as f32 * 4.0, (i / 24) as f32 * 5.0))
        .collect();
    let moved = SimilarityTransform::new(1.1, 0.2, 30.0, -9.0).unwrap();
    let elsewhere: Vec<Point> = shape.iter().map(|p| moved.map(*p)).collect();
    assert!(shape_change(&shape, &elsewhere).unwrap() < 1e-4);
    let mut other = shape.clone();
    for at in [159, 145, 386, 374] {
        other[at].y += 8.0;
    }
    assert!(shape_change(&shape, &other).unwrap() > 0.003);
    assert_eq!(shape_change(&[], &shape), None);
    assert_eq!(opening(&[]), None);
}
