//! What services hold in collections.

use async_trait::async_trait;
use regard_commitments::Kept;
use regard_domain::{GalleryId, Timestamp};

use super::failure::from_sqlx;
use super::{SqliteStore, maintenance};
use crate::{CollectedRow, CollectedStore, StoreError};

/// Removes one row.
const REMOVE_ONE: &str = "DELETE FROM collected WHERE collection = ? AND item = ?";

#[async_trait]
impl CollectedStore for SqliteStore {
    async fn put_collected(&self, rows: &[Kept<CollectedRow>]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        for kept in rows {
            let row = kept.row();
            sqlx::query(
                "INSERT INTO collected (collection, item, at, body, keep_until) VALUES (?, ?, ?, ?, ?)
                 ON CONFLICT DO UPDATE SET at = excluded.at, body = excluded.body, keep_until = excluded.keep_until",
            )
            .bind(row.collection.as_str())
            .bind(&row.item)
            .bind(row.at.as_micros())
            .bind(row.body.as_slice())
            .bind(kept.keep_until().as_micros())
            .execute(&mut *transaction)
            .await
            .map_err(from_sqlx)?;
        }
        transaction.commit().await.map_err(from_sqlx)
    }

    async fn collected(
        &self,
        after: Option<(&GalleryId, &str)>,
        limit: u32,
    ) -> Result<Vec<CollectedRow>, StoreError> {
        // No collection and no item is called nothing.
        let (collection, item) = after.map_or(("", ""), |(id, item)| (id.as_str(), item));
        let rows: Vec<(String, String, i64, Vec<u8>)> = sqlx::query_as(
            "SELECT collection, item, at, body FROM collected WHERE (collection, item) > (?, ?)
             ORDER BY collection, item LIMIT ?",
        )
        .bind(collection)
        .bind(item)
        .bind(limit)
        .fetch_all(&self.readers)
        .await
        .map_err(from_sqlx)?;
        rows.into_iter()
            .map(|(collection, item, at, body)| {
                let collection = GalleryId::new(collection).map_err(|source| StoreError::Form {
                    what: "collected row",
                    source: source.into(),
                })?;
                Ok(CollectedRow {
                    collection,
                    item,
                    at: Timestamp::from_micros(at),
                    body,
                })
            })
            .collect()
    }

    async fn remove_collected(
        &self,
        collection: &GalleryId,
        items: Option<&[String]>,
    ) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let mut n_removed = 0;
        match items {
            None => {
                let query = sqlx::query("DELETE FROM collected WHERE collection = ?");
                let done = query.bind(collection.as_str()).execute(&mut *transaction);
                n_removed += done.await.map_err(from_sqlx)?.rows_affected();
            }
            Some(items) => {
                for item in items {
                    let query = sqlx::query(REMOVE_ONE).bind(collection.as_str()).bind(item);
                    let done = query.execute(&mut *transaction).await;
                    n_removed += done.map_err(from_sqlx)?.rows_affected();
                }
            }
        }
        transaction.commit().await.map_err(from_sqlx)?;
        if n_removed > 0 {
            // Readers may be in the way of emptying the log; what is in it is sealed under a key that is gone.
            let _ = maintenance::checkpoint(&self.writer).await;
        }
        Ok(n_removed)
    }
}
