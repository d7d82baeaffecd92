//! A store with a million persons, for benches: the rows are synthetic, open with no key, and may be kept until 2100.

use std::path::Path;

use regard_commitments::Digest;
use regard_domain::PersonId;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};

/// Persons in the store.
pub(crate) const N_PERSONS: u32 = 1_000_000;

/// Ids are a hash of their number, so that they lie in the tables as random ones do.
pub(crate) fn person(number: u32) -> PersonId {
    let digest = Digest::of(&[&number.to_be_bytes()]);
    let bytes = digest.as_bytes().first_chunk::<16>().unwrap();
    PersonId::from_bits(u128::from_be_bytes(*bytes))
}

async fn connect(file: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(file);
    options.connect().await.unwrap()
}

/// Rows made by one statement: one at a time, a million of them take minutes.
const CHUNK: u32 = 10_000;

pub(crate) async fn fill(folder: &Path) {
    let mut keys = connect(&folder.join("keys.db")).await;
    let mut store = connect(&folder.join("regard.db")).await;
    for connection in [&mut keys, &mut store] {
        sqlx::query("BEGIN").execute(connection).await.unwrap();
    }
    for first in (0..N_PERSONS).step_by(CHUNK as usize) {
        let numbers = first..(first + CHUNK).min(N_PERSONS);
        let ids: Vec<String> = numbers
            .map(|number| format!("\"{:032x}\"", person(number).as_bits()))
            .collect();
        let ids = format!("[{}]", ids.join(","));
        sqlx::query(
            "INSERT INTO persons (id, token, site_key, wrapped, file, keep_until)
             SELECT unhex(value), randomblob(32), zeroblob(16), randomblob(72), randomblob(600), 4102444800000000
             FROM json_each(?)",
        )
        .bind(ids.as_str())
        .execute(&mut keys)
        .await
        .unwrap();
        sqlx::query(
            "INSERT INTO purpose_keys (person, purpose, site_key, wrapped, is_shared, ends_at)
             SELECT unhex(value), 'learn', zeroblob(16), randomblob(72), 0, 4102444800000000 FROM json_each(?)",
        )
        .bind(ids.as_str())
        .execute(&mut keys)
        .await
        .unwrap();
        sqlx::query(
            "INSERT INTO sealed (person, kind, name, slot, at, body, keep_until)
             SELECT unhex(value), 'preferences', '', 'learn', 1, randomblob(300), 4102444800000000 FROM json_each(?)",
        )
        .bind(ids.as_str())
        .execute(&mut store)
        .await
        .unwrap();
    }
    for mut connection in [keys, store] {
        sqlx::query("COMMIT")
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
    }
}
