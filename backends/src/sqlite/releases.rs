//! What was released, and the budget it was paid from.

use regard_commitments::{Date, Detail, Epsilon, Kept, Release, Spending};
use sqlx::{Sqlite, SqlitePool, Transaction};

use super::failure::from_sqlx;
use crate::{StoreError, form};

/// Releases about a day or later ones.
const RELEASES: &str = "SELECT body FROM releases WHERE day >= ? ORDER BY day, detail";

/// The transaction holds the only lock on writing: of two at once the second sees what the first has spent.
pub(super) async fn put(
    mut transaction: Transaction<'_, Sqlite>,
    kept: &Kept<Release>,
    budget: Epsilon,
) -> Result<Spending, StoreError> {
    let release = kept.row();
    let rows: Vec<(String, i64, String)> =
        sqlx::query_as("SELECT detail, epsilon_micros, body FROM releases WHERE day = ?")
            .bind(release.day.to_string())
            .fetch_all(&mut *transaction)
            .await
            .map_err(from_sqlx)?;
    let mut spent = Epsilon::ZERO;
    for (detail, micros, body) in rows {
        if detail == release.detail.as_str() {
            let before: Release = form::read("release", &body)?;
            return Ok(Spending::MadeBefore(Box::new(before)));
        }
        spent = spent.plus(Epsilon::from_micros(form::unsigned("release", micros)?));
    }
    if spent.plus(release.epsilon) > budget {
        return Ok(Spending::Exceeds(spent));
    }
    sqlx::query(
        "INSERT INTO releases (day, detail, epsilon_micros, body, keep_until) VALUES (?, ?, ?, ?, ?)",
    )
    .bind(release.day.to_string())
    .bind(release.detail.as_str())
    .bind(form::signed("release", release.epsilon.micros())?)
    .bind(form::write("release", release)?)
    .bind(kept.keep_until().as_micros())
    .execute(&mut *transaction)
    .await
    .map_err(from_sqlx)?;
    transaction.commit().await.map_err(from_sqlx)?;
    Ok(Spending::Paid)
}

pub(super) async fn one(
    readers: &SqlitePool,
    day: Date,
    detail: Detail,
) -> Result<Option<Release>, StoreError> {
    let body: Option<String> =
        sqlx::query_scalar("SELECT body FROM releases WHERE day = ? AND detail = ?")
            .bind(day.to_string())
            .bind(detail.as_str())
            .fetch_optional(readers)
            .await
            .map_err(from_sqlx)?;
    body.map(|body| form::read("release", &body)).transpose()
}

pub(super) async fn since(readers: &SqlitePool, day: Date) -> Result<Vec<Release>, StoreError> {
    let bodies: Vec<String> = sqlx::query_scalar(RELEASES)
        .bind(day.to_string())
        .fetch_all(readers)
        .await
        .map_err(from_sqlx)?;
    bodies
        .iter()
        .map(|body| form::read("release", body))
        .collect()
}
