//! The galleries in memory: who can be found now. What is removed here is never found again, whatever lies on the disk.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use regard_commitments::{SearchKey, Zeroizing};
use regard_domain::{GalleryId, PersonId, TemplateId, Timestamp};
use regard_identity::{
    EMBEDDING_DIMENSION, Embedding, Enrolment, ExactGallery, Gallery, GalleryError, GalleryLimits,
    GalleryTransform, ModelTag, SearchAnswer, Template,
};
use thiserror::Error;

use crate::config::GalleryConfig;

/// Why a gallery was not searched.
#[derive(Debug, Error)]
pub enum SearchError {
    /// The key is for another gallery.
    #[error("the key is for another gallery")]
    OtherGallery,
    /// There is no such gallery: nobody has enrolled in it.
    #[error("there is no such gallery")]
    Unknown,
    /// The gallery says no.
    #[error(transparent)]
    Gallery(#[from] GalleryError),
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

/// One gallery, and while it is turned over to another secret also the one it becomes.
struct Room {
    now: Box<dyn Gallery>,
    next: Option<Box<dyn Gallery>>,
    /// When the consent of each person ends, and the same in order of time.
    ends: BTreeMap<PersonId, Timestamp>,
    by_end: BTreeSet<(Timestamp, PersonId)>,
}

impl Room {
    fn new(now: Box<dyn Gallery>) -> Self {
        Self {
            now,
            next: None,
            ends: BTreeMap::new(),
            by_end: BTreeSet::new(),
        }
    }

    /// Puts a template into the gallery whose transform it went through.
    fn insert(&mut self, face: &NewFace) -> Result<(), GalleryError> {
        let values = Template::from_bytes(&face.bytes).map_err(|_| GalleryError::OtherModel)?;
        let of = values.transform();
        let enrolment = Enrolment {
            template: face.template,
            person: face.person,
            picture: None,
            values,
        };
        let next = self
            .next
            .as_mut()
            .filter(|next| next.transform().id() == of);
        match next {
            Some(next) => next.insert(enrolment)?,
            None => self.now.insert(enrolment)?,
        }
        self.ends_at(face.person, face.until);
        Ok(())
    }

    /// A person with several templates is there until the last of their consents ends; there is one.
    fn ends_at(&mut self, person: PersonId, until: Timestamp) {
        if let Some(before) = self.ends.insert(person, until) {
            self.by_end.remove(&(before, person));
        }
        self.by_end.insert((until, person));
    }

    fn remove(&mut self, person: PersonId) -> Result<usize, GalleryError> {
        if let Some(until) = self.ends.remove(&person) {
            self.by_end.remove(&(until, person));
        }
        let in_next = match &mut self.next {
            Some(next) => next.remove_person(person)?,
            None => 0,
        };
        Ok(self.now.remove_person(person)?.max(in_next))
    }

    fn remove_template(
        &mut self,
        person: PersonId,
        template: TemplateId,
    ) -> Result<(), GalleryError> {
        if let Some(next) = &mut self.next {
            next.remove_template(template)?;
        }
        self.now.remove_template(template)?;
        if self.now.templates_of(person)?.is_empty() {
            self.remove(person)?;
        }
        Ok(())
    }

    /// Whether somebody's consent has run out.
    fn is_due(&self, now: Timestamp) -> bool {
        self.by_end.first().is_some_and(|(until, _)| now >= *until)
    }

    /// Removes everybody whose consent has run out.
    fn expire(&mut self, now: Timestamp) -> Result<(), GalleryError> {
        while let Some((until, person)) = self.by_end.first().copied() {
            if now < until {
                break;
            }
            self.remove(person)?;
        }
        Ok(())
    }
}

/// An empty gallery as the configuration wants it; without an index where there is no memory for one: slower, and it misses
/// nobody.
fn gallery(
    config: GalleryConfig,
    transform: GalleryTransform,
    model: ModelTag,
) -> Box<dyn Gallery> {
    let limits = GalleryLimits {
        max_templates: config.max_templates,
        threads: 1,
    };
    #[cfg(feature = "hnsw")]
    if let Some(exact_up_to) = config.index_beyond {
        let near = regard_identity::NearLimits {
            exact_up_to,
            ..regard_identity::NearLimits::default()
        };
        match regard_identity::NearGallery::new(transform.clone(), model, limits, near) {
            Ok(gallery) => return Box::new(gallery),
            Err(error) => tracing::warn!(%error, "no index for a gallery: everybody is compared"),
        }
    }
    Box::new(ExactGallery::new(transform, model, limits))
}

/// How a gallery is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GalleryIndex {
    /// Everybody is compared, in whole numbers of eight bits.
    Exact,
    /// An index of neighbours names who is compared.
    Neighbours,
}

impl GalleryIndex {
    /// The stable name, in snake case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Neighbours => "neighbours",
        }
    }
}

/// All galleries in memory.
///
/// # Privacy
/// Holds templates of those who agreed to be identified, and no one else's; does not print.
#[derive(Default)]
pub struct Galleries {
    config: GalleryConfig,
    rooms: RwLock<BTreeMap<GalleryId, Shelf>>,
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

impl Galleries {
    /// None yet; each that is opened is as the configuration wants it.
    pub(crate) fn new(config: GalleryConfig) -> Self {
        Self {
            config,
            rooms: RwLock::default(),
        }
    }

    /// How a gallery is searched now, whatever was wished for; in one that is not there nobody is missed.
    pub(crate) fn index(&self, gallery: &GalleryId) -> GalleryIndex {
        match self.room(gallery) {
            Some(room) if look(&room).now.asks_index() => GalleryIndex::Neighbours,
            Some(_) | None => GalleryIndex::Exact,
        }
    }

    fn room(&self, gallery: &GalleryId) -> Option<Shelf> {
        let rooms = self.rooms.read().unwrap_or_else(PoisonError::into_inner);
        rooms.get(gallery).cloned()
    }

    /// Makes a gallery under a secret, if there is none of that name yet.
    pub(crate) fn open(&self, gallery: &GalleryId, secret: &[u8; 32], model: ModelTag) {
        let Some(transform) = GalleryTransform::from_key(secret, EMBEDDING_DIMENSION) else {
            return;
        };
        let mut rooms = self.rooms.write().unwrap_or_else(PoisonError::into_inner);
        rooms.entry(gallery.clone()).or_insert_with(|| {
            let gallery = self::gallery(self.config, transform, model);
            Arc::new(RwLock::new(Room::new(gallery)))
        });
    }

    /// Puts a template in; it is found from now on.
    pub(crate) fn insert(&self, gallery: &GalleryId, face: &NewFace) -> Result<(), SearchError> {
        let room = self.room(gallery).ok_or(SearchError::Unknown)?;
        Ok(lock(&room).insert(face)?)
    }

    /// The consent of a person to be found holds until another time.
    pub(crate) fn prolong(&self, person: PersonId, until: Timestamp) {
        for room in self.all() {
            let mut room = lock(&room);
            if room.ends.contains_key(&person) {
                room.ends_at(person, until);
            }
        }
    }

    fn all(&self) -> Vec<Shelf> {
        let rooms = self.rooms.read().unwrap_or_else(PoisonError::into_inner);
        rooms.values().cloned().collect()
    }

    /// Nobody finds this person any more, in any gallery.
    pub(crate) fn forget(&self, person: PersonId) {
        for room in self.all() {
            if let Err(error) = lock(&room).remove(person) {
                tracing::error!(%error, "a gallery did not let go of a person; it is emptied");
                self.empty(&room);
            }
        }
    }

    /// One template of a person serves no more.
    pub(crate) fn forget_template(&self, person: PersonId, template: TemplateId) {
        for room in self.all() {
            if let Err(error) = lock(&room).remove_template(person, template) {
                tracing::error!(%error, "a gallery did not let go of a template; it is emptied");
                self.empty(&room);
            }
        }
    }

    /// What cannot be trusted to have forgotten finds nobody.
    fn empty(&self, room: &Shelf) {
        let mut rooms = self.rooms.write().unwrap_or_else(PoisonError::into_inner);
        rooms.retain(|_, known| !Arc::ptr_eq(known, room));
    }

    /// Begins to turn a gallery over to another secret: what comes under that secret goes into the one it becomes, and the
    /// one it was is searched until [`Self::turned_over`].
    pub(crate) fn turn_over(&self, gallery: &GalleryId, secret: &[u8; 32]) {
        let transform = GalleryTransform::from_key(secret, EMBEDDING_DIMENSION);
        if let (Some(room), Some(transform)) = (self.room(gallery), transform) {
            let mut room = lock(&room);
            let model = room.now.model();
            room.next = Some(self::gallery(self.config, transform, model));
        }
    }

    /// The gallery is the one it was to become; nothing is left of the one it was.
    pub(crate) fn turned_over(&self, gallery: &GalleryId) {
        if let Some(room) = self.room(gallery) {
            let mut room = lock(&room);
            if let Some(next) = room.next.take() {
                room.now = next;
            }
        }
    }

    /// The persons nearest to a face, nearest first. Whose consent has run out by now is not among them.
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
    ) -> Result<SearchAnswer, SearchError> {
        if !key.opens(gallery) {
            return Err(SearchError::OtherGallery);
        }
        let room = self.room(gallery).ok_or(SearchError::Unknown)?;
        if look(&room).is_due(now) {
            lock(&room).expire(now)?;
        }
        Ok(look(&room).now.search(probe, n, key.grant())?)
    }

    /// Names of all galleries with the persons and templates in each, in order.
    pub fn sizes(&self, now: Timestamp) -> Vec<(GalleryId, u64, u64)> {
        let rooms: Vec<(GalleryId, Shelf)> = {
            let rooms = self.rooms.read().unwrap_or_else(PoisonError::into_inner);
            rooms
                .iter()
                .map(|(id, room)| (id.clone(), Arc::clone(room)))
                .collect()
        };
        rooms
            .into_iter()
            .map(|(id, room)| {
                let mut room = lock(&room);
                // What cannot be removed is not counted as found either.
                let _ = room.expire(now);
                let persons = room.now.n_persons().unwrap_or(0);
                (id, persons, room.now.n_templates().unwrap_or(0))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::HAS_GALLERY_INDEX;

    #[test]
    fn what_is_told_of_a_gallery_is_how_it_is_searched() {
        let (secret, model) = ([4; 32], ModelTag::from_bits(3));
        let galleries = Galleries::new(GalleryConfig {
            index_beyond: Some(1),
            ..GalleryConfig::default()
        });
        let named = |name: &str| GalleryId::new(name).unwrap();
        let (as_wished, without_room) = (named("as-wished"), named("without-room"));
        galleries.open(&as_wished, &secret, model);
        // There was no memory for the index of this one.
        let transform = GalleryTransform::from_key(&secret, EMBEDDING_DIMENSION).unwrap();
        let of = transform.id();
        let exact = ExactGallery::new(transform, model, GalleryLimits::default());
        let room = Arc::new(RwLock::new(Room::new(Box::new(exact))));
        let mut rooms = galleries.rooms.write().unwrap();
        rooms.insert(without_room.clone(), room);
        drop(rooms);
        for n in 1..=3_u8 {
            for gallery in [&as_wished, &without_room] {
                let numbers = vec![n.cast_signed(); EMBEDDING_DIMENSION];
                let values = Template::from_numbers(&numbers, model, of).unwrap();
                let face = NewFace {
                    person: PersonId::from_bits(n.into()),
                    template: TemplateId::from_bits(n.into()),
                    bytes: values.to_bytes(),
                    until: Timestamp::from_millis(1_000),
                };
                galleries.insert(gallery, &face).unwrap();
            }
            let wished = if HAS_GALLERY_INDEX && n > 1 {
                GalleryIndex::Neighbours
            } else {
                GalleryIndex::Exact
            };
            assert_eq!(galleries.index(&as_wished), wished, "{n}");
            assert_eq!(galleries.index(&without_room), GalleryIndex::Exact);
        }
        assert_eq!(galleries.index(&named("nowhere")), GalleryIndex::Exact);
    }
}
