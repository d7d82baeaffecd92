//! Secrets of the site beside the keys of persons.

use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};

use super::{wrapped, wraps};
use crate::StoreError;
use crate::keys::SiteSecret;
use crate::sqlite::failure::from_sqlx;
use regard_commitments::WrappedKey;

pub(super) async fn list(pool: &SqlitePool, prefix: &str) -> Result<Vec<SiteSecret>, StoreError> {
    // Compared byte by byte: no character of a prefix means anything.
    let rows: Vec<(String, Vec<u8>, Vec<u8>)> = sqlx::query_as(
        "SELECT name, site_key, wrapped FROM secrets WHERE substr(name, 1, length(?1)) = ?1 ORDER BY name",
    )
    .bind(prefix)
    .fetch_all(pool)
    .await
    .map_err(from_sqlx)?;
    rows.into_iter()
        .map(|(name, site_key, bytes)| {
            Ok(SiteSecret {
                name,
                key: wrapped(&site_key, bytes)?,
            })
        })
        .collect()
}

pub(super) async fn put(
    mut transaction: Transaction<'static, Sqlite>,
    secret: &SiteSecret,
) -> Result<(), StoreError> {
    wraps(&mut transaction, &secret.key).await?;
    let written = sqlx::query(
        "INSERT INTO secrets (name, site_key, wrapped) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(&secret.name)
    .bind(secret.key.site_key.as_bytes().as_slice())
    .bind(secret.key.bytes.as_slice())
    .execute(&mut *transaction)
    .await
    .map_err(from_sqlx)?
    .rows_affected();
    if written == 0 {
        return Err(StoreError::Taken);
    }
    transaction.commit().await.map_err(from_sqlx)
}

/// Overwritten first: even a page that is not freed holds zeros then.
pub(super) async fn destroy(
    connection: &mut SqliteConnection,
    names: &[String],
) -> Result<u64, StoreError> {
    let mut found = 0;
    for name in names {
        for sql in [
            "UPDATE secrets SET wrapped = zeroblob(length(wrapped)) WHERE name = ?",
            "DELETE FROM secrets WHERE name = ?",
        ] {
            let done = sqlx::query(sql).bind(name).execute(&mut *connection);
            found += done.await.map_err(from_sqlx)?.rows_affected();
        }
    }
    Ok(found / 2)
}

pub(super) async fn rewrap(
    mut transaction: Transaction<'static, Sqlite>,
    secrets: &[(SiteSecret, WrappedKey)],
) -> Result<u64, StoreError> {
    let mut n_rewrapped = 0;
    for (held, new) in secrets {
        let done = sqlx::query(
            "UPDATE secrets SET site_key = ?, wrapped = ? WHERE name = ? AND wrapped = ?",
        )
        .bind(new.site_key.as_bytes().as_slice())
        .bind(new.bytes.as_slice())
        .bind(&held.name)
        .bind(held.key.bytes.as_slice())
        .execute(&mut *transaction)
        .await
        .map_err(from_sqlx)?;
        n_rewrapped += done.rows_affected();
    }
    transaction.commit().await.map_err(from_sqlx)?;
    Ok(n_rewrapped)
}
