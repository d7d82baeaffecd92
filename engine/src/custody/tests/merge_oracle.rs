//! Random lives of people with several records, against lists that know who is one with whom, and nothing of this program;
//! whatever keeps the gallery.

use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use regard_commitments::Custody;
use regard_domain::PersonId;

use super::CustodyError;
use super::crashing::Faults;
use super::faces::{IDENTIFY, face, promise};
use super::gallery_kinds::{Server, parts};
use super::world::{Run, VirtualClock};
use crate::config::{GalleryKind, HAS_GALLERY_INDEX};
use crate::custody::{Enrolled, MAX_FACES};

/// Acts of one life.
const N_ACTS: usize = 40;

/// A record, by the numbers of its faces.
struct Record {
    enrolled: Enrolled,
    faces: Vec<u64>,
    agrees: bool,
    is_frozen: bool,
    is_gone: bool,
}

impl Record {
    fn is_found(&self) -> bool {
        self.agrees && !self.is_frozen && !self.is_gone
    }
}

/// Records by number, and which of them hang on which.
#[derive(Default)]
struct Lists {
    records: Vec<Record>,
    edges: Vec<(usize, usize)>,
    n_faces: u64,
}

impl Lists {
    fn id(&self, at: usize) -> PersonId {
        self.records[at].enrolled.person
    }

    /// All that are one with a record, by walking until nothing new comes.
    fn group(&self, at: usize) -> Vec<usize> {
        let mut group = vec![at];
        loop {
            let mut more: Vec<usize> = self
                .edges
                .iter()
                .flat_map(|(from, into)| [(*from, *into), (*into, *from)])
                .filter(|(known, new)| group.contains(known) && !group.contains(new))
                .map(|(_, new)| new)
                .collect();
            if more.is_empty() {
                return group;
            }
            more.sort_unstable();
            more.dedup();
            group.extend(more);
        }
    }

    /// What a record answers as.
    fn root(&self, at: usize) -> usize {
        match self.edges.iter().find(|(from, _)| *from == at) {
            Some((_, into)) => self.root(*into),
            None => at,
        }
    }

    fn may_be_one(&self, from: usize, into: usize) -> bool {
        let is_in = |at: usize| self.records[at].is_found() && !self.records[at].faces.is_empty();
        let all = [self.group(from), self.group(into)].concat();
        let n_faces: usize = all.iter().map(|at| self.records[*at].faces.len()).sum();
        let roots = [from, into, self.root(from), self.root(into)];
        let are_two = !self.group(from).contains(&into);
        roots.into_iter().all(is_in) && are_two && n_faces <= MAX_FACES
    }

    fn part(&mut self, at: usize) {
        self.edges.retain(|(from, into)| *from != at && *into != at);
    }

    fn check(&self, run: &Run, place: &str) {
        for number in 0..self.n_faces {
            let mut owners = (0..self.records.len()).filter(|at| {
                let record = &self.records[*at];
                record.is_found() && record.faces.contains(&number)
            });
            // All of a group are frozen, or none is; whoever is gone or agrees no more is in none.
            let expected = owners.next().map(|at| self.id(self.root(at)));
            assert_eq!(run.found(&face(number)), expected, "{place}: face {number}");
        }
    }
}

/// Files of one site, over several runs.
struct Life {
    folder: tempfile::TempDir,
    clock: Arc<VirtualClock>,
    kind: GalleryKind,
}

impl Life {
    async fn begin(&self) -> Run {
        let document = promise(Custody::Controller);
        let (faults, kind) = (Faults::new(None), self.kind.clone());
        let begun = Run::begin_in(self.folder.path(), &self.clock, &document, &faults, kind);
        begun.await.unwrap()
    }
}

async fn enroll(run: &Run, lists: &mut Lists, at: usize) {
    let number = lists.n_faces;
    lists.n_faces += 1;
    let one = &lists.records[at].enrolled;
    run.enroll_face(one, &face(number)).await.unwrap();
    lists.records[at].faces.push(number);
}

async fn merge(run: &Run, lists: &mut Lists, (from, into): (usize, usize), place: &str) {
    let merged = run.custodian.merge(lists.id(from), lists.id(into)).await;
    assert_eq!(merged.is_ok(), lists.may_be_one(from, into), "{place}");
    if let Ok(merge) = merged {
        let edge = (lists.root(from), lists.root(into));
        assert_eq!(
            (merge.from, merge.into),
            (lists.id(edge.0), lists.id(edge.1))
        );
        lists.edges.push(edge);
    }
}

async fn act(run: &Run, lists: &mut Lists, rng: &mut StdRng, place: &str) {
    let mut below = |n: usize| rng.next_u32() as usize % n;
    let choice = below(20);
    if choice < 4 || lists.records.len() < 2 {
        let enrolled = run.enroll().await;
        run.agree(&enrolled, IDENTIFY, None).await.unwrap();
        lists.records.push(Record {
            enrolled,
            faces: Vec::new(),
            agrees: true,
            is_frozen: false,
            is_gone: false,
        });
        let at = lists.records.len() - 1;
        enroll(run, lists, at).await;
        return;
    }
    let (at, other) = (below(lists.records.len()), below(lists.records.len()));
    let group = lists.group(at);
    match choice {
        4..=10 => merge(run, lists, (at, other), place).await,
        11 | 12 => {
            let undone = run.custodian.undo_merge(lists.id(at), false).await;
            let edge = lists.edges.iter().position(|(from, _)| *from == at);
            assert_eq!(undone.is_ok(), edge.is_some(), "{place}");
            if let Some(edge) = edge {
                lists.edges.remove(edge);
            }
        }
        13 | 14 if !lists.records[at].is_gone && lists.records[at].agrees => {
            let id = lists.id(at);
            run.custodian.withdraw(id, IDENTIFY).await.unwrap();
            lists.part(at);
            lists.records[at].agrees = false;
            lists.records[at].faces.clear();
        }
        13 | 14 if !lists.records[at].is_gone => {
            let one = &lists.records[at].enrolled;
            run.agree(one, IDENTIFY, None).await.unwrap();
            lists.records[at].agrees = true;
        }
        15 if !lists.records[at].is_gone => {
            run.custodian.erase(lists.id(at)).await.unwrap();
            for gone in group {
                lists.records[gone].is_gone = true;
                lists.part(gone);
            }
        }
        16 if !lists.records[at].is_gone => {
            let is_frozen = !lists.records[at].is_frozen;
            run.custodian.freeze(lists.id(at), is_frozen).await.unwrap();
            for one in group {
                lists.records[one].is_frozen = is_frozen;
            }
        }
        17 if lists.records[at].is_found() => {
            let together = group.iter().map(|one| lists.records[*one].faces.len());
            if together.sum::<usize>() < MAX_FACES {
                enroll(run, lists, at).await;
            } else {
                let one = &lists.records[at].enrolled;
                let full = run.enroll_face(one, &face(u64::MAX)).await;
                assert!(
                    matches!(full, Err(CustodyError::TooManyFaces { .. })),
                    "{place}"
                );
            }
        }
        18 => {
            run.custodian.rekey_gallery().await.unwrap();
        }
        _ => {}
    }
}

async fn live(kind: GalleryKind, seed: u64) {
    let life = Life {
        folder: tempfile::tempdir().unwrap(),
        clock: VirtualClock::new(),
        kind,
    };
    let mut rng = StdRng::seed_from_u64(seed);
    let mut lists = Lists::default();
    let mut run = life.begin().await;
    for number in 0..N_ACTS {
        let place = format!("{:?}, seed {seed}, act {number}", life.kind);
        if rng.next_u32().is_multiple_of(8) {
            run.end().await;
            run = life.begin().await;
        } else {
            act(&run, &mut lists, &mut rng, &place).await;
        }
        lists.check(&run, &place);
    }
    run.end().await;
}

#[tokio::test]
async fn random_lives_with_several_records_agree_with_lists_whatever_keeps_the_gallery() {
    let server = Server::start();
    let mut kinds = vec![(GalleryKind::Exact, 4)];
    if HAS_GALLERY_INDEX {
        kinds.push((GalleryKind::Neighbours { beyond: 1 }, 2));
    }
    kinds.push((parts(3), 2));
    kinds.extend(server.iter().map(|server| (server.kind(), 2)));
    for (kind, n_seeds) in kinds {
        for seed in 0..n_seeds {
            live(kind.clone(), seed).await;
        }
    }
}
