//! The room through its door.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod archives;
mod parquet;
mod scribe;
