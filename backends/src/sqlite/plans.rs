//! How SQLite answers what is asked of it: by an index, never by reading a table that grows.

use sqlx::{Row, SqlitePool};

use super::{SqliteOptions, SqliteStore, documents, maintenance, reads, studies};

/// Tables that grow with use. The others hold a row for each campaign, fact, setting or version.
const GROWING: [&str; 9] = [
    "checkpoints",
    "collected",
    "decisions",
    "invitations",
    "ledger",
    "minutes",
    "outcomes",
    "plays",
    "sealed",
];

/// What is asked, and the index that has to answer it.
const ANSWERS: [(&str, &str); 15] = [
    (reads::NEWEST, "decisions_by_time"),
    (reads::BEFORE, "decisions_by_time"),
    (reads::DECISIONS_SINCE, "decisions_by_time"),
    (reads::DECISION, "sqlite_autoindex_decisions_1"),
    (reads::OUTCOMES_OF, "sqlite_autoindex_outcomes_1"),
    (reads::OUTCOMES_SINCE, "outcomes_by_time"),
    (reads::PLAYS_SINCE, "plays_by_time"),
    (reads::PLAY_COUNTS, "COVERING INDEX plays_by_time"),
    (reads::PLAY_ROWS, "plays_by_time"),
    (reads::PLAY_SUMS, "COVERING INDEX plays_by_time"),
    (reads::OUTCOME_SUMS, "COVERING INDEX outcomes_by_time"),
    (reads::MINUTES, "sqlite_autoindex_minutes_1"),
    (documents::LEDGER_RANGE, "INTEGER PRIMARY KEY"),
    (studies::SEALED_NAMED, "sealed_by_name"),
    (studies::INVITED, "COVERING INDEX invitations_by_study"),
];

async fn store(folder: &tempfile::TempDir) -> SqliteStore {
    SqliteStore::open(folder.path(), SqliteOptions::default())
        .await
        .unwrap()
}

async fn plan(pool: &SqlitePool, sql: &str) -> Vec<String> {
    let asked = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
    let steps = sqlx::query(asked).fetch_all(pool).await.unwrap();
    steps.iter().map(|step| step.get("detail")).collect()
}

/// Steps that read all of a growing table.
fn scans(plan: &[String]) -> Vec<&String> {
    let of_growing = |step: &&String| {
        let mut words = step.split_whitespace();
        words.next() == Some("SCAN") && words.next().is_some_and(|t| GROWING.contains(&t))
    };
    plan.iter().filter(of_growing).collect()
}

#[tokio::test]
async fn every_read_finds_its_rows_by_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    for (sql, index) in ANSWERS {
        let plan = plan(&store.readers, sql).await;
        let text = format!("{sql}\n{plan:#?}");
        assert!(
            plan.iter().any(|step| step.contains(index)),
            "not by {index}: {text}"
        );
        if sql == reads::NEWEST {
            // From the newest end of the index, without sorting, until there are enough.
            assert!(
                !plan.iter().any(|step| step.contains("TEMP B-TREE")),
                "{text}"
            );
        } else {
            assert!(scans(&plan).is_empty(), "{text}");
        }
    }
}

#[tokio::test]
async fn every_sweep_of_a_growing_table_finds_its_rows_by_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    for (kind, sql) in maintenance::SWEEPS {
        let plan = plan(&store.writer, sql).await;
        assert!(scans(&plan).is_empty(), "{kind}: {plan:#?}");
    }
}

/// The test must be able to fail: without its index a read is a scan.
#[tokio::test]
async fn a_read_without_its_index_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    sqlx::query("DROP INDEX checkpoints_by_end")
        .execute(&store.writer)
        .await
        .unwrap();
    let plan = plan(&store.writer, maintenance::SWEEPS[0].1).await;
    assert_eq!(scans(&plan).len(), 1, "{plan:#?}");
}
