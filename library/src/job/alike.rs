//! Which pictures look almost the same.

use super::look::LookHash;

/// Pictures that each is compared with at least, the latest before it; twice as many at most, 60 MB.
pub const LOOKS_COMPARED: usize = 500_000;

/// Bits of 128 that two looks of one picture may differ in. Origin: the tests of looks: a picture saved anew in another format
/// or at half its size differs in fewer, different pictures in 20 and more.
pub const MAX_DIFFERENCE: u32 = 7;

/// Parts of a look. One of them is the same in two looks that differ in at most [`MAX_DIFFERENCE`] bits, since there is one
/// more part than that.
const N_PARTS: usize = MAX_DIFFERENCE as usize + 1;
const PART_BITS: u32 = 128 / N_PARTS as u32;
const N_VALUES: usize = 1 << PART_BITS;

/// No entry: the end of a chain.
const NONE: u32 = u32::MAX;

/// Looks that can be searched: for each part and value a chain of those that have it.
struct Index {
    looks: Vec<(LookHash, u64)>,
    /// The latest entry of each part and value.
    heads: Vec<u32>,
    /// The one before each entry, part by part.
    before: Vec<[u32; N_PARTS]>,
}

impl Index {
    fn new() -> Self {
        Self {
            looks: Vec::new(),
            heads: vec![NONE; N_PARTS * N_VALUES],
            before: Vec::new(),
        }
    }

    fn slots(look: LookHash) -> [usize; N_PARTS] {
        std::array::from_fn(|part| {
            let value = look.bits() >> (part as u32 * PART_BITS) & (N_VALUES as u128 - 1);
            part * N_VALUES + value as usize
        })
    }

    fn insert(&mut self, look: LookHash, item: u64) {
        // As many as fit into the lid, which is less.
        let entry = u32::try_from(self.looks.len()).unwrap_or(NONE);
        let slots = Self::slots(look);
        self.before.push(slots.map(|slot| self.heads[slot]));
        slots.into_iter().for_each(|slot| self.heads[slot] = entry);
        self.looks.push((look, item));
    }

    /// The nearest within the limit, the earliest of those: its difference and item.
    fn nearest(&self, look: LookHash) -> Option<(u32, u64)> {
        let mut best: Option<(u32, u64)> = None;
        for (part, slot) in Self::slots(look).into_iter().enumerate() {
            let mut entry = self.heads[slot];
            while entry != NONE {
                let (other, item) = self.looks[entry as usize];
                let found = (look.difference(other), item);
                if found.0 <= MAX_DIFFERENCE && best.is_none_or(|best| found < best) {
                    best = Some(found);
                }
                entry = self.before[entry as usize][part];
            }
        }
        best
    }
}

/// Looks of the pictures before, as far as they are remembered: two generations, of which the older goes when the younger is
/// full.
pub(super) struct Alike {
    young: Index,
    old: Option<Index>,
    n_young: usize,
}

impl Alike {
    pub(super) fn new() -> Self {
        Self::with_lid(LOOKS_COMPARED)
    }

    fn with_lid(n_young: usize) -> Self {
        Self {
            young: Index::new(),
            old: None,
            n_young,
        }
    }

    /// The item that looks almost as this one, the nearest and earliest; if there is none, this one is remembered. So all
    /// pictures of a group name the same, and a chain of small changes does not make one of what differs.
    pub(super) fn place(&mut self, look: LookHash, item: u64) -> Option<u64> {
        let generations = [Some(&self.young), self.old.as_ref()];
        let nearest = generations
            .into_iter()
            .flatten()
            .filter_map(|index| index.nearest(look))
            .min();
        if nearest.is_none() {
            if self.young.looks.len() >= self.n_young {
                self.old = Some(std::mem::replace(&mut self.young, Index::new()));
            }
            self.young.insert(look, item);
        }
        nearest.map(|(_, item)| item)
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// What a list and nothing else would say.
    fn brute(looks: &[(LookHash, u64)], look: LookHash) -> Option<u64> {
        looks
            .iter()
            .map(|(other, item)| (look.difference(*other), *item))
            .filter(|(difference, _)| *difference <= MAX_DIFFERENCE)
            .min()
            .map(|(_, item)| item)
    }

    #[test]
    fn the_index_finds_what_a_list_finds() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let mut alike = Alike::with_lid(1_000);
        let mut kept = Vec::new();
        let mut n_found = 0;
        for item in 0..400_u64 {
            let look = match kept.len() {
                // Every second one is a change of one before, of up to 12 bits.
                n if n > 0 && item % 2 == 0 => {
                    let (LookHash(bits), _): (LookHash, u64) = kept[rng.random_range(0..n)];
                    let n_flips = rng.random_range(0..12);
                    LookHash((0..n_flips).fold(bits, |b, _| b ^ 1 << rng.random_range(0..128)))
                }
                _ => LookHash(rng.random()),
            };
            let expected = brute(&kept, look);
            assert_eq!(alike.place(look, item), expected, "{item}");
            match expected {
                Some(_) => n_found += 1,
                None => kept.push((look, item)),
            }
        }
        assert!((60..190).contains(&n_found), "{n_found}");
    }

    #[test]
    fn there_is_a_lid() {
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        let mut alike = Alike::with_lid(10);
        let first = LookHash(rng.random());
        assert_eq!(alike.place(first, 0), None);
        for item in 1..20 {
            assert_eq!(alike.place(LookHash(rng.random()), item), None);
        }
        assert_eq!(alike.place(first, 20), Some(0));
        assert_eq!(alike.place(LookHash(rng.random()), 21), None);
        assert_eq!(alike.place(first, 22), None);
    }
}
