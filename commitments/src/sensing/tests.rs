mod agreement;
mod rules;

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use regard_domain::{CameraId, ScreenId, Timestamp};

use super::*;
use crate::{Commitments, SiteKeys, Zeroizing};

/// 2026-06-01T12:00:00Z.
const NOON: Timestamp = Timestamp::from_millis(1_780_315_200_000);

fn at(millis: u64) -> Timestamp {
    NOON.plus(Duration::from_millis(millis))
}

fn camera() -> CameraId {
    CameraId::new("entrance").unwrap()
}

fn screen() -> ScreenId {
    ScreenId::new("window").unwrap()
}

fn setup() -> CameraSetup {
    CameraSetup {
        camera: camera(),
        screens: BTreeSet::from([screen()]),
        masks_staff_zones: false,
    }
}

/// The demo's document with some lines replaced.
fn verified(replacements: &[(&str, &str)]) -> VerifiedCommitments {
    let mut text = Commitments::demo_text().to_owned();
    for (from, to) in replacements {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    let key = SiteKeys::from_seed(Zeroizing::new([1; 32])).commitments_key();
    let document = Commitments::parse(&text).unwrap();
    document.sign(&key).verify(&key.verifying_key()).unwrap()
}

/// A gate with one camera and a live notice at noon.
fn gate_with(replacements: &[(&str, &str)]) -> SensingGate {
    let commitments = verified(replacements);
    let profile = Profile::named(&commitments.document().profile).unwrap();
    let mut gate = SensingGate::new(commitments, profile).unwrap();
    gate.register(setup());
    let hash = gate.notice_hash();
    assert_eq!(gate.heartbeat(&screen(), hash, NOON), Heartbeat::Counted);
    gate
}

fn gate() -> SensingGate {
    gate_with(&[])
}

fn ask(gate: &mut SensingGate, now: Timestamp) -> Ruled<Answer<Grant<Sensing>>> {
    gate.ask(&camera(), Scopes::AUDIENCE, now)
}

fn code_of(answer: &Answer<Grant<Sensing>>) -> Option<RefusalCode> {
    answer.refusal().map(|refusal| refusal.code)
}

fn open(gate: &mut SensingGate, now: Timestamp) -> Grant<Sensing> {
    ask(gate, now).outcome.granted().unwrap()
}

#[test]
fn with_a_live_notice_the_camera_opens() {
    let mut gate = gate();
    let ruled = ask(&mut gate, at(10));
    let grant = ruled.outcome.granted().unwrap();
    assert_eq!(grant.scopes(), Scopes::AUDIENCE);
    assert_eq!(grant.camera(), &camera());
    assert!(grant.withheld().is_empty() && grant.is_live());
    assert!(grant.count().is_some() && grant.attention().is_some() && grant.expression().is_some());
    assert!(grant.age_guard().is_none());
    assert_eq!(grant.commitments(), Some(gate.commitments().digest()));
    assert!(matches!(
        ruled.entries[..],
        [LedgerEntry {
            body: EntryBody::Granted { .. },
            ..
        }]
    ));
    // The same question has the same answer, and the ledger hears of it once.
    let again = ask(&mut gate, at(20));
    assert!(again.entries.is_empty());
    assert!(again.outcome.granted().unwrap().is_live() && grant.is_live());
}

#[test]
fn without_a_live_notice_the_camera_stays_shut() {
    let mut gate = gate();
    for (now, code) in [
        (at(0), None),
        (at(999), None),
        (at(1_000), Some(RefusalCode::NoticeMissing)),
        // The clock was set back: the heartbeat lies in the future.
        (
            Timestamp::from_micros(NOON.as_micros() - 1),
            Some(RefusalCode::NoticeMissing),
        ),
    ] {
        assert_eq!(code_of(&ask(&mut gate, now).outcome), code, "{now:?}");
    }
}

#[test]
fn another_notice_than_the_one_promised_does_not_count() {
    let mut gate = gate();
    let grant = open(&mut gate, at(0));
    assert_eq!(
        gate.heartbeat(&screen(), Digest::of(&[b"x"]), at(500)),
        Heartbeat::OtherNotice
    );
    let ruled = gate.tick(at(500));
    assert_eq!(ruled.outcome.len(), 1);
    assert!(!grant.is_live());
    let unknown = ScreenId::new("elsewhere").unwrap();
    let hash = gate.notice_hash();
    assert_eq!(
        gate.heartbeat(&unknown, hash, at(500)),
        Heartbeat::UnknownScreen
    );
}

#[test]
fn a_camera_without_screen_stays_shut_and_a_run_is_told_once() {
    let mut gate = gate();
    let other = CameraId::new("yard").unwrap();
    for i in 0..5 {
        let ruled = gate.ask(&other, Scopes::AUDIENCE, at(i));
        assert_eq!(code_of(&ruled.outcome), Some(RefusalCode::NoticeMissing));
        assert_eq!(ruled.entries.len(), usize::from(i == 0));
    }
    assert_eq!(
        gate.refusals(),
        BTreeMap::from([(RefusalCode::NoticeMissing, 1)])
    );
}

#[test]
fn a_stale_notice_revokes_within_its_time() {
    let mut gate = gate();
    let grant = open(&mut gate, at(0));
    let scoped = grant.expression().unwrap();
    assert!(gate.tick(at(999)).outcome.is_empty() && scoped.is_live());
    let ruled = gate.tick(at(1_000));
    assert_eq!(ruled.outcome[0].refusal.code, RefusalCode::NoticeMissing);
    assert!(matches!(
        ruled.entries[..],
        [LedgerEntry {
            body: EntryBody::Revoked {
                code: RefusalCode::NoticeMissing,
                ..
            },
            ..
        }]
    ));
    assert!(!scoped.is_live() && !grant.is_live());
    // The revocation opened the run: asking again tells the ledger nothing new.
    assert!(ask(&mut gate, at(1_100)).entries.is_empty());
    // A dead grant stays dead when the notice comes back; a new one is given.
    let hash = gate.notice_hash();
    gate.heartbeat(&screen(), hash, at(2_000));
    assert!(open(&mut gate, at(2_000)).is_live() && !grant.is_live());
}

#[test]
fn a_grant_dies_by_itself_when_nobody_ticks() {
    let mut gate = gate();
    let grant = open(&mut gate, at(0));
    let hash = gate.notice_hash();
    gate.heartbeat(&screen(), hash, at(700));
    assert!(grant.is_live_at(at(1_699)));
    assert!(!grant.is_live_at(at(1_700)) && grant.is_live());
}

#[test]
fn asking_with_a_stale_notice_revokes_before_the_tick() {
    let mut gate = gate();
    let grant = open(&mut gate, at(0));
    let ruled = ask(&mut gate, at(1_500));
    assert_eq!(code_of(&ruled.outcome), Some(RefusalCode::NoticeMissing));
    assert!(matches!(ruled.entries[0].body, EntryBody::Revoked { .. }));
    assert!(!grant.is_live());
}

#[test]
fn one_of_two_screens_is_enough() {
    let mut gate = gate();
    let second = ScreenId::new("door").unwrap();
    gate.register(CameraSetup {
        screens: BTreeSet::from([screen(), second.clone()]),
        ..setup()
    });
    let grant = open(&mut gate, at(0));
    let hash = gate.notice_hash();
    gate.heartbeat(&second, hash, at(800));
    assert!(gate.tick(at(1_700)).outcome.is_empty());
    gate.screen_gone(&second);
    assert_eq!(gate.tick(at(1_700)).outcome.len(), 1);
    assert!(!grant.is_live());
}

#[test]
fn a_screen_taken_from_a_camera_no_longer_keeps_it_open() {
    let mut gate = gate();
    let grant = open(&mut gate, at(0));
    gate.register(CameraSetup {
        screens: BTreeSet::new(),
        ..setup()
    });
    assert_eq!(gate.tick(at(1)).outcome.len(), 1);
    assert!(!grant.is_live());
    // Nor does its old heartbeat count when it is given back.
    gate.register(setup());
    assert_eq!(
        code_of(&ask(&mut gate, at(2)).outcome),
        Some(RefusalCode::NoticeMissing)
    );
}

const ALL_SCOPES: (&str, &str) = (
    "scopes = [\"count\", \"attention\", \"expression\"]",
    "scopes = [\"count\", \"attention\", \"expression\", \"micro_expression\", \"age_guard\"]",
);
#[test]
fn where_counting_is_refused_nothing_is_granted() {
    let mut gate = gate_with(&[(ALL_SCOPES.0, "scopes = []")]);
    let ruled = ask(&mut gate, at(0));
    assert_eq!(
        code_of(&ruled.outcome),
        Some(RefusalCode::PurposeNotPromised)
    );
}

#[test]
fn commitments_hold_from_their_day_on() {
    let mut gate = gate_with(&[(
        "effective_from = \"2026-01-01\"",
        "effective_from = \"2026-06-02\"",
    )]);
    assert_eq!(
        code_of(&ask(&mut gate, at(0)).outcome),
        Some(RefusalCode::NoticeMissing)
    );
    let next_day = NOON.plus(Duration::from_hours(12));
    let hash = gate.notice_hash();
    gate.heartbeat(&screen(), hash, next_day);
    assert_eq!(code_of(&ask(&mut gate, next_day).outcome), None);
}

#[test]
fn staff_zones_need_a_camera_that_leaves_them_out() {
    let zones = "staff = { rule = \"zones\", zones = [{ camera = \"entrance\", left = 0, top = 0, width = 200, height = 1000 }] }";
    let mut gate = gate_with(&[("staff = { rule = \"no_staff_in_view\" }", zones)]);
    let withheld = |grant: &Grant<Sensing>| grant.withheld().first().map(|(_, r)| r.code);
    assert_eq!(
        withheld(&open(&mut gate, at(0))),
        Some(RefusalCode::StaffInView)
    );
    gate.register(CameraSetup {
        masks_staff_zones: true,
        ..setup()
    });
    let grant = open(&mut gate, at(0));
    assert_eq!(withheld(&grant), None);
    let zone = &grant.staff_zones()[0];
    for (x, y, inside) in [(0.1, 0.5, true), (0.2, 1.0, true), (0.21, 0.5, false)] {
        assert_eq!(zone.contains_in_unit(x, y), inside, "{x}, {y}");
    }
    // A camera without a zone of its own has nothing that keeps its staff out.
    let other = CameraId::new("yard").unwrap();
    gate.register(CameraSetup {
        camera: other.clone(),
        screens: BTreeSet::from([screen()]),
        masks_staff_zones: true,
    });
    let answer = gate
        .ask(&other, Scopes::AUDIENCE, at(0))
        .outcome
        .granted()
        .unwrap();
    assert_eq!(withheld(&answer), Some(RefusalCode::StaffInView));
}

#[test]
fn staff_hours_begin_and_end() {
    let hours = "staff = { rule = \"hours\", hours = [{ from = \"14:01\", until = \"14:02\" }] }";
    let mut gate = gate_with(&[("staff = { rule = \"no_staff_in_view\" }", hours)]);
    // Nobody told the local time yet.
    assert!(!open(&mut gate, at(0)).scopes().contains(Scope::Expression));
    gate.set_utc_offset_secs(2 * 3_600);
    let grant = open(&mut gate, at(0));
    assert!(grant.scopes().contains(Scope::Expression));
    let hash = gate.notice_hash();
    gate.heartbeat(&screen(), hash, at(60_000));
    let ruled = gate.tick(at(60_000));
    assert_eq!(ruled.outcome[0].refusal.code, RefusalCode::StaffInView);
    assert!(!grant.is_live());
    let narrowed = open(&mut gate, at(60_000));
    assert_eq!(
        narrowed.scopes(),
        Scopes::AUDIENCE.without(Scope::Expression)
    );
    gate.heartbeat(&screen(), hash, at(120_000));
    assert_eq!(open(&mut gate, at(120_000)).scopes(), Scopes::AUDIENCE);
    assert!(!narrowed.is_live());
    // The same hour west of Greenwich is another.
    gate.set_utc_offset_secs(-10 * 3_600);
    gate.heartbeat(&screen(), hash, at(60_000));
    assert_eq!(open(&mut gate, at(60_000)).scopes(), Scopes::AUDIENCE);
}

#[test]
fn an_objection_shuts_for_a_quarter_of_an_hour_at_most() {
    let mut gate = gate();
    let grant = open(&mut gate, at(0));
    let ruled = gate.blind(&camera(), at(3_600_000), at(1));
    assert!(!grant.is_live());
    assert_eq!(ruled.outcome[0].refusal.code, RefusalCode::ObjectionActive);
    let until = at(1).plus(MAX_OBJECTION);
    let objected = EntryBody::Objected {
        camera: camera(),
        until,
    };
    assert_eq!(ruled.entries[0].body, objected);
    assert_eq!(ruled.entries.len(), 2);
    let hash = gate.notice_hash();
    for (now, code) in [
        (900_000, Some(RefusalCode::ObjectionActive)),
        (900_001, None),
    ] {
        gate.heartbeat(&screen(), hash, at(now));
        assert_eq!(code_of(&ask(&mut gate, at(now)).outcome), code, "{now}");
    }
    // A shorter one does not shorten a longer one.
    let _ = gate.blind(&camera(), at(1_200_000), at(900_001));
    let _ = gate.blind(&camera(), at(900_003), at(900_002));
    gate.heartbeat(&screen(), hash, at(1_000_000));
    assert_eq!(
        code_of(&ask(&mut gate, at(1_000_000)).outcome),
        Some(RefusalCode::ObjectionActive)
    );
}

#[test]
fn a_ledger_that_cannot_be_written_shuts_everything() {
    let mut gate = gate();
    let grant = open(&mut gate, at(0));
    let revoked = gate.ledger_unavailable(at(100));
    assert_eq!(revoked[0].refusal.code, RefusalCode::LedgerUnavailable);
    assert!(!grant.is_live());
    let ruled = ask(&mut gate, at(200));
    assert_eq!(
        code_of(&ruled.outcome),
        Some(RefusalCode::LedgerUnavailable)
    );
    assert!(ruled.entries.is_empty());
    assert!(gate.blind(&camera(), at(400), at(300)).entries.is_empty());
    let kinds: Vec<EntryBody> = gate
        .ledger_available(at(500))
        .into_iter()
        .map(|entry| entry.body)
        .collect();
    assert!(
        matches!(
            kinds[..],
            [
                EntryBody::Revoked { code: RefusalCode::LedgerUnavailable, .. },
                EntryBody::Objected { .. },
                EntryBody::Interrupted { n_unrecorded: 0, since }
            ] if since == at(100)
        ),
        "{kinds:?}"
    );
    assert!(gate.ledger_available(at(500)).is_empty());
    assert_eq!(code_of(&ask(&mut gate, at(500)).outcome), None);
}

#[test]
fn what_comes_in_a_long_outage_is_counted() {
    let mut gate = gate();
    let _ = gate.ledger_unavailable(at(0));
    for i in 0..1_100 {
        let _ = gate.blind(&camera(), at(i + 1_000), at(i));
    }
    let entries = gate.ledger_available(at(2_000));
    assert_eq!(entries.len(), MAX_PENDING + 1);
    let last = &entries.last().unwrap().body;
    assert!(
        matches!(
            last,
            EntryBody::Interrupted {
                n_unrecorded: 76,
                ..
            }
        ),
        "{last:?}"
    );
}

#[test]
fn closing_ends_the_grant_and_says_so() {
    let mut gate = gate();
    let grant = open(&mut gate, at(0));
    let ruled = gate.close_all(at(1));
    assert!(!grant.is_live());
    assert!(matches!(
        ruled.entries[..],
        [LedgerEntry {
            body: EntryBody::Closed { .. },
            ..
        }]
    ));
    assert!(gate.close(&camera(), at(2)).entries.is_empty());
    assert!(gate.grant(&camera()).is_none());
}

#[test]
fn the_example_of_an_owner_counts_and_shows_no_expressions() {
    let key = SiteKeys::from_seed(Zeroizing::new([1; 32])).commitments_key();
    let document = Commitments::parse(Commitments::example_text()).unwrap();
    let verified = document.sign(&key).verify(&key.verifying_key()).unwrap();
    let mut gate = SensingGate::new(verified, Profile::named("eu").unwrap()).unwrap();
    gate.register(setup());
    let hash = gate.notice_hash();
    gate.heartbeat(&screen(), hash, NOON);
    assert_eq!(
        open(&mut gate, NOON).scopes(),
        Scopes::AUDIENCE.without(Scope::Expression)
    );
}

#[test]
fn commitments_of_another_profile_make_no_gate() {
    let fault = SensingGate::new(verified(&[]), Profile::named("eu").unwrap()).unwrap_err();
    assert!(
        matches!(fault, PromiseFault::OtherProfile { .. }),
        "{fault}"
    );
}

/// What can happen to a gate, by number of milliseconds since the last.
#[derive(Clone, Debug)]
enum Step {
    Beat { right: bool },
    Gone,
    Ask,
    Tick,
    Blind { millis: u64 },
    LedgerDown,
    LedgerUp,
}

fn step() -> impl Strategy<Value = (u64, Step)> {
    let step = prop_oneof![
        6 => prop::bool::weighted(0.9).prop_map(|right| Step::Beat { right }),
        1 => Just(Step::Gone),
        4 => Just(Step::Ask),
        4 => Just(Step::Tick),
        1 => (0_u64..2_000).prop_map(|millis| Step::Blind { millis }),
        1 => Just(Step::LedgerDown),
        2 => Just(Step::LedgerUp),
    ];
    (0_u64..700, step)
}

proptest! {
    /// Whatever happens: a grant is alive after a question or tick only if the notice was confirmed
    /// less than a second ago, nobody objected, and the ledger can be written; and the ledger's
    /// story (granted, revoked) agrees with the grants that are alive.
    #[test]
    fn no_grant_outlives_its_reasons(steps in prop::collection::vec(step(), 1..60)) {
        let mut gate = gate();
        let hash = gate.notice_hash();
        let (mut now, mut beat, mut blind, mut down) = (0, Some(0_u64), 0, false);
        let mut grants: Vec<Grant<Sensing>> = Vec::new();
        let mut story: Vec<LedgerEntry> = Vec::new();
        for (wait, step) in steps {
            now += wait;
            let mut judged = false;
            match step {
                Step::Beat { right: true } => {
                    gate.heartbeat(&screen(), hash, at(now));
                    beat = Some(now);
                }
                Step::Beat { right: false } => {
                    gate.heartbeat(&screen(), Digest::of(&[]), at(now));
                    beat = None;
                }
                Step::Gone => {
                    gate.screen_gone(&screen());
                    beat = None;
                }
                Step::Ask => {
                    judged = true;
                    let ruled = ask(&mut gate, at(now));
                    story.extend(ruled.entries);
                    grants.extend(ruled.outcome.granted());
                }
                Step::Tick => {
                    judged = true;
                    story.extend(gate.tick(at(now)).entries);
                }
                Step::Blind { millis } => {
                    judged = true;
                    story.extend(gate.blind(&camera(), at(now + millis), at(now)).entries);
                    blind = blind.max(now + millis);
                    story.extend(gate.tick(at(now)).entries);
                }
                Step::LedgerDown => {
                    judged = true;
                    down = true;
                    let _ = gate.ledger_unavailable(at(now));
                }
                Step::LedgerUp => {
                    down = false;
                    story.extend(gate.ledger_available(at(now)));
                }
            }
            let may_live = beat.is_some_and(|beat| now < beat + 1_000) && now >= blind && !down;
            let n_live = grants.iter().filter(|grant| grant.is_live()).count();
            if judged && !may_live {
                prop_assert_eq!(n_live, 0);
            }
            if matches!(step, Step::Ask) {
                prop_assert_eq!(n_live > 0, may_live);
            }
            if !down {
                let is_open = story.iter().fold(false, |open, entry| match entry.body {
                    EntryBody::Granted { .. } => true,
                    EntryBody::Revoked { .. } => false,
                    _ => open,
                });
                prop_assert_eq!(is_open, n_live > 0);
            }
        }
    }
}
