//! The laws of faces, whatever keeps the gallery: memory, memory with an index, a database that fails and comes back older.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use regard_backends::{PgAddress, PgGallery, RemoteShard, ShardSecret, ShardServer};
use regard_commitments::{Commitments, Custody, SiteKeys, Zeroizing};
use regard_domain::TemplateId;
use regard_identity::{
    EMBEDDING_DIMENSION, GalleryLimits, Part, Shard as _, TemplateKind, TransformId,
};
use regard_testkit::postgres::{Postgres, SKIPPED};
use tokio::sync::oneshot;

use super::crashing::Faults;
use super::faces::{IDENTIFY, face, promise};
use super::world::{FACE_MODEL, Run, VirtualClock, this_installation};
use crate::config::{GalleryConfig, GalleryKind, HAS_GALLERY_INDEX};
use crate::custody::{Enrolled, own_gallery};
use crate::galleries::{Galleries, GalleryIndex, installation};

/// Acts of one history.
const N_ACTS: usize = 30;

/// Files of one site, over several runs.
struct Site {
    folder: tempfile::TempDir,
    clock: Arc<VirtualClock>,
    kind: GalleryKind,
}

impl Site {
    fn new(kind: GalleryKind) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            clock: VirtualClock::new(),
            kind,
        }
    }

    async fn begin(&self) -> Run {
        self.begin_under(&promise(Custody::Controller)).await
    }

    async fn begin_under(&self, document: &Commitments) -> Run {
        let (faults, kind) = (Faults::new(None), self.kind.clone());
        let begun = Run::begin_in(self.folder.path(), &self.clock, document, &faults, kind).await;
        begun.unwrap()
    }
}

/// A database of our own, which ends with the test.
pub(super) struct Server {
    // Before the folder, which it lies in.
    postgres: Postgres,
    _folder: tempfile::TempDir,
}

impl Server {
    /// Starts one; nothing, and a word about it, where none can be had.
    pub(super) fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let Some(postgres) = Postgres::start(folder.path()) else {
            println!("{SKIPPED}");
            return None;
        };
        Some(Self {
            postgres,
            _folder: folder,
        })
    }

    /// A gallery in it.
    pub(super) fn kind(&self) -> GalleryKind {
        GalleryKind::Database(self.address())
    }

    fn address(&self) -> PgAddress {
        self.postgres.address().parse().unwrap()
    }

    /// Removes all that an installation has in it; how many galleries there were.
    fn n_removed(&self, installation: &str) -> u64 {
        let (address, family) = (self.address(), format!("{installation}/{}", own_gallery()));
        let remove = || PgGallery::remove_family(&address, &family);
        let removed = thread::scope(|scope| scope.spawn(remove).join());
        removed.unwrap().unwrap()
    }
}

/// Parts on loopback, which go on until the tests end.
pub(super) fn parts(n: u64) -> GalleryKind {
    let secret = ShardSecret::new(Zeroizing::new([3; 32]));
    let start = |number: u64| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = ShardServer::new(secret.clone(), &mut StdRng::seed_from_u64(number));
        let part = Part::new(GalleryLimits::default());
        drop(thread::spawn(move || {
            server.serve(&listener, Box::new(part))
        }));
        address
    };
    GalleryKind::Parts {
        addresses: (0..n).map(start).collect(),
        secret,
    }
}

/// A way to a part that swallows what is sent, where it is told to.
struct Way {
    address: SocketAddr,
    is_silent: Arc<AtomicBool>,
    /// Whether somebody closed their connection.
    is_given_up: Arc<AtomicBool>,
}

impl Way {
    fn to(part: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let this = Self {
            address: listener.local_addr().unwrap(),
            is_silent: Arc::default(),
            is_given_up: Arc::default(),
        };
        let flags = (Arc::clone(&this.is_silent), Arc::clone(&this.is_given_up));
        drop(thread::spawn(move || {
            for here in listener.incoming().flatten() {
                Self::lead(here, TcpStream::connect(part).unwrap(), flags.clone());
            }
        }));
        this
    }

    fn lead(
        mut here: TcpStream,
        mut there: TcpStream,
        (is_silent, is_given_up): (Arc<AtomicBool>, Arc<AtomicBool>),
    ) {
        here.set_nodelay(true).unwrap();
        there.set_nodelay(true).unwrap();
        let mut back = (there.try_clone().unwrap(), here.try_clone().unwrap());
        drop(thread::spawn(move || io::copy(&mut back.0, &mut back.1)));
        drop(thread::spawn(move || {
            let mut bytes = [0; 4_096];
            while let Ok(n @ 1..) = here.read(&mut bytes) {
                if !is_silent.load(Ordering::SeqCst) {
                    there.write_all(&bytes[..n]).unwrap();
                }
            }
            is_given_up.store(true, Ordering::SeqCst);
        }));
    }
}

/// Somebody who may be found, by the numbers of their faces.
struct Somebody {
    enrolled: Enrolled,
    faces: Vec<(u64, TemplateId)>,
}

/// Who is to be found by now, as one who counts on fingers knows it.
#[derive(Default)]
struct Oracle {
    people: Vec<Somebody>,
    /// Faces that ever were.
    n_faces: u64,
}

impl Oracle {
    fn check(&self, run: &Run, place: &str) {
        for number in 0..self.n_faces {
            let owner = self.people.iter().find(|one| {
                let mut numbers = one.faces.iter().map(|(number, _)| *number);
                numbers.any(|own| own == number)
            });
            let expected = owner.map(|one| one.enrolled.person);
            assert_eq!(run.found(&face(number)), expected, "{place}: face {number}");
        }
    }

    /// A number that is no face yet.
    fn new_number(&mut self) -> u64 {
        self.n_faces += 1;
        self.n_faces - 1
    }
}

async fn act(run: &Run, oracle: &mut Oracle, rng: &mut StdRng) {
    let mut below = |n: usize| rng.next_u32() as usize % n;
    let choice = below(10);
    if choice < 4 || oracle.people.is_empty() {
        let number = oracle.new_number();
        let (enrolled, kept) = run.come(&[IDENTIFY], &face(number)).await;
        let faces = vec![(number, kept.template)];
        oracle.people.push(Somebody { enrolled, faces });
        return;
    }
    let at = below(oracle.people.len());
    let person = oracle.people[at].enrolled.person;
    match choice {
        4 if oracle.people[at].faces.len() < crate::custody::MAX_FACES => {
            let number = oracle.new_number();
            let one = &mut oracle.people[at];
            let kept = run.enroll_face(&one.enrolled, &face(number)).await;
            one.faces.push((number, kept.unwrap().template));
        }
        4 | 5 => {
            run.custodian.withdraw(person, IDENTIFY).await.unwrap();
            oracle.people.remove(at);
        }
        6 => {
            run.custodian.erase(person).await.unwrap();
            oracle.people.remove(at);
        }
        7 => {
            if let Some((_, template)) = oracle.people[at].faces.pop() {
                let removed = run.custodian.remove_face(person, template).await;
                assert!(removed.unwrap());
            }
        }
        8 => {
            run.custodian.freeze(person, true).await.unwrap();
            for (number, _) in &oracle.people[at].faces {
                assert_eq!(run.found(&face(*number)), None, "frozen");
            }
            run.custodian.freeze(person, false).await.unwrap();
        }
        _ => {
            run.custodian.rekey_gallery().await.unwrap();
        }
    }
}

async fn random_history(site: &Site, seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut oracle = Oracle::default();
    let mut run = site.begin().await;
    for number in 0..N_ACTS {
        let place = format!("{:?}, seed {seed}, act {number}", site.kind);
        if rng.next_u32().is_multiple_of(7) {
            run.end().await;
            run = site.begin().await;
        } else {
            act(&run, &mut oracle, &mut rng).await;
        }
        oracle.check(&run, &place);
    }
    run.end().await;
}

#[tokio::test]
async fn who_enrols_is_found_and_who_goes_is_not_whatever_keeps_the_gallery() {
    let server = Server::start();
    let mut kinds = vec![GalleryKind::Exact];
    if HAS_GALLERY_INDEX {
        kinds.push(GalleryKind::Neighbours { beyond: 1 });
    }
    kinds.push(parts(3));
    kinds.extend(server.iter().map(Server::kind));
    for kind in kinds {
        for seed in 0..2 {
            random_history(&Site::new(kind.clone()), seed).await;
        }
    }
}

#[tokio::test]
async fn while_the_database_is_away_nobody_is_found_and_afterwards_whoever_may_be() {
    let Some(server) = Server::start() else {
        return;
    };
    let site = Site::new(server.kind());
    let run = site.begin().await;
    let index = || run.custodian.galleries.index(&own_gallery());
    let goes = run.come(&[IDENTIFY], &face(1)).await.0.person;
    let stays = run.come(&[IDENTIFY], &face(2)).await.0.person;
    assert_eq!(index(), GalleryIndex::Database);
    assert_eq!(run.found(&face(1)), Some(goes));
    server.postgres.crash();
    run.custodian.withdraw(goes, IDENTIFY).await.unwrap();
    assert_eq!(index(), GalleryIndex::Unavailable);
    assert_eq!((run.found(&face(1)), run.found(&face(2))), (None, None));
    assert!(run.custodian.mend_gallery().await.is_err());
    let comes = run.come(&[IDENTIFY], &face(3)).await.0.person;
    assert_eq!(run.found(&face(3)), None);
    server.postgres.up();
    run.custodian.mend_gallery().await.unwrap();
    let found = [1, 2, 3].map(|number| run.found(&face(number)));
    assert_eq!(found, [None, Some(stays), Some(comes)]);
    assert_eq!(index(), GalleryIndex::Database);
    run.end().await;
    // The screens begin without it, too.
    server.postgres.crash();
    let run = site.begin().await;
    assert_eq!(run.found(&face(2)), None);
    server.postgres.up();
    run.custodian.mend_gallery().await.unwrap();
    assert_eq!(
        (run.found(&face(1)), run.found(&face(2))),
        (None, Some(stays))
    );
    run.end().await;
}

#[tokio::test]
async fn an_older_copy_of_the_database_brings_nobody_back() {
    let Some(server) = Server::start() else {
        return;
    };
    let site = Site::new(server.kind());
    let run = site.begin().await;
    let withdraws = run.come(&[IDENTIFY], &face(1)).await.0.person;
    let is_erased = run.come(&[IDENTIFY], &face(2)).await.0.person;
    let (stays, kept) = run.come(&[IDENTIFY], &face(3)).await;
    run.enroll_face(&stays, &face(4)).await.unwrap();
    server.postgres.back_up();
    run.custodian.withdraw(withdraws, IDENTIFY).await.unwrap();
    run.custodian.erase(is_erased).await.unwrap();
    let removed = run.custodian.remove_face(stays.person, kept.template).await;
    assert!(removed.unwrap());
    let gone = |run: &Run, place: &str| {
        for number in [1, 2, 3] {
            assert_eq!(run.found(&face(number)), None, "{place}: {number}");
        }
    };
    gone(&run, "before");
    server.postgres.restore();
    gone(&run, "put back while it runs");
    run.custodian.mend_gallery().await.unwrap();
    gone(&run, "put right");
    assert_eq!(run.found(&face(4)), Some(stays.person));
    run.end().await;
    server.postgres.restore();
    let run = site.begin().await;
    gone(&run, "put back before the start");
    assert_eq!(run.found(&face(4)), Some(stays.person));
    run.end().await;
}

#[tokio::test]
async fn parts_that_were_started_anew_find_nobody_until_they_are_filled() {
    let kind = parts(2);
    let site = Site::new(kind.clone());
    let run = site.begin().await;
    let goes = run.come(&[IDENTIFY], &face(1)).await.0.person;
    let stays = run.come(&[IDENTIFY], &face(2)).await.0.person;
    let found = |run: &Run| [1, 2].map(|number| run.found(&face(number)));
    assert_eq!(found(&run), [Some(goes), Some(stays)]);
    let GalleryKind::Parts { addresses, secret } = &kind else {
        panic!("parts were made");
    };
    // As empty as after a start.
    let other = TemplateKind {
        model: FACE_MODEL,
        transform: TransformId::from_bits(1),
        dimension: EMBEDDING_DIMENSION,
    };
    for address in addresses {
        let mut rng = StdRng::seed_from_u64(9);
        let mut shard = RemoteShard::new(*address, secret.clone(), &mut rng);
        shard.keep_only(other).unwrap();
    }
    run.custodian.withdraw(goes, IDENTIFY).await.unwrap();
    assert_eq!(found(&run), [None, None]);
    run.custodian.mend_gallery().await.unwrap();
    assert_eq!(found(&run), [None, Some(stays)]);
    // Whoever was enrolled and left while nobody told the parts is not there after the next start either.
    run.end().await;
    let run = site.begin().await;
    assert_eq!(found(&run), [None, Some(stays)]);
    run.custodian.rekey_gallery().await.unwrap();
    assert_eq!(found(&run), [None, Some(stays)]);
    run.end().await;
}

#[tokio::test]
async fn a_database_is_left_empty_where_nobody_may_be_found_any_more() {
    let Some(server) = Server::start() else {
        return;
    };
    let site = Site::new(server.kind());
    let run = site.begin().await;
    run.come(&[IDENTIFY], &face(1)).await;
    run.end().await;
    let mut document = promise(Custody::InPersonsHands);
    document.version = 2;
    // It cannot be removed at the start, and is later.
    server.postgres.crash();
    let run = site.begin_under(&document).await;
    assert_eq!(run.found(&face(1)), None);
    server.postgres.up();
    run.custodian.mend_gallery().await.unwrap();
    assert_eq!(server.n_removed(&this_installation(&document)), 0);
    run.end().await;
}

#[tokio::test]
async fn what_an_older_secret_left_in_a_database_goes_as_soon_as_it_can() {
    let Some(server) = Server::start() else {
        return;
    };
    let site = Site::new(server.kind());
    let run = site.begin().await;
    run.come(&[IDENTIFY], &face(1)).await;
    let galleries = &run.custodian.galleries;
    galleries.turn_over(&own_gallery(), &[9; 32]);
    // The database is away when the older gallery is to go.
    server.postgres.crash();
    galleries.turned_over(&own_gallery());
    server.postgres.up();
    run.custodian.mend_gallery().await.unwrap();
    // The one it is, and not the one it was.
    let this = this_installation(&promise(Custody::Controller));
    assert_eq!(server.n_removed(&this), 1);
    run.end().await;
}

#[tokio::test]
async fn two_installations_whose_sites_have_one_id_leave_each_other_alone() {
    let Some(server) = Server::start() else {
        return;
    };
    let site = Site::new(server.kind());
    let run = site.begin().await;
    let person = run.come(&[IDENTIFY], &face(1)).await.0.person;
    let other = SiteKeys::from_seed(Zeroizing::new([6; 32]));
    let receipts = other.receipts_key().verifying_key();
    let config = GalleryConfig {
        kind: site.kind.clone(),
        ..GalleryConfig::default()
    };
    let name = installation(&promise(Custody::Controller).site.id, &receipts);
    let other = Galleries::new(config, name);
    other.open(&own_gallery(), &[8; 32], FACE_MODEL).unwrap();
    other.filled(&own_gallery()).unwrap();
    assert_eq!(run.found(&face(1)), Some(person), "beside it");
    other.close_for_good(&own_gallery()).unwrap();
    assert_eq!(run.found(&face(1)), Some(person), "after it");
    run.end().await;
}

#[tokio::test]
async fn whoever_waits_for_a_part_that_says_nothing_holds_up_nobody_else() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let site = Site::new(GalleryKind::Parts {
        addresses: vec![listener.local_addr().unwrap()],
        secret: ShardSecret::new(Zeroizing::new([3; 32])),
    });
    let (reached, is_reached) = oneshot::channel();
    let (goes_on, went_on) = mpsc::channel::<()>();
    let part = thread::spawn(move || {
        // Whoever starts is turned away at once.
        drop(listener.accept().unwrap());
        let held = listener.accept().unwrap();
        reached.send(()).unwrap();
        // Until somebody else went on, or the test failed.
        let _ = went_on.recv();
        drop(held);
    });
    let run = site.begin().await;
    // Both are on one thread.
    let has_gone_on = AtomicBool::new(false);
    let mending = async {
        assert!(run.custodian.mend_gallery().await.is_err());
        assert!(has_gone_on.load(Ordering::Relaxed));
    };
    let another = async {
        is_reached.await.unwrap();
        has_gone_on.store(true, Ordering::Relaxed);
        goes_on.send(()).unwrap();
    };
    tokio::join!(mending, another);
    part.join().unwrap();
    run.end().await;
}

#[tokio::test]
async fn a_key_is_destroyed_in_time_although_a_part_says_nothing() {
    let GalleryKind::Parts { addresses, secret } = parts(1) else {
        panic!("parts were made");
    };
    let way = Way::to(addresses[0]);
    let site = Site::new(GalleryKind::Parts {
        addresses: vec![way.address],
        secret,
    });
    let run = site.begin().await;
    let goes = run.come(&[IDENTIFY], &face(1)).await.0.person;
    let stays = run.come(&[IDENTIFY], &face(2)).await.0.person;
    let found = |run: &Run| [1, 2].map(|number| run.found(&face(number)));
    assert_eq!(found(&run), [Some(goes), Some(stays)]);
    way.is_silent.store(true, Ordering::SeqCst);
    run.custodian.withdraw(goes, IDENTIFY).await.unwrap();
    // Whoever forgets them waits for the part still.
    assert!(!way.is_given_up.load(Ordering::SeqCst));
    let key = run.keys.purpose_key(goes, IDENTIFY).await.unwrap();
    assert!(key.is_none());
    assert_eq!(found(&run), [None, None]);
    way.is_silent.store(false, Ordering::SeqCst);
    run.custodian.mend_gallery().await.unwrap();
    assert_eq!(found(&run), [None, Some(stays)]);
    run.end().await;
}
