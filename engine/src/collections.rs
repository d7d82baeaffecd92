//! Collections of faces that services hold under an attestation: sealed on the disk, searched in memory.
//!
//! What a service does here it does under a key of the Recognition gate, except to look at what is held without comparing
//! any face, and to remove it, which never needs leave.

mod change;
mod compare;
mod kept;
mod shelf;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use regard_backends::{Store, StoreError};
use regard_commitments::{
    AttestedCall, AttestedSource, Digest, LibraryDeclaration, Refusal, RetentionGate, ask_library,
};
use regard_domain::{ActId, CameraId, Clock, GalleryId, PictureId, TemplateId, Timestamp};
use regard_identity::{
    GalleryError, MAX_HITS, MatchScale, ModelTag, Similarity, TargetRate, TemplateFault,
};
use regard_vision::PhotoError;
use thiserror::Error;

use crate::custody::{Custodian, CustodyError};
use crate::recognition::{AttestedLeave, Look, Looked, RecognitionError, Recognizer};

pub use change::NewFaces;
pub use compare::{Leave, Probe};
pub use kept::MAX_NAME_LEN;
use shelf::Shelf;

/// Collections at once: as many as attestations may hold.
const MAX_COLLECTIONS: usize = 100;

/// Faces of all collections together; further ones are refused. 700 bytes each in memory, so 350 MB.
const MAX_FACES: u64 = 500_000;

/// Names in one collection, with faces or without.
const MAX_NAMES: usize = 500_000;

/// Share of searches by somebody who is in no collection that may find somebody all the same, at the point where a service's
/// figure reads .5 or 80: one in a hundred.
const FPIR: f64 = 0.01;

/// The false match rate of one comparison at that point, where a collection is so small that it is the stricter one.
const FMR: TargetRate = TargetRate::ONE_IN_10_000;

/// Most faces that one search tells.
pub const MAX_FOUND: usize = MAX_HITS;

/// Who calls, and on whose behalf.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The service, as its attestation names it.
    pub service: String,
    /// Where its pictures come from.
    pub source: AttestedSource,
    /// The act behind a search, where one is named.
    pub act: Option<ActId>,
}

/// A collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectionInfo {
    /// Its id here, which its attestation names.
    pub collection: GalleryId,
    /// What the service calls it.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Faces in it.
    pub n_faces: u64,
    /// Names in it.
    pub n_names: u64,
}

/// One face of a collection, without its template.
///
/// # Privacy
/// A pseudonym and what the service said of the face; does not print.
#[derive(Clone, PartialEq)]
pub struct CollectedFace {
    /// Random id.
    pub id: TemplateId,
    /// The name that the service gave it, if any.
    pub name: Option<String>,
    /// What the service calls the picture, or whose consent it stands on.
    pub external: Option<String>,
    /// Random id of the picture; the picture itself is not kept.
    pub picture: PictureId,
    /// Left, top, width and height in the picture, as shares of its sides.
    pub bbox_in_unit: [f32; 4],
    /// Raw score of the detector.
    pub score: f32,
    /// When it was put in.
    pub made_at: Timestamp,
}

impl fmt::Debug for CollectedFace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CollectedFace(withheld)")
    }
}

/// A face that was found, and how near it is.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundFace {
    /// Which.
    pub face: CollectedFace,
    /// How near.
    pub similarity: Similarity,
}

/// What is wrong with a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PictureFault {
    /// Nothing in it.
    #[error("the picture is empty")]
    Empty,
    /// Bytes of another kind than pictures that are read.
    #[error("not a picture of a kind that is read")]
    Unknown,
    /// Begins like a picture and is not one to its end.
    #[error("the picture is damaged or cut short")]
    Damaged,
    /// More pixels or bytes than are looked at.
    #[error("the picture is too large")]
    TooLarge,
}

impl From<&PhotoError> for PictureFault {
    fn from(error: &PhotoError) -> Self {
        match error {
            PhotoError::Empty => Self::Empty,
            PhotoError::TooLarge { .. } | PhotoError::FileTooLarge { .. } => Self::TooLarge,
            PhotoError::NotAnImage | PhotoError::Unsupported { .. } => Self::Unknown,
            PhotoError::Truncated | PhotoError::Damaged { .. } | PhotoError::Read { .. } => {
                Self::Damaged
            }
        }
    }
}

/// Why a collection did not do what it was asked. No message names anyone.
#[derive(Debug, Error)]
pub enum CollectionError {
    /// A rule says no.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// No collection of that name is this service's.
    #[error("there is no such collection")]
    UnknownCollection,
    /// There is one already.
    #[error("there is a collection of that name already")]
    CollectionExists,
    /// No such face.
    #[error("there is no such face")]
    UnknownFace,
    /// No such name.
    #[error("there is no such name")]
    UnknownName,
    /// There is one already.
    #[error("there is such a name already")]
    NameExists,
    /// A name that is empty or too long.
    #[error("a name has 1 to {MAX_NAME_LEN} bytes")]
    BadName,
    /// As much is held as may be.
    #[error("as much is held as there is room for: {what}")]
    Full {
        /// What there is too much of.
        what: &'static str,
    },
    /// Numbers that are no embedding of ours.
    #[error("not an embedding of {dimension} numbers made here")]
    BadVector {
        /// How many numbers one has.
        dimension: usize,
    },
    /// The picture.
    #[error(transparent)]
    Picture(#[from] PictureFault),
    /// Keys and what hangs on them.
    #[error(transparent)]
    Custody(#[from] CustodyError),
    /// The store failed.
    #[error("the store could not be read or written")]
    Store(#[from] StoreError),
    /// Recognition.
    #[error(transparent)]
    Recognition(RecognitionError),
    /// The collection in memory.
    #[error("the collection cannot be searched")]
    Gallery(#[from] GalleryError),
    /// A template cannot be compared with.
    #[error("the template cannot be compared with")]
    Template(#[from] TemplateFault),
    /// What is on the disk is not what was written.
    #[error("what is kept of a collection is damaged")]
    Damaged,
}

impl From<RecognitionError> for CollectionError {
    fn from(error: RecognitionError) -> Self {
        match error {
            RecognitionError::Refused(refusal) => Self::Refused(refusal),
            RecognitionError::Picture(error) => Self::Picture(PictureFault::from(&error)),
            other => Self::Recognition(other),
        }
    }
}

/// What the collections are made of.
pub(crate) struct CollectionsParts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) custodian: Arc<Custodian>,
    pub(crate) recognizer: Arc<Recognizer>,
    pub(crate) retention: RetentionGate,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) model: ModelTag,
}

/// A collection that several search at once and one changes.
type Shared = Arc<RwLock<Shelf>>;

/// The collections of services.
///
/// # Privacy
/// Holds templates of people whose consent the privacy officer attests; each is sealed under a key of its own, which is destroyed
/// with it. Pictures are looked at and gone.
pub struct Collections {
    parts: CollectionsParts,
    shelves: RwLock<BTreeMap<GalleryId, Shared>>,
    /// One change after the other.
    changing: tokio::sync::Mutex<()>,
}

impl fmt::Debug for Collections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collections(withheld)")
    }
}

fn read(shelf: &RwLock<Shelf>) -> RwLockReadGuard<'_, Shelf> {
    shelf.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(shelf: &RwLock<Shelf>) -> RwLockWriteGuard<'_, Shelf> {
    shelf.write().unwrap_or_else(PoisonError::into_inner)
}

impl Collections {
    pub(crate) fn new(parts: CollectionsParts) -> Self {
        Self {
            parts,
            shelves: RwLock::default(),
            changing: tokio::sync::Mutex::new(()),
        }
    }

    fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    fn scale(&self) -> &MatchScale {
        self.parts.recognizer.scale()
    }

    /// How near two faces are, for services that compare with .5: .5 at the point of [`Collections::target`].
    pub fn unit_score(&self, similarity: Similarity, n_faces: u64) -> f32 {
        self.scale().unit_score(similarity, Self::target(n_faces))
    }

    /// The same for services that compare with 80 of 100.
    pub fn percent_score(&self, similarity: Similarity, n_faces: u64) -> f32 {
        self.scale()
            .percent_score(similarity, Self::target(n_faces))
    }

    /// The false match rate at which the figure that a service compares with .5 or 80 stands just there, for a search among
    /// so many faces; 1 for a comparison of two.
    pub fn target(n_faces: u64) -> TargetRate {
        let each = FPIR / n_faces.max(1) as f64;
        TargetRate::new(each.min(FMR.get())).unwrap_or(FMR)
    }

    /// The id of the collection that a service calls so: the name itself where it is an id, else one made from it.
    pub fn id_of(name: &str) -> GalleryId {
        GalleryId::new(name).unwrap_or_else(|_| {
            let digest = Digest::of(&[b"regard collection name v1\0", name.as_bytes()]);
            let hex = digest.to_string();
            let short = hex.get(..32).unwrap_or(&hex);
            GalleryId::new(format!("x-{short}")).expect("hexadecimal digits")
        })
    }

    /// The collection of a service.
    fn shelf(&self, service: &str, collection: &GalleryId) -> Result<Shared, CollectionError> {
        let shelves = self.shelves.read().unwrap_or_else(PoisonError::into_inner);
        let shelf = shelves.get(collection).filter(|shelf| {
            let shelf = read(shelf);
            shelf.head.service == service && self.now() < shelf.head.until
        });
        shelf.cloned().ok_or(CollectionError::UnknownCollection)
    }

    /// Asks for one call.
    async fn leave(
        &self,
        caller: &Caller,
        collection: &GalleryId,
        searches: bool,
    ) -> Result<AttestedLeave, CollectionError> {
        let call = AttestedCall {
            collection: collection.clone(),
            source: caller.source,
            searches,
            act: caller.act,
        };
        let recognizer = &self.parts.recognizer;
        let leave = recognizer.ask_attested(&caller.service, &call).await?;
        self.prolong(&caller.service, collection, leave.until)
            .await?;
        Ok(leave)
    }

    /// The collections of a service, in order of their names.
    pub fn list(&self, service: &str) -> Vec<CollectionInfo> {
        let (shelves, now) = (self.shelves.read(), self.now());
        let shelves = shelves.unwrap_or_else(PoisonError::into_inner);
        let mut found: Vec<CollectionInfo> = shelves
            .iter()
            .filter_map(|(id, shelf)| {
                let shelf = read(shelf);
                let is_meant = shelf.head.service == service && now < shelf.head.until;
                is_meant.then(|| shelf.info(id))
            })
            .collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }

    /// The collections of all services, each with its service and when the attestation behind it runs out, in order of id.
    pub fn of_all_services(&self) -> Vec<(String, CollectionInfo, Timestamp)> {
        let (shelves, now) = (self.shelves.read(), self.now());
        let shelves = shelves.unwrap_or_else(PoisonError::into_inner);
        let all = shelves.iter().map(|(id, shelf)| {
            let shelf = read(shelf);
            let service = shelf.head.service.clone();
            (service, shelf.info(id), shelf.head.until)
        });
        all.filter(|(_, _, until)| now < *until).collect()
    }

    /// One collection.
    ///
    /// # Errors
    /// [`CollectionError::UnknownCollection`].
    pub fn describe(
        &self,
        service: &str,
        collection: &GalleryId,
    ) -> Result<CollectionInfo, CollectionError> {
        let shelf = self.shelf(service, collection)?;
        let shelf = read(&shelf);
        Ok(shelf.info(collection))
    }

    /// The names in a collection, in order.
    ///
    /// # Errors
    /// [`CollectionError::UnknownCollection`].
    pub fn names(
        &self,
        service: &str,
        collection: &GalleryId,
    ) -> Result<Vec<String>, CollectionError> {
        let shelf = self.shelf(service, collection)?;
        let mut names: Vec<String> = read(&shelf).names.values().cloned().collect();
        names.sort();
        Ok(names)
    }

    /// The faces in a collection, in order of id; of one name where it is given.
    ///
    /// # Errors
    /// [`CollectionError::UnknownCollection`].
    pub fn faces(
        &self,
        service: &str,
        collection: &GalleryId,
        name: Option<&str>,
    ) -> Result<Vec<CollectedFace>, CollectionError> {
        let shelf = self.shelf(service, collection)?;
        let shelf = read(&shelf);
        let all = shelf.faces.keys().filter_map(|id| shelf.face(*id));
        Ok(all
            .filter(|face| name.is_none() || face.name.as_deref() == name)
            .collect())
    }

    /// One face.
    ///
    /// # Errors
    /// [`CollectionError::UnknownCollection`], [`CollectionError::UnknownFace`].
    pub fn face(
        &self,
        service: &str,
        collection: &GalleryId,
        face: TemplateId,
    ) -> Result<CollectedFace, CollectionError> {
        let shelf = self.shelf(service, collection)?;
        let found = read(&shelf).face(face);
        found.ok_or(CollectionError::UnknownFace)
    }

    /// Faces that the same picture gave before under the same reference: a picture is not stored twice. Nothing of the picture
    /// is kept by which this is seen but a keyed hash.
    ///
    /// # Errors
    /// [`CollectionError::UnknownCollection`].
    pub fn known_picture(
        &self,
        service: &str,
        collection: &GalleryId,
        (bytes, external): (&[u8], Option<&str>),
    ) -> Result<Vec<CollectedFace>, CollectionError> {
        let shelf = self.shelf(service, collection)?;
        let shelf = read(&shelf);
        let tag = shelf.tag_of(bytes);
        let known = shelf
            .faces
            .iter()
            .filter(|(_, held)| held.form.tag == tag && held.form.external.as_deref() == external);
        Ok(known.filter_map(|(id, _)| shelf.face(*id)).collect())
    }

    /// Looks at a picture that a service sent. It compares nobody.
    ///
    /// # Privacy
    /// The bytes are decoded in memory, looked at, and gone when it returns; crops go with what it returns.
    ///
    /// # Errors
    /// [`CollectionError::Picture`] for pictures that cannot be read.
    pub async fn look(&self, bytes: Vec<u8>, wanted: Look) -> Result<Looked, CollectionError> {
        let source = CameraId::new("service-pictures").expect("lower-case letters and a dash");
        let declared = LibraryDeclaration::own_media(source);
        let sensing = ask_library(&declared).into_result();
        let sensing = sensing.map_err(CollectionError::Refused)?;
        Ok(self.parts.recognizer.look(bytes, sensing, wanted).await?)
    }
}

#[cfg(test)]
mod tests;
