//! Those who enrolled, and the look-up of a probe among them.

mod best;
mod exact;
#[cfg(feature = "hnsw")]
mod near;
mod part;
mod roster;
mod rows;
mod shard;

use std::error::Error;
use std::fmt;

use regard_commitments::{Grant, Recognition};
use regard_domain::{PersonId, PictureId, TemplateId};
use thiserror::Error;

use self::best::Best;
pub use self::exact::{ExactGallery, GalleryLimits};
#[cfg(feature = "hnsw")]
pub use self::near::{NearGallery, NearLimits};
pub use self::part::Part;
pub use self::shard::{Shard, ShardedGallery, TemplateKind};
use crate::{Embedding, GalleryTransform, ModelTag, Similarity, Template};

/// Most persons that one search tells. Origin: Rekognition's `MaxFaces`, the greatest of the interfaces we answer.
pub const MAX_HITS: usize = 4_096;

/// Most templates that answer as one person, merges included: a further one is refused. Origin: Rekognition's users hold 100
/// faces each.
pub const MAX_TEMPLATES_PER_PERSON: usize = 100;

/// One template to be found again.
///
/// # Privacy
/// Ties biometric data to a person; kept only while the person's consent to be identified lives.
#[derive(Debug)]
pub struct Enrolment {
    /// Random id of the template, new.
    pub template: TemplateId,
    /// Whose it is.
    pub person: PersonId,
    /// The picture it came from, where several faces may come from one: two faces in a picture are two persons.
    pub picture: Option<PictureId>,
    /// The template, made by the gallery's own [`Gallery::transform`].
    pub values: Template,
}

/// One person found, by the nearest of their templates.
///
/// # Privacy
/// Names a person by a random id, under `Grant<Recognition>`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Who.
    pub person: PersonId,
    /// Which of their templates was nearest.
    pub template: TemplateId,
    /// How near.
    pub similarity: Similarity,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchAnswer {
    /// The nearest persons, nearest first, ties by id; one hit each. No threshold has been applied: whether the first is
    /// anybody at all is for [`crate::MatchScale::identify`] to say.
    pub hits: Vec<Hit>,
    /// Persons that were compared with: what the threshold of a search scales with.
    pub n_persons: u64,
}

impl SearchAnswer {
    /// The answer over a gallery of so many, where nobody is near.
    pub const fn of_nobody(n_persons: u64) -> Self {
        Self {
            hits: Vec::new(),
            n_persons,
        }
    }

    /// The answer over all parts of a gallery, from the answers over each: exactly what one gallery of all would say, whatever
    /// the order of the parts. Nobody may be in two parts; each part has to have been asked for `k` persons at least.
    pub fn of_parts(parts: impl IntoIterator<Item = Self>, k: usize) -> Self {
        let (mut best, mut n_persons) = (Best::new(k), 0);
        for part in parts {
            n_persons += part.n_persons;
            for hit in part.hits {
                best.offer(hit);
            }
        }
        Self {
            hits: best.into_hits(),
            n_persons,
        }
    }

    /// The answer of whoever compared with some templates: the nearest `k` persons, each by their nearest template.
    pub fn of_hits(hits: impl IntoIterator<Item = Hit>, n_persons: u64, k: usize) -> Self {
        let part = Self {
            hits: hits.into_iter().collect(),
            n_persons,
        };
        Self::of_parts([part], k)
    }
}

/// Two ids that answer as one person since [`Gallery::merge`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merge {
    /// The id that is no longer answered with.
    pub from: PersonId,
    /// The id that is answered with instead.
    pub into: PersonId,
}

/// Why a gallery did not do what it was asked.
#[derive(Debug, Error)]
pub enum GalleryError {
    /// The grant behind the key has ended: stop searching.
    #[error("the recognition grant has ended")]
    GrantEnded,
    /// No room for another template.
    #[error("the gallery is full: {max_templates} templates")]
    Full {
        /// Its lid.
        max_templates: usize,
    },
    /// The person has as many templates as anybody may have.
    #[error("a person may have at most {MAX_TEMPLATES_PER_PERSON} templates")]
    TooManyTemplates,
    /// A template id that is already there.
    #[error("a template of that id is already there")]
    TemplateExists,
    /// Of another model or dimension than the gallery.
    #[error("made by another face model than the gallery's")]
    OtherModel,
    /// Diversified for another gallery.
    #[error("made for another gallery")]
    OtherTransform,
    /// No person of that id.
    #[error("no such person in the gallery")]
    UnknownPerson,
    /// The two are known to be two people: their faces were in one picture, or somebody said so.
    #[error("known to be two people")]
    CannotLink,
    /// The two are one already, or were not made one by this merge.
    #[error("not two persons to be made one, or not a merge to be undone")]
    NoSuchMerge,
    /// The index or the store behind the gallery failed.
    #[error("the gallery's index failed")]
    Index {
        /// What it says; holds no template and no person.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// A set of templates of one model under one transform, and the search among them.
///
/// Everything is written for callers that may block: a gallery in a database answers by its own connection. All
/// implementations keep the laws of `regard_testkit::conformance::gallery`: who is enrolled is found; who is removed is
/// never found again, from the moment the call returns; a merge that is undone leaves no trace; two faces of one picture never
/// become one person; answers do not depend on the order of enrolment.
///
/// # Privacy
/// Holds biometric data of people who consented to be identified. Whoever calls [`Gallery::insert`] vouches for that consent;
/// a search takes the key of the Recognition gate, and tells nobody's template. `Debug` withholds everything.
pub trait Gallery: Send + Sync {
    /// The transform that templates of this gallery go through.
    fn transform(&self) -> &GalleryTransform;

    /// The model that made them.
    fn model(&self) -> ModelTag;

    /// Enrols one template.
    ///
    /// # Errors
    /// When there is no room, the id is taken, the template is not of this gallery, or the picture already gave a template
    /// to the same person.
    fn insert(&mut self, enrolment: Enrolment) -> Result<(), GalleryError>;

    /// Removes one template and overwrites it; whether it was there. A person without templates is gone.
    ///
    /// # Errors
    /// When the index fails; then the gallery has to be built anew.
    fn remove_template(&mut self, template: TemplateId) -> Result<bool, GalleryError>;

    /// Removes a person, with all ids merged with theirs, and overwrites their templates; how many there were.
    ///
    /// # Errors
    /// As [`Gallery::remove_template`].
    fn remove_person(&mut self, person: PersonId) -> Result<usize, GalleryError>;

    /// The `k` persons nearest to a probe, at most [`MAX_HITS`]; those frozen are passed over.
    ///
    /// # Errors
    /// When the grant has ended, the probe is of another model, or the index fails.
    fn search(
        &self,
        probe: &Embedding,
        k: usize,
        key: &Grant<Recognition>,
    ) -> Result<SearchAnswer, GalleryError> {
        let mut answers = self.search_batch(&[probe], k, key)?;
        Ok(answers.pop().expect("one answer a probe"))
    }

    /// The same for several probes, in their order; reads the templates once for all of them where it can.
    ///
    /// # Errors
    /// As [`Gallery::search`].
    fn search_batch(
        &self,
        probes: &[&Embedding],
        k: usize,
        key: &Grant<Recognition>,
    ) -> Result<Vec<SearchAnswer>, GalleryError>;

    /// How near a probe is to one person who enrolled, by the nearest of their templates: 1:1. Nothing when nobody of that
    /// id is there, or they are frozen.
    ///
    /// # Errors
    /// As [`Gallery::search`].
    fn verify_person(
        &self,
        probe: &Embedding,
        person: PersonId,
        key: &Grant<Recognition>,
    ) -> Result<Option<Hit>, GalleryError>;

    /// Whether searches ask an index who may be near, so that somebody may be missed; otherwise everybody is compared.
    fn asks_index(&self) -> bool;

    /// Templates held, frozen ones included.
    ///
    /// # Errors
    /// When the index fails.
    fn n_templates(&self) -> Result<u64, GalleryError>;

    /// Persons held, merged ones as one, frozen ones included.
    ///
    /// # Errors
    /// When the index fails.
    fn n_persons(&self) -> Result<u64, GalleryError>;

    /// The ids of a person's templates, in order; of the whole group where ids were merged.
    ///
    /// # Errors
    /// When the index fails.
    fn templates_of(&self, person: PersonId) -> Result<Vec<TemplateId>, GalleryError>;

    /// Turns every template over to another transform. Whoever holds the sealed templates does the same with
    /// [`GalleryTransform::way_to`] and comes to the same numbers.
    ///
    /// # Errors
    /// When the dimensions differ or the index fails; then the gallery is as before.
    fn rekey(&mut self, to: GalleryTransform) -> Result<(), GalleryError>;

    /// From now on `from` answers as `into`, until [`Gallery::undo_merge`]. Both stand for the whole group they are in.
    ///
    /// # Errors
    /// When one is unknown, they are one already, are known to be two, or would have too many templates together.
    fn merge(&mut self, from: PersonId, into: PersonId) -> Result<Merge, GalleryError>;

    /// Takes a merge back: everything is as it would be without it.
    ///
    /// # Errors
    /// [`GalleryError::NoSuchMerge`], or when the index fails.
    fn undo_merge(&mut self, merge: Merge) -> Result<(), GalleryError>;

    /// Says that two are two people, so that they are never merged.
    ///
    /// # Errors
    /// [`GalleryError::UnknownPerson`]; [`GalleryError::NoSuchMerge`] when they are one now: undo that first.
    fn forbid_link(&mut self, a: PersonId, b: PersonId) -> Result<(), GalleryError>;

    /// Freezes a person, who is then kept and never matched, or lets them be matched again; merged ids freeze together.
    ///
    /// # Errors
    /// [`GalleryError::UnknownPerson`], or when the index fails.
    fn set_frozen(&mut self, person: PersonId, is_frozen: bool) -> Result<(), GalleryError>;
}

impl fmt::Debug for dyn Gallery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gallery(withheld)")
    }
}
