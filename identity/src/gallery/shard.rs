//! A gallery in several parts, on one machine or on many.

use std::fmt;

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use regard_commitments::{Grant, Recognition};
use regard_domain::{PersonId, TemplateId};

use super::{Enrolment, ExactGallery, Gallery, GalleryError, MAX_HITS, SearchAnswer};
use crate::{Embedding, GalleryTransform, ModelTag, Template, TransformId};

/// Of what kind templates are: which model made them, how many numbers they have, and which transform they went through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TemplateKind {
    /// The model.
    pub model: ModelTag,
    /// The transform.
    pub transform: TransformId,
    /// Numbers of each.
    pub dimension: usize,
}

/// One part of a gallery. All parts are of one model under one transform; everybody is in one part with all their
/// templates.
///
/// # Privacy
/// As [`Gallery`]. A probe comes as a template of the gallery: a part needs neither the transform nor its key, so that a machine
/// that holds a part cannot make a template of a face.
pub trait Shard: Send + Sync {
    /// The `k` nearest persons of this part for each probe.
    ///
    /// # Errors
    /// As [`Gallery::search`]; [`GalleryError::Index`] where the part cannot be reached.
    fn search(
        &self,
        probes: &[&Template],
        k: usize,
        key: &Grant<Recognition>,
    ) -> Result<Vec<SearchAnswer>, GalleryError>;

    /// Enrols one template of somebody of this part.
    ///
    /// # Errors
    /// As [`Gallery::insert`].
    fn insert(&mut self, enrolment: Enrolment) -> Result<(), GalleryError>;

    /// Removes a person; how many templates there were.
    ///
    /// # Errors
    /// As [`Gallery::remove_person`].
    fn remove_person(&mut self, person: PersonId) -> Result<usize, GalleryError>;

    /// Removes one template; whether it was there.
    ///
    /// # Errors
    /// As [`Gallery::remove_template`].
    fn remove_template(&mut self, template: TemplateId) -> Result<bool, GalleryError>;

    /// Templates held.
    ///
    /// # Errors
    /// When the part cannot be reached.
    fn n_templates(&self) -> Result<u64, GalleryError>;

    /// Makes room for templates of a kind, and forgets those of that kind that it held. What it holds of other kinds stays: while a
    /// gallery is turned over, a part has both.
    ///
    /// # Errors
    /// [`GalleryError::OtherTransform`] where the part is of one kind for ever; when it cannot be reached.
    fn begin(&mut self, kind: TemplateKind) -> Result<(), GalleryError> {
        let _ = kind;
        Err(GalleryError::OtherTransform)
    }

    /// Forgets all templates but those of a kind.
    ///
    /// # Errors
    /// As [`Self::begin`].
    fn keep_only(&mut self, kind: TemplateKind) -> Result<(), GalleryError> {
        let _ = kind;
        Err(GalleryError::OtherTransform)
    }
}

impl Shard for ExactGallery {
    fn search(
        &self,
        probes: &[&Template],
        k: usize,
        key: &Grant<Recognition>,
    ) -> Result<Vec<SearchAnswer>, GalleryError> {
        self.search_templates(probes, k, key)
    }

    fn insert(&mut self, enrolment: Enrolment) -> Result<(), GalleryError> {
        Gallery::insert(self, enrolment)
    }

    fn remove_person(&mut self, person: PersonId) -> Result<usize, GalleryError> {
        Gallery::remove_person(self, person)
    }

    fn remove_template(&mut self, template: TemplateId) -> Result<bool, GalleryError> {
        Gallery::remove_template(self, template)
    }

    fn n_templates(&self) -> Result<u64, GalleryError> {
        Gallery::n_templates(self)
    }
}

/// A gallery of several [`Shard`]s, which all answer every search at the same time.
///
/// It answers exactly as one gallery of all would. When a part does not answer, nothing is answered: somebody who is
/// enrolled would be told that they are not.
pub struct ShardedGallery {
    transform: GalleryTransform,
    model: ModelTag,
    shards: Vec<Box<dyn Shard>>,
    /// One thread a part, as parts on other machines are waited for. Where the system gives no threads, they are asked by fewer.
    pool: Option<ThreadPool>,
}

impl ShardedGallery {
    /// Of parts whose templates are of that model under that transform; nothing without a part. The number of parts decides
    /// who is where: with another number everybody has to be enrolled anew.
    pub fn new(
        transform: GalleryTransform,
        model: ModelTag,
        shards: Vec<Box<dyn Shard>>,
    ) -> Option<Self> {
        let pool = ThreadPoolBuilder::new().num_threads(shards.len()).build();
        (!shards.is_empty()).then_some(Self {
            transform,
            model,
            shards,
            pool: pool.ok(),
        })
    }

    /// Of what kind its templates are.
    pub const fn kind(&self) -> TemplateKind {
        TemplateKind {
            model: self.model,
            transform: self.transform.id(),
            dimension: self.transform.dimension(),
        }
    }

    /// Has every part forget what it held of this gallery, from before or of another run.
    ///
    /// # Errors
    /// As [`Shard::begin`]; then the gallery is not to be used.
    pub fn begin(&mut self) -> Result<(), GalleryError> {
        let kind = self.kind();
        self.shards
            .iter_mut()
            .try_for_each(|shard| shard.begin(kind))
    }

    /// Has every part forget what is not of this gallery.
    ///
    /// # Errors
    /// As [`Shard::keep_only`].
    pub fn keep_only_this(&mut self) -> Result<(), GalleryError> {
        let kind = self.kind();
        self.shards
            .iter_mut()
            .try_for_each(|shard| shard.keep_only(kind))
    }

    /// The transform of all parts.
    pub const fn transform(&self) -> &GalleryTransform {
        &self.transform
    }

    /// The part that a person is in. Ids are random, so parts are of one size but for chance.
    fn place_of(&self, person: PersonId) -> usize {
        let bits = person.as_bits();
        // The remainder is smaller than the number of parts, which is a `usize`.
        (bits % self.shards.len() as u128) as usize
    }

    /// Enrols one template, in the part of its person.
    ///
    /// # Errors
    /// As [`Gallery::insert`]. That a template id or a picture is there already is noticed within a part.
    pub fn insert(&mut self, enrolment: Enrolment) -> Result<(), GalleryError> {
        let place = self.place_of(enrolment.person);
        self.shards[place].insert(enrolment)
    }

    /// Removes a person; how many templates there were.
    ///
    /// # Errors
    /// As [`Gallery::remove_person`].
    pub fn remove_person(&mut self, person: PersonId) -> Result<usize, GalleryError> {
        let place = self.place_of(person);
        self.shards[place].remove_person(person)
    }

    /// Removes one template, wherever it is; whether it was there.
    ///
    /// # Errors
    /// As [`Gallery::remove_template`]; all parts have been asked all the same.
    pub fn remove_template(&mut self, template: TemplateId) -> Result<bool, GalleryError> {
        let answers: Vec<_> = self
            .shards
            .iter_mut()
            .map(|shard| shard.remove_template(template))
            .collect();
        let mut was_there = false;
        for answer in answers {
            was_there |= answer?;
        }
        Ok(was_there)
    }

    /// Templates in all parts.
    ///
    /// # Errors
    /// When a part cannot be reached.
    pub fn n_templates(&self) -> Result<u64, GalleryError> {
        self.shards.iter().map(|shard| shard.n_templates()).sum()
    }

    /// The `k` persons nearest to each probe, of all parts together.
    ///
    /// # Errors
    /// As [`Gallery::search`]; when any part fails, all of the search has failed.
    pub fn search_batch(
        &self,
        probes: &[&Embedding],
        k: usize,
        key: &Grant<Recognition>,
    ) -> Result<Vec<SearchAnswer>, GalleryError> {
        if !key.is_live() {
            return Err(GalleryError::GrantEnded);
        }
        let template = |probe: &&Embedding| {
            let template = self.transform.template(probe);
            template
                .filter(|t| t.model() == self.model)
                .ok_or(GalleryError::OtherModel)
        };
        let templates: Vec<Template> = probes.iter().map(template).collect::<Result<_, _>>()?;
        let templates: Vec<&Template> = templates.iter().collect();
        let k = k.min(MAX_HITS);
        let parts = self.ask_all(&templates, k, key)?;
        let mut answers: Vec<Vec<SearchAnswer>> = vec![Vec::new(); probes.len()];
        for part in parts {
            if part.len() != probes.len() {
                return Err(GalleryError::Index {
                    source: "a part answered to another number of probes".into(),
                });
            }
            for (answers, answer) in answers.iter_mut().zip(part) {
                answers.push(answer);
            }
        }
        let whole = answers.into_iter();
        Ok(whole
            .map(|parts| SearchAnswer::of_parts(parts, k))
            .collect())
    }

    fn ask_all(
        &self,
        probes: &[&Template],
        k: usize,
        key: &Grant<Recognition>,
    ) -> Result<Vec<Vec<SearchAnswer>>, GalleryError> {
        let ask = || {
            let shards = self.shards.par_iter();
            shards.map(|shard| shard.search(probes, k, key)).collect()
        };
        match &self.pool {
            Some(pool) => pool.install(ask),
            None => ask(),
        }
    }
}

impl fmt::Debug for ShardedGallery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShardedGallery({} parts withheld)", self.shards.len())
    }
}
