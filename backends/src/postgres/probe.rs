//! What a database can do, before anything is entrusted to it.

use std::time::Duration;

use sqlx::Row as _;
use sqlx::postgres::PgPoolOptions;

use super::gallery::failed;
use super::waiter::Waiter;
use super::{PgAddress, PgOpenError};

/// Longest time that a connection is waited for.
const CONNECTING: Duration = Duration::from_secs(2);

/// A database that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PgProbe {
    /// Version of the server, as it tells it.
    pub server: String,
    /// Version of the extension `vector` that is made in this database, or that could be; nothing where the server has none.
    pub vector: Option<String>,
    /// Whether the extension is made in this database already; otherwise opening a gallery makes it, which takes the right to.
    pub is_made: bool,
}

impl PgProbe {
    /// Asks a database; changes nothing in it.
    ///
    /// # Errors
    /// When it cannot be reached or lets nobody in.
    pub fn ask(address: &PgAddress) -> Result<Self, PgOpenError> {
        let waiter = Waiter::new().map_err(|source| PgOpenError::Runtime { source })?;
        let asked = waiter.block_for_long(async {
            let pool = PgPoolOptions::new()
                .max_connections(1)
                .acquire_timeout(CONNECTING);
            let pool = pool
                .connect_with(address.options())
                .await
                .map_err(failed)?;
            let query = "SELECT current_setting('server_version') AS server, \
                 (SELECT coalesce(installed_version, default_version) FROM pg_available_extensions WHERE name = 'vector') AS vector, \
                 EXISTS (SELECT FROM pg_extension WHERE extname = 'vector') AS is_made";
            let row = sqlx::query(query).fetch_one(&pool).await.map_err(failed)?;
            Ok(Self {
                server: row.try_get("server").map_err(failed)?,
                vector: row.try_get("vector").map_err(failed)?,
                is_made: row.try_get("is_made").map_err(failed)?,
            })
        });
        Ok(asked?)
    }
}
