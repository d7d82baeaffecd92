//! PostgreSQL, for galleries that several machines search.

mod gallery;
mod people;

pub use gallery::{PgGallery, PgOpenError};
