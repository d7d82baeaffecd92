//! The made-up picture with several faces, as the benches and the soak use it.

use regard_domain::Timestamp;
use regard_testkit::wall::{FaceWall, MAX_WALL_FACES};
use regard_vision::{AnalyzerOptions, PixelPool, RawFrame, RawPixels, WantedSize, decode_frame};

use crate::support::{analyzer, grant};

/// Every so many pictures of the wall is looked at.
const STEP: usize = 13;

/// Share of pictures in which exactly the faces of the wall must be found.
const LEAST_SHARE: f32 = 0.95;

/// Looks at a wall as the engine does: decoded to about half of full HD, searched at 320 pixels.
fn check(wall: &FaceWall, n_faces: usize) {
    let (grant, pool) = (grant(), PixelPool::new());
    let key = grant.count().unwrap();
    let mut analyzer = analyzer(AnalyzerOptions::LIVE);
    let cells = wall.cells();
    assert_eq!(cells.len(), n_faces);
    let (mut n_right, mut n_all) = (0, 0);
    for index in (0..wall.n_pictures()).step_by(STEP) {
        let raw = RawFrame {
            pixels: RawPixels::Mjpeg(wall.jpeg(index).unwrap()),
            size: wall.size(),
            captured_at: Timestamp::from_millis(0),
            index: 0,
        };
        let wanted = WantedSize::AtLeast {
            width: 960,
            height: 540,
        };
        let frame = decode_frame(&raw, wanted, &pool).unwrap();
        let scale = wall.size().width as f32 / frame.size().width as f32;
        let faces = analyzer.detect(frame.view(), &key).unwrap();
        let in_each = cells.iter().map(|cell| {
            let inside = faces.iter().filter(|face| {
                let bbox = face.bbox_in_frame.scaled(scale, scale).unwrap();
                cell.intersection(&bbox) > 0.9 * bbox.area()
            });
            inside.count()
        });
        let is_right = in_each.into_iter().all(|n| n == 1) && faces.len() == n_faces;
        n_right += usize::from(is_right);
        n_all += 1;
    }
    assert!(
        n_right as f32 >= LEAST_SHARE * n_all as f32,
        "{:?} with {n_faces} faces: {n_right} of {n_all}",
        wall.size()
    );
}

#[test]
fn every_face_of_a_full_hd_wall_is_found_in_its_cell() {
    check(&FaceWall::full_hd(1), 1);
    check(&FaceWall::full_hd(MAX_WALL_FACES), MAX_WALL_FACES);
}

#[test]
fn every_face_of_a_small_wall_is_found_in_its_cell() {
    check(&FaceWall::vga(1), 1);
    check(&FaceWall::vga(MAX_WALL_FACES), MAX_WALL_FACES);
}
