//! The galleries: who can be found now. What is removed here is never found again, whatever lies on the disk.

mod kept;
mod merges;
mod room;

use std::collections::{BTreeMap, BTreeSet};
use std::future;
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use regard_commitments::{SearchKey, VerifyingKey, Zeroizing, key_id};
use regard_domain::{GalleryId, PersonId, SiteId, TemplateId, Timestamp};
use regard_identity::{
    EMBEDDING_DIMENSION, Embedding, GalleryError, GalleryTransform, ModelTag, SearchAnswer,
};
use thiserror::Error;
use tokio::task;

use self::kept::Kept;
use self::merges::Merges;
pub use self::merges::RecordMerge;
use self::room::Room;
use crate::config::{GalleryConfig, GalleryKind};

/// Why a gallery was not searched.
#[derive(Debug, Error)]
pub enum SearchError {
    /// The key is for another gallery.
    #[error("the key is for another gallery")]
    OtherGallery,
    /// There is no such gallery: nobody has enrolled in it.
    #[error("there is no such gallery")]
    Unknown,
    /// What keeps it failed, or it is being filled: nobody is found until everybody who may be is in it.
    #[error("the gallery is not there at the moment")]
    NotThere,
    /// The gallery says no.
    #[error(transparent)]
    Gallery(#[from] GalleryError),
}

/// What a search of a gallery found.
///
/// # Privacy
/// Names persons by random ids, under the key of the search.
#[derive(Clone, Debug, PartialEq)]
pub struct GalleryAnswer {
    /// The nearest persons, each once: of several records of one person, the one that they answer as.
    pub answer: SearchAnswer,
    /// For each hit, in their order, the record in which its template was enrolled.
    pub records: Vec<PersonId>,
}

impl GalleryAnswer {
    /// The answer of a gallery in which nobody enrolled.
    pub const fn of_nobody() -> Self {
        Self {
            answer: SearchAnswer::of_nobody(0),
            records: Vec::new(),
        }
    }
}

/// One template on its way into a gallery.
///
/// # Privacy
/// A template of a face, and whose it is.
pub(crate) struct NewFace {
    pub(crate) person: PersonId,
    pub(crate) template: TemplateId,
    /// In the byte form, under the transform of the gallery.
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    /// When the consent behind it ends.
    pub(crate) until: Timestamp,
}

/// How a gallery is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GalleryIndex {
    /// Everybody is compared, in whole numbers of eight bits.
    Exact,
    /// An index of neighbours names who is compared.
    Neighbours,
    /// A database compares everybody.
    Database,
    /// Other machines compare everybody, each its part.
    Parts,
    /// Not at all at the moment: what keeps it failed, or it is being filled.
    Unavailable,
}

impl GalleryIndex {
    /// The stable name, in snake case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Neighbours => "neighbours",
            Self::Database => "database",
            Self::Parts => "shards",
            Self::Unavailable => "unavailable",
        }
    }
}

/// All galleries.
///
/// # Privacy
/// Holds templates of those who agreed to be identified, and no one else's; does not print.
#[derive(Default)]
pub struct Galleries {
    config: GalleryConfig,
    /// What tells the galleries of this installation from those of others in one database.
    installation: String,
    rooms: RwLock<BTreeMap<GalleryId, Shelf>>,
    /// Which records answer as one. Whoever looks takes the whole of it along, so that nobody waits for a search.
    merges: RwLock<Arc<Merges>>,
    /// Whether a gallery that nobody may be in could not be removed yet.
    is_left_behind: AtomicBool,
}

impl std::fmt::Debug for Galleries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Galleries(withheld)")
    }
}

/// A gallery that several search at once and one changes.
type Shelf = Arc<RwLock<Room>>;

fn look(room: &RwLock<Room>) -> RwLockReadGuard<'_, Room> {
    room.read().unwrap_or_else(PoisonError::into_inner)
}

fn lock(room: &RwLock<Room>) -> RwLockWriteGuard<'_, Room> {
    room.write().unwrap_or_else(PoisonError::into_inner)
}

/// What an installation is called where others keep their galleries too: its site, and the key that no other installation has, as two
/// may have sites of one id.
pub(crate) fn installation(site: &SiteId, receipts: &VerifyingKey) -> String {
    format!("{site}/{}", key_id(receipts))
}

fn transform(secret: &[u8; 32]) -> Result<GalleryTransform, GalleryError> {
    GalleryTransform::from_key(secret, EMBEDDING_DIMENSION).ok_or(GalleryError::OtherModel)
}

impl Galleries {
    /// None yet; each that is opened is as the configuration wants it.
    pub(crate) fn new(config: GalleryConfig, installation: String) -> Self {
        Self {
            config,
            installation,
            ..Self::default()
        }
    }

    /// Does something with the galleries that waits for whatever keeps them: where that is a database or another machine, on a thread
    /// for it, so that no other task is held up.
    pub(crate) async fn apart<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> T {
        match &self.config.kind {
            GalleryKind::Exact | GalleryKind::Neighbours { .. } => work(self),
            GalleryKind::Parts { .. } | GalleryKind::Database(_) => {
                let this = Arc::clone(self);
                let done = task::spawn_blocking(move || work(&this)).await;
                match done.map_err(task::JoinError::try_into_panic) {
                    Ok(done) => done,
                    Err(Ok(why)) => panic::resume_unwind(why),
                    // Not begun, as the program ends: whoever waits for it ends too.
                    Err(Err(_)) => future::pending().await,
                }
            }
        }
    }

    /// What a gallery is called where others keep theirs too.
    fn family(&self, gallery: &GalleryId) -> String {
        format!("{}/{gallery}", self.installation)
    }

    /// How a gallery is searched now, whatever was wished for; in one that nobody enrolled in nobody is missed.
    pub(crate) fn index(&self, gallery: &GalleryId) -> GalleryIndex {
        match self.room(gallery) {
            Some(room) => look(&room).index(),
            None => GalleryIndex::Exact,
        }
    }

    fn room(&self, gallery: &GalleryId) -> Option<Shelf> {
        let rooms = self.rooms.read().unwrap_or_else(PoisonError::into_inner);
        rooms.get(gallery).cloned()
    }

    /// Whether a gallery is open, has everybody in it, and did not fail since.
    pub(crate) fn is_whole(&self, gallery: &GalleryId) -> bool {
        self.room(gallery)
            .is_some_and(|room| look(&room).is_whole())
    }

    /// Opens a gallery under a secret, if it is not there; it is searched from [`Self::filled`] on.
    ///
    /// # Errors
    /// When what keeps it cannot be reached.
    pub(crate) fn open(
        &self,
        gallery: &GalleryId,
        secret: &[u8; 32],
        model: ModelTag,
    ) -> Result<(), SearchError> {
        if self.is_whole(gallery) {
            return Ok(());
        }
        let transform = transform(secret)?;
        let opened = Kept::open(&self.config, &self.family(gallery), transform, model);
        let (room, failed) = match opened {
            Ok(kept) => (Room::new(kept), None),
            Err(error) => (Room::lost(model), Some(error)),
        };
        match self.room(gallery) {
            Some(shelf) => *lock(&shelf) = room,
            None => {
                let mut rooms = self.rooms.write().unwrap_or_else(PoisonError::into_inner);
                rooms.insert(gallery.clone(), Arc::new(RwLock::new(room)));
            }
        }
        failed.map_or(Ok(()), |error| Err(error.into()))
    }

    /// Everybody who may be found is in: whoever else what keeps the gallery holds, from before or out of an older copy, is removed, and
    /// it is searched from now on.
    ///
    /// # Errors
    /// When that fails; then the gallery is not searched.
    pub(crate) fn filled(&self, gallery: &GalleryId) -> Result<(), SearchError> {
        let room = self.room(gallery).ok_or(SearchError::Unknown)?;
        lock(&room).filled()
    }

    /// Removes a gallery from what lasts beyond this process, where nobody may be found any more.
    ///
    /// # Errors
    /// When what keeps it cannot be reached.
    pub(crate) fn close_for_good(&self, gallery: &GalleryId) -> Result<(), GalleryError> {
        let mut rooms = self.rooms.write().unwrap_or_else(PoisonError::into_inner);
        rooms.remove(gallery);
        drop(rooms);
        let removed = Kept::remove(&self.config, &self.family(gallery));
        self.is_left_behind
            .store(removed.is_err(), Ordering::Relaxed);
        removed
    }

    /// Whether [`Self::close_for_good`] failed, and is to be tried again.
    pub(crate) fn is_left_behind(&self) -> bool {
        self.is_left_behind.load(Ordering::Relaxed)
    }

    /// Removes what the gallery was under older secrets, where [`Self::turned_over`] could not. Not while it is turned over.
    pub(crate) fn remove_leftovers(&self, gallery: &GalleryId) {
        let Some(room) = self.room(gallery) else {
            return;
        };
        let has_leftovers = look(&room).has_leftovers();
        if has_leftovers {
            lock(&room).remove_leftovers();
        }
    }

    /// Puts a template in; it is found from now on.
    ///
    /// # Errors
    /// [`SearchError::NotThere`] where what keeps the gallery failed: it is filled anew later, this template included.
    pub(crate) fn insert(&self, gallery: &GalleryId, face: &NewFace) -> Result<(), SearchError> {
        let room = self.room(gallery).ok_or(SearchError::Unknown)?;
        lock(&room).insert(face)
    }

    /// The consent of a person to be found holds until another time.
    pub(crate) fn prolong(&self, person: PersonId, until: Timestamp) {
        for room in self.all() {
            lock(&room).prolong(person, until);
        }
    }

    fn all(&self) -> Vec<Shelf> {
        let rooms = self.rooms.read().unwrap_or_else(PoisonError::into_inner);
        rooms.values().cloned().collect()
    }

    /// Nobody finds this person any more, in any gallery. One that does not let go of them finds nobody, until it is filled anew.
    pub(crate) fn forget(&self, person: PersonId) {
        for room in self.all() {
            lock(&room).remove(person);
        }
    }

    /// One template of a person serves no more.
    pub(crate) fn forget_template(&self, person: PersonId, template: TemplateId) {
        for room in self.all() {
            lock(&room).remove_template(person, template);
        }
    }

    /// Which records answer as one now.
    fn merges_now(&self) -> Arc<Merges> {
        let merges = self.merges.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&merges)
    }

    fn change_merges(&self, change: impl FnOnce(&mut Merges)) {
        let mut merges = self.merges.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut merges));
    }

    /// From now on a record answers as another one, wherever both are.
    pub(crate) fn merge(&self, merge: RecordMerge) {
        self.change_merges(|merges| merges.put(merge));
    }

    /// A record answers for itself again.
    pub(crate) fn undo_merge(&self, from: PersonId) {
        self.change_merges(|merges| merges.take(from));
    }

    /// No record answers as this one any more, nor this one as any.
    pub(crate) fn undo_merges_of(&self, person: PersonId) {
        if !self.merges_of(person).is_empty() {
            self.change_merges(|merges| merges.take_touching(person));
        }
    }

    /// The merge by which a record answers as another one.
    pub(crate) fn merge_of(&self, from: PersonId) -> Option<RecordMerge> {
        self.merges_now().of(from)
    }

    /// The merges that a record is part of.
    pub(crate) fn merges_of(&self, person: PersonId) -> Vec<RecordMerge> {
        self.merges_now().touching(person)
    }

    /// The record itself, first, and all that are one with it; each hangs on one before it.
    pub(crate) fn merged_with(&self, person: PersonId) -> Vec<PersonId> {
        self.merges_now().together(person)
    }

    /// The record that one is answered with.
    pub(crate) fn answered_with(&self, person: PersonId) -> PersonId {
        self.merges_now().root(person)
    }

    /// Begins to turn a gallery over to another secret: what comes under that secret goes into the one it becomes, and the
    /// one it was is searched until [`Self::turned_over`].
    pub(crate) fn turn_over(&self, gallery: &GalleryId, secret: &[u8; 32]) {
        let Some(room) = self.room(gallery).filter(|room| look(room).is_searched()) else {
            // It is filled under the newest secret when it comes back.
            return;
        };
        let model = look(&room).model();
        let next = transform(secret).and_then(|transform| {
            let family = self.family(gallery);
            let mut next = Kept::open(&self.config, &family, transform, model)?;
            // What an earlier try left there.
            next.keep_only(&BTreeSet::new())?;
            Ok(next)
        });
        lock(&room).becomes(next);
    }

    /// The gallery is the one it was to become; nothing is left of the one it was.
    pub(crate) fn turned_over(&self, gallery: &GalleryId) {
        if let Some(room) = self.room(gallery) {
            lock(&room).become_next();
        }
    }

    /// The persons nearest to a face, nearest first; several records of one person count as one. Whose consent has run out by now is
    /// not among them. Blocks while a database searches.
    ///
    /// # Errors
    /// [`SearchError`].
    pub fn search(
        &self,
        gallery: &GalleryId,
        probe: &Embedding,
        n: usize,
        key: &SearchKey,
        now: Timestamp,
    ) -> Result<GalleryAnswer, SearchError> {
        if !key.opens(gallery) {
            return Err(SearchError::OtherGallery);
        }
        let room = self.room(gallery).ok_or(SearchError::Unknown)?;
        if look(&room).is_due(now) {
            lock(&room).expire(now);
        }
        look(&room).search((probe, n), key, &self.merges_now())
    }

    /// Names of all galleries with the persons and templates in each, in order; none in one that is not there at the moment.
    pub fn sizes(&self, now: Timestamp) -> Vec<(GalleryId, u64, u64)> {
        let rooms: Vec<(GalleryId, Shelf)> = {
            let rooms = self.rooms.read().unwrap_or_else(PoisonError::into_inner);
            rooms
                .iter()
                .map(|(id, room)| (id.clone(), Arc::clone(room)))
                .collect()
        };
        let merges = self.merges_now();
        rooms
            .into_iter()
            .map(|(id, room)| {
                let mut room = lock(&room);
                room.expire(now);
                let (n_persons, n_templates) = room.size(&merges);
                (id, n_persons, n_templates)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
