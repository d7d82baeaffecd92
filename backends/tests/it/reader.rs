//! A store looked at from outside.

use regard_backends::{Batch, OpenError, SqliteOptions, SqliteReader, SqliteStore, Store};
use regard_domain::Timestamp;

use crate::fixtures::{Keeper, later, leaves, one_of_each, setting, signed};

#[tokio::test]
async fn it_sees_what_is_written_beside_it_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let nothing = SqliteReader::open(folder.path()).await.unwrap_err();
    assert!(matches!(nothing, OpenError::Io { .. }), "{nothing}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);

    let keeper = Keeper::new();
    let store = SqliteStore::open(folder.path(), SqliteOptions::default())
        .await
        .unwrap();
    store.append_ledger(&leaves(&keeper, 0..3)).await.unwrap();
    let reader = SqliteReader::open(folder.path()).await.unwrap();
    assert_eq!(reader.ledger_len().await.unwrap(), 3);
    store.append_ledger(&leaves(&keeper, 3..5)).await.unwrap();
    store
        .put_commitments(1, &keeper.long(signed(1)))
        .await
        .unwrap();
    let rows = reader.ledger_range(0..9).await.unwrap();
    assert_eq!(rows, store.ledger_range(0..9).await.unwrap());
    assert_eq!(rows.len(), 5);
    assert_eq!(
        reader.latest_commitments().await.unwrap(),
        store.latest_commitments().await.unwrap()
    );
    assert!(reader.checkpoints().await.unwrap().is_empty());
    store.close().await;
    // Also where nobody has it open.
    assert_eq!(reader.ledger_len().await.unwrap(), 5);
    reader.close().await;
    let alone = SqliteReader::open(folder.path()).await.unwrap();
    assert_eq!(alone.ledger_len().await.unwrap(), 5);
}

#[tokio::test]
async fn it_finds_what_is_past_its_time_until_it_is_swept() {
    let folder = tempfile::tempdir().unwrap();
    let keeper = Keeper::new();
    let store = SqliteStore::open(folder.path(), SqliteOptions::default())
        .await
        .unwrap();
    let batch: Batch = one_of_each(&keeper, 1, later(100));
    store.commit(&batch).await.unwrap();
    store
        .put_setting(&keeper.long(setting("token", "a hash")))
        .await
        .unwrap();
    let reader = SqliteReader::open(folder.path()).await.unwrap();
    assert!(reader.endless_tables().await.unwrap().is_empty());
    let overdue = |found: &[regard_backends::Overdue]| -> u64 {
        found.iter().map(|table| table.n_overdue).sum()
    };
    let now = later(0);
    let found = reader.overdue(now).await.unwrap();
    assert_eq!(overdue(&found), 0);
    assert!(
        found
            .iter()
            .any(|t| t.table == "decisions" && t.n_rows == 1)
    );
    let end = Timestamp::from_micros(i64::MAX / 2);
    let found = reader.overdue(end).await.unwrap();
    for table in &found {
        assert_eq!(table.n_overdue, table.n_rows, "{}", table.table);
        assert_eq!(
            table.oldest_end.is_some(),
            table.n_rows > 0,
            "{}",
            table.table
        );
    }
    store.sweep(end).await.unwrap();
    assert_eq!(overdue(&reader.overdue(end).await.unwrap()), 0);
}

#[tokio::test]
async fn it_shows_every_value_of_some_length() {
    let folder = tempfile::tempdir().unwrap();
    let keeper = Keeper::new();
    let store = SqliteStore::open(folder.path(), SqliteOptions::default())
        .await
        .unwrap();
    store
        .put_setting(&keeper.long(setting("token", "0123456789")))
        .await
        .unwrap();
    store.append_ledger(&leaves(&keeper, 0..2)).await.unwrap();
    let reader = SqliteReader::open(folder.path()).await.unwrap();
    let mut found = Vec::new();
    reader
        .each_value(10, |value| {
            found.push(format!(
                "{}.{} {}",
                value.table,
                value.column,
                value.bytes.len()
            ));
        })
        .await
        .unwrap();
    assert!(found.contains(&"settings.value 10".to_owned()), "{found:?}");
    assert_eq!(
        found.iter().filter(|f| *f == "ledger.hash 32").count(),
        2,
        "{found:?}"
    );
    assert!(
        !found.iter().any(|f| f.starts_with("settings.name")),
        "{found:?}"
    );
}
