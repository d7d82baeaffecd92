//! The demo clip, frame by frame.

use regard_domain::Expression;
use regard_testkit::wall::clip_jpegs;
use regard_vision::{AnalyzerOptions, Keys, PixelPool, WantedSize, decode_jpeg};

use crate::support::{analyzer, grant};

#[test]
fn the_clip_shows_what_its_notes_say() {
    let frames = clip_jpegs();
    assert_eq!(frames.len(), 372);
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
    let mut analyzer = analyzer(AnalyzerOptions::LIVE);
    let pool = PixelPool::new();
    // Second of the clip, what is seen there (demo.toml).
    for (second, expected) in [
        (0.5, Some(Expression::Neutral)),
        (4.0, None),
        (6.0, Some(Expression::Happy)),
        (9.6, Some(Expression::Surprised)),
        (14.0, Some(Expression::Neutral)),
        (17.0, Some(Expression::Neutral)),
    ] {
        let frame = frames[(second * 15.0) as usize];
        let picture = decode_jpeg(frame, WantedSize::Whole, &pool).unwrap();
        let faces = analyzer.analyze(picture.view(), &keys).unwrap();
        let found = faces.first().map(|f| {
            let expression = f.readings.expression.unwrap();
            assert!(f.readings.attention.is_some());
            expression.likeliest().0
        });
        assert_eq!(found, expected, "at {second} s");
    }
}

#[test]
fn turning_the_head_costs_attention() {
    let frames = clip_jpegs();
    let grant = grant();
    let (count, attention) = (grant.count().unwrap(), grant.attention().unwrap());
    let keys = Keys {
        count: &count,
        attention: Some(&attention),
        expression: None,
    };
    let mut analyzer = analyzer(AnalyzerOptions::LIVE);
    let pool = PixelPool::new();
    let mut yaws = Vec::new();
    // Between 18.5 and 20 s the man turns his head both ways.
    for index in (277..300).step_by(3) {
        let picture = decode_jpeg(frames[index], WantedSize::Whole, &pool).unwrap();
        for face in analyzer.analyze(picture.view(), &keys).unwrap() {
            assert!(face.readings.expression.is_none());
            yaws.push(face.readings.head_pose.unwrap().yaw_deg);
        }
    }
    let least = yaws.iter().copied().fold(f32::INFINITY, f32::min);
    let most = yaws.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    assert!(least < -15.0 && most > 15.0, "{least} to {most}");
}
