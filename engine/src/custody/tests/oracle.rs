//! Random acts against a map that knows a few facts about each person, and nothing of this program.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use regard_commitments::{ConsentPurpose, RefusalCode};

use super::world::{Run, VirtualClock};
use super::{DAY, LEARN, PERSONALIZE};
use crate::custody::Enrolled;

/// Days that the demonstration keeps persons.
const KEPT_DAYS: u32 = 30;

const PURPOSES: [ConsentPurpose; 3] = [LEARN, PERSONALIZE, ConsentPurpose::Research];

/// What the map knows of a person.
#[derive(Default)]
struct Facts {
    /// Day until which a consent holds, and whether it was withdrawn.
    consents: BTreeMap<ConsentPurpose, (u32, bool)>,
    is_frozen: bool,
    kept_until: u32,
    is_gone: bool,
}

impl Facts {
    fn expected(&self, purpose: ConsentPurpose, day: u32) -> Option<RefusalCode> {
        let consent = self.consents.get(&purpose).filter(|_| !self.is_gone);
        match consent {
            None => Some(RefusalCode::ConsentMissing),
            Some((_, true)) => Some(RefusalCode::ConsentWithdrawn),
            Some((until, _)) if day >= *until => Some(RefusalCode::ConsentExpired),
            Some(_) if self.is_frozen => Some(RefusalCode::ObjectionActive),
            Some(_) => None,
        }
    }
}

/// One life of an installation.
async fn live(seed: u64, n_acts: u32) {
    let mut rng = StdRng::seed_from_u64(seed);
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let mut run = Run::begin(folder.path(), &clock).await;
    let mut people: Vec<(Enrolled, Facts)> = Vec::new();
    let mut day = 0_u32;
    for act in 0..n_acts {
        let chosen = rng.random_range(0..people.len().max(1));
        let purpose = PURPOSES[rng.random_range(0..PURPOSES.len())];
        match (rng.random_range(0..100_u32), people.get_mut(chosen)) {
            (0..10, _) | (_, None) => {
                let facts = Facts {
                    kept_until: day + KEPT_DAYS,
                    ..Facts::default()
                };
                people.push((run.enroll().await, facts));
            }
            (10..45, Some((one, facts))) => {
                let days = rng.random_range(1..40_u32);
                let agreed = run.agree(one, purpose, Some(DAY * days)).await;
                assert_eq!(agreed.is_ok(), !facts.is_gone);
                if !facts.is_gone {
                    facts
                        .consents
                        .insert(purpose, (day + days.min(KEPT_DAYS), false));
                    facts.kept_until = day + KEPT_DAYS;
                }
            }
            (45..60, Some((one, facts))) => {
                let withdrawn = run.custodian.withdraw(one.person, purpose).await;
                let there = facts.consents.get_mut(&purpose).filter(|_| !facts.is_gone);
                assert_eq!(withdrawn.is_ok(), there.is_some());
                if let Some((until, is_withdrawn)) = there {
                    // One that a sweep has ended stays expired; one that nobody looked at yet can be withdrawn.
                    *is_withdrawn |= day < *until || !swept(&run, one, purpose).await;
                }
            }
            (60..66, Some((one, facts))) if !facts.is_gone => {
                facts.is_frozen = !facts.is_frozen;
                run.custodian
                    .freeze(one.person, facts.is_frozen)
                    .await
                    .unwrap();
            }
            (66..72, Some((one, facts))) => {
                let proof = run.custodian.erase(one.person).await;
                assert_eq!(proof.is_ok(), !facts.is_gone);
                facts.is_gone = true;
            }
            (72..84, _) => {
                let days = rng.random_range(0..12_u32);
                day += days;
                clock.wait(DAY * days);
                run.custodian.sweep().await.unwrap();
                for (_, facts) in &mut people {
                    facts.is_gone |= day >= facts.kept_until;
                }
            }
            (84..92, _) => {
                run.end().await;
                run = Run::begin(folder.path(), &clock).await;
            }
            _ => {}
        }
        for (number, (one, facts)) in people.iter().enumerate() {
            let place = format!("seed {seed}, act {act}, person {number}, day {day}");
            assert_eq!(run.who(one).await.is_err(), facts.is_gone, "{place}");
            for purpose in PURPOSES {
                let found = run.refused(one.person, purpose).await;
                assert_eq!(found, facts.expected(purpose, day), "{place}, {purpose}");
            }
        }
    }
    run.end().await;
}

/// Whether a sweep has seen that this consent ran out: its key is gone and the file says why.
async fn swept(run: &Run, one: &Enrolled, purpose: ConsentPurpose) -> bool {
    run.refused(one.person, purpose).await == Some(RefusalCode::ConsentExpired)
}

#[tokio::test]
async fn random_lives_agree_with_a_map() {
    let is_slow = std::env::var_os("REGARD_SLOW").is_some();
    let first = std::env::var("REGARD_CUSTODY_SEED").map_or(1, |seed| seed.parse().unwrap());
    for seed in first..first + if is_slow { 100 } else { 6 } {
        live(seed, 60).await;
    }
}
