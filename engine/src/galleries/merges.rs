//! Which records answer as one: several of one person, of which searches tell one.

use std::collections::BTreeMap;

use regard_domain::{PersonId, Timestamp};

/// That a record answers as another one of the same person.
///
/// # Privacy
/// Says of two records that they are of one person; by random ids, which do not print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordMerge {
    /// The record that is no longer answered with.
    pub from: PersonId,
    /// The record that is answered with instead.
    pub into: PersonId,
    /// Since when.
    pub at: Timestamp,
}

/// All merges as they stand. They make a forest: each hangs one record below another, so that taking it off again leaves what was
/// there. In memory: what is on the disk is for whoever fills it.
#[derive(Clone, Debug, Default)]
pub(super) struct Merges(BTreeMap<PersonId, RecordMerge>);

impl Merges {
    /// Puts a merge in, in place of an older one of the same record. One that would close a circle is left out.
    pub(super) fn put(&mut self, merge: RecordMerge) {
        self.0.remove(&merge.from);
        if self.root(merge.into) != merge.from {
            self.0.insert(merge.from, merge);
        }
    }

    /// Takes one off.
    pub(super) fn take(&mut self, from: PersonId) {
        self.0.remove(&from);
    }

    /// Takes off all that touch a record.
    pub(super) fn take_touching(&mut self, person: PersonId) {
        self.0
            .retain(|from, merge| *from != person && merge.into != person);
    }

    /// What a record answers as by itself, if it does.
    pub(super) fn of(&self, from: PersonId) -> Option<RecordMerge> {
        self.0.get(&from).copied()
    }

    /// Those that touch a record, in order of who no longer answers.
    pub(super) fn touching(&self, person: PersonId) -> Vec<RecordMerge> {
        let all = self.0.values().copied();
        all.filter(|merge| merge.from == person || merge.into == person)
            .collect()
    }

    /// The record itself and all that are one with it, nearer ones before those they hang on.
    pub(super) fn together(&self, person: PersonId) -> Vec<PersonId> {
        let mut known = vec![person];
        let mut at = 0;
        while let Some(next) = known.get(at).copied() {
            at += 1;
            for merge in self.touching(next) {
                for other in [merge.from, merge.into] {
                    if !known.contains(&other) {
                        known.push(other);
                    }
                }
            }
        }
        known
    }

    /// The record that one is answered with.
    pub(super) fn root(&self, person: PersonId) -> PersonId {
        self.answers_as(person, |_| true)
    }

    /// The same where only some records are there: a merge with one that is not there rests.
    pub(super) fn answers_as(
        &self,
        person: PersonId,
        is_there: impl Fn(PersonId) -> bool,
    ) -> PersonId {
        let mut answers = person;
        while let Some(merge) = self.0.get(&answers).filter(|merge| is_there(merge.into)) {
            answers = merge.into;
        }
        answers
    }

    /// Of the records that are there, how many answer as others.
    pub(super) fn n_resting_on_others(&self, is_there: impl Fn(PersonId) -> bool) -> u64 {
        let hangs = |merge: &&RecordMerge| is_there(merge.from) && is_there(merge.into);
        self.0.values().filter(hangs).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn merge(from: u128, into: u128) -> RecordMerge {
        RecordMerge {
            from: PersonId::from_bits(from),
            into: PersonId::from_bits(into),
            at: Timestamp::from_millis(0),
        }
    }

    /// Who is one with whom, by colouring until nothing changes.
    fn colored(merges: &[(u128, u128)]) -> Vec<u128> {
        let mut colors: Vec<u128> = (0..8).collect();
        loop {
            let before = colors.clone();
            for (from, into) in merges {
                let (a, b) = (colors[*from as usize], colors[*into as usize]);
                for color in &mut colors {
                    if *color == a || *color == b {
                        *color = a.min(b);
                    }
                }
            }
            if colors == before {
                return colors;
            }
        }
    }

    proptest! {
        /// Against colouring, whatever is asked for, circles included.
        #[test]
        fn whoever_is_one_has_one_answer_and_taking_off_undoes_putting_on(
            asked in prop::collection::vec((0_u128..8, 0_u128..8), 0..12), taken in 0_u128..8,
        ) {
            let mut merges = Merges::default();
            let mut put: Vec<(u128, u128)> = Vec::new();
            for (from, into) in asked {
                // As whoever puts them in does: roots below roots.
                let (from, into) = (
                    merges.root(PersonId::from_bits(from)).as_bits(),
                    merges.root(PersonId::from_bits(into)).as_bits(),
                );
                merges.put(merge(from, into));
                if from != into {
                    put.push((from, into));
                }
            }
            for is_last in [false, true] {
                let colors = colored(&put);
                for a in 0..8_u128 {
                    let together = merges.together(PersonId::from_bits(a));
                    prop_assert_eq!(together[0], PersonId::from_bits(a));
                    for b in 0..8_u128 {
                        let are_one = colors[a as usize] == colors[b as usize];
                        let (a, b) = (PersonId::from_bits(a), PersonId::from_bits(b));
                        prop_assert_eq!(together.contains(&b), are_one);
                        prop_assert_eq!(merges.root(a) == merges.root(b), are_one);
                    }
                }
                if !is_last {
                    merges.take_touching(PersonId::from_bits(taken));
                    put.retain(|(from, into)| *from != taken && *into != taken);
                }
            }
            prop_assert!(merges.touching(PersonId::from_bits(taken)).is_empty());
        }
    }

    #[test]
    fn a_merge_with_somebody_who_is_not_there_rests() {
        let mut merges = Merges::default();
        merges.put(merge(1, 2));
        merges.put(merge(2, 3));
        // Closes a circle.
        merges.put(merge(3, 1));
        let id = PersonId::from_bits;
        let answers = |gone: u128| merges.answers_as(id(1), |person| person != id(gone));
        assert_eq!((answers(9), answers(3), answers(2)), (id(3), id(2), id(1)));
        assert_eq!(merges.n_resting_on_others(|_| true), 2);
        assert_eq!(merges.n_resting_on_others(|person| person != id(2)), 0);
        assert_eq!(merges.together(id(1)), [id(1), id(2), id(3)]);
        assert_eq!(merges.of(id(3)), None);
    }
}
