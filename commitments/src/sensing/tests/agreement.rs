//! Cameras that wait for somebody's agreement.

use super::*;
use crate::commitments::ProcessingPurpose::{self, AudienceMeasurement, MessageSelection};

fn under(profile: &str) -> SensingGate {
    let line = format!("profile = \"{profile}\"");
    gate_with(&[("profile = \"lab\"", &line)])
}

/// The screen goes on showing the notice.
fn beat(gate: &mut SensingGate, now: Timestamp) {
    let hash = gate.notice_hash();
    let _ = gate.heartbeat(&screen(), hash, now);
}

fn agree(gate: &mut SensingGate, for_millis: u64, now: Timestamp) -> Ruled<Answer<Timestamp>> {
    gate.agree(&camera(), now.plus(Duration::from_millis(for_millis)), now)
}

#[test]
fn the_camera_opens_when_somebody_agrees_and_closes_after() {
    let mut gate = under("nl");
    let shut = ask(&mut gate, at(0));
    assert_eq!(code_of(&shut.outcome), Some(RefusalCode::ConsentMissing));

    let agreed = agree(&mut gate, 2_000, at(100));
    assert_eq!(agreed.outcome.granted(), Some(at(2_100)));
    assert!(matches!(
        agreed.entries[..],
        [LedgerEntry {
            body: EntryBody::Agreed { .. },
            ..
        }]
    ));
    let grant = open(&mut gate, at(100));
    assert_eq!(grant.scopes(), Scopes::AUDIENCE);

    for now in [600, 1_200, 1_800, 2_050] {
        beat(&mut gate, at(now));
        assert!(
            gate.tick(at(now)).outcome.is_empty() && grant.is_live(),
            "{now}"
        );
    }
    // The notice is still there, the agreement is not.
    assert!(
        !grant.is_live_at(at(2_100)),
        "it dies by itself when nobody ticks"
    );
    let revoked = gate.tick(at(2_100)).outcome;
    assert_eq!(revoked[0].refusal.code, RefusalCode::ConsentExpired);
    assert!(!grant.is_live());
    beat(&mut gate, at(2_200));
    assert_eq!(
        code_of(&ask(&mut gate, at(2_200)).outcome),
        Some(RefusalCode::ConsentExpired)
    );
}

#[test]
fn taking_it_back_closes_at_once() {
    let mut gate = under("nl");
    let _ = agree(&mut gate, 60_000, at(0));
    let grant = open(&mut gate, at(0));
    let ended = gate.withdraw_agreement(&camera(), at(300));
    assert_eq!(ended.outcome[0].refusal.code, RefusalCode::ConsentWithdrawn);
    assert!(!grant.is_live());
    let kinds: Vec<bool> = ended
        .entries
        .iter()
        .map(|entry| matches!(entry.body, EntryBody::AgreementEnded { .. }))
        .collect();
    assert_eq!(kinds, [true, false], "first why, then what closed");
    // Nothing more to take back.
    assert!(
        gate.withdraw_agreement(&camera(), at(400))
            .entries
            .is_empty()
    );
}

#[test]
fn when_everybody_left_the_next_one_is_asked_anew() {
    let mut gate = under("us-il");
    let _ = agree(&mut gate, 60_000, at(0));
    let grant = open(&mut gate, at(0));
    let ended = gate.agreement_over(&camera(), at(500));
    assert_eq!(ended.outcome[0].refusal.code, RefusalCode::ConsentExpired);
    assert!(!grant.is_live());
}

#[test]
fn no_agreement_lasts_longer_than_its_lid_and_a_second_prolongs() {
    let mut gate = under("nl");
    let granted = agree(&mut gate, 1_000_000_000, at(0)).outcome.granted();
    assert_eq!(granted, Some(NOON.plus(MAX_AGREEMENT)));
    let later = at(60_000);
    let granted = agree(&mut gate, 1_000, later).outcome.granted();
    assert_eq!(
        granted,
        Some(NOON.plus(MAX_AGREEMENT)),
        "a shorter one shortens nothing"
    );
    let granted = agree(&mut gate, 1_000_000_000, later).outcome.granted();
    assert_eq!(granted, Some(later.plus(MAX_AGREEMENT)));
}

#[test]
fn where_some_may_be_looked_at_the_rest_waits() {
    let mut gate = under("fr-public");
    let grant = open(&mut gate, at(0));
    assert_eq!(grant.scopes(), Scopes::NONE.with(Scope::Count));
    let codes: Vec<RefusalCode> = grant.withheld().iter().map(|(_, r)| r.code).collect();
    assert_eq!(codes, [RefusalCode::ConsentMissing; 2]);

    let _ = agree(&mut gate, 500, at(100));
    let wider = open(&mut gate, at(100));
    assert_eq!(wider.scopes(), Scopes::AUDIENCE);
    assert!(!grant.is_live(), "the wider grant took its place");
    beat(&mut gate, at(550));
    assert_eq!(gate.tick(at(600)).outcome.len(), 1);
    assert_eq!(
        open(&mut gate, at(600)).scopes(),
        Scopes::NONE.with(Scope::Count)
    );
}

#[test]
fn where_nothing_waits_there_is_nothing_to_agree_to() {
    for mut gate in [under("eu"), gate()] {
        let refused = agree(&mut gate, 1_000, at(0));
        assert_eq!(
            refused.outcome.refusal().map(|r| r.code),
            Some(RefusalCode::FeatureNotInProfile)
        );
        assert!(refused.entries.is_empty());
    }
    let mut gate = under("nl");
    let other = CameraId::new("elsewhere").unwrap();
    assert!(
        gate.agree(&other, at(100), at(0))
            .outcome
            .refusal()
            .is_some()
    );
}

#[test]
fn an_objection_outweighs_an_agreement() {
    let mut gate = under("nl");
    let _ = agree(&mut gate, 60_000, at(0));
    let _ = gate.blind(&camera(), at(60_000), at(10));
    assert_eq!(
        code_of(&ask(&mut gate, at(20)).outcome),
        Some(RefusalCode::ObjectionActive)
    );
}

fn serves(gate: &SensingGate, purpose: ProcessingPurpose) -> Option<RefusalCode> {
    gate.may_serve(Some(&camera()), purpose, at(0))
        .refusal()
        .map(|r| r.code)
}

#[test]
fn purpose_not_promised() {
    let gate = gate_with(&[(
        "purposes = [\"audience_measurement\", \"message_selection\", \"message_learning\"]",
        "purposes = [\"audience_measurement\"]",
    )]);
    assert_eq!(serves(&gate, AudienceMeasurement), None);
    assert_eq!(
        serves(&gate, MessageSelection),
        Some(RefusalCode::PurposeNotPromised)
    );
}

#[test]
fn on_a_french_street_the_message_reacts_to_nobody_who_did_not_agree() {
    let mut gate = under("fr-public");
    assert_eq!(serves(&gate, AudienceMeasurement), None);
    assert_eq!(
        serves(&gate, MessageSelection),
        Some(RefusalCode::ConsentMissing)
    );
    let _ = agree(&mut gate, 1_000, at(0));
    assert_eq!(serves(&gate, MessageSelection), None);
    assert_eq!(
        serves(&gate, ProcessingPurpose::Research),
        Some(RefusalCode::PurposeNotPromised)
    );
}
