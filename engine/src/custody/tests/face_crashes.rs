//! The program dies at every write of a life with faces, once before it and once after.

use std::path::Path;
use std::sync::Arc;

use regard_commitments::{ConsentPurpose, Custody, EntryBody};
use regard_domain::PersonId;

use super::crashing::{Faults, Moment};
use super::faces::{face, promise};
use super::gallery_kinds::Server;
use super::world::{Run, VirtualClock, copy_of};
use super::{CustodyError, DAY};
use crate::config::GalleryKind;
use crate::custody::Enrolled;

/// More writes than the acts below make.
const MAX_WRITES: u32 = 300;

const IDENTIFY: ConsentPurpose = ConsentPurpose::Identify;

/// Who was there before, by the number of their face: the first stays, the second withdraws, the third is erased, the fourth
/// loses a template.
struct Before {
    /// What keeps the gallery; a database is the same one in all runs, whatever those before left in it.
    kind: GalleryKind,
    folder: tempfile::TempDir,
    clock: Arc<VirtualClock>,
    ids: Vec<PersonId>,
    last: Enrolled,
}

impl Before {
    async fn new(kind: GalleryKind) -> Self {
        let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
        let run = begin(folder.path(), &clock, &kind, &Faults::new(None)).await;
        let run = run.unwrap();
        let mut people = Vec::new();
        for number in 1..5 {
            people.push(came(&run, number).await.unwrap());
        }
        run.end().await;
        Self {
            kind,
            folder,
            clock,
            ids: people.iter().map(|one| one.person).collect(),
            last: people.pop().unwrap(),
        }
    }
}

/// How far each act came: whether it was begun, and whether it was acknowledged.
#[derive(Default)]
struct Told {
    enrolled: Option<PersonId>,
    withdrawn: Option<bool>,
    erased: Option<bool>,
    removed: Option<bool>,
}

async fn begin(
    folder: &Path,
    clock: &Arc<VirtualClock>,
    kind: &GalleryKind,
    faults: &Arc<Faults>,
) -> Result<Run, CustodyError> {
    let document = promise(Custody::Controller);
    Run::begin_in(folder, clock, &document, faults, kind.clone()).await
}

async fn came(run: &Run, number: u64) -> Result<Enrolled, CustodyError> {
    let one = run.custodian.enroll(false).await?;
    run.agree(&one, IDENTIFY, Some(DAY * 20)).await?;
    run.enroll_face(&one, &face(number)).await?;
    Ok(one)
}

async fn live(run: &Run, before: &Before, told: &mut Told) -> Result<(), CustodyError> {
    told.enrolled = Some(came(run, 5).await?.person);
    told.withdrawn = Some(false);
    run.custodian.withdraw(before.ids[1], IDENTIFY).await?;
    told.withdrawn = Some(true);
    run.custodian.rekey_gallery().await?;
    told.erased = Some(false);
    run.custodian.erase(before.ids[2]).await?;
    told.erased = Some(true);
    let who = run.who(&before.last).await?;
    let template = run.custodian.faces(&who).await?[0].template;
    told.removed = Some(false);
    run.custodian.remove_face(before.ids[3], template).await?;
    told.removed = Some(true);
    Ok(())
}

async fn die_and_look(before: &Before, number: u32, moment: Moment) -> bool {
    let (folder, clock) = (copy_of(before.folder.path()), &before.clock);
    let faults = Faults::new(Some((number, moment)));
    let mut told = Told::default();
    let place = format!("{:?} {number} {moment:?}", before.kind);
    let begun = begin(folder.path(), clock, &before.kind, &faults).await;
    if let Ok(run) = begun {
        let lived = live(&run, before, &mut told).await;
        assert_eq!(lived.is_err(), faults.is_dead(), "{place}: {lived:?}");
        // What is in memory has already let go of whoever went.
        check(&run, before, &told, &place);
        run.end().await;
    }
    let run = begin(folder.path(), clock, &before.kind, &Faults::new(None)).await;
    let run = run.unwrap();
    run.custodian.sweep().await.unwrap();
    check(&run, before, &told, &place);
    // One secret, and whoever is found is known to the ledger.
    assert!(
        run.keys.secrets("gallery/").await.unwrap().len() <= 1,
        "{place}"
    );
    let made = run
        .says(|body| matches!(body, EntryBody::TemplateMade { .. }))
        .await;
    let found = (1..6)
        .filter(|number| run.found(&face(*number)).is_some())
        .count();
    assert!(found <= made, "{place}: {found} {made}");
    // Everything goes on.
    run.custodian.rekey_gallery().await.unwrap();
    assert_eq!(run.found(&face(1)), Some(before.ids[0]), "{place}");
    run.end().await;
    faults.is_dead()
}

fn check(run: &Run, before: &Before, told: &Told, place: &str) {
    assert_eq!(run.found(&face(1)), Some(before.ids[0]), "{place}");
    if let Some(enrolled) = told.enrolled {
        assert_eq!(run.found(&face(5)), Some(enrolled), "{place}");
    }
    for (number, gone) in [(2, told.withdrawn), (3, told.erased), (4, told.removed)] {
        let found = run.found(&face(number));
        let was = before.ids[usize::try_from(number - 1).unwrap()];
        match gone {
            None => assert_eq!(found, Some(was), "{place}: {number}"),
            Some(true) => assert_eq!(found, None, "{place}: {number}"),
            Some(false) => assert!(found.is_none_or(|found| found == was), "{place}: {number}"),
        }
    }
}

/// Has the program die at every so-manyth write.
async fn die_everywhere(kind: GalleryKind, step: usize) {
    let before = Before::new(kind).await;
    for moment in [Moment::Before, Moment::After] {
        let mut n_writes = 0;
        for number in (0..MAX_WRITES).step_by(step) {
            n_writes = number;
            if !die_and_look(&before, number, moment).await {
                break;
            }
        }
        assert!(
            n_writes > 30 && n_writes + 10 < MAX_WRITES,
            "{n_writes} writes"
        );
    }
}

#[tokio::test]
async fn the_laws_of_faces_hold_wherever_the_program_dies() {
    die_everywhere(GalleryKind::Exact, 1).await;
}

#[tokio::test]
async fn the_laws_of_faces_hold_wherever_the_program_dies_beside_a_database() {
    let Some(server) = Server::start() else {
        return;
    };
    die_everywhere(server.kind(), 4).await;
}
