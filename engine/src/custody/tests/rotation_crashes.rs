//! The program dies at every write of a rotation of the site key, once before it and once after: in the file of site keys, in
//! the file of the keys of persons, in a token. Whoever was there is there and opens, the rotation goes on where it was, and at
//! its end nothing is left of the older key, nor of what it had wrapped.

use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use regard_backends::{KeyStore as _, SqliteKeys};
use regard_commitments::{Custody, EntryBody, SiteKeyId};
use regard_domain::{Clock as _, PersonId};

use super::crashing::{CrashingKeys, Faults, Moment};
use super::faces::{IDENTIFY, VERIFY, begin, face};
use super::world::{Run, VirtualClock, copy_of, data, is_on_disk, outside, site_key};
use super::{LEARN, PERSONALIZE};
use crate::custody::key_disk::{KeyDisk, RealDisk};
use crate::custody::token::TokenSiteKey;
use crate::custody::upkeep::rotate_in_steps;
use crate::custody::{CustodyError, Enrolled, KeyPlace, Rotated, SiteKeyFile, TokenError};
use crate::private_file::create_private;

/// More writes than a rotation makes.
const MAX_WRITES: u32 = 60;

/// Keys wrapped again in one write: few, so that there are several such writes.
const N_IN_ONE_GO: u32 = 2;

/// A disk under the file of site keys that dies, and takes the half of a file with it that was being written.
#[derive(Debug)]
pub(super) struct CrashingDisk(pub(super) Arc<Faults>);

impl KeyDisk for CrashingDisk {
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let torn = || {
            let beside = format!("{}.new", path.display());
            let mut file = create_private(Path::new(&beside)).unwrap();
            file.write_all(&bytes[..bytes.len() / 2]).unwrap();
        };
        let written = self.0.write_now(torn, || RealDisk.write(path, bytes));
        written.unwrap_or_else(|| Err(io::Error::other("the program died")))
    }

    fn destroy(&self, key: &TokenSiteKey) -> Result<(), TokenError> {
        let done = self.0.write_now(|| {}, || RealDisk.destroy(key));
        let dead = || TokenError::NoEntropy(io::Error::other("the program died"));
        done.unwrap_or_else(|| Err(dead()))
    }
}

/// Who was there before, and how their keys were wrapped.
struct Before {
    folder: tempfile::TempDir,
    clock: Arc<VirtualClock>,
    /// One with a face that is found, one without, one frozen.
    people: [Enrolled; 3],
    older: SiteKeyId,
    wrapped: Vec<Vec<u8>>,
    /// The older key as its file has it.
    secret: Vec<u8>,
}

impl Before {
    async fn new() -> Self {
        let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
        let run = begin(folder.path(), &clock, Custody::Controller).await;
        let found = run.come(&[VERIFY, IDENTIFY], &face(1)).await.0;
        let (one, frozen) = (run.enroll().await, run.enroll().await);
        run.agree(&one, LEARN, None).await.unwrap();
        run.agree(&frozen, PERSONALIZE, None).await.unwrap();
        run.custodian.freeze(frozen.person, true).await.unwrap();
        let file = SiteKeyFile::open(&site_key(folder.path()), &data(folder.path())).unwrap();
        let older = file.ring().current();
        let held = run.keys.wrapped_under(older, 99).await.unwrap();
        let secrets = run.keys.secrets("").await.unwrap();
        assert_eq!(
            (held.len(), secrets.len()),
            (7, 1),
            "three records, four consents, a gallery"
        );
        let wrapped = held.into_iter().map(|one| one.key.bytes);
        let wrapped = wrapped.chain(secrets.into_iter().map(|one| one.key.bytes));
        let text = std::fs::read_to_string(outside(folder.path())).unwrap();
        let secret = text.lines().nth(1).unwrap().as_bytes().to_vec();
        run.end().await;
        Self {
            wrapped: wrapped.collect(),
            people: [found, one, frozen],
            folder,
            clock,
            older,
            secret,
        }
    }
}

/// A rotation on files that die where the faults say.
pub(super) async fn rotated(
    folder: &Path,
    place: &KeyPlace,
    clock: &Arc<VirtualClock>,
    faults: &Arc<Faults>,
) -> Result<Rotated, CustodyError> {
    let keys = CrashingKeys {
        inner: Arc::new(SqliteKeys::open(&data(folder)).await.unwrap()),
        faults: Arc::clone(faults),
    };
    let file = SiteKeyFile::open(&site_key(folder), &data(folder)).unwrap();
    let mut file = file.on(Arc::new(CrashingDisk(Arc::clone(faults))));
    let done = rotate_in_steps(&keys, &mut file, place, clock.now(), N_IN_ONE_GO).await;
    keys.close().await;
    done
}

/// Everybody who was there is known, opens, and may what they agreed to.
async fn everybody_is_there(run: &Run, before: &Before, place: &str) {
    for enrolled in &before.people {
        let who = run.who(enrolled).await.unwrap();
        assert!(run.custodian.export(&who).await.is_ok(), "{place}");
    }
    let [found, one, frozen] = before.people.each_ref().map(|one| one.person);
    assert_eq!(run.found(&face(1)), Some(found), "{place}");
    assert_eq!(run.refused(one, LEARN).await, None, "{place}");
    assert!(run.refused(one, PERSONALIZE).await.is_some(), "{place}");
    assert!(run.refused(frozen, PERSONALIZE).await.is_some(), "{place}");
}

/// Somebody comes, takes back, and goes; and so does nobody else.
async fn life_goes_on(run: &Run, place: &str) -> PersonId {
    let next = run.enroll().await;
    run.agree(&next, LEARN, None).await.unwrap();
    assert_eq!(run.refused(next.person, LEARN).await, None, "{place}");
    run.custodian.withdraw(next.person, LEARN).await.unwrap();
    assert!(run.refused(next.person, LEARN).await.is_some(), "{place}");
    let proof = run.custodian.erase(next.person).await.unwrap();
    assert!(proof.verify(None).is_ok(), "{place}");
    next.person
}

/// Whether the program died at this write of the rotation; looks at what is left either way.
async fn die_and_look(before: &Before, number: u32, moment: Moment) -> bool {
    let (copy, clock) = (copy_of(before.folder.path()), &before.clock);
    let folder = copy.path();
    let faults = Faults::new(Some((number, moment)));
    let place = format!("{number} {moment:?}");
    let broken = rotated(folder, &KeyPlace::File, clock, &faults).await;
    assert_eq!(broken.is_err(), faults.is_dead(), "{place}: {broken:?}");

    let run = begin(folder, clock, Custody::Controller).await;
    everybody_is_there(&run, before, &place).await;
    life_goes_on(&run, &place).await;
    // It is run again, while the program runs.
    let again = rotated(folder, &KeyPlace::File, clock, &Faults::new(None))
        .await
        .unwrap();
    everybody_is_there(&run, before, &place).await;
    let gone = life_goes_on(&run, &place).await;
    run.custodian.sweep().await.unwrap();
    nothing_is_left((&run, folder), before, &again, &place).await;
    run.end().await;

    let run = begin(folder, clock, Custody::Controller).await;
    everybody_is_there(&run, before, &place).await;
    assert!(run.keys.person(gone).await.unwrap().is_none(), "{place}");
    run.end().await;
    for bytes in before.wrapped.iter().chain([&before.secret]) {
        assert!(!is_on_disk(folder, bytes), "{place}: of the older key");
    }
    faults.is_dead()
}

/// One key of the site, under which everything lies; the ledger told of each change once.
async fn nothing_is_left(
    (run, folder): (&Run, &Path),
    before: &Before,
    again: &Rotated,
    place: &str,
) {
    let file = SiteKeyFile::open(&site_key(folder), &data(folder)).unwrap();
    assert_eq!(file.ring().ids(), [again.to], "{place}");
    assert_eq!((again.n_going, file.n_going()), (0, 0), "{place}");
    let under = |key| run.keys.wrapped_under(key, 99);
    assert!(under(before.older).await.unwrap().is_empty(), "{place}");
    assert_eq!(under(again.to).await.unwrap().len(), 7, "{place}");
    let secrets = run.keys.secrets("").await.unwrap();
    assert!(
        secrets.iter().all(|one| one.key.site_key == again.to),
        "{place}"
    );
    let said: Vec<SiteKeyId> = run
        .entries()
        .await
        .into_iter()
        .filter_map(|entry| {
            let EntryBody::SiteKeyRotated { to } = entry.body else {
                return None;
            };
            Some(to)
        })
        .collect();
    assert_eq!(said.last(), Some(&again.to), "{place}");
    // Twice where the first one had come to its end before it died, and the second began anew.
    assert!(
        said.len() == 1 || (said.len() == 2 && said[0] != said[1]),
        "{place}: {said:?}"
    );
}

#[tokio::test]
async fn the_site_key_is_rotated_wherever_the_program_dies() {
    let before = Before::new().await;
    for moment in [Moment::Before, Moment::After] {
        let mut number = 0;
        while die_and_look(&before, number, moment).await {
            number += 1;
            assert!(number < MAX_WRITES);
        }
        // The fresh key, the older one retired, seven keys by twos, a secret, the log emptied, the older one let go.
        assert!(number >= 9, "{number} writes: fewer than a rotation makes");
    }
}
