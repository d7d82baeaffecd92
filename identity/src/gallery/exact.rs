//! The gallery that compares with everybody.

use std::fmt;

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use regard_commitments::{Grant, Recognition, Zeroizing};
use regard_domain::{PersonId, TemplateId};

use super::best::Best;
use super::roster::Roster;
use super::rows::{Rows, Slot};
use super::{Enrolment, Gallery, GalleryError, Hit, MAX_HITS, Merge, SearchAnswer};
use crate::kernel::Probe;
use crate::template::cosine;
use crate::{Embedding, GalleryTransform, ModelTag, Similarity, Template};

/// How large a gallery may get, and how many threads search it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GalleryLimits {
    /// Templates beyond which an enrolment is refused; below 2^32.
    pub max_templates: usize,
    /// Threads that work on one search together, from 1; small galleries use one.
    pub threads: usize,
}

impl Default for GalleryLimits {
    /// Ten million templates, which take 2.2 GB, and one thread.
    fn default() -> Self {
        Self {
            max_templates: 10_000_000,
            threads: 1,
        }
    }
}

/// A gallery in memory that compares every probe with every template: exact, and as fast as memory can be read.
///
/// Same enrolments, same answers: whatever the order, the processor and the number of threads.
///
/// # Privacy
/// As [`Gallery`]. Templates lie in chunks that never move, are overwritten when removed and when the gallery is dropped.
pub struct ExactGallery {
    transform: GalleryTransform,
    model: ModelTag,
    limits: GalleryLimits,
    pub(super) roster: Roster,
    pub(super) rows: Rows,
    vacant: Vec<Slot>,
    pool: Option<ThreadPool>,
}

fn pool(threads: usize) -> Option<ThreadPool> {
    (threads > 1)
        .then(|| ThreadPoolBuilder::new().num_threads(threads).build())
        .and_then(Result::ok)
}

/// Chunks from which several threads share a search: below, one thread is done before the others have woken up.
const MIN_SHARED_CHUNKS: usize = 4;

impl ExactGallery {
    /// An empty gallery for templates of one model under one transform. Where the system gives no threads, one searches.
    pub fn new(transform: GalleryTransform, model: ModelTag, limits: GalleryLimits) -> Self {
        let limits = GalleryLimits {
            max_templates: limits.max_templates.min(u32::MAX as usize - 1),
            threads: limits.threads.max(1),
        };
        Self {
            rows: Rows::new(transform.dimension()),
            transform,
            model,
            limits,
            roster: Roster::default(),
            vacant: Vec::new(),
            pool: pool(limits.threads),
        }
    }

    /// From now on so many threads work on one search together, from 1.
    pub fn set_threads(&mut self, threads: usize) {
        self.limits.threads = threads.max(1);
        self.pool = pool(self.limits.threads);
    }

    /// Bytes held, beside what rare things take (merges, pictures).
    pub fn n_bytes(&self) -> usize {
        self.rows.n_bytes() + self.roster.n_bytes()
    }

    fn check_template(&self, values: &Template) -> Result<(), GalleryError> {
        if values.model() != self.model || values.values().len() != self.transform.dimension() {
            return Err(GalleryError::OtherModel);
        }
        if values.transform() != self.transform.id() {
            return Err(GalleryError::OtherTransform);
        }
        Ok(())
    }

    /// The template of a probe in this gallery.
    pub(super) fn probe(
        &self,
        embedding: &Embedding,
        key: &Grant<Recognition>,
    ) -> Result<Template, GalleryError> {
        if !key.is_live() {
            return Err(GalleryError::GrantEnded);
        }
        if embedding.model() != self.model {
            return Err(GalleryError::OtherModel);
        }
        let template = self.transform.template(embedding);
        template.ok_or(GalleryError::OtherModel)
    }

    /// The templates of probes in this gallery.
    pub(super) fn probes(
        &self,
        embeddings: &[&Embedding],
        key: &Grant<Recognition>,
    ) -> Result<Vec<Template>, GalleryError> {
        let probes = embeddings.iter();
        probes.map(|probe| self.probe(probe, key)).collect()
    }

    /// As [`Gallery::search_batch`] for probes that are templates of this gallery already, as they come from elsewhere.
    ///
    /// # Errors
    /// When the grant has ended or a probe is not of this gallery.
    pub fn search_templates(
        &self,
        probes: &[&Template],
        k: usize,
        key: &Grant<Recognition>,
    ) -> Result<Vec<SearchAnswer>, GalleryError> {
        if !key.is_live() {
            return Err(GalleryError::GrantEnded);
        }
        for probe in probes {
            self.check_template(probe)?;
        }
        let probes: Vec<Probe> = probes.iter().map(|probe| Probe::new(probe)).collect();
        let best = self.best_of_all(&probes, k.min(MAX_HITS));
        let n_persons = self.n_searched();
        let answers = best.into_iter().map(|best| SearchAnswer {
            hits: best.into_hits(),
            n_persons,
        });
        Ok(answers.collect())
    }

    /// Persons that searches see.
    pub(super) fn n_searched(&self) -> u64 {
        self.roster.n_persons() - self.roster.n_frozen()
    }

    /// The hit that the row at a slot is for a probe; nothing where nobody is or they are passed over. `values` is room to
    /// work in.
    pub(super) fn compare(
        &self,
        slot: Slot,
        probe: &Template,
        values: &mut Zeroizing<Vec<i8>>,
    ) -> Option<Hit> {
        let inverse_length = self.rows.inverse_length(slot)?;
        let (person, template) = self.roster.answer_at(slot)?;
        self.rows.read(slot, values);
        let products = values.iter().zip(probe.values());
        let product = products.map(|(q, p)| i32::from(*q) * i32::from(*p)).sum();
        Some(Hit {
            person,
            template,
            similarity: cosine(product, inverse_length, probe.inverse_length()),
        })
    }

    fn best_of_all(&self, probes: &[Probe], k: usize) -> Vec<Best> {
        let chunks: Vec<usize> = (0..self.rows.n_chunks()).collect();
        match &self.pool {
            Some(pool) if chunks.len() >= MIN_SHARED_CHUNKS => pool.install(|| {
                let parts = chunks.par_chunks(chunks.len().div_ceil(self.limits.threads));
                parts
                    .map(|part| self.best_of(part, probes, k))
                    .reduce_with(|mut all, part| {
                        for (best, other) in all.iter_mut().zip(part) {
                            best.absorb(other);
                        }
                        all
                    })
                    .unwrap_or_default()
            }),
            Some(_) | None => self.best_of(&chunks, probes, k),
        }
    }

    /// The best of some chunks for each probe.
    fn best_of(&self, chunks: &[usize], probes: &[Probe], k: usize) -> Vec<Best> {
        let mut best: Vec<Best> = probes.iter().map(|_| Best::new(k)).collect();
        let mut floors: Vec<f32> = best.iter().map(Best::floor).collect();
        for chunk in chunks {
            self.rows
                .scan(*chunk, probes, &mut floors, |probe, slot, cosine| {
                    if let Some((person, template)) = self.roster.answer_at(slot) {
                        best[probe].offer(Hit {
                            person,
                            template,
                            similarity: Similarity::clamped(cosine),
                        });
                    }
                    best[probe].floor()
                });
        }
        best
    }

    fn set_hidden(&mut self, person: PersonId) {
        let Some((slots, is_frozen)) = self.roster.slots_of(person) else {
            return;
        };
        for slot in slots {
            self.rows.set_hidden(slot, is_frozen);
        }
    }

    fn erase(&mut self, slot: Slot) {
        self.rows.erase(slot);
        self.vacant.push(slot);
    }
}

impl Gallery for ExactGallery {
    fn transform(&self) -> &GalleryTransform {
        &self.transform
    }

    fn model(&self) -> ModelTag {
        self.model
    }

    fn insert(&mut self, enrolment: Enrolment) -> Result<(), GalleryError> {
        self.check_template(&enrolment.values)?;
        let Enrolment {
            template,
            person,
            picture,
            values,
        } = enrolment;
        self.roster.check(template, person, picture)?;
        if self.roster.n_templates() >= self.limits.max_templates as u64 {
            return Err(GalleryError::Full {
                max_templates: self.limits.max_templates,
            });
        }
        let slot = match self.vacant.pop() {
            Some(slot) => slot,
            None => self.rows.push_vacant(),
        };
        self.rows.write(slot, values.values());
        if self.roster.admit(slot, template, person, picture) {
            self.rows.set_hidden(slot, true);
        }
        Ok(())
    }

    fn remove_template(&mut self, template: TemplateId) -> Result<bool, GalleryError> {
        let slot = self.roster.remove_template(template);
        if let Some(slot) = slot {
            self.erase(slot);
        }
        Ok(slot.is_some())
    }

    fn remove_person(&mut self, person: PersonId) -> Result<usize, GalleryError> {
        let slots = self.roster.remove_person(person);
        for slot in &slots {
            self.erase(*slot);
        }
        Ok(slots.len())
    }

    fn search_batch(
        &self,
        probes: &[&Embedding],
        k: usize,
        key: &Grant<Recognition>,
    ) -> Result<Vec<SearchAnswer>, GalleryError> {
        let probes = self.probes(probes, key)?;
        let probes: Vec<&Template> = probes.iter().collect();
        self.search_templates(&probes, k, key)
    }

    fn verify_person(
        &self,
        probe: &Embedding,
        person: PersonId,
        key: &Grant<Recognition>,
    ) -> Result<Option<Hit>, GalleryError> {
        let probe = self.probe(probe, key)?;
        let Some((slots, false)) = self.roster.slots_of(person) else {
            return Ok(None);
        };
        let mut best = Best::new(1);
        let mut values = Zeroizing::new(Vec::with_capacity(self.transform.dimension()));
        for slot in slots {
            if let Some(hit) = self.compare(slot, &probe, &mut values) {
                best.offer(hit);
            }
        }
        Ok(best.into_hits().pop())
    }

    fn asks_index(&self) -> bool {
        false
    }

    fn n_templates(&self) -> Result<u64, GalleryError> {
        Ok(self.roster.n_templates())
    }

    fn n_persons(&self) -> Result<u64, GalleryError> {
        Ok(self.roster.n_persons())
    }

    fn templates_of(&self, person: PersonId) -> Result<Vec<TemplateId>, GalleryError> {
        Ok(self.roster.templates_of(person))
    }

    fn rekey(&mut self, to: GalleryTransform) -> Result<(), GalleryError> {
        let way = self.transform.way_to(&to).ok_or(GalleryError::OtherModel)?;
        let mut values = Zeroizing::new(Vec::with_capacity(to.dimension()));
        for slot in self.roster.slots() {
            self.rows.read(slot, &mut values);
            let turned = way
                .turn(&values, self.model)
                .ok_or(GalleryError::OtherModel)?;
            self.rows.rewrite(slot, turned.values());
        }
        self.transform = to;
        Ok(())
    }

    fn merge(&mut self, from: PersonId, into: PersonId) -> Result<Merge, GalleryError> {
        let merge = self.roster.merge(from, into)?;
        self.set_hidden(merge.into);
        Ok(merge)
    }

    fn undo_merge(&mut self, merge: Merge) -> Result<(), GalleryError> {
        self.roster.undo_merge(merge)?;
        self.set_hidden(merge.from);
        self.set_hidden(merge.into);
        Ok(())
    }

    fn forbid_link(&mut self, a: PersonId, b: PersonId) -> Result<(), GalleryError> {
        self.roster.forbid_link(a, b)
    }

    fn set_frozen(&mut self, person: PersonId, is_frozen: bool) -> Result<(), GalleryError> {
        self.roster.set_frozen(person, is_frozen)?;
        self.set_hidden(person);
        Ok(())
    }
}

impl fmt::Debug for ExactGallery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ExactGallery({} templates withheld)",
            self.roster.n_templates()
        )
    }
}
