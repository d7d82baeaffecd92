//! Random lives with faces against a map that knows whose consent holds, and nothing of this program.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use regard_commitments::{ConsentPurpose, Custody};
use regard_domain::PersonId;

use super::DAY;
use super::faces::{begin, face};
use super::world::{Run, VirtualClock};
use crate::custody::Enrolled;

const IDENTIFY: ConsentPurpose = ConsentPurpose::Identify;

/// Days that the demonstration keeps persons.
const KEPT_DAYS: u32 = 30;

/// What the map knows of a person.
#[derive(Default)]
struct Facts {
    /// Day until which the consent holds; nothing when it was withdrawn or never given.
    until: Option<u32>,
    /// Numbers of the faces that were enrolled under it.
    faces: Vec<u64>,
    is_frozen: bool,
    kept_until: u32,
    is_gone: bool,
}

impl Facts {
    fn is_found(&self, day: u32) -> bool {
        !self.is_gone && !self.is_frozen && self.until.is_some_and(|until| day < until)
    }
}

async fn live(seed: u64, n_acts: u32) {
    let mut rng = StdRng::seed_from_u64(seed);
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let mut run = begin(folder.path(), &clock, Custody::Controller).await;
    let mut people: Vec<(Enrolled, Facts)> = Vec::new();
    let (mut day, mut next_face) = (0_u32, 0_u64);
    for act in 0..n_acts {
        let chosen = rng.random_range(0..people.len().max(1));
        match (rng.random_range(0..100_u32), people.get_mut(chosen)) {
            (0..15, _) | (_, None) => {
                let facts = Facts {
                    kept_until: day + KEPT_DAYS,
                    ..Facts::default()
                };
                people.push((run.enroll().await, facts));
            }
            (15..35, Some((one, facts))) if !facts.is_gone => {
                let days = rng.random_range(1..40_u32).min(KEPT_DAYS);
                run.agree(one, IDENTIFY, Some(DAY * days)).await.unwrap();
                // What was enrolled goes on under a consent given anew in time, and has gone with one that ran out.
                if facts.until.is_none_or(|until| day >= until) {
                    facts.faces.clear();
                }
                facts.until = Some(day + days);
                facts.kept_until = day + KEPT_DAYS;
            }
            (35..55, Some((one, facts))) if facts.is_found(day) && facts.faces.len() < 5 => {
                next_face += 1;
                run.enroll_face(one, &face(next_face)).await.unwrap();
                facts.faces.push(next_face);
            }
            (55..62, Some((one, facts))) if facts.until.is_some() && !facts.is_gone => {
                run.custodian.withdraw(one.person, IDENTIFY).await.unwrap();
                facts.until = None;
                facts.faces.clear();
            }
            (62..68, Some((one, facts))) if !facts.is_gone => {
                facts.is_frozen = !facts.is_frozen;
                run.custodian
                    .freeze(one.person, facts.is_frozen)
                    .await
                    .unwrap();
            }
            (68..73, Some((one, facts))) if !facts.is_gone => {
                run.custodian.erase(one.person).await.unwrap();
                facts.is_gone = true;
            }
            (73..80, _) => {
                day += rng.random_range(0..10_u32);
                clock.wait(DAY * day - (DAY * clock_day(&clock)));
                run.custodian.sweep().await.unwrap();
                for (_, facts) in &mut people {
                    facts.is_gone |= day >= facts.kept_until;
                }
            }
            (80..87, _) => {
                run.end().await;
                run = begin(folder.path(), &clock, Custody::Controller).await;
            }
            (87..92, _) => {
                run.custodian.rekey_gallery().await.unwrap();
            }
            (92..96, Some((one, facts))) if facts.is_found(day) && !facts.faces.is_empty() => {
                remove_oldest(&run, one, facts, &format!("seed {seed}, act {act}")).await;
            }
            _ => {}
        }
        let expected = expected(&people, day);
        for number in 1..=next_face {
            let found = run.found(&face(number));
            assert_eq!(
                found,
                expected.get(&number).copied(),
                "seed {seed}, act {act}, day {day}, face {number}"
            );
        }
    }
    run.end().await;
}

/// Whose face each number is, of those that are to be found on a day.
fn expected(people: &[(Enrolled, Facts)], day: u32) -> BTreeMap<u64, PersonId> {
    let found = people.iter().filter(|(_, facts)| facts.is_found(day));
    found
        .flat_map(|(one, facts)| facts.faces.iter().map(|number| (*number, one.person)))
        .collect()
}

/// Removes the oldest template of a person; it is that of one face.
async fn remove_oldest(run: &Run, one: &Enrolled, facts: &mut Facts, when: &str) {
    let who = run.who(one).await.unwrap();
    let notes = run.custodian.faces(&who).await.unwrap();
    assert_eq!(notes.len(), facts.faces.len(), "{when}");
    // Which of the faces a template is of, its time tells: they were enrolled in this order.
    let oldest = notes
        .iter()
        .min_by_key(|note| (note.made_at, note.template))
        .unwrap();
    run.custodian
        .remove_face(one.person, oldest.template)
        .await
        .unwrap();
    let gone: Vec<u64> = facts
        .faces
        .iter()
        .copied()
        .filter(|number| run.found(&face(*number)).is_none())
        .collect();
    assert_eq!(gone.len(), 1, "{when}");
    facts.faces.retain(|number| *number != gone[0]);
}

fn clock_day(clock: &VirtualClock) -> u32 {
    use regard_domain::Clock as _;
    let begun = 1_780_272_000_000_000_i64;
    u32::try_from((clock.now().as_micros() - begun) / 86_400_000_000).unwrap()
}

#[tokio::test]
async fn random_lives_with_faces_agree_with_a_map() {
    let is_slow = std::env::var_os("REGARD_SLOW").is_some();
    for seed in 1..1 + if is_slow { 60 } else { 5 } {
        live(seed, 60).await;
    }
}
