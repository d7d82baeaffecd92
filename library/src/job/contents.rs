//! Which contents there were already.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::hash::ContentHash;

/// Contents that are remembered at least; twice as many at most, 64 MB. Copies of older ones are looked at anew.
pub const CONTENTS_REMEMBERED: usize = 500_000;

/// Contents of which workers know that they were or are looked at; fewer than above, so that none that a worker relies on is
/// forgotten before its turn.
const CLAIMS_REMEMBERED: usize = 200_000;

/// A map that forgets what is old: two generations, of which the older goes when the younger is full.
struct Lidded<V> {
    young: HashMap<[u8; 16], V>,
    old: HashMap<[u8; 16], V>,
    n_young: usize,
}

impl<V: Copy> Lidded<V> {
    fn new(n_young: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            n_young,
        }
    }

    fn get(&self, key: &[u8; 16]) -> Option<V> {
        self.young.get(key).or_else(|| self.old.get(key)).copied()
    }

    fn insert(&mut self, key: [u8; 16], value: V) {
        if self.young.len() >= self.n_young && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

/// Where the rows of a content are, in the order of the items.
pub(super) struct Firsts(Lidded<(u64, u64)>);

impl Firsts {
    pub(super) fn new() -> Self {
        Self(Lidded::new(CONTENTS_REMEMBERED))
    }

    /// The item that had these bytes first, and where its rows begin in the log.
    pub(super) fn get(&self, content: &ContentHash) -> Option<(u64, u64)> {
        self.0.get(&content.short())
    }

    pub(super) fn insert(&mut self, content: &ContentHash, item: u64, offset: u64) {
        self.0.insert(content.short(), (item, offset));
    }
}

/// What workers ask before they look: who has these bytes already. All clones share it.
#[derive(Clone)]
pub struct Claims(Arc<Mutex<Lidded<u64>>>);

impl Claims {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Lidded::new(CLAIMS_REMEMBERED))))
    }

    /// Whether an item that comes earlier has the same bytes, so that its rows can be copied; otherwise they are this item's
    /// to look at, and later ones are told so.
    pub fn is_done_by_earlier(&self, content: &ContentHash, ordinal: u64) -> bool {
        let mut claims = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = content.short();
        match claims.get(&key) {
            Some(first) if first < ordinal => true,
            // Whoever comes later and was faster does it too.
            Some(_) | None => {
                claims.insert(key, ordinal);
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_is_forgotten_and_not_before() {
        let mut map = Lidded::new(10);
        let key = |i: u32| ContentHash::of(&i.to_le_bytes()).short();
        for i in 0..100 {
            map.insert(key(i), i);
            for j in i.saturating_sub(9)..=i {
                assert_eq!(map.get(&key(j)), Some(j), "{j} of {i}");
            }
            assert!(map.young.len() + map.old.len() <= 20);
        }
        assert_eq!(map.get(&key(0)), None);
    }

    #[test]
    fn only_an_earlier_one_does_it_for_another() {
        let claims = Claims::new();
        let content = ContentHash::of(b"x");
        assert!(!claims.is_done_by_earlier(&content, 7));
        assert!(claims.is_done_by_earlier(&content, 8));
        assert!(!claims.is_done_by_earlier(&content, 3));
        assert!(claims.is_done_by_earlier(&content, 7));
    }
}
