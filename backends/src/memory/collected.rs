//! What services hold in collections.

use async_trait::async_trait;
use regard_commitments::Kept;
use regard_domain::GalleryId;

use super::MemoryStore;
use crate::{CollectedRow, CollectedStore, StoreError};

/// Collection and item.
pub(super) type CollectedKey = (GalleryId, String);

#[async_trait]
impl CollectedStore for MemoryStore {
    async fn put_collected(&self, rows: &[Kept<CollectedRow>]) -> Result<(), StoreError> {
        self.write(|rooms| {
            for kept in rows {
                let row = kept.row();
                let key = (row.collection.clone(), row.item.clone());
                rooms.collected.put(key, row.clone(), kept.keep_until());
            }
            Ok(())
        })
    }

    async fn collected(
        &self,
        after: Option<(&GalleryId, &str)>,
        limit: u32,
    ) -> Result<Vec<CollectedRow>, StoreError> {
        let after = after.map(|(collection, item)| (collection.clone(), item.to_owned()));
        self.read(|rooms| {
            let rows = rooms.collected.iter();
            let later = rows.filter(|(key, _)| after.as_ref().is_none_or(|after| *key > after));
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            later.take(limit).map(|(_, row)| row.clone()).collect()
        })
    }

    async fn remove_collected(
        &self,
        collection: &GalleryId,
        items: Option<&[String]>,
    ) -> Result<u64, StoreError> {
        self.write(|rooms| {
            let is_meant = |(of, item): &CollectedKey| {
                of == collection && items.is_none_or(|items| items.contains(item))
            };
            let keys = rooms.collected.iter().map(|(key, _)| key);
            let gone: Vec<CollectedKey> = keys.filter(|key| is_meant(key)).cloned().collect();
            for key in &gone {
                rooms.collected.remove(key);
            }
            Ok(gone.len() as u64)
        })
    }
}
