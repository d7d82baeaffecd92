//! One gallery, from being filled to being searched.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use regard_commitments::SearchKey;
use regard_domain::{PersonId, TemplateId, Timestamp};
use regard_identity::{
    Embedding, Enrolment, GalleryError, Hit, MAX_HITS, ModelTag, SearchAnswer, Template,
};

use super::kept::Kept;
use super::merges::Merges;
use super::{GalleryAnswer, GalleryIndex, NewFace, SearchError};

/// One gallery, and while it is turned over to another secret also the one it becomes.
pub(super) struct Room {
    /// Nothing once what keeps it failed to let go of somebody, or to take somebody in: what cannot be trusted finds nobody.
    now: Option<Kept>,
    next: Option<Kept>,
    model: ModelTag,
    /// Whether everybody is in who may be found, and nobody else.
    is_filled: bool,
    /// What was put in and not taken out, where what keeps it may hold others: it may be put back or changed behind us.
    held: Option<BTreeSet<(PersonId, TemplateId)>>,
    /// Whether a search failed, or found somebody who was not put in: it is filled anew.
    is_doubtful: AtomicBool,
    /// Whether what it was under an older secret could not be removed yet from what keeps it.
    has_leftovers: bool,
    /// When the consent of each person ends, and the same in order of time.
    ends: BTreeMap<PersonId, Timestamp>,
    by_end: BTreeSet<(Timestamp, PersonId)>,
}

impl Room {
    /// One that is to be filled.
    pub(super) fn new(now: Kept) -> Self {
        let empty = Self::lost(now.model());
        Self {
            held: now.lasts().then(BTreeSet::new),
            now: Some(now),
            ..empty
        }
    }

    /// One that what keeps it cannot be reached for.
    pub(super) const fn lost(model: ModelTag) -> Self {
        Self {
            model,
            held: None,
            now: None,
            next: None,
            is_filled: false,
            is_doubtful: AtomicBool::new(false),
            has_leftovers: false,
            ends: BTreeMap::new(),
            by_end: BTreeSet::new(),
        }
    }

    /// Which model made its templates.
    pub(super) const fn model(&self) -> ModelTag {
        self.model
    }

    /// Whether it is searched.
    pub(super) const fn is_searched(&self) -> bool {
        self.now.is_some() && self.is_filled
    }

    /// Whether it is searched, and no search failed.
    pub(super) fn is_whole(&self) -> bool {
        self.is_searched() && !self.is_doubtful.load(Ordering::Relaxed)
    }

    /// How it is searched now.
    pub(super) fn index(&self) -> GalleryIndex {
        match &self.now {
            Some(now) if self.is_filled => now.index(),
            Some(_) | None => GalleryIndex::Unavailable,
        }
    }

    /// Persons and templates in it; records that answer as one are one person.
    pub(super) fn size(&self, merges: &Merges) -> (u64, u64) {
        let (n_records, n_templates) = self.n_records();
        let n_merged = merges.n_resting_on_others(|person| self.is_in(person));
        (n_records.saturating_sub(n_merged), n_templates)
    }

    /// Records and templates in it.
    fn n_records(&self) -> (u64, u64) {
        let Some(now) = self.now.as_ref().filter(|_| self.is_filled) else {
            return (0, 0);
        };
        match (&self.held, now.here()) {
            (Some(held), _) => {
                let persons: BTreeSet<PersonId> = held.iter().map(|(who, _)| *who).collect();
                (persons.len() as u64, held.len() as u64)
            }
            (None, Some(gallery)) => {
                let n_persons = gallery.n_persons().unwrap_or(0);
                (n_persons, gallery.n_templates().unwrap_or(0))
            }
            (None, None) => (0, 0),
        }
    }

    /// It is not to be trusted any more.
    fn lose(&mut self, error: &GalleryError) {
        tracing::error!(%error, "a gallery failed; nobody is found in it until it is filled anew");
        self.now = None;
        self.next = None;
        self.is_filled = false;
        self.held = None;
        self.ends.clear();
        self.by_end.clear();
    }

    /// Puts a template into the gallery whose transform it went through.
    pub(super) fn insert(&mut self, face: &NewFace) -> Result<(), SearchError> {
        let values = Template::from_bytes(&face.bytes).map_err(|_| GalleryError::OtherModel)?;
        let of = values.transform();
        let enrolment = Enrolment {
            template: face.template,
            person: face.person,
            picture: None,
            values,
        };
        let next = self.next.as_mut().filter(|next| next.transform() == of);
        let kept = match next {
            Some(next) => next,
            None => self.now.as_mut().ok_or(SearchError::NotThere)?,
        };
        match kept.insert(enrolment) {
            // Filling it comes to whoever enrolled meanwhile, and to whoever it held already.
            Err(GalleryError::TemplateExists) if !self.is_filled => {}
            Err(error @ GalleryError::Index { .. }) => {
                self.lose(&error);
                return Err(SearchError::NotThere);
            }
            done => done?,
        }
        if let Some(held) = &mut self.held {
            held.insert((face.person, face.template));
        }
        self.ends_at(face.person, face.until);
        Ok(())
    }

    /// Everybody is in.
    pub(super) fn filled(&mut self) -> Result<(), SearchError> {
        let now = self.now.as_mut().ok_or(SearchError::NotThere)?;
        if let Some(held) = &self.held {
            let seen: BTreeSet<TemplateId> = held.iter().map(|(_, template)| *template).collect();
            let put_right = now.keep_only(&seen).and_then(|n_removed| {
                now.remove_others()?;
                Ok(n_removed)
            });
            match put_right {
                Ok(0) => {}
                Ok(n_removed) => tracing::warn!(
                    n_removed,
                    "the gallery held templates of people whose consent does not hold; they are removed"
                ),
                Err(error) => {
                    self.lose(&error);
                    return Err(SearchError::NotThere);
                }
            }
        }
        self.is_filled = true;
        Ok(())
    }

    /// A person with several templates is there until the last of their consents ends; there is one.
    fn ends_at(&mut self, person: PersonId, until: Timestamp) {
        if let Some(before) = self.ends.insert(person, until) {
            self.by_end.remove(&(before, person));
        }
        self.by_end.insert((until, person));
    }

    /// Whether somebody is in it whose consent holds as far as is known here.
    fn is_in(&self, person: PersonId) -> bool {
        self.ends.contains_key(&person)
    }

    /// Whoever is in it is so until another time.
    pub(super) fn prolong(&mut self, person: PersonId, until: Timestamp) {
        if self.ends.contains_key(&person) {
            self.ends_at(person, until);
        }
    }

    fn forget_end(&mut self, person: PersonId) {
        if let Some(until) = self.ends.remove(&person) {
            self.by_end.remove(&(until, person));
        }
    }

    /// Removes a person.
    pub(super) fn remove(&mut self, person: PersonId) {
        self.forget_end(person);
        if let Some(held) = &mut self.held {
            held.retain(|(who, _)| *who != person);
        }
        let removed = self.each(|kept| kept.remove_person(person));
        if let Err(error) = removed {
            self.lose(&error);
        }
    }

    /// Removes a template, and its person with the last of theirs.
    pub(super) fn remove_template(&mut self, person: PersonId, template: TemplateId) {
        if let Some(held) = &mut self.held {
            held.remove(&(person, template));
        }
        let removed = self.each(|kept| kept.remove_template(template));
        let left = removed.and_then(|()| self.is_left(person));
        match left {
            Ok(true) => {}
            Ok(false) => self.remove(person),
            Err(error) => self.lose(&error),
        }
    }

    /// Whether somebody has a template still.
    fn is_left(&self, person: PersonId) -> Result<bool, GalleryError> {
        if let Some(held) = &self.held {
            return Ok(held.iter().any(|(who, _)| *who == person));
        }
        // Whoever enrols while it is turned over is in the one it becomes alone.
        for gallery in [&self.next, &self.now]
            .into_iter()
            .flatten()
            .filter_map(Kept::here)
        {
            if !gallery.templates_of(person)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn each(
        &mut self,
        mut work: impl FnMut(&mut Kept) -> Result<(), GalleryError>,
    ) -> Result<(), GalleryError> {
        for kept in [&mut self.next, &mut self.now].into_iter().flatten() {
            work(kept)?;
        }
        Ok(())
    }

    /// Whether somebody's consent has run out.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.by_end.first().is_some_and(|(until, _)| now >= *until)
    }

    /// Removes everybody whose consent has run out.
    pub(super) fn expire(&mut self, now: Timestamp) {
        while let Some((until, person)) = self.by_end.first().copied() {
            if now < until {
                break;
            }
            self.remove(person);
        }
    }

    /// Begins to become another one.
    pub(super) fn becomes(&mut self, next: Result<Kept, GalleryError>) {
        match next {
            Ok(next) => self.next = Some(next),
            Err(error) => self.lose(&error),
        }
    }

    /// Is the other one.
    pub(super) fn become_next(&mut self) {
        if let Some(next) = self.next.take() {
            self.now = Some(next);
            self.remove_leftovers();
        }
    }

    /// Whether what it was under an older secret is there still: whoever leaves is not removed from that.
    pub(super) const fn has_leftovers(&self) -> bool {
        self.has_leftovers
    }

    /// Removes everything but what it is now from what keeps it.
    pub(super) fn remove_leftovers(&mut self) {
        let Some(now) = self.now.as_mut() else {
            // Filling it anew does that.
            return;
        };
        let removed = now.remove_others();
        self.has_leftovers = removed.is_err();
        if let Err(error) = removed {
            // Under a secret that is destroyed.
            tracing::warn!(%error, "what the gallery was under its older secret could not be removed yet");
        }
    }

    /// The nearest persons, at most so many; of records that answer as one, one.
    pub(super) fn search(
        &self,
        (probe, n): (&Embedding, usize),
        key: &SearchKey,
        merges: &Merges,
    ) -> Result<GalleryAnswer, SearchError> {
        let mut n_records = n;
        loop {
            let answer = self.nearest(probe, n_records, key)?;
            let is_all = answer.hits.len() < n_records || n_records >= MAX_HITS;
            let found = self.by_person(&answer, n, merges);
            // The nearest records make so many persons, or there are no more: whoever is farther away changes nothing.
            if is_all || found.answer.hits.len() >= n {
                return Ok(found);
            }
            n_records = (2 * n_records).min(MAX_HITS);
        }
    }

    /// The persons of the nearest records.
    fn by_person(&self, records: &SearchAnswer, n: usize, merges: &Merges) -> GalleryAnswer {
        let is_in = |person| self.is_in(person);
        let enrolled_in: BTreeMap<TemplateId, PersonId> = records
            .hits
            .iter()
            .map(|hit| (hit.template, hit.person))
            .collect();
        let hits = records.hits.iter().map(|hit| Hit {
            person: merges.answers_as(hit.person, is_in),
            ..*hit
        });
        let n_merged = merges.n_resting_on_others(is_in);
        let n_persons = records.n_persons.saturating_sub(n_merged);
        let answer = SearchAnswer::of_hits(hits, n_persons, n);
        let of_hit = |hit: &Hit| {
            enrolled_in
                .get(&hit.template)
                .copied()
                .unwrap_or(hit.person)
        };
        GalleryAnswer {
            records: answer.hits.iter().map(of_hit).collect(),
            answer,
        }
    }

    /// The nearest records.
    fn nearest(
        &self,
        probe: &Embedding,
        n: usize,
        key: &SearchKey,
    ) -> Result<SearchAnswer, SearchError> {
        let now = self.now.as_ref().filter(|_| self.is_filled);
        let now = now.ok_or(SearchError::NotThere)?;
        let answer = now.search(probe, n, key.grant());
        let is_trusted = match (&answer, &self.held) {
            (Err(GalleryError::Index { .. }), _) => false,
            (Ok(answer), Some(held)) => {
                let mut hits = answer.hits.iter();
                hits.all(|hit| held.contains(&(hit.person, hit.template)))
            }
            (Ok(_), None) | (Err(_), _) => true,
        };
        if is_trusted {
            return Ok(answer?);
        }
        self.is_doubtful.store(true, Ordering::Relaxed);
        Err(SearchError::NotThere)
    }
}
