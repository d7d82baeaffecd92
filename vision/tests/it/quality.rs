//! Quality of the committed portraits, as they are and spoilt.

use regard_domain::{Face, FrameSize};
use regard_vision::{
    AnalyzerOptions, FaceAnalyzer, FaceQuality, Keys, Picture, QualityComponent, QualityGate,
    QualityHint, RgbView,
};

use crate::support::{analyzer, grant, photo};

fn assess(analyzer: &mut FaceAnalyzer, view: RgbView<'_>, face: Option<Face>) -> FaceQuality {
    let grant = grant();
    let (count, attention) = (grant.count().unwrap(), grant.attention().unwrap());
    let keys = Keys {
        count: &count,
        attention: Some(&attention),
        expression: None,
    };
    let faces = match face {
        Some(face) => vec![face],
        None => analyzer.detect(view, &count).unwrap(),
    };
    analyzer.quality(view, &faces, 0, &keys).unwrap()
}

/// The portrait with something done to its pixels, given where they are and where the face is.
fn spoilt(name: &str, mut change: impl FnMut(f32, f32, &mut [u8], &Face)) -> (Picture, Face) {
    let photo = photo(name);
    let grant = grant();
    let mut analyzer = analyzer(AnalyzerOptions::PHOTO);
    let faces = analyzer
        .detect(photo.view(), &grant.count().unwrap())
        .unwrap();
    let face = faces[0];
    let size = photo.size();
    let mut pixels = photo.view().pixels().to_vec();
    for (at, pixel) in pixels.chunks_exact_mut(3).enumerate() {
        let (x, y) = (at as u32 % size.width, at as u32 / size.width);
        change(x as f32, y as f32, pixel, &face);
    }
    (Picture::from_rgb(pixels, size).unwrap(), face)
}

fn check_spoilt(
    component: QualityComponent,
    hint: QualityHint,
    change: impl FnMut(f32, f32, &mut [u8], &Face),
) {
    let mut analyzer = analyzer(AnalyzerOptions::PHOTO);
    let (picture, face) = spoilt("astronaut.jpg", change);
    let quality = assess(&mut analyzer, picture.view(), Some(face));
    let found = quality.component(component).unwrap();
    assert!(found.value < 50, "{component:?}: {quality:?}");
    assert_eq!(found.hint, Some(hint));
    assert!(!QualityGate::ENROLMENT.faults(&quality).is_empty());
}

#[test]
fn good_portraits_may_be_enrolled() {
    let mut analyzer = analyzer(AnalyzerOptions::PHOTO);
    for name in ["astronaut.jpg", "grace_hopper.jpg"] {
        let quality = assess(&mut analyzer, photo(name).view(), None);
        let faults = QualityGate::ENROLMENT.faults(&quality);
        assert!(faults.is_empty(), "{name}: {quality:?}");
    }
}

#[test]
fn a_group_picture_is_not_of_one_face() {
    let mut analyzer = analyzer(AnalyzerOptions::PHOTO);
    let quality = assess(&mut analyzer, photo("solvay.jpg").view(), None);
    let hints: Vec<QualityHint> = quality.hints().collect();
    assert_eq!(hints[0], QualityHint::OtherFaces);
}

#[test]
fn covered_eyes_are_named() {
    check_spoilt(
        QualityComponent::Occlusion,
        QualityHint::EyesCovered,
        |x, y, pixel, face| {
            let [left, right, ..] = face.landmarks_in_frame.0;
            let apart = left.distance(right);
            let middle = f32::midpoint(left.y, right.y);
            if (y - middle).abs() < 0.3 * apart
                && x > left.x - 0.5 * apart
                && x < right.x + 0.5 * apart
            {
                pixel.fill(20);
            }
        },
    );
}

#[test]
fn a_covered_mouth_is_named() {
    check_spoilt(
        QualityComponent::Occlusion,
        QualityHint::MouthCovered,
        |x, y, pixel, face| {
            let [left, right, nose, ..] = face.landmarks_in_frame.0;
            let apart = left.distance(right);
            let middle = f32::midpoint(left.x, right.x);
            if y > nose.y - 0.2 * apart && y < nose.y + 1.2 * apart && (x - middle).abs() < apart {
                pixel.copy_from_slice(&[170, 200, 230]);
            }
        },
    );
}

#[test]
fn darkness_and_a_lamp_aside_are_named() {
    check_spoilt(
        QualityComponent::Light,
        QualityHint::TooDark,
        |_, _, pixel, _| {
            for value in pixel {
                *value /= 6;
            }
        },
    );
    check_spoilt(
        QualityComponent::Uniformity,
        QualityHint::UnevenLight,
        |x, _, pixel, face| {
            if x < face.bbox_in_frame.center().x {
                for value in pixel {
                    *value /= 3;
                }
            }
        },
    );
}

#[test]
fn a_blurred_face_and_a_small_one_are_named() {
    let mut analyzer = analyzer(AnalyzerOptions::PHOTO);
    let photo = photo("astronaut.jpg");
    let grant = grant();
    let face = analyzer
        .detect(photo.view(), &grant.count().unwrap())
        .unwrap()[0];
    let size = photo.size();
    let image = image::RgbImage::from_raw(size.width, size.height, photo.view().pixels().to_vec());
    let image = image.unwrap();
    // Two and a half pixels of the chip.
    let [left, right, ..] = face.landmarks_in_frame.0;
    let blurred = image::imageops::blur(&image, left.distance(right) / 35.0 * 2.5);
    let picture = Picture::from_rgb(blurred.into_raw(), size).unwrap();
    let quality = assess(&mut analyzer, picture.view(), Some(face));
    let sharpness = quality.component(QualityComponent::Sharpness).unwrap();
    assert!(sharpness.value < 50, "{quality:?}");
    assert_eq!(sharpness.hint, Some(QualityHint::Blurred));

    let filter = image::imageops::FilterType::Triangle;
    let small = image::imageops::resize(&image, 90, 90, filter);
    let size = FrameSize {
        width: 90,
        height: 90,
    };
    let picture = Picture::from_rgb(small.into_raw(), size).unwrap();
    let quality = assess(&mut analyzer, picture.view(), None);
    let far = quality.component(QualityComponent::Size).unwrap();
    assert_eq!(far.hint, Some(QualityHint::TooFar), "{quality:?}");
    assert!(far.value < 50);
}

#[test]
fn without_leave_the_pose_is_missing_and_enrolment_waits() {
    let mut analyzer = analyzer(AnalyzerOptions::PHOTO);
    let photo = photo("astronaut.jpg");
    let grant = grant();
    let count = grant.count().unwrap();
    let keys = Keys {
        count: &count,
        attention: None,
        expression: None,
    };
    let faces = analyzer.detect(photo.view(), &count).unwrap();
    let quality = analyzer.quality(photo.view(), &faces, 0, &keys).unwrap();
    assert!(quality.component(QualityComponent::Pose).is_none());
    let faults = QualityGate::ENROLMENT.faults(&quality);
    assert_eq!(faults[0].component, QualityComponent::Pose);
    assert!(analyzer.quality(photo.view(), &faces, 9, &keys).is_err());
}

#[test]
fn a_pose_that_is_known_is_not_measured_again() {
    let mut analyzer = analyzer(AnalyzerOptions::PHOTO);
    let photo = photo("astronaut.jpg");
    let grant = grant();
    let (count, attention) = (grant.count().unwrap(), grant.attention().unwrap());
    let view = photo.view();
    let faces = analyzer.detect(view, &count).unwrap();
    let known = analyzer
        .head_poses_and_meshes(view, &faces[..1], &attention)
        .unwrap();
    let (pose, mesh) = &known[0];
    assert_eq!(mesh.as_ref().unwrap().head_pose(), *pose);
    assert_eq!(
        analyzer.head_poses(view, &faces[..1], &attention).unwrap(),
        [*pose]
    );
    let quality = analyzer.quality_with_pose(view, &faces, (0, *pose), &count);
    assert_eq!(quality.unwrap(), assess(&mut analyzer, view, None));
    let nobody = analyzer.quality_with_pose(view, &faces, (9, *pose), &count);
    assert!(nobody.is_err());
}
