//! Keys in memory, for tests: nothing outlives the process.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use regard_commitments::{ConsentPurpose, Kept, KeySlot, LedgerEntry, SiteKeyId, WrappedKey};
use regard_domain::{PersonId, Timestamp};

use crate::StoreError;
use crate::keys::{
    Changed, HeldKey, KeyChange, KeyStore, PendingEntry, PersonRow, PurposeKey, SiteSecret,
};

/// Keys in memory.
#[derive(Debug)]
pub struct MemoryKeys(Mutex<Option<Room>>);

#[derive(Debug, Default)]
struct Room {
    persons: BTreeMap<PersonId, (PersonRow, Timestamp)>,
    purposes: BTreeMap<(PersonId, ConsentPurpose), PurposeKey>,
    pending: BTreeMap<i64, LedgerEntry>,
    next: i64,
    retired: Vec<SiteKeyId>,
    secrets: BTreeMap<String, WrappedKey>,
}

impl Default for MemoryKeys {
    fn default() -> Self {
        Self(Mutex::new(Some(Room::default())))
    }
}

impl MemoryKeys {
    fn locked(&self) -> MutexGuard<'_, Option<Room>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(&self, look: impl FnOnce(&Room) -> T) -> Result<T, StoreError> {
        self.locked().as_ref().map(look).ok_or(StoreError::Closed)
    }

    fn write<T>(
        &self,
        change: impl FnOnce(&mut Room) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.locked()
            .as_mut()
            .map_or(Err(StoreError::Closed), change)
    }
}

impl Room {
    fn tell(&mut self, entries: &[LedgerEntry]) {
        for entry in entries {
            self.next += 1;
            self.pending.insert(self.next, entry.clone());
        }
    }

    fn wraps(&self, key: &WrappedKey) -> Result<(), StoreError> {
        if self.retired.contains(&key.site_key) {
            return Err(StoreError::RetiredKey);
        }
        Ok(())
    }

    fn change(&mut self, change: &KeyChange) -> Result<bool, StoreError> {
        if let Some(put) = &change.put {
            self.wraps(&put.key)?;
        }
        let Some((row, keep_until)) = self.persons.get_mut(&change.person) else {
            return Ok(false);
        };
        row.file.clone_from(&change.file);
        *keep_until = change.keep_until.unwrap_or(*keep_until).max(*keep_until);
        for purpose in &change.destroy {
            self.purposes.remove(&(change.person, *purpose));
        }
        if let Some(put) = &change.put {
            self.purposes
                .insert((change.person, put.purpose), put.clone());
        }
        self.tell(&change.tells);
        Ok(true)
    }
}

fn taken<T>(all: impl Iterator<Item = T>, limit: u32) -> Vec<T> {
    all.take(usize::try_from(limit).unwrap_or(usize::MAX))
        .collect()
}

#[async_trait]
impl KeyStore for MemoryKeys {
    async fn create(
        &self,
        person: &Kept<PersonRow>,
        tells: &LedgerEntry,
    ) -> Result<(), StoreError> {
        self.write(|room| {
            let row = person.row();
            room.wraps(&row.key)?;
            if room.persons.contains_key(&row.person) {
                return Err(StoreError::Taken);
            }
            room.persons
                .insert(row.person, (row.clone(), person.keep_until()));
            room.tell(std::slice::from_ref(tells));
            Ok(())
        })
    }

    async fn person(&self, person: PersonId) -> Result<Option<PersonRow>, StoreError> {
        self.read(|room| room.persons.get(&person).map(|(row, _)| row.clone()))
    }

    async fn purpose_key(
        &self,
        person: PersonId,
        purpose: ConsentPurpose,
    ) -> Result<Option<PurposeKey>, StoreError> {
        self.read(|room| room.purposes.get(&(person, purpose)).cloned())
    }

    async fn change(&self, change: &KeyChange) -> Result<Changed, StoreError> {
        self.write(|room| {
            Ok(Changed {
                was_there: room.change(change)?,
                is_wiped: true,
            })
        })
    }

    async fn erase(&self, person: PersonId, tells: &LedgerEntry) -> Result<Changed, StoreError> {
        self.write(|room| {
            let was_there = room.persons.remove(&person).is_some();
            room.purposes.retain(|(whose, _), _| *whose != person);
            if was_there {
                room.tell(std::slice::from_ref(tells));
            }
            Ok(Changed {
                was_there,
                is_wiped: true,
            })
        })
    }

    async fn pending(&self, limit: u32) -> Result<Vec<PendingEntry>, StoreError> {
        self.read(|room| {
            let all = room.pending.iter().map(|(number, entry)| PendingEntry {
                number: *number,
                entry: entry.clone(),
            });
            taken(all, limit)
        })
    }

    async fn settle(&self, numbers: &[i64]) -> Result<(), StoreError> {
        self.write(|room| {
            room.pending.retain(|number, _| !numbers.contains(number));
            Ok(())
        })
    }

    async fn ended(&self, now: Timestamp, limit: u32) -> Result<Vec<PurposeKey>, StoreError> {
        self.read(|room| {
            let over = room.purposes.values().filter(|key| key.ends_at <= now);
            let mut over: Vec<PurposeKey> = over.cloned().collect();
            over.sort_by_key(|key| (key.ends_at, key.person, key.purpose));
            taken(over.into_iter(), limit)
        })
    }

    async fn past(&self, now: Timestamp, limit: u32) -> Result<Vec<PersonId>, StoreError> {
        self.read(|room| {
            let over = room.persons.iter().filter(|(_, (_, end))| *end <= now);
            let mut over: Vec<(Timestamp, PersonId)> =
                over.map(|(person, (_, end))| (*end, *person)).collect();
            over.sort_unstable();
            taken(over.into_iter().map(|(_, person)| person), limit)
        })
    }

    async fn persons(
        &self,
        after: Option<PersonId>,
        limit: u32,
    ) -> Result<Vec<PersonId>, StoreError> {
        self.read(|room| {
            let all = room.persons.keys().copied();
            taken(
                all.filter(|id| after.is_none_or(|after| *id > after)),
                limit,
            )
        })
    }

    async fn n_persons(&self) -> Result<u64, StoreError> {
        self.read(|room| room.persons.len() as u64)
    }

    async fn retire(&self, site_key: SiteKeyId, tells: &LedgerEntry) -> Result<(), StoreError> {
        self.write(|room| {
            if !room.retired.contains(&site_key) {
                room.retired.push(site_key);
                room.tell(std::slice::from_ref(tells));
            }
            Ok(())
        })
    }

    async fn wrapped_under(
        &self,
        site_key: SiteKeyId,
        limit: u32,
    ) -> Result<Vec<HeldKey>, StoreError> {
        self.read(|room| {
            let records = room.persons.values().map(|(row, _)| HeldKey {
                person: row.person,
                slot: KeySlot::Record,
                key: row.key.clone(),
                is_shared: false,
            });
            let purposes = room.purposes.values().map(|row| HeldKey {
                person: row.person,
                slot: KeySlot::Purpose(row.purpose),
                key: row.key.clone(),
                is_shared: row.is_shared,
            });
            taken(
                records
                    .chain(purposes)
                    .filter(|held| held.key.site_key == site_key),
                limit,
            )
        })
    }

    async fn rewrap(&self, keys: &[(HeldKey, WrappedKey)]) -> Result<u64, StoreError> {
        self.write(|room| {
            let mut n_rewrapped = 0;
            for (held, new) in keys {
                let place = match held.slot {
                    KeySlot::Record => room
                        .persons
                        .get_mut(&held.person)
                        .map(|(row, _)| &mut row.key),
                    KeySlot::Purpose(purpose) => room
                        .purposes
                        .get_mut(&(held.person, purpose))
                        .map(|row| &mut row.key),
                };
                if let Some(place) = place.filter(|key| **key == held.key) {
                    place.clone_from(new);
                    n_rewrapped += 1;
                }
            }
            Ok(n_rewrapped)
        })
    }

    async fn secrets(&self, prefix: &str) -> Result<Vec<SiteSecret>, StoreError> {
        self.read(|room| {
            let named = room.secrets.iter();
            named
                .filter(|(name, _)| name.starts_with(prefix))
                .map(|(name, key)| SiteSecret {
                    name: name.clone(),
                    key: key.clone(),
                })
                .collect()
        })
    }

    async fn put_secret(&self, secret: &SiteSecret) -> Result<(), StoreError> {
        self.write(|room| {
            room.wraps(&secret.key)?;
            if room.secrets.contains_key(&secret.name) {
                return Err(StoreError::Taken);
            }
            room.secrets.insert(secret.name.clone(), secret.key.clone());
            Ok(())
        })
    }

    async fn drop_secrets(
        &self,
        names: &[String],
        tells: &[LedgerEntry],
    ) -> Result<Changed, StoreError> {
        self.write(|room| {
            let n_before = room.secrets.len();
            room.secrets.retain(|name, _| !names.contains(name));
            let was_there = room.secrets.len() < n_before;
            if was_there {
                room.tell(tells);
            }
            Ok(Changed {
                was_there,
                is_wiped: true,
            })
        })
    }

    async fn rewrap_secrets(
        &self,
        secrets: &[(SiteSecret, WrappedKey)],
    ) -> Result<u64, StoreError> {
        self.write(|room| {
            let mut n_rewrapped = 0;
            for (held, new) in secrets {
                let place = room.secrets.get_mut(&held.name);
                if let Some(place) = place.filter(|key| **key == held.key) {
                    place.clone_from(new);
                    n_rewrapped += 1;
                }
            }
            Ok(n_rewrapped)
        })
    }

    async fn wipe(&self) -> Result<bool, StoreError> {
        self.read(|_| true)
    }

    async fn close(&self) {
        drop(self.locked().take());
    }
}
