//! Through the door only: the laws of every store, and what is particular to the one that lasts.

mod agreement;
mod conformance;
mod fixtures;
mod kill;
mod sqlite;
