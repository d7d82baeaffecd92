//! The nearest persons so far.

use std::cmp::Ordering;

use regard_domain::PersonId;

use super::Hit;

/// Order of hits: nearest first, ties by person, then by template.
pub(super) fn order(a: &Hit, b: &Hit) -> Ordering {
    b.similarity
        .get()
        .total_cmp(&a.similarity.get())
        .then(a.person.cmp(&b.person))
        .then(a.template.cmp(&b.template))
}

/// The nearest `k` persons of those offered, each with the nearest of their templates.
///
/// Exact whatever the order of offers: who was pushed out by others comes back with a nearer template, and the least of
/// those held never gets less.
#[derive(Clone, Debug)]
pub(super) struct Best {
    k: usize,
    hits: Vec<Hit>,
}

impl Best {
    pub(super) fn new(k: usize) -> Self {
        Self {
            k,
            hits: Vec::new(),
        }
    }

    /// The similarity below which an offer cannot matter.
    pub(super) fn floor(&self) -> f32 {
        match self.hits.last() {
            Some(least) if self.hits.len() >= self.k => least.similarity.get(),
            Some(_) | None if self.k == 0 => f32::INFINITY,
            Some(_) | None => f32::NEG_INFINITY,
        }
    }

    pub(super) fn offer(&mut self, hit: Hit) {
        if hit.similarity.get() < self.floor() {
            return;
        }
        if let Some(at) = self.position_of(hit.person) {
            if order(&hit, &self.hits[at]) != Ordering::Less {
                return;
            }
            self.hits.remove(at);
        }
        let at = self
            .hits
            .partition_point(|held| order(held, &hit) == Ordering::Less);
        self.hits.insert(at, hit);
        self.hits.truncate(self.k);
    }

    fn position_of(&self, person: PersonId) -> Option<usize> {
        self.hits.iter().position(|held| held.person == person)
    }

    /// Takes over what another list found elsewhere.
    pub(super) fn absorb(&mut self, other: Self) {
        for hit in other.hits {
            self.offer(hit);
        }
    }

    pub(super) fn into_hits(self) -> Vec<Hit> {
        self.hits
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use regard_domain::TemplateId;

    use super::*;
    use crate::Similarity;

    proptest! {
        /// Against sorting everything.
        #[test]
        fn the_best_are_those_of_a_sorted_list(
            offers in prop::collection::vec((0_u128..12, -4_i32..5), 0..60), k in 0_usize..8, cut in 0_usize..60,
        ) {
            let hit = |(at, (person, similarity)): (usize, &(u128, i32))| Hit {
                person: PersonId::from_bits(*person),
                template: TemplateId::from_bits(at as u128),
                similarity: Similarity::clamped(*similarity as f32 / 4.0),
            };
            let hits: Vec<Hit> = offers.iter().enumerate().map(hit).collect();
            let mut nearest: BTreeMap<PersonId, Hit> = BTreeMap::new();
            for hit in &hits {
                let held = nearest.entry(hit.person).or_insert(*hit);
                if order(hit, held) == Ordering::Less {
                    *held = *hit;
                }
            }
            let mut expected: Vec<Hit> = nearest.into_values().collect();
            expected.sort_by(order);
            expected.truncate(k);
            let (mut left, mut right) = (Best::new(k), Best::new(k));
            for (at, hit) in hits.iter().enumerate() {
                if at < cut { left.offer(*hit) } else { right.offer(*hit) }
            }
            left.absorb(right);
            prop_assert_eq!(left.into_hits(), expected);
        }
    }
}
