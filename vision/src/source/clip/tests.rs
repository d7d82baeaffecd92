use super::*;
use crate::source::pace::Pace;
use crate::source::pace::fake::FakeClock;

fn options(pace: Pace, clock: &FakeClock) -> OpenOptions {
    OpenOptions {
        pace,
        sleep: clock.sleep(),
        ..OpenOptions::default()
    }
}

fn demo(pace: Pace, clock: &FakeClock) -> ClipSource {
    ClipSource::demo(&options(pace, clock), &Watch::of(|_| true)).unwrap()
}

#[test]
fn the_rate_is_the_one_written_beside_the_clip() {
    let text = include_str!("../../../../testkit/fixtures/clip/demo.toml");
    assert!(
        text.lines()
            .any(|line| line == format!("fps = {DEMO_CLIP_FPS}"))
    );
    assert!(text.lines().any(|line| line == "loops = true"));
}

#[test]
fn the_demo_goes_round_at_its_rate() {
    let clock = FakeClock::default();
    let mut source = demo(Pace::RealTime, &clock);
    let mut first = Vec::new();
    for wanted in 0..800_u64 {
        let frame = source.next(&|| clock.now()).unwrap();
        assert_eq!(frame.index, wanted);
        let due = i64::try_from(wanted).unwrap() * 1_000_000 / 15;
        assert!((frame.captured_at.as_micros() - due).abs() <= 1);
        assert!((clock.now().as_micros() - due).abs() <= 1);
        let super::super::frame::RawPixels::Mjpeg(bytes) = frame.pixels else {
            panic!("the demo is Motion-JPEG");
        };
        match wanted {
            0 => first = bytes,
            372 | 744 => assert!(bytes == first),
            _ => assert!(bytes != first),
        }
    }
}

#[test]
fn a_long_sleep_skips_whole_rounds() {
    let clock = FakeClock::default();
    let mut source = demo(Pace::RealTime, &clock);
    for _ in 0..400 {
        source.next(&|| clock.now()).unwrap();
    }
    // A year.
    clock.advance_millis(365 * 86_400 * 1_000);
    let frame = source.next(&|| clock.now()).unwrap();
    let age = clock.now().saturating_since(frame.captured_at);
    assert!(age.as_millis() < 67, "{age:?}");
    let next = source.next(&|| clock.now()).unwrap();
    assert_eq!(next.index, frame.index + 1);
}

#[test]
fn a_clip_ends_and_a_cut_image_is_told() {
    let clock = FakeClock::default();
    let options = options(Pace::AsFast, &clock);
    let watch = Watch::of(|_| true);
    let play = |bytes: &[u8], looping| {
        let bytes = ClipBytes::Shared(bytes.into());
        let name = String::new();
        let mut source = ClipSource::new(name, bytes, None, looping, &options, &watch).unwrap();
        let mut n_good = 0;
        let mut n_bad = 0;
        for _ in 0..1_000 {
            match source.next(&|| clock.now()) {
                Ok(_) => n_good += 1,
                Err(SourceError::BadFrame { .. }) => n_bad += 1,
                Err(error) => return (n_good, n_bad, error.to_string()),
            }
        }
        (n_good, n_bad, "goes on".to_owned())
    };
    let ended = "the source has ended".to_owned();
    assert_eq!(play(DEMO_CLIP, false), (372, 0, ended.clone()));
    assert_eq!(
        play(&DEMO_CLIP[..DEMO_CLIP.len() - 9], false),
        (371, 1, ended.clone())
    );
    assert_eq!(play(DEMO_CLIP, true).2, "goes on");
    assert_eq!(play(b"no image anywhere", true), (0, 0, ended.clone()));
    assert_eq!(play(b"", true), (0, 0, ended));
}
