//! PostgreSQL, for galleries that lie in a database.

mod address;
mod gallery;
mod people;
mod probe;
mod waiter;

pub use address::{BadPgAddress, PgAddress};
pub use gallery::{PgGallery, PgOpenError};
pub use probe::PgProbe;
