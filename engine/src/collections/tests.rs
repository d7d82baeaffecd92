//! Collections of services against a map that knows what was put in and taken out: over random lives with restarts, and wherever the
//! program dies. Faces are random vectors: what is compared is another room's affair.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use regard_commitments::{AttestedSource, Digest, EntryBody, LedgerEntry};
use regard_domain::{GalleryId, TemplateId};
use regard_identity::{EMBEDDING_DIMENSION, Embedding, Gallery as _};

use super::kept::FaceForm;
use super::{Caller, CollectionError, Collections, Leave, Probe, read};
use crate::custody::template_subject;
use crate::custody::tests::crashing::{Faults, Moment};
use crate::custody::tests::engine_crashes::{Failed, begin, die_and_look, end};
use crate::custody::tests::world::VirtualClock;
use crate::{AttestationWish, Engine};

const SERVICE: &str = "badges";

/// More writes than a start and the acts of a life make.
const MAX_WRITES: u32 = 200;

fn caller() -> Caller {
    Caller {
        service: SERVICE.to_owned(),
        source: AttestedSource::Upload,
        act: None,
    }
}

fn staff() -> GalleryId {
    Collections::id_of("staff")
}

async fn attest(engine: &Engine) -> Result<(), Failed> {
    let wish = AttestationWish {
        service: SERVICE.to_owned(),
        purpose: "find the owner of a found badge".to_owned(),
        collection: staff(),
        lawful_source: "staff photographs".to_owned(),
        uploads_are_acts: true,
        signed_by: "the officer".to_owned(),
        officer: None,
        valid_for: Duration::from_secs(30 * 86_400),
    };
    engine.recognizer().attest(wish).await?;
    Ok(())
}

/// Somebody's face, as the network of the collections would give it.
fn probe(collections: &Collections, number: u64) -> Result<Probe, CollectionError> {
    let shelf = collections.shelf(SERVICE, &staff())?;
    let model = read(&shelf).gallery.model();
    let mut rng = StdRng::seed_from_u64(number);
    let values = (0..EMBEDDING_DIMENSION).map(|_| rng.random_range(-1.0..1.0_f32));
    Ok(Probe(Embedding::new(values.collect(), model).unwrap()))
}

async fn leave(collections: &Collections) -> Result<Leave, CollectionError> {
    collections.ask(&caller(), &staff(), true).await
}

async fn put(collections: &Collections, number: u64) -> Result<TemplateId, CollectionError> {
    let leave = leave(collections).await?;
    let shelf = collections.shelf(SERVICE, &staff())?;
    let form = FaceForm {
        name: None,
        external: None,
        picture: number.into(),
        tag: Digest::of(&[&number.to_be_bytes()]),
        bbox_in_unit: [0.25; 4],
        score: 0.75,
        made_at: collections.now(),
    };
    let probe = probe(collections, number)?;
    Ok(collections.add_face(&leave, &shelf, form, &probe).await?.id)
}

/// Whose a face is by a search, and what it is called; nothing where nobody is as near as a template is to its own face.
async fn found(collections: &Collections, number: u64) -> Option<(TemplateId, Option<String>)> {
    let probe = probe(collections, number).ok()?;
    let leave = leave(collections).await.unwrap();
    let found = collections.search(&leave, &probe).unwrap();
    let first = found.into_iter().next()?;
    (first.similarity.get() > 0.9).then_some((first.face.id, first.face.name))
}

/// Faces by number, each with what it is called; and all names.
#[derive(Default)]
struct Oracle {
    faces: BTreeMap<u64, (TemplateId, Option<String>)>,
    names: Vec<String>,
    n_faces: u64,
}

impl Oracle {
    async fn check(&self, collections: &Collections, place: &str) {
        for number in 0..self.n_faces {
            let expected = self.faces.get(&number).cloned();
            assert_eq!(
                found(collections, number).await,
                expected,
                "{place}: {number}"
            );
        }
        let mut names = self.names.clone();
        names.sort();
        let told = collections.names(SERVICE, &staff());
        assert_eq!(told.unwrap_or_default(), names, "{place}");
        // Each face is found from each other one too, and never itself.
        let Some((own, _)) = self.faces.values().next() else {
            return;
        };
        let leave = leave(collections).await.unwrap();
        let others = collections.search_face(&leave, *own).unwrap();
        assert!(others.iter().all(|one| one.face.id != *own), "{place}");
        assert_eq!(others.len() + 1, self.faces.len(), "{place}");
    }

    fn is_called(&self, name: &str) -> Vec<u64> {
        let of = |held: &Option<String>| held.as_deref() == Some(name);
        let faces = self.faces.iter();
        faces
            .filter(|(_, (_, held))| of(held))
            .map(|(number, _)| *number)
            .collect()
    }
}

fn one_of<T: Clone>(all: &[T], rng: &mut StdRng) -> Option<T> {
    let at = rng.random_range(0..all.len().max(1));
    all.get(at).cloned()
}

async fn act(collections: &Collections, oracle: &mut Oracle, rng: &mut StdRng) {
    let numbers: Vec<u64> = oracle.faces.keys().copied().collect();
    let (number, name) = (one_of(&numbers, rng), one_of(&oracle.names, rng));
    match (rng.random_range(0..12_u32), number, name) {
        (0..4, _, _) | (_, None, _) => {
            let number = oracle.n_faces;
            oracle.n_faces += 1;
            let id = put(collections, number).await.unwrap();
            oracle.faces.insert(number, (id, None));
        }
        (4 | 5, Some(number), _) => {
            let (id, _) = oracle.faces.remove(&number).unwrap();
            let gone = collections.remove_faces(SERVICE, &staff(), &[id]).await;
            assert_eq!(gone.unwrap().len(), 1);
        }
        (6, _, _) => {
            let name = format!("name {}", oracle.n_faces * 100 + oracle.names.len() as u64);
            match collections.add_name(SERVICE, &staff(), &name).await {
                Ok(()) => oracle.names.push(name),
                Err(error) => assert!(oracle.names.contains(&name), "{error}"),
            }
        }
        (7 | 8, Some(number), Some(name)) => {
            let held = oracle.faces.get_mut(&number).unwrap();
            let wish = (held.0, Some(name.as_str()));
            collections.assign(SERVICE, &staff(), wish).await.unwrap();
            held.1 = Some(name);
        }
        (9, _, Some(name)) => {
            let gone = collections.remove_name(SERVICE, &staff(), &name).await;
            let numbers = oracle.is_called(&name);
            assert_eq!(gone.unwrap().len(), numbers.len());
            for number in numbers {
                oracle.faces.remove(&number);
            }
            oracle.names.retain(|known| *known != name);
        }
        (10, _, Some(name)) => {
            let released = collections.release_name(SERVICE, &staff(), &name).await;
            released.unwrap();
            for number in oracle.is_called(&name) {
                oracle.faces.get_mut(&number).unwrap().1 = None;
            }
            oracle.names.retain(|known| *known != name);
        }
        (11, _, _) => {
            collections.delete(SERVICE, &staff()).await.unwrap();
            oracle.faces.clear();
            oracle.names.clear();
            collections.create(&caller(), "staff").await.unwrap();
        }
        (_, Some(_), _) => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_services_hold_is_found_and_what_they_took_out_never_again() {
    for seed in 0..2 {
        let mut rng = StdRng::seed_from_u64(seed);
        let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
        let faults = Faults::new(None);
        let mut engine = begin(folder.path(), &clock, &faults).await.unwrap();
        attest(&engine).await.unwrap();
        let made = engine.collections().create(&caller(), "staff").await;
        made.unwrap();
        let mut oracle = Oracle::default();
        for number in 0..40 {
            if rng.random_range(0..8_u32) == 0 {
                end(engine, &faults).await;
                engine = begin(folder.path(), &clock, &faults).await.unwrap();
            } else {
                act(engine.collections(), &mut oracle, &mut rng).await;
            }
            let place = format!("seed {seed}, act {number}");
            oracle.check(engine.collections(), &place).await;
        }
        end(engine, &faults).await;
    }
}

/// How far each act came.
#[derive(Default)]
struct Told {
    put: Vec<(u64, TemplateId)>,
    /// Faces whose removal was begun, and those of which it was acknowledged.
    leaving: Vec<u64>,
    gone: Vec<u64>,
    is_deleted: bool,
}

async fn live(engine: &Engine, told: &mut Told) -> Result<(), Failed> {
    attest(engine).await?;
    let collections = engine.collections();
    collections.create(&caller(), "staff").await?;
    for number in 0..3 {
        told.put.push((number, put(collections, number).await?));
    }
    collections.add_name(SERVICE, &staff(), "anna").await?;
    let anna = (told.put[0].1, Some("anna"));
    collections.assign(SERVICE, &staff(), anna).await?;
    told.leaving.push(1);
    let second = [told.put[1].1];
    collections.remove_faces(SERVICE, &staff(), &second).await?;
    told.gone.push(1);
    told.leaving.push(0);
    collections.remove_name(SERVICE, &staff(), "anna").await?;
    told.gone.push(0);
    told.leaving.push(2);
    collections.delete(SERVICE, &staff()).await?;
    told.gone.push(2);
    told.is_deleted = true;
    Ok(())
}

async fn check(engine: &Engine, told: &Told, place: &str) {
    let collections: &Arc<Collections> = engine.collections();
    if told.is_deleted {
        assert!(collections.list(SERVICE).is_empty(), "{place}");
        assert!(found(collections, 2).await.is_none(), "{place}");
        return;
    }
    for (number, id) in &told.put {
        let found = found(collections, *number).await.map(|(id, _)| id);
        if told.gone.contains(number) {
            assert_eq!(found, None, "{place}: {number}");
        } else if told.leaving.contains(number) {
            assert!(found.is_none_or(|found| found == *id), "{place}: {number}");
        } else {
            assert_eq!(found, Some(*id), "{place}: {number}");
        }
    }
    // Whoever is found is known to the ledger.
    let rows = engine.store().ledger_range(0..u64::MAX).await.unwrap();
    let said: Vec<EntryBody> = rows
        .iter()
        .filter_map(|row| LedgerEntry::from_leaf_bytes(row.bytes.as_ref()?).ok())
        .map(|entry| entry.body)
        .collect();
    let held = collections.faces(SERVICE, &staff(), None);
    for face in held.unwrap_or_default() {
        let own = template_subject(face.id);
        let is_own = |body: &EntryBody| matches!(body, EntryBody::TemplateMade { template, .. } if *template == own);
        assert!(said.iter().any(is_own), "{place}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_services_were_told_holds_wherever_the_program_dies() {
    // At the writes of a start it dies in `engine_crashes`.
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let faults = Faults::new(None);
    let engine = begin(folder.path(), &clock, &faults).await.unwrap();
    let n_at_start = faults.n_writes();
    end(engine, &faults).await;
    // After a write lies on the disk what lies there before the next one: what was told differs alone.
    for (moment, step) in [(Moment::Before, 1), (Moment::After, 2)] {
        let mut number = n_at_start;
        while die_and_look((number, moment), live, check).await {
            number += step;
            assert!(number < MAX_WRITES);
        }
        let n_of_acts = number - n_at_start;
        assert!(n_of_acts >= 10, "{n_of_acts}: fewer than these acts make");
    }
}
