//! The gallery that asks an index of neighbours first and compares exactly with whom that names.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rayon::prelude::*;
use regard_commitments::{Grant, Recognition, Zeroizing};
use regard_domain::{PersonId, TemplateId};
use usearch::{Index, IndexOptions, MetricKind, ScalarKind};

use super::rows::Slot;
use super::{
    Enrolment, ExactGallery, Gallery, GalleryError, GalleryLimits, Hit, Merge, SearchAnswer, Shard,
};
use crate::kernel::cosine_distance;
use crate::{Embedding, GalleryTransform, ModelTag, Template};

/// When the index is asked, and how thoroughly it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NearLimits {
    /// Up to so many templates every search compares with everybody; the index is built from half of that on, with each
    /// enrolment a piece.
    pub exact_up_to: usize,
    /// Neighbours that each template is linked with; twice as many on the lowest level.
    pub connectivity: usize,
    /// Templates looked at when one is linked.
    pub expansion_add: usize,
    /// Templates looked at by a search.
    pub expansion_search: usize,
}

impl Default for NearLimits {
    /// From two million on: a comparison with everybody takes 15 ms of one core there. Expansions are twice what the index has by
    /// itself; recall in `docs/scale.md`.
    fn default() -> Self {
        Self {
            exact_up_to: 2_000_000,
            connectivity: 16,
            expansion_add: 128,
            expansion_search: 128,
        }
    }
}

/// Candidates that are compared exactly for each person asked for, and at least.
const CANDIDATES_PER_PERSON: usize = 4;
const MIN_CANDIDATES: usize = 64;

/// Persons asked for beyond whom everybody is compared: the index is for the nearest few.
const MAX_NEAR_HITS: usize = 256;

/// Templates taken into the index with each enrolment while it is behind: two of the older ones beside the new one, so that an
/// index begun at half the size is there before the size is reached.
const CATCH_UP: usize = 3;

/// Searches and enrolments that may be in the index at once; a further search compares with everybody.
const MAX_THREADS: usize = 64;

/// Added to the slot of a template that was removed: its place in the index holds random numbers since.
const TOMB: u64 = 1 << 32;

/// A gallery in memory that asks an index of neighbours (HNSW) who may be near, and compares a probe with
/// those exactly, by the same rows as [`ExactGallery`].
///
/// Similarities are exact; somebody near may be missed, which the exact gallery never does (`docs/scale.md` says how often). Who
/// is removed is found no more from then on: candidates are looked up among those who are enrolled, and the numbers in the
/// index are overwritten with random ones before the call returns.
///
/// # Privacy
/// As [`Gallery`]. The index is memory of a C++ library: overwritten template by template on removal, but not wiped when
/// the gallery is dropped.
///
/// # Source
/// Malkov and Yashunin 2020, "Efficient and robust approximate nearest neighbor search using hierarchical navigable small
/// world graphs", by `usearch`.
pub struct NearGallery {
    exact: ExactGallery,
    limits: NearLimits,
    threads: usize,
    index: Index,
    /// Templates at slots below are in the index.
    next: usize,
    /// Random numbers to overwrite with; they need not be secret.
    noise: ChaCha8Rng,
}

fn failed(source: impl Error + Send + Sync + 'static) -> GalleryError {
    GalleryError::Index {
        source: Box::new(source),
    }
}

impl NearGallery {
    /// An empty gallery.
    ///
    /// # Errors
    /// When there is no memory for the index.
    pub fn new(
        transform: GalleryTransform,
        model: ModelTag,
        limits: GalleryLimits,
        near: NearLimits,
    ) -> Result<Self, GalleryError> {
        let index = index(transform.dimension(), near)?;
        Ok(Self {
            exact: ExactGallery::new(transform, model, limits),
            limits: near,
            threads: limits.threads.max(1),
            index,
            next: 0,
            noise: ChaCha8Rng::seed_from_u64(0),
        })
    }

    /// Bytes held, index included, beside what rare things take (merges, pictures).
    pub fn n_bytes(&self) -> usize {
        self.exact.n_bytes() + self.index.memory_usage()
    }

    /// From now on searches ask the index beyond so many templates, once it is there.
    pub const fn set_exact_up_to(&mut self, n: usize) {
        self.limits.exact_up_to = n;
    }

    /// Takes everybody into the index who is not in it yet, on all threads: after a gallery was filled, so that enrolments
    /// need not. Nothing where the gallery is small.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn build_index(&mut self) -> Result<(), GalleryError> {
        if self.is_small() {
            return Ok(());
        }
        let n_slots = self.exact.rows.n_slots();
        self.make_room(n_slots)?;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.threads);
        let pool = pool.build().map_err(failed)?;
        let slots: Vec<Slot> = (self.next..n_slots).map(|slot| slot as Slot).collect();
        pool.install(|| slots.par_iter().try_for_each(|slot| self.link(*slot)))?;
        self.next = n_slots;
        Ok(())
    }

    fn is_small(&self) -> bool {
        self.exact.roster.n_templates() < (self.limits.exact_up_to / 2) as u64
    }

    /// Room in the index for so many, doubled as lists are.
    fn make_room(&self, n: usize) -> Result<(), GalleryError> {
        if self.index.capacity() >= n && self.index.capacity() > 0 {
            return Ok(());
        }
        let n = n.max(2 * self.index.capacity()).max(1_024);
        self.index
            .reserve_capacity_and_threads(n, MAX_THREADS)
            .map_err(failed)
    }

    /// Takes the template at a slot into the index, where there is one.
    fn link(&self, slot: Slot) -> Result<(), GalleryError> {
        if self.exact.roster.answer_at(slot).is_none() {
            return Ok(());
        }
        let mut values = Zeroizing::new(Vec::with_capacity(self.exact.transform().dimension()));
        self.exact.rows.read(slot, &mut values);
        let tomb = TOMB | u64::from(slot);
        if self.index.contains(tomb) {
            self.index.remove(tomb).map_err(failed)?;
        }
        // A place that was left is the one that is taken next, so that each slot keeps its own.
        self.index
            .add::<i8>(u64::from(slot), &values)
            .map_err(failed)
    }

    /// Overwrites what the index holds of a slot.
    fn bury(&mut self, slot: Slot) -> Result<(), GalleryError> {
        if !self.index.contains(u64::from(slot)) {
            return Ok(());
        }
        self.index.remove(u64::from(slot)).map_err(failed)?;
        let dimension = self.exact.transform().dimension();
        let numbers: Vec<i8> = (0..dimension)
            .map(|_| ((self.noise.next_u32() % 255) as i16 - 127) as i8)
            .collect();
        self.index
            .add::<i8>(TOMB | u64::from(slot), &numbers)
            .map_err(failed)
    }

    /// Takes the template that came to a slot into the index, and some of those that are waiting.
    fn take_in(&mut self, slot: Slot) -> Result<(), GalleryError> {
        if (slot as usize) < self.next {
            self.make_room(self.index.size() + 1)?;
            self.link(slot)?;
        }
        if self.is_small() {
            return Ok(());
        }
        for _ in 0..CATCH_UP {
            if self.next >= self.exact.rows.n_slots() {
                break;
            }
            self.make_room(self.next + 1)?;
            self.link(self.next as Slot)?;
            self.next += 1;
        }
        Ok(())
    }

    /// Everybody near that the index names, compared exactly; nothing where it names fewer persons than there are and were
    /// asked for, or is busy.
    fn near(&self, probe: &Template, k: usize) -> Option<SearchAnswer> {
        let n_persons = self.exact.n_searched();
        let n_wanted = usize::try_from(n_persons).map_or(k, |n| n.min(k));
        let mut n_candidates = (CANDIDATES_PER_PERSON * k).max(MIN_CANDIDATES);
        let mut values = Zeroizing::new(Vec::with_capacity(probe.values().len()));
        loop {
            let found = self.index.search::<i8>(probe.values(), n_candidates).ok()?;
            // Of whoever is named by one template, all are compared: their nearest may not have been named.
            let slots = found
                .keys
                .iter()
                .filter_map(|key| Slot::try_from(*key).ok());
            let named = slots.filter_map(|slot| self.exact.roster.answer_at(slot));
            let persons: BTreeSet<PersonId> = named.map(|(person, _)| person).collect();
            let slots = persons
                .iter()
                .filter_map(|person| self.exact.roster.slots_of(*person))
                .flat_map(|(slots, _)| slots);
            let hits = slots.filter_map(|slot| self.exact.compare(slot, probe, &mut values));
            let answer = SearchAnswer::of_hits(hits, n_persons, k);
            if answer.hits.len() >= n_wanted {
                return Some(answer);
            }
            if n_candidates > self.index.size() {
                return None;
            }
            n_candidates *= 4;
        }
    }

    fn search_near(
        &self,
        probes: &[&Template],
        k: usize,
        key: &Grant<Recognition>,
    ) -> Result<Vec<SearchAnswer>, GalleryError> {
        let is_for_index = self.asks_index() && (1..=MAX_NEAR_HITS).contains(&k);
        if !is_for_index {
            return self.exact.search_templates(probes, k, key);
        }
        let answer = |probe: &&Template| match self.near(probe, k) {
            Some(answer) => Ok(answer),
            None => {
                let mut answers = self.exact.search_templates(&[probe], k, key)?;
                Ok(answers.pop().expect("one answer a probe"))
            }
        };
        probes.iter().map(answer).collect()
    }
}

fn index(dimension: usize, limits: NearLimits) -> Result<Index, GalleryError> {
    let options = IndexOptions {
        dimensions: dimension,
        metric: MetricKind::Cos,
        // Templates are whole numbers up to 127, so that nothing is lost; 16 bits would hold the same in twice the memory.
        quantization: ScalarKind::I8,
        connectivity: limits.connectivity,
        expansion_add: limits.expansion_add,
        expansion_search: limits.expansion_search,
        multi: false,
    };
    let mut index = Index::new(&options).map_err(failed)?;
    // Its own compares number by number where its kernels are left out. It hands over rows of so many whole numbers, those it was
    // given.
    index.change_metric::<i8>(cosine_distance(dimension));
    Ok(index)
}

impl Gallery for NearGallery {
    fn transform(&self) -> &GalleryTransform {
        self.exact.transform()
    }

    fn model(&self) -> ModelTag {
        self.exact.model()
    }

    fn insert(&mut self, enrolment: Enrolment) -> Result<(), GalleryError> {
        let template = enrolment.template;
        Gallery::insert(&mut self.exact, enrolment)?;
        let slot = self.exact.roster.slot_of(template);
        let taken_in = self.take_in(slot.expect("just enrolled"));
        if taken_in.is_err() {
            // Who is enrolled has to be found.
            Gallery::remove_template(self, template)?;
        }
        taken_in
    }

    fn remove_template(&mut self, template: TemplateId) -> Result<bool, GalleryError> {
        let slot = self.exact.roster.slot_of(template);
        let was_there = Gallery::remove_template(&mut self.exact, template)?;
        if let Some(slot) = slot {
            self.bury(slot)?;
        }
        Ok(was_there)
    }

    fn remove_person(&mut self, person: PersonId) -> Result<usize, GalleryError> {
        let slots = self.exact.roster.slots_of(person);
        let n = Gallery::remove_person(&mut self.exact, person)?;
        for slot in slots.into_iter().flat_map(|(slots, _)| slots) {
            self.bury(slot)?;
        }
        Ok(n)
    }

    fn search_batch(
        &self,
        probes: &[&Embedding],
        k: usize,
        key: &Grant<Recognition>,
    ) -> Result<Vec<SearchAnswer>, GalleryError> {
        let probes = self.exact.probes(probes, key)?;
        let probes: Vec<&Template> = probes.iter().collect();
        Shard::search(self, &probes, k, key)
    }

    fn verify_person(
        &self,
        probe: &Embedding,
        person: PersonId,
        key: &Grant<Recognition>,
    ) -> Result<Option<Hit>, GalleryError> {
        self.exact.verify_person(probe, person, key)
    }

    /// Not while few are enrolled or the index is behind.
    fn asks_index(&self) -> bool {
        self.exact.roster.n_templates() > self.limits.exact_up_to as u64
            && self.next >= self.exact.rows.n_slots()
    }

    fn n_templates(&self) -> Result<u64, GalleryError> {
        Gallery::n_templates(&self.exact)
    }

    fn n_persons(&self) -> Result<u64, GalleryError> {
        self.exact.n_persons()
    }

    fn templates_of(&self, person: PersonId) -> Result<Vec<TemplateId>, GalleryError> {
        self.exact.templates_of(person)
    }

    /// Builds the index anew, which takes its time.
    fn rekey(&mut self, to: GalleryTransform) -> Result<(), GalleryError> {
        let empty = index(to.dimension(), self.limits)?;
        self.exact.rekey(to)?;
        self.index = empty;
        self.next = 0;
        self.build_index()
    }

    fn merge(&mut self, from: PersonId, into: PersonId) -> Result<Merge, GalleryError> {
        self.exact.merge(from, into)
    }

    fn undo_merge(&mut self, merge: Merge) -> Result<(), GalleryError> {
        self.exact.undo_merge(merge)
    }

    fn forbid_link(&mut self, a: PersonId, b: PersonId) -> Result<(), GalleryError> {
        self.exact.forbid_link(a, b)
    }

    fn set_frozen(&mut self, person: PersonId, is_frozen: bool) -> Result<(), GalleryError> {
        self.exact.set_frozen(person, is_frozen)
    }
}

impl Shard for NearGallery {
    fn search(
        &self,
        probes: &[&Template],
        k: usize,
        key: &Grant<Recognition>,
    ) -> Result<Vec<SearchAnswer>, GalleryError> {
        if !key.is_live() {
            return Err(GalleryError::GrantEnded);
        }
        self.search_near(probes, k, key)
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

impl fmt::Debug for NearGallery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.exact.roster.n_templates();
        write!(f, "NearGallery({n} templates withheld)")
    }
}

#[cfg(test)]
mod tests;
