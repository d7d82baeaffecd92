use regard_commitments::{Commitments, Custody, Dpia, LibraryDeclaration, Profile, ask_library};
use regard_domain::{BBox, FaceReadings, FrameSize, Landmarks, Point, Score};
use tokio::sync::oneshot::error::TryRecvError;

use super::*;
use crate::custody::tests::world::{VirtualClock, signed};

const ONE: TrackId = TrackId::from_bits(1);
const OTHER: TrackId = TrackId::from_bits(2);

fn leave() -> Grant<Sensing> {
    let own = LibraryDeclaration::own_media(CameraId::new("door").unwrap());
    ask_library(&own).granted().unwrap()
}

/// A spot, and where what happens there is heard.
fn spot(marked: Option<MarkedSpot>) -> (Arc<Spot>, mpsc::Receiver<SpotCall>) {
    let (calls, heard) = mpsc::channel(4);
    let camera = CameraId::new("door").unwrap();
    (Arc::new(Spot::new(camera, true, marked, calls)), heard)
}

const fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_780_315_200_000 + millis)
}

#[test]
fn crops_are_cut_of_whoever_acted_and_of_nobody_who_comes_after_them() {
    let (spot, _heard) = spot(None);
    spot.state().anew(Some(ONE));
    // They are there when leave is given, and then somebody else is.
    let mut answer = spot.want(leave(), ONE);
    assert_eq!(answer.try_recv().err(), Some(TryRecvError::Empty));
    spot.state().anew(Some(OTHER));
    assert_eq!(answer.try_recv().err(), Some(TryRecvError::Closed));
    assert!(spot.state().wanted.is_none());
    // They had gone before leave was given.
    let mut answer = spot.want(leave(), ONE);
    assert_eq!(answer.try_recv().err(), Some(TryRecvError::Closed));
    assert!(spot.state().wanted.is_none());
}

#[test]
fn whoever_was_out_of_sight_shows_anew_that_they_live() {
    let mut state = SpotState::new();
    state.anew(Some(ONE));
    state.alone(at(0));
    state.live_at = Some(at(0));
    // Frames that are missed, and some out of order.
    for millis in [66, 132, 832, 765, 1_532] {
        state.alone(at(millis));
        assert!(state.is_live(at(millis)), "{millis}");
    }
    state.alone(at(2_233));
    assert!(!state.is_live(at(2_233)), "a picture may have come");
    // Nobody is alive for ever.
    state.live_at = Some(at(2_300));
    let last = at(2_300).plus(LIVE_FOR);
    assert!(state.is_live(last));
    assert!(!state.is_live(last.plus(Duration::from_millis(1))));
}

#[test]
fn a_code_is_quiet_for_whoever_held_it_up_and_shorter_for_others() {
    let (spot, mut heard) = spot(None);
    let show = |track, millis| {
        let text = "a token".to_owned();
        spot.show(&mut spot.state(), text, (track, at(millis)))
    };
    let clock = VirtualClock::new();
    let quiet = Quiet {
        same: Duration::from_secs(60),
        others: Duration::from_secs(5),
    };
    assert!(show(ONE, 0));
    let call = heard.try_recv().unwrap();
    spot.over(&call.act, at(0), quiet);
    for (track, millis, is_new) in [
        (ONE, 59_999, false),
        (OTHER, 4_999, false),
        (OTHER, 5_000, true),
    ] {
        assert_eq!(show(track, millis), is_new, "{millis}");
    }
    // However it ends that somebody looks into it.
    let call = heard.try_recv().unwrap();
    assert!(spot.state().is_called);
    drop(LookedInto::new(call, quiet, clock));
    assert!(!spot.state().is_called);
}

#[test]
fn a_face_that_is_missed_for_a_moment_stands_on() {
    let marked = MarkedSpot {
        left: 0.2,
        top: 0.2,
        width: 0.6,
        height: 0.6,
    };
    let (grant, pixels) = (leave(), vec![0; 100 * 100 * 3]);
    let size = FrameSize {
        width: 100,
        height: 100,
    };
    let count = grant.count().unwrap();
    let keys = Keys {
        count: &count,
        attention: None,
        expression: None,
    };
    let face = |attention: f32| Face {
        bbox_in_frame: BBox::new(40.0, 40.0, 20.0, 20.0).unwrap(),
        score: Score::clamped(0.9),
        landmarks_in_frame: Landmarks([Point::new(50.0, 50.0); 5]),
        readings: FaceReadings {
            attention: Attention::new(attention),
            ..FaceReadings::default()
        },
    };
    let (looking, away) = (vec![face(0.9)], vec![face(0.1)]);
    // When whoever stands there from the beginning, but for one frame, has acted.
    let acted = |at_800: &[Face]| {
        let (spot, mut heard) = spot(Some(marked));
        spot.state().anew(Some(ONE));
        (0..40).map(|n| n * 100).find(|millis| {
            let faces = if *millis == 800 { at_800 } else { &looking };
            let frame = SpotFrame {
                view: RgbView::new(&pixels, size).unwrap(),
                faces,
                track: (!faces.is_empty()).then_some(ONE),
                is_crowded: false,
                mesh: None,
                keys: &keys,
                at: at(*millis),
                now: at(*millis),
            };
            spot.stand(&mut spot.state(), &frame, (ONE, &marked));
            heard.try_recv().is_ok()
        })
    };
    assert_eq!(acted(&looking), Some(1_500));
    assert_eq!(acted(&[]), Some(1_500));
    assert_eq!(acted(&away), Some(2_400));
    // Of two nobody can tell who stands there.
    assert_eq!(acted(&[looking[0], looking[0]]), Some(2_400));
}

#[test]
fn acts_are_looked_for_where_what_they_serve_is_promised() {
    use ConsentPurpose::{Identify, Learn, Personalize, Verify};
    let check = |purposes: &[ConsentPurpose],
                 asked: ConsentPurpose,
                 has_other_way: bool,
                 code: Option<RefusalCode>| {
        let mut document = Commitments::demo();
        document.consent_purposes = purposes.iter().copied().collect();
        document.custody = Custody::Controller;
        document.custody_justification = Some("an access gate with a guard beside it".to_owned());
        document.alternative_path = has_other_way.then(|| "the guard looks".to_owned());
        // Of long ago: whether one holds is asked when somebody acts.
        document.dpia = Some(Dpia {
            reference: "DPIA 1".to_owned(),
            signed_by: "the officer".to_owned(),
            signed_on: "2020-05-01".parse().unwrap(),
            configuration: None,
        });
        let promise = signed(&document);
        let standing = PromiseStanding {
            in_force: &promise,
            taken_under: None,
            profile: &Profile::named(&document.profile).unwrap(),
            assessed: None,
        };
        let refused = promised(&standing, asked, at(0)).err();
        let told = refused.map(|refusal| refusal.code);
        assert_eq!(told, code, "{purposes:?} {asked}");
    };
    let not_promised = Some(RefusalCode::PurposeNotPromised);
    check(&[Verify, Personalize], Verify, false, None);
    check(&[Verify, Learn], Verify, true, not_promised);
    check(&[Identify, Personalize], Verify, true, not_promised);
    check(&[Identify, Personalize], Identify, true, None);
    check(&[Identify], Identify, true, not_promised);
    check(&[Verify, Personalize], Identify, true, not_promised);
    let no_other_way = Some(RefusalCode::NoAlternativePath);
    check(&[Identify, Personalize], Identify, false, no_other_way);
}
