//! A map with a lid: when full, the row written first gives way.

use std::{borrow::Borrow, collections::BTreeMap};

use regard_domain::Timestamp;

#[derive(Debug)]
pub(super) struct Lidded<K, V> {
    max_rows: usize,
    /// Number of the next row; says which was first.
    next: u64,
    rows: BTreeMap<K, Slot<V>>,
    order: BTreeMap<u64, K>,
}

#[derive(Debug)]
struct Slot<V> {
    number: u64,
    keep_until: Timestamp,
    value: V,
}

impl<K: Ord + Clone, V> Lidded<K, V> {
    pub(super) fn new(max_rows: usize) -> Self {
        Self {
            max_rows,
            next: 0,
            rows: BTreeMap::new(),
            order: BTreeMap::new(),
        }
    }

    /// Puts a row, in place of the one of that key if there is one; how many gave way (none or one).
    pub(super) fn put(&mut self, key: K, value: V, keep_until: Timestamp) -> u64 {
        let number = self.next;
        self.next += 1;
        self.order.insert(number, key.clone());
        let slot = Slot {
            number,
            keep_until,
            value,
        };
        if let Some(old) = self.rows.insert(key, slot) {
            self.order.remove(&old.number);
        }
        if self.rows.len() <= self.max_rows {
            return 0;
        }
        let first = self.order.pop_first();
        u64::from(first.is_some_and(|(_, key)| self.rows.remove(&key).is_some()))
    }

    pub(super) fn contains(&self, key: &K) -> bool {
        self.rows.contains_key(key)
    }

    pub(super) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.rows.get(key).map(|slot| &slot.value)
    }

    /// The row and its end, to be changed in place.
    pub(super) fn get_mut(&mut self, key: &K) -> Option<(&mut V, &mut Timestamp)> {
        let slot = self.rows.get_mut(key)?;
        Some((&mut slot.value, &mut slot.keep_until))
    }

    pub(super) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        let removed = self.rows.remove(key);
        if let Some(slot) = &removed {
            self.order.remove(&slot.number);
        }
        removed.is_some()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.rows.iter().map(|(key, slot)| (key, &slot.value))
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.rows.values().map(|slot| &slot.value)
    }

    /// Rows from `first` on, in order of key.
    pub(super) fn from(&self, first: K) -> impl Iterator<Item = (&K, &V)> {
        let rows = self.rows.range(first..);
        rows.map(|(key, slot)| (key, &slot.value))
    }

    /// Removes what must be gone at `now`; how many.
    pub(super) fn sweep(&mut self, now: Timestamp) -> u64 {
        let before = self.rows.len();
        self.rows.retain(|_, slot| slot.keep_until > now);
        let rows = &self.rows;
        self.order.retain(|_, key| rows.contains_key(key));
        (before - self.rows.len()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_written_first_gives_way() {
        let end = Timestamp::from_micros(9);
        let mut map = Lidded::new(2);
        assert_eq!(map.put("a", 1, end), 0);
        assert_eq!(map.put("b", 2, end), 0);
        // Written again: now it is the younger one.
        assert_eq!(map.put("a", 3, end), 0);
        assert_eq!(map.put("c", 4, end), 1);
        assert_eq!(map.iter().collect::<Vec<_>>(), [(&"a", &3), (&"c", &4)]);
        assert!(map.remove("a"));
        assert_eq!(map.put("d", 5, end), 0);
        assert_eq!(map.sweep(Timestamp::from_micros(8)), 0);
        assert_eq!(map.sweep(end), 2);
        assert!(map.order.is_empty() && map.rows.is_empty());
    }
}
