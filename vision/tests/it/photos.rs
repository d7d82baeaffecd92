//! Photographs in, faces with readings out.

use regard_domain::{Expression, Face, FrameSize};
use regard_vision::{
    AnalyzerOptions, DetectorOptions, FaceChip, Keys, Photo, Picture, RgbView, draw_faces,
    save_drawing,
};

use crate::support::{analyzer, grant, photo};

fn analyze(photo: &Photo) -> Vec<Face> {
    let grant = grant();
    let (count, attention, expression) = (
        grant.count().unwrap(),
        grant.attention().unwrap(),
        grant.expression().unwrap(),
    );
    let keys = Keys {
        count: &count,
        attention: Some(&attention),
        expression: Some(&expression),
    };
    analyzer(AnalyzerOptions::PHOTO)
        .analyze_photo(photo, &keys)
        .unwrap()
}

#[test]
fn a_smile_is_a_smile_in_every_format() {
    for name in [
        "astronaut.jpg",
        "astronaut.png",
        "astronaut.webp",
        "astronaut.gif",
        "astronaut.bmp",
        "astronaut.tiff",
        "astronaut_exif6.jpg",
    ] {
        let faces = analyze(&photo(name));
        assert_eq!(faces.len(), 1, "{name}");
        let readings = faces[0].readings;
        let (expression, probability) = readings.expression.unwrap().likeliest();
        assert_eq!(expression, Expression::Happy, "{name}");
        assert!(probability > 0.8, "{name}: {probability}");
        let pose = readings.head_pose.unwrap();
        assert!(pose.roll_deg.abs() < 20.0, "{name}: {pose:?}");
        assert!(readings.attention.unwrap().get() > 0.5, "{name}");
        let [left_eye, right_eye, nose, left_mouth, right_mouth] = faces[0].landmarks_in_frame.0;
        assert!(left_eye.x < right_eye.x && left_mouth.x < right_mouth.x);
        assert!(left_eye.y < nose.y && nose.y < left_mouth.y);
    }
}

#[test]
fn a_neutral_face_is_neutral() {
    let faces = analyze(&photo("grace_hopper.jpg"));
    assert_eq!(faces.len(), 1);
    let expression = faces[0].readings.expression.unwrap();
    assert!(
        expression.probability(Expression::Happy) < 0.5,
        "{expression:?}"
    );
}

#[test]
fn the_solvay_conference_has_29_faces() {
    let solvay = photo("solvay.jpg");
    let grant = grant();
    let mut analyzer = analyzer(AnalyzerOptions {
        detector: DetectorOptions {
            full_resolution: true,
            ..DetectorOptions::PHOTO
        },
        ..AnalyzerOptions::PHOTO
    });
    let faces = analyzer
        .detect(solvay.view(), &grant.count().unwrap())
        .unwrap();
    assert!((28..=29).contains(&faces.len()), "{}", faces.len());
    assert!(faces.windows(2).all(|w| w[0].score >= w[1].score));
}

/// A gray full-HD frame with the portrait's face `side` pixels wide at several places.
fn full_hd_with_faces(side: u32, places: &[(u32, u32)]) -> Picture {
    let portrait = photo("astronaut.png");
    let small = image::imageops::resize(
        &image::RgbImage::from_raw(160, 160, portrait.view().pixels().to_vec()).unwrap(),
        side * 160 / 75,
        side * 160 / 75,
        image::imageops::FilterType::Triangle,
    );
    let mut frame = image::RgbImage::from_pixel(1920, 1080, image::Rgb([120, 120, 120]));
    for (x, y) in places {
        image::imageops::replace(&mut frame, &small, i64::from(*x), i64::from(*y));
    }
    let size = FrameSize {
        width: 1920,
        height: 1080,
    };
    Picture::from_rgb(frame.into_raw(), size).unwrap()
}

#[test]
fn faces_of_24_pixels_are_found_at_full_hd() {
    let places = [(100, 100), (930, 520), (980, 500), (1800, 1000), (400, 900)];
    let picture = full_hd_with_faces(24, &places);
    let grant = grant();
    let mut analyzer = analyzer(AnalyzerOptions {
        detector: DetectorOptions {
            full_resolution: true,
            ..DetectorOptions::LIVE
        },
        ..AnalyzerOptions::LIVE
    });
    let faces = analyzer
        .detect(picture.view(), &grant.count().unwrap())
        .unwrap();
    assert_eq!(faces.len(), places.len());
    for face in &faces {
        assert!(face.bbox_in_frame.width() < 32.0);
    }
}

#[test]
fn faces_of_24_pixels_are_found_in_turn_and_kept_in_sight() {
    let places = [(100, 100), (930, 520), (1800, 1000), (400, 900)];
    let picture = full_hd_with_faces(24, &places);
    let grant = grant();
    let key = grant.count().unwrap();
    let mut analyzer = analyzer(AnalyzerOptions::LIVE);
    let mut expected = Vec::new();
    let mut counts = Vec::new();
    for turn in 0..24 {
        let faces = analyzer
            .detect_in_turn(picture.view(), &expected, turn, &key)
            .unwrap();
        expected = faces.iter().map(|face| face.bbox_in_frame).collect();
        counts.push(expected.len());
    }
    assert!(
        counts.is_sorted(),
        "once found, none is lost while others have their turn: {counts:?}"
    );
    assert_eq!(counts[23], places.len(), "{counts:?}");
}

#[test]
fn looking_around_a_face_finds_the_same_face() {
    let places = [(600, 300)];
    let picture = full_hd_with_faces(90, &places);
    let grant = grant();
    let key = grant.count().unwrap();
    let mut analyzer = analyzer(AnalyzerOptions::LIVE);
    let whole = analyzer.detect(picture.view(), &key).unwrap();
    assert_eq!(whole.len(), 1);
    let found = analyzer
        .detect_around(picture.view(), &[whole[0].bbox_in_frame], &key)
        .unwrap();
    assert_eq!(found.len(), 1);
    let iou = found[0].bbox_in_frame.iou(&whole[0].bbox_in_frame);
    assert!(iou > 0.6, "{iou}");
    let nowhere = regard_domain::BBox::new(5_000.0, 0.0, 50.0, 50.0).unwrap();
    let none = analyzer
        .detect_around(picture.view(), &[nowhere], &key)
        .unwrap();
    assert!(none.is_empty());
}

#[test]
fn the_same_picture_gives_the_same_bits() {
    let astronaut = photo("astronaut.jpg");
    assert_eq!(analyze(&astronaut), analyze(&astronaut));
}

#[test]
fn a_picture_of_one_pixel_has_no_face() {
    let size = FrameSize {
        width: 1,
        height: 1,
    };
    let view = RgbView::new(&[0; 3], size).unwrap();
    let grant = grant();
    let found = analyzer(AnalyzerOptions::PHOTO).detect(view, &grant.count().unwrap());
    assert!(found.unwrap().is_empty());
}

#[test]
fn a_chip_has_the_eyes_where_they_belong() {
    let astronaut = photo("astronaut.jpg");
    let faces = analyze(&astronaut);
    let grant = grant();
    let key = grant.count().unwrap();
    let chip = FaceChip::cut(astronaut.view(), &faces[0], &key)
        .unwrap()
        .unwrap();
    let left_eye = chip.chip_from_frame().map(faces[0].landmarks_in_frame.0[0]);
    assert!((left_eye.x - 38.3).abs() < 4.0 && (left_eye.y - 51.7).abs() < 4.0);
    assert_eq!(format!("{chip:?}"), "FaceChip(112x112, pixels withheld)");
}

#[test]
fn drawings_are_saved_and_show_the_box() {
    let folder = tempfile::tempdir().unwrap();
    let astronaut = photo("astronaut.jpg");
    let faces = analyze(&astronaut);
    let drawn = draw_faces(astronaut.view(), &faces).unwrap();
    for name in ["a.png", "a.jpg"] {
        let path = folder.path().join(name);
        save_drawing(&drawn, &path).unwrap();
        let back = Photo::open(&path).unwrap();
        assert_eq!(back.size(), astronaut.size());
        let b = faces[0].bbox_in_frame;
        let at = (b.top() as usize + 40) * 512 + b.left() as usize;
        let pixel = &back.view().pixels()[at * 3..at * 3 + 3];
        assert!(pixel[0] > 150 && pixel[2] < 120, "{name}: {pixel:?}");
    }
}
