use std::time::Duration;

use regard_commitments::{MovementClaim, RefusalCode};
use regard_domain::FrameSize;
use regard_testkit::sitting::{NOON, sitting, taken_at};

use super::super::super::align::Vec3;
use super::*;
use crate::{MeshPoint, N_MESH_POINTS};

/// A face of made-up points whose inner brows go up for 12 frames from the 300th, and which trembles a little.
fn mesh(index: u64) -> FaceMesh {
    let tremble =
        |i: usize| ((index as usize * 7_919 + i * 104_729) % 1_009) as f32 / 1_009.0 * 0.1;
    let rises = match (index + 1).checked_sub(300) {
        Some(nth) if nth < 13 => (nth as f32 / 13.0 * std::f32::consts::PI).sin().powi(2) * 4.0,
        _ => 0.0,
    };
    let points = (0..N_MESH_POINTS).map(|i| {
        let angle = i as f32 * 2.4;
        let far = (i as f32 / N_MESH_POINTS as f32).sqrt() * 80.0;
        let [mut x, mut y, z]: Vec3 = [
            f64::from(200.0 + far * angle.cos()),
            f64::from(200.0 + far * angle.sin()),
            f64::from(far * 0.3),
        ];
        if EYES.as_flattened().contains(&i) {
            let at = EYES
                .as_flattened()
                .iter()
                .position(|eye| *eye == i)
                .unwrap_or(0);
            x = 150.0 + 33.0 * [0.0, 1.0, 2.0, 3.0][at];
            y = 180.0;
        }
        if [107, 55, 336, 285].contains(&i) {
            y -= f64::from(rises);
        }
        MeshPoint {
            x: x as f32 + tremble(i),
            y: y as f32 + tremble(i + 1),
            z: z as f32,
        }
    });
    FaceMesh::made_up(points.collect())
}

fn watched(key: &MicroExpressions, n: u64, fps: f64) -> MicroSpotter {
    let size = FrameSize {
        width: 4,
        height: 4,
    };
    let pixels = [128; 48];
    let view = RgbView::new(&pixels, size).unwrap();
    let mut spotter = MicroSpotter::with_means(key, SpottingMeans::Landmarks);
    for index in 0..n {
        spotter
            .see(view, taken_at(index, fps), Some(&mesh(index)))
            .unwrap();
    }
    spotter
}

#[test]
fn what_is_found_opens_to_its_participant_alone() {
    let (key, line) = sitting(MovementClaim::ALL, 100.0, 1);
    let (other, _) = sitting(MovementClaim::ALL, 100.0, 2);
    let mut spotter = watched(&key, 600, 100.0);
    let found = spotter.spotted().unwrap().unwrap();
    assert!(found.open(&other, NOON).is_none(), "another sitting");
    let report = found.open(&key, NOON).unwrap();
    assert_eq!(report.movements.len(), 1, "{report:?}");
    let movement = &report.movements[0];
    assert_eq!(movement.place.region().name(), "brows");
    assert!(movement.height[1] < -0.02, "{movement:?}");
    assert!(movement.apex > taken_at(300, 100.0) && movement.apex < taken_at(312, 100.0));
    assert!((report.watched_secs - 6.0).abs() < 0.1 && report.traces.len() == 600);
    assert_eq!(format!("{found:?}"), "StudyOnly(withheld)");
    assert!(!format!("{spotter:?}").contains("brow"));
    // The participant takes it back: nothing opens, and nothing more is looked at.
    line.cut();
    assert!(found.open(&key, NOON).is_none());
    let pixels = [128; 48];
    let size = FrameSize {
        width: 4,
        height: 4,
    };
    let view = RgbView::new(&pixels, size).unwrap();
    let refused = spotter.see(view, taken_at(700, 100.0), Some(&mesh(0)));
    assert!(matches!(refused, Err(AnalysisError::GrantEnded)));
}

#[test]
fn slow_frames_are_refused_and_slower_movements_are_not() {
    // The camera was fast when the participant sat down, and became slow.
    let (key, _) = sitting(MovementClaim::ALL, 100.0, 3);
    let refusal = watched(&key, 600, 25.0).spotted().unwrap_err();
    assert_eq!(refusal.code, RefusalCode::FpsTooLowForMicroexpression);
    let longer = MovementClaim::from(Duration::from_millis(120)).unwrap();
    let (key, _) = sitting(longer, 25.0, 4);
    let found = watched(&key, 600, 25.0).spotted().unwrap().unwrap();
    let report = found.open(&key, NOON).unwrap();
    assert_eq!(report.movements.len(), 1, "{report:?}");
    assert!((report.frames_per_sec - 25.0).abs() < 0.1);
    // Too few frames say nothing.
    assert!(watched(&key, 20, 25.0).spotted().unwrap().is_none());
}
