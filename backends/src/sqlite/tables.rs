//! Tables that somebody takes away: a file of their own, written once, in no store.

use std::fmt::Write as _;
use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, SqliteConnection};

use super::failure::from_sqlx;
use crate::StoreError;

/// A column: its name and type, and whether it may be empty.
#[derive(Clone, Copy, Debug)]
pub struct SqliteColumn {
    /// Its name.
    pub name: &'static str,
    /// `INTEGER`, `REAL` or `TEXT`.
    pub kind: &'static str,
    /// Whether a row may have nothing in it.
    pub is_nullable: bool,
}

/// A value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum SqliteValue {
    /// Nothing.
    Null,
    /// A whole number.
    Int(i64),
    /// A number.
    Real(f64),
    /// A text.
    Text(String),
}

/// A new file with tables, filled row by row in one transaction: whole when it is finished, nothing before.
///
/// For tables that an owner asked for by name, such as those of an analysis; what the program keeps itself stands in
/// [`crate::SqliteStore`].
pub struct SqliteTables {
    connection: SqliteConnection,
    /// The statement that adds a row, table by table.
    inserts: Vec<String>,
}

impl SqliteTables {
    /// Makes the file, which must be empty or not there, with these tables and an index on the first column of each.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn create(
        path: &Path,
        tables: &[(&'static str, Vec<SqliteColumn>)],
    ) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            // Nobody reads it before it is finished, and a half of one is thrown away.
            .journal_mode(SqliteJournalMode::Off)
            .synchronous(SqliteSynchronous::Off);
        let mut connection = SqliteConnection::connect_with(&options)
            .await
            .map_err(from_sqlx)?;
        run(&mut connection, "BEGIN").await?;
        let mut inserts = Vec::new();
        for (name, columns) in tables {
            let mut create = format!("CREATE TABLE {name} (");
            for (i, column) in columns.iter().enumerate() {
                let comma = if i == 0 { "" } else { ", " };
                let null = if column.is_nullable { "" } else { " NOT NULL" };
                // Writing to a string cannot fail.
                let _ = write!(create, "{comma}{} {}{null}", column.name, column.kind);
            }
            create.push_str(") STRICT");
            run(&mut connection, &create).await?;
            let places = vec!["?"; columns.len()].join(", ");
            inserts.push(format!("INSERT INTO {name} VALUES ({places})"));
        }
        Ok(Self {
            connection,
            inserts,
        })
    }

    /// Adds a row to the table of that number, in the order in which they were given.
    ///
    /// # Errors
    /// When it does not fit or cannot be written.
    pub async fn push(&mut self, table: usize, values: Vec<SqliteValue>) -> Result<(), StoreError> {
        let Some(insert) = self.inserts.get(table) else {
            return Err(StoreError::Closed);
        };
        // The text is made of names that stand in the program.
        let mut query = sqlx::query(sqlx::AssertSqlSafe(insert.clone()));
        for value in values {
            query = match value {
                SqliteValue::Null => query.bind(None::<i64>),
                SqliteValue::Int(number) => query.bind(number),
                SqliteValue::Real(number) => query.bind(number),
                SqliteValue::Text(text) => query.bind(text),
            };
        }
        query
            .execute(&mut self.connection)
            .await
            .map_err(from_sqlx)?;
        Ok(())
    }

    /// Writes what is left and closes the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn finish(mut self, indexes: &[(&str, &str)]) -> Result<(), StoreError> {
        for (table, column) in indexes {
            let index = format!("CREATE INDEX {table}_{column} ON {table} ({column})");
            run(&mut self.connection, &index).await?;
        }
        run(&mut self.connection, "COMMIT").await?;
        self.connection.close().await.map_err(from_sqlx)
    }
}

async fn run(connection: &mut SqliteConnection, statement: &str) -> Result<(), StoreError> {
    sqlx::query(sqlx::AssertSqlSafe(statement.to_owned()))
        .execute(connection)
        .await
        .map_err(from_sqlx)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use sqlx::Row;

    use super::*;

    #[tokio::test]
    async fn rows_come_back_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sqlite");
        let column = |name, kind, is_nullable| SqliteColumn {
            name,
            kind,
            is_nullable,
        };
        let columns = vec![
            column("item", "INTEGER", false),
            column("share", "REAL", true),
            column("name", "TEXT", true),
        ];
        let mut tables = SqliteTables::create(&path, &[("faces", columns)])
            .await
            .unwrap();
        for i in 0..3 {
            let name = format!("it's {i}");
            let row = vec![
                SqliteValue::Int(i),
                SqliteValue::Real(0.5),
                SqliteValue::Text(name),
            ];
            tables.push(0, row).await.unwrap();
        }
        let nothing = vec![SqliteValue::Null; 3];
        assert!(tables.push(0, nothing).await.is_err(), "not null");
        let nulls = vec![SqliteValue::Int(3), SqliteValue::Null, SqliteValue::Null];
        tables.push(0, nulls).await.unwrap();
        tables.finish(&[("faces", "item")]).await.unwrap();
        let options = SqliteConnectOptions::new().filename(&path);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        let rows = sqlx::query("SELECT item, share, name FROM faces")
            .fetch_all(&mut connection)
            .await
            .unwrap();
        assert_eq!(rows.len(), 4);
        assert_eq!(rows[2].get::<String, _>("name"), "it's 2");
        assert_eq!(rows[3].get::<Option<f64>, _>("share"), None);
    }
}
