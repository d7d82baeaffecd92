//! The room through its door.

mod archives;
mod parquet;
mod scribe;
