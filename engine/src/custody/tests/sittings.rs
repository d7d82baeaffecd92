//! Sittings of a study at an installation that does not run.

use std::path::Path;
use std::time::Duration;

use regard_commitments::{
    Answer, Commitments, ConsentPurpose, EntryBody, LedgerEntry, MeasuredRate, MovementClaim,
    Refusal, RefusalCode,
};
use regard_domain::{Clock as _, Timestamp};

use super::crashing::Faults;
use super::world::{Run, VirtualClock, data, site_key};
use crate::access::Installation;
use crate::clock::SystemClock;
use crate::private_file::write_private;
use crate::seed::to_hex;

const DAY: Duration = Duration::from_secs(86_400);

/// What a laboratory promises that studies participants.
fn laboratory() -> Commitments {
    let text = Commitments::demo_text()
        .replacen("scopes = [", "scopes = [\"micro_expression\", ", 1)
        .replacen("categories = [", "categories = [\"micro_expression\", ", 1)
        .replacen("purposes = [", "purposes = [\"research\", ", 1);
    let mut document = Commitments::parse(&text).unwrap();
    document.consent_purposes = ConsentPurpose::ALL.iter().copied().collect();
    document
}

/// How fast frames come; nothing for none.
fn rate(frames_per_sec: u64) -> Option<MeasuredRate> {
    let n = i64::try_from(frames_per_sec).unwrap();
    let taken: Vec<Timestamp> = (0..100)
        .filter(|_| n > 0)
        .map(|i| Timestamp::from_micros(i * 1_000_000 / n))
        .collect();
    MeasuredRate::of(&taken)
}

/// What the gate says, and what the ledger said last.
async fn ask(folder: &Path, token: &str, frames_per_sec: u64) -> (Option<RefusalCode>, EntryBody) {
    let data = data(folder);
    let mut installation = Installation::open(&data).await.unwrap();
    let asked = (MovementClaim::ALL, rate(frames_per_sec));
    let site_key = site_key(folder);
    let answer = installation
        .sit(&data, (token, &site_key), asked)
        .await
        .unwrap();
    let now = installation.now();
    let code = match &answer {
        Answer::Granted(key) => {
            assert!(key.is_live_at(now) && key.sensing().micro_expression().is_some());
            None
        }
        Answer::Refused(refusal) => Some(refusal.code),
    };
    let rows = installation.ledger_rows().await;
    installation.close().await;
    let last = LedgerEntry::from_leaf_bytes(rows.last().unwrap()).unwrap();
    (code, last.body)
}

#[tokio::test]
async fn a_sitting_needs_the_consent_of_its_participant_and_is_in_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // An installation that does not run goes by the real time.
    let clock = VirtualClock::new();
    clock.wait(SystemClock::new().now().saturating_since(clock.now()));
    let run = Run::begin_with(folder, &clock, &laboratory(), &Faults::new(None))
        .await
        .unwrap();
    let (one, other) = (run.enroll().await, run.enroll().await);
    run.agree(&one, ConsentPurpose::Research, Some(DAY))
        .await
        .unwrap();
    run.agree(&other, ConsentPurpose::Learn, Some(DAY))
        .await
        .unwrap();
    run.end().await;
    write_private(&data(folder).join("site.key"), to_hex(&[5; 32]).as_bytes()).unwrap();

    let (token, others) = (one.token.reveal(), other.token.reveal());
    let (code, said) = ask(folder, &token, 100).await;
    assert_eq!(code, None);
    assert!(matches!(said, EntryBody::StudyGranted { .. }), "{said:?}");
    let refused = async |token: &str, frames_per_sec, expected| {
        let (code, said) = ask(folder, token, frames_per_sec).await;
        assert_eq!(code, Some(expected));
        let told = EntryBody::StudyRefused {
            code: expected,
            n_untold: 0,
        };
        assert_eq!(said, told, "the ledger says it too");
    };
    let too_low = RefusalCode::FpsTooLowForMicroexpression;
    refused(&token, 30, too_low).await;
    // Too few pictures to say how fast they come.
    refused(&token, 0, too_low).await;
    refused(&others, 100, RefusalCode::ConsentMissing).await;

    let run = Run::begin_with(folder, &clock, &laboratory(), &Faults::new(None))
        .await
        .unwrap();
    run.custodian
        .withdraw(one.person, ConsentPurpose::Research)
        .await
        .unwrap();
    run.end().await;
    refused(&token, 100, RefusalCode::ConsentWithdrawn).await;
    // Nobody's token opens nothing.
    let mut installation = Installation::open(&data(folder)).await.unwrap();
    let asked = (MovementClaim::ALL, rate(100));
    let answer = installation
        .sit(&data(folder), ("nobody", &site_key(folder)), asked)
        .await;
    assert!(answer.is_err());
    // What was refused outside the gate is told as well.
    let refusal = Refusal::new(too_low, "it became slow", "use a faster camera");
    installation.tell_refusal(&refusal).await.unwrap();
    let rows = installation.ledger_rows().await;
    let last = LedgerEntry::from_leaf_bytes(rows.last().unwrap()).unwrap();
    assert!(matches!(last.body, EntryBody::StudyRefused { code, .. } if code == too_low));
    installation.close().await;
}
